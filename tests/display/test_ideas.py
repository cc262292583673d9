import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from conftest import unreadable
from matplotlib.colors import to_hex, to_rgba
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from helpers.display import figures, ideas
from helpers.display.figures import BLUE
from helpers.recordings.splits import SPLIT_METHODS, split_clips

pytestmark = pytest.mark.usefixtures("style")


@pytest.fixture
def margin():
    """Two columns of points, 100 Hz apart, and a linear support vector machine between them."""
    rng = np.random.default_rng(0)
    points = pd.DataFrame({"pitch (Hz)": np.repeat([110.0, 210.0], 20), "slope (dB)": rng.normal(0, 5, 40)})
    points["pitch (Hz)"] += rng.uniform(-10, 10, 40)
    labels = pd.Series(["male"] * 20 + ["female"] * 20)
    return make_pipeline(StandardScaler(), SVC(kernel="linear", C=1000)).fit(points, labels), points, labels


def test_the_margin_is_drawn_where_it_is_told_with_named_axes(margin):
    _, ax = plt.subplots()
    assert ideas.svm_margin(*margin, ax=ax) is ax
    alone = ideas.svm_margin(*margin)
    assert alone is not ax and (alone.get_xlabel(), alone.get_ylabel()) == ("pitch (Hz)", "slope (dB)")
    assert unreadable(alone.figure) == [] and alone.figure.get_figwidth() <= 7.5
    assert "40 clips in a plane, pitch (Hz) across" in alone.figure.get_label() and "are ringed" in alone.figure.get_label()
    said = [text.get_text() for text in alone.figure.legends[0].get_texts()]
    assert said == ["female", "male", "support vectors", "boundary", "edges of the margin"]


def test_the_rings_are_around_the_support_vectors_and_these_lie_on_the_edges(margin):
    model, points, _ = margin
    ax = ideas.svm_margin(*margin)
    rings = next(drawn for drawn in ax.collections if drawn.get_label() == "support vectors").get_offsets()
    assert np.allclose(rings, points.iloc[model[-1].support_])
    decisions = np.abs(model.decision_function(points))
    assert decisions.min() > 0.99  # these classes can be separated: no clip is inside the margin
    assert np.allclose(decisions[model[-1].support_], 1, atol=0.01)
    # The solid line lies halfway between the dashed ones, and what is between them is filled.
    lines = next(drawn for drawn in ax.collections if list(getattr(drawn, "levels", [])) == [-1, 0, 1] and not drawn.filled)
    low, middle, high = (path.vertices[:, 0].mean() for path in lines.get_paths())
    assert middle == pytest.approx((low + high) / 2, abs=1) and abs(high - low) > 50


def test_convolutions_see_3_5_and_7_points_and_a_dense_layer_sees_all():
    figure = ideas.receptive_field()
    counts = [
        sum(len(dots.get_offsets()) for dots in ax.collections if np.allclose(dots.get_facecolor()[0], to_rgba(BLUE)))
        for ax in figure.axes
    ]
    assert counts == [9, 25, 49, 121]
    assert [ax.get_xlabel() for ax in figure.axes][:3] == [f"sees {n} x {n} points" for n in (3, 5, 7)]
    assert "5 x 5 after two, 7 x 7 after three" in figure.get_label() and not unreadable(figure)


def test_the_skip_of_a_residual_block_is_drawn_and_told():
    figure = ideas.residual_block()
    plain, residual = ([text.get_text() for text in ax.texts] for ax in figure.axes)
    assert plain.count("3 x 3 convolution") == residual.count("3 x 3 convolution") == 2
    assert "F(x) + x" in residual and "F(x) + x" not in plain
    assert "a skip leads x past" in figure.get_label() and not unreadable(figure)


pytestmark = pytest.mark.usefixtures("style")


@pytest.fixture
def ways():
    """A class of five speakers with eight clips each, split by clip and by speaker."""
    clips = pd.DataFrame({"clip": [f"{n:02}" for n in range(40)], "speaker": np.repeat(list("ABCDE"), 8), "label": "one"})
    return {f"by {unit}": clips.assign(split=split_clips(clips, method=way, seed=0)) for way, unit in SPLIT_METHODS.items()}


def test_the_pipeline_names_its_five_steps_in_their_order_and_in_words():
    figure = ideas.pipeline()
    titles = [ax.texts[0].get_text() for ax in figure.axes[1::2]]
    assert titles == ["WAV file", "Spectrogram", "PNG image", "Network", "Class"]
    told = figure.get_label()
    assert sorted(titles, key=told.index) == titles and "whole numbers from 0 to 255" in told
    assert unreadable(figure) == [] and figure.get_figwidth() <= ideas.WIDTH
    arrows = [text for ax in figure.axes[::2] for text in ax.texts if getattr(text, "arrow_patch", None)]
    assert len(arrows) == 4 and not any(arrow.get_in_layout() for arrow in arrows)  # so that Jupyter's layout is this one
    drawn = [ax.get_window_extent() for ax in figure.axes[::2]]
    assert not any(arrow.arrow_patch.get_window_extent().overlaps(box) for arrow in arrows for box in drawn)
    numbers = [int(text.get_text()) for text in figure.axes[4].texts if text.get_text()]
    assert len(numbers) == 32 and 0 <= min(numbers) < max(numbers) <= 255


def test_each_clip_is_a_square_of_the_colour_of_its_set_in_the_row_of_its_speaker(ways):
    figure = ideas.split_squares(ways)
    assert [ax.get_title() for ax in figure.axes] == ["by clip", "by speaker"]
    for ax, clips in zip(figure.axes, ways.values(), strict=True):
        assert [text.get_text() for text in ax.get_yticklabels()] == list("ABCDE")
        drawn = [(int(square.get_y()), to_hex(square.get_facecolor()).upper()) for square in ax.patches]
        expected = [
            ("ABCDE".index(speaker), figures.SPLIT_COLOURS[split]) for speaker, split in clips[["speaker", "split"]].to_numpy()
        ]
        assert drawn == expected
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["train", "validation", "test"]
    assert unreadable(figure) == [] and figure.get_figwidth() <= ideas.WIDTH


def test_the_squares_are_told_in_words(ways):
    told = ideas.split_squares(ways).get_label()
    assert "by clip: A in train, validation, test; B in train, test;" in told
    assert "by speaker: A in train; B in train; C in test; D in train; E in validation." in told
