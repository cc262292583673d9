"""One small copy of each dataset, by the names and tables it has: who speaks in each clip."""

import json

import pandas as pd
import pytest

from helpers.base.artifacts import SuiteError
from helpers.recordings.catalogue import DATASETS, list_clips
from helpers.recordings.manifest import build_manifest

AUDIOMNIST = {"01": {"gender": "male", "age": "30"}, "12": {"gender": "female", "age": 22}, "45": {"gender": "male", "age": "1234"}}
ACCENTS = "age,filename,speakerid,sex\n27.0,afrikaans1,1,female\n0.0,afrikaans2,2,male\n40,agni1,3,famale\n"
ACCENTS += "7,english15,4,female\n0,synthesized1,5,male\n"
COMMON = "filename,text,age,gender\ncv-valid-dev/sample-000001.mp3,hello,fourties,male\ncv-valid-dev/sample-000002.mp3,you,,other\n"

# What lies in the copy (a text where the file is read), and for each sound file its speaker, gender, age, emotion and sentence.
COPIES = {
    "voices": (
        {"female_23/female_23_s0_4.wav": None},
        {"female_23_s0_4": ("female_23_s0", "female", 23, "", "4")},
    ),
    "folder": (
        {"female_23/a.wav": None, "deep/er/m-41/b.mp3": None, "c.wav": None},
        {"a": ("", "female", 23, "", ""), "b": ("", "male", 41, "", ""), "c": "lies in no class folder"},
    ),
    "crema-d": (
        {"AudioWAV/1001_DFA_ANG_XX.wav": None, "AudioWAV/1002_IEO_HAP_HI.wav": None, "AudioWAV/9999_DFA_ANG_XX.wav": None},
        {
            "1001_DFA_ANG_XX": ("1001", "male", 51, "anger", "DFA"),
            "1002_IEO_HAP_HI": ("1002", "female", 21, "happiness", "IEO"),
            "9999_DFA_ANG_XX": "speaker 9999 is not in the table",
        },
    ),
    "emodb": (
        {"wav/03a01Fa.wav": None, "wav/08b10Wd.wav": None, "wav/99a01Fa.wav": None, "x.wav": None},
        {
            "03a01Fa": ("03", "male", 31, "happiness", "a01"),
            "08b10Wd": ("08", "female", 34, "anger", "b10"),
            "99a01Fa": "speaker 99 is not in the table", "x": "its name is not that of a clip of this dataset",
        },
    ),
    "audiomnist": (
        {
            "data/01/7_01_12.wav": None, "data/12/0_12_49.wav": None, "data/45/3_45_0.wav": None,
            "data/audioMNIST_meta.txt": json.dumps(AUDIOMNIST),
        },
        {
            "7_01_12": ("01", "male", 30, "", "7"),
            "0_12_49": ("12", "female", 22, "", "0"),
            "3_45_0": ("45", "male", None, "", "3"),
        },
    ),
    "baved": (
        {"2/55-m-16-2-0-778.wav": None, "0/8-f-5-0-2-1.wav": None},
        {"55-m-16-2-0-778": ("55", "male", 16, "low", "2"), "8-f-5-0-2-1": ("8", "female", 5, "high", "0")},
    ),
    "speech-accent": (
        {"speakers_all.csv": ACCENTS}
        | {f"recordings/{n}.mp3": None for n in ("afrikaans1", "afrikaans2", "agni1", "english15", "synthesized1", "x")},
        {
            "afrikaans1": ("1", "female", 27, "", ""),
            "afrikaans2": ("2", "male", None, "", ""),
            "agni1": ("3", "female", 40, "", ""),
            "english15": ("4", "female", 7, "", ""),
            "synthesized1": "is a machine's voice, not a person's",
            "x": "is not in the dataset's table speakers_all.csv",
        },
    ),
    "common-voice": (
        {"cv-valid-dev.csv": COMMON} | {f"cv-valid-dev/cv-valid-dev/sample-00000{n}.mp3": None for n in (1, 2)},
        {"sample-000001": ("", "male", "40-49", "", ""), "sample-000002": ("", "", None, "", "")},
    ),
}  # fmt: skip


def write_copy(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text or "")
    return folder


@pytest.mark.parametrize("name", DATASETS)
def test_every_dataset_tells_who_speaks(name, tmp_path):
    files, expected = COPIES[name]
    clips, *_ = list_clips(name, write_copy(tmp_path, files))
    told = {}
    for row in clips.itertuples():
        age = row.age_range or (None if pd.isna(row.age) else row.age)
        facts = (row.speaker, row.gender, age, row.emotion, row.sentence)
        told[row.path.rpartition("/")[2].rpartition(".")[0]] = row.reason or facts
    assert told == expected


