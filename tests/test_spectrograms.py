import dataclasses

import librosa
import numpy as np
import pytest
from conftest import RATE, voice
from PIL import Image

from helpers.artifacts import read_json
from helpers.errors import SuiteError
from helpers.manifest import build_manifest
from helpers.profiles import PROFILES
from helpers.spectrograms import SpectrogramSettings, convert, image_path, load_audio, mel_spectrogram_db, read_note, to_image

SETTINGS = SpectrogramSettings(sample_rate=RATE, mel_bins=64)


@pytest.fixture
def converted(corpus, artifacts):
    manifest, _ = build_manifest("folder", corpus, artifacts, seed=0)
    assert convert(manifest, artifacts, settings=SETTINGS, profile="quick").empty
    return manifest


def stamps(artifacts):
    return {path: path.stat().st_mtime_ns for path in artifacts.spectrograms.rglob("*.png")}


def test_the_picture_is_librosas_spectrogram_in_8_bits(converted, artifacts):
    row = converted.iloc[0]
    samples, _ = librosa.load(row["path"], sr=RATE)
    power = librosa.feature.melspectrogram(
        y=samples, sr=RATE, n_fft=SETTINGS.n_fft, hop_length=SETTINGS.hop_length, n_mels=64, fmin=SETTINGS.fmin, fmax=SETTINGS.fmax
    )
    decibels = librosa.power_to_db(power, ref=power.max(), top_db=80)
    picture = np.asarray(Image.open(image_path(artifacts, row)))
    assert picture.shape == decibels.shape
    assert np.abs(picture[::-1] / 255 * 80 - 80 - decibels).max() < 80 / 255


@pytest.mark.parametrize("gain", [0.01, 3.0])
def test_a_change_of_level_changes_nothing(gain):
    samples = voice(200).astype(np.float32)
    pictures = [
        to_image(mel_spectrogram_db(factor * samples, settings=SETTINGS), settings=SETTINGS).astype(int) for factor in (1, gain)
    ]
    assert np.abs(pictures[0] - pictures[1]).max() <= 1


def test_low_frequencies_are_at_the_bottom():
    tone = np.sin(2 * np.pi * 200 * np.arange(RATE) / RATE)
    picture = to_image(mel_spectrogram_db(tone, settings=SETTINGS), settings=SETTINGS)
    assert picture.mean(axis=1).argmax() > 0.8 * len(picture)


def test_paper_makes_square_colour_pictures():
    settings = PROFILES["paper"].spectrogram
    decibels = mel_spectrogram_db(voice(200, rate=settings.sample_rate), settings=settings)
    assert to_image(decibels, settings=settings).shape == (224, 224, 3)


def test_a_second_run_redoes_nothing(converted, artifacts):
    before = stamps(artifacts)
    convert(converted, artifacts, settings=SETTINGS, profile="quick")
    assert stamps(artifacts) == before and len(before) == 18


def test_what_changed_is_redone_and_nothing_else(converted, artifacts):
    before = stamps(artifacts)
    changed, cut, gone = (image_path(artifacts, converted.iloc[number]) for number in range(3))
    artifacts.audio(converted.iloc[0]["path"]).write_bytes(artifacts.audio(converted.iloc[4]["path"]).read_bytes())
    cut.write_bytes(cut.read_bytes()[:30])
    gone.unlink()
    convert(converted, artifacts, settings=SETTINGS, profile="quick")
    after = stamps(artifacts)
    assert {path for path in after if after[path] != before[path]} == {changed, cut, gone}


def test_other_settings_redo_everything_and_a_clip_that_left_takes_its_picture_along(converted, artifacts):
    before = stamps(artifacts)
    other = dataclasses.replace(SETTINGS, hop_length=200)
    convert(converted.iloc[1:], artifacts, settings=other, profile="quick")
    after = stamps(artifacts)
    assert len(after) == 17 and all(after[path] != before[path] for path in after)
    assert read_json(artifacts.spectrogram_settings)["settings"]["hop_length"] == 200


def test_a_picture_says_what_it_is(converted, artifacts):
    row = converted.iloc[0]
    note = read_note(image_path(artifacts, row))
    assert (note["clip"], note["label"]) == (row["clip"], row["label"])
    assert SpectrogramSettings(**note["settings"]) == SETTINGS


def test_one_bad_clip_does_not_stop_the_rest(converted, artifacts):
    artifacts.audio(converted.iloc[5]["path"]).write_bytes(b"no sound any more")
    failed = convert(converted, artifacts, settings=SETTINGS, profile="quick")
    assert failed["clip"].tolist() == [converted.iloc[5]["clip"]] and "could not be converted" in failed["reason"][0]
    assert len(stamps(artifacts)) == 17


def test_no_clip_at_all_is_one_sentence(converted, artifacts):
    for path in converted["path"]:
        artifacts.audio(path).unlink()
    with pytest.raises(SuiteError, match="Not one of 18 clips could be converted"):
        convert(converted, artifacts, settings=SETTINGS, profile="quick")


def test_real_speech_is_resampled_to_mono(emodb):
    path = sorted((emodb / "wav").glob("*.wav"))[0]
    samples = load_audio(path, sample_rate=8000)
    assert samples.ndim == 1 and samples.dtype == np.float32 and 0.5 * 8000 < len(samples) < 10 * 8000
