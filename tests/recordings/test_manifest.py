import os
import signal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from conftest import RATE, run_cell, voice, write_corpus

from helpers.base.artifacts import NoRecordingsError, SuiteError, read_json, read_table
from helpers.base.settings import Corpus
from helpers.recordings import manifest as manifest_module
from helpers.recordings.catalogue import locate
from helpers.recordings.manifest import COLUMNS, build_manifest, clip_names, read_manifest, reject, typical_clip
from helpers.recordings.sounds import inspect_sound


def build(corpus, artifacts, seed=0):
    return build_manifest("folder", corpus, artifacts, seed=seed)


def test_one_row_a_clip_and_the_classes_sorted(corpus, artifacts):
    manifest, rejected = build(corpus, artifacts)
    assert list(manifest.columns) == COLUMNS and len(manifest) == 18 and rejected.empty
    assert read_json(artifacts.classes) == ["female_23", "female_60", "male_41"]
    assert set(zip(manifest["label"], manifest["gender"], manifest["age"], strict=True)) == {
        ("female_23", "female", 23),
        ("female_60", "female", 60),
        ("male_41", "male", 41),
    }
    assert manifest["clip"].is_unique and (manifest["sample_rate"] == RATE).all()
    assert np.isclose(manifest["duration_s"].min(), 0.8)


def test_the_tables_of_the_study(corpus, artifacts):
    manifest, _ = build(corpus, artifacts)
    known = run_cell("01-28", manifest=manifest, pd=pd)
    assert known["counts"].sum() == 18 and list(known["counts"].index) == ["train", "validation", "test"]
    table = run_cell("01-30", **known)["table"]
    assert (table["all"] == 6).all() and (table[["train", "validation", "test"]] > 0).all(axis=None)


def test_the_same_files_and_seed_give_the_same_bytes(corpus, artifacts, tmp_path):
    build(corpus, artifacts)
    before = {path.name: path.read_bytes() for path in artifacts.folder.iterdir()}
    build(corpus, artifacts)
    assert {path.name: path.read_bytes() for path in artifacts.folder.iterdir()} == before


def test_any_format_rate_and_number_of_channels(tmp_path, artifacts):
    for label, pitch in (("m-41", 110), ("nested/f_23", 220)):
        folder = tmp_path / "data" / label
        folder.mkdir(parents=True)
        samples = voice(pitch, rate=44_100)
        soundfile.write(folder / "a.wav", np.stack([samples, samples], axis=1), 44_100)
        soundfile.write(folder / "b.flac", samples, 44_100)
        soundfile.write(folder / "c.ogg", samples, 44_100)
        soundfile.write(folder / "d.MP3", voice(pitch, rate=8000), 8000, format="MP3")
    manifest, rejected = build(tmp_path / "data", artifacts)
    assert rejected.empty and len(manifest) == 8
    assert set(manifest["label"]) == {"m-41", "nested/f_23"} and set(manifest["age"]) == {41, 23}


def test_each_clip_of_no_use_is_listed_with_its_reason(corpus, artifacts):
    bad = corpus / "female_23"
    (bad / "empty.wav").write_bytes(b"")
    (bad / "text.wav").write_text("this is no sound")
    (bad / "cut.wav").write_bytes((bad / "0.wav").read_bytes()[:20])
    soundfile.write(bad / "silent.wav", np.zeros(RATE), RATE)
    soundfile.write(bad / "none.wav", np.zeros(0), RATE)
    soundfile.write(bad / "short.wav", voice(200, seconds=0.05), RATE)
    soundfile.write(bad / "nan.wav", np.full(RATE, np.nan), RATE, subtype="FLOAT")
    soundfile.write(corpus / "loose.wav", voice(200), RATE)
    write_corpus(corpus, clips=2, labels={"male_80": 120})
    manifest, rejected = build(corpus, artifacts)

    found = len(list(corpus.rglob("*.wav")))
    assert len(manifest) + len(rejected) == found == 28 and len(manifest) == 18
    reasons = dict(zip([Path(path).name for path in rejected["path"]], rejected["reason"], strict=True))
    assert "0 bytes" in reasons["empty.wav"] and "can't be read" in reasons["text.wav"] and "can't be read" in reasons["cut.wav"]
    assert "silent" in reasons["silent.wav"] and "no samples" in reasons["none.wav"] and "too short" in reasons["short.wav"]
    assert "not numbers" in reasons["nan.wav"] and "no class folder" in reasons["loose.wav"]
    assert "'male_80' has 2 usable clips; 3 are needed" in reasons["1.wav"]
    assert "male_80" not in read_json(artifacts.classes)
    assert read_table(artifacts.manifest)["sample_rate"].dtype == int  # though the rejected ones have none


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: None, "no sound file"),
        (lambda folder: soundfile.write(folder / "a.wav", voice(200), RATE), "one folder per class"),
        (lambda folder: write_corpus(folder, labels={"only_one": 200}), "two are needed to tell apart"),
        (lambda folder: write_corpus(folder, clips=2), "0 classes with at least 3 usable clips"),
    ],
)
def test_a_folder_with_nothing_to_classify_is_one_sentence(tmp_path, artifacts, make, message):
    (tmp_path / "data").mkdir()
    make(tmp_path / "data")
    with pytest.raises(SuiteError, match=message):
        build(tmp_path / "data", artifacts)
    assert not artifacts.manifest.exists()


