"""Another pitch, other formants, the same words: the source and the filter of a voice, moved apart (notebook 06)."""

from __future__ import annotations

import librosa
import numpy as np
import scipy.fft

from helpers.trivial import median_pitch

N_FFT = 1024
ROUNDS = 60
MOST_GAIN_DB = 30.0  # what is stretched beyond the recorded band would be noise


def change_voice(samples: np.ndarray, *, sample_rate: int, pitch: float = 0.0, formants: float = 0.0) -> np.ndarray:
    """A voice with its pitch and its formants moved, each by itself; duration, words and level stay.

    A phase vocoder moves both by the pitch. Then each short spectrum is divided by its envelope and multiplied with that envelope
    stretched to where the formants shall be. Source and filter: Fant (1960), "Acoustic Theory of Speech Production"; the way
    through the envelope: Röbel & Rodet (2005), "Efficient spectral envelope estimation and its application to pitch shifting and
    envelope preservation", DAFx.

    Parameters
    ----------
    samples : np.ndarray [shape=(n,)]
        Mono, from -1 to 1.
    sample_rate : int
        In Hz.
    pitch, formants : float
        In semitones; 12 double the frequencies.

    Returns
    -------
    np.ndarray [shape=(n,), dtype=float32]

    Examples
    --------
    >>> change_voice(np.ones(16_000, np.float32), sample_rate=16_000, pitch=2, formants=-1).shape
    (16000,)
    """
    samples = np.asarray(samples, np.float32)
    changed = samples
    if pitch:
        changed = librosa.effects.pitch_shift(samples, sr=sample_rate, n_steps=pitch, n_fft=N_FFT)
    if formants != pitch:
        spectrum = librosa.stft(changed, n_fft=N_FFT)
        period = sample_rate / median_pitch(changed, sample_rate=sample_rate)
        envelope = spectral_envelope(np.abs(spectrum), period=period)
        bins = np.arange(len(envelope))
        # The formants moved with the pitch: bring them back, and on to where they are wanted.
        places = bins * 2 ** ((pitch - formants) / 12)
        wanted = np.apply_along_axis(lambda column: np.interp(places, bins, column), 0, envelope)
        spectrum *= 10 ** (np.clip(wanted - envelope, -MOST_GAIN_DB, MOST_GAIN_DB) / 20)
        changed = librosa.istft(spectrum, n_fft=N_FFT, length=len(samples))
    power, before = np.mean(changed**2), np.mean(samples**2)
    return (changed * np.sqrt(before / power) if power > 0 else changed).astype(np.float32)


def spectral_envelope(magnitudes: np.ndarray, *, period: float) -> np.ndarray:
    """The smooth curve over the harmonics of each short spectrum: what the vocal tract makes of the voice.

    The "true envelope": smooth the log spectrum by its cepstrum, lift it to the curve wherever it lies below, and again, until
    the curve rests on the harmonics' tops.

    Parameters
    ----------
    magnitudes : np.ndarray [shape=(1 + n_fft // 2, frames)]
    period : float
        Of the voice, in samples. Of the cepstrum the first half period is kept: finer detail than that, no voice of this pitch can
        show (Röbel & Rodet, 2005).

    Returns
    -------
    np.ndarray [shape=(1 + n_fft // 2, frames)]
        In dB.
    """
    kept = int(period / 2)
    level = librosa.amplitude_to_db(magnitudes, top_db=100)
    lifted = level
    for _ in range(ROUNDS):
        cepstrum = scipy.fft.irfft(lifted, axis=0)
        cepstrum[kept + 1 : -kept] = 0
        envelope = scipy.fft.rfft(cepstrum, axis=0).real
        lifted = np.maximum(level, envelope)
    return envelope
