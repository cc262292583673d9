"""The search for the recipe of `quick`: each of `TRIES`, trained for each of `TASKS`, is a row of docs/recipe.csv (command line).

python -m helpers.suite.recipe                     every try that is no row yet, scored on validation clips; hours
python -m helpers.suite.recipe "wide masks"        only this one
python -m helpers.suite.recipe --seeds 0,1,2       with these seeds
python -m helpers.suite.recipe --test quick        on test clips as well, which is done once, when the recipe is chosen

SPEECH_DATA names a folder with EmoDB (`emodb/wav/*.wav`) and BAVED (`baved/*/*.wav`); ARTIFACTS is where clips and images go.
A row that is there with the same settings is not made again. The table in docs/recipe.md is written from the rows.
"""

import argparse
import os
import re
import shutil
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from helpers.base import machine
from helpers.base.artifacts import Artifacts, RunFiles, SuiteError, fingerprint, read_table, write_table, write_text
from helpers.base.settings import Profile, choose_profile, describe
from helpers.evaluation.scores import read_classes, read_predictions
from helpers.images import images_fit, make_images
from helpers.network.run import NOT_OF_A_RUN
from helpers.recordings import catalogue
from helpers.recordings.manifest import build_manifest, read_manifest
from helpers.recordings.splits import sample_clips, split_clips

ROWS, PAGE = machine.PROJECT / "docs" / "recipe.csv", machine.PROJECT / "docs" / "recipe.md"
SCORES = ["accuracy", "by_speaker"]
COLUMNS = ["try", "task", "seed", *SCORES, "loss", "best_epoch", "seconds", *(f"test_{score}" for score in SCORES), "recipe"]


@dataclass(frozen=True)
class Task:
    """What a network is trained for: a dataset, which classes, which split, and what fraction of the training clips it gets."""

    dataset: str
    labels: str = "exact"
    split_method: str = "random"
    fraction: float = 1.0


TASKS = {
    "voices": Task("voices"),
    "emodb": Task("emodb"),
    "emodb, quarter": Task("emodb", fraction=0.25),
    "baved, gender": Task("baved", "gender"),
    "baved, gender, strangers": Task("baved", "gender", "speaker"),
    "baved, gender, strangers, quarter": Task("baved", "gender", "speaker", 0.25),
    "baved, decade": Task("baved", "decade"),
    "baved, decade, quarter": Task("baved", "decade", fraction=0.25),
}


STANDING = "quick"  # the try that is the recipe as it stands


@dataclass(frozen=True)
class Try:
    """A recipe: overrides of `quick` as it stands, a stride of the network's first convolution (rows, columns), or a baseline."""

    overrides: str = ""
    stride: tuple[int, int] | None = None
    baseline: str = ""


TRIES = {
    STANDING: Try(),
    "random weights": Try("weights=none"),
    "wide masks": Try("frequency_mask=10 time_mask=15"),
    "no masks": Try("frequency_mask=0 time_mask=0"),
    "wide windows": Try("window_frames=128 time_mask=20 test_windows=5"),
    "wide windows, coarse time": Try("window_frames=128 time_mask=20 test_windows=5", stride=(2, 4)),
    "few channels": Try("base_channels=16"),
    "mixup": Try("mixup=0.3"),
    "gain, noise, equaliser": Try("gain_db=6 noise_snr_db=20 equaliser_db=10"),
    "fisher vector": Try(baseline="fisher_vector"),
    "former": Try("weights=none base_channels=24 window_frames=128 test_windows=5 frequency_mask=10 time_mask=30 epochs=40"),
}


