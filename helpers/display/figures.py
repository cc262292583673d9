"""Style, and figures of clips, training and scores: each function draws on `ax`, or makes its own, and returns it."""

import textwrap

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from IPython import get_ipython
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.scale import LogScale, register_scale
from matplotlib.ticker import LogFormatter, MaxNLocator

from helpers.base.settings import SpectrogramSettings
from helpers.display.alternatives import describe_figures
from helpers.recordings.labels import gender_groups, known_ages, middle

# Okabe & Ito (2008), Color Universal Design: distinguishable with any colour vision, and in print.
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#E69F00", "#009E73", "#666666"
DARK, LINE, HIDDEN = "#222222", "#888888", "#DDDDDD"  # whiskers, lines between cells, cells without a meaning
# Both grow evenly in lightness, so they are read without colours too; spectrograms have the study's map.
SEQUENTIAL, SPECTROGRAM = "cividis", "magma"
GENDER_COLOURS = {"female": ORANGE, "male": BLUE}
SPLIT_COLOURS = {"train": BLUE, "validation": ORANGE, "test": GREEN}
MOST_COLUMNS = 10_000  # of a waveform: more than any screen or page has
FRACTIONS = np.arange(0, 1.01, 0.2)  # ticks


class PlainLogFormatter(LogFormatter):
    """Numbers as 0.01 and 100, where Matplotlib's own formatter of logarithmic axes writes formulas."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        """The text beside a tick; empty where there are too many."""
        return f"{x:g}" if super().__call__(x, pos) else ""


class PlainLogScale(LogScale):
    """A logarithmic axis with plain numbers."""

    def set_default_locators_and_formatters(self, axis: Axis) -> None:
        """As Matplotlib does, with the other formatter."""
        super().set_default_locators_and_formatters(axis)
        axis.set_major_formatter(PlainLogFormatter(self.base))
        axis.set_minor_formatter(PlainLogFormatter(self.base, labelOnlyBase=self.subs is not None))


# A class or a clip may be called "$5_$10": no text in a figure is a formula, so the axes' own must not be one either.
plt.rcParams["text.parse_math"] = False
register_scale(PlainLogScale)


def set_style() -> None:
    """One style for all figures, readable when projected, with a text alternative, and tables that show whole sentences."""
    describe_figures(get_ipython())
    pd.set_option("display.max_colwidth", 200)
    sns.set_theme(style="whitegrid", palette=[BLUE, ORANGE, GREEN, GREY])
    plt.rcParams.update({
        "font.size": 12, "axes.titlesize": 14, "axes.labelsize": 12, "xtick.labelsize": 12, "ytick.labelsize": 12,
        "legend.fontsize": 12, "figure.figsize": (9, 4.5), "figure.constrained_layout.use": True, "savefig.dpi": 110,
        "image.cmap": SPECTROGRAM,
    })  # fmt: skip


def waveform(samples: np.ndarray, *, sample_rate: int, ax: Axes | None = None) -> Axes:
    """The study's Figure 3: amplitude over time.

    Parameters
    ----------
    samples : np.ndarray [shape=(n,)]
        From -1 to 1.
    sample_rate : int
        In Hz.
    """
    ax = ax or plt.subplots(figsize=(9, 3))[1]
    seconds, times, values = len(samples) / sample_rate, np.arange(len(samples)), samples
    if len(samples) > 2 * MOST_COLUMNS:
        edges, lowest, highest = envelope(samples, points=MOST_COLUMNS)
        times, values = np.repeat(edges, 2), np.column_stack([lowest, highest]).ravel()
    ax.plot(times / sample_rate, values, color=BLUE, linewidth=0.6)
    ax.set(xlabel="time (s)", ylabel="amplitude (1 = full scale)", xlim=(0, seconds))
    return ax


def envelope(samples: np.ndarray, *, points: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Index of the first sample, lowest and highest sample of each of so many stretches, or of as many as there are samples."""
    edges = np.linspace(0, len(samples), min(points, len(samples)) + 1).astype(int)[:-1]
    return edges, np.minimum.reduceat(samples, edges), np.maximum.reduceat(samples, edges)


