import itertools

import cv2
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from conftest import unreadable, voice
from matplotlib import colormaps, colors

from helpers.base.settings import SpectrogramSettings
from helpers.display import figures
from helpers.recordings.voices import CATEGORIES
from helpers.spectrograms.mel import mel_spectrogram_db

pytestmark = pytest.mark.usefixtures("style")

LABELS = sorted(f"{gender}_{age}" for gender, age in CATEGORIES)

HISTORY = pd.DataFrame(
    {
        "epoch": [1, 2, 3],
        "loss": [3, 2, 1],
        "accuracy": [0.1, 0.5, 0.8],
        "validation_loss": [3, 1.5, 2],
        "validation_accuracy": [0.1, 0.6, 0.5],
    }
)


def made():
    manifest = pd.DataFrame({"label": np.repeat(LABELS, 3), "split": ["train", "validation", "test"] * len(LABELS)})
    people = pd.DataFrame({"gender": ["female", "male", ""], "age": pd.array([23, 71, None], "Int64")})
    settings = SpectrogramSettings()
    return {
        "waveform": lambda ax: figures.waveform(voice(200), sample_rate=16_000, ax=ax),
        "spectrogram": lambda ax: figures.spectrogram(mel_spectrogram_db(voice(200), settings=settings), settings=settings, ax=ax),
        "pyramid": lambda ax: figures.population_pyramid(people, ax=ax),
        "class_counts": lambda ax: figures.class_counts(manifest, ax=ax),
        "loss": lambda ax: figures.training_curve(HISTORY, "loss", ax=ax),
        "accuracy": lambda ax: figures.training_curve(HISTORY, "accuracy", ax=ax),
    }


def test_a_decade_is_never_drawn_as_a_year_without_saying_so():
    people = pd.DataFrame({"gender": ["female", "male"], "age": pd.array([23, None], "Int64"), "age_range": ["", "40-49"]})
    ax = figures.population_pyramid(people)
    assert ax.get_title() == "1 clips at the middle of a range of ages"
    assert {(bar.get_y(), bar.get_width()) for bar in ax.patches if bar.get_width()} == {(20, -1), (45, 1)}


@pytest.mark.parametrize(("ages", "bars"), [([18, 21, 24, 27, 33], [18, 21, 24, 27, 33]), ([18, 19, 21, 24, 33], [15, 20, 30])])
def test_classes_of_equal_size_have_equal_bars_where_ages_come_in_equal_steps(ages, bars):
    people = pd.DataFrame({"gender": "female", "age": pd.array(np.repeat(ages, 4), "Int64"), "age_range": ""})
    drawn = {bar.get_y(): -bar.get_width() for bar in figures.population_pyramid(people).patches if bar.get_width()}
    assert list(drawn) == bars and (len(set(drawn.values())) == 1 if bars == ages else drawn[20] == 8)


@pytest.mark.parametrize("name", list(made()))
def test_figures_draw_where_they_are_told_with_named_axes(name):
    _, ax = plt.subplots()
    assert made()[name](ax) is ax
    alone = made()[name](None)
    assert alone is not ax and alone.get_ylabel()
    assert alone.get_xlabel() or name == "class_counts"


@pytest.mark.parametrize("name", list(made()))
def test_texts_are_large_and_whole(name):
    assert unreadable(made()[name](None).figure) == []


# From linear red, green and blue to what is seen without red or without green receptors: Machado, Oliveira & Fernandes (2009),
# "A physiologically-based model for simulation of color vision deficiency", IEEE Trans. Vis. Comput. Graph. 15, 1291-1298.
VISION = {
    "full": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
}


def seen(colours, vision):
    """Lightness and two colour axes (CIELAB) of colours, as seen: np.ndarray [shape=(n, 3)]."""
    rgb = np.array([colors.to_rgb(colour) for colour in colours])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4) @ np.transpose(VISION[vision])
    return cv2.cvtColor(np.clip(linear, 0, 1).astype(np.float32)[np.newaxis], cv2.COLOR_LRGB2Lab)[0]


@pytest.mark.parametrize("vision", VISION)
def test_colours_are_distinguishable_with_any_vision(vision):
    palette = seen([figures.BLUE, figures.ORANGE, figures.GREEN, figures.GREY], vision)
    for one, other in itertools.combinations(palette, 2):
        assert np.linalg.norm(one - other) > 12  # a difference of 2 is just seen
    for name in (figures.SEQUENTIAL, figures.SPECTROGRAM):
        assert (np.diff(seen(colormaps[name](np.linspace(0, 1, 20)), vision)[:, 0]) > 0).all()


@pytest.mark.parametrize(("given", "marked"), [({}, 2), ({"kept": 3}, 3)])
def test_the_kept_epoch_is_the_one_that_is_given_else_that_of_lowest_validation_loss(given, marked):
    ax = figures.training_curve(HISTORY, "loss", **given)
    assert f"kept: epoch {marked}" in [text.get_text() for text in ax.get_legend().get_texts()]
    assert list(ax.lines[-1].get_xdata()) == [marked, marked]


def test_the_floor_of_smoothed_labels_is_a_dotted_line_and_without_them_there_is_none():
    *curves, line = figures.training_curve(HISTORY, "loss", floor=0.372).lines
    assert ":" not in {other.get_linestyle() for other in curves}  # which the legend would not tell apart
    assert line.get_linestyle() == ":" and list(line.get_ydata()) == [0.372] * 2 and line.axes.get_ylim()[0] == 0
    assert "floor of the smoothed loss: 0.37" in [text.get_text() for text in line.axes.get_legend().get_texts()]
    assert len(figures.training_curve(HISTORY, "loss", floor=0).lines) == 3


def test_the_spectrograms_axis_is_in_hz():
    settings = SpectrogramSettings()
    tone = np.sin(2 * np.pi * 1000 * np.arange(16_000) / 16_000)
    decibels = mel_spectrogram_db(tone, settings=settings)
    ax = figures.spectrogram(decibels, settings=settings)
    ticks = {label.get_text(): place for label, place in zip(ax.get_yticklabels(), ax.get_yticks(), strict=True)}
    assert abs(ticks["1000"] - 0.5 - decibels.mean(axis=1).argmax()) <= 1


def test_a_long_waveform_is_drawn_by_its_envelope(rng):
    samples = rng.normal(0, 0.1, 300 * 16_000)
    samples[1_234_567], samples[-1] = 1, -1
    (line,) = figures.waveform(samples, sample_rate=16_000).lines
    times, drawn = line.get_data()
    assert len(drawn) == 20_000 and drawn.max() == 1 and drawn[-2] == -1
    assert times[drawn.argmax()] == pytest.approx(1_234_567 / 16_000, abs=0.03) and line.axes.get_xlim() == (0, 300)
