"""Of each exercise a right answer, and wrong ones with words of the sentence that each of them earns."""

from dataclasses import replace

import librosa
import numpy as np
import pandas as pd
from conftest import RATE

from helpers.comparison.robustness import degrade
from helpers.evaluation.calibration import risk_coverage, with_temperature
from helpers.evaluation.scores import confusion_counts, probabilities_of
from helpers.spectrograms.mel import mel_spectrogram_db, to_image
from lessons.names import CLASSES, SETTINGS

CASES = {}


def case(notebook: int, number: int):
    """Register a function of the notebook's names: the right answer, then pairs of a wrong one and words."""
    return lambda made: CASES.setdefault((notebook, number), made)


@case(1, 1)
def _(names):
    groups = names["manifest"].groupby("gender")["duration_s"]
    minutes = groups.sum() / 60
    return (
        minutes.round(1),
        (60 * minutes, "seconds"),
        (groups.size(), "counts of clips"),
        ({"female": 1.0}, "Each gender"),
        (minutes + 0.5, "unit"),
    )


case(1, 2)(lambda names: (6.0, (12.04, "two bits"), (3.01, "half"), (50.0, "one more bit"), (7, "slope")))
case(1, 3)(lambda names: (1000, (1, "not in kHz"), (2000, "the limit itself"), (7000, "a lower tone"), (1500, "misses some")))


@case(1, 4)
def _(names):
    from sklearn.tree import DecisionTreeClassifier

    facts, manifest = ["duration_s", "level_db", "clipped", "sample_rate"], names["manifest"]
    train, test = manifest[manifest["split"] == "train"], manifest[manifest["split"] == "test"]
    tree = DecisionTreeClassifier(max_depth=6, random_state=0).fit(train[facts], train["label"])
    right = (tree.score(test[facts], test["label"]), (test["label"] == train["label"].mode()[0]).mean())
    return (
        right,
        (tuple(100 * value for value in right), "per cent"),
        ((1.0, right[1]), "has seen"),
        ((right[0], right[1] + 0.1), "second number"),
        (0.3, ""),
    )


@case(1, 5)
def _(names):
    right = {"exact": 0, "decade": 2, "age group": 3, "gender": 2}
    return (
        right,
        (right | {"exact": 12, "decade": 5}, "fewer than three"),
        (right | {"decade": 1}, ""),
        ({"exact": 0}, "each kind"),
    )


@case(1, 6)
def _(names):
    accepted = pd.DataFrame({"clip": ["a", "b", "quieter"], "label": ["low", "high", "low"], "split": "train"})
    reasons = ["is silent (no sample)", "is too short (0.05 s)", "can't be decoded", "is a duplicate of 'a' (sample for sample)"]
    refused = pd.DataFrame({"clip": list("wxyz"), "reason": reasons})
    return (accepted, refused), ((refused, accepted), "lacks"), ((accepted, refused[:3]), "duplicate"), (refused, "Two tables")


case(2, 1)(lambda names: (301, (300, "at the start"), (48_000, "the samples"), (302, "How many steps")))
case(2, 2)(lambda names: (500, (0.5, "kHz"), (2500, "elsewhere by more"), (9000, "between")))


@case(2, 3)
def _(names):
    black = []
    for reach in (20.0, 40.0, 60.0, 80.0):
        now = replace(SETTINGS, dynamic_range_db=reach)
        black.append((to_image(mel_spectrogram_db(names["samples"], settings=now), settings=now) == 0).mean())
    return (
        black,
        (black[::-1], "other way round"),
        ([1 - part for part in black], "*not* black"),
        (100 * np.array(black), "per cent"),
    )


case(2, 4)(lambda names: (120.5, (133, "period in samples"), (8.3, "milliseconds"), (240, "too high"), (60, "too low")))
case(2, 5)(lambda names: (105, (8, "number"), (3000, "elsewhere by more")))