def mel_marks(settings: SpectrogramSettings) -> tuple[np.ndarray, dict[int, float]]:
    """The frequency in Hz in the middle of each mel bin, and round frequencies: how many bins up each lies."""
    # What librosa.mel_frequencies gives; loading it, with its compiler, takes a second, and a clip is to be heard sooner.
    step, above = 200 / 3, np.log(6.4) / 27  # Hz a mel up to 1000 Hz, and a logarithm's step a mel from there
    lowest, highest = (
        hertz / step if hertz < 1000 else 15 + np.log(hertz / 1000) / above for hertz in (settings.fmin, settings.fmax)
    )
    mels = np.linspace(lowest, highest, settings.mel_bins + 2)[1:-1]
    centres = np.where(mels < 15, mels * step, 1000 * np.exp((mels - 15) * above))
    marks = [hertz for hertz in (100, 250, 500, 1000, 2000, 4000, 8000) if centres[0] <= hertz <= centres[-1]]
    return centres, dict(zip(marks, np.interp(marks, centres, np.arange(settings.mel_bins) + 0.5).tolist(), strict=True))


def spectrogram(decibels: np.ndarray, *, settings: SpectrogramSettings, ax: Axes | None = None) -> Axes:
    """A mel spectrogram with its axes in seconds and Hz and its colours in dB.

    Parameters
    ----------
    decibels : np.ndarray [shape=(mel_bins, frames)]
    settings : SpectrogramSettings
    """
    ax = ax or plt.subplots(figsize=(9, 4))[1]
    seconds, bins = decibels.shape[1] * settings.hop_length / settings.sample_rate, settings.mel_bins
    position = {"origin": "lower", "aspect": "auto", "extent": (0, seconds, 0, bins)}
    image = ax.imshow(decibels, cmap=SPECTROGRAM, interpolation="nearest", **position)
    _, marks = mel_marks(settings)
    ax.set_yticks(list(marks.values()), list(map(str, marks)))
    ax.grid(False)
    ax.set(xlabel="time (s)", ylabel="frequency (Hz, mel scale)")
    ax.figure.colorbar(image, ax=ax, label="level (dB, loudest point = 0)")
    return ax


