"""Differences between models: against the formulas and scipy on random tables, and on data with a known difference."""

from math import comb

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest, chi2

from helpers.evaluation.intervals import (
    accuracy_by,
    agreement,
    bootstrap,
    differences,
    holm,
    pareto_front,
    resampled_scores,
    resampling_units,
    visible_difference,
)
from helpers.evaluation.scores import predictions_table

CLASSES = ["female_20", "male_60"]


def answers(right):
    """Predictions of the class female_20, right where the array says so."""
    probabilities = np.where(np.asarray(right)[:, np.newaxis], [[0.8, 0.2]], [[0.3, 0.7]])
    clips = pd.DataFrame({"clip": [f"c{n}" for n in range(len(right))], "split": "test", "label": "female_20"})
    return predictions_table(clips, probabilities, CLASSES)


def compare(right: pd.DataFrame, *, best: str, speakers=None, samples=1000, converged=True) -> pd.DataFrame:
    manifest = answers(right[best])[["clip"]].assign(speaker="" if speakers is None else speakers)
    resamples = {
        name: resampled_scores(answers(right[name]), CLASSES, manifest=manifest, samples=samples)["accuracy"] for name in right
    }
    return differences(right, pd.DataFrame(resamples), best=best, converged=pd.Series(True, right.columns) & converged)


@pytest.mark.parametrize("seed", range(8))
def test_mcnemar_and_holm_are_those_of_their_formulas_and_of_scipy(seed):
    rng = np.random.default_rng(seed)
    right = pd.DataFrame({name: rng.random(150) < chance for name, chance in zip("abcde", rng.uniform(0.5, 0.95, 5), strict=True)})
    found = compare(right, best="a", samples=200)
    for name, row in found.iterrows():
        table = pd.crosstab(right["a"], right[name]).to_numpy()  # False before True
        assert (row["only_this"], row["only_best"]) == (table[0, 1], table[1, 0])
        tosses, fewer = int(table[0, 1] + table[1, 0]), int(min(table[0, 1], table[1, 0]))
        assert row["mcnemar"] == pytest.approx(min(2 * sum(comb(tosses, k) for k in range(fewer + 1)) / 2**tosses, 1))
        assert row["mcnemar"] == pytest.approx(binomtest(int(row["only_best"]), int(table[0, 1] + table[1, 0])).pvalue)
        assert row["difference"] == pytest.approx(right["a"].mean() - right[name].mean())
    for test in ("mcnemar", "bootstrap"):
        # Holm by hand: sorted, times how many are left, never falling; each p value keeps its rank.
        smallest_first = np.sort(found[test])
        by_hand = np.minimum(np.maximum.accumulate(smallest_first * np.arange(len(found), 0, -1)), 1)
        assert np.allclose(found[f"{test}_holm"].to_numpy()[np.argsort(found[test])], by_hand)


def test_holm_raises_p_values_as_worked_out_on_paper():
    raised = holm(pd.Series([0.01, 0.04, 0.03, 0.005], index=list("abcd")))  # times 3, 1, 2, 4; 0.04 may not fall below 0.06
    assert raised.index.tolist() == list("abcd") and raised.tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm(pd.Series([0.4, 0.5, 0.04])).tolist() == pytest.approx([0.8, 0.8, 0.12])
    assert holm(pd.Series([0.6, 0.7])).tolist() == [1, 1] and holm(pd.Series([0.2, 0.2])).tolist() == [0.4, 0.4]
    assert holm(pd.Series([], dtype=float)).empty


def test_equal_models_and_a_single_one_break_nothing():
    right = pd.DataFrame({"a": [True, False] * 20, "b": [True, False] * 20})
    row = compare(right, best="a").loc["b"]
    assert (row["difference"], row["mcnemar_holm"], row["bootstrap_holm"], row["real"]) == (0, 1, 1, False)
    assert compare(right[["a"]], best="a").empty


@pytest.mark.slow
def test_intervals_of_a_known_difference_hold_it_and_pairing_makes_them_narrower(rng):
    held, paired, apart = [], [], []
    for _ in range(120):
        easy = rng.random(200)  # what is hard for one model is hard for the other
        right = pd.DataFrame({"good": easy < 0.8, "poor": np.where(rng.random(200) < 0.9, easy < 0.7, rng.random(200) < 0.7)})
        row = compare(right, best="good", samples=300).loc["poor"]
        held.append(row["low"] <= 0.1 <= row["high"])
        paired.append(row["high"] - row["low"])
        apart.append(2 * 1.96 * np.sqrt(0.8 * 0.2 / 200 + 0.7 * 0.3 / 200))
    assert 0.88 <= np.mean(held) <= 1
    assert np.mean(paired) < 0.9 * np.mean(apart)