@case(2, 6)
def _(names):
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(names["samples"], 512), 1024)[::160]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(1024) / 1024)
    mine = np.fft.rfft(windows * hann).T
    return (
        mine,
        (np.abs(mine), "real numbers"),
        (mine.T, "exchanged"),
        (mine[:, 1:], "padded"),
        (np.fft.rfft(windows * np.hanning(1024)).T, "N - 1"),
    )


@case(2, 7)
def _(names):
    centres = librosa.mel_frequencies(SETTINGS.mel_bins + 2, fmin=SETTINGS.fmin, fmax=SETTINGS.fmax)[1:-1]

    def stretch(picture, factor):
        return np.stack([np.interp(centres / factor, centres, column) for column in picture[::-1].T], axis=1)[::-1, :, np.newaxis]

    wrong = (
        (lambda picture, factor: stretch(picture, 1 / factor), "*down*"),
        (lambda picture, factor: stretch(picture, factor)[::-1], "upside"),
    )
    return stretch, *wrong, (lambda picture, factor: picture, "1.00 times"), (3, "The function")


FALLING = np.array([[2, -1, -1], [-1, 2, -1], [-1, -1, 2]])
case(3, 1)(
    lambda names: (
        FALLING,
        (FALLING[:, ::-1], "*rising*"),
        (FALLING + 1, "add up"),
        (np.zeros((3, 3)), "positive"),
        ([1, 0], "Nine"),
    )
)
case(3, 2)(
    lambda names: (
        (0.308, 1.6),
        (np.array([0.308, 1.6]) * 4, "sums"),
        ((0.444, 2.308), "bits"),
        ((1.6, 0.308), "exchanged"),
        ((0.31, 1.9), "mean"),
    )
)
case(3, 3)(lambda names: (4736, (2368, "two of each"), (4768, "no bias"), (4672, "four numbers"), (4737, "how many")))


@case(3, 4)
def _(names):
    right = {depth: 0.5**depth for depth in (2, 4, 8, 16)}
    wrong = (
        ({depth: 1 / ratio for depth, ratio in right.items()}, "by the last"),
        ({depth: np.log10(ratio) for depth, ratio in right.items()}, "logarithm"),
    )
    return right, *wrong, ({2: 0.5, 4: 0.25}, "keys"), (dict.fromkeys(right, 0.9) | {16: 0.89}, "*plain*")


@case(3, 5)
def _(names):
    epoch = np.arange(1, 31)
    falls = np.exp(-epoch / 8)
    rows = {"epoch": epoch, "loss": 3 * falls, "accuracy": 1 - falls, "validation_accuracy": 0.7 - 0.7 * falls}
    over = pd.DataFrame(rows | {"validation_loss": 3 * falls + 0.5 + np.maximum(epoch - 12, 0) / 30})
    stalled, learns = over.assign(loss=3.0), over.assign(validation_loss=3 * falls, validation_accuracy=1 - falls)
    return (
        (over, stalled),
        ((stalled, over), "exchanged"),
        ((learns, stalled), "rise while"),
        ((over, over), "hardly"),
        (over, "Two tables"),
    )


@case(3, 6)
def _(names):
    right = pd.DataFrame({"trained weights": [0.9], "random weights": [0.7], "the most frequent": [0.525]}, index=["gender"])
    return (
        right,
        (100 * right, "per cent"),
        (right + 0.01, "40"),
        (right.rename({"gender": "age"}), "tasks"),
        (right.iloc[:, :2], "lacks"),
    )


@case(3, 7)
def _(names):
    maps = [np.random.default_rng(0).random((size, size)) for size in (24, 12, 6)]
    return maps, (maps[::-1], "order"), ([one[None, ..., None] for one in maps], "two axes"), (maps[:2], "Three maps")


def of(names, split):
    return names["predictions"][names["predictions"]["split"] == split]


@case(4, 1)
def _(names):
    right, errors = (confusion_counts(of(names, "train"), CLASSES) for _ in range(2))
    np.fill_diagonal(errors.to_numpy(), 0)
    errors = right - np.diag(np.diag(right))
    wrong = (errors, "errors alone"), (right.div(right.sum(axis=1), axis=0), "fractions"), (right[::-1], "diagonal")
    return right, *wrong, (confusion_counts(names["predictions"], CLASSES), "number of training clips")


