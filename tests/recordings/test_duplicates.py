"""A corpus that holds itself twice, in one format or in two, is recognised; takes of one sentence are not taken for copies."""

import shutil

import numpy as np
import pandas as pd
import pytest
import soundfile
from conftest import RATE, real_speech, voice

from helpers.recordings import duplicates
from helpers.recordings.duplicates import correlation
from helpers.recordings.manifest import build_manifest


def takes(number, *, pitch=150):
    """Takes of one sentence by one synthetic speaker: as no person speaks it twice alike, the melody differs a little."""
    rng, time = np.random.default_rng(number), np.arange(int(1.5 * RATE)) / RATE
    melody = pitch * (1 + 0.05 * np.sin(2 * np.pi * (2 * time + rng.random())) + 0.02 * rng.standard_normal())
    phase = 2 * np.pi * np.cumsum(melody) / RATE
    return sum(np.sin(k * phase) / k for k in range(1, 12)) / 4 + rng.normal(0, 0.003, len(time))


def write_cremas(folder, *, formats=("WAV", "MP3"), actors=("1001", "1002", "1003", "1004", "1005", "1011")):
    """Clips named as CREMA-D's, each in a folder of each format."""
    for actor in actors:
        for number, sentence in enumerate(("IEO", "TIE", "IOM")):
            for form in formats:
                path = folder / f"Audio{form}" / f"{actor}_{sentence}_ANG_XX.{form.lower()}"
                path.parent.mkdir(parents=True, exist_ok=True)
                soundfile.write(path, takes(10 * int(actor) + number, pitch=100 + 20 * (int(actor) % 7)), RATE, format=form)
    return folder


@pytest.mark.parametrize("split_method", ["random", "speaker"])
def test_a_corpus_in_two_formats_is_used_once_and_its_copies_are_counted(tmp_path, artifacts, capsys, split_method):
    source = write_cremas(tmp_path / "cremad", formats=("WAV", "MP3", "OGG"))
    manifest, rejected = build_manifest("crema-d", source, artifacts, seed=0, labels="gender", split_method=split_method)
    assert len(manifest) == 18 and set(manifest["path"].str[-4:]) == {".wav"}  # of the lossless one
    assert len(rejected) == 36 and rejected["reason"].str.contains("the same recording in another format").all()
    assert "36 of 54 clips are copies of others and are left out, most of them in" in capsys.readouterr().out


@pytest.mark.slow
def test_of_two_takes_with_one_name_none_is_left_out(tmp_path, artifacts):
    for number in range(500):  # one sentence, one speaker, one name
        path = tmp_path / "s" / f"take_{number}" / ("female_23" if number % 2 else "male_41") / "sentence.wav"
        path.parent.mkdir(parents=True)
        soundfile.write(path, takes(number), RATE)
    manifest, rejected = build_manifest("folder", tmp_path / "s", artifacts, seed=0, labels="gender")
    assert len(manifest) == 500 and rejected.empty


def test_a_corpus_in_a_folder_of_itself_is_no_contradiction(tmp_path, artifacts):
    for actor, pitch in (("Actor_01", 120), ("Actor_02", 200)):
        for number in range(4):
            for folder in (tmp_path / "s" / actor, tmp_path / "s" / "all_actors" / actor):
                folder.mkdir(parents=True, exist_ok=True)
                soundfile.write(folder / f"{number}.wav", voice(pitch, seed=number), RATE)
    manifest, rejected = build_manifest("folder", tmp_path / "s", artifacts, seed=0)
    assert sorted(manifest["label"].unique()) == ["Actor_01", "Actor_02"] and len(manifest) == 8
    assert rejected["path"].str.contains("all_actors").all() and rejected["reason"].str.startswith("is a duplicate of").all()


def test_a_duplicate_by_two_speakers_names_both(tmp_path, artifacts):
    for speaker in ("46", "53", "60", "61", "62"):
        for number in range(3):
            samples = voice(50 + 4 * int(speaker if speaker != "53" else 46) + number)
            gender = "f" if int(speaker) > 60 else "m"
            soundfile.write(tmp_path / f"{speaker}-{gender}-20-0-{number}-{speaker}{number}.wav", samples, RATE)
    manifest, rejected = build_manifest("baved", tmp_path, artifacts, seed=0, labels="gender")
    assert len(manifest) == 12 and len(rejected) == 3 and set(rejected["clip"].str[:2]) == {"53"}
    assert rejected["reason"].str.contains("there by speaker 46, here by speaker 53").all()


def test_of_thousands_of_clips_with_one_name_each_is_compared_with_a_few():
    rng = np.random.default_rng(0)
    facts = {"duration_s": 2.0, "level_db": rng.normal(-20, 0.1, 2000), "sample_rate": RATE, "lossy": rng.random(2000) < 0.5}
    clips = pd.DataFrame(facts)
    pairs = {(one, other) for one, other, _ in duplicates._candidates(clips, np.arange(2000))}
    assert 2000 < len(pairs) <= 2000 * duplicates.NEAREST
    clips.loc[[7, 1500], "lossy"] = [True, False]
    clips.loc[[7, 1500], "level_db"] = [-30.0, -30.01]
    assert (7, 1500) in {(one, other) for one, other, _ in duplicates._candidates(clips, np.arange(2000))}


def test_correlation_is_that_of_the_best_fit():
    rng = np.random.default_rng(0)
    noise = rng.standard_normal(8000).astype(np.float32)
    assert correlation(noise, np.roll(noise, 400)) == pytest.approx(0.95, abs=0.02)  # 5% lie outside
    assert correlation(noise, np.pad(3 * noise, (200, 50))) == pytest.approx(1, abs=1e-3)
    assert correlation(noise, -noise) < 0.1 and correlation(noise, rng.standard_normal(8000)) < 0.1
    assert correlation(noise, np.zeros(10, np.float32)) == 0


@pytest.mark.slow
def test_real_speech_raises_no_false_alarm(artifacts, tmp_path):
    emodb = real_speech("emodb")
    _, rejected = build_manifest("emodb", emodb, artifacts, seed=0)
    assert rejected.empty
    twice = tmp_path / "twice"  # each clip once more, as MP3 of 32 kbit/s or less
    for path in sorted(emodb.rglob("*.wav"))[::4]:
        twice.mkdir(exist_ok=True)
        shutil.copy(path, twice)
        samples, rate = soundfile.read(path)
        soundfile.write(twice / f"{path.stem}.mp3", samples, rate, format="MP3", compression_level=0.9)
    manifest, rejected = build_manifest("emodb", twice, type(artifacts)(tmp_path / "two"), seed=0, labels="gender")
    assert len(manifest) == len(rejected) == 134 and rejected["path"].str.endswith(".mp3").all()
