"""Published runs: what each of `RUNS` is, and the files in docs/results/<run>/ read and checked to be of one run."""

from dataclasses import dataclass, replace

import pandas as pd

from helpers.base import machine
from helpers.base.artifacts import RunFiles, SuiteError, read_json, read_table
from helpers.base.settings import Profile, choose_profile, describe
from helpers.evaluation.scores import read_predictions, score
from helpers.network.run import NOT_OF_RESULTS, changed_settings

PUBLISHED = machine.PROJECT / "docs" / "results"
OTHER, EMOTIONS = "other.csv", "emotions.csv"  # of a run that was asked about another dataset
STATISTICS = "statistics.json"  # accuracies with the statistics of batch normalisation measured anew
SUITE, BENCH = PUBLISHED / "voices-suite", PUBLISHED / "bench.json"  # what `make run` and `make bench` have left
SUITE_RUN = "voices-quick"  # the network of notebook 3, of the same `make run`
SYNTHETIC = "voices-gender"  # a network that has heard no person, and is asked about people


@dataclass(frozen=True)
class Published:
    """A run that is published.

    Attributes
    ----------
    dataset : str
    what : str
        How it differs from the study's recipe, in words.
    overrides : str
        Of the profile; the ImageNet weights are its own, or a file's.
    clips : int, optional
        So many of the dataset's clips, chosen by the seed.
    profile, labels : str
        Which the overrides are of; what the classes are.
    other : str
        Another dataset whose gender the network is asked about.
    """

    dataset: str
    what: str
    overrides: str
    clips: int | None = None
    profile: str = "paper"
    labels: str = "exact"
    other: str = ""


STUDY = "speakers=43 sentences=5"  # of each category: 8,385 clips, of which the study's number is taken
LETTER, RANDOM, FLATTEN = "the recipe to the letter", "from random weights", "the study's second head (flatten)"
# The pictures of `quick`, for a network from ImageNet: windows of 0.64 s, each clip in several of them, and narrower masks.
WINDOWS = (
    "image_size=none colour=false sample_rate=16000 n_fft=1024 hop_length=160 mel_bins=96 fmin=50 fmax=8000 window_frames=64 "
    "test_windows=10 frequency_mask=6 time_mask=10"
)
RUNS = {
    SUITE_RUN: Published("voices", "the recipe of `quick`", "", profile="quick"),
    SYNTHETIC: Published(
        "voices",
        "gender alone, 12 epochs, more augmentation",
        "epochs=12 equaliser_db=20 noise_snr_db=20 gain_db=12",
        profile="quick",
        labels="gender",
        other="emodb",
    ),
    "voices-mobilenet": Published("voices", LETTER, f"{STUDY} network=mobilenet", 8380),
    "voices-mobilenet-random": Published("voices", RANDOM, f"{STUDY} network=mobilenet weights=none", 8380),
    "voices-small-resnet": Published("voices", "the recipe of `quick`, on the same clips", STUDY, 8380, profile="quick"),
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
    "Does a larger network help?": (("emodb-xception", "emodb-mobilenet"),),
    "Do the masks harm?": (("emodb-mobilenet-no-masks", "emodb-mobilenet"),),
    "Do windows help, with as many steps?": (("emodb-mobilenet-windows", "emodb-mobilenet"),),
    "Do more windows help, and so more steps?": (("emodb-mobilenet-more-windows", "emodb-mobilenet-windows"),),
    "Does the recipe of `quick` do better?": (("voices-small-resnet", "voices-mobilenet"),),
    "Do as many steps as in the study help?": (("emodb-mobilenet-long", "emodb-mobilenet"),),
}


def profile_of(run: Published, *, weights: str = "") -> Profile:
    """The profile of a run, its ImageNet weights from a file if one is given."""
    profile = choose_profile(run.profile, overrides=run.overrides)
    return replace(profile, weights=weights) if weights and profile.weights == "imagenet" else profile


def published() -> list[str]:
    """Names of the runs that are published beside the study's, in their order."""
    return [name for name in RUNS if name not in (SUITE_RUN, SYNTHETIC) and (PUBLISHED / name).exists()]


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


def read_suite() -> tuple[pd.DataFrame, dict[str, float]]:
    """The race of the published `make run`, as `comparison.csv` has it, and the seconds of each notebook.

    Raises
    ------
    SuiteError
        A file is missing, or a model's scores are not those of its run.
    """
    race = read_table(SUITE / "comparison.csv")
    for row in race[race["accuracy"].notna()].itertuples():
        files = RunFiles(SUITE / row.model)
        run, metrics = read_json(files.facts), read_json(files.metrics)
        scored = score(read_predictions(files.predictions, run["classes"]), run["classes"])
        if scored != metrics or abs(metrics[row.asked_about]["accuracy"] - row.accuracy) > 1e-6:
            raise SuiteError(f"{SUITE} does not fit its run of {row.model}. Publish it again (helpers.suite.results suite).")
    return race, read_json(SUITE / "seconds.json")
