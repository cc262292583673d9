"""Checks of notebook 4: scores and their doubts. A docstring is the form of the answer (`helpers.lessons.checks`)."""

from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from helpers.base.artifacts import SuiteError
from helpers.evaluation.calibration import with_temperature
from helpers.evaluation.scores import confusion_counts, errors_of, probabilities_of
from helpers.lessons.checks import Names, expect, fractions, numbers
from helpers.recordings.labels import class_order, parse_label


def _clips(run: Names, split: str) -> pd.DataFrame:
    return run.predictions[run.predictions["split"] == split]


def exercise_1(answer: Any, run: Names) -> str | None:
    """A table or an array: the counts of the confusion matrix of the training clips."""
    counts, train = np.asarray(answer, float), _clips(run, "train")
    assert counts.ndim == 2 and counts.shape[0] == counts.shape[1], f"A square matrix is asked for, not the shape {counts.shape}."
    slips = [
        (len(_clips(run, "test")), "These are the test clips: take the split `train`."),
        (len(errors_of(train)), "These are the errors alone: the diagonal belongs to the counts."),
        (train["true"].nunique(), "These are fractions of each class: give the counts."),
    ]
    expect(counts.sum(), len(train), "The counts should add up to the number of training clips.", slips=slips, rel=0, within=0.01)
    right = (train["true"] == train["predicted"]).sum()
    expect(np.trace(counts), right, "The diagonal should hold the clips that are right: are rows and columns in one order?", rel=0)
    return "It shows that these clips could be learnt, and nothing about other clips."


def exercise_2(answer: Any, run: Names) -> str | None:
    """Two numbers from 0 to 1: the accuracy, and the mean of the recalls."""
    given = fractions(numbers(answer, 2))
    counts = confusion_counts(_clips(run, "test"), class_order(run.classes)).to_numpy()
    right, of_class, told = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    accuracy, recall = right.sum() / counts.sum(), (right[of_class > 0] / of_class[of_class > 0]).mean()
    precision = (right[told > 0] / told[told > 0]).mean()
    slips = [
        ((accuracy, precision), "The second is the mean precision: recall divides by the sum of a row."),
        ((recall, accuracy), "The two are exchanged."),
    ]
    otherwise = "The accuracy is the diagonal by all counts; a recall is one point of it by the sum of its row."
    expect(given, (accuracy, recall), otherwise, slips=slips, rel=0, within=0.0006)


def exercise_3(answer: Any, run: Names) -> str | None:
    """Three numbers: wrong clips of the right gender, wrong clips within five years, and how many of these by chance."""
    test, people = _clips(run, "test"), [parse_label(label) for label in run.classes]
    wrong = errors_of(test)
    pairs = [(parse_label(true), parse_label(predicted)) for true, predicted in zip(wrong["true"], wrong["predicted"], strict=True)]
    aged = [(a, b) for a, b in pairs if a[1] is not None and b[1] is not None]
    known = [(a, b) for a, b in pairs if a[0] and b[0]]
    if not known or not aged:
        raise SuiteError("No test clip is wrong, or the class names do not state gender and age.")
    same, apart = sum(a[0] == b[0] for a, b in known), np.array([abs(a[1] - b[1]) for a, b in aged])
    chance = 0.0
    for a, b in aged:
        others = [c[1] for c in people if c[0] == b[0] and c != a and c[1] is not None]
        chance += np.mean(np.abs(np.array(others) - a[1]) <= 5)
    given = numbers(answer, 3)
    slips = [(len(known) - same, "The first counts the clips of the *wrong* gender.")]
    expect(given[0], same, "The first: compare true and predicted gender, of the wrong clips, and count.", slips=slips, rel=0)
    slips = [
        ((apart < 5).sum(), "Five years apart is still `at most five`."),
        ((apart <= 5).sum() + (len(test) - len(wrong)), "Only the wrong clips are asked about: the right ones are 0 years off."),
    ]
    expect(given[1], (apart <= 5).sum(), "The second: compare the ages, of the wrong clips.", slips=slips, rel=0)
    otherwise = "The third: add up, for each wrong clip, which fraction of the other classes of the *predicted* gender is so near."
    slips = [(chance / len(aged), "The third is a count as well: add the fractions up, without a mean over the clips.")]
    expect(given[2], chance, otherwise, slips=slips, within=0.06)