@case(4, 2)
def _(names):
    counts = confusion_counts(of(names, "test"), CLASSES).to_numpy()
    accuracy, recall, precision = (
        counts.trace() / counts.sum(),
        (counts.diagonal() / counts.sum(axis=1)).mean(),
        (counts.diagonal() / counts.sum(axis=0)).mean(),
    )
    return (
        (accuracy, recall),
        ((accuracy, precision), "precision"),
        ((100 * accuracy, 100 * recall), "per cent"),
        ((accuracy, recall + 0.01), "diagonal"),
    )


@case(4, 3)
def _(names):
    test = of(names, "test")
    wrong = test[test["true"] != test["predicted"]]
    apart = np.array([abs(int(a[-2:]) - int(b[-2:])) for a, b in zip(wrong["true"], wrong["predicted"], strict=True)])
    same = int((wrong["true"].str[0] == wrong["predicted"].str[0]).sum())
    chance = 0.0
    for a, b in zip(wrong["true"], wrong["predicted"], strict=True):
        others = [int(c[-2:]) for c in CLASSES if c[0] == b[0] and c != a]
        chance += np.mean([abs(age - int(a[-2:])) <= 5 for age in others])
    near = int((apart <= 5).sum())
    mean = (same, near, chance / len(wrong))
    return (
        (same, near, chance),
        ((len(wrong) - same, near, chance), "*wrong* gender"),
        ((same, near + 1, chance), "second"),
        (mean, "without a mean"),
    )


case(4, 4)(
    lambda names: (
        (0.258, 0.119, 0.059, 0.0295),
        ((0.129, 0.06, 0.03, 0.015), "half"),
        ((25.8, 11.9, 5.9, 2.95), "per cent"),
        ((0.1,) * 4, "upper"),
    )
)


@case(4, 5)
def _(names):
    scaled = with_temperature(names["predictions"], CLASSES, temperature=1.5)
    validation, test = scaled[scaled["split"] == "validation"], scaled[scaled["split"] == "test"]
    table = risk_coverage(validation)
    start = table["threshold"][(5 * table["coverage"] * table["risk"] + 1 - table["coverage"]).idxmin()]
    answered, wrong = test["confidence"] >= start, test["true"] != test["predicted"]
    paid = 5 * (answered & wrong).mean() + (~answered).mean()
    return (
        (start, paid),
        ((0.999, paid), "*validation*"),
        ((100 * start, paid), "per cent"),
        ((start, 100 * paid), "cents"),
        ((start, paid + 0.4), "5 euros"),
    )


@case(4, 6)
def _(names):
    test = of(names, "test")
    age = test["true"].str[-2:].astype(float)
    error = probabilities_of(test) @ np.array([20, 24, 60, 20, 41]) - age
    thirds = pd.qcut(age, 3, duplicates="drop")
    means = error.groupby(thirds, observed=True).mean()
    return means, (-means, "sign"), (error.abs().groupby(thirds, observed=True).mean(), "sizes"), (means + 1, "true age"), (3.0, "")


@case(4, 7)
def _(names):
    def echo(samples, delay=2400, amplitude=0.5):
        longer = np.pad(samples, (0, delay))
        return longer + amplitude * np.roll(longer, delay)

    wrong = (lambda samples: echo(samples, delay=150), "9.4 ms"), (lambda samples: echo(samples, amplitude=1), "not half")
    return (
        echo,
        *wrong,
        (lambda samples: samples + 0.5 * np.roll(samples, 2400), "heard at its start"),
        (lambda samples: samples, "without an echo"),
    )


