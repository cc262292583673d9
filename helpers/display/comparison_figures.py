"""Figures of the comparison: each function draws on `ax`, or makes its own, and returns it (notebook 05)."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from sklearn.base import BaseEstimator

from helpers.display.figures import BLUE, DARK, FRACTIONS, GREEN, GREY, ORANGE, whiskers
from helpers.evaluation.intervals import pareto_front

TEST_COLOURS = {"known": BLUE, "strangers": ORANGE}
TEST_NAMES = {"known": "known voices", "strangers": "strangers"}
SCORE_NAMES = {
    "accuracy": "class right (fraction)",
    "gender_accuracy": "gender right (fraction)",
    "age_mae_years": "error of the age (years)",
}


def comparison_bars(comparison: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """The study's Figure 9: test accuracy (bars, with their intervals) and macro F1 (diamonds) of each model, by question.

    Parameters
    ----------
    comparison : pd.DataFrame
        Columns `model`, `asked_about`, `accuracy`, `accuracy_low`, `accuracy_high`, `macro_f1` and `converged`; a model without an
        accuracy, which could not be trained, is left out. The bars of one that has not converged are hatched.
    """
    comparison = comparison.dropna(subset="accuracy")
    models, tests = comparison["model"].unique(), comparison["asked_about"].unique()
    ax = ax or plt.subplots(figsize=(max(9, 1.9 * len(models)), 5))[1]
    width = 0.8 / max(len(tests), 1)
    for number, test in enumerate(tests):
        rows = comparison[comparison["asked_about"] == test].set_index("model").reindex(models)
        positions = np.arange(len(models)) + (number - (len(tests) - 1) / 2) * width
        bars = ax.bar(
            positions, rows["accuracy"], width=0.95 * width, yerr=whiskers(rows, "accuracy", "accuracy_low", "accuracy_high"),
            color=TEST_COLOURS[test], ecolor=DARK, capsize=3, label=f"accuracy, {TEST_NAMES[test]}",
            hatch=np.where(rows["converged"].eq(False), "///", ""), edgecolor="white", linewidth=0,
        )  # fmt: skip
        ax.bar_label(bars, fmt=lambda value: "" if np.isnan(value) else f"{value:.2f}", padding=2)
        label = "macro F1" if number == len(tests) - 1 else None
        ax.plot(positions, rows["macro_f1"], "D", color="white", markeredgecolor="black", markersize=7, label=label)
    if comparison["converged"].eq(False).any():
        ax.bar(0, 0, color=GREY, hatch="///", edgecolor="white", linewidth=0, label="not converged")
    ax.set_xticks(np.arange(len(models)), [model.replace("_", "\n") for model in models])
    ax.set(ylabel="fraction of the test clips", ylim=(0, 1.3), yticks=FRACTIONS)
    ax.grid(axis="x", visible=False)
    ax.legend(ncols=2, loc="upper right")
    return ax


def svm_plane(model: BaseEstimator, points: np.ndarray, labels: pd.Series, *, ax: Axes | None = None) -> Axes:
    """The study's Figure 5: clips in the plane of their two principal components, and a model's answer everywhere in it.

    Parameters
    ----------
    model : sklearn.base.BaseEstimator
        Fitted on `points`; gives one of the labels.
    points : np.ndarray [shape=(clips, 2)]
    labels : pd.Series
        One a clip.
    """
    ax = ax or plt.subplots(figsize=(7, 5.5))[1]
    names = sorted(labels.unique())
    colours = plt.get_cmap("cividis")(np.linspace(0, 1, len(names))) if len(names) > 2 else [ORANGE, BLUE][: len(names)]
    sides = [np.linspace(low - 0.3, high + 0.3, 150) for low, high in zip(points.min(axis=0), points.max(axis=0), strict=True)]
    grid = np.stack(np.meshgrid(*sides), axis=-1)
    answers = pd.Index(names).get_indexer(model.predict(grid.reshape(-1, 2))).reshape(grid.shape[:2])
    ax.pcolormesh(*sides, answers, cmap=ListedColormap(colours), vmin=-0.5, vmax=len(names) - 0.5, alpha=0.3, rasterized=True)
    for name, colour in zip(names, colours, strict=True):
        own = points[(labels == name).to_numpy()]
        ax.scatter(own[:, 0], own[:, 1], s=16, color=[colour], edgecolor=DARK, linewidth=0.3, label=name)
    ax.set(xlabel="first principal component (standard deviations)", ylabel="second principal component (standard deviations)")
    if len(names) <= 10:
        ax.legend(markerscale=1.8)
    ax.grid(False)
    return ax


def difference_intervals(table: pd.DataFrame, *, best: str, ax: Axes | None = None) -> Axes:
    """How far each model lies behind the best, with 95% intervals; filled where the difference is real after Holm.

    Parameters
    ----------
    table : pd.DataFrame
        As `helpers.evaluation.intervals.differences` gives it; where one of the two has not converged, the mark is a cross.
    best : str
        Name of the model that the others are compared with.
    """
    ax = ax or plt.subplots(figsize=(9, 1.6 + 0.5 * len(table)))[1]
    kinds = {
        "real (both tests, after Holm)": (table["real"], BLUE, BLUE, "o"),
        "may be chance": (table["converged"] & ~table["real"], GREY, "white", "o"),
        "not converged, so nothing is said": (~table["converged"], GREY, "white", "X"),
    }
    for text, (chosen, colour, fill, mark) in kinds.items():
        if chosen.any():
            part, rows = table[chosen], np.flatnonzero(chosen)
            ax.errorbar(
                part["difference"], -rows, xerr=whiskers(part, "difference", "low", "high"), fmt=mark, ms=9,
                color=colour, markerfacecolor=fill, markeredgewidth=2, capsize=4, label=text,
            )  # fmt: skip
    ax.axvline(0, color="black", linewidth=1)
    ax.set_yticks(-np.arange(len(table)), [name.replace("_", " ") for name in table.index])
    ax.set(xlabel=f"accuracy of {best.replace('_', ' ')} less that of the model (fraction)", ylim=(-len(table) + 0.4, 0.6))
    ax.figure.legend(*ax.get_legend_handles_labels(), ncols=2, loc="outside upper center")
    return ax


def cost_scatter(table: pd.DataFrame, cost: str, *, label: str, ax: Axes | None = None) -> Axes:
    """Accuracy against a cost, with the Pareto front: the models that no other one beats in both.

    Parameters
    ----------
    table : pd.DataFrame
        Columns `model`, `accuracy`, `accuracy_low`, `accuracy_high` and the cost; models without it are left out.
    cost : str
        The column for the horizontal, logarithmic axis.
    label : str
        What it is, with its unit.
    """
    ax = ax or plt.subplots(figsize=(7, 5))[1]
    table = table[(table[cost] > 0) & table["accuracy"].notna()].sort_values(cost)
    front = pareto_front(table, cost)
    lengths = whiskers(table, "accuracy", "accuracy_low", "accuracy_high")
    ax.errorbar(table[cost], table["accuracy"], yerr=lengths, fmt="none", color=GREY, capsize=3, linewidth=1)
    ax.step(table.loc[front, cost], table.loc[front, "accuracy"], where="post", color=GREEN, linestyle="--", label="Pareto front")
    ax.scatter(table[cost], table["accuracy"], s=70, color=[GREEN if on else GREY for on in front], zorder=3)
    for name, x, y in table[["model", cost, "accuracy"]].itertuples(index=False):
        close = table[table[cost].between(x / 4, 4 * x) & table["accuracy"].between(y, y + 0.08, inclusive="right")]
        ax.annotate(name.replace("_", " "), (x, y), (6, -16 if len(close) else 6), textcoords="offset points")
    ax.set_xscale("log")
    ax.margins(x=0.25)
    ax.set(xlabel=label, ylabel="accuracy (fraction)", ylim=(-0.08, 1.1), yticks=FRACTIONS)
    ax.legend(loc="lower right")
    return ax


def known_and_strangers(gaps: pd.DataFrame, score: str, *, no_audio: float, ax: Axes | None = None) -> Axes:
    """The lesson of the suite: one score of each model for voices that it knows and for strangers, and the gap between.

    Parameters
    ----------
    gaps : pd.DataFrame
        One row a model, the columns of `helpers.evaluation.gap.gap`.
    score : {"accuracy", "gender_accuracy", "age_mae_years"}
        What it is, for the axis.
    no_audio : float
        The same score of the no-audio baseline.
    """
    ax = ax or plt.subplots(figsize=(5.5, 5))[1]
    years = score == "age_mae_years"
    positions, top = np.arange(len(gaps)), max(gaps[["known_high", "strangers_high"]].max().max(), no_audio) if years else 1.0
    for shift, test in (-0.2, "known"), (0.2, "strangers"):
        lengths = whiskers(gaps, test, f"{test}_low", f"{test}_high")
        ax.bar(
            positions + shift, gaps[test], width=0.38, yerr=lengths, color=TEST_COLOURS[test], ecolor=DARK,
            capsize=5, label=TEST_NAMES[test],
        )  # fmt: skip
        for position, value, high in zip(positions + shift, gaps[test], gaps[f"{test}_high"], strict=True):
            inside = value > 0.2 * top  # else above the whisker
            ax.annotate(
                f"{value:.1f}" if years else f"{value:.2f}", (position, 0 if inside else high), (0, 5), textcoords="offset points",
                ha="center", fontsize=14, fontweight="bold", color="white" if inside and test == "known" else "black",
            )  # fmt: skip
    ax.axhline(no_audio, color=GREY, linestyle="--", label="no-audio baseline")
    number = "{:+.1f}" if years else "{:+.2f}"
    names = [name.replace("_", " ") for name in gaps.index]
    texts = [[number.format(-gap) for gap in row] for row in gaps[["gap", "gap_high", "gap_low"]].to_numpy()]
    ax.set_xticks(positions, [f"{name}\n{gap}\n({low} to {high})" for name, (gap, low, high) in zip(names, texts, strict=True)])
    ax.set(ylabel=SCORE_NAMES[score], ylim=(0, 1.08 * top), xlim=(-0.6, len(gaps) - 0.4))
    ax.grid(axis="x", visible=False)
    return ax
