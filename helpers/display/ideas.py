"""Drawings of ideas, all in one style: narrow enough for a telephone, with a text alternative (the figure's label)."""

import itertools

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch, Patch, Rectangle
from sklearn.pipeline import Pipeline

from helpers.base.settings import SpectrogramSettings
from helpers.display.figures import BLUE, DARK, GREY, HIDDEN, LINE, ORANGE, SPECTROGRAM, SPLIT_COLOURS
from helpers.spectrograms.mel import mel_spectrogram_db, to_image

WIDTH = 7  # inches: on a telephone of 420 pixels, 12 points are 10 pixels


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


def receptive_field() -> Figure:
    """What one point sees (the study's section 9.1): after one, two and three 3 x 3 convolutions, and in a dense layer."""
    figure, axes = plt.subplots(2, 2, figsize=(7, 7.6))
    side, middle = 11, 5  # points of the picture in each direction, and the one in the middle
    seen = np.zeros((side, side))
    seen[middle, middle] = 1
    for number, ax in enumerate(axes.flat[:3], start=1):
        padded = np.pad(seen, 1)
        seen = sum(padded[row : row + side, column : column + side] for row in range(3) for column in range(3))  # a filter of ones
        width = int((seen[middle] > 0).sum())
        _points(ax, seen > 0, title=f"{number} convolution{'s' * (number > 1)}", label=f"sees {width} x {width} points")
    _points(axes[1, 1], np.ones_like(seen, bool), title="a dense layer", label=f"sees all {side} x {side} points")
    figure.set_label(
        f"Four grids of {side} x {side} points. A point of the result, in the middle, sees 3 x 3 points of the picture after one "
        "3 x 3 convolution, 5 x 5 after two, 7 x 7 after three; in a dense layer it sees all points."
    )
    return figure


def _points(ax: Axes, seen: np.ndarray, *, title: str, label: str) -> None:
    rows, columns = np.indices(seen.shape)
    middle = seen.shape[0] // 2
    ax.scatter(columns[~seen], rows[~seen], s=90, color=HIDDEN, marker="s")
    ax.scatter(columns[seen], rows[seen], s=90, color=BLUE, marker="s")
    ax.scatter(middle, middle, s=90, color=ORANGE, marker="o", edgecolor=DARK)
    limits = (-0.8, len(seen) - 0.2)
    ax.set(title=title, xlabel=label, xticks=[], yticks=[], aspect="equal", xlim=limits, ylim=limits)


def residual_block() -> Figure:
    """The study's Figure 2: a plain block, and beside it the residual block of He et al. (2016)."""
    figure, axes = plt.subplots(1, 2, figsize=(10, 6))
    for ax, name, skip in zip(axes, ("a plain block", "a residual block"), (False, True), strict=True):
        ax.set(xlim=(0, 10), ylim=(0, 12.2), title=name)
        ax.axis("off")
        heights = {"input x": 11.4, "3 x 3 convolution": 9.2, "ReLU": 7.3, "3 x 3 convolution ": 5.4, "ReLU ": 2.0, "output": 0.2}
        for text, height in heights.items():
            _box(ax, height, text.strip())
        stops = [11.4, 9.2, 7.3, 5.4, *([3.7] if skip else []), 2.0, 0.2]
        for start, end in itertools.pairwise(stops):
            _arrow(ax, (4, start - 0.55), (4, end + 0.55))
        if skip:
            ax.add_patch(Circle((4, 3.7), 0.5, facecolor="white", edgecolor=ORANGE, linewidth=2.5, zorder=3))
            ax.text(4, 3.68, "+", ha="center", va="center", fontsize=18, zorder=4)
            ax.plot([4, 8.2, 8.2], [10.3, 10.3, 3.7], color=ORANGE, linewidth=2.5)
            _arrow(ax, (8.2, 3.7), (4.5, 3.7), color=ORANGE)
            ax.text(8.4, 7.3, "the skip:\nx as it is", ha="left", va="center", color=DARK)
            ax.text(3.6, 4.35, "F(x)", ha="right", va="center", color=DARK)
            ax.text(3.6, 2.9, "F(x) + x", ha="right", va="center", color=DARK)
        else:
            ax.text(3.6, 3.6, "H(x)", ha="right", va="center", color=DARK)
    figure.set_label(
        "Two flow charts from top to bottom. Plain block: the input x goes through a 3 x 3 convolution, a ReLU and a second 3 x 3 "
        "convolution, which give H(x), and a last ReLU. Residual block: the same two convolutions give F(x); a skip leads x past "
        "them and adds it, so that F(x) + x goes into the last ReLU."
    )
    return figure


def _box(ax: Axes, height: float, text: str) -> None:
    edge = "none" if text in ("input x", "output") else BLUE if "conv" in text else GREY
    style = {"boxstyle": "round,pad=0.05", "facecolor": "white", "edgecolor": edge, "linewidth": 2}
    ax.add_patch(FancyBboxPatch((1.2, height - 0.5), 5.6, 1.0, zorder=2, **style))
    ax.text(4, height, text, ha="center", va="center", zorder=3, color=DARK)


def _arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float], *, color: str = DARK) -> None:
    ax.add_patch(FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=16, shrinkA=0, shrinkB=0, color=color, linewidth=2))


