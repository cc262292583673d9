"""The clip that a lesson shows, and its sound, also where only its spectrogram image is on this machine (notebooks 01 to 06)."""

import librosa
import numpy as np
import pandas as pd
from PIL import Image

from helpers.base.artifacts import Artifacts, SuiteError
from helpers.base.settings import SpectrogramSettings
from helpers.recordings.decoding import Sound
from helpers.recordings.manifest import typical_clip
from helpers.spectrograms.convert import read_note
from helpers.spectrograms.mel import from_image, load_excerpt, resample
from helpers.spectrograms.voice import HIGHEST_HZ, LOWEST_HZ, PITCH_RATE, median_pitch

EVERYDAY_HZ = {"male": (100, 130), "female": (180, 240)}  # median pitch in an unexcited sentence
CANDIDATES = 80  # clips that are measured, in about a second


def example_voice(clips: pd.DataFrame, artifacts: Artifacts, *, gender: str | None = None) -> pd.Series:
    """The clip that best shows what a voice is: at an everyday level and pitch, with a vowel whose harmonics stand out.

    Of clips of typical duration and level, also for their speaker, whose median pitch is usual for the gender (`EVERYDAY_HZ`), it
    is the one in whose steadiest piece, spoken near that pitch, the first eight harmonics stand out most, and the first five by
    15 dB at least. Where no clip is like that, no gender is known or no recording can be had, it is the typical clip
    (`helpers.recordings.manifest.typical_clip`).

    Parameters
    ----------
    clips : pd.DataFrame
        Rows of the manifest.
    artifacts : Artifacts
    gender : {"female", "male"}, optional
        Either by default.

    Returns
    -------
    pd.Series
    """
    known = clips[clips["gender"].isin([gender] if gender else list(EVERYDAY_HZ))]
    if known.empty:
        return typical_clip(clips)
    level, duration = known["level_db"], known["duration_s"]
    # Louder than the same person mostly is, it would be a call; quieter, a murmur.
    off = (level - known.groupby("speaker")["level_db"].transform("median")).abs()
    usual = known[(off <= off.median()) & level.between(*level.quantile([0.25, 0.75])) & (known["clipped"] == 0)]
    nearest = (usual["duration_s"] - duration.median()).abs().sort_values(kind="stable").index[:CANDIDATES]
    best, most = typical_clip(known), -np.inf
    for _, row in known.loc[nearest].iterrows():
        try:
            samples = load_excerpt(artifacts.audio(row["path"]), sample_rate=PITCH_RATE)
        except SuiteError:  # the lesson's own reading of the clip says so
            continue
        piece = steady_piece(samples, sample_rate=PITCH_RATE)
        pitch, at_piece = (median_pitch(part, sample_rate=PITCH_RATE) for part in (samples, piece))
        lowest, highest = EVERYDAY_HZ[row["gender"]]
        if lowest <= min(pitch, at_piece) <= max(pitch, at_piece) <= highest and abs(at_piece / pitch - 1) <= 0.05:
            contrast = harmonic_contrast(piece, sample_rate=PITCH_RATE, pitch=at_piece)
            if contrast[:5].min() >= 15 and contrast[:8].min() > most:
                best, most = row, contrast[:8].min()
    return best


def steady_piece(samples: np.ndarray, *, sample_rate: int) -> np.ndarray:
    """Of the loud pieces of a clip the one that most resembles itself one period later, a steady vowel: np.ndarray [shape=(n,)].

    Parameters
    ----------
    samples : np.ndarray [shape=(n,)]
    sample_rate : int
        In Hz.
    """
    length = round(0.064 * sample_rate)  # four periods of the lowest voice
    ended = np.pad(samples, (0, length))  # so that the last piece reaches the end
    pieces = librosa.util.frame(ended, frame_length=length, hop_length=length // 6, axis=0)
    power = np.mean(pieces**2, axis=1)
    pieces = pieces[power >= power.mean()]
    # Faded, or a sound that begins or ends would seem the steadiest.
    similarity = librosa.autocorrelate(pieces * np.hamming(length), axis=1)
    repeated = similarity[:, sample_rate // HIGHEST_HZ : sample_rate // LOWEST_HZ].max(axis=1)
    return pieces[(repeated / np.maximum(similarity[:, 0], 1e-12)).argmax()]


def harmonic_contrast(piece: np.ndarray, *, sample_rate: int, pitch: float) -> np.ndarray:
    """How far each harmonic up to 2000 Hz stands above the valleys on both sides of it, in dB, np.ndarray [shape=(harmonics,)].

    Parameters
    ----------
    piece : np.ndarray [shape=(n,)]
        A few periods of a voice.
    sample_rate : int
        In Hz.
    pitch : float
        In Hz.
    """
    size = 8 * len(piece)
    power = np.abs(np.fft.rfft(piece * np.hanning(len(piece)), size)) ** 2
    order = np.fft.rfftfreq(size, 1 / sample_rate) / pitch  # 1 at the fundamental, 2 at the second harmonic
    harmonics = range(1, int(2000 / pitch) + 1)
    peaks = [power[np.abs(order - harmonic) < 0.25].max() for harmonic in harmonics]
    # The mean of a valley, as the spectrum of mere noise, too, is zero in places.
    valleys = np.array([power[np.abs(order - harmonic - 0.5) < 0.15].mean() for harmonic in (0, *harmonics)])
    return librosa.power_to_db(np.array(peaks), amin=1e-20) - librosa.power_to_db(np.maximum(valleys[:-1], valleys[1:]), amin=1e-20)


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