def test_of_a_model_that_has_not_converged_no_difference_is_real(rng):
    easy = rng.random(200)
    right = pd.DataFrame({"good": easy < 0.9, "poor": easy < 0.6, "young": easy < 0.3})
    assert compare(right, best="good")["real"].all()
    found = compare(right, best="good", converged=pd.Series({"good": True, "poor": True, "young": False}))
    assert found.loc["poor", "real"] and not found.loc["young", ["real", "converged"]].any()
    assert not compare(right, best="good", converged=pd.Series({"good": False, "poor": True, "young": True}))["real"].any()


def test_with_several_seeds_a_clip_counts_for_the_model_that_more_seeds_get_right(rng):
    seeds = rng.random((3, 200))
    right = pd.DataFrame({"good": (seeds < 0.9).mean(axis=0), "poor": (seeds[::-1] < 0.5).mean(axis=0)})
    resamples = pd.DataFrame(
        {name: np.append(values.mean(), values.mean() + rng.normal(0, 0.01, 500)) for name, values in right.items()}
    )
    row = differences(right, resamples, best="good", converged=pd.Series(True, right.columns)).loc["poor"]
    ahead, behind = (right["good"] > right["poor"]).sum(), (right["good"] < right["poor"]).sum()
    assert (row["only_best"], row["only_this"]) == (ahead, behind) and ahead + behind < 200
    assert row["mcnemar"] == pytest.approx(binomtest(int(ahead), int(ahead + behind)).pvalue) and row["real"]


def test_a_difference_is_not_real_where_the_two_tests_see_another_model_ahead():
    # All three seeds of the best lose 40 clips; of the other model, one seed loses the 60 others.
    right = pd.DataFrame({"best": [1.0] * 60 + [0.0] * 40, "other": [2 / 3] * 60 + [1.0] * 40})
    resamples = pd.DataFrame({name: np.full(1000, value) for name, value in right.mean().items()})
    row = differences(right, resamples, best="best", converged=pd.Series(True, right.columns)).loc["other"]
    assert row["only_best"] > row["only_this"] and row["difference"] < 0
    assert row["bootstrap_holm"] < 0.05 and not row["real"]
    many = pd.concat([right] * 10, ignore_index=True)  # McNemar's is below 0.05 as well now
    row = differences(many, resamples, best="best", converged=pd.Series(True, right.columns)).loc["other"]
    assert max(row["mcnemar_holm"], row["bootstrap_holm"]) < 0.05 and not row["real"]


@pytest.mark.slow
def test_between_equal_models_a_difference_is_rarely_called_real(rng):
    calls = []
    for _ in range(60):
        right = pd.DataFrame(rng.random((150, 4)) < 0.8, columns=list("abcd"))
        calls.append(compare(right, best="a", samples=200)["real"].any())
    assert np.mean(calls) <= 0.12


def test_a_clear_difference_is_called_real(rng):
    easy = rng.random(200)
    assert compare(pd.DataFrame({"good": easy < 0.9, "poor": easy < 0.6}), best="good").loc["poor", "real"]


def test_drawing_speakers_widens_the_interval_where_a_speakers_clips_fall_together(rng):
    speakers = np.repeat([f"s{n}" for n in range(20)], 10)
    lost = np.repeat(rng.random(20) < 0.3, 10)
    right = pd.DataFrame({"good": np.ones(200, bool), "poor": ~lost})
    by_clip, by_speaker = compare(right, best="good").loc["poor"], compare(right, best="good", speakers=speakers).loc["poor"]
    assert by_speaker["high"] - by_speaker["low"] > 2 * (by_clip["high"] - by_clip["low"])


@pytest.mark.parametrize(
    ("speakers", "expected"),
    [
        ({"c0": "x", "c1": "y", "c2": "x"}, ([0, 1, 0], "speaker")),
        ({"c0": "x", "c1": "x", "c2": "x"}, ([0, 1, 2], "clip")),  # one speaker can't be drawn again
        ({"c0": "x", "c1": "y", "c2": ""}, ([0, 1, 2], "clip")),
        ({"c0": "x", "c1": "y"}, ([0, 1, 2], "clip")),  # the manifest does not have that clip
    ],
)
def test_whole_speakers_are_drawn_where_all_are_known(speakers, expected):
    manifest = pd.DataFrame(speakers.items(), columns=["clip", "speaker"])
    units, unit = resampling_units(answers([True, False, True]), manifest)
    assert (units.tolist(), unit) == expected


def groups_of(right, group, speakers, **options):
    predictions = answers(right)
    manifest = predictions[["clip"]].assign(speaker=speakers)
    return accuracy_by(predictions, pd.Series(group, index=predictions["clip"], name="group"), manifest=manifest, **options)


