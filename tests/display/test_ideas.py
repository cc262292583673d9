import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from conftest import unreadable
from matplotlib.colors import to_rgba
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from helpers.display import ideas
from helpers.display.figures import BLUE

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
    figure = ideas.receptive_field(side=9)
    counts = [
        sum(len(dots.get_offsets()) for dots in ax.collections if np.allclose(dots.get_facecolor()[0], to_rgba(BLUE)))
        for ax in figure.axes
    ]
    assert counts == [9, 25, 49, 81]
    assert [ax.get_xlabel() for ax in figure.axes][:3] == [f"sees {n} x {n} points" for n in (3, 5, 7)]
    assert "5 x 5 after two, 7 x 7 after three" in figure.get_label() and not unreadable(figure)


def test_the_skip_of_a_residual_block_is_drawn_and_told():
    figure = ideas.residual_block()
    plain, residual = ([text.get_text() for text in ax.texts] for ax in figure.axes)
    assert plain.count("3 x 3 convolution") == residual.count("3 x 3 convolution") == 2
    assert "F(x) + x" in residual and "F(x) + x" not in plain
    assert "a skip leads x past" in figure.get_label() and not unreadable(figure)