def pipeline() -> Figure:
    """The study's Figure 4: from a WAV file by spectrogram, PNG image and network to a class; sound and answer are invented."""
    settings = SpectrogramSettings()
    samples = _syllables(settings.sample_rate)
    decibels = mel_spectrogram_db(samples, settings=settings)
    figure, axes = plt.subplots(5, 2, figsize=(WIDTH, 8.4), width_ratios=(10, 9), layout="constrained")
    figure.get_layout_engine().set(hspace=0.3)  # of a row: room for the arrows
    (wave, spectrogram, png, network, answer), texts = axes.T
    wave.plot(samples, color=BLUE, linewidth=0.5)
    spectrogram.imshow(decibels, origin="lower", aspect="auto", cmap=SPECTROGRAM)
    _whole_numbers(to_image(decibels, settings=settings)[62:70:2, 24:48:3], ax=png)
    _layers(network)
    probabilities = {"female_23": 0.07, "male_60": 0.08, "male_41": 0.85}
    answer.barh(list(probabilities), list(probabilities.values()), color=[LINE, LINE, ORANGE])
    answer.tick_params(length=0)
    said = {
        "WAV file": "thousands of samples\na second (notebook 1)",
        "Spectrogram": "how strong each frequency is\nat each moment (notebook 2)",
        "PNG image": "the same, in whole numbers\nfrom 0 to 255 (notebook 2)",
        "Network": "layers: ever fewer points,\never more features (notebook 3)",
        "Class": "a probability for each class:\nwhich is highest? (notebook 4)",
    }
    for row, (drawing, beside, (title, text)) in enumerate(zip(axes[:, 0], texts, said.items(), strict=True)):
        drawing.set(xticks=[], yticks=drawing.get_yticks() if drawing is answer else [])
        drawing.grid(False)
        beside.axis("off")
        beside.text(0, 0.95, title, fontsize=15, weight="bold", color=DARK, va="top")
        beside.text(0, 0.62, text, fontsize=13, color=DARK, va="top", linespacing=1.3)
        if row:
            arrow = {"arrowstyle": "-|>", "color": DARK, "linewidth": 2, "mutation_scale": 18}
            drawn = drawing.annotate("", (0.5, 1.03), (0.5, 1.37), xycoords="axes fraction", arrowprops=arrow)
            drawn.set_in_layout(False)  # Jupyter's layout leaves no room for arrows, others do
    steps = "; ".join(f"{title}, {text}".replace("\n", " ") for title, text in said.items())
    figure.set_label(f"The way of a clip in five steps, one below the other: {steps}.")
    return figure


def split_squares(ways: dict[str, pd.DataFrame]) -> Figure:
    """Who is in which set: one square a clip, one row a person, one panel a way of splitting.

    Parameters
    ----------
    ways : dict
        A title, and clips with the columns `speaker` and `split`.
    """
    rows = [clips["speaker"].nunique() for clips in ways.values()]
    most = max(clips["speaker"].value_counts().max() for clips in ways.values())
    size = (max(5, min(WIDTH, 1 + 0.45 * most)), 0.6 + sum(0.5 + 0.43 * each for each in rows))
    figure, axes = plt.subplots(len(ways), 1, figsize=size, height_ratios=rows, squeeze=False)
    told = []
    for ax, (title, clips) in zip(axes.flat, ways.items(), strict=True):
        people = dict(list(clips.groupby("speaker")["split"]))
        for row, splits in enumerate(people.values()):
            for place, split in enumerate(splits):
                ax.add_patch(Rectangle((place + 0.08, row + 0.08), 0.84, 0.84, color=SPLIT_COLOURS[split]))
        ax.set(xlim=(0, most), ylim=(len(people), 0), aspect="equal", title=title, xticks=[], ylabel="speaker")
        ax.set_yticks(np.arange(len(people)) + 0.5, list(people))
        ax.grid(False)
        for side in ax.spines.values():
            side.set_visible(False)
        sets = {name: ", ".join(split for split in SPLIT_COLOURS if split in set(splits)) for name, splits in people.items()}
        told.append(f"{title}: {'; '.join(f'{name} in {among}' for name, among in sets.items())}.")
    handles = [Patch(color=colour, label=name) for name, colour in SPLIT_COLOURS.items()]
    figure.legend(handles=handles, ncols=3, loc="outside lower center")
    figure.set_label(f"One square a clip, one row a speaker, coloured by set. {' '.join(told)}")
    return figure


def _syllables(sample_rate: int) -> np.ndarray:
    """A second of three invented syllables: harmonics of a falling pitch in two formants, faded in and out."""
    seconds = np.arange(sample_rate) / sample_rate
    pitch = 180 - 50 * seconds
    phase = 2 * np.pi * np.cumsum(pitch) / sample_rate
    strength = {k: 1 / (1 + ((150 * k - 600) / 250) ** 2) + 0.5 / (1 + ((150 * k - 2300) / 400) ** 2) for k in range(1, 40)}
    return np.sin(3 * np.pi * seconds) ** 2 * sum(level * np.sin(k * phase) for k, level in strength.items()) / 8


def _whole_numbers(levels: np.ndarray, *, ax: Axes) -> None:
    """Points of a picture as grey squares with their numbers."""
    ax.imshow(levels, cmap="gray", aspect="auto", vmin=0, vmax=255)
    for (row, column), level in np.ndenumerate(levels):
        ax.text(column, row, level, ha="center", va="center", fontsize=12, color="black" if level > 127 else "white")


def _layers(ax: Axes) -> None:
    """Layers of a network as stacks of maps: from few large maps to many small ones."""
    for start, side, maps in ((0, 2.6, 1), (2.2, 2.1, 3), (4.6, 1.5, 5), (7, 0.9, 8)):
        for number in range(maps):
            corner = (start + 0.17 * number, 1.5 - side / 2 + 0.08 * number)
            ax.add_patch(Rectangle(corner, 0.6 * side, side, facecolor=BLUE, edgecolor="white", linewidth=1.2))
    ax.set(xlim=(-0.4, 9.6), ylim=(-0.1, 3.3))
