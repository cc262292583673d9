"""How far a score would move with other test speakers: bootstrap intervals (notebooks 04 and 05)."""

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
    """Scores of one split with percentile bootstrap intervals, see `resampled_scores`.

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
        Indexed by score (those of `clip_scores`, and the macro ones): `value`, `low`, `high`, and `resampled`: "speaker" or "clip".
    """
    scores = resampled_scores(predictions, classes, manifest=manifest, samples=samples, seed=seed)
    return percentiles(scores, level=level).assign(resampled=resampling_units(predictions, manifest)[1])


def resampled_scores(
    predictions: pd.DataFrame, classes: list[str], *, manifest: pd.DataFrame, samples: int = 2000, seed: int = 0,
    ages: pd.Series | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Scores of one split as it is, in the first row, and of as many draws of it, in the others.

    The clips of one speaker are alike, so whole speakers are drawn with replacement (the cluster bootstrap; Davison & Hinkley
    1997, "Bootstrap Methods and their Application", section 3.8). With few speakers, the intervals come out too narrow. The draws
    depend on the speakers and the seed alone: models that answered the same clips are drawn alike, so that their difference, row
    by row, is a paired bootstrap.
    """
    units, _ = resampling_units(predictions, manifest)
    number = units.max() + 1
    drawn = np.random.default_rng(seed).multinomial(number, np.full(number, 1 / number), size=samples)
    weights = np.vstack([np.ones(len(units)), drawn[:, units]])
    scores = clip_scores(predictions, classes, ages=ages)
    means = pd.DataFrame(weights @ scores.to_numpy() / weights.sum(axis=1, keepdims=True), columns=scores.columns)
    return means.assign(**_macro_scores(predictions, weights))


def percentiles(resampled: pd.DataFrame, *, level: float = 0.95) -> pd.DataFrame:
    """The first row of each column as `value`, and the interval `low` to `high` that holds the middle of the other rows."""
    tail = (1 - level) / 2
    low, high = resampled.iloc[1:].quantile([tail, 1 - tail]).to_numpy()
    index = pd.Index(resampled.columns, name="score")
    return pd.DataFrame({"value": resampled.iloc[0].to_numpy(), "low": low, "high": high}, index=index)


def _macro_scores(predictions: pd.DataFrame, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Macro precision, recall and F1 under each row of clip weights, np.ndarray [shape=(rows,)] each."""
    labels = pd.Index(np.union1d(predictions["true"], predictions["predicted"]))
    true, predicted = (np.eye(len(labels))[labels.get_indexer(predictions[side])] for side in ("true", "predicted"))
    found, members, named = weights @ (true * predicted), weights @ true, weights @ predicted  # [rows, labels]
    parts = {"macro_precision": (found, named), "macro_recall": (found, members), "macro_f1": (2 * found, members + named)}
    present = (members + named > 0).sum(axis=1)
    return {name: (top / np.where(below > 0, below, 1)).sum(axis=1) / present for name, (top, below) in parts.items()}