@pytest.mark.parametrize(
    ("name", "corrections"),
    [
        ("audiomnist", [("age", "1234", "unknown")]),
        ("baved", []),
        ("speech-accent", [("age", "0.0", "unknown"), ("gender", "famale", "female")]),
        ("common-voice", []),
    ],
)
def test_what_a_table_cannot_mean_is_listed(name, corrections, tmp_path):
    _, corrected, _ = list_clips(name, write_copy(tmp_path, COPIES[name][0]))
    assert list(corrected[["column", "was", "now"]].itertuples(index=False, name=None)) == corrections


@pytest.mark.parametrize("name", [name for name, dataset in DATASETS.items() if dataset.kaggle])
def test_every_kaggle_entry_is_pinned_and_complete(name):
    dataset = DATASETS[name]
    assert len(dataset.kaggle.split("/")) == 4 and "/versions/" in dataset.kaggle
    assert dataset.licence and dataset.citation and dataset.clips > 0 and dataset.megabytes > 0


@pytest.mark.parametrize(("name", "table"), [("audiomnist", "audioMNIST_meta.txt"), ("speech-accent", "speakers_all.csv")])
def test_a_copy_without_its_table_is_one_sentence(name, table, tmp_path):
    with pytest.raises(SuiteError, match=f"has no {table}, which says who speaks"):
        list_clips(name, write_copy(tmp_path, {"a.wav": None}))


VALIDATED = (
    "client_id\tpath\tsentence\tage\tgender\n"
    's1\tcommon_voice_en_1.mp3\t"Where is it?\tteens\tmale_masculine\n'
    's2\tcommon_voice_en_2.mp3\tIt is "here.\tsixties\tfemale_feminine\n'
    "s3\tcommon_voice_en_3.mp3\tYes.\t\tdo_not_wish_to_say\n"
)


def test_common_voice_of_today(tmp_path):
    files = {"en/validated.tsv": VALIDATED} | {f"en/clips/common_voice_en_{n}.mp3": None for n in range(1, 5)}
    clips, corrected, _ = list_clips("common-voice", write_copy(tmp_path, files))
    assert corrected.empty and clips[["speaker", "gender", "age_range"]].to_numpy().tolist() == [
        ["s1", "male", "13-19"],
        ["s2", "female", "60-69"],
        ["s3", "", ""],
        ["", "", ""],
    ]
    assert clips["reason"].tolist() == ["", "", "", "is not in the dataset's table validated.tsv"]


def test_a_table_of_a_dataset_that_contradicts_itself(tmp_path):
    table = "filename,age,speakerid,sex\na,20,1,male\na,30,1,male\nb,20,2,male\nb,20,2,male\n"
    clips, *_ = list_clips("speech-accent", write_copy(tmp_path, {"speakers_all.csv": table, "a.mp3": None, "b.mp3": None}))
    assert clips["reason"].tolist() == ["its rows in speakers_all.csv contradict each other", ""]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("baved", "is no copy of BAVED: none of its 2 sound files is named like 55-m-16-2-0-778.wav"),
        ("crema-d", "is no copy of CREMA-D: none of its 2 sound files is named like 1001_DFA_ANG_XX.wav"),
        ("speech-accent", "is no copy of Speech Accent Archive: none of its 2 sound files is in its table speakers_all.csv"),
    ],
)
def test_another_folder_is_said_to_be_no_copy(name, message, tmp_path, artifacts):
    source = write_copy(tmp_path / "music", {"a/song.wav": None, "b.wav": None, "speakers_all.csv": ACCENTS})
    with pytest.raises(SuiteError, match=message):
        build_manifest(name, source, artifacts, seed=0)


def test_all_of_baved_are_people(artifacts, baved):
    manifest, rejected = build_manifest("baved", baved, artifacts, seed=0, labels="age group")
    assert (len(manifest), len(rejected)) == (1908, 27) and "age_0-12" in set(manifest["label"])


def test_the_actors_of_crema_d_have_the_published_counts():
    from helpers.recordings.speakers import crema_d_speakers

    actors = crema_d_speakers(None)
    genders = [gender for gender, _ in actors.values()]
    assert (len(actors), genders.count("male"), genders.count("female")) == (91, 48, 43)
    ages = {int(age) for _, age in actors.values()}
    assert (len(ages), min(ages), max(ages)) == (38, 20, 74)


def test_emodb_itself(emodb):
    clips, corrected, _ = list_clips("emodb", emodb)
    assert len(clips) == DATASETS["emodb"].clips and (clips["reason"] == "").all() and corrected.empty
    assert clips["speaker"].nunique() == 10 and clips["emotion"].nunique() == 7 and clips["sentence"].nunique() == 10