def test_accuracy_of_groups_leaves_out_what_has_no_value():
    found = groups_of([True, True, False, False, False], ["calm", "calm", "calm", "", "sad"], "")
    assert found["clips"].to_dict() == {"calm": 3, "sad": 1} and found["errors"].tolist() == [1, 1]
    assert found.loc["calm", "accuracy"] == pytest.approx(2 / 3) and found.index.name == "group"
    # Where nobody is known, Wilson's interval of 2 of 3.
    assert found["speakers"].isna().all() and found.loc["calm", "low"] == pytest.approx(0.2077, abs=1e-3)
    parts = groups_of([True, True, False, False, False], [1.0, 2, 3, 4, np.nan], "", parts=2)
    assert parts["clips"].tolist() == [2, 2] and parts["errors"].tolist() == [0, 2]


def test_a_groups_interval_is_resampled_by_speaker():
    """Ten speakers, five of them always right and five never, are hardly more than ten clips."""
    right, speakers = np.repeat([True, False] * 5, 20), np.repeat(np.arange(10).astype(str), 20)
    found = groups_of([*right, True, True], ["many"] * 200 + ["one"] * 2, [*speakers, "alone", "alone"])
    by_clip = binomtest(100, 200).proportion_ci(method="wilson")
    assert found.loc["many", "high"] - found.loc["many", "low"] > 3 * (by_clip.high - by_clip.low)
    # Wide as that of a mean of ten tosses: 0.5 plus and minus 1.96 * 0.5 / sqrt(10).
    assert found.loc["many", ["low", "high"]].to_numpy(float) == pytest.approx([0.19, 0.81], abs=0.02)
    assert found["speakers"].to_dict() == {"many": 10, "one": 1}
    assert np.isnan(found.loc["one", ["low", "high"]].to_numpy(float)).all()  # says nothing about other speakers


def test_a_group_without_errors_may_still_have_an_interval():
    found = groups_of([True] * 8, "all", list("aabbccdd"))
    assert found.loc["all", "high"] == 1 and found.loc["all", "low"] == pytest.approx(0.676, abs=1e-3)  # Wilson's of 8 of 8


def test_the_intervals_of_groups_hold_the_truth_where_wilsons_do_not(rng):
    """Speakers' accuracies from Beta(1.5, 0.5), so 0.75 on average; 20 speakers with 8 clips each."""
    held = {"by speaker": 0, "by clip": 0}
    speakers = np.repeat(np.arange(20).astype(str), 8)
    for _ in range(200):
        right = rng.random(160) < np.repeat(rng.beta(1.5, 0.5, 20), 8)
        for name, of in (("by speaker", speakers), ("by clip", "")):
            found = groups_of(right, "all", of, samples=400).loc["all"]
            held[name] += found["low"] <= 0.75 <= found["high"]
    assert held["by speaker"] > 172 and held["by clip"] < 160, held  # of 200; about 184 and 140 are to be expected


def test_agreement_counts_clips():
    one, other = pd.Series([True, True, False, True], name="a"), pd.Series([True, False, False, True], name="b")
    table = agreement(one, other)
    assert table.to_numpy().tolist() == [[2, 1], [0, 1]] and (table.index.name, table.columns.name) == ("a", "b")
    always = pd.Series([True] * 3)
    assert agreement(always.rename("a"), always.rename("b")).to_numpy().tolist() == [[3, 0], [0, 0]]


def test_the_bootstrap_says_what_it_draws():
    predictions = answers([True, False, True])
    for speakers, drawn in ((["x", "y", "x"], "speaker"), ([""] * 3, "clip")):
        table = bootstrap(predictions, CLASSES, manifest=predictions[["clip"]].assign(speaker=speakers), samples=10)
        assert (table["resampled"] == drawn).all()


def test_the_visible_difference_is_found_in_four_of_five_test_sets(rng):
    difference = visible_difference(300, disagreement=0.2)
    only_best, only_this = (0.2 + difference) / 2, (0.2 - difference) / 2
    found = []
    for _ in range(400):
        counts = rng.multinomial(300, [only_best, only_this, 0.8])
        found.append(chi2.sf((counts[0] - counts[1]) ** 2 / (counts[0] + counts[1]), 1) < 0.05)
    assert 0.72 < np.mean(found) < 0.88
    assert visible_difference(30, disagreement=0.02) == 0.02  # less than a clip: nothing can be seen
    assert visible_difference(1200, disagreement=0.2) == pytest.approx(difference / 2, rel=0.1)


def test_the_front_holds_what_nothing_beats():
    table = pd.DataFrame({"accuracy": [0.9, 0.9, 0.8, 0.7, 0.6], "cost": [5.0, 6.0, 2.0, 2.0, np.nan]})
    assert pareto_front(table, "cost").tolist() == [True, False, True, False, False]