case(5, 1)(
    lambda names: (
        {"known": "svm", "strangers": "small_resnet"},
        ({"known": "svm", "strangers": "svm"}, "higher"),
        ({"known": 0.8, "strangers": 0.3}, "no model"),
        ({"known": "svm"}, "each question"),
    )
)
case(5, 2)(
    lambda names: (
        (6, 8),
        ((5, 8), "*either* side"),
        ((7, 9), "One clip fewer is enough"),
        ((6, 36), "not the number"),
        ((6, 6), "multiplies"),
    )
)
case(5, 3)(lambda names: (1950, (2, "thousands"), (1000, "takes more"), (4000, "fewer"), (1500, "takes more")))
case(5, 4)(
    lambda names: (
        (126, 0.91, 0.983),
        ((1676, 0.95, 0.968), "not independent"),
        ((132, 0.91, 0.98), "m are"),
        ((126, 0.949, 0.968), "1676"),
        ((126, 91, 98.3), "per cent"),
    )
)


@case(5, 5)
def _(names):
    right = pd.DataFrame({"known": [0.8, 0.6], "strangers": [0.2, 0.3]}, index=["means", "deviations"])
    return (
        right,
        (right * 100, "per cent"),
        (right + 0.02, "no fractions of"),
        (right.T, "lacks"),
        (right.set_axis(["a", "b"]), "Name its rows"),
    )


case(5, 6)(
    lambda names: (
        {2: 0.7, 4: 0.8, 10: 0.9},
        ({2: 70, 10: 90}, "per cent"),
        ({1: 0.7, 2: 0.8}, "both genders"),
        ({16: 0.7, 100: 0.9}, "clips"),
    )
)
case(5, 7)(
    lambda names: (
        (20, 8, 0.0357),
        ((20, 8, 0.0179), "one side"),
        ((0.2, 0.1, 0.04), "counts"),
        ((150, 60, 0.001), "*one*"),
        ((20, 8, 0.05), "fair coin"),
    )
)


@case(5, 8)
def _(names):
    right = pd.DataFrame({"clips": [20, 30], "accuracy": [0.5, 0.9]}, index=["angry", "sad"])
    return (
        right,
        (right.assign(accuracy=[50, 90]), "per cent"),
        (right.assign(clips=500), "more clips"),
        (right["accuracy"], "A table"),
    )


case(6, 1)(lambda names: (0.0, (0.7, "highest probability"), (10, "subtract"), (0.01, "subtract")))


@case(6, 2)
def _(names):
    right = pd.DataFrame({"answer": CLASSES[:2], "confidence": [0.9, 0.4], "distance": [0.3, 0.5]})
    return (
        right,
        (right.assign(confidence=90), "per cent"),
        (right.assign(answer="noise"), "never answers"),
        (right.assign(confidence=0.1), "below 1"),
    )


case(6, 3)(lambda names: (1, (0.5, "another one"), (1.5, "shorter"), (16_000, "samples"), (1000, "recording")))


@case(6, 4)
def _(names):
    samples = names["samples"]
    narrow = degrade(samples, "telephone", sample_rate=RATE, seed=0)
    return (
        narrow,
        (samples, "150 Hz"),
        (narrow[::2], "back to its rate"),
        (narrow * 0.1, "pass"),
        (narrow + 0.01 * np.random.default_rng(0).normal(size=len(narrow)), "4100"),
    )


@case(6, 5)
def _(names):
    fast, slow = (librosa.resample(names["voice"], orig_sr=RATE, target_sr=int(RATE * by)) for by in (0.8, 1.25))
    return fast, (slow, "slower"), (names["voice"], "leaves"), (names["voice"][: len(fast)], "cut it off")


@case(6, 6)
def _(names):
    scaled = with_temperature(names["predictions"], CLASSES, temperature=1.5)
    test = scaled[scaled["split"] == "test"]
    rows = pd.DataFrame(
        {"low confidence": test["confidence"] < 0.6, "unlike": False, "error_rate": test["true"] != test["predicted"], "clips": 1}
    )
    right = rows.groupby(["low confidence", "unlike"]).agg({"clips": "sum", "error_rate": "mean"})
    swapped = right.rename(index={True: False, False: True}, level=0)
    return (
        right,
        (right.assign(clips=right["clips"] + 1), "every test clip"),
        (right.assign(error_rate=1 - right["error_rate"]), "add up"),
        (swapped, "*below*"),
    )
