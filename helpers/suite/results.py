"""Published runs: train one, publish it in docs/results/<run>/, and write every table that is made of them (command line).

python -m helpers.suite.results                              write the tables anew from what is published (`make results`)
python -m helpers.suite.results train emodb-mobilenet        train a run and publish it (minutes to hours; one that stopped goes on)
python -m helpers.suite.results train emodb-mobilenet --weights FILE    with its ImageNet weights from a file
python -m helpers.suite.results suite                        publish what `make run` has left in artifacts/voices
python -m helpers.suite.results bench                        publish what `make bench` has left in artifacts/bench.json

SPEECH_DATA names a folder with EmoDB (`emodb/wav/*.wav`); ARTIFACTS is where clips, images and checkpoints go, and where `suite`
and `bench` look. `helpers.suite.published.RUNS` says what each run is.
"""

import argparse
import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from helpers.base import machine
from helpers.base.artifacts import Artifacts, RunFiles, SuiteError, atomic_path, read_json, require, write_json, write_table
from helpers.base.settings import PROFILES, Profile
from helpers.evaluation.scores import read_classes
from helpers.recordings.manifest import read_manifest
from helpers.recordings.splits import split_clips
from helpers.suite.published import BENCH, EMOTIONS, OTHER, PUBLISHED, RUNS, STATISTICS, SUITE, SUITE_RUN, profile_of
from helpers.suite.recipe import prepare, speech_folder
from helpers.suite.result_tables import write_tables


def main(arguments: list[str] | None = None) -> int:
    """Train a run, publish, or write the tables; exit code 1, and a sentence on stderr, where that fails."""
    parser = argparse.ArgumentParser(description="Train and publish runs of the study's recipe, and write their tables.")
    parser.add_argument("command", nargs="*", metavar="train RUN", help=f"train and one of {', '.join(RUNS)}; or suite; or bench")
    parser.add_argument("--weights", default="", metavar="FILE", help="with the ImageNet weights of the run's network")
    asked = parser.parse_args(arguments)
    try:
        match asked.command:
            case []:
                pass
            case ["train", name] if name in RUNS:
                publish(name, train_run(name, weights=asked.weights))
            case ["suite"]:
                publish_suite(Artifacts(machine.artifacts_root() / "voices"))
            case ["bench"]:
                copy(require(machine.artifacts_root() / "bench.json"), BENCH)
            case _:
                parser.error(f"write nothing, `suite`, `bench`, or `train` and one of {', '.join(RUNS)}")
        write_tables()
    except SuiteError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def train_run(name: str, *, weights: str = "") -> RunFiles:
    """Train a run, unless it is trained, and return its files."""
    machine.check_gpu()  # loads TensorFlow without its log lines, so before what needs it
    from helpers.network.training import train

    run = RUNS[name]
    profile = profile_of(run, weights=weights)
    place = machine.artifacts_root() / "published" / (run.dataset if run.labels == "exact" else f"{run.dataset}-{run.labels}")
    artifacts = prepare(run.dataset, Artifacts(place), profile=profile, labels=run.labels)
    manifest = read_manifest(artifacts)
    if run.clips:
        manifest = manifest.sample(run.clips, random_state=profile.seed).sort_index().reset_index(drop=True)
        manifest["split"] = split_clips(manifest, method="random", seed=profile.seed)
    folder = artifacts.model(profile.network) if run.other else artifacts.folder / "runs" / name
    train(profile.network, manifest, artifacts, profile=profile, folder=folder)
    if run.other:
        ask_elsewhere(run.other, artifacts, profile=profile)
    if run.profile == "paper":
        measure_normalisation(RunFiles(folder), manifest, artifacts, profile=profile)
    return RunFiles(folder)


def measure_normalisation(files: RunFiles, manifest: pd.DataFrame, artifacts: Artifacts, *, profile: Profile) -> None:
    """Write the accuracy of each part where batch normalisation has the statistics of the training clips, not augmented."""
    from helpers.network.batch_normalisation import measure_statistics
    from helpers.network.model_files import load_model
    from helpers.network.training import predict_clips
    from helpers.spectrograms.batches import evaluation_batches, pictures

    classes = read_json(files.facts)["classes"]
    network = load_model(files.model, classes=classes).network
    paths, targets = pictures(manifest, artifacts, classes=classes, profile=profile)
    # In a random order, as in training: a batch of one class has other statistics.
    mixed = np.random.default_rng(profile.seed).permutation(np.flatnonzero(manifest["split"] == "train"))
    given = {"classes": len(classes), "profile": profile}
    measure_statistics(network, evaluation_batches([paths[i] for i in mixed], targets[mixed], windows=1, **given))
    right = pd.Series(predict_clips(network, paths, **given).argmax(axis=1) == targets)
    write_json(files.folder / STATISTICS, right.groupby(manifest["split"].to_numpy()).mean().round(6).to_dict())


def ask_elsewhere(dataset: str, artifacts: Artifacts, *, profile: Profile) -> None:
    """Write what the network reaches on another dataset, and of it by gender and emotion, beside its run."""
    from helpers.comparison.other_corpus import coarse_predictions, other_scores, predict_other, prepare_other

    network, folder = profile.network, artifacts.model(profile.network)
    other = prepare_other(dataset, data_dir=speech_folder(dataset), artifacts=artifacts, profile=profile)
    found, manifest = predict_other(network, other, artifacts=artifacts, profile=profile), read_manifest(other)
    write_table(folder / OTHER, other_scores(network, other, artifacts=artifacts))
    clips, _ = coarse_predictions(found, manifest, read_classes(artifacts), kind="gender")
    clips = clips.assign(correct=clips["true"] == clips["predicted"]).merge(manifest[["clip", "gender", "emotion"]])
    by_emotion = clips.groupby(["emotion", "gender"])["correct"].agg(["size", "mean"]).reset_index()
    write_table(folder / EMOTIONS, by_emotion.rename(columns={"size": "clips", "mean": "accuracy"}))


def publish(name: str, files: RunFiles) -> None:
    """Copy what is published of a run."""
    kept = RunFiles(PUBLISHED / name)
    for source, target in zip(published_files(files), published_files(kept), strict=True):
        copy(source, target)
    measured = (STATISTICS,) if (files.folder / STATISTICS).exists() else ()  # the run of `make run` has none
    for extra in (*measured, *((OTHER, EMOTIONS) if RUNS[name].other else ())):
        copy(files.folder / extra, kept.folder / extra)


def published_files(files: RunFiles) -> tuple[Path, ...]:
    """What is published of a run."""
    return files.facts, files.history, files.metrics, files.predictions


def publish_suite(artifacts: Artifacts) -> None:
    """Publish the network of `make run`, its race with the runs in it, and the seconds that each notebook took."""
    from helpers.comparison.race import models, run_folders

    profile, part = PROFILES["quick"], artifacts.race_part()
    copy(require(artifacts.seconds), SUITE / artifacts.seconds.name)
    copy(require(artifacts.comparison), SUITE / artifacts.comparison.name)
    publish(SUITE_RUN, artifacts.run(profile.network))
    for name in models(profile):
        ((folder, _),) = run_folders(name, part, profile=profile)
        for source in published_files(RunFiles(folder)):
            if source.exists():  # a baseline has no history
                copy(source, SUITE / name / source.name)


def copy(source: Path, target: Path) -> None:
    """Copy a file whole or not at all."""
    with atomic_path(target) as temporary:
        shutil.copyfile(source, temporary)


if __name__ == "__main__":
    sys.exit(main())
