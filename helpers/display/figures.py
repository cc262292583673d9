"""Style, and figures that several notebooks share: each function draws on `ax`, or makes its own, and returns it."""

import librosa
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from helpers.base.settings import SpectrogramSettings

# Okabe & Ito (2008), Color Universal Design: distinguishable with any colour vision, and in print.
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#E69F00", "#009E73", "#666666"
DARK, LINE, HIDDEN = "#222222", "#888888", "#DDDDDD"  # whiskers, lines between cells, cells without a meaning
# Both grow evenly in lightness, so they are read without colours too; spectrograms have the study's map.
SEQUENTIAL, SPECTROGRAM = "cividis", "magma"
GENDER_COLOURS = {"female": ORANGE, "male": BLUE}
SPLIT_COLOURS = {"train": BLUE, "validation": ORANGE, "test": GREEN}


def set_style() -> None:
    """One style for all figures, readable when projected, and tables that show whole sentences."""
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
    ax.plot(np.arange(len(samples)) / sample_rate, samples, color=BLUE, linewidth=0.6)
    ax.set(xlabel="time (s)", ylabel="amplitude (1 = full scale)", xlim=(0, len(samples) / sample_rate))
    return ax


def spectrogram(decibels: np.ndarray, *, settings: SpectrogramSettings, ax: Axes | None = None) -> Axes:
    """A mel spectrogram with its axes in seconds and Hz and its colours in dB.

    Parameters
    ----------
    decibels : np.ndarray [shape=(mel_bins, frames)]
    settings : SpectrogramSettings
    """
    ax = ax or plt.subplots(figsize=(9, 4))[1]
    seconds = decibels.shape[1] * settings.hop_length / settings.sample_rate
    bins = settings.mel_bins
    position = {"origin": "lower", "aspect": "auto", "extent": (0, seconds, 0, bins)}
    image = ax.imshow(decibels, cmap=SPECTROGRAM, interpolation="nearest", **position)
    centres = librosa.mel_frequencies(bins + 2, fmin=settings.fmin, fmax=settings.fmax)[1:-1]
    marks = [hertz for hertz in (100, 250, 500, 1000, 2000, 4000, 8000) if centres[0] <= hertz <= centres[-1]]
    ax.set_yticks(np.interp(marks, centres, np.arange(bins) + 0.5), [str(hertz) for hertz in marks])
    ax.grid(False)
    ax.set(xlabel="time (s)", ylabel="frequency (Hz, mel scale)")
    ax.figure.colorbar(image, ax=ax, label="level (dB below the loudest point)")
    return ax


def population_pyramid(manifest: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Clips by age, in steps of five years: women to the left, men to the right.

    Parameters
    ----------
    manifest : pd.DataFrame
        Columns `gender` and `age`; clips that lack one of them are counted in the title.
    """
    ax = ax or plt.subplots(figsize=(9, 4.5))[1]
    known = manifest[(manifest["gender"] != "") & manifest["age"].notna()]
    steps = known["age"].astype(int) // 5 * 5
    ages = np.arange(steps.min(), steps.max() + 5, 5) if len(known) else np.arange(0)
    for (gender, colour), sign in zip(GENDER_COLOURS.items(), (-1, 1), strict=True):
        counts = steps[known["gender"] == gender].value_counts().reindex(ages, fill_value=0)
        ax.barh(ages, sign * counts, height=4.4, align="edge", color=colour, label=f"{gender} ({counts.sum()})")
    ax.axvline(0, color="black", linewidth=0.8)
    ax.xaxis.set_major_formatter(lambda count, _: f"{abs(count):.0f}")
    ax.yaxis.set_major_locator(MaxNLocator(integer=True, steps=(1, 5, 10)))
    ax.set(xlabel="clips", ylabel="age (years)")
    if len(known) < len(manifest):
        ax.set_title(f"without {len(manifest) - len(known)} clips of unknown gender or age")
    ax.legend(loc="upper right")
    return ax


def class_counts(manifest: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Clips of each class, stacked by split."""
    table = pd.crosstab(manifest["label"], manifest["split"]).reindex(columns=list(SPLIT_COLOURS), fill_value=0)
    ax = ax or plt.subplots(figsize=(max(6, min(16, 1.5 + 0.36 * len(table))), 4.5))[1]
    table.plot.bar(stacked=True, color=SPLIT_COLOURS, width=0.8, rot=90 if len(table) > 6 else 0, ax=ax)
    ax.set(xlabel="", ylabel="clips", ylim=(0, 1.25 * table.sum(axis=1).max()))
    ax.grid(axis="x", visible=False)
    ax.legend(ncols=3, loc="upper right")
    return ax


def training_curve(history: pd.DataFrame, quantity: str, *, kept: int | None = None, ax: Axes | None = None) -> Axes:
    """One quantity by epoch, training and validation, with the kept epoch marked: the study's Figures 6 and 7.

    Parameters
    ----------
    history : pd.DataFrame
        Columns `epoch`, `loss`, `accuracy`, `validation_loss`, `validation_accuracy`.
    quantity : {"loss", "accuracy"}
    kept : int, optional
        Number of the epoch whose weights were kept, `best_epoch` in `run.json`; by default that of the lowest validation loss.
    """
    ax = ax or plt.subplots()[1]
    kept = history["epoch"][history["validation_loss"].idxmin()] if kept is None else kept
    marker = "o" if len(history) == 1 else None
    ax.plot(history["epoch"], history[quantity], color=BLUE, marker=marker, label="training")
    ax.plot(history["epoch"], history[f"validation_{quantity}"], color=ORANGE, marker=marker, linestyle="--", label="validation")
    ax.axvline(kept, color=GREY, linestyle=":", label=f"kept: epoch {kept}")
    ax.set(xlabel="epoch", ylabel={"loss": "loss (cross-entropy, nats)", "accuracy": "accuracy (fraction)"}[quantity])
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    if quantity == "accuracy":
        ax.set_ylim(0, 1.02)
    ax.legend()
    return ax


def whiskers(table: pd.DataFrame, value: str, low: str, high: str) -> np.ndarray:
    """Lengths of the whiskers below and above the values of a table, np.ndarray [shape=(2, rows)], as Matplotlib takes them."""
    return np.abs(table[[low, high]].to_numpy(float) - table[[value]].to_numpy(float)).T
