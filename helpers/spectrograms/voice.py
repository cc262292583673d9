"""The pitch of a voice, and the same words at another pitch or with other formants (notebooks 04 and 06)."""

import math
from pathlib import Path

import librosa
import numpy as np
import pandas as pd
import scipy.fft

from helpers.base.artifacts import Artifacts, NoRecordingsError, SuiteError, fingerprint, read_table, write_table
from helpers.base.machine import on_all_cores
from helpers.recordings.sounds import LONGEST_S
from helpers.spectrograms.mel import load_audio

N_FFT = 1024
PITCH_RATE = 16_000
PITCH_METHOD = "autocorrelation, 60 to 600 Hz, what is voiced"  # another way to measure has another name, and measures anew
LOWEST_HZ, HIGHEST_HZ = 60, 600
# Praat's defaults for the method of Boersma (1993).
VOICED = 0.45  # similarity above which a moment is voiced; 1 is an exact repetition
OCTAVE_COST = 0.01  # similarity by which a peak at twice the period must be higher
SILENCE = 0.03  # of the loudest moment; what is quieter counts as silence


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
        envelope = spectral_envelope(np.abs(spectrum), period=voice_period(changed, sample_rate=sample_rate))
        bins = np.arange(len(envelope))
        # The formants moved with the pitch: bring them back, and on to where they are wanted.
        sources = bins * 2 ** ((pitch - formants) / 12)
        wanted = np.apply_along_axis(lambda column: np.interp(sources, bins, column), 0, envelope)
        spectrum *= 10 ** (np.clip(wanted - envelope, -30, 30) / 20)  # more, beyond the recorded band, would be noise
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
    for _ in range(60):
        cepstrum = scipy.fft.irfft(lifted, axis=0)
        cepstrum[kept + 1 : -kept] = 0
        envelope = scipy.fft.rfft(cepstrum, axis=0).real
        lifted = np.maximum(level, envelope)
    return envelope