def test_a_manifest_of_another_folder_is_refused(corpus, artifacts, tmp_path):
    build(corpus, artifacts)
    before = artifacts.manifest.read_bytes()
    with pytest.raises(SuiteError, match=r"already holds the manifest of folder from .*recordings.*NAME="):
        build(write_corpus(tmp_path / "others"), artifacts)
    assert artifacts.manifest.read_bytes() == before


def test_a_corpus_that_was_moved_is_the_same_and_is_found_again(corpus, artifacts, tmp_path):
    build(corpus, artifacts)
    tables = (artifacts.manifest, artifacts.rejected, artifacts.corrected, artifacts.dataset)
    before = [table.read_bytes() for table in tables]
    assert not any(str(tmp_path).encode() in table for table in before)
    moved = corpus.rename(tmp_path / "moved")
    with pytest.raises(NoRecordingsError, match=r"no longer on this machine \(.*recordings is gone\): run notebook 1"):
        artifacts.sounds(read_manifest(artifacts)["path"])
    build(moved, artifacts)
    assert [table.read_bytes() for table in tables] == before
    assert all(sound.is_file() and sound.is_relative_to(moved) for sound in artifacts.sounds(read_manifest(artifacts)["path"]))


def test_a_file_outside_of_the_folder_of_its_table_is_found(corpus, artifacts, tmp_path):
    table = tmp_path / "tables" / "clips.csv"
    table.parent.mkdir()
    lines = [f"{sound},{sound.parent.name}" for sound in sorted(corpus.rglob("*.wav"))]
    table.write_text("\n".join(["path,label", *lines]))
    manifest, _ = build(table, artifacts)
    assert manifest["path"].str.startswith("../recordings/").all()
    assert all(sound.is_file() for sound in artifacts.sounds(manifest["path"]))


def test_missing_folders_are_named(artifacts):
    with pytest.raises(SuiteError, match="DATA_DIR=/no/such/place is not a folder"):
        locate("folder", data_dir="/no/such/place", artifacts=artifacts, corpus=Corpus())
    with pytest.raises(SuiteError, match="needs a folder of recordings: set DATA_DIR"):
        locate("folder", artifacts=artifacts, corpus=Corpus())


def test_clip_names_are_unique_and_short():
    root = Path("/d")
    paths = [root / "a__b" / "c.wav", root / "a" / "b__c.wav", root / "a" / "b__c.mp3", root / ("x" * 100) / ("é" * 120 + ".wav")]
    names = clip_names(paths, root)
    assert len(set(names)) == 4 and all(len(name.encode()) < 240 and "/" not in name for name in names)


def test_the_source_is_only_read(corpus, artifacts):
    before = {path: path.stat().st_mtime_ns for path in corpus.rglob("*")}
    build(corpus, artifacts)
    assert {path: path.stat().st_mtime_ns for path in corpus.rglob("*")} == before


def test_rejecting_later_takes_a_clip_out_of_the_manifest(corpus, artifacts):
    manifest, _ = build(corpus, artifacts)
    reject(artifacts, manifest.head(1)[["clip", "path", "label"]].assign(reason="could not be converted"))
    assert len(read_manifest(artifacts)) == 17 and read_table(artifacts.rejected)["reason"].tolist() == ["could not be converted"]


