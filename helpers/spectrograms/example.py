"""The sound of one clip for a lesson, also where only its spectrogram image is on this machine (notebooks 02, 03, 05 and 06)."""

import librosa
import numpy as np
import pandas as pd
from PIL import Image

from helpers.base.artifacts import Artifacts, SuiteError
from helpers.base.settings import SpectrogramSettings
from helpers.recordings.decoding import Sound
from helpers.spectrograms.convert import read_note
from helpers.spectrograms.mel import from_image, load_excerpt, resample


def clip_samples(row: pd.Series, artifacts: Artifacts, *, sample_rate: int, seconds: int = 10) -> np.ndarray:
    """Samples of a clip, or of a longer one the `seconds` that are loudest.

    Where its recording can't be had, they are rebuilt from its spectrogram image, and a sentence says so.

    Parameters
    ----------
    row : pd.Series
        A manifest row.
    artifacts : Artifacts
    sample_rate : int
        In Hz.
    seconds : int

    Returns
    -------
    np.ndarray [shape=(n,), dtype=float32]

    Raises
    ------
    SuiteError
        There is neither a sound nor an image of it.
    """
    try:
        return load_excerpt(artifacts.audio(row["path"]), sample_rate=sample_rate, seconds=seconds)
    except SuiteError as error:
        path = artifacts.image(row["clip"])
        note = read_note(path)
        if not note:
            raise
        print(f"{error} Here, {row['clip']} is rebuilt from its spectrogram image: hollow, but the same words at the same pitch.")
    settings = SpectrogramSettings(**note["settings"])
    frames = 1 + int(min(row["duration_s"], settings.longest_s) * settings.sample_rate) // settings.hop_length
    decibels = from_image(np.asarray(Image.open(path)), settings=settings, frames=frames)
    samples = rebuild(_loudest(decibels, frames=seconds * settings.sample_rate // settings.hop_length), settings=settings)
    samples *= 10 ** (row["level_db"] / 20) / max(np.sqrt(np.mean(samples**2)), 1e-9)  # an image is relative to its loudest point
    return resample(Sound(samples, settings.sample_rate), sample_rate=sample_rate)


def rebuild(decibels: np.ndarray, *, settings: SpectrogramSettings) -> np.ndarray:
    """A sound with a given mel spectrogram; its phases are guessed, the same ones each time.

    Griffin & Lim (1984), "Signal estimation from modified short-time Fourier transform", IEEE Trans. Acoust. Speech Signal
    Process. 32, 236-243.

    Parameters
    ----------
    decibels : np.ndarray [shape=(mel_bins, frames)]
        As `helpers.spectrograms.mel.from_image` gives them.
    settings : SpectrogramSettings

    Returns
    -------
    np.ndarray [shape=(n,), dtype=float32]
    """
    bands = {"fmin": settings.fmin, "fmax": min(settings.fmax, settings.sample_rate / 2)}
    power = librosa.db_to_power(decibels)
    magnitudes = librosa.feature.inverse.mel_to_stft(power, sr=settings.sample_rate, n_fft=settings.n_fft, **bands)
    samples = librosa.griffinlim(magnitudes, hop_length=settings.hop_length, n_fft=settings.n_fft, random_state=0)
    return samples.astype(np.float32)


def _loudest(decibels: np.ndarray, *, frames: int) -> np.ndarray:
    """The stretch of so many frames with the most power; all of them where there are no more."""
    if decibels.shape[1] <= frames:
        return decibels
    power = np.convolve(librosa.db_to_power(decibels).sum(axis=0), np.ones(frames), mode="valid")
    start = int(power.argmax())
    return decibels[:, start : start + frames]
