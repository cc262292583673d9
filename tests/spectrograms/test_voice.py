"""Pitch and formants of a synthetic vowel, measured before and after they are moved."""

import librosa
import numpy as np
import pytest
import soundfile
from conftest import RATE, voice
from scipy.signal import lfilter

from helpers.base.artifacts import read_table, write_table
from helpers.base.settings import Corpus
from helpers.display.sliders import voice_sliders
from helpers.recordings.manifest import build_manifest
from helpers.recordings.voices import speakers, spoken_pitch, synthesise
from helpers.spectrograms import voice as voice_module
from helpers.spectrograms.mel import load_audio
from helpers.spectrograms.voice import change_voice, frame_pitch, median_pitch, voice_period

FORMANTS = (600.0, 1400.0, 2600.0)  # Hz


def resonant(source: np.ndarray, *, rate: int = RATE) -> np.ndarray:
    """A source heard through three resonances."""
    for frequency in FORMANTS:
        radius, angle = np.exp(-np.pi * 90 / rate), 2 * np.pi * frequency / rate
        source = lfilter([1.0], [1.0, -2 * radius * np.cos(angle), radius**2], source)
    return (0.3 * source / np.abs(source).max()).astype(np.float32)


@pytest.fixture(scope="module")
def vowel() -> np.ndarray:
    """A train of pulses at 120 Hz through three resonances: a pitch and formants that are known."""
    samples = np.zeros(2 * RATE)
    samples[:: RATE // 120] = 1.0
    return resonant(samples)


def formants_of(samples: np.ndarray) -> np.ndarray:
    """The three lowest resonances in Hz, by linear prediction."""
    roots = np.roots(librosa.lpc(samples[RATE // 2 : RATE * 3 // 2] * np.hanning(RATE), order=8))
    roots = roots[(roots.imag > 0) & (np.abs(roots) > 0.8)]
    return np.sort(np.angle(roots) * RATE / (2 * np.pi))[:3]


@pytest.mark.parametrize(("pitch", "formants"), [(0, 0), (5, 0), (-4, 0), (0, 3), (0, -3), (7, 3), (4, 4)])
def test_each_moves_by_itself(vowel, pitch, formants):
    changed = change_voice(vowel, sample_rate=RATE, pitch=pitch, formants=formants)
    assert changed.shape == vowel.shape and changed.dtype == np.float32
    before = median_pitch(vowel, sample_rate=RATE)
    assert median_pitch(changed, sample_rate=RATE) == pytest.approx(before * 2 ** (pitch / 12), rel=0.02)
    assert formants_of(changed) == pytest.approx(np.array(FORMANTS) * 2 ** (formants / 12), rel=0.04)
    assert np.mean(changed**2) == pytest.approx(np.mean(vowel**2), rel=0.01)


def test_nothing_moved_is_the_same_sound(vowel):
    assert np.array_equal(change_voice(vowel, sample_rate=RATE), vowel)


def test_silence_stays_silence():
    silence = np.zeros(RATE, np.float32)
    assert not change_voice(silence, sample_rate=RATE, pitch=3, formants=-2).any()


def test_formants_move_also_where_nothing_is_voiced(rng):
    noise = rng.normal(0, 0.1, RATE).astype(np.float32)
    assert voice_period(noise, sample_rate=RATE) == RATE / 150
    changed = change_voice(noise, sample_rate=RATE, formants=3)
    assert not np.array_equal(changed, noise) and np.mean(changed**2) == pytest.approx(np.mean(noise**2), rel=0.01)


@pytest.mark.parametrize("rate", [8000, 16_000, 22_050, 44_100])
@pytest.mark.parametrize("pitch", [80, 120, 220, 400, 550])
def test_the_pitch_of_a_vowel_is_found_at_any_sample_rate(pitch, rate):
    time = np.arange(rate) / rate
    pulses = sum(np.cos(2 * np.pi * harmonic * pitch * time) for harmonic in range(1, rate // 2 // pitch))
    assert median_pitch(resonant(pulses, rate=rate), sample_rate=rate) == pytest.approx(pitch, rel=0.02)


@pytest.mark.parametrize("before", [0, 30_000])
@pytest.mark.parametrize("pitch", [95.0, 180.0, 240.0])
def test_the_pitch_is_not_measured_in_the_silence_that_a_clip_was_padded_with(pitch, before):
    padded = np.pad(voice(pitch, seconds=0.9), (before, 35_000))
    assert median_pitch(padded, sample_rate=RATE) == pytest.approx(pitch, rel=0.02)
    silent = frame_pitch(padded, sample_rate=RATE)[-150:]  # 80 a second
    assert np.isnan(silent).all()


@pytest.mark.parametrize("rate", [8000, 16_000, 44_100])
def test_noise_and_silence_have_no_pitch(rng, rate):
    for samples in (rng.normal(0, 0.1, 2 * rate), np.zeros(rate), np.full(rate, 0.3), np.zeros(10)):
        assert np.isnan(median_pitch(samples, sample_rate=rate))


def test_a_long_clip_is_measured_as_its_parts_are():
    glide = np.concatenate([voice(pitch, seconds=6) for pitch in (110, 140)])
    hertz = frame_pitch(glide, sample_rate=RATE)
    assert len(hertz) == 1 + (len(glide) - 800) // 200
    assert hertz[:470] == pytest.approx(110, rel=0.01) and hertz[-470:] == pytest.approx(140, rel=0.01)


@pytest.mark.slow
def test_the_pitch_of_at_most_one_in_a_hundred_synthetic_clips_is_off_by_a_fifth(tmp_path):
    folder, off = synthesise(tmp_path / "audio", corpus=Corpus()), []
    for speaker in speakers(Corpus()):
        for sentence, effort in zip(speaker.sentences, speaker.efforts, strict=True):
            path = folder / f"{speaker.gender}_{speaker.age}" / f"{speaker.name}_{sentence:02d}.wav"
            measured = median_pitch(load_audio(path, sample_rate=RATE), sample_rate=RATE)
            off.append(abs(measured / spoken_pitch(speaker, effort) - 1))
    assert len(off) == 1560 and np.isfinite(off).all()
    assert np.mean(np.array(off) > 0.2) <= 0.01 and np.median(off) < 0.05


def test_the_sliders_play_and_judge_the_changed_voice(vowel):
    heard = []
    widget = voice_sliders(vowel, sample_rate=RATE, answer=lambda samples: heard.append(samples) or f"answer {len(heard)}")
    row, panel = widget.children
    assert np.array_equal(heard[0], vowel) and "answer 1" in panel.value and "data:audio/wav;base64," in panel.value
    row.children[0].value = 4
    assert "answer 2" in panel.value and 'aria-label="pitch +4, formants +0"' in panel.value
    assert median_pitch(heard[1], sample_rate=RATE) == pytest.approx(
        median_pitch(vowel, sample_rate=RATE) * 2 ** (4 / 12), rel=0.02
    )
    row.children[1].value = -3
    assert not np.array_equal(heard[1], heard[2]) and 'aria-label="pitch +4, formants -3"' in panel.value


def test_pitch_is_measured_again_where_the_sound_or_the_method_has_changed(corpus, artifacts, monkeypatch):
    manifest, _ = build_manifest("folder", corpus, artifacts, seed=0)
    first = voice_module.pitch_table(manifest, artifacts)
    kept = artifacts.pitch.read_text()
    write_table(artifacts.pitch, read_table(artifacts.pitch).assign(pitch_hz=1.0))
    assert (voice_module.pitch_table(manifest, artifacts) == 1).all()
    monkeypatch.setattr(voice_module, "PITCH_METHOD", "another one")
    assert voice_module.pitch_table(manifest, artifacts).equals(first) and artifacts.pitch.read_text() != kept
    assert first.filter(like="male_41").between(100, 130).all()


def test_a_clip_in_which_nothing_is_voiced_has_no_pitch_and_is_not_measured_again(corpus, artifacts, monkeypatch, rng):
    soundfile.write(corpus / "male_41" / "0.wav", rng.normal(0, 0.1, RATE), RATE)
    manifest, _ = build_manifest("folder", corpus, artifacts, seed=0)
    pitch = voice_module.pitch_table(manifest, artifacts)
    assert len(pitch) == len(manifest) - 1 == len(read_table(artifacts.pitch)) - 1
    monkeypatch.setattr(voice_module, "median_pitch", None)  # any measurement would fail
    assert voice_module.pitch_table(manifest, artifacts).equals(pitch)


def test_without_recordings_the_kept_pitches_are_taken(corpus, artifacts, capsys):
    manifest, _ = build_manifest("folder", corpus, artifacts, seed=0)
    first, kept = voice_module.pitch_table(manifest, artifacts), artifacts.pitch.read_text()
    lost = artifacts.audio(manifest["path"].iloc[0])
    lost.rename(lost.with_suffix(".away"))
    assert voice_module.pitch_table(manifest, artifacts).equals(first) and artifacts.pitch.read_text() == kept
    artifacts.location.unlink()
    capsys.readouterr()
    assert voice_module.pitch_table(manifest.iloc[:9], artifacts).equals(first.iloc[:9])
    assert "not on this machine yet" in (said := capsys.readouterr().out) and "The pitch of 9 clips is taken from pitch.csv" in said
    assert artifacts.pitch.read_text() == kept
    artifacts.pitch.unlink()
    assert voice_module.pitch_table(manifest, artifacts).empty and not artifacts.pitch.exists()
    assert "So no pitch is known." in capsys.readouterr().out
