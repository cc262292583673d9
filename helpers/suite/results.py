"""Published runs: each of `RUNS`, trained by anyone, is kept in docs/results/<run>/, and every table of them is made from there.

python -m helpers.suite.results                              write the tables anew from the runs that are there (`make results`)
python -m helpers.suite.results train emodb-mobilenet        train a run and publish it (minutes to hours; one that stopped goes on)
python -m helpers.suite.results train emodb-mobilenet --weights FILE    with its ImageNet weights from a file

SPEECH_DATA names a folder with EmoDB (`emodb/wav/*.wav`); ARTIFACTS is where clips, images and checkpoints go. All runs have the
profile `paper`, so the study's 40 epochs, batch of 32 and Adam at 1e-4, but for what `RUNS` says.
"""

import argparse
import shutil
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
from scipy.stats import binomtest

from helpers.base import machine
from helpers.base.artifacts import Artifacts, RunFiles, SuiteError, atomic_path, read_json, read_table, write_text
from helpers.base.settings import Profile, choose_profile, describe
from helpers.evaluation.scores import read_predictions, score
from helpers.network.run import NOT_OF_RESULTS, changed_settings
from helpers.recordings.manifest import read_manifest
from helpers.recordings.splits import SPLITS, split_clips
from helpers.suite.recipe import artifacts_root, between, prepare

PUBLISHED, PAGE = machine.PROJECT / "docs" / "results", machine.PROJECT / "docs" / "results.md"
NOTEBOOK, README = machine.PROJECT / "notebooks" / "03_train_resnet.ipynb", machine.PROJECT / "README.md"


@dataclass(frozen=True)
class Published:
    """A run of `paper` that is published.

    Attributes
    ----------
    dataset : str
    what : str
        How it differs from the study's recipe, in words.
    overrides : str
        Of the profile; the ImageNet weights are its own, or a file's.
    clips : int, optional
        So many of the dataset's clips, chosen by the seed.
    """

    dataset: str
    what: str
    overrides: str
    clips: int | None = None


STUDY = "speakers=43 sentences=5"  # of each category: 8,385 clips, of which the study's number is taken
LETTER, RANDOM, FLATTEN = "the recipe to the letter", "from random weights", "the study's second head (flatten)"
# The pictures of `quick`, for a network from ImageNet: windows of 0.64 s, each clip in several of them, and narrower masks.
WINDOWS = (
    "image_size=none colour=false sample_rate=16000 n_fft=1024 hop_length=160 mel_bins=96 fmin=50 fmax=8000 window_frames=64 "
    "test_windows=10 frequency_mask=6 time_mask=10"
)
RUNS = {
    "voices-mobilenet": Published("voices", LETTER, f"{STUDY} network=mobilenet", 8380),
    "voices-mobilenet-random": Published("voices", RANDOM, f"{STUDY} network=mobilenet weights=none", 8380),
    "emodb-mobilenet": Published("emodb", LETTER, "network=mobilenet"),
    "emodb-mobilenet-flatten": Published("emodb", FLATTEN, "network=mobilenet head=flatten"),
    "emodb-mobilenet-random": Published("emodb", RANDOM, "network=mobilenet weights=none"),
    "emodb-mobilenet-average": Published("emodb", "global average pooling", "network=mobilenet head=average_pooling"),
    "emodb-mobilenet-no-masks": Published("emodb", "without masks", "network=mobilenet frequency_mask=0 time_mask=0"),
    "emodb-mobilenet-windows": Published(
        "emodb", "windows instead of squeezed pictures, as many steps", f"network=mobilenet {WINDOWS}"
    ),
    "emodb-mobilenet-more-windows": Published(
        "emodb", "windows, four of each clip an epoch", f"network=mobilenet {WINDOWS} epoch_windows=1440"
    ),
    # 11 steps an epoch: as many as the study's 6,320.
    "emodb-mobilenet-long": Published("emodb", "as many steps as in the study", "network=mobilenet epochs=575"),
    "emodb-xception": Published("emodb", LETTER, "network=xception"),
    "emodb-xception-flatten": Published("emodb", FLATTEN, "network=xception head=flatten"),
    "emodb-xception-random": Published("emodb", RANDOM, "network=xception weights=none"),
}
# Questions that two runs on the same test clips answer: which, and which is set against it.
QUESTIONS = {
    "Did ImageNet weights help?": (
        ("voices-mobilenet", "voices-mobilenet-random"),
        ("emodb-mobilenet", "emodb-mobilenet-random"),
        ("emodb-xception", "emodb-xception-random"),
    ),
    "Which head: flatten, or max pooling?": (
        ("emodb-mobilenet-flatten", "emodb-mobilenet"),
        ("emodb-xception-flatten", "emodb-xception"),
    ),
    "Average pooling, or max pooling?": (("emodb-mobilenet-average", "emodb-mobilenet"),),
    "Do the masks harm?": (("emodb-mobilenet-no-masks", "emodb-mobilenet"),),
    "Do windows help, with as many steps?": (("emodb-mobilenet-windows", "emodb-mobilenet"),),
    "Do more windows help, and so more steps?": (("emodb-mobilenet-more-windows", "emodb-mobilenet-windows"),),
    "Do as many steps as in the study help?": (("emodb-mobilenet-long", "emodb-mobilenet"),),
}


