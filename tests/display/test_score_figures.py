import itertools

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from conftest import run_cell, unreadable
from matplotlib.text import Text

from helpers.display import figures
from helpers.evaluation.intervals import accuracy_by
from helpers.evaluation.scores import class_report, confusion_counts, predictions_table
from helpers.recordings.labels import class_order, gender_groups
from helpers.recordings.voices import CATEGORIES

pytestmark = pytest.mark.usefixtures("style")

LABELS = class_order([f"{gender}_{age}" for gender, age in CATEGORIES])
LONG_NAMES = [f"a long name of class {n}" for n in range(39)]
MORE_LABELS = [f"{gender}_{age}" for gender in ("female", "male") for age in range(18, 74, 2)]


def made(labels=LABELS):
    rng = np.random.default_rng(0)
    predictions = pd.DataFrame({"true": np.repeat(labels, 3), "predicted": rng.choice(labels, 3 * len(labels))})
    predictions = predictions.assign(clip=[f"c{n}" for n in predictions.index], confidence=rng.random(len(predictions)))
    classes = predictions.set_index("clip")["true"].rename("class")
    people = predictions[["clip"]].assign(speaker="")
    scores = pd.DataFrame({"value": [0.5], "low": [0.4], "high": [0.7]}, index=["accuracy"])
    return {
        "confusion": lambda ax: figures.confusion_matrix(confusion_counts(predictions, labels), ax=ax),
        "intervals": lambda ax: figures.score_intervals(scores, {"accuracy": 0.1}, ax=ax),
        "f1": lambda ax: figures.class_f1_bars(class_report(predictions, labels), ax=ax),
        "accuracy": lambda ax: figures.accuracy_bars(accuracy_by(predictions, classes, manifest=people), ax=ax),
    }


@pytest.mark.parametrize("name", list(made()))
def test_figures_draw_where_they_are_told_with_named_axes(name):
    _, ax = plt.subplots()
    assert made()[name](ax) is ax
    alone = made()[name](None)
    assert alone is not ax and alone.get_xlabel() and (alone.get_ylabel() or name == "intervals")


@pytest.mark.parametrize("labels", [LABELS, LABELS[:10], LONG_NAMES], ids=["39", "10", "names"])
@pytest.mark.parametrize("name", list(made()))
def test_texts_are_large_and_whole(name, labels):
    assert unreadable(made(labels)[name](None).figure) == []


def test_texts_of_the_calibrations_figures_are_large_and_whole():
    manifest = pd.DataFrame(
        {"clip": [f"c{n}" for n in range(300)], "split": ["validation", "test"] * 150, "label": ["a", "b", "c"] * 100}
    )
    probabilities = np.random.default_rng(0).dirichlet([1, 1, 1], 300) / 2 + np.eye(3)[np.arange(300) % 3] / 2
    predictions = predictions_table(manifest, probabilities[np.random.default_rng(1).permutation(300)], ["a", "b", "c"])
    names = {"predictions": predictions, "test": predictions[predictions["split"] == "test"], "classes": ["a", "b", "c"]}
    names |= {"figures": figures, "plt": plt, "np": np, "pd": pd, "right": names["test"]["true"] == names["test"]["predicted"]}
    for cell in ("04-27", "04-t0", "04-t2", "04-t3", "04-41", "04-43", "04-r1"):
        names = run_cell(cell, **names)
        assert unreadable(plt.gcf()) == [] and all(ax.get_xlabel() and ax.get_ylabel() for ax in plt.gcf().axes)


def overlapping(labels, axis):
    boxes = sorted(
        (getattr(label.get_window_extent(), f"{axis}0"), getattr(label.get_window_extent(), f"{axis}1")) for label in labels
    )
    return [pair for pair in itertools.pairwise(boxes) if pair[1][0] < pair[0][1] - 1]


