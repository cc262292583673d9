"""How far a score would move with other test speakers, and whether a difference is more than chance (notebooks 04 and 05)."""

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.stats import binomtest, norm

from helpers.evaluation.scores import clip_scores


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
    predictions: pd.DataFrame, classes: list[str], *, manifest: pd.DataFrame, samples: int = 2000, seed: int = 0
) -> pd.DataFrame:
    """Scores of one split with 95% percentile bootstrap intervals, see `resampled_scores`.

    Parameters
    ----------
    predictions : pd.DataFrame
        As `helpers.evaluation.scores.predictions_table` makes it.
    classes : list of str
    manifest : pd.DataFrame
        Columns `clip`, `speaker`.
    samples : int
        How often the split is resampled.
    seed : int

    Returns
    -------
    pd.DataFrame
        Indexed by score (those of `clip_scores`, and the macro ones): `value`, `low`, `high`, and `resampled`: "speaker" or "clip".
    """
    scores = resampled_scores(predictions, classes, manifest=manifest, samples=samples, seed=seed)
    return percentiles(scores).assign(resampled=resampling_units(predictions, manifest)[1])


def resampled_scores(
    predictions: pd.DataFrame, classes: list[str], *, manifest: pd.DataFrame, samples: int = 2000, seed: int = 0,
    ages: pd.Series | None = None, answered_age: float | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Scores of one split as it is, in the first row, and of as many resamples of it, in the others.

    The clips of one speaker are alike, so whole speakers are drawn with replacement (the cluster bootstrap; Davison & Hinkley
    1997, "Bootstrap Methods and their Application", section 3.8). With few speakers, the intervals come out too narrow. The
    resamples depend on the speakers and the seed alone: for models that answered the same clips they are the same, so that their
    difference, row by row, is a paired bootstrap.
    """
    units, _ = resampling_units(predictions, manifest)
    number = units.max() + 1
    drawn = np.random.default_rng(seed).multinomial(number, np.full(number, 1 / number), size=samples)
    weights = np.vstack([np.ones(len(units)), drawn[:, units]])
    scores = clip_scores(predictions, classes, ages=ages, answered_age=answered_age)
    means = pd.DataFrame(weights @ scores.to_numpy() / weights.sum(axis=1, keepdims=True), columns=scores.columns)
    return means.assign(**_macro_scores(predictions, weights))


def accuracy_by(
    predictions: pd.DataFrame, values: pd.Series, *, manifest: pd.DataFrame, parts: int | None = None, samples: int = 2000
) -> pd.DataFrame:
    """Accuracy of groups of clips, with 95% intervals: how far each would move with other speakers of the same group.

    The speakers of a group are resampled as those of a whole split are, see `resampled_scores`. Where all clips of a group are
    right, so are those of every resample, and of few speakers the resamples differ too little: so no interval is narrower than
    Wilson's (1927, J. Am. Stat. Assoc. 22, 209-212), which takes the clips for independent. Where the speakers are not known,
    Wilson's is all there is. A group of one speaker has no interval: it does not say how others would differ.

    Parameters
    ----------
    predictions : pd.DataFrame
    values : pd.Series
        What to group by, indexed by clip; clips without a value are left out.
    manifest : pd.DataFrame
        Columns `clip`, `speaker`.
    parts : int, optional
        Cut numbers into that many parts with as many clips each.
    samples : int
        How often each group is resampled.

    Returns
    -------
    pd.DataFrame
        Indexed by group: `clips`, `speakers` (missing where not known), `errors`, `accuracy`, `low`, `high`.
    """
    value = predictions["clip"].map(values)
    if parts:
        value = pd.qcut(value, parts, precision=1, duplicates="drop")
        value = value.cat.rename_categories(lambda part: f"{part.left:g} to {part.right:g}")
    units, unit = resampling_units(predictions, manifest)
    clips = pd.DataFrame({"unit": units, "error": predictions["true"] != predictions["predicted"]}, index=predictions.index)
    groups = clips.groupby(value.where(value != ""), observed=True)
    table = groups.agg(clips=("error", "size"), speakers=("unit", "nunique"), errors=("error", "sum")).rename_axis(values.name)
    table["speakers"] = table["speakers"].astype("Int64") if unit == "speaker" else pd.array([pd.NA] * len(table), dtype="Int64")
    table["accuracy"] = 1 - table["errors"] / table["clips"]
    bounds = [_group_interval(group, unit, samples=samples) for _, group in groups]
    return table.assign(low=[low for low, _ in bounds], high=[high for _, high in bounds])


def _group_interval(clips: pd.DataFrame, unit: str, *, samples: int) -> tuple[float, float]:
    """Interval of the accuracy of clips with the columns `unit` and `error`, as `accuracy_by` describes it."""
    wilson = binomtest(int((~clips["error"]).sum()), len(clips)).proportion_ci(method="wilson")
    if unit == "clip":
        return wilson.low, wilson.high
    errors, sizes = (clips.groupby("unit")["error"].agg(count).to_numpy() for count in ("sum", "size"))
    if len(sizes) == 1:
        return np.nan, np.nan
    drawn = np.random.default_rng(0).multinomial(len(sizes), np.full(len(sizes), 1 / len(sizes)), size=samples)
    low, high = np.quantile(1 - drawn @ errors / (drawn @ sizes), [0.025, 0.975])
    return float(min(low, wilson.low)), float(max(high, wilson.high))


def percentiles(resampled: pd.DataFrame) -> pd.DataFrame:
    """The first row of each column as `value`, and the interval `low` to `high` that holds the middle 95% of the other rows."""
    tail = (1 - 0.95) / 2
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


def agreement(one: pd.Series, other: pd.Series) -> pd.DataFrame:
    """Count the clips that both models get right, one of them, and none: rows are the one, columns the other."""
    sides = [pd.Categorical(np.where(right, "right", "wrong"), categories=["right", "wrong"]) for right in (one, other)]
    return pd.crosstab(*sides, rownames=[one.name], colnames=[other.name], dropna=False)


def differences(right: pd.DataFrame, resamples: pd.DataFrame, *, best: str, converged: pd.Series) -> pd.DataFrame:
    """Compare the best model with each of the others on the same test clips.

    McNemar (1947, Psychometrika 12, 153-157): if two models were equally good, the clips that only one of them gets right would
    fall to either like the toss of a coin; here with exact binomial probabilities. With several seeds, a clip counts for the model
    that more of its seeds get right, which is the sign test. The paired bootstrap (Efron & Tibshirani, 1993) resamples the
    speakers, and the seeds, and asks how often the order turns round. Who compares often finds something by chance: Holm (1979,
    Scand. J. Stat. 6, 65-70) raises both p values for that.

    Parameters
    ----------
    right : pd.DataFrame
        One row a clip, one column a model: whether it is right, or the fraction of its seeds that are.
    resamples : pd.DataFrame
        One column a model: its accuracy on the test clips in the first row, on resamples of them, the same for all, below.
    best : str
        The model to compare with.
    converged : pd.Series
        Indexed by model: whether it has learnt what it can. Of one that has not, no difference is called real.

    Returns
    -------
    pd.DataFrame
        Indexed by `model`: `difference` (best less this one), `low`, `high` (95% interval), `only_best` and `only_this` (clips that
        only one of the two gets right, or more of its seeds), p values `mcnemar` and `bootstrap`, the same after Holm in
        `mcnemar_holm` and `bootstrap_holm`, `converged`, whether both have, and `real`: whether they have, both p values are below
        0.05, and both tests see the same model ahead.
    """
    others = resamples.columns.drop(best)
    gaps = resamples[others].rsub(resamples[best], axis=0)
    table = percentiles(gaps).rename(columns={"value": "difference"}).rename_axis("model")
    ahead = right[others].rsub(right[best].astype(float), axis=0)
    table = table.assign(only_best=(ahead > 0).sum(), only_this=(ahead < 0).sum())
    counts = zip(table["only_best"], table["only_this"], strict=True)
    table["mcnemar"] = [binomtest(one, max(one + other, 1)).pvalue for one, other in counts]
    sides = [(1 + (gaps.iloc[1:] <= 0).sum()) / len(gaps), (1 + (gaps.iloc[1:] >= 0).sum()) / len(gaps)]
    table["bootstrap"] = np.minimum(2 * np.minimum(*sides), 1)
    for test in ("mcnemar", "bootstrap"):
        table[f"{test}_holm"] = holm(table[test])
    table["converged"] = converged[others] & converged[best]
    agree = np.sign(table["only_best"] - table["only_this"]) == np.sign(table["difference"])
    table["real"] = (table[["mcnemar_holm", "bootstrap_holm"]] < 0.05).all(axis=1) & agree & table["converged"]
    return table.sort_values("difference", kind="stable")


def holm(p_values: pd.Series) -> pd.Series:
    """Raise p values for their number: the smallest times n, the next times n - 1, and so on, none below the one before it.

    Examples
    --------
    >>> holm(pd.Series([0.04, 0.01, 0.03])).round(3).tolist()
    [0.06, 0.03, 0.06]
    """
    ascending = p_values.sort_values()
    return (ascending * np.arange(len(ascending), 0, -1)).cummax().clip(upper=1).reindex(p_values.index)


def visible_difference(clips: int, *, disagreement: float) -> float:
    """The smallest difference of accuracy that McNemar's test at 0.05 would find in four of five such test sets.

    Connor (1987), "Sample size for testing differences in proportions for the paired-sample design", Biometrics 43, 207-211, solved
    for the difference.

    Parameters
    ----------
    clips : int
        In the test set.
    disagreement : float
        Fraction of the clips that only one of the two models gets right.

    Returns
    -------
    float
        A fraction of 1; not more than `disagreement`, the largest difference there can be, even if that would not be found.

    Examples
    --------
    >>> round(visible_difference(188, disagreement=0.15), 3)
    0.079
    """
    alpha, beta = norm.ppf(0.975), norm.ppf(0.8)

    def lacking(difference: float) -> float:
        needed = (alpha * np.sqrt(disagreement) + beta * np.sqrt(disagreement - difference**2)) / difference
        return needed**2 - clips

    return float(brentq(lacking, 1e-9, disagreement)) if lacking(disagreement) < 0 else disagreement


def pareto_front(table: pd.DataFrame, cost: str) -> pd.Series:
    """Whether no other row is at least as accurate and at least as cheap, and better in one of the two.

    Examples
    --------
    >>> pareto_front(pd.DataFrame({"accuracy": [0.9, 0.8, 0.7], "seconds": [10, 1, 5]}), "seconds").tolist()
    [True, True, False]
    """
    good, cheap = table["accuracy"].to_numpy(), table[cost].to_numpy()
    as_good = (good >= good[:, np.newaxis]) & (cheap <= cheap[:, np.newaxis])
    better = as_good & ((good > good[:, np.newaxis]) | (cheap < cheap[:, np.newaxis]))
    return pd.Series(~better.any(axis=1) & np.isfinite(cheap), index=table.index)
