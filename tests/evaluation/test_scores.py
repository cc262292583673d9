import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax
from scipy.stats import entropy
from sklearn.metrics import f1_score, log_loss, precision_score, recall_score, top_k_accuracy_score

from helpers.base.artifacts import SuiteError, write_json, write_table
from helpers.evaluation.intervals import bootstrap
from helpers.evaluation.scores import (
    class_report,
    clip_scores,
    confusion_counts,
    errors_of,
    lowest_loss,
    median_age,
    most_confused,
    pitch_threshold,
    pool_windows,
    predictions_table,
    read_classes,
    read_predictions,
    score,
    score_split,
)

CLASSES = ["female_20", "female_60", "male_20", "male_60"]


def table(true, probabilities, classes=CLASSES, split="test"):
    manifest = pd.DataFrame({"clip": [f"c{n}" for n in range(len(true))], "split": split, "label": true})
    return predictions_table(manifest, np.asarray(probabilities, float), list(classes))


def test_windows_are_pooled_as_if_their_logits_had_been_averaged():
    logits = np.random.default_rng(0).normal(0, 3, (5, 10, 4))
    assert np.allclose(pool_windows(softmax(logits, axis=-1)), softmax(logits.mean(axis=1), axis=-1), atol=1e-9)
    single = softmax(logits[:, :1], axis=-1)
    assert np.allclose(pool_windows(single), single[:, 0])


def test_a_class_must_be_likely_in_all_windows_and_no_window_alone_forbids_one():
    surer = pool_windows(np.array([[0.5, 0.5, 0.0], [0.5, 0.0, 0.5], [0.5, 0.25, 0.25]]))
    assert surer[0] > 0.98
    outvoted = pool_windows(np.array([[1.0, 0.0]] + [[0.01, 0.99]] * 9))
    assert outvoted.argmax() == 1 and np.isfinite(outvoted).all()


@given(
    seed=st.integers(0, 10_000), clips=st.integers(1, 40), size=st.integers(1, 7), occurring=st.integers(1, 7), ties=st.booleans()
)
@settings(max_examples=100, deadline=None)
def test_scores_are_scikit_learns(seed, clips, size, occurring, ties):
    """Also with one class, with classes that never occur, and with equal probabilities."""
    rng = np.random.default_rng(seed)
    classes = [f"class_{number}" for number in range(size)]
    true = rng.choice(classes[:occurring], clips)
    probabilities = rng.dirichlet(np.ones(size), clips).round(1 if ties else 6) + 1e-3
    predictions = table(true, probabilities / probabilities.sum(axis=1, keepdims=True), classes)
    scores = score_split(predictions, classes)
    stored = predictions.filter(regex="^p:").to_numpy()
    assert scores["clips"] == clips
    assert scores["accuracy"] == pytest.approx((predictions["true"] == predictions["predicted"]).mean(), abs=1e-6)
    for average in ("macro", "weighted"):
        for name, reference in (("precision", precision_score), ("recall", recall_score), ("f1", f1_score)):
            expected = reference(predictions["true"], predictions["predicted"], average=average, zero_division=0)
            assert scores[f"{average}_{name}"] == pytest.approx(expected, abs=1e-6)
    if size > 1:
        expected = log_loss(true, stored / stored.sum(axis=1, keepdims=True), labels=classes)
        assert scores["loss"] == pytest.approx(expected, abs=1e-3)
    if size > 3 and not ties:
        expected = top_k_accuracy_score(true, stored, k=3, labels=classes)
        assert scores["top_3_accuracy"] == pytest.approx(expected, abs=1e-6)
    assert ("top_3_accuracy" in scores) == (size > 3)
    assert not {"gender_accuracy", "age_mae_years", "age_group_accuracy", "within_5_years"} & set(scores)


def test_of_equal_probabilities_the_first_classes_come_first():
    scores = clip_scores(table(CLASSES, np.full((4, 4), 0.25)), CLASSES)
    assert scores["top_3_accuracy"].tolist() == [1, 1, 1, 0] and scores["accuracy"].tolist() == [1, 0, 0, 0]


def test_gender_and_age_come_from_the_joint_probabilities():
    # The likeliest class is female_20, but men have more probability in sum; the age expected is 0.55 * 20 + 0.45 * 60 = 38.
    scores = score_split(table(["male_20"], [[0.4, 0.0, 0.15, 0.45]]), CLASSES)
    assert scores["accuracy"] == 0 and scores["gender_accuracy"] == 1 and scores["age_group_accuracy"] == 1
    assert scores["age_mae_years"] == pytest.approx(18) and scores["within_5_years"] == 0
    assert score_split(table(["male_20"], [[0.1, 0.0, 0.8, 0.1]]), CLASSES)["within_5_years"] == 1