@pytest.mark.parametrize("labels", [LABELS, MORE_LABELS, LONG_NAMES], ids=["39", "56", "names"])
@pytest.mark.parametrize("show", ["counts", "errors"])
def test_all_classes_are_labelled_without_overlap(labels, show):
    counts = pd.DataFrame(np.eye(len(labels), dtype=int), index=labels, columns=labels)
    ax = figures.confusion_matrix(counts, show=show)
    ax.figure.canvas.draw()
    for ticks, axis in ((ax.get_yticklabels(), "y"), (ax.get_xticklabels(), "x")):
        assert [tick.get_text() for tick in ticks] == gender_groups(labels)[0]
        assert overlapping(ticks, axis) == [] and ticks[0].get_fontsize() >= 12
    assert sorted(text.get_text() for text in ax.texts) == (["female"] * 2 + ["male"] * 2 if "male_18" in labels else [])
    page = ax.figure.bbox
    for part in (*ax.texts, ax.xaxis.label, ax.yaxis.label, *ax.get_yticklabels()):
        box = part.get_window_extent()
        assert box.x0 >= page.x0 and box.y0 >= page.y0, part


@pytest.mark.parametrize("name", ["f1", "accuracy"])
def test_bars_of_many_classes_are_labelled_without_overlap(name):
    ax = made()[name](None)
    ax.figure.canvas.draw()
    assert overlapping(ax.get_xticklabels(), "x") == []


@pytest.mark.parametrize(
    "names", [["$5_$10", "$10_$20"], ["_private", "__"], [r"\frac{1}", "a^b_c"], ["{x}", "%s"], ["<b>", "a & b"], ["true", "split"]]
)
def test_class_names_are_drawn_as_they_are(names):
    manifest = pd.DataFrame({"label": np.repeat(names, 3), "split": ["train", "validation", "test"] * 2})
    predictions = pd.DataFrame({"clip": list("abcd"), "true": [*names, *names], "predicted": [*names, *names[::-1]]})
    values = pd.Series(predictions["true"].tolist(), index=list("abcd"), name="$a_$b")
    groups = accuracy_by(predictions, values, manifest=predictions[["clip"]].assign(speaker=""))
    made = [
        figures.class_counts(manifest),
        figures.confusion_matrix(confusion_counts(predictions, names)),
        figures.class_f1_bars(class_report(predictions, names)),
        figures.accuracy_bars(groups, line=("$a$ _", 0.5)),
    ]
    for ax in made:
        ax.figure.canvas.draw()
        shown = [text.get_text().split("\n")[0] for text in ax.get_xticklabels()]
        assert shown == (sorted(names) if ax in (made[0], made[3]) else names)
        assert not any(text.get_parse_math() for text in ax.figure.findobj(Text))
    assert "$a$ _: 0.50" in [text.get_text() for text in made[3].get_legend().get_texts()]


def test_a_logarithmic_axis_has_plain_numbers():
    ax = plt.subplots()[1]
    ax.loglog([0.01, 1000], [1, 3])
    ax.figure.canvas.draw()
    texts = [text.get_text() for axis in (ax.xaxis, ax.yaxis) for text in axis.get_ticklabels(which="both")]
    assert {"0.01", "1000", "1", "2", "3"} <= set(texts) and not any("$" in text for text in texts)


def test_counts_leave_zeros_empty_and_errors_hide_the_diagonal():
    counts = pd.DataFrame([[3, 1], [0, 0]], index=["a", "b"], columns=["a", "b"])
    ax = figures.confusion_matrix(counts)
    assert [text.get_text() for text in ax.texts] == ["3", "1", "", ""]
    ax = figures.confusion_matrix(counts, show="errors")
    assert [text.get_text() for text in ax.texts] == ["1", ""]
    assert ax.collections[0].get_array().mask.tolist() == [[True, False], [False, True]]


def test_the_line_between_women_and_men_stands_where_the_gender_changes():
    counts = pd.DataFrame(np.eye(4, dtype=int), index=LABELS[18:22], columns=LABELS[18:22])
    ax = figures.confusion_matrix(counts)
    assert [line.get_ydata()[0] for line in ax.lines if line.get_ydata()[0] == line.get_ydata()[1]] == [2]
