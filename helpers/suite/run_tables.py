"""The tables of the published runs of the study's recipe, and the questions that two of them answer."""

import functools
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from helpers.base.artifacts import read_json
from helpers.recordings.splits import SPLITS
from helpers.suite.published import LETTER, PUBLISHED, QUESTIONS, RUNS, STATISTICS, profile_of, published, read_published


def table(*columns: str) -> Callable[[Callable[..., Iterator[tuple]]], Callable[..., list[str]]]:
    """Make a Markdown table of a function that yields its rows."""

    def with_columns(rows: Callable[..., Iterator[tuple]]) -> Callable[..., list[str]]:
        @functools.wraps(rows)
        def lines(*given: list[str]) -> list[str]:
            head, *others = (f"| {' | '.join(map(str, row))} |" for row in (columns, *rows(*given)))
            return [head, f"|{'---|' * len(columns)}", *others]

        return lines

    return with_columns


def steps_of(name: str, history: pd.DataFrame, clips: int) -> str:
    """How many training steps a run took."""
    return f"{len(history) * profile_of(RUNS[name]).steps_per_epoch(clips):,}"


@table(
    "run", "network", "what differs", "steps", "last epoch, as Keras prints it: training, validation",
    "clean pass: training, validation", "test (95% interval)", "macro F1", "minutes",
)  # fmt: skip
def run_lines() -> Iterator[tuple]:
    """A line a run: what it reached, by the last epoch's figures and in a clean pass."""
    for name in published():
        run, history, metrics, predictions = read_published(name)
        last, test, clips = history.iloc[-1], metrics["test"], metrics["train"]["clips"]
        yield (
            f"[{name}](results/{name}/run.json)", run["settings"]["network"], RUNS[name].what, steps_of(name, history, clips),
            f"{last['accuracy']:.3f}, {last['validation_accuracy']:.3f}",
            f"{metrics['train']['accuracy']:.3f}, {metrics['validation']['accuracy']:.3f}",
            f"{with_interval(predictions)} of {test['clips']:,}", f"{test['macro_f1']:.3f}", f"{run['seconds'] / 60:.0f}",
        )  # fmt: skip


@table("recordings, network, and what differs", "training clips", "steps", "accuracy: training", "accuracy: test (95% interval)")
def letter_lines() -> Iterator[tuple]:
    """A line a run that follows the study's recipe to the letter: clips, steps, and accuracy in a clean pass."""
    for name in (name for name in published() if RUNS[name].what == LETTER):
        run, history, metrics, predictions = read_published(name)
        clips, accuracy = metrics["train"]["clips"], f"{metrics['train']['accuracy']:.3f}"
        what = f"`{RUNS[name].dataset}`, `{run['settings']['network']}`: {RUNS[name].what}"
        yield what, f"{clips:,}", steps_of(name, history, clips), accuracy, with_interval(predictions)


@table("question", "run", "instead of", "test accuracy", "difference (95% interval)")
def question_lines(questions: list[str] | None = None) -> Iterator[tuple]:
    """A line a pair of runs: the difference of their accuracies on the same test clips."""
    there = {*published()}
    for question in questions or QUESTIONS:
        for one, other in QUESTIONS[question]:
            if {one, other} <= there:
                right = pd.concat([correct(read_published(name)[3]) for name in (one, other)], axis=1, join="inner")
                mean, low, high = difference(right.iloc[:, 0], right.iloc[:, 1])
                accuracies = f"{right.iloc[:, 0].mean():.3f}, {right.iloc[:, 1].mean():.3f}"
                yield question, one, other, accuracies, f"{mean:+.3f} ({low:+.3f} to {high:+.3f})"


def lesson_lines() -> list[str]:
    """As `question_lines`, of the three questions that notebook 3 asks."""
    return question_lines(list(QUESTIONS)[:3])


def correct(predictions: pd.DataFrame) -> pd.Series:
    """Whether each test clip is right, indexed by clip."""
    test = predictions[predictions["split"] == SPLITS[2]].set_index("clip")
    return test["true"] == test["predicted"]


def with_interval(predictions: pd.DataFrame) -> str:
    """Test accuracy and Wilson's 95% interval, which takes the clips for independent."""
    right = correct(predictions)
    low, high = binomtest(int(right.sum()), len(right)).proportion_ci(method="wilson")
    return f"**{right.mean():.3f}** ({low:.3f} to {high:.3f})"


def difference(one: pd.Series, other: pd.Series) -> tuple[float, float, float]:
    """Mean difference of two runs on the same clips, and its 95% interval: clips resampled in pairs."""
    change = one.to_numpy(float) - other.to_numpy(float)
    resampled = np.random.default_rng(0).choice(change, (2000, len(change))).mean(axis=1)
    return change.mean(), *np.quantile(resampled, [0.025, 0.975])


@table("run", "clean pass, with training's running statistics: training, test", "with those of the training clips, measured anew")
def statistics_lines() -> Iterator[tuple]:
    """A line a run: what its batch normalisation does with either statistics."""
    for name in published():
        if (PUBLISHED / name / STATISTICS).exists():
            metrics, anew = read_published(name)[2], read_json(PUBLISHED / name / STATISTICS)
            yield name, *(f"{of['train']:.3f}, {of['test']:.3f}" for of in ({p: metrics[p]["accuracy"] for p in anew}, anew))
