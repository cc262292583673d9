"""How far a score would move with other test speakers: bootstrap intervals (notebook 04)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from helpers.scores import clip_scores


def resampling_units(predictions: pd.DataFrame, manifest: pd.DataFrame) -> tuple[np.ndarray, str]:
    """What a bootstrap may draw independently: whole speakers where each clip's is known and there are two or more, else clips.

    Returns
    -------
    units : np.ndarray [shape=(clips,), dtype=int]
        Number of each clip's unit.
    unit : {"speaker", "clip"}
    """
    speakers = predictions["clip"].map(manifest.set_index("clip")["speaker"]).fillna("")
    if (speakers != "").all() and speakers.nunique() > 1:
        return pd.factorize(speakers)[0], "speaker"
    return np.arange(len(predictions)), "clip"


def bootstrap(
    predictions: pd.DataFrame,
    classes: list[str],
    *,
    manifest: pd.DataFrame,
    samples: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Scores of one split with percentile bootstrap intervals.

    The clips of one speaker are alike, so whole speakers are drawn with replacement (the cluster bootstrap; Davison & Hinkley
    1997, "Bootstrap Methods and their Application", section 3.8). With few speakers, the intervals come out too narrow.

    Parameters
    ----------
    predictions : pd.DataFrame
        As `helpers.scores.predictions_table` makes it.
    classes : list of str
    manifest : pd.DataFrame
        Columns `clip`, `speaker`.
    samples : int
        How often the split is drawn again.
    level : float
        Share of such intervals that should hold the true score.
    seed : int

    Returns
    -------
    pd.DataFrame
        Indexed by score (those of `clip_scores` and `macro_f1`): `value`, `low`, `high`, and `resampled`: "speaker" or "clip".
    """
    units, unit = resampling_units(predictions, manifest)
    number = units.max() + 1
    drawn = np.random.default_rng(seed).multinomial(number, np.full(number, 1 / number), size=samples)
    weights = np.vstack([np.ones(len(units)), drawn[:, units]])  # the first row is the split as it is

    scores = clip_scores(predictions, classes)
    values = dict(zip(scores, (weights @ scores.to_numpy() / weights.sum(axis=1, keepdims=True)).T, strict=True))
    values["macro_f1"] = _macro_f1(predictions, weights)
    tail = (1 - level) / 2
    return pd.DataFrame(
        [(value[0], *np.quantile(value[1:], [tail, 1 - tail]), unit) for value in values.values()],
        index=pd.Index(values, name="score"),
        columns=["value", "low", "high", "resampled"],
    )


def _macro_f1(predictions: pd.DataFrame, weights: np.ndarray) -> np.ndarray:
    """Macro F1 under each row of clip weights, np.ndarray [shape=(rows,)]."""
    labels = pd.Index(np.union1d(predictions["true"], predictions["predicted"]))
    true, predicted = (np.eye(len(labels))[labels.get_indexer(predictions[side])] for side in ("true", "predicted"))
    found, occurring = weights @ (true * predicted), weights @ (true + predicted)  # [rows, labels]
    present = occurring > 0
    return (2 * found / np.where(present, occurring, 1)).sum(axis=1) / present.sum(axis=1)
