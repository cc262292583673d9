"""The catalogue of datasets: where the sound files come from, and who speaks in them (notebook 01).

Adding a dataset is one entry in `DATASETS`: where it is, and how a clip's path gives speaker, gender and age.
"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from helpers.base import settings
from helpers.base.artifacts import Artifacts, SuiteError
from helpers.recordings import downloads, voices
from helpers.recordings.files import find_sounds
from helpers.recordings.labels import AGES, GENDER_WORDS, read_age, read_gender
from helpers.recordings.speakers import (
    EMODB_SPEAKERS,
    ClipFacts,
    audiomnist_speakers,
    by_folder,
    by_name,
    by_table,
    crema_d_speakers,
)


@dataclass(frozen=True)
class Dataset:
    """One entry of the catalogue.

    Attributes
    ----------
    title, licence, citation : str
    clip_facts : callable
        Finds who speaks in each sound file: see `helpers.recordings.speakers`.
    kaggle : str, optional
        Handle with its version, for kagglehub.
    clips : int
        Sound files that a whole copy holds.
    megabytes : int
        Size of the download.
    ages : range
        What an age of this dataset can be, in years; anything else is an error in its tables.
    decades : bool
        Its ages are decades: the finest label possible is `female_20s`.
    """

    title: str
    licence: str
    citation: str
    clip_facts: ClipFacts
    kaggle: str | None = None
    clips: int = 0
    megabytes: int = 0
    ages: range = range(10, 101)
    decades: bool = False


DATASETS = {
    "voices": Dataset(
        title="Voices, a synthetic teaching corpus (eSpeak NG)",
        licence="made on the spot by this project; no rights reserved",
        citation="helpers/recordings/voices.py, with the sources of its numbers",
        clip_facts=by_name(r"(?P<speaker>(?P<gender>female|male)_(?P<age>\d+)_s\d+)_(?P<sentence>\d+)"),
    ),
    "folder": Dataset(
        title="A folder of your own", licence="yours to know", citation="", clip_facts=by_folder, ages=AGES
    ),
    "crema-d": Dataset(
        title="CREMA-D, Crowd-sourced Emotional Multimodal Actors Dataset",
        licence="Open Database License (ODbL) 1.0",
        citation="H. Cao, D. Cooper, M. Keutmann, R. Gur, A. Nenkova, R. Verma: CREMA-D. IEEE Transactions on Affective "
        "Computing 5(4), 2014, 377-390",
        clip_facts=by_name(
            r"(?P<speaker>\d{4})_(?P<sentence>[A-Z]{3})_(?P<emotion>[A-Z]{3})_[A-Z]{1,2}", speakers=crema_d_speakers,
            emotions={"ANG": "anger", "DIS": "disgust", "FEA": "fear", "HAP": "happiness", "NEU": "neutral", "SAD": "sadness"},
        ),
        kaggle="ejlok1/cremad/versions/1", clips=7442, megabytes=606,
    ),
    "emodb": Dataset(
        title="EmoDB, Berlin Database of Emotional Speech",
        licence="published free of charge by its authors; ask them before you pass it on",
        citation="F. Burkhardt, A. Paeschke, M. Rolfes, W. Sendlmeier, B. Weiss: A Database of German Emotional Speech. "
        "Interspeech 2005, 1517-1520",
        clip_facts=by_name(
            r"(?P<speaker>\d\d)(?P<sentence>[ab]\d\d)(?P<emotion>[A-Z])[a-z]?", speakers=lambda source: EMODB_SPEAKERS,
            emotions={"W": "anger", "L": "boredom", "E": "disgust", "A": "fear", "F": "happiness", "T": "sadness", "N": "neutral"},
        ),
        kaggle="piyushagni5/berlin-database-of-emotional-speech-emodb/versions/1", clips=535, megabytes=50,
    ),
    "audiomnist": Dataset(
        title="AudioMNIST, spoken digits",
        licence="MIT",
        citation="S. Becker, J. Vielhaben, M. Ackermann, K.-R. Müller, S. Lapuschkin, W. Samek: AudioMNIST. Journal of the "
        "Franklin Institute 361(1), 2024, 418-428",
        clip_facts=by_name(r"(?P<sentence>\d)_(?P<speaker>\d\d)_\d+", speakers=audiomnist_speakers),
        kaggle="sripaadsrinivasan/audio-mnist/versions/1", clips=30_000, megabytes=1_000,
    ),
    "baved": Dataset(
        title="BAVED, Basic Arabic Vocal Emotions Dataset",
        licence="not stated on Kaggle: ask its author before you pass it on",
        citation="A. Aouf: Basic Arabic Vocal Emotions Dataset, 2019, https://github.com/40uf411/Basic-Arabic-Vocal-Emotions-Dataset",
        clip_facts=by_name(
            r"(?P<speaker>\d+)-(?P<gender>[mf])-(?P<age>\d+)-(?P<sentence>\d)-(?P<emotion>\d)-\d+",
            emotions={"0": "low", "1": "normal", "2": "high"},
        ),
        kaggle="a13x10/basic-arabic-vocal-emotions-dataset/versions/1", clips=1935, megabytes=98,
    ),
    "speech-accent": Dataset(
        title="Speech Accent Archive",
        licence="CC BY-NC-SA 4.0",
        citation="S. Weinberger: Speech Accent Archive. George Mason University, https://accent.gmu.edu",
        clip_facts=by_table("speakers_all.csv", clip="filename", speaker="speakerid", gender="sex", age="age"),
        kaggle="rtatman/speech-accent-archive/versions/2", clips=2138, megabytes=951,
    ),
    "common-voice": Dataset(
        title="Common Voice, first release (2017), validated clips",
        licence="CC0",
        citation="R. Ardila et al.: Common Voice: A Massively-Multilingual Speech Corpus. LREC 2020, 4218-4222",
        clip_facts=by_table("cv-valid-*.csv", clip="filename", gender="gender", age="age"),
        kaggle="mozillaorg/common-voice/versions/2", clips=190_000, megabytes=13_000, decades=True,
    ),
}  # fmt: skip


def choose_dataset(name: str) -> Dataset:
    """A dataset by name; an unknown name lists the known ones (SuiteError)."""
    if name not in DATASETS:
        raise SuiteError(f"There is no dataset {name!r}: choose one of {', '.join(DATASETS)}.")
    return DATASETS[name]


def list_clips(name: str, source: Path) -> tuple[pd.DataFrame, pd.DataFrame, Counter[str]]:
    """All sound files of a dataset with what is known of their speakers.

    Parameters
    ----------
    name : str
        A key of `DATASETS`.
    source : Path
        Its folder, or for `folder` also a CSV table.

    Returns
    -------
    clips : pd.DataFrame
        `path` (absolute), `speaker`, `gender`, `age`, `label` (where the dataset names one), `emotion`, `sentence`, and the
        `reason` of files that don't belong to it.
    corrected : pd.DataFrame
        Values in its tables or names that are impossible or misspelt: `path`, `column`, `was`, `now`.
    passed_over : Counter
        Number of other files in the folder by their ending, see `helpers.recordings.files.find_sounds`.
    """
    dataset = choose_dataset(name)
    columns = ["path", "speaker", "gender", "age", "label", "emotion", "sentence", "reason"]
    clips, corrected = [], []
    found, passed_over = find_sounds(source if source.is_dir() else source.parent)
    for path, facts in dataset.clip_facts(source, found):
        gender, age = facts.get("gender", ""), facts.get("age", "")
        read = {"gender": read_gender(gender), "age": read_age(age, ages=dataset.ages)}
        if gender and gender.strip().casefold() not in GENDER_WORDS:
            corrected.append((str(path), "gender", gender, read["gender"] or "unknown"))
        if age and read["age"] is None:
            corrected.append((str(path), "age", age, "unknown"))
        clips.append(dict.fromkeys(columns, "") | facts | read | {"path": str(path)})
    return pd.DataFrame(clips, columns=columns), pd.DataFrame(corrected, columns=["path", "column", "was", "now"]), passed_over


def locate(name: str, *, data_dir: str = "", artifacts: Artifacts, corpus: settings.Corpus) -> Path:
    """The folder with a dataset's sound files: synthesised, given, or downloaded.

    Parameters
    ----------
    name : str
        A key of `DATASETS`.
    data_dir : str
        A copy on this disk, for `folder` also a CSV table; without it, Kaggle is asked (never for `voices` and `folder`).
    artifacts : Artifacts
    corpus : helpers.base.settings.Corpus

    Raises
    ------
    SuiteError
        No such folder, or the download failed.
    """
    dataset = choose_dataset(name)
    if name == "voices":
        return voices.synthesise(artifacts.synthesised, corpus=corpus)
    if not data_dir:
        if dataset.kaggle is None:
            raise SuiteError(f"The dataset {name!r} needs a folder of recordings: set DATA_DIR to its path.")
        return downloads.download(dataset.kaggle, clips=dataset.clips, megabytes=dataset.megabytes)
    source = Path(data_dir).expanduser().resolve()
    if not source.is_dir() and not (name == "folder" and source.suffix.lower() == ".csv" and source.is_file()):
        raise SuiteError(f"DATA_DIR={data_dir} is not a folder: give the path of the folder that holds the recordings.")
    return source