def main(arguments: list[str] | None = None) -> int:
    """Train a run or write the tables; exit code 1, and a sentence on stderr, where that fails."""
    parser = argparse.ArgumentParser(description="Train and publish runs of the study's recipe, and write their tables.")
    parser.add_argument("train", nargs="*", metavar="train RUN", help=f"of {', '.join(RUNS)}")
    parser.add_argument("--weights", default="", metavar="FILE", help="with the ImageNet weights of the run's network")
    asked = parser.parse_args(arguments)
    command, *names = asked.train or [""]
    if command not in ("", "train") or any(name not in RUNS for name in names) or bool(command) != bool(names):
        parser.error(f"write nothing, or `train` and one of {', '.join(RUNS)}")
    try:
        for name in names:
            publish(name, train_run(name, weights=asked.weights))
        write_tables()
    except SuiteError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def profile_of(run: Published, *, weights: str = "") -> Profile:
    """The profile of a run, its ImageNet weights from a file if one is given."""
    profile = choose_profile("paper", overrides=run.overrides)
    return replace(profile, weights=weights) if weights and profile.weights == "imagenet" else profile


def train_run(name: str, *, weights: str = "") -> RunFiles:
    """Train a run, unless it is trained, and return its files."""
    machine.check_gpu()  # loads TensorFlow without its log lines, so before what needs it
    from helpers.network.training import train

    run = RUNS[name]
    profile = profile_of(run, weights=weights)
    artifacts = prepare(run.dataset, Artifacts(artifacts_root("published") / run.dataset), profile=profile)
    manifest = read_manifest(artifacts)
    if run.clips:
        manifest = manifest.sample(run.clips, random_state=profile.seed).sort_index().reset_index(drop=True)
        manifest["split"] = split_clips(manifest, method="random", seed=profile.seed)
    folder = artifacts.folder / "runs" / name
    train(profile.network, manifest, artifacts, profile=profile, folder=folder)
    return RunFiles(folder)


def publish(name: str, files: RunFiles) -> None:
    """Copy what is published of a run."""
    kept = RunFiles(PUBLISHED / name)
    for source, target in zip(published_files(files), published_files(kept), strict=True):
        with atomic_path(target) as temporary:
            shutil.copyfile(source, temporary)


def published_files(files: RunFiles) -> tuple[Path, ...]:
    """What is published of a run."""
    return files.facts, files.history, files.metrics, files.predictions


def write_tables() -> None:
    """Write the tables of all published runs into docs/results.md, the README and notebook 3, between their marks."""
    changed = [(path, with_tables(path)) for path in (PAGE, README, NOTEBOOK)]  # all of them, or none
    for path, text in changed:
        write_text(path, text)


def with_tables(path: Path) -> str:
    """A page or a notebook with its tables as they would be written now."""
    tables = {"runs": run_lines, "questions": question_lines, "short": short_lines, "letter": letter_lines}

    def filled(text: str) -> str:
        for mark in tables:
            text = between(text, mark, "\n".join(tables[mark]())) if f"<!-- {mark} -->" in text else text
        return text

    if path.suffix != ".ipynb":
        return filled(path.read_text("utf-8"))
    notebook = nbformat.read(path, nbformat.NO_CONVERT)
    for cell in notebook.cells:
        cell.source = filled(cell.source)
    return nbformat.writes(notebook, nbformat.NO_CONVERT) + "\n"


def published() -> list[str]:
    """Names of the runs that are published, in their order."""
    return [name for name in RUNS if (PUBLISHED / name).exists()]


