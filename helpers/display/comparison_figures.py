"""Figures of the comparison: each function draws on `ax`, or makes its own, and returns it (notebook 05)."""

from itertools import product

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke
from matplotlib.transforms import Bbox

from helpers.display.figures import BLUE, DARK, FRACTIONS, GREEN, GREY, ORANGE, whiskers
from helpers.evaluation.intervals import pareto_front

OUTLINE = withStroke(linewidth=4, foreground="white")  # of a name, so that lines behind it do not cross its letters
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
    ax = ax or plt.subplots(figsize=(9, 1.8 + 0.4 * len(tests) * len(models)))[1]
    height = 0.8 / max(len(tests), 1)
    for number, test in enumerate(tests):
        rows = comparison[comparison["asked_about"] == test].set_index("model").reindex(models)
        positions = np.arange(len(models)) + (number - (len(tests) - 1) / 2) * height
        bars = ax.barh(
            positions, rows["accuracy"], height=0.95 * height, xerr=whiskers(rows, "accuracy", "accuracy_low", "accuracy_high"),
            color=TEST_COLOURS[test], ecolor=DARK, capsize=3, label=f"accuracy, {TEST_NAMES[test]}",
            hatch=np.where(rows["converged"].eq(False), "///", ""), edgecolor="white", linewidth=0,
        )  # fmt: skip
        ax.bar_label(bars, fmt=lambda value: "" if np.isnan(value) else f"{value:.2f}", padding=8)
        label = "macro F1" if number == len(tests) - 1 else None
        ax.plot(
            rows["macro_f1"],
            positions,
            "D",
            color="white",
            markeredgecolor="black",
            markersize=7,
            label=label,
            clip_on=False,
            zorder=4,
        )
    if comparison["converged"].eq(False).any():
        ax.bar(0, 0, color=GREY, hatch="///", edgecolor="white", linewidth=0, label="not converged")
    ax.set_yticks(np.arange(len(models)), [model.replace("_", " ") for model in models])
    ax.set(xlabel="fraction of the test clips", xlim=(0, 1.15), xticks=FRACTIONS, ylim=(len(models) - 0.5, -0.5))
    ax.grid(axis="y", visible=False)
    ax.figure.legend(*ax.get_legend_handles_labels(), ncols=2, loc="outside upper center")
    told = comparison.assign(of=comparison["asked_about"].map(TEST_NAMES))[["model", "accuracy", "of"]].itertuples(index=False)
    told = "; ".join(f"{model.replace('_', ' ')} {accuracy:.2f} ({of})" for model, accuracy, of in told)
    ax.figure.set_label(f"Bars: the test accuracy of each model. {told}.")  # the text alternative
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
    ax.set(
        xlabel=f"accuracy of {best.replace('_', ' ')} less that of the model (fraction, 95% interval)",
        ylim=(-len(table) + 0.4, 0.6),
    )
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
    ax.set_xscale("log")
    ax.margins(x=0.25)
    ax.set(xlabel=label, ylabel="accuracy (fraction)", ylim=(-0.08, 1.1), yticks=FRACTIONS)
    ax.legend(loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0.2)
    _name_points(ax, table["model"].str.replace("_", " "), table[[cost, "accuracy"]].to_numpy())
    return ax


def _name_points(ax: Axes, names: pd.Series, points: np.ndarray) -> None:
    """Write each point's name beside it: at the first of eight places where it covers no other name and no point."""
    ax.figure.draw_without_rendering()  # so that the axes are where they will be
    taken = [Bbox.from_bounds(x - 6, y - 6, 12, 12) for x, y in ax.transData.transform(points)]
    for name, point in zip(names, points, strict=True):
        for up, side in product((5, -15, 20, -30), (1, -1)):
            beside = {"textcoords": "offset points", "ha": "left" if side > 0 else "right", "path_effects": [OUTLINE]}
            text = ax.annotate(name, point, (8 * side, up), **beside)
            box = text.get_window_extent()
            if ax.bbox.x0 < box.x0 and box.x1 < ax.bbox.x1 and not box.count_overlaps(taken):
                break
            text.remove()
        else:
            text = ax.annotate(name, point, (8, 5), textcoords="offset points", path_effects=[OUTLINE])
        taken.append(text.get_window_extent())


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
