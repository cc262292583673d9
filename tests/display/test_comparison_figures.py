import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from conftest import unreadable
from matplotlib.colors import to_rgba

from helpers.display import comparison_figures, figures
from helpers.evaluation.gap import gap

pytestmark = pytest.mark.usefixtures("style")


def made():
    rng = np.random.default_rng(0)
    comparison = pd.DataFrame(
        {
            "model": ["a", "b", "a", "b"],
            "asked_about": ["known", "known", "strangers", "strangers"],
            "accuracy": [0.9, 0.8, 0.1, np.nan],
            "accuracy_low": [0.8, 0.7, 0.0, np.nan],
            "accuracy_high": [1.0, 0.9, 0.2, np.nan],
            "macro_f1": [0.85, 0.75, 0.1, np.nan],
            "converged": [True, False, True, np.nan],
        }
    )
    table = pd.DataFrame(
        {"model": ["small_resnet", "svm", "no_audio"], "accuracy": [0.9, 0.8, 0.1], "seconds": [300.0, 0.2, np.nan]}
    ).assign(accuracy_low=lambda table: table["accuracy"] - 0.05, accuracy_high=lambda table: table["accuracy"] + 0.05)
    verdicts = pd.DataFrame(
        {"difference": [0.02, 0.8], "low": [-0.01, 0.7], "high": [0.05, 0.9], "real": [False, True]}, index=["svm", "no_audio"]
    ).assign(converged=True)
    resamples = [
        pd.DataFrame({"accuracy": rng.normal(mean, 0.02, 50), "age_mae_years": rng.normal(9, 1, 50)}) for mean in (0.8, 0.2)
    ]
    gaps = pd.DataFrame({name: gap(*resamples).loc["accuracy"] for name in ("small_resnet", "svm")}).T
    return {
        "comparison": lambda ax: comparison_figures.comparison_bars(comparison, ax=ax),
        "differences": lambda ax: comparison_figures.difference_intervals(verdicts, best="small_resnet", ax=ax),
        "cost": lambda ax: comparison_figures.cost_scatter(table, "seconds", label="time to train (s)", ax=ax),
        "gap": lambda ax: comparison_figures.known_and_strangers(gaps, "accuracy", no_audio=0.03, ax=ax),
    }


@pytest.mark.parametrize("name", list(made()))
def test_figures_draw_where_they_are_told_with_named_axes(name):
    _, ax = plt.subplots()
    assert made()[name](ax) is ax
    alone = made()[name](None)
    assert (
        alone is not ax and (alone.get_xlabel() or name == "gap") and (alone.get_ylabel() or name in ("comparison", "differences"))
    )
    assert unreadable(alone.figure) == []


def test_a_network_that_has_not_converged_is_marked():
    ax = made()["comparison"](None)
    bars = {round(bar.get_width(), 2): bar for bar in ax.patches}
    assert [bool(bars[accuracy].get_hatch()) for accuracy in (0.9, 0.8, 0.1)] == [False, True, False]
    assert [bars[accuracy].get_facecolor() for accuracy in (0.9, 0.1)] == [to_rgba(figures.BLUE), to_rgba(figures.ORANGE)]
    assert ax.figure.get_label().endswith("a 0.90 (known voices); b 0.80 (known voices); a 0.10 (strangers).")
    said = [text.get_text() for text in ax.figure.legends[0].get_texts()]
    assert sorted(said) == ["accuracy, known voices", "accuracy, strangers", "macro F1", "not converged"]
    verdicts = pd.DataFrame(
        {"difference": [0.1, 0.2], "low": 0.05, "high": 0.3, "real": False, "converged": [False, True]}, index=["a", "b"]
    )
    ax = comparison_figures.difference_intervals(verdicts, best="c")
    handles, said = ax.get_legend_handles_labels()
    assert said == ["may be chance", "not converged, so nothing is said"]
    assert [handle.lines[0].get_xdata().tolist() for handle in handles] == [[0.2], [0.1]]  # b may be chance, a is not converged


def test_where_all_have_converged_the_legend_says_nothing_of_it():
    table = pd.DataFrame({
        "model": ["a", "svm"], "asked_about": "known", "accuracy": 0.5, "accuracy_low": 0.4, "accuracy_high": 0.6, "macro_f1": 0.5,
        "converged": [True, None],
    })  # fmt: skip
    ax = comparison_figures.comparison_bars(table)
    assert [text.get_text() for text in ax.figure.legends[0].get_texts()] == ["macro F1", "accuracy, known voices"]
    assert not any(bar.get_hatch() for bar in ax.patches)


def test_the_gap_is_written_below_its_bars():
    ax = made()["gap"](None)
    name, change, interval = ax.get_xticklabels()[0].get_text().split("\n")
    assert name == "small resnet" and change.startswith("\N{HYPHEN-MINUS}0.") and " to -0." in interval


def test_a_model_without_a_cost_is_left_out_and_the_front_is_green():
    ax = made()["cost"](None)
    assert {text.get_text() for text in ax.texts} == {"small resnet", "svm"}


def test_names_beside_points_cover_neither_each_other_nor_the_axes():
    table = pd.DataFrame({
        "model": ["fisher_vector", "svm", "plain_cnn", "small_resnet", "logistic_regression"],
        "accuracy": [0.87, 0.85, 0.86, 0.99, 0.63], "milliseconds_per_clip": [0.01, 0.05, 4.8, 4.7, 0.0004],
    }).assign(accuracy_low=0.1, accuracy_high=1.0)  # fmt: skip
    ax = comparison_figures.cost_scatter(table, "milliseconds_per_clip", label="time for an answer (ms a clip)")
    ax.figure.canvas.draw()
    boxes = [text.get_window_extent() for text in ax.texts]
    assert len(boxes) == 5 and not any(box.count_overlaps(boxes[:number]) for number, box in enumerate(boxes))
    assert all(ax.bbox.x0 < box.x0 and box.x1 < ax.bbox.x1 for box in boxes)
    assert all(text.get_path_effects() for text in ax.texts)  # so that no line crosses a name
