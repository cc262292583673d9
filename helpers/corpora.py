"""The catalogue of datasets: where the sound files come from, and who speaks in them (notebook 01).

Adding a dataset is one entry in `DATASETS`: a function that lists its clips with speaker, gender, age and label.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from helpers import downloads, voices
from helpers.artifacts import Artifacts
from helpers.errors import SuiteError
from helpers.labels import exact_label, parse_label

AUDIO_ENDINGS = (".wav", ".flac", ".ogg", ".mp3")


@dataclass(frozen=True)
class Dataset:
    """One entry of the catalogue.

    Attributes
    ----------
    title, licence, citation : str
    list_clips : callable
        From the source folder to a table with the columns `path` (absolute), `gender`, `age`, `speaker`, `label`; rows
        that do not belong to a class have a `reason` instead.
    kaggle : str, optional
        Handle with its version, for kagglehub.
    """

    title: str
    licence: str
    citation: str
    list_clips: Callable[[Path], pd.DataFrame]
    kaggle: str | None = None


def find_audio(folder: Path) -> list[Path]:
    """All sound files below a folder, by their ending, sorted; hidden files and folders are passed over."""
    found = []
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(place, name) for name in files if name.lower().endswith(AUDIO_ENDINGS) and not name.startswith(".")]
    return sorted(found)


def _row(path: Path, *, speaker: str = "", gender: str = "", age: int | None = None, label: str = "", reason: str = "") -> dict:
    return {"path": str(path), "gender": gender, "age": age, "speaker": speaker, "label": label, "reason": reason}


def list_voices(source: Path) -> pd.DataFrame:
    """Clips of the synthetic corpus: the file's name is `<gender>_<age>_s<speaker>_<sentence>`."""
    rows = []
    for path in find_audio(source):
        gender, age, number, _ = path.stem.split("_")
        label = exact_label(gender, int(age))
        rows.append(_row(path, speaker=f"{label}_{number}", gender=gender, age=int(age), label=label))
    return pd.DataFrame(rows)


# Speaker, gender and age, from the corpus' documentation (Burkhardt et al., 2005).
EMODB_SPEAKERS = {
    "03": ("male", 31), "08": ("female", 34), "09": ("female", 21), "10": ("male", 32), "11": ("male", 26),
    "12": ("male", 30), "13": ("female", 32), "14": ("female", 35), "15": ("male", 25), "16": ("female", 31),
}  # fmt: skip


def list_emodb(source: Path) -> pd.DataFrame:
    """Clips of EmoDB: the first two characters of the file's name are the speaker."""
    rows = []
    for path in find_audio(source):
        if path.stem[:2] not in EMODB_SPEAKERS:
            rows.append(_row(path, reason="its name does not start with the number of one of EmoDB's ten speakers"))
            continue
        gender, age = EMODB_SPEAKERS[path.stem[:2]]
        rows.append(_row(path, speaker=path.stem[:2], gender=gender, age=age, label=exact_label(gender, age)))
    return pd.DataFrame(rows)


def list_crema_d(source: Path) -> pd.DataFrame:
    """Clips of CREMA-D: the file's name starts with the actor, whose age and gender stand in a table of facts."""
    actors = pd.read_csv(Path(__file__).with_name("crema_d_speakers.csv"), comment="#").set_index("actor")
    rows = []
    for path in find_audio(source):
        actor = path.stem[:4]
        if not actor.isdigit() or int(actor) not in actors.index:
            rows.append(_row(path, reason="its name does not start with the number of one of CREMA-D's 91 actors"))
            continue
        gender, age = actors.loc[int(actor), ["gender", "age"]]
        rows.append(_row(path, speaker=actor, gender=gender, age=int(age), label=exact_label(gender, age)))
    return pd.DataFrame(rows)


def list_folder(source: Path) -> pd.DataFrame:
    """Clips of any folder of class folders; nested ones are joined with `/`. Gender and age are read from the label."""
    rows = []
    for path in find_audio(source):
        label = path.parent.relative_to(source).as_posix()
        if label == ".":
            rows.append(_row(path, reason="lies in no class folder"))
            continue
        gender, age = parse_label(label)
        rows.append(_row(path, gender=gender or "", age=age, label=label))
    return pd.DataFrame(rows)


DATASETS = {
    "voices": Dataset(
        title="Voices, a synthetic teaching corpus (eSpeak NG)",
        licence="made on the spot by this project; no rights reserved",
        citation="helpers/voices.py, with the sources of its numbers",
        list_clips=list_voices,
    ),
    "folder": Dataset(
        title="A folder of your own", licence="yours to know", citation="", list_clips=list_folder
    ),
    "emodb": Dataset(
        title="EmoDB, Berlin Database of Emotional Speech",
        licence="published free of charge by its authors; ask them before you pass it on",
        citation="F. Burkhardt, A. Paeschke, M. Rolfes, W. Sendlmeier, B. Weiss: A Database of German Emotional Speech. "
        "Interspeech 2005, 1517-1520",
        list_clips=list_emodb,
        kaggle="piyushagni5/berlin-database-of-emotional-speech-emodb/versions/1",
    ),
    "crema-d": Dataset(
        title="CREMA-D, Crowd-sourced Emotional Multimodal Actors Dataset",
        licence="Open Database License (ODbL) 1.0",
        citation="H. Cao, D. Cooper, M. Keutmann, R. Gur, A. Nenkova, R. Verma: CREMA-D. IEEE Transactions on Affective "
        "Computing 5(4), 2014, 377-390",
        list_clips=list_crema_d,
        kaggle="ejlok1/cremad/versions/1",
    ),
}  # fmt: skip


def choose_dataset(name: str) -> Dataset:
    """A dataset by name; an unknown name lists the known ones (SuiteError)."""
    if name not in DATASETS:
        raise SuiteError(f"There is no dataset {name!r}: choose one of {', '.join(DATASETS)}.")
    return DATASETS[name]


def locate(name: str, *, data_dir: str = "", artifacts: Artifacts, corpus: voices.Corpus) -> Path:
    """The folder with a dataset's sound files: synthesised, given, or downloaded.

    Parameters
    ----------
    name : str
        A key of `DATASETS`.
    data_dir : str
        A copy on this disk; without it, Kaggle is asked (never for `voices` and `folder`).
    artifacts : Artifacts
    corpus : helpers.voices.Corpus

    Returns
    -------
    Path

    Raises
    ------
    SuiteError
        No such folder, nothing to read in it, or the download failed.
    """
    dataset = choose_dataset(name)
    if name == "voices":
        return voices.synthesise(artifacts.folder / "audio", corpus=corpus)
    if not data_dir:
        if dataset.kaggle is None:
            raise SuiteError(f"The dataset {name!r} needs a folder of recordings: set DATA_DIR to its path.")
        return downloads.download(dataset.kaggle)
    source = Path(data_dir).expanduser().resolve()
    if not source.is_dir():
        raise SuiteError(f"DATA_DIR={data_dir} is not a folder: give the path of the folder that holds the recordings.")
    return source