def read_published(name: str) -> tuple[dict, pd.DataFrame, dict, pd.DataFrame]:
    """A published run: `run.json`, `history.csv`, `metrics.json` and `predictions.csv`, which are checked to be of one run.

    Raises
    ------
    SuiteError
        A file is missing, or the files do not fit each other or the settings of today's `RUNS`.
    """
    files = RunFiles(PUBLISHED / name)
    run, history, metrics = read_json(files.facts), read_table(files.history), read_json(files.metrics)
    predictions = read_predictions(files.predictions, run["classes"])
    wanted = describe(profile_of(RUNS[name]))
    if wanted["weights"] == "imagenet" and "weights_file" in run:
        wanted["weights"] = "file"
    # A setting that is newer than the run is not compared: it stands at what the run had.
    wanted = {setting: value for setting, value in wanted.items() if setting in run["settings"]}
    reasons = {
        "the scores of metrics.json are not those of predictions.csv": metrics != score(predictions, run["classes"]),
        "history.csv has not the epochs that run.json asks for": len(history) != run["settings"]["epochs"],
        "run.json is of other settings than the run's": changed_settings(run["settings"], wanted, ignored=NOT_OF_RESULTS),
    }
    if found := [reason for reason, holds in reasons.items() if holds]:
        raise SuiteError(f"{files.facts.parent} is not one run: {found[0]}. Publish it again (helpers.suite.results train {name}).")
    return run, history, metrics, predictions


def run_lines() -> Iterable[str]:
    """A Markdown table, a line a run: what it reached, by the last epoch's figures and in a clean pass."""
    yield (
        "| run | network | what differs | steps | last epoch, as Keras prints it: training, validation "
        "| clean pass: training, validation | test (95% interval) | macro F1 | minutes |"
    )
    yield "|---|---|---|---|---|---|---|---|---|"
    for name in published():
        run, history, metrics, predictions = read_published(name)
        steps = len(history) * profile_of(RUNS[name]).steps_per_epoch(metrics["train"]["clips"])
        last, test = history.iloc[-1], metrics["test"]
        yield (
            f"| [{name}](results/{name}/run.json) | {run['settings']['network']} | {RUNS[name].what} | {steps:,} "
            f"| {last['accuracy']:.3f}, {last['validation_accuracy']:.3f} "
            f"| {metrics['train']['accuracy']:.3f}, {metrics['validation']['accuracy']:.3f} "
            f"| {with_interval(predictions)} of {test['clips']:,} | {test['macro_f1']:.3f} | {run['seconds'] / 60:.0f} |"
        )


def letter_lines() -> Iterable[str]:
    """As `short_lines`, of the runs that follow the recipe to the letter."""
    return short_lines([name for name in published() if RUNS[name].what == LETTER])


def short_lines(names: list[str] | None = None) -> Iterable[str]:
    """A Markdown table, a line a run: clips, steps, and accuracy in a clean pass."""
    yield "| recordings, network, and what differs | training clips | steps | accuracy: training | accuracy: test (95% interval) |"
    yield "|---|---|---|---|---|"
    for name in published() if names is None else names:
        run, history, metrics, predictions = read_published(name)
        clips = metrics["train"]["clips"]
        steps = len(history) * profile_of(RUNS[name]).steps_per_epoch(clips)
        yield (
            f"| `{RUNS[name].dataset}`, `{run['settings']['network']}`: {RUNS[name].what} | {clips:,} | {steps:,} "
            f"| {metrics['train']['accuracy']:.3f} | {with_interval(predictions)} |"
        )


def question_lines() -> Iterable[str]:
    """A Markdown table, a line a pair of runs: the difference of their accuracies on the same test clips."""
    yield "| question | run | instead of | test accuracy | difference (95% interval) |"
    yield "|---|---|---|---|---|"
    there = published()
    for question, pairs in QUESTIONS.items():
        for one, other in pairs:
            if {one, other} <= {*there}:
                right = pd.concat([correct(read_published(name)[3]) for name in (one, other)], axis=1, join="inner")
                mean, low, high = difference(right.iloc[:, 0], right.iloc[:, 1])
                accuracies = f"{right.iloc[:, 0].mean():.3f}, {right.iloc[:, 1].mean():.3f}"
                yield f"| {question} | {one} | {other} | {accuracies} | {mean:+.3f} ({low:+.3f} to {high:+.3f}) |"


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


if __name__ == "__main__":
    sys.exit(main())
