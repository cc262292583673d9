"""The gap between known voices and strangers: its interval, and its words."""

import numpy as np
import pandas as pd
import pytest

from helpers.evaluation.gap import gap, the_person
from helpers.evaluation.intervals import resampled_scores
from helpers.evaluation.scores import predictions_table

CLASSES = ["female_20", "male_60"]


def resamples(right, *, speakers="", seed=0, samples=4000) -> pd.DataFrame:
    probabilities = np.where(np.asarray(right)[:, np.newaxis], [[0.8, 0.2]], [[0.3, 0.7]])
    clips = pd.DataFrame({"clip": [f"c{n}" for n in range(len(right))], "split": "known", "label": "female_20"})
    test = predictions_table(clips, probabilities, CLASSES)
    return resampled_scores(test, CLASSES, manifest=test[["clip"]].assign(speaker=speakers), samples=samples, seed=seed)


def test_the_interval_adds_the_spread_of_two_independent_test_sets(rng):
    known, strangers = resamples(rng.random(400) < 0.8), resamples(rng.random(400) < 0.3, seed=1)
    row = gap(known, strangers).loc["accuracy"]
    assert row["gap"] == pytest.approx(row["known"] - row["strangers"])
    assert gap(known, strangers).index.tolist() == [name for name in known if name in strangers]  # in their order
    expected = 2 * 1.96 * np.sqrt(sum(row[side] * (1 - row[side]) / 400 for side in ("known", "strangers")))
    assert row["gap_high"] - row["gap_low"] == pytest.approx(expected, rel=0.1)


@pytest.mark.slow
def test_the_interval_holds_the_true_gap_where_speakers_differ(rng):
    """Each speaker has a chance of their own to be right; 117 are known, 78 are strangers, as in the corpus voices."""
    held = []
    for _ in range(150):
        tests = []
        for seed, (people, chance) in enumerate(((117, 0.8), (78, 0.3))):
            own = rng.beta(4 * chance, 4 * (1 - chance), size=people)
            right = rng.random((people, 6)) < own[:, np.newaxis]
            tests.append(resamples(right.ravel(), speakers=np.repeat([f"s{n}" for n in range(people)], 6), seed=seed, samples=400))
        row = gap(*tests).loc["accuracy"]
        held.append(row["gap_low"] <= 0.5 <= row["gap_high"])
    assert 0.89 <= np.mean(held) <= 0.99


def row(known, strangers, *, score="accuracy", spread=0.02) -> pd.Series:
    gone = known - strangers
    return pd.Series({"known": known, "strangers": strangers, "gap_low": gone - spread, "gap_high": gone + spread}, name=score)


ALL_GONE = "All of its lead over the no-audio baseline came from knowing the person: for strangers there is none."


@pytest.mark.parametrize(
    ("known", "strangers", "score", "words"),
    [
        (0.90, 0.05, "accuracy", "Nearly all of its lead over the no-audio baseline (98%) came from knowing the person."),
        (0.90, 0.03, "accuracy", ALL_GONE),
        (0.90, 0.0300001, "accuracy", ALL_GONE),
        (0.90, 0.20, "accuracy", "Most of its lead over the no-audio baseline (80%) came from knowing the person."),
        (0.90, 0.50, "accuracy", "About half of its lead over the no-audio baseline (46%) came from knowing the person."),
        (0.90, 0.70, "accuracy", "A smaller part of its lead over the no-audio baseline (23%) came from knowing the person."),
        (0.90, 0.85, "accuracy", "Hardly any of its lead over the no-audio baseline (6%) came from knowing the person."),
        (0.90, 0.895, "accuracy", "For strangers it is about as good as for known voices: these clips show no difference."),
        (
            0.50,
            0.90,
            "accuracy",
            "For strangers it is even better than for known voices: the strangers here are easier to classify.",
        ),
        (0.03, 0.03, "accuracy", "It has no lead over the no-audio baseline, not even for known voices."),
        (3.0, 12.0, "age_mae_years", "Most of its lead over the no-audio baseline (75%) came from knowing the person."),
        (16.0, 16.0, "age_mae_years", "It has no lead over the no-audio baseline, not even for known voices."),
    ],
)
def test_the_words_are_chosen_by_the_numbers(known, strangers, score, words):
    no_audio = 15.0 if score == "age_mae_years" else 0.03
    assert the_person(row(known, strangers, score=score), known=no_audio, strangers=no_audio) == words
