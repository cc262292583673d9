"""The comparison: every model with the same clips, budget and seeds, under a split by clip and by speaker (notebook 05).

`comparison/<split_method>/` holds a manifest, a class list and, below `models/<name>/seed_<number>/`, what is kept of each run. The
table `comparison.csv` comes from those files alone, so it is made again without training.
"""

import contextlib
import gc
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from helpers.base.artifacts import Artifacts, RunFiles, SuiteError, read_json, read_table, write_json, write_table
from helpers.base.settings import Profile
from helpers.comparison import budget
from helpers.comparison.baselines import BASELINES, train_baseline
from helpers.evaluation.intervals import percentiles, resampled_scores
from helpers.evaluation.scores import read_classes, read_predictions
from helpers.network.run import Run
from helpers.network.training import train
from helpers.recordings.splits import SMALLEST_CLASS, SPLIT_METHODS, describe_split, merge_small_classes, split_clips

SCORES = ("accuracy", "macro_f1", "macro_precision", "macro_recall", "gender_accuracy", "age_mae_years", "loss")
COSTS = ("parameters", "file_megabytes", "seconds", "seconds_per_epoch", "milliseconds_per_clip")


def models(profile: Profile) -> list[str]:
    """The models to compare: the profile's network, the ones set beside it, the baselines."""
    return list(dict.fromkeys([profile.network, *profile.compare, *BASELINES]))


def seeds(profile: Profile) -> range:
    """The seeds of the weights and of the augmentation; the split is the same for all."""
    return range(profile.seed, profile.seed + profile.compare_seeds)


def make_part(manifest: pd.DataFrame, artifacts: Artifacts, *, method: str, seed: int) -> Artifacts:
    """Write manifest and class list of one of `SPLIT_METHODS` for the same clips; the corpus' own split is taken as it is.

    For a split by speaker, classes with fewer than three speakers are joined with neighbours in age. Returns
    `comparison/<method>/`.

    Raises
    ------
    SuiteError
        The clips can't be split so: speakers are unknown, or too few.
    """
    part = artifacts.comparison_part(method)
    if read_json(artifacts.dataset)["split_method"] == method:
        write_table(part.manifest, manifest)
        write_json(part.classes, read_classes(artifacts))
        return part
    members = manifest[SPLIT_METHODS[method]]
    if unknown := int((members == "").sum()):
        raise SuiteError(f"Nobody knows who speaks in {unknown} of the {len(manifest)} clips, so they can't be split by speaker.")
    labels = merge_small_classes(manifest["label"], members)
    counts = members.groupby(labels).nunique()
    if counts.min() < SMALLEST_CLASS or len(counts) < 2:
        raise SuiteError(
            f"A split by speaker needs two classes with {SMALLEST_CLASS} speakers each; after joining neighbours in age, "
            f"{counts.idxmin()!r} has {counts.min()}, and there are {len(counts)} classes: take coarser LABELS in notebook 1."
        )
    table = manifest.assign(label=labels)
    table = table.assign(split=split_clips(table, method=method, seed=seed))
    for sentence in describe_split(table, method=method):
        print(sentence)
    write_table(part.manifest, table)
    write_json(part.classes, sorted(set(labels)))
    return part


def run_folders(name: str, part: Artifacts, *, profile: Profile) -> list[tuple[Path, Profile]]:
    """Folder and settings of each run of a model, one for each seed; a baseline has a single one.

    A run lies in `models/<name>/seed_<number>/` of the part, or in notebook 3's own folder where that run is the same. The last
    epoch of every network is kept, so that all spend the whole budget.
    """
    own, found = Artifacts(part.source).model(name), []
    for seed in seeds(profile)[: 1 if name in BASELINES else None]:
        settings = replace(profile, epochs=profile.compare_epochs, kept_epoch="last", seed=seed)
        folder = part.model(name) / f"seed_{seed}"
        if name not in BASELINES and RunFiles(own).facts.exists():
            run = Run.of(name, read_table(part.manifest), part, profile=settings, folder=own)
            folder = folder if run.difference(run.read() | {"layers": ""}) else own  # `train` looks at the layers
        found.append((folder, settings))
    return found