def frame_pitch(samples: np.ndarray, *, sample_rate: int) -> np.ndarray:
    """Fundamental frequency of each moment of a clip, 80 of them a second, from 60 to 600 Hz: speech of adults, calls included.

    The period is the shift at which a faded piece, three periods of the lowest pitch long, most resembles itself. Its
    autocorrelation is divided by that of the fading window, or short shifts, high pitches, would be favoured. Boersma, P. (1993),
    "Accurate short-term analysis of the fundamental frequency and the harmonics-to-noise ratio of a sampled sound", Proc. Institute
    of Phonetic Sciences Amsterdam 17, 97-110; here without the search for the smoothest path, which a median does not need.

    Parameters
    ----------
    samples : np.ndarray [shape=(n,)]
    sample_rate : int
        In Hz.

    Returns
    -------
    np.ndarray [shape=(frames,)]
        In Hz; NaN where nothing periodic is heard.
    """
    length = round(3 * sample_rate / LOWEST_HZ)
    samples = np.pad(np.asarray(samples, np.float32), (0, max(0, length - len(samples))))
    window = librosa.filters.get_window("hann", length).astype(np.float32)
    pieces = librosa.util.frame(samples, frame_length=length, hop_length=length // 4, axis=0)
    pieces = np.array_split(pieces, 1 + len(pieces) // 500)  # the spectra of a long clip would fill the memory
    hertz, loudness = (
        np.concatenate(part) for part in zip(*(_pitch_of(part, window, sample_rate) for part in pieces), strict=True)
    )
    heard = loudness > max(SILENCE * loudness.max(), 1e-5)  # the latter is below the smallest step of 16 bits
    return np.where(heard, hertz, np.nan)


def _pitch_of(pieces: np.ndarray, window: np.ndarray, sample_rate: int) -> tuple[np.ndarray, np.ndarray]:
    """Pitch in Hz, NaN where voiceless, and root mean square of each piece, of `pieces` [shape=(n, length)]."""
    pieces = pieces - pieces.mean(axis=1, keepdims=True)
    lags = np.arange(math.ceil(sample_rate / HIGHEST_HZ), sample_rate // LOWEST_HZ + 1)
    similarity = librosa.autocorrelate(pieces * window, max_size=lags[-1] + 2, axis=1)
    similarity /= np.maximum(similarity[:, :1], 1e-12)
    fading = librosa.autocorrelate(window, max_size=lags[-1] + 2)
    similarity /= fading / fading[0]
    before, here, after = similarity[:, lags - 1], similarity[:, lags], similarity[:, lags + 1]
    is_peak = (here > before) & (here >= after)
    # A parabola through a peak and its neighbours has its top between the samples.
    curvature = (here - before) + (here - after)  # of two positive parts: as one sum, it could round to 0
    shift = 0.5 * (after - before) / np.where(is_peak, curvature, 1)
    periods, heights = (lags + shift) / sample_rate, here + 0.25 * (after - before) * shift
    # Twice the period resembles as much: of equal peaks, the shortest is meant.
    strengths = np.where(is_peak, heights - OCTAVE_COST * np.log2(periods * LOWEST_HZ), -np.inf)
    best = np.arange(len(pieces)), strengths.argmax(axis=1)
    voiced = is_peak[best] & (heights[best] > VOICED)
    return np.where(voiced, 1 / periods[best], np.nan), np.sqrt(np.mean(pieces**2, axis=1))


def median_pitch(samples: np.ndarray, *, sample_rate: int) -> float:
    """Median fundamental frequency of the voiced moments of a clip in Hz, by `frame_pitch`; NaN where there is none.

    Parameters
    ----------
    samples : np.ndarray [shape=(n,)]
    sample_rate : int
        In Hz.

    Returns
    -------
    float
    """
    hertz = frame_pitch(samples, sample_rate=sample_rate)
    voiced = hertz[~np.isnan(hertz)]
    return float(np.median(voiced)) if len(voiced) else math.nan


def voice_period(samples: np.ndarray, *, sample_rate: int) -> float:
    """The period of a voice in samples; where nothing in it is voiced, as in a whisper, that of 150 Hz, between men and women."""
    hertz = median_pitch(samples, sample_rate=sample_rate)
    return sample_rate / (150 if math.isnan(hertz) else hertz)


def pitch_table(manifest: pd.DataFrame, artifacts: Artifacts, *, longest_s: float = LONGEST_S) -> pd.Series:
    """Median pitch of every clip in Hz, indexed by clip; kept in `pitch.csv`, measured again where sound or method have changed.

    A clip whose sound can't be read, or in which nothing is voiced, has none; of one whose file is gone, what was kept is taken.
    Where no recording can be had, that holds for all, and a sentence says so.
    """
    kept = {}
    if artifacts.pitch.exists():
        kept = {clip: (sound, hertz) for clip, sound, hertz in read_table(artifacts.pitch).itertuples(index=False)}

    try:
        sounds = artifacts.sounds(manifest["path"])
    except NoRecordingsError as error:
        pitch = manifest["clip"].map({clip: hertz for clip, (_, hertz) in kept.items()}).astype(float)
        pitch = pitch.set_axis(manifest["clip"]).rename("pitch_hz").dropna()
        taken = f"The pitch of {len(pitch)} clips is taken from pitch.csv, unchecked." if len(pitch) else "So no pitch is known."
        print(f"{error} {taken}")
        return pitch

    def measure(row: tuple[Path, tuple[str, float]]) -> tuple[str, float]:
        path, (sound, hertz) = row
        try:
            if (now := fingerprint(f"{fingerprint(path)}, {longest_s:g} s, {PITCH_METHOD}".encode())) == sound:
                return sound, hertz
            samples = load_audio(path, sample_rate=PITCH_RATE, longest_s=longest_s)
            return now, round(median_pitch(samples, sample_rate=PITCH_RATE), 2)
        except (SuiteError, OSError):  # notebook 02 lists such clips with the reason
            return ("", np.nan) if path.exists() else (sound, hertz)

    # Each clip brings only what is kept of it, as the function is sent to a worker again with every clip.
    clips = zip(manifest["clip"], sounds, strict=True)
    rows = on_all_cores(measure, [(path, kept.get(clip, ("", np.nan))) for clip, path in clips], title="pitch")
    table = pd.DataFrame(rows, columns=["sound", "pitch_hz"]).assign(clip=manifest["clip"].to_numpy())
    write_table(artifacts.pitch, table[["clip", "sound", "pitch_hz"]])
    return table.set_index("clip")["pitch_hz"].dropna()