def main(arguments: list[str] | None = None) -> int:
    """Make the rows that are asked for; exit code 1, and a sentence on stderr, where that fails."""
    parser = argparse.ArgumentParser(description="Train the tries of the search for a recipe, and write what each reached.")
    parser.add_argument("tries", nargs="*", metavar="TRY", help=f"of {', '.join(TRIES)}; all if none is given")
    parser.add_argument("--tasks", default=";".join(TASKS), help="separated by semicolons; all if none is given")
    parser.add_argument("--seeds", default="0", help="separated by commas")
    parser.add_argument("--test", action="store_true", help="score test clips, too")
    asked = parser.parse_args(arguments)
    names, tasks = asked.tries or list(TRIES), asked.tasks.split(";")
    for kind, given, known in (("try", names, TRIES), ("task", tasks, TASKS)):
        if unknown := [name for name in given if name not in known]:
            parser.error(f"there is no {kind} {unknown[0]!r}: choose from {'; '.join(known)}")
    try:
        for name in names:
            for task in tasks:
                for seed in map(int, asked.seeds.split(",")):
                    row_of(name, task, seed=seed, test=asked.test)
        write_text(PAGE, between(PAGE.read_text("utf-8"), "tries", "\n".join(table_lines(read_table(ROWS)))))
    except SuiteError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def row_of(name: str, task: str, *, seed: int, test: bool) -> None:
    """Train once and add what came of it to `ROWS`, unless it is there."""
    rows = read_table(ROWS) if ROWS.exists() else pd.DataFrame(columns=COLUMNS)
    profile = replace(choose_profile("quick", overrides=TRIES[name].overrides), seed=seed)
    key = {"try": name, "task": task, "seed": seed}
    settings = {setting: value for setting, value in describe(profile).items() if setting not in NOT_OF_A_RUN}
    recipe = fingerprint(f"{settings} {TRIES[name].stride}{TRIES[name].baseline}".encode())[:8]
    same = (rows[list(key)] == pd.Series(key)).all(axis=1)
    if (rows.loc[same, "recipe"] == recipe).any() and not (test and rows.loc[same, "test_accuracy"].isna().any()):
        return
    found = train_once(TASKS[task], profile, stride=TRIES[name].stride, baseline=TRIES[name].baseline)
    row = key | {column: value for column, value in found.items() if test or not column.startswith("test_")} | {"recipe": recipe}
    table = pd.DataFrame([*rows[~same].to_dict("records"), row], columns=COLUMNS)
    # A baseline has no best epoch, and some rows no seconds, which would make decimals of the others.
    write_table(ROWS, table.astype({"best_epoch": "Int64", "seconds": "Int64"}))
    print(", ".join(f"{column} {value}" for column, value in row.items()), flush=True)


def train_once(task: Task, profile: Profile, *, stride: tuple[int, int] | None, baseline: str = "") -> dict[str, float]:
    """Train the profile's network, or a baseline, for a task, and score it on validation and test clips."""
    machine.check_gpu()  # loads TensorFlow without its log lines, so before what needs it
    from helpers.comparison.baselines import train_baseline
    from helpers.network import networks
    from helpers.network.training import train

    folder = machine.artifacts_root() / "recipe" / "-".join((task.dataset, task.labels, task.split_method))
    artifacts = prepare(task.dataset, Artifacts(folder), profile=profile, labels=task.labels, split_method=task.split_method)
    manifest = read_manifest(artifacts)
    manifest["split"] = split_clips(manifest, method=task.split_method, seed=profile.seed)
    training = manifest["split"] == "train"
    kept = sample_clips(manifest[training], round(task.fraction * training.sum()), seed=profile.seed)
    manifest = manifest[~training | manifest.index.isin(kept.index)].reset_index(drop=True)
    folder = artifacts.folder / "try"
    shutil.rmtree(folder, ignore_errors=True)  # of a try that was stopped
    before, networks.FIRST_STRIDE = networks.FIRST_STRIDE, stride or networks.FIRST_STRIDE
    try:
        if baseline:
            nothing = pd.DataFrame()  # the features of other baselines
            run = train_baseline(baseline, manifest, artifacts, features=nothing, pitch=nothing, profile=profile, folder=folder)
        else:
            run = train(profile.network, manifest, artifacts, profile=profile, folder=folder)
    finally:
        networks.FIRST_STRIDE = before
    files = RunFiles(folder)
    clips = read_predictions(files.predictions, read_classes(artifacts)).merge(manifest[["clip", "speaker"]])
    clips["correct"] = clips["predicted"] == clips["true"]
    found = {}
    for part, prefix in (("validation", ""), ("test", "test_")):
        asked = clips[clips["split"] == part]
        speakers = asked.groupby("speaker")["correct"].mean()
        found |= {f"{prefix}accuracy": asked["correct"].mean(), f"{prefix}by_speaker": speakers.mean()}
    if not baseline:
        found["loss"] = read_table(files.history)["validation_loss"].min()
    shutil.rmtree(folder)
    rounded = {name: round(float(value), 4) for name, value in found.items()}
    return rounded | {"best_epoch": run.get("best_epoch"), "seconds": round(run["seconds"])}


