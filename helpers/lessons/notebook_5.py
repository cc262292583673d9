"""Checks of notebook 5: comparing models. A docstring is the form of the answer (`helpers.lessons.checks`)."""

from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from helpers.base.artifacts import read_table
from helpers.evaluation.intervals import visible_difference
from helpers.lessons.checks import Names, by_name, expect, fractions, number, numbers, table


def exercise_1(answer: Any, run: Names) -> str | None:
    """A dict or a Series: the model with the highest macro F1 for `known`, and for `strangers` where there are any."""
    assert isinstance(answer, (dict, pd.Series)), (
        "The names of models by what they were asked about are asked for: a dict or a Series."
    )
    rows = run.comparison.dropna(subset="macro_f1")
    best = rows.groupby("asked_about")["macro_f1"].max()
    assert set(dict(answer)) == set(best.index), f"One model for each question is asked for: {', '.join(best.index)}."
    for asked_about, model in dict(answer).items():
        scores = rows[rows["asked_about"] == asked_about].set_index("model")["macro_f1"]
        assert model in scores, f"{model!r} is no model here: {', '.join(scores.index)}."
        assert scores[model] == best[asked_about], f"{asked_about}: another model has a higher macro F1 than {model}."


def exercise_2(answer: Any, run: Names) -> str | None:
    """Two whole numbers: from how many clips p is below 0.05, and from how many after Holm."""
    enough = [next(n for n in range(1, 99) if tests * binomtest(n, n).pvalue < 0.05) for tests in (1, 6)]
    slips = [
        ((5, 8), "Five coins fall on *either* side with p = 0.0625: both sides count."),
        (np.array(enough) - 1, "With one clip fewer p is not below 0.05 yet: look at the table again."),
        (np.array(enough) + 1, "One clip fewer is enough."),
        ((enough[0], enough[0]), "Holm multiplies the smallest of six p values by 6."),
        ((enough[0], 6 * enough[0]), "Holm multiplies p, not the number of clips."),
    ]
    otherwise = "p is that of n coins that all fall on one side, either side; after Holm the smallest of six is 6 times p."
    expect(numbers(answer, 2), enough, otherwise, slips=slips, rel=0)
    return "Fewer than six clips can never decide, whatever the models are."


def exercise_3(answer: Any, run: Names) -> str | None:
    """A whole number: the clips that a difference of 0.02 takes, where models disagree on a tenth."""
    clips = number(answer)
    assert clips >= 10, "That many clips show nothing: count clips, not thousands of them."
    seen = visible_difference(int(clips), disagreement=0.1)
    assert seen < 0.021, f"With {clips:.0f} clips only a difference of {seen:.3f} is found: it takes more."
    assert seen > 0.0185, f"With {clips:.0f} clips a difference of {seen:.4f} is found already: fewer are enough."
    return "Half the difference takes four times the clips."


def exercise_4(answer: Any, run: Names) -> str | None:
    """Three numbers: the independent clips that the 1676 are worth, and the two ends of the interval."""
    given = numbers(answer, 3)
    worth = 1676 / (1 + (1676 / 40 - 1) * 0.3)
    slips = [
        (1676, "These clips are not independent: divide by 1 + (m - 1) r."),
        (1676 / (1 + (40 - 1) * 0.3), "m are the clips of one speaker, not the speakers."),
        (1676 / (1 + 1676 / 40 * 0.3), "A clip has m - 1 others of its speaker, not m."),
    ]
    expect(
        given[0],
        worth,
        "The first number: n / (1 + (m - 1) r), with m clips from each of 40 speakers.",
        slips=slips,
        within=0.6,
        rel=0,
    )
    interval = binomtest(round(0.96 * round(worth)), round(worth)).proportion_ci(method="wilson")
    whole = binomtest(round(0.96 * 1676), 1676).proportion_ci(method="wilson")
    slips = [(whole, "That is the interval with 1676 clips: take those that they are worth.")]
    otherwise = "The interval: 0.96 of the clips that they are worth are right; from its lower to its upper end."
    expect(fractions(given[1:]), tuple(interval), otherwise, slips=slips, rel=0, within=0.006)
    return "Few speakers make a large test set small."


def exercise_5(answer: Any, run: Names) -> str | None:
    """A table, one row each for means and deviations, one column per question: the SVM's accuracies."""
    sizes = read_table(run.part.manifest)["split"].value_counts()
    questions = [name for name in ("known", "strangers") if name in sizes]
    scores = table(answer, *questions)[questions].astype(float)
    assert {"means", "deviations"} <= set(scores.index), f"Name its rows means and deviations; they are {list(scores.index)}."
    right = fractions(scores) * sizes[questions]
    assert np.allclose(right, right.round(), atol=0.1 + 0.0006 * sizes[questions].max()), (
        "These are no fractions of the clips asked about."
    )
    return "The half that loses more from known voices to strangers is the one that holds the person."


def exercise_6(answer: Any, run: Names) -> str | None:
    """A dict: number of training speakers -> accuracy of the gender for strangers."""
    found = by_name(answer)
    fractions(found)
    clips = read_table(run.part.manifest)
    speakers = clips.loc[clips["split"] == "train", "speaker"].nunique()
    assert len(found) >= min(2, speakers // 2), "At least two numbers of speakers are asked for, few and many."
    counts = np.array(list(found.index), float)
    assert (counts >= 2).all(), "It takes two speakers at least, one of each gender; the keys are the speakers of both genders."
    assert (counts <= speakers).all(), f"The training has {speakers} speakers: are your keys clips?"
    return "Does it rise with the people, though the clips are as many as before?"


def exercise_7(answer: Any, run: Names) -> str | None:
    """Three numbers: the clips that only the SVM gets right, those that only yours does, and McNemar's p."""
    svm, mine, p_value = numbers(answer, 3)
    assert svm == round(svm) and mine == round(mine), "The first two are counts of clips."
    differ, clips = int(svm + mine), len(run.right)
    assert differ <= clips, f"They differ on {differ} clips, of {clips}: only those that *one* of the two gets right count."
    fractions(p_value)
    right = binomtest(int(svm), max(differ, 1)).pvalue
    slips = [
        (right / 2, "That is one side only: the coin may fall on either side."),
        (binomtest(int(svm), clips).pvalue, "The clips on which both agree decide nothing: n are those on which they differ."),
    ]
    expect(p_value, right, "p is that of a fair coin, thrown once for each clip on which they differ.", slips=slips, within=0.001)
    return "Such a difference is hardly chance." if right < 0.05 else "Such a difference may be chance."


def exercise_8(answer: Any, run: Names) -> str | None:
    """A table, one row per emotion or speaker, with the columns clips and accuracy."""
    rows = table(answer, "clips", "accuracy")
    fractions(rows["accuracy"])
    assert rows["clips"].sum() <= len(run.elsewhere), f"These are more clips than the other corpus has, {len(run.elsewhere)}."
    return "The lowest rows are ways of speaking, or voices, that the training corpus lacked."
