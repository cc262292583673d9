"""The sound of one clip for a lesson, with its recording and without."""

import numpy as np
import pytest
import soundfile
from conftest import RATE, voice, write_corpus

from helpers.base.artifacts import NoRecordingsError, SuiteError, read_table
from helpers.base.settings import PROFILES
from helpers.recordings.manifest import build_manifest, typical_clip
from helpers.spectrograms.convert import convert
from helpers.spectrograms.example import clip_samples, example_voice, harmonic_contrast, steady_piece
from helpers.spectrograms.mel import load_excerpt, mel_spectrogram_db
from helpers.spectrograms.voice import median_pitch


def converted(corpus, artifacts, *, profile):
    manifest, _ = build_manifest("folder", corpus, artifacts, seed=0)
    convert(manifest, artifacts, settings=PROFILES[profile].spectrogram, profile=profile)
    return manifest


def test_with_its_recording_a_clip_is_what_was_recorded(corpus, artifacts, capsys):
    row = converted(corpus, artifacts, profile="quick").iloc[0]
    expected = load_excerpt(artifacts.audio(row["path"]), sample_rate=8000)
    capsys.readouterr()
    assert np.array_equal(clip_samples(row, artifacts, sample_rate=8000), expected) and not capsys.readouterr().out


@pytest.mark.parametrize("profile", ["quick", "paper"])
def test_without_it_the_same_voice_is_rebuilt_from_the_image(corpus, artifacts, capsys, profile):
    row = converted(corpus, artifacts, profile=profile).iloc[-1]
    recorded = clip_samples(row, artifacts, sample_rate=RATE)
    artifacts.location.unlink()
    rebuilt = clip_samples(row, artifacts, sample_rate=RATE)
    said = capsys.readouterr().out
    assert "are not on this machine yet" in said and f"{row['clip']} is rebuilt from its spectrogram image" in said
    assert len(rebuilt) == pytest.approx(len(recorded), abs=RATE // 20) and rebuilt.dtype == np.float32
    assert 20 * np.log10(np.sqrt(np.mean(rebuilt**2))) == pytest.approx(row["level_db"], abs=0.5)
    assert median_pitch(rebuilt, sample_rate=RATE) == pytest.approx(median_pitch(recorded, sample_rate=RATE), rel=0.05)
    assert np.array_equal(clip_samples(row, artifacts, sample_rate=RATE), rebuilt)
    settings = PROFILES["quick"].spectrogram
    one, other = (mel_spectrogram_db(samples, settings=settings) for samples in (recorded, rebuilt))
    width = min(one.shape[1], other.shape[1])
    assert np.corrcoef(one[:, :width].ravel(), other[:, :width].ravel())[0, 1] > 0.9


def test_of_a_long_clip_the_loudest_seconds_are_rebuilt(tmp_path, artifacts):
    for number in range(6):
        folder = tmp_path / "long" / ("male_41", "female_60")[number // 3]
        folder.mkdir(parents=True, exist_ok=True)
        quiet = 0.1 * voice(110, seconds=9)
        samples = np.concatenate([quiet, voice(180, seconds=3, seed=number), quiet[: 2 * RATE]])
        soundfile.write(folder / f"{number}.wav", samples, RATE)
    row = converted(tmp_path / "long", artifacts, profile="quick").iloc[0]
    artifacts.audio(row["path"]).unlink()
    rebuilt = clip_samples(row, artifacts, sample_rate=RATE, seconds=3)
    assert len(rebuilt) == pytest.approx(3 * RATE, abs=RATE // 50)
    assert median_pitch(rebuilt, sample_rate=RATE) == pytest.approx(180, rel=0.05)


def test_without_recording_and_image_it_is_one_sentence(corpus, artifacts):
    row = converted(corpus, artifacts, profile="quick").iloc[0]
    artifacts.image(row["clip"]).unlink()
    artifacts.audio(row["path"]).unlink()
    with pytest.raises(SuiteError, match=r"0\.wav can't be read .*run notebooks/01"):
        clip_samples(row, artifacts, sample_rate=RATE)
    artifacts.location.unlink()
    with pytest.raises(NoRecordingsError, match="recordings of folder are not on this machine yet"):
        clip_samples(row, artifacts, sample_rate=RATE)
    assert len(read_table(artifacts.manifest)) == 18


def test_the_example_is_at_a_pitch_usual_for_its_gender_and_not_clipped(tmp_path, artifacts):
    corpus = write_corpus(tmp_path / "recordings", labels={"female_23": 150, "male_41": 118, "male_60": 180})
    loud = np.clip(10 * voice(118, seconds=1.1), -1, 1)  # of the median duration
    soundfile.write(corpus / "male_41" / "loud.wav", loud, RATE)
    manifest, _ = build_manifest("folder", corpus, artifacts, seed=0)
    shown = example_voice(manifest, artifacts, gender="male")
    assert shown["label"] == "male_41" and "loud" not in shown["clip"]
    assert 100 <= median_pitch(clip_samples(shown, artifacts, sample_rate=RATE), sample_rate=RATE) <= 130
    assert example_voice(manifest, artifacts)["label"] == "male_41"
    assert example_voice(manifest, artifacts, gender="male")["clip"] == shown["clip"]
    women, old = manifest[manifest["gender"] == "female"], manifest[manifest["label"] == "male_60"]
    assert example_voice(women, artifacts)["clip"] == typical_clip(women)["clip"]  # none is above 180 Hz
    assert example_voice(old, artifacts)["clip"] == typical_clip(old)["clip"]


def test_without_genders_or_recordings_the_example_is_the_typical_clip(corpus, artifacts, capsys):
    manifest, _ = build_manifest("folder", corpus, artifacts, seed=0)
    unknown = manifest.assign(gender="")
    assert example_voice(unknown, artifacts, gender="male")["clip"] == typical_clip(unknown)["clip"]
    artifacts.location.unlink()
    capsys.readouterr()
    men = manifest[manifest["gender"] == "male"]
    assert example_voice(manifest, artifacts, gender="male")["clip"] == typical_clip(men)["clip"]
    assert not capsys.readouterr().out


@pytest.mark.parametrize("pitch", [110, 220])
def test_harmonics_stand_out_of_a_voice_and_not_of_noise(pitch, rng):
    samples = np.concatenate([rng.normal(0, 0.1, RATE), voice(pitch, seconds=0.5), rng.normal(0, 0.1, RATE)])
    piece = steady_piece(samples, sample_rate=RATE)
    assert len(piece) == 1024 and median_pitch(piece, sample_rate=RATE) == pytest.approx(pitch, rel=0.02)
    contrast = harmonic_contrast(piece, sample_rate=RATE, pitch=pitch)
    assert len(contrast) == 2000 // pitch and (contrast[:5] > 15).all()
    noise = harmonic_contrast(samples[:1024], sample_rate=RATE, pitch=pitch)
    assert np.abs(noise).max() < 15
