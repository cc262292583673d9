"""Drawings of ideas, all in one style: narrow enough for a telephone, with a text alternative (the figure's label)."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from sklearn.pipeline import Pipeline

from helpers.display.figures import BLUE, DARK, GREY, LINE, ORANGE


def svm_margin(model: Pipeline, points: pd.DataFrame, labels: pd.Series, *, ax: Axes | None = None) -> Axes:
    """The study's Figure 5: clips in a plane, the boundary of a support vector machine, its margin and its support vectors.

    Parameters
    ----------
    model : Pipeline
        Ends with an `SVC`; fitted on `points` and `labels`.
    points : pd.DataFrame
        One row a clip; two columns, whose names are written on the axes, with their units.
    labels : pd.Series
        One of two values for each clip.
    """
    ax = ax or plt.subplots(figsize=(7, 6.5))[1]
    values, support = points.to_numpy(), model[-1].support_
    space = 0.06 * np.ptp(values, axis=0)
    sides = [np.linspace(*ends, 200) for ends in zip(values.min(axis=0) - space, values.max(axis=0) + space, strict=True)]
    grid = np.stack(np.meshgrid(*sides), axis=-1).reshape(-1, 2)
    decisions = model.decision_function(pd.DataFrame(grid, columns=points.columns)).reshape(200, 200)
    ax.contourf(*sides, decisions, levels=[-1, 1], colors=[LINE], alpha=0.18)
    ax.contour(*sides, decisions, levels=[-1, 0, 1], colors=[DARK], linestyles=["--", "-", "--"], linewidths=[1.5, 2.5, 1.5])
    for name, colour, mark in zip(model.classes_, (ORANGE, BLUE), "os", strict=True):
        own = values[(labels == name).to_numpy()]
        ax.scatter(own[:, 0], own[:, 1], s=36, color=colour, marker=mark, edgecolor=DARK, linewidth=0.4, label=name)
    ring = {"s": 190, "facecolor": "none", "edgecolor": DARK, "linewidth": 1.8}
    ax.scatter(values[support, 0], values[support, 1], label="support vectors", **ring)
    ax.plot([], [], color=DARK, linewidth=2.5, label="boundary")
    ax.plot([], [], color=DARK, linewidth=1.5, linestyle="--", label="edges of the margin")
    ax.set(xlabel=points.columns[0], ylabel=points.columns[1])
    ax.grid(color=GREY, alpha=0.15)
    ax.figure.legend(*ax.get_legend_handles_labels(), ncols=3, loc="outside upper center")
    inside = int((np.abs(model.decision_function(points)) < 1).sum())
    ax.figure.set_label(
        f"{len(points)} clips in a plane, {points.columns[0]} across and {points.columns[1]} up: {model.classes_[0]} and "
        f"{model.classes_[1]}. A straight boundary parts them, with a margin on both sides that holds {inside} of the clips. The "
        f"{len(support)} support vectors, on the edges of the margin, inside it or beyond, are ringed."
    )
    return ax
