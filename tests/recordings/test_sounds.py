import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import RATE, voice

from helpers.recordings.manifest import build_manifest
from helpers.recordings.sounds import inspect_sound


def build(corpus, artifacts):
    manifest, rejected = build_manifest("folder", corpus, artifacts, seed=0)
    return manifest, {Path(path).name: reason for path, reason in zip(rejected["path"], rejected["reason"], strict=True)}


def test_of_duplicates_the_first_is_kept(corpus, artifacts):
    folder = corpus / "female_23"
    shutil.copy(folder / "0.wav", folder / "same_bytes.wav")
    samples, rate = soundfile.read(folder / "1.wav", dtype="int16")
    soundfile.write(folder / "same_sound.flac", samples, rate)
    manifest, reasons = build(corpus, artifacts)
    assert len(manifest) == 18 and reasons == {
        "same_bytes.wav": "is a duplicate of 'female_23__0' (byte for byte)",
        "same_sound.flac": "is a duplicate of 'female_23__1' (the same sound in another file)",
    }


def test_of_duplicates_with_two_labels_none_is_kept(corpus, artifacts):
    shutil.copy(corpus / "female_23" / "0.wav", corpus / "male_41" / "again.wav")
    manifest, reasons = build(corpus, artifacts)
    assert len(manifest) == 17
    assert reasons["again.wav"].startswith("holds the same sound as 'female_23__0', which is labelled 'female_23'")
    assert reasons["0.wav"].startswith("holds the same sound as 'male_41__again', which is labelled 'male_41'")


def test_the_same_samples_at_another_rate_are_another_sound(corpus, artifacts):
    samples, rate = soundfile.read(corpus / "female_23" / "0.wav", dtype="int16")
    soundfile.write(corpus / "female_23" / "slower.wav", samples, rate // 2)
    manifest, reasons = build(corpus, artifacts)
    assert len(manifest) == 19 and reasons == {}


def test_level_and_clipping_are_measured(tmp_path):
    square = np.where(np.arange(RATE) % 100 < 50, 0.5, -0.5)
    soundfile.write(tmp_path / "square.wav", square, RATE, subtype="FLOAT")
    soundfile.write(tmp_path / "cut.wav", np.clip(4 * voice(150), -1, 1), RATE, subtype="FLOAT")
    sound = inspect_sound(tmp_path / "square.wav")
    assert sound.level_db == pytest.approx(20 * np.log10(0.5), abs=0.01) and sound.clipped == 0
    cut = inspect_sound(tmp_path / "cut.wav").clipped
    assert cut == pytest.approx(np.mean(np.abs(np.clip(4 * voice(150), -1, 1)) >= 0.999), abs=1e-4) and cut > 0.01


@pytest.mark.parametrize("sign", [1, -1])
def test_a_sound_on_one_side_of_zero_is_no_silence(tmp_path, sign):
    pulses = np.where(np.arange(RATE) % 100 < 10, 0.5 * sign, 0.0)
    soundfile.write(tmp_path / "pulses.wav", pulses, RATE, subtype="FLOAT")
    sound = inspect_sound(tmp_path / "pulses.wav")
    assert sound.reason == "" and sound.level_db == pytest.approx(10 * np.log10(0.1 * 0.25), abs=0.01)
    soundfile.write(tmp_path / "constant.wav", np.full(RATE, 0.5 * sign), RATE, subtype="FLOAT")
    assert inspect_sound(tmp_path / "constant.wav").reason == f"is a constant ({0.5 * sign:g} of full scale), without any sound"
    soundfile.write(tmp_path / "huge.wav", 1e12 * pulses, RATE, subtype="FLOAT")
    assert "times full scale" in inspect_sound(tmp_path / "huge.wav").reason
