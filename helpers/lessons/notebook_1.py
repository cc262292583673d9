"""Checks of notebook 1: recordings, sound files and splits. A docstring is the form of the answer (`helpers.lessons.checks`)."""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.tree import DecisionTreeClassifier

from helpers.lessons.checks import Names, by_name, expect, fractions, number, numbers, table
from helpers.recordings.labels import LABEL_KINDS, make_labels
from helpers.recordings.reasons import reason_kind


def exercise_1(answer: Any, run: Names) -> str | None:
    """A table or a dict: minutes of speech by gender."""
    groups = run.manifest.groupby("gender")["duration_s"]
    minutes, given = groups.sum() / 60, by_name(answer)
    assert set(given.index) == set(minutes.index), f"Each gender of the manifest should have a number: {list(minutes.index)}."
    slips = [
        (60 * minutes, "These are seconds."),
        (minutes / 60, "These are hours."),
        (groups.size(), "These are counts of clips: add up how long the clips are."),
    ]
    expect(given[minutes.index], minutes, "Add up `duration_s` for each gender. What is its unit?", slips=slips, within=0.06)


def exercise_2(answer: Any, run: Names) -> str | None:
    """A number: the dB that one more bit gains, from 6 bits on."""
    gain, samples, ratios = number(answer), run.samples, []
    bits, peak = np.arange(6, 15, 2), np.abs(samples).max()
    for half in 2 ** (bits - 1):
        rounded = np.clip(np.round(samples / peak * half), -half, half - 1) / half * peak
        ratios.append(10 * np.log10((samples**2).mean() / max(((samples - rounded) ** 2).mean(), 1e-12)))
    slope = np.polyfit(bits, ratios, 1)[0]
    slips = [
        (2 * slope, "That is twice too much: the gain of two bits, or 20 log10 of a ratio that is one of powers already."),
        (slope / 2, "That is half of it: the ratio is one of powers, the means of the squares."),
    ]
    assert gain < max(20, 1.1 * slope), "That is a signal-to-noise ratio: how much does it rise with one more bit?"
    theory = 20 * np.log10(2)  # what most clips come close to, and a clip of few bits does not
    right = theory if abs(gain - theory) < 0.4 else slope
    expect(gain, right, "Take the slope of your plot from 6 bits on, in dB per bit.", slips=slips, rel=0.07)
    return "One more bit halves the steps, so the error has a quarter of the power."


def exercise_3(answer: Any, run: Names) -> str | None:
    """A whole number: the frequency in Hz of the lower tone."""
    hertz, time = number(answer), np.arange(0, 0.004, 1 / 4000)
    assert hertz > 10, "In Hz, please, not in kHz."
    through = np.allclose(np.cos(2 * np.pi * hertz * time), np.cos(2 * np.pi * 3000 * time), atol=1e-6)
    assert not through or hertz < 3000, "It passes through the samples, but a lower tone is asked for."
    assert hertz != 2000, "2000 Hz is the limit itself. How far above it is 3000 Hz, and where does that lead, folded?"
    assert through, "Draw this tone into your plot: it misses some of the samples."
    return "The s of a voice would come back as lower noise that was never there."


def exercise_4(answer: Any, run: Names) -> str | None:
    """Two numbers from 0 to 1: the tree's accuracy on the test clips, and that of the most frequent class."""
    given, frequent = fractions(numbers(answer, 2))
    facts = ["duration_s", "level_db", "clipped", "sample_rate"]
    train, test = (run.manifest[run.manifest["split"] == name] for name in ("train", "test"))
    tree = DecisionTreeClassifier(max_depth=6, random_state=0).fit(train[facts], train["label"])
    most = train["label"].mode()[0]
    baseline = (test["label"] == most).mean()
    slips = [(tree.score(test[facts], test["label"]), "The second number is that of the tree: give the tree first.")]
    otherwise = "The second number: predict for every test clip the class that most training clips have."
    expect(frequent, baseline, otherwise, slips=slips, within=0.006)
    slips = [(tree.score(train[facts], train["label"]), "The first number is that of the training clips, which the tree has seen.")]
    otherwise = "The first number: fit the tree on the training clips, with `max_depth=6`, and score the test clips."
    expect(given, tree.score(test[facts], test["label"]), otherwise, slips=slips, within=0.05)
    return "Whatever the tree gains, a network could learn as well, and it would not come from the voice."


def exercise_5(answer: Any, run: Names) -> str | None:
    """A table or a dict: how many classes are left with labels exact, decade, age group and gender."""
    people = run.manifest[(run.manifest["speaker"] != "") & (run.manifest["gender"] != "")]
    speakers = {}
    for kind in LABEL_KINDS:
        labelled = people.assign(label=make_labels(people, kind=kind)).query("label != ''")
        speakers[kind] = labelled.groupby("label")["speaker"].nunique()
    given = by_name(answer)
    assert set(given.index) == set(LABEL_KINDS), f"One number for each kind of label is asked for: {', '.join(LABEL_KINDS)}."
    left, more, every = (pd.Series({kind: (of >= least).sum() for kind, of in speakers.items()}) for least in (3, 4, 1))
    slips = [
        (more, "A class of exactly three speakers is enough: one for each set."),
        (every, "These are all classes: leave out those with fewer than three speakers."),
    ]
    expect(given[left.index], left, "Count the classes with at least three *speakers*, not clips.", slips=slips, rel=0)
    return "The coarser the classes, the more of them can be split by speaker, and then the leakage is 0."


def exercise_6(answer: Any, run: Names) -> str | None:
    """Two tables of your folder, as build_manifest returns them: the clips accepted, and the clips refused."""
    assert isinstance(answer, (tuple, list)) and len(answer) == 2, "Two tables are asked for: (accepted, refused)."
    accepted, refused = table(answer[0], "clip", "label", "split"), table(answer[1], "clip", "reason")
    lacking = [word for word in ("silent", "short", "duplicate") if not refused["reason"].str.contains(word).any()]
    assert not lacking, f"No clip was refused for a reason with the word {' or '.join(lacking)}: add one that should be."
    kinds = refused["reason"].map(reason_kind).nunique()
    assert kinds >= 4, f"The audit gave {kinds} reasons: silence, 50 ms, a text and a copy should give four."
    assert accepted["label"].nunique() >= 2, "Two classes are asked for: put enough good clips into each."
    return "Is your quieter copy among the accepted clips? Duplicates are found by equal samples."