def run_models(
    names: list[str],
    part: Artifacts,
    *,
    features: pd.DataFrame,
    pitch: pd.Series,
    profile: Profile,
    pause: Callable[[], bool] = lambda: False,
) -> None:
    """Train models on one part, each with `compare_epochs` epochs and `compare_seeds` seeds; what is done is not done again.

    A model that fails leaves its reason in `failed.json`, and the rest goes on; next time it is tried again.

    Parameters
    ----------
    names : list of str
        Of `helpers.network.networks.NETWORKS` and `helpers.comparison.baselines.BASELINES`.
    part : Artifacts
        As `make_part` gives it.
    features, pitch, profile
        As for `helpers.comparison.baselines.train_baseline`.
    pause : callable, optional
        As for `helpers.network.training.train`. A network that has paused has that as its reason.
    """
    manifest = read_table(part.manifest)
    tf.get_logger().setLevel("ERROR")  # it takes a second network for the first one, compiled again
    for name in names:
        with _keep_reason(part.model(name), title=name):
            for folder, settings in run_folders(name, part, profile=profile):
                if name in BASELINES:
                    train_baseline(name, manifest, part, features=features, pitch=pitch, profile=settings, folder=folder)
                else:
                    train(name, manifest, part, profile=settings, folder=folder, pause=pause)
        keras.backend.clear_session()  # the next network needs the memory
        gc.collect()


@contextlib.contextmanager
def _keep_reason(folder: Path, *, title: str) -> Iterator[None]:
    """Print why the block failed and keep it in the folder's `failed.json`, which goes again when the block ends well."""
    failed = RunFiles(folder).failed
    try:
        yield
        failed.unlink(missing_ok=True)
    except (SuiteError, MemoryError, tf.errors.OpError) as error:
        reason = (str(error).strip() or "the memory ran out").splitlines()[0]
        write_json(failed, {"reason": reason})
        print(f"{title}: {reason}")


def read_runs(name: str, part: Artifacts, *, profile: Profile) -> list[tuple[dict, pd.DataFrame]]:
    """`run.json`, with the accuracy of each split, and the test clips' predictions of each seed of a model.

    Raises
    ------
    SuiteError
        The part or the model failed, or the model was not trained on it.
    """
    for failed in (RunFiles(part.folder).failed, part.run(name).failed):
        if failed.exists():
            raise SuiteError(read_json(failed)["reason"])
    found = []
    for folder, _ in run_folders(name, part, profile=profile):
        predictions = read_predictions(RunFiles(folder).predictions, read_classes(part), manifest=read_table(part.manifest))
        accuracies = {split: scores["accuracy"] for split, scores in read_json(RunFiles(folder).metrics).items()}
        run = read_json(RunFiles(folder).facts) | {"folder": folder} | accuracies
        found.append((run, predictions[predictions["split"] == "test"].reset_index(drop=True)))
    return found


def resamples(name: str, part: Artifacts, *, profile: Profile, samples: int = 2000) -> pd.DataFrame:
    """The test scores of a model, in the first row, and of bootstrap resamples of the test clips; the mean over its seeds.

    Errors of age are reckoned from the speaker's age where the manifest knows all, also where classes were joined.
    """
    manifest, classes = read_table(part.manifest), read_classes(part)
    ages = manifest.set_index("clip")["age"] if manifest["age"].notna().all() else None
    runs = read_runs(name, part, profile=profile)
    tables = [resampled_scores(test, classes, manifest=manifest, samples=samples, ages=ages) for _, test in runs]
    return sum(tables) / len(tables)


def comparison_table(artifacts: Artifacts, *, profile: Profile) -> pd.DataFrame:
    """Write `comparison.csv` from the runs' files, without training.

    Returns
    -------
    pd.DataFrame
        One row for each `model` and `split_method`; where a model failed, `reason` says why. `seeds`, `classes` and `clips` (of the
        test); each of `SCORES` (the mean over the seeds), its 95% interval in `_low` and `_high` and, with several seeds, their
        standard deviation in `accuracy_sd`; `validation_accuracy`; `parameters`, `file_megabytes`, `seconds` (to train),
        `seconds_per_epoch` and `milliseconds_per_clip` (the median, and the range that was seen).
    """
    rows = []
    for method, name in product(SPLIT_METHODS, models(profile)):
        row = {"model": name, "split_method": method, "reason": ""}
        try:
            row |= _row(name, artifacts.comparison_part(method), profile=profile)
        except SuiteError as error:
            row["reason"] = str(error)
        rows.append(row)
    table = pd.DataFrame(rows).dropna(axis="columns", how="all")
    table = table.reindex(columns=list(dict.fromkeys([*table, "accuracy", "macro_f1", *COSTS])))
    whole = table.columns.intersection(["seeds", "classes", "clips", "parameters"])
    write_table(artifacts.comparison, table.astype(dict.fromkeys(whole, "Int64")))
    return read_table(artifacts.comparison)


