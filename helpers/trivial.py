"""What can be scored without hearing anything, or hearing the pitch alone: the marks to beat (notebook 04)."""

from __future__ import annotations

import librosa
import numpy as np
import pandas as pd

from helpers.artifacts import Artifacts, fingerprint, read_table, write_table
from helpers.cores import on_all_cores
from helpers.labels import parse_label
from helpers.scores import predictions_table
from helpers.spectrograms import load_audio

PITCH_RATE = 16_000
LOWEST_PITCH, HIGHEST_PITCH = 60.0, 400.0  # Hz; speech of adults


def class_shares(training: pd.Series, classes: list[str]) -> np.ndarray:
    """Share of each class among the training clips' labels, np.ndarray [shape=(classes,)]."""
    return training.value_counts(normalize=True).reindex(classes, fill_value=0).to_numpy()


def prior_predictions(predictions: pd.DataFrame, classes: list[str], *, split: str = "test") -> pd.DataFrame:
    """Predictions of one split by a model that is deaf: for each clip, the share of each class among the training clips.

    Scored like any other predictions, its accuracy is that of always answering the most frequent class, gender or age group,
    and its age is the mean age of the training clips.
    """
    clips = predictions[predictions["split"] == split].rename(columns={"true": "label"})
    shares = class_shares(predictions.loc[predictions["split"] == "train", "true"], classes)
    return predictions_table(clips, np.tile(shares, (len(clips), 1)), classes)


def median_pitch(samples: np.ndarray, *, sample_rate: int) -> float:
    """Median fundamental frequency of the louder half of a clip, in Hz.

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
    pitch = librosa.yin(samples, fmin=LOWEST_PITCH, fmax=HIGHEST_PITCH, sr=sample_rate, frame_length=frame, hop_length=hop)
    loudness = librosa.feature.rms(y=samples, frame_length=frame, hop_length=hop)[0]
    return float(np.median(pitch[loudness >= np.median(loudness)]))


def pitch_table(manifest: pd.DataFrame, artifacts: Artifacts) -> pd.Series:
    """Median pitch of every clip in Hz, indexed by clip; kept in `pitch.csv`, measured again only where the sound has changed.

    A clip whose sound can't be read has none.
    """
    known = read_table(artifacts.pitch).set_index(["clip", "sound"])["pitch_hz"] if artifacts.pitch.exists() else pd.Series()

    def measure(row: tuple[str, str]) -> tuple[str, float]:
        clip, path = row
        try:
            sound = fingerprint(artifacts.audio(path))
            if (clip, sound) in known.index:
                return sound, known[clip, sound]
            samples = load_audio(artifacts.audio(path), sample_rate=PITCH_RATE)
            return sound, round(median_pitch(samples, sample_rate=PITCH_RATE), 2)
        except Exception:  # any reader may fail in its own way; notebook 02 lists such clips with the reason
            return "", np.nan

    rows = on_all_cores(measure, list(zip(manifest["clip"], manifest["path"], strict=True)), title="pitch")
    table = pd.DataFrame(rows, columns=["sound", "pitch_hz"]).assign(clip=manifest["clip"].to_numpy())
    write_table(artifacts.pitch, table[["clip", "sound", "pitch_hz"]])
    return table.set_index("clip")["pitch_hz"].dropna()


def pitch_threshold(predictions: pd.DataFrame, pitch: pd.Series) -> tuple[float, pd.Series]:
    """Tell women from men by the pitch alone: the threshold that errs least on the training clips, and who it gets right.

    Parameters
    ----------
    predictions : pd.DataFrame
        Of all splits; the gender is read from the true class.
    pitch : pd.Series
        In Hz, indexed by clip.

    Returns
    -------
    threshold : float
        In Hz; a higher voice is taken for a woman's.
    right : pd.Series
        Whether each clip with a pitch and a gender is told rightly, indexed like `predictions`.
    """
    table = pd.DataFrame({"female": predictions["true"].map(lambda label: parse_label(label)[0])})
    table = table.assign(pitch=predictions["clip"].map(pitch), training=predictions["split"] == "train").dropna()
    female, hertz = table["female"] == "female", table["pitch"]
    known = np.unique(hertz[table["training"]])
    candidates = (known[:-1] + known[1:]) / 2
    errors = [((hertz > candidate) != female)[table["training"]].sum() for candidate in candidates]
    threshold = float(candidates[int(np.argmin(errors))])
    return threshold, (hertz > threshold) == female