def test_an_age_that_is_answered_takes_the_place_of_the_expected_one_and_alone_changes():
    predictions = table(["female_20", "male_60"], [[0.9, 0.1, 0, 0], [0, 0, 0.2, 0.8]])
    expected = clip_scores(predictions, CLASSES)
    answered = clip_scores(predictions, CLASSES, answered_age=57)
    assert expected["age_mae_years"].tolist() == pytest.approx([4, 8]) and answered["age_mae_years"].tolist() == [37, 3]
    assert answered["within_5_years"].tolist() == [0, 1]
    others = expected.columns.drop(["age_mae_years", "within_5_years"])
    pd.testing.assert_frame_equal(answered[others], expected[others])
    assert score_split(predictions, CLASSES, answered_age=57)["age_mae_years"] == 20
    ages = pd.Series({"c1": 64.0, "c0": 21.0})  # of the speakers themselves, in another order
    assert clip_scores(predictions, CLASSES, answered_age=57, ages=ages)["age_mae_years"].tolist() == [36, 7]


@given(seed=st.integers(0, 10_000))
@settings(max_examples=50, deadline=None)
def test_no_answer_without_audio_has_a_smaller_error_in_training_than_the_median_age(seed):
    rng = np.random.default_rng(seed)
    manifest = pd.DataFrame({"label": rng.choice(CLASSES, 9), "split": ["train"] * 7 + ["test"] * 2})
    ages = manifest["label"].str[-2:].astype(float)[:7]  # the test clips have no say
    errors = [(ages - answer).abs().mean() for answer in (median_age(manifest, CLASSES), *range(15, 70))]
    assert errors[0] == min(errors)


def test_where_classes_tell_no_age_there_is_no_median_and_of_a_range_its_middle_counts():
    manifest = pd.DataFrame({"label": ["female_20-39", "female_20-39", "male_60"], "split": "train"})
    assert (
        median_age(manifest, ["female_20-39", "male_60"])
        == clip_scores(table(["female_20-39"], [[0, 1]], ["female_20-39", "male_60"]), ["female_20-39", "male_60"], answered_age=0)[
            "age_mae_years"
        ][0]
    )
    assert median_age(manifest.assign(label="happy"), ["happy", "female_20"]) is None


def test_five_years_are_within_five_years():
    classes = ["age_20", "age_25", "age_26"]
    scores = clip_scores(table(["age_25", "age_26", "age_20"], np.eye(3)[[0, 0, 0]], classes), classes)
    assert scores["age_mae_years"].tolist() == [5, 6, 0] and scores["within_5_years"].tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    ("classes", "given"),
    [
        (["happy", "sad"], set()),
        (["female", "male"], {"gender_accuracy"}),
        (["age_20-39", "age_40-59"], {"age_group_accuracy", "age_mae_years", "within_5_years"}),
        (["female_20", "female_22"], {"age_mae_years", "within_5_years"}),
        (["female_20", "male_20"], {"gender_accuracy"}),  # with one age for all, nothing about ages can be wrong
        (["female_20", "unknown"], set()),
    ],
)
def test_scores_that_the_names_cannot_give_are_absent(classes, given):
    scores = score_split(table(classes, np.eye(2), classes), classes)
    assert {"gender_accuracy", "age_group_accuracy", "age_mae_years", "within_5_years"} & set(scores) == given


def test_each_split_is_scored_by_itself():
    right, wrong = np.eye(4)[[0]], np.eye(4)[[1]]
    both = pd.concat([table(["female_20"], right, split="train"), table(["female_20"], wrong, split="test")])
    metrics = score(both, CLASSES)
    assert list(metrics) == ["train", "test"]
    assert metrics["train"]["accuracy"] == 1 and metrics["test"]["accuracy"] == 0
    race = pd.concat([table(["female_20"], right, split="strangers"), table(["female_20"], wrong, split="known")])
    assert {name: scores["accuracy"] for name, scores in score(race, CLASSES).items()} == {"known": 0, "strangers": 1}


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


@pytest.mark.parametrize(("classes", "smoothing"), [(2, 0.3), (10, 0.05), (39, 0.05), (39, 0.0)])
def test_no_answer_has_a_lower_loss_than_the_smoothed_label_itself(classes, smoothing, rng):
    label = (1 - smoothing) * np.eye(classes)[0] + smoothing / classes
    floor = lowest_loss(classes, label_smoothing=smoothing)
    assert floor == pytest.approx(entropy(label))
    answers = rng.dirichlet(classes * label + 0.01, 1000)
    assert (-(label * np.log(np.clip(answers, 1e-12, 1))).sum(axis=1) >= floor - 1e-9).all()


def test_the_pitch_threshold_has_the_fewest_errors_on_training_clips():
    labels = ["male_20", "male_60", "male_20", "female_20", "female_60", "female_20", "male_20"]
    predictions = table(labels, np.eye(4)[[0] * 7]).assign(split=["train"] * 6 + ["test"])
    pitch = pd.Series([100.0, 120, 205, 180, 220, 240, 230], index=predictions["clip"])  # the test clip has no say
    threshold, right = pitch_threshold(predictions, pitch)
    assert threshold == 150 and right.tolist() == [True, True, False, True, True, True, False]


