"""Checks of notebook 6: a voice of your own. A docstring is the form of the answer (`helpers.lessons.checks`)."""

from typing import Any

import librosa
import numpy as np

from helpers.evaluation.calibration import with_temperature
from helpers.lessons.checks import Names, expect, fractions, number, table


def exercise_1(answer: Any, run: Names) -> str | None:
    """A number: the largest change of a probability."""
    softer = run.model.predict(run.samples / 10, temperature=run.temperature).probabilities
    change = (softer - run.heard.probabilities).abs().max()
    slips = [(softer.max(), "That is the highest probability; how far is it from the one before?")]
    otherwise = "Divide the samples by 10, ask again, and subtract the probabilities class by class."
    expect(number(answer), change, otherwise, slips=slips, within=0.002)
    return "A picture is drawn relative to its own loudest point: its level is gone before the network looks."


def exercise_2(answer: Any, run: Names) -> str | None:
    """A table, one row per sound, with the columns answer, confidence and distance."""
    rows = table(answer, "answer", "confidence", "distance")
    unknown = sorted(set(rows["answer"]) - set(run.classes))
    assert not unknown, f"The network never answers {unknown[0]!r}: take the first of its probabilities' names."
    fractions(rows["confidence"])
    assert (rows["confidence"] >= 0.999 / len(run.classes)).all(), (
        "The highest of the probabilities cannot be below 1 by the classes."
    )
    assert rows["distance"].dropna().between(-1e-6, 2).all(), "A cosine distance lies from 0 to 2."
    return "The network always answers: whether it is confident is chance, and the distance is the better guard."


def exercise_3(answer: Any, run: Names) -> str | None:
    """A number: the seconds from which on the answer stays the same."""
    seconds, whole = number(answer), len(run.samples) / run.rate
    assert seconds <= whole + 0.06, f"The recording has {whole:.1f} s: yours are more, or samples."
    lengths = [length for length in (0.3, 0.5, 1, 1.5, 2, 3, 5, 10) if length < whole] + [whole]

    def told(length: float) -> str:
        return run.model.predict(run.samples[: int(length * run.rate)], temperature=run.temperature).probabilities.index[0]

    last = told(whole)
    changes = [length for length in lengths if length >= seconds - 1e-6 and told(length) != last]
    assert not changes, f"The answer about the first {max(changes, default=0):g} s is another one than about the whole."
    shorter = [length for length in lengths if length < seconds - 1e-6]
    assert not shorter or told(shorter[-1]) != last, f"It stays the same from a shorter length on: try {shorter[-1]:g} s."


def exercise_4(answer: Any, run: Names) -> str | None:
    """An array: the samples of the recording through the telephone, at the rate of `samples`."""
    narrow = np.asarray(answer, float)
    assert narrow.ndim == 1 and abs(len(narrow) - len(run.samples)) <= 0.01 * len(run.samples) + 2, (
        f"It should have about as many samples as the recording, {len(run.samples)}: bring it back to its rate."
    )
    hertz = np.fft.rfftfreq(len(narrow), 1 / run.rate)
    before, after = (np.abs(np.fft.rfft(sound, len(narrow))) ** 2 for sound in (run.samples, narrow))

    def passes(low: float, high: float) -> float:
        band = (hertz >= low) & (hertz < high)
        return after[band].sum() / max(before[band].sum(), 1e-2 * before.sum())  # its 8 bits add noise where there was nothing

    assert passes(0, 150) < 0.1, "What lies below 150 Hz is still there: a telephone begins at 300 Hz."
    assert passes(4100, np.inf) < 0.1, "What lies above 4100 Hz is still there: a telephone ends at 3400 Hz."
    inside = before[(hertz >= 500) & (hertz < 3000)].sum() > 0.001 * before.sum()
    assert not inside or passes(500, 3000) > 0.5, "What lies between 500 and 3000 Hz should pass nearly as it was."
    return "The ear finds the pitch in the distance between the harmonics, which the telephone leaves alone."


def exercise_5(answer: Any, run: Names) -> str | None:
    """An array: the samples of `voice`, played 1.25 times as fast."""
    fast, expected = np.asarray(answer, float), len(run.voice) / 1.25
    slower = abs(len(fast) - 1.25 * len(run.voice)) < 0.01 * expected + 2
    assert not slower, "It is slower: the new rate must be *lower*, so that fewer samples are played at the old one."
    assert abs(len(fast) - expected) < 0.01 * expected + 2, f"It has {len(fast)} samples; 1.25 times as fast leaves {expected:.0f}."
    right = librosa.resample(np.asarray(run.voice, float), orig_sr=1.25, target_sr=1.0)
    together = min(len(fast), len(right))
    alike = np.corrcoef(fast[:together], right[:together])[0, 1]
    assert alike > 0.9, "It is as long as it should be, but another sound: resample all of it, do not cut it off."
    return "Pitch and formants move together, by 3.9 semitones."


def exercise_6(answer: Any, run: Names) -> str | None:
    """A table, one row per group (low confidence, unlike), with the columns clips and error_rate."""
    groups = table(answer, "clips", "error_rate")
    fractions(groups["error_rate"])
    test = with_temperature(run.predictions, run.classes, temperature=run.temperature)[run.predictions["split"] == "test"]
    slips = [
        ((run.predictions["split"] == "validation").sum(), "These are the validation clips."),
        (len(run.predictions), "These are the clips of all sets: only the test clips are asked for."),
    ]
    expect(groups["clips"].sum(), len(test), "The groups should hold every test clip once.", slips=slips, rel=0)
    errors = (test["true"] != test["predicted"]).sum()
    otherwise = "The errors of the groups do not add up to the wrong test clips: is `error_rate` the mean of (true != predicted)?"
    expect((groups["clips"] * groups["error_rate"]).sum(), errors, otherwise, rel=0.01, within=0.5)
    if "low confidence" in groups.index.names:
        low = groups.loc[groups.index.get_level_values("low confidence").astype(bool), "clips"].sum()
        otherwise = "Count as low the confidences *below* `confident_from`, after scaling by the temperature."
        expect(low, (test["confidence"] < run.confident_from).sum(), otherwise, rel=0)
    return (
        "With a random split the speakers of the test clips were heard in training: real strangers are found unlike far more often."
    )