def exercise_4(answer: Any, run: Names) -> str | None:
    """Four numbers: the width of the interval with 25, 100, 400 and 1600 clips."""
    bounds = [binomtest(round(0.9 * size), size).proportion_ci(method="wilson") for size in (25, 100, 400, 1600)]
    widths = np.array([bound.high - bound.low for bound in bounds])
    slips = [
        (widths / 2, "That is half the width: from the lower bound to the upper one."),
        (100 * widths, "These are per cent: a width of 0.1 is a tenth."),
    ]
    otherwise = "The width is the upper bound minus the lower one, for 0.9 of the clips right."
    expect(numbers(answer, 4), widths, otherwise, slips=slips, rel=0.1)
    return "Four times the clips halve the width."


def exercise_5(answer: Any, run: Names) -> str | None:
    """Two numbers: your threshold from 0 to 1, and the euros that a test clip costs with it."""
    threshold, paid = numbers(answer, 2)
    fractions(threshold)
    scaled = with_temperature(run.predictions, run.classes, temperature=run.temperature)
    validation, test = (scaled[scaled["split"] == split] for split in ("validation", "test"))

    def cost(clips: pd.DataFrame, start: float) -> float:
        answered, wrong = clips["confidence"] >= start, clips["true"] != clips["predicted"]
        return float(5 * (answered & wrong).mean() + (~answered).mean())

    lowest = min(cost(validation, start) for start in validation["confidence"])
    reached = min(cost(validation, threshold + rounding) for rounding in (-0.005, 0, 0.005))
    assert reached <= lowest + 5 / len(validation) + 1e-9, (
        f"With it a *validation* clip costs {reached:.3f} euros, with another threshold {lowest:.3f} (confidences after scaling)."
    )
    slips = [
        (cost(validation, threshold), "The second number is the cost of a validation clip: take the test clips."),
        (cost(test, 0), "The second number is what always answering costs: an `unsure` costs 1 euro instead of 5 or nothing."),
        (100 * cost(test, threshold), "The second number is in cents."),
    ]
    otherwise = "The second number: 5 euros for each wrong answer, 1 euro for each `unsure`, by the number of *all* test clips."
    expect(paid, cost(test, threshold), otherwise, slips=slips, within=0.006 + 5 / len(test))


def exercise_6(answer: Any, run: Names) -> str | None:
    """Three numbers: the mean of expected minus true age, of the youngest, the middle and the oldest third."""
    ages = np.array([parse_label(label)[1] for label in run.classes], dtype=float)
    if not np.isfinite(ages).all() or len(set(ages)) < 2:
        raise SuiteError("Its class names do not state an age.")
    test = _clips(run, "test")
    true_age = test["true"].map(dict(zip(run.classes, ages, strict=True)))
    error = probabilities_of(test) @ ages - true_age
    thirds = pd.qcut(true_age, 3, duplicates="drop")
    means, sizes = (of.groupby(thirds, observed=True).mean().to_numpy() for of in (error, error.abs()))
    slips = [
        (-means, "The sign is the other way round: expected *minus* true age."),
        (sizes, "These are the sizes of the errors: here the sign counts."),
    ]
    otherwise = "Group by the true age, and take the probabilities as trained."
    expect(numbers(answer, len(means)), means, otherwise, slips=slips, within=0.1)
    return "Above 0 they are taken for older than they are, below 0 for younger: a pull to the middle."


def exercise_7(answer: Any, run: Names) -> str | None:
    """Your function: samples at 16,000 Hz in, the samples with their echo out."""
    assert callable(answer), "The function itself is asked for, by its name, without brackets."
    delay, clicks = 2400, np.zeros((2, 16_000), np.float32)
    clicks[0, 0] = clicks[1, -1] = 1  # one click at the start, one at the end
    first, last = (np.asarray(answer(click), float) for click in clicks)
    assert first.ndim == 1 and len(first) >= 16_000, "The samples should come back, no fewer of them."
    assert abs(first[0] - 1) < 1e-3, f"A click comes back as {first[0]:.2f} at its own time: the sound itself stays as it was."
    assert np.abs(first[1:]).max() > 1e-3, "A click comes back without an echo."
    at = int(np.abs(first[1:]).argmax()) + 1
    assert at == delay, f"The echo comes after {at / 16:.1f} ms, not after 150: how many samples are 0.15 s?"
    assert abs(first[at] - 0.5) < 1e-3, f"The echo has {first[at]:.2f} of the amplitude, not half."
    assert np.abs(last[:15_999]).max() < 1e-3, "The echo of the clip's end is heard at its start: give it room at the end."
    return "Half the amplitude is 6 dB less."