def test_predictions_of_other_classes_are_refused(tmp_path):
    write_table(tmp_path / "predictions.csv", table(["male_20"], np.eye(4)[[2]]))
    assert len(read_predictions(tmp_path / "predictions.csv", CLASSES)) == 1
    with pytest.raises(SuiteError, match=r"not those of classes\.json"):
        read_predictions(tmp_path / "predictions.csv", CLASSES[:3])


def test_predictions_from_before_another_split_or_label_are_refused(tmp_path, artifacts):
    write_table(tmp_path / "predictions.csv", table(CLASSES, np.eye(4)))
    manifest = pd.DataFrame({"clip": ["other", "c3", "c2", "c1", "c0"], "label": ["male_20", *CLASSES[::-1]], "split": "test"})
    read = read_predictions(tmp_path / "predictions.csv", CLASSES, manifest=manifest)
    assert read["true"].tolist() == CLASSES
    for changed in (
        manifest.assign(split=["test", "train", "test", "test", "test"]),
        manifest.assign(label=["male_20", "female_20", *CLASSES[2::-1]]),
        manifest.drop(index=1),
    ):
        with pytest.raises(SuiteError, match="1 of its 4 clips have another split or label"):
            read_predictions(tmp_path / "predictions.csv", CLASSES, manifest=changed)
    write_json(artifacts.classes, ["b", "a"])
    assert read_classes(artifacts) == ["b", "a"]


def test_class_names_that_look_like_columns_or_numbers_survive(tmp_path):
    classes = ["1", "007", "clip", "nan", "true", "note"]
    write_table(tmp_path / "predictions.csv", table(classes, np.eye(6), classes))
    predictions = read_predictions(tmp_path / "predictions.csv", classes)
    assert score_split(predictions, classes)["accuracy"] == 1
    assert predictions["true"].tolist() == classes


def people(rng, *, speakers, clips, accuracy, concentration):
    """A table of speakers who are each recognised with a probability of their own, `accuracy` on average."""
    chances = rng.beta(accuracy * concentration, (1 - accuracy) * concentration, speakers)
    right = rng.random((speakers, clips)) < chances[:, np.newaxis]
    predictions = table(["a"] * right.size, np.where(right.reshape(-1, 1), [[1, 0]], [[0, 1]]), ["a", "b"])
    return predictions, predictions[["clip"]].assign(speaker=np.repeat([f"s{n}" for n in range(speakers)], clips))


@pytest.mark.slow
def test_nineteen_of_twenty_intervals_hold_the_known_accuracy(rng):
    """And drawing clips instead of speakers would promise too much."""
    held = {"speaker": [], "clip": []}
    for _ in range(200):
        predictions, manifest = people(rng, speakers=60, clips=6, accuracy=0.75, concentration=2)
        for unit, known in (("speaker", manifest), ("clip", manifest.assign(speaker=""))):
            found = bootstrap(predictions, ["a", "b"], manifest=known, samples=400).loc["accuracy"]
            assert found["resampled"] == unit
            held[unit].append(found["low"] <= 0.75 <= found["high"])
    assert 0.90 <= np.mean(held["speaker"]) <= 0.99
    assert np.mean(held["clip"]) < 0.85


def test_the_bootstraps_value_is_the_score_itself(rng):
    predictions = table(rng.choice(CLASSES, 50), rng.dirichlet(np.ones(4), 50))
    scores = score_split(predictions, CLASSES)
    found = bootstrap(predictions, CLASSES, manifest=predictions[["clip"]].assign(speaker=""), samples=200)
    assert set(found.index) == set(clip_scores(predictions, CLASSES)) | {"macro_precision", "macro_recall", "macro_f1"}
    for name, row in found.iterrows():
        assert row["value"] == pytest.approx(scores[name], abs=1e-5) and row["low"] <= row["high"]
    again = bootstrap(predictions, CLASSES, manifest=predictions[["clip"]].assign(speaker=""), samples=200)
    pd.testing.assert_frame_equal(found, again)
    alone = bootstrap(predictions, CLASSES, manifest=predictions[["clip"]].assign(speaker="one"), samples=50)
    assert (alone["resampled"] == "clip").all()  # one speaker cannot be drawn again


@pytest.mark.parametrize("column", ["true", "label"])
def test_an_error_is_a_prediction_that_is_another_than_the_label_where_there_are_both(column):
    clips = pd.DataFrame({"clip": list("abcd"), column: ["x", "x", "", "x"], "predicted": ["x", "y", "y", ""]})
    assert errors_of(clips)["clip"].tolist() == ["b"]
