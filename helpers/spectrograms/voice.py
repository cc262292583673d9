"""The pitch of a voice, and the same words at another pitch or with other formants (notebooks 04 and 06)."""

from pathlib import Path

import librosa
import numpy as np
import pandas as pd
import scipy.fft

from helpers.base.artifacts import Artifacts, SuiteError, fingerprint, read_table, write_table
from helpers.base.machine import on_all_cores
from helpers.recordings.sounds import LONGEST_S
from helpers.spectrograms.mel import load_audio

N_FFT = 1024
PITCH_RATE = 16_000
PITCH_METHOD = "YIN, the louder half of what is audible"  # another way to measure has another name, and measures anew


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


def median_pitch(samples: np.ndarray, *, sample_rate: int) -> float:
    """Median fundamental frequency of the louder half of what can be heard of a clip, in Hz.

    What lies 60 dB or more below the loudest moment, such as the silence that a clip was padded with, is not heard.

    YIN: de Cheveigné & Kawahara (2002), "YIN, a fundamental frequency estimator for speech and music", J. Acoust. Soc. Am. 111.

    Parameters
    ----------
    samples : np.ndarray [shape=(n,)]
    sample_rate : int
        In Hz.

    Returns
    -------
    float
    """
    frame, hop = 1024, 512
    samples = np.pad(samples, (0, max(0, 2 * frame - len(samples))))
    # From 60 to 400 Hz, speech of adults.
    pitch = librosa.yin(samples, fmin=60.0, fmax=400.0, sr=sample_rate, frame_length=frame, hop_length=hop)
    loudness = librosa.feature.rms(y=samples, frame_length=frame, hop_length=hop)[0]
    audible = loudness >= loudness.max() / 1000
    return float(np.median(pitch[audible & (loudness >= np.median(loudness[audible]))]))


def pitch_table(manifest: pd.DataFrame, artifacts: Artifacts, *, longest_s: float = LONGEST_S) -> pd.Series:
    """Median pitch of every clip in Hz, indexed by clip; kept in `pitch.csv`, measured again where sound or method have changed.

    A clip whose sound can't be read has none.
    """
    kept = {}
    if artifacts.pitch.exists():
        kept = {clip: (sound, hertz) for clip, sound, hertz in read_table(artifacts.pitch).itertuples(index=False)}

    def measure(row: tuple[Path, tuple[str, float]]) -> tuple[str, float]:
        path, (sound, hertz) = row
        try:
            if (now := fingerprint(f"{fingerprint(path)}, {longest_s:g} s, {PITCH_METHOD}".encode())) == sound:
                return sound, hertz
            samples = load_audio(path, sample_rate=PITCH_RATE, longest_s=longest_s)
            return now, round(median_pitch(samples, sample_rate=PITCH_RATE), 2)
        except (SuiteError, OSError):  # gone since the audit; notebook 02 lists such clips with the reason
            return "", np.nan

    # Each clip brings only what is kept of it, as the function is sent to a worker again with every clip.
    clips = zip(manifest["clip"], artifacts.sounds(manifest["path"]), strict=True)
    rows = on_all_cores(measure, [(path, kept.get(clip, ("", np.nan))) for clip, path in clips], title="pitch")
    table = pd.DataFrame(rows, columns=["sound", "pitch_hz"]).assign(clip=manifest["clip"].to_numpy())
    write_table(artifacts.pitch, table[["clip", "sound", "pitch_hz"]])
    return table.set_index("clip")["pitch_hz"].dropna()