def write_csv(folder, rows, header="path,label,speaker"):
    (folder / "clips.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return folder / "clips.csv"


def test_a_csv_table_names_clips_of_ones_own(tmp_path, artifacts):
    write_corpus(tmp_path / "data", clips=4)
    rows = [f"{label}/{n}.wav,{label},{label}-{n}" for label in ("female_23", "female_60", "male_41") for n in range(4)]
    rows = [*rows[1:], "gone.wav,male_41,x"]
    table = write_csv(tmp_path / "data", [f"{row},a column of theirs" for row in rows], header="path,label,speaker,reason")
    source = locate("folder", data_dir=str(table), artifacts=artifacts, corpus=Corpus())
    manifest, rejected = build_manifest("folder", source, artifacts, seed=0, split_method="speaker")
    assert len(manifest) == 11 and manifest["speaker"].is_unique
    assert rejected[["clip", "reason"]].to_numpy().tolist() == [["gone", "is named in clips.csv, line 13, but is not there"]]


@pytest.mark.parametrize(
    ("header", "message"), [("name,label", "has no column path"), ("path,colour", "has no column label, gender or age")]
)
def test_a_table_without_what_it_needs_is_one_sentence(corpus, artifacts, header, message):
    with pytest.raises(SuiteError, match=message):
        build(write_csv(corpus, ["0.wav,x"], header=header), artifacts)


@pytest.mark.parametrize(
    ("kind", "classes"),
    [
        ("exact", ["female_23", "female_60", "male_41"]),
        ("decade", ["female_20s", "female_60s", "male_40s"]),
        ("age group", ["age_20-39", "age_40-59", "age_60-79"]),
        ("gender", ["female", "male"]),
    ],
)
def test_four_kinds_of_labels(corpus, artifacts, kind, classes):
    manifest, _ = build_manifest("folder", corpus, artifacts, seed=0, labels=kind)
    assert read_json(artifacts.classes) == classes and read_json(artifacts.dataset)["labels"] == kind
    assert set(manifest["age"]) == {23, 60, 41}


def test_a_label_that_nothing_tells_is_a_reason(tmp_path, artifacts):
    write_corpus(tmp_path / "data", labels={"female_23": 220, "male_41": 110, "happy": 150})
    manifest, rejected = build_manifest("folder", tmp_path / "data", artifacts, seed=0, labels="gender")
    assert set(manifest["label"]) == {"female", "male"}
    assert set(rejected["reason"]) == {"nothing states its gender, which labels of the kind 'gender' need"}


def test_small_classes_are_left_out_or_merged_aloud(tmp_path, artifacts, capsys):
    write_corpus(tmp_path / "data", clips=2, labels={"male_41": 110, "male_43": 115, "male_80": 120})
    write_corpus(tmp_path / "data", clips=4, labels={"female_23": 220})
    manifest, rejected = build_manifest("folder", tmp_path / "data", artifacts, seed=0, small_classes="merge")
    assert set(manifest["label"]) == {"female_23", "male_41-43"} and set(rejected["label"]) == {"male_80"}
    said = capsys.readouterr().out
    assert "2 classes with too few usable clips were merged into 1: male_41-43." in said
    assert "1 of 3 classes have fewer than 3 usable clips and are left out." in said


def test_a_speaker_split_needs_speakers(corpus, artifacts):
    with pytest.raises(SuiteError, match=r"does not say who speaks .* take the split `random`"):
        build_manifest("folder", corpus, artifacts, seed=0, split_method="speaker")


def test_an_unknown_choice_lists_the_known(corpus, artifacts):
    with pytest.raises(SuiteError, match="no choice 'colour': take one of exact, decade, age group, gender"):
        build_manifest("folder", corpus, artifacts, seed=0, labels="colour")


def test_emodb_by_speaker(emodb, artifacts):
    with pytest.raises(SuiteError, match=r"0 classes with at least 3 speakers.*LABELS"):
        build_manifest("emodb", emodb, artifacts, seed=0, split_method="speaker")
    manifest, rejected = build_manifest("emodb", emodb, artifacts, seed=0, labels="gender", split_method="speaker")
    assert len(manifest) == 535 and rejected.empty and manifest.groupby("speaker")["split"].nunique().max() == 1
    assert manifest["emotion"].nunique() == 7 and manifest["sentence"].nunique() == 10


@pytest.mark.slow
def test_a_file_that_ends_its_decoder_is_the_only_one_that_is_lost(corpus, artifacts, monkeypatch):
    def read(path, **options):
        if path.name == "2.wav" and path.parent.name in ("female_60", "male_41"):
            os.kill(os.getpid(), signal.SIGSEGV if path.parent.name == "male_41" else signal.SIGKILL)
        return inspect_sound(path, **options)

    monkeypatch.setattr(manifest_module, "inspect_sound", read)
    manifest, rejected = build_manifest("folder", corpus, artifacts, seed=0)
    assert len(manifest) == 16 and dict(zip(rejected["clip"], rejected["reason"], strict=True)) == {
        "female_60__2": "can't be read: its decoder was ended by signal 9 (SIGKILL)",
        "male_41__2": "can't be read: its decoder was ended by signal 11 (SIGSEGV)",
    }


@pytest.mark.parametrize(
    ("durations", "levels", "expected"),
    [
        ([0.29, 2.0, 2.1, 300.0, 2.2], [-20, -30, -20, -20, -10], "c2"),
        ([3.0, 3.0, 3.0, 3.0, 3.0], [-60, -15, -20, -25, -22], "c4"),  # all padded to 3 s
        ([3.0, 3.0, 3.0, 3.0, 3.0], [-20] * 5, "c0"),
    ],
)
def test_a_lesson_shows_a_clip_of_typical_duration_and_of_equals_one_of_typical_level(durations, levels, expected):
    clips = pd.DataFrame({"clip": [f"c{n}" for n in range(5)], "duration_s": durations, "level_db": levels}, index=range(7, 12))
    assert typical_clip(clips)["clip"] == expected and typical_clip(clips).name == 7 + int(expected[1])
