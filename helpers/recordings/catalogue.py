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
from helpers.recordings.labels import GENDER_WORDS, gender_word, read_age, read_gender, span_text
from helpers.recordings.speakers import (
    EMODB_SPEAKERS,
    ClipFacts,
    audiomnist_speakers,
    by_folder,
    by_name,
    by_pattern,
    by_table,
    crema_d_speakers,
)
from helpers.recordings.tables import tidy


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
    known_by : str
        By what a sound file of it is recognised; empty where any may belong to it.
    """

    title: str
    licence: str
    citation: str
    clip_facts: ClipFacts
    kaggle: str | None = None
    clips: int = 0
    megabytes: int = 0
    known_by: str = ""


DATASETS = {
    "voices": Dataset(
        title="Voices, a synthetic teaching corpus (eSpeak NG)",
        licence="made on the spot by this project; no rights reserved",
        citation="helpers/recordings/voices.py, with the sources of its numbers",
        clip_facts=by_name(r"(?P<speaker>(?P<gender>female|male)_(?P<age>\d+)_s\d+)_(?P<sentence>\d+)"),
        known_by="named like female_23_s0_4.wav",
    ),
    "folder": Dataset(
        title="A folder of your own", licence="yours to know", citation="", clip_facts=by_folder
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
        known_by="named like 1001_DFA_ANG_XX.wav",
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
        known_by="named like 03a01Fa.wav",
        kaggle="piyushagni5/berlin-database-of-emotional-speech-emodb/versions/1", clips=535, megabytes=50,
    ),
    "audiomnist": Dataset(
        title="AudioMNIST, spoken digits",
        licence="MIT",
        citation="S. Becker, J. Vielhaben, M. Ackermann, K.-R. Müller, S. Lapuschkin, W. Samek: AudioMNIST. Journal of the "
        "Franklin Institute 361(1), 2024, 418-428",
        clip_facts=by_name(r"(?P<sentence>\d)_(?P<speaker>\d\d)_\d+", speakers=audiomnist_speakers),
        known_by="named like 7_01_12.wav",
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
        known_by="named like 55-m-16-2-0-778.wav",
        kaggle="a13x10/basic-arabic-vocal-emotions-dataset/versions/1", clips=1935, megabytes=98,
    ),
    "speech-accent": Dataset(
        title="Speech Accent Archive",
        licence="CC BY-NC-SA 4.0",
        citation="S. Weinberger: Speech Accent Archive. George Mason University, https://accent.gmu.edu",
        clip_facts=by_table(
            "speakers_all.csv", clip="filename", speaker="speakerid", gender="sex", age="age", machine_voices=r"synthesized\d+"
        ),
        known_by="in its table speakers_all.csv",
        kaggle="rtatman/speech-accent-archive/versions/2", clips=2138, megabytes=951,
    ),
    "common-voice": Dataset(
        title="Common Voice, first release (2017), validated clips",
        licence="CC0",
        citation="R. Ardila et al.: Common Voice: A Massively-Multilingual Speech Corpus. LREC 2020, 4218-4222",
        clip_facts=by_table(
            "cv-valid-*.csv", clip="filename", gender="gender", age="age",
            # Later releases, from Mozilla itself.
            otherwise=by_table("validated.tsv", clip="path", speaker="client_id", gender="gender", age="age"),
        ),
        known_by="in its tables cv-valid-*.csv",
        kaggle="mozillaorg/common-voice/versions/2", clips=190_000, megabytes=13_000,
    ),
}  # fmt: skip


def choose_dataset(name: str) -> Dataset:
    """A dataset by name; an unknown name lists the known ones (SuiteError)."""
    if name not in DATASETS:
        raise SuiteError(f"There is no dataset {name!r}: choose one of {', '.join(DATASETS)}.")
    return DATASETS[name]


def list_clips(name: str, source: Path, *, file_pattern: str = "") -> tuple[pd.DataFrame, pd.DataFrame, Counter[str]]:
    """All sound files of a dataset with what is known of their speakers.

    Parameters
    ----------
    name : str
        A key of `DATASETS`.
    source : Path
        Its folder, or for `folder` also a CSV or TSV table.
    file_pattern : str
        For `folder`: what the files' names say, see `helpers.recordings.speakers.by_pattern`.

    Returns
    -------
    clips : pd.DataFrame
        `path` (absolute), `speaker`, `gender`, `age` (a year) or `age_range` (such as ``20-29``, where no year is known), `label`
        (where the dataset names one), `emotion`, `sentence`, the `reason` of files that don't belong to it, and `gender_given` and
        `age_given`, as the dataset writes them.
    corrected : pd.DataFrame
        Values in its tables or names that are impossible or misspelt: `path`, `column`, `was`, `now`.
    passed_over : Counter
        Number of other files in the folder by their ending, see `helpers.recordings.files.find_sounds`.
    """
    dataset = choose_dataset(name)
    if file_pattern and name != "folder":
        raise SuiteError(f"FILE_PATTERN is for the files of DATASET=folder, and this is {name}: leave it empty.")
    given = ("gender", "age")
    columns = ["path", "speaker", "gender", "age", "age_range", "label", "emotion", "sentence", "reason"]
    columns += ["gender_given", "age_given"]
    clips, corrected = [], []
    found, passed_over = find_sounds(source) if source.is_dir() else ([], Counter())
    for path, facts in (by_pattern(file_pattern) if file_pattern else dataset.clip_facts)(source, found):
        said = {fact: tidy(facts.get(fact) or "") for fact in given}
        gender, span = read_gender(said["gender"]), read_age(said["age"])
        if said["gender"] and gender_word(said["gender"]) not in GENDER_WORDS:
            corrected.append((str(path), "gender", said["gender"], gender or "unknown"))
        if said["age"] and span is None and not facts.get("reason"):
            corrected.append((str(path), "age", said["age"], "unknown"))
        year = span[0] if span and span[0] == span[1] else None
        read = {"gender": gender, "age": year, "age_range": "" if year else span_text(span), "path": str(path)}
        clips.append(dict.fromkeys(columns, "") | facts | read | {f"{fact}_given": said[fact] for fact in given})
    clips = pd.DataFrame(clips, columns=columns).astype({"age": "Int64"})
    return clips, pd.DataFrame(corrected, columns=["path", "column", "was", "now"]), passed_over


def locate(name: str, *, data_dir: str = "", artifacts: Artifacts, corpus: settings.Corpus) -> Path:
    """The folder with a dataset's sound files: synthesised, given, or downloaded.

    Parameters
    ----------
    name : str
        A key of `DATASETS`.
    data_dir : str
        A copy on this disk, for `folder` also a CSV or TSV table; without it, Kaggle is asked (never for `voices` and `folder`).
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
    if not source.is_dir() and not (name == "folder" and source.is_file()):
        table = " or a table (CSV or TSV)" if name == "folder" else ""
        raise SuiteError(f"DATA_DIR={data_dir} is not a folder{table}: give the path of the folder that holds the recordings.")
    return source
