import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score, log_loss

from helpers.artifacts import write_table
from helpers.errors import SuiteError
from helpers.scores import class_report, confusion_counts, most_confused, predictions_table, read_predictions, score, score_split

CLASSES = ["female_20", "female_60", "male_20", "male_60"]


def table(true, probabilities, classes=CLASSES, split="test"):
    manifest = pd.DataFrame({"clip": [f"c{n}" for n in range(len(true))], "split": split, "label": true})
    return predictions_table(manifest, np.asarray(probabilities, float), list(classes))


@given(st.integers(0, 10_000), st.integers(1, 40), st.integers(2, 6))
@settings(max_examples=50, deadline=None)
def test_scores_are_scikit_learns(seed, clips, size):
    rng = np.random.default_rng(seed)
    classes = [f"class_{number}" for number in range(size)]
    true = rng.choice(classes, clips)
    probabilities = rng.dirichlet(np.ones(size), clips)
    predictions = table(true, probabilities, classes)
    scores = score_split(predictions, classes)
    assert scores["clips"] == clips
    assert scores["accuracy"] == pytest.approx((predictions["true"] == predictions["predicted"]).mean(), abs=1e-6)
    for average in ("macro", "weighted"):
        expected = f1_score(predictions["true"], predictions["predicted"], average=average, zero_division=0)
        assert scores[f"{average}_f1"] == pytest.approx(expected, abs=1e-6)
    stored = predictions[classes].to_numpy()
    expected = log_loss(true, stored / stored.sum(axis=1, keepdims=True), labels=classes)
    assert scores["loss"] == pytest.approx(expected, abs=1e-3)
    assert "gender_accuracy" not in scores and "age_mae_years" not in scores


def test_gender_and_age_come_from_the_joint_probabilities():
    # The likeliest class is female_20, but men have more probability in sum; the age expected is 0.55 * 20 + 0.45 * 60 = 38.
    scores = score_split(table(["male_20"], [[0.4, 0.0, 0.15, 0.45]]), CLASSES)
    assert scores["accuracy"] == 0 and scores["gender_accuracy"] == 1
    assert scores["age_mae_years"] == pytest.approx(18)


def test_each_split_is_scored_by_itself():
    right, wrong = np.eye(4)[[0]], np.eye(4)[[1]]
    both = pd.concat([table(["female_20"], right, split="train"), table(["female_20"], wrong, split="test")])
    metrics = score(both, CLASSES)
    assert list(metrics) == ["train", "test"]
    assert metrics["train"]["accuracy"] == 1 and metrics["test"]["accuracy"] == 0


def test_a_probability_that_is_no_number_is_refused():
    with pytest.raises(ValueError, match="not a number"):
        score_split(table(["female_20"], [[np.nan, 0, 0, 1]]), CLASSES)


def test_confusions_keep_the_order_of_the_classes_and_count_absent_ones():
    predictions = table(["male_60", "male_60", "male_20"], np.eye(4)[[0, 0, 2]])
    counts = confusion_counts(predictions, CLASSES)
    assert list(counts.index) == list(counts.columns) == CLASSES
    assert counts.loc["male_60", "female_20"] == 2 and counts.to_numpy().sum() == 3
    assert most_confused(predictions).to_numpy().tolist() == [["male_60", "female_20", 2]]
    report = class_report(predictions, CLASSES)
    assert report.loc["male_20", "f1"] == 1 and report.loc["female_60", "clips"] == 0


def test_predictions_of_other_classes_are_refused(tmp_path):
    write_table(tmp_path / "predictions.csv", table(["male_20"], np.eye(4)[[2]]))
    assert len(read_predictions(tmp_path / "predictions.csv", CLASSES)) == 1
    with pytest.raises(SuiteError, match=r"not those of classes\.json"):
        read_predictions(tmp_path / "predictions.csv", CLASSES[:3])


def test_class_names_that_look_like_columns_or_numbers_survive(tmp_path):
    classes = ["1", "007", "clip", "nan", "true"]
    write_table(tmp_path / "predictions.csv", table(classes, np.eye(5), classes))
    predictions = read_predictions(tmp_path / "predictions.csv", classes)
    assert score_split(predictions, classes)["accuracy"] == 1
    assert predictions["true"].tolist() == classes