def population_pyramid(manifest: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Clips by age: women to the left, men to the right.

    A bar is five years, or where the ages come in equal steps, such as every third year, one step: so that equal classes have
    equal bars.

    Parameters
    ----------
    manifest : pd.DataFrame
        Columns `gender`, `age` and `age_range`; clips that lack one of them are counted in the title. Of an age that is known as a
        range, the middle is drawn, and the title says so.
    """
    ax = ax or plt.subplots(figsize=(9, 4.5))[1]
    spans = pd.Series(known_ages(manifest), manifest.index, dtype=object)
    known = manifest[(manifest["gender"] != "") & spans.notna()]
    spans = spans[known.index]
    years = spans.map(middle).astype(int)
    step = int(np.gcd.reduce(np.diff(np.sort(years.unique())))) if years.nunique() > 2 else 0
    step, first = (step, years.min()) if 1 < step <= 10 else (5, 0)
    steps = (years - first) // step * step + first
    ages = np.arange(steps.min(), steps.max() + step, step) if len(known) else np.arange(0)
    for (gender, colour), sign in zip(GENDER_COLOURS.items(), (-1, 1), strict=True):
        counts = steps[known["gender"] == gender].value_counts().reindex(ages, fill_value=0)
        ax.barh(ages, sign * counts, height=0.88 * step, align="edge", color=colour, label=f"{gender} ({counts.sum()})")
    ax.axvline(0, color="black", linewidth=0.8)
    ax.xaxis.set_major_formatter(lambda count, _: f"{abs(count):.0f}")
    ax.yaxis.set_major_locator(MaxNLocator(integer=True, steps=(1, 5, 10)))
    ax.set(xlabel="clips", ylabel="age (years)")
    ranges = sum(first < last for first, last in spans)
    notes = [f"without {len(manifest) - len(known)} clips of unknown gender or age"] if len(known) < len(manifest) else []
    notes += [f"{ranges} clips at the middle of a range of ages"] if ranges else []
    ax.set_title("\n".join(notes))
    ax.figure.legend(*ax.get_legend_handles_labels(), ncols=2, loc="outside upper center")
    return ax


def class_counts(manifest: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Clips of each class, stacked by split."""
    table = pd.crosstab(manifest["label"], manifest["split"]).reindex(columns=list(SPLIT_COLOURS), fill_value=0)
    ax = ax or plt.subplots(figsize=(max(6, min(16, 1 + 0.27 * len(table))), 4.5))[1]
    table.plot.bar(stacked=True, color=SPLIT_COLOURS, width=0.8, rot=90 if len(table) > 6 else 0, ax=ax)
    ax.set(xlabel="", ylabel="clips", ylim=(0, 1.25 * table.sum(axis=1).max()))
    ax.grid(axis="x", visible=False)
    ax.legend(ncols=3, loc="upper right")
    return ax


def training_curve(
    history: pd.DataFrame, quantity: str, *, kept: int | None = None, floor: float = 0, ax: Axes | None = None
) -> Axes:
    """One quantity by epoch, training and validation, with the kept epoch marked: the study's Figures 6 and 7.

    Parameters
    ----------
    history : pd.DataFrame
        Columns `epoch`, `loss`, `accuracy`, `validation_loss`, `validation_accuracy`.
    quantity : {"loss", "accuracy"}
    kept : int, optional
        Number of the epoch whose weights were kept, `best_epoch` in `run.json`; by default that of the lowest validation loss.
    floor : float
        Above 0, a dotted line: the lowest loss that smoothed labels allow (`helpers.evaluation.scores.lowest_loss`).
    """
    ax = ax or plt.subplots()[1]
    kept = history["epoch"][history["validation_loss"].idxmin()] if kept is None else kept
    marker = "o" if len(history) == 1 else None
    ax.plot(history["epoch"], history[quantity], color=BLUE, marker=marker, label="training")
    ax.plot(history["epoch"], history[f"validation_{quantity}"], color=ORANGE, marker=marker, linestyle="--", label="validation")
    ax.axvline(kept, color=GREY, linestyle="-.", label=f"kept: epoch {kept}")
    if floor > 0:
        ax.axhline(floor, color=DARK, linestyle=":", label=f"floor of the smoothed loss: {floor:.2f}")
        ax.set_ylim(bottom=0)
    ax.set(xlabel="epoch", ylabel={"loss": "loss (cross-entropy, nats)", "accuracy": "accuracy (fraction)"}[quantity])
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    if quantity == "accuracy":
        ax.set_ylim(0, 1.02)
    ax.legend()
    return ax


def confusion_matrix(counts: pd.DataFrame, *, show: str = "counts", ax: Axes | None = None) -> Axes:
    """The study's Figure 8: rows are the true classes, columns the predicted ones.

    Parameters
    ----------
    counts : pd.DataFrame
        Square, as `helpers.evaluation.scores.confusion_counts` gives it; best with the classes in
        `helpers.recordings.labels.class_order`.
    show : {"counts", "errors"}
        All clips, or those beside the diagonal alone.
    """
    size = len(counts)
    small = size <= 12  # room for a number in each cell
    names, groups = gender_groups([str(label) for label in counts.index])
    side = max(5.0, (0.6 if small else 0.25) * size + (1.5 if groups else 2.5))
    ax = ax or plt.subplots(figsize=(side + 2.2, side))[1]
    hidden = np.eye(size, dtype=bool) if show == "errors" else np.zeros((size, size), bool)
    texts = counts.map(lambda count: f"{count:d}" if count else "")
    highest = max(counts.to_numpy()[~hidden].max(initial=0), 1)
    sns.heatmap(
        counts, ax=ax, cmap=SEQUENTIAL, square=True, vmin=0, vmax=highest, mask=hidden, annot=texts if small else False, fmt="",
        cbar_kws={"label": "clips", "shrink": 0.6, "ticks": MaxNLocator(6, integer=True)},
        linewidths=0.6 if small else 0.3, linecolor=LINE, xticklabels=names, yticklabels=names,
    )  # fmt: skip
    ax.set_facecolor(HIDDEN)  # the hidden diagonal
    ax.grid(False)
    unit = " (age in years)" if groups else ""  # what is left of the names are ages
    ax.set(xlabel=f"predicted class{unit}", ylabel=f"true class{unit}")
    ax.tick_params(axis="x", rotation=0 if max(map(len, names)) <= (5 if small else 2) else 90)
    ax.tick_params(axis="y", rotation=0)
    for gender, start, end in groups:
        if start:
            ax.axhline(start, color="white", linewidth=2.5)
            ax.axvline(start, color="white", linewidth=2.5)
        centre, beside = (start + end) / 2, {"textcoords": "offset points"}
        ax.annotate(gender, (centre, 0), (0, -24), xycoords=ax.get_xaxis_transform(), ha="center", va="top", **beside)
        beside |= {"rotation": 90, "ha": "right", "va": "center"}
        ax.annotate(gender, (0, centre), (-28, 0), xycoords=ax.get_yaxis_transform(), **beside)
    if groups:
        ax.xaxis.labelpad = ax.yaxis.labelpad = 24
    return ax


def score_intervals(scores: pd.DataFrame, baseline: dict[str, float], *, ax: Axes | None = None) -> Axes:
    """Scores that are fractions, with their intervals, beside those of a baseline.

    Parameters
    ----------
    scores : pd.DataFrame
        As `helpers.evaluation.intervals.bootstrap` gives it.
    baseline : dict
        The same scores of a model that hears nothing, or only the pitch; those that it lacks get no mark.
    """
    scores = scores.drop(["loss", "age_mae_years"], errors="ignore").iloc[::-1]
    ax = ax or plt.subplots(figsize=(9, 1.3 + 0.5 * len(scores)))[1]
    positions = np.arange(len(scores))
    lengths, name = whiskers(scores, "value", "low", "high"), "the network, with its 95% interval"
    ax.errorbar(scores["value"], positions, xerr=lengths, fmt="o", color=BLUE, capsize=4, label=name)
    marks = [baseline.get(name, np.nan) for name in scores.index]
    ax.plot(marks, positions, "x", color=ORANGE, markeredgewidth=2.5, markersize=9, label="baseline")
    ax.set_yticks(positions, [name.replace("_", " ") for name in scores.index])
    ax.set(xlabel="fraction of the clips (macro F1: of 1)", xlim=(-0.02, 1.02), ylim=(-0.6, len(scores) - 0.4), xticks=FRACTIONS)
    ax.figure.legend(*ax.get_legend_handles_labels(), ncols=2, loc="outside upper center")
    return ax


def class_f1_bars(report: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """F1 of each class, coloured by gender where the names give it.

    Parameters
    ----------
    report : pd.DataFrame
        As `helpers.evaluation.scores.class_report` gives it.
    """
    names, groups = gender_groups([str(label) for label in report.index])
    longest = max(map(len, names))
    ax = ax or plt.subplots(figsize=(max(9, min(18, 1.5 + 0.3 * len(report))), 3.6 + 0.1 * longest))[1]
    for gender, start, end in groups or [("", 0, len(names))]:
        ax.bar(np.arange(start, end), report["f1"].iloc[start:end], color=GENDER_COLOURS.get(gender, BLUE), width=0.8, label=gender)
    ax.axhline(report["f1"].mean(), color=GREY, linestyle="--", label=f"mean {report['f1'].mean():.2f}")
    ax.set_xticks(np.arange(len(names)), names, rotation=0 if longest <= 2 else 90)
    ax.set(ylabel="F1 (fraction of 1)", ylim=(0, 1.25), yticks=FRACTIONS, xlabel="age (years)" if groups else "class")
    ax.set_xlim(-0.6, len(names) - 0.4)
    ax.grid(axis="x", visible=False)
    ax.legend(ncols=3, loc="upper right")
    return ax


def accuracy_bars(table: pd.DataFrame, *, line: tuple[str, float] | None = None, ax: Axes | None = None) -> Axes:
    """Accuracy of groups of clips with its intervals.

    Parameters
    ----------
    table : pd.DataFrame
        As `helpers.evaluation.intervals.accuracy_by` gives it: `clips`, `accuracy`, `low`, `high`; the name of its index names
        the axis.
    line : tuple, optional
        Name and height of a line to compare with; the accuracy of all the clips if none is given.
    """
    names = [f"{name:g}" if isinstance(name, float) else str(name) for name in table.index]
    word, longest = (max(map(len, texts), default=0) for texts in (" ".join(names).split(), names))
    width = ax.figure.get_figwidth() if ax else max(9, min(16, 1.5 + max(0.5, 0.14 * word) * len(table)))
    room = int(width * 8 / max(len(names), 1))  # eight characters an inch fit side by side
    upright = word < room
    names = [textwrap.fill(name, room) if upright else name for name in names]
    names = [f"{name}{chr(10) if upright else '  '}({clips})" for name, clips in zip(names, table["clips"], strict=True)]
    below = 0.2 * max((name.count("\n") for name in names), default=0) if upright else 0.1 * longest  # inches
    ax = ax or plt.subplots(figsize=(width, 3.6 + below))[1]
    positions = np.arange(len(table))
    lengths = whiskers(table, "accuracy", "low", "high")
    ax.bar(positions, table["accuracy"], yerr=lengths, color=BLUE, ecolor=DARK, capsize=3, width=0.75)
    name, height = line or ("all of them", np.average(table["accuracy"], weights=table["clips"]))
    ax.axhline(height, color=ORANGE, linestyle="--", label=f"{name}: {height:.2f}")
    ax.set_xticks(positions, names, rotation=0 if upright else 90)
    ax.set(xlabel=f"{table.index.name} (number of clips)", ylabel="accuracy (fraction)", ylim=(0, 1.25), yticks=FRACTIONS)
    ax.grid(axis="x", visible=False)
    ax.legend(loc="upper right")
    return ax


def whiskers(table: pd.DataFrame, value: str, low: str, high: str) -> np.ndarray:
    """Lengths of the whiskers below and above the values of a table, np.ndarray [shape=(2, rows)], as Matplotlib takes them."""
    return np.abs(table[[low, high]].to_numpy(float) - table[[value]].to_numpy(float)).T
