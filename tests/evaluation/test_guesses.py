"""Guesses of age and gender: which clips, what the network answers, who is closer, and the table that is kept."""

import numpy as np
import pandas as pd
import pytest
from conftest import run_cell

from helpers.base.artifacts import Artifacts, SuiteError
from helpers.evaluation.guesses import (
    COLUMNS,
    choose_clips,
    compare_guesses,
    network_answers,
    read_guesses,
    sum_up,
    write_guesses,
    your_scores,
)
from helpers.evaluation.scores import clip_scores, predictions_table
from helpers.recordings.voices import CATEGORIES

GUESSES = pd.DataFrame(
    [["a", "female", 40, "female", 43], ["b", "male", 30, "female", 60], ["c", "male", 50, "male", 52]], columns=COLUMNS
)
ANSWERS = pd.DataFrame({"gender": ["female"] * 3, "age": [53.0, 58.6, 54.4]}, index=pd.Index(["a", "b", "c"], name="clip"))


def clips(*, of: tuple = CATEGORIES) -> pd.DataFrame:
    rows = [
        [f"{gender}_{age}_s{speaker}_{number}", f"{gender}_{age}_s{speaker}", gender, age, split]
        for gender, age in of
        for speaker in (1, 2)
        for number, split in enumerate(("train", "validation", "test", "test"))
    ]
    return pd.DataFrame(rows, columns=["clip", "speaker", "gender", "age", "split"]).astype({"age": "Int64"})


@pytest.mark.parametrize("seed", range(5))
def test_the_clips_are_test_clips_of_different_speakers_spread_over_ages_and_genders(seed):
    chosen = choose_clips(clips(), seed=seed)
    assert len(chosen) == 5 and (chosen["split"] == "test").all() and chosen["speaker"].is_unique
    assert sorted(chosen["gender"].value_counts()) == [2, 3]
    ages = sorted(chosen["age"])
    assert ages[0] < 32 and ages[-1] > 60 and len(set(ages)) == 5
    pd.testing.assert_frame_equal(chosen, choose_clips(clips(), seed=seed))


def test_another_seed_gives_other_clips_in_an_order_that_tells_nothing():
    orders = [tuple(choose_clips(clips(), seed=seed)["age"]) for seed in range(5)]
    assert len(set(orders)) == 5 and not all(list(ages) == sorted(ages) for ages in orders)


def test_a_small_corpus_gives_what_it_has_and_one_without_ages_a_sentence():
    assert len(choose_clips(clips(of=(("female", 30),)), seed=0)) == 2
    with pytest.raises(SuiteError, match="no test clip has a speaker of known gender and age"):
        choose_clips(clips().assign(gender=""), seed=0)


def test_the_networks_answer_is_the_sum_of_its_probabilities_and_scores_as_elsewhere(rng):
    classes = sorted(f"{gender}_{age}" for gender, age in CATEGORIES)
    manifest = pd.DataFrame({"clip": [f"c{number}" for number in range(39)], "split": "test", "label": classes})
    predictions = predictions_table(manifest, rng.dirichlet(np.ones(39) * 0.2, 39), classes)
    answers = network_answers(predictions, classes)
    scores = clip_scores(predictions, classes)
    true = predictions["true"].str.split("_", expand=True).set_index(answers.index)
    assert (answers["gender"] == true[0]).astype(float).tolist() == scores["gender_accuracy"].tolist()
    errors = (answers["age"] - true[1].astype(int)).abs()
    assert errors.to_numpy() == pytest.approx(scores["age_mae_years"].to_numpy())


def test_classes_without_an_age_give_a_sentence():
    classes = ["female", "male"]
    predictions = predictions_table(
        pd.DataFrame({"clip": ["a"], "split": ["test"], "label": ["male"]}), np.array([[0.3, 0.7]]), classes
    )
    with pytest.raises(SuiteError, match="do not state both gender and age"):
        network_answers(predictions, classes)


def test_the_closer_one_is_told_in_whole_years():
    compared = compare_guesses(GUESSES, ANSWERS)
    assert compared["your_error"].tolist() == [3, 30, 2]
    assert compared["network_error"].tolist() == pytest.approx([10, 1.4, 2.4])
    assert compared["closer"].tolist() == ["you", "network", "both"]
    assert compared["your_gender_right"].tolist() == [True, False, True]
    assert compared["network_gender_right"].tolist() == [True, True, False]


def test_the_sum_counts_the_clips_that_both_have_answered():
    summed = sum_up(compare_guesses(GUESSES, ANSWERS.drop("c")))
    assert summed.loc["you"].tolist() == [2, 16.5, 0.5, 1]
    assert summed.loc["network"].tolist() == pytest.approx([2, 5.7, 1, 1])


def test_notebook_4_shows_your_scores_or_why_it_cannot(tmp_path):
    artifacts, classes = Artifacts(tmp_path), ["female_43", "male_52"]
    manifest = pd.DataFrame({"clip": ["a", "z"], "split": "test", "label": ["female_43", "male_52"]})
    predictions = predictions_table(manifest, np.array([[0.9, 0.1], [0.2, 0.8]]), classes)
    with pytest.raises(SuiteError, match="nobody has guessed here"):
        your_scores(artifacts, predictions, classes)
    write_guesses(artifacts, GUESSES)
    assert your_scores(artifacts, predictions, classes)["age_mae_years"].round(6).to_dict() == {"you": 3, "network": 0.9}
    known = {"artifacts": artifacts, "test": predictions, "classes": classes, "display": lambda table: shown.append(table)}
    shown = []
    run_cell("04-y1", **known)
    assert shown[0].index.tolist() == ["you", "network"]
    with pytest.raises(SuiteError, match=r"the clips in you\.csv are not among these"):
        your_scores(artifacts, predictions[predictions["clip"] == "z"], classes)


def test_guesses_are_kept_and_read_again(tmp_path):
    artifacts = Artifacts(tmp_path / "voices")
    assert read_guesses(artifacts).empty
    write_guesses(artifacts, GUESSES.assign(more=1))
    assert artifacts.guesses.name == "you.csv"
    pd.testing.assert_frame_equal(read_guesses(artifacts), GUESSES, check_dtype=False)
    write_guesses(artifacts, GUESSES.head(1))
    assert len(read_guesses(artifacts)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "clip,age\na,3\n",
        "clip,gender,age,true_gender,true_age\na,male,old,male,3\n",
        "clip,gender,age,true_gender,true_age\na,male,,male,3\n",
    ],
)
def test_a_table_that_was_changed_is_one_sentence(tmp_path, text):
    artifacts = Artifacts(tmp_path)
    artifacts.guesses.write_text(text)
    with pytest.raises(SuiteError, match=r"you\.csv .*guess again in notebook 0"):
        read_guesses(artifacts)