def speech_folder(dataset: str) -> str:
    """Where the recordings of a dataset lie, by SPEECH_DATA."""
    speech = os.environ.get("SPEECH_DATA", "")
    if not speech:
        raise SuiteError("SPEECH_DATA is not set: let it name a folder that holds EmoDB as emodb/ and BAVED as baved/.")
    return str(Path(speech).expanduser() / dataset)


def prepare(
    dataset: str, artifacts: Artifacts, *, profile: Profile, labels: str = "exact", split_method: str = "random"
) -> Artifacts:
    """Make the clips of a dataset and their spectrogram images, unless they are there."""
    if not artifacts.manifest.exists():
        data_dir = speech_folder(dataset) if dataset != "voices" else ""
        source = catalogue.locate(dataset, data_dir=data_dir, artifacts=artifacts, corpus=profile.corpus)
        build_manifest(dataset, source, artifacts, seed=0, labels=labels, split_method=split_method)
    if not images_fit(artifacts, profile=profile):
        make_images(artifacts, profile=profile)
    return artifacts


def between(text: str, mark: str, content: str) -> str:
    """A page with other lines between `<!-- mark -->` and the next `<!-- end -->`; SuiteError where there is not one such place."""
    pattern = f"(?s)(<!-- {mark} -->\n).*?(<!-- end -->)"
    changed, places = re.subn(pattern, lambda found: f"{found[1]}{content}\n{found[2]}", text)
    if places != 1:
        raise SuiteError(f"The page has {places} places for the table {mark}: write <!-- {mark} --> and <!-- end --> once.")
    return changed


def table_lines(rows: pd.DataFrame) -> Iterable[str]:
    """A Markdown table, a line a try and a column a task: the mean of `quick`, and of the others how far they are from it.

    A try is set against `quick` with the same seeds, so on the same clips: the mean difference, and the range if they are several.
    """
    tasks = [task for task in TASKS if task in set(rows["task"])]
    yield f"| try | {' | '.join(tasks)} | seconds a training |"
    yield f"|---|{'---|' * (len(tasks) + 1)}"
    standing = {task: scores_of(rows, STANDING, task) for task in tasks}
    for name in sorted(set(rows["try"]), key=list(TRIES).index):
        scores = {task: scores_of(rows, name, task) for task in tasks}
        cells = [mean_cell(scores[task]) if name == STANDING else change_cell(scores[task] - standing[task]) for task in tasks]
        yield f"| {name} | {' | '.join(cells)} | {rows.loc[rows['try'] == name, 'seconds'].mean():.0f} |"


def scores_of(rows: pd.DataFrame, name: str, task: str, *, part: str = "") -> pd.Series:
    """What a try reached in a task, by seed: by speaker where strangers are asked, of whom some have many clips, most a few."""
    score = "by_speaker" if TASKS[task].split_method == "speaker" else "accuracy"
    found = rows[(rows["try"] == name) & (rows["task"] == task)]
    return found.set_index("seed")[part + score].sort_index().dropna()


def mean_cell(scores: pd.Series) -> str:
    """The mean over the seeds, and how many they are."""
    return f"{scores.mean():.3f}{f' ({len(scores)} seeds)' if len(scores) > 1 else ''}" if len(scores) else ""


def change_cell(changes: pd.Series) -> str:
    """The mean change over the seeds that both have, and its range."""
    changes = changes.dropna()
    spread = f" ({changes.min():+.3f} to {changes.max():+.3f}, {len(changes)} seeds)" if len(changes) > 1 else ""
    return f"{changes.mean():+.3f}{spread}" if len(changes) else ""


if __name__ == "__main__":
    sys.exit(main())