def make_parts(manifest: pd.DataFrame, artifacts: Artifacts, *, seed: int) -> dict[str, Artifacts]:
    """The parts of the comparison by `split_method`, see `make_part`; one that can't be made leaves its reason in `failed.json`."""
    parts = {}
    for method in SPLIT_METHODS:
        with _keep_reason(artifacts.comparison_part(method).folder, title=f"split by {method}"):
            parts[method] = make_part(manifest, artifacts, method=method, seed=seed)
    return parts


def compare(
    manifest: pd.DataFrame,
    artifacts: Artifacts,
    *,
    features: pd.DataFrame,
    pitch: pd.Series,
    profile: Profile,
    clock: Callable[[], float] = time.monotonic,
) -> pd.DataFrame:
    """The whole comparison: every model under both splits, and the table; see `run_models` and `comparison_table`.

    After `compare_minutes` of the `clock`, in seconds, it pauses at the end of an epoch. Called again, it goes on from there.
    """
    parts = make_parts(manifest, artifacts, seed=profile.seed)
    print(budget.describe(network_runs(parts, profile=profile), profile=profile))
    end, paused = clock() + 60 * profile.compare_minutes, False

    def pause() -> bool:
        nonlocal paused
        paused = profile.compare_minutes > 0 and end <= clock()
        return paused

    for name, (method, part) in product(models(profile), parts.items()):
        print(f"{name}, split {method}:")
        run_models([name], part, features=features, pitch=pitch, profile=profile, pause=pause)
    if paused:
        runs = network_runs(parts, profile=profile)
        done = sum(run.files.facts.exists() for run in runs)
        print(f"{done} of {len(runs)} trainings are done; run this cell again, also in a new session, to go on.")
    return comparison_table(artifacts, profile=profile)


def network_runs(parts: dict[str, Artifacts], *, profile: Profile) -> list[Run]:
    """All trainings of networks, without the baselines, which take seconds."""
    return [
        Run.of(name, read_table(part.manifest), part, profile=settings, folder=folder)
        for name, part in product(models(profile), parts.values())
        if name not in BASELINES
        for folder, settings in run_folders(name, part, profile=profile)
    ]


def _row(name: str, part: Artifacts, *, profile: Profile) -> dict:
    runs = read_runs(name, part, profile=profile)
    row = {"seeds": len(runs), "classes": len(read_classes(part)), "clips": len(runs[0][1])}
    scores = percentiles(resamples(name, part, profile=profile))
    for score in scores.index.intersection(SCORES, sort=False):
        row |= dict(zip((score, f"{score}_low", f"{score}_high"), scores.loc[score].round(6), strict=True))
    facts = pd.DataFrame([run for run, _ in runs])
    row |= {"accuracy_sd": facts["test"].std(), "validation_accuracy": round(facts["validation"].mean(), 6)}
    row |= {fact: facts[fact].mean() for fact in ("parameters", "file_megabytes", "seconds") if fact in facts}
    histories = [RunFiles(run["folder"]).history for run, _ in runs if RunFiles(run["folder"]).history.exists()]
    if histories:
        epochs = pd.concat([read_table(path) for path in histories])["seconds"]
        row |= _range("seconds_per_epoch", epochs.quantile([0, 0.5, 1]).tolist())
    if "milliseconds_per_clip" in facts and facts["milliseconds_per_clip"].notna().all():
        row |= _range("milliseconds_per_clip", np.mean(facts["milliseconds_per_clip"].tolist(), axis=0).tolist())
    return row


def _range(name: str, values: list[float]) -> dict[str, float]:
    low, middle, high = (round(value, 5) for value in values)
    return {name: middle, f"{name}_low": low, f"{name}_high": high}
