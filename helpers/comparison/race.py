"""The race: every model is trained once, on the same clips, and asked about voices that it knows and about strangers (notebook 05).

`comparison/` holds a manifest, a class list and, below `models/<name>/seed_<number>/`, what is kept of each run. The table
`comparison.csv` comes from those files alone, so it is made again without training.
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
from helpers.evaluation.scores import median_age, read_classes, read_predictions
from helpers.network.history import PATIENCE, has_converged
from helpers.network.run import Run
from helpers.network.training import train
from helpers.recordings.race_split import ASKED_ABOUT, describe_race_split, race_split
from helpers.recordings.splits import split_clips

SCORES = ("accuracy", "macro_f1", "macro_precision", "macro_recall", "gender_accuracy", "age_mae_years", "loss")
SAMPLES = 2000  # bootstrap resamples
COSTS = ("parameters", "file_megabytes", "seconds", "seconds_per_epoch", "milliseconds_per_clip")


def models(profile: Profile) -> list[str]:
    """The models to compare: the profile's network, the ones set beside it, the baselines."""
    return list(dict.fromkeys([profile.network, *profile.compare, *BASELINES]))


def seeds(profile: Profile) -> range:
    """The seeds of the weights and of the augmentation; the split is the same for all."""
    return range(profile.seed, profile.seed + profile.compare_seeds)


def make_part(manifest: pd.DataFrame, artifacts: Artifacts, *, seed: int) -> Artifacts:
    """Write manifest and class list of the race, see `helpers.recordings.race_split`, and say what they are; return `comparison/`.

    Where there can be no strangers, the reason is printed and kept in `failed.json`, and the clips are split as the study does it:
    60% to train, 20% to validate, and 20% as the test of `known` voices.
    """
    part = artifacts.race_part()
    without_strangers = RunFiles(part.folder).failed
    try:
        table = race_split(manifest, seed=seed)
        without_strangers.unlink(missing_ok=True)
        for sentence in describe_race_split(manifest, table):
            print(sentence)
    except SuiteError as error:
        print(f"{error} Every model is asked about known voices alone, split clip by clip.")
        write_json(without_strangers, {"reason": str(error)})
        table = manifest.assign(split=split_clips(manifest, method="random", seed=seed))
        table["split"] = table["split"].replace("test", "known")
    write_table(part.manifest, table)
    write_json(part.classes, sorted(set(table["label"])))
    return part


def run_folders(name: str, part: Artifacts, *, profile: Profile) -> list[tuple[Path, Profile]]:
    """Folder and settings of each run of a model, one for each seed; a baseline has a single one.

    A network trains until it has converged or its epochs are over, and the epoch with the lowest validation loss is kept. As there
    are weights of the synthetic voices for one network alone, none starts from them.
    """
    optimizer = "adamw_steady" if profile.optimizer == "adamw" else profile.optimizer
    weights = profile.weights if profile.weights == "imagenet" else "none"
    rules = {"epochs": profile.compare_epochs, "early_stopping": PATIENCE, "kept_epoch": "best"}
    rules |= {"optimizer": optimizer, "weights": weights}
    return [
        (part.model(name) / f"seed_{seed}", replace(profile, seed=seed, **rules))
        for seed in seeds(profile)[: 1 if name in BASELINES else None]
    ]


def run_models(
    names: list[str],
    part: Artifacts,
    *,
    features: pd.DataFrame,
    pitch: pd.Series,
    profile: Profile,
    pause: Callable[[], bool] = lambda: False,
) -> None:
    """Train models, each with at most `compare_epochs` epochs and with `compare_seeds` seeds; what is done is not done again.

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
    """Facts and predictions, of all parts of the split, of each seed of a model.

    The facts are those of `run.json`, the accuracy of each part, and of a network `history`, `epochs` and `converged`.

    Raises
    ------
    SuiteError
        The model failed, or was not trained.
    """
    if (failed := part.run(name).failed).exists():
        raise SuiteError(read_json(failed)["reason"])
    found, classes, manifest = [], read_classes(part), read_table(part.manifest)
    for folder, _ in run_folders(name, part, profile=profile):
        files = RunFiles(folder)
        predictions = read_predictions(files.predictions, classes, manifest=manifest)
        run = read_json(files.facts) | {split: scores["accuracy"] for split, scores in read_json(files.metrics).items()}
        if name not in BASELINES:
            history = read_table(files.history)
            rows = history.to_dict("records")
            run |= {"history": history, "epochs": len(rows), "converged": has_converged(rows, classes=len(classes))}
        found.append((run, predictions))
    return found


def answers(name: str, part: Artifacts, *, profile: Profile, asked_about: str) -> pd.Series:
    """Fraction of a model's seeds that get each clip right, of those asked about, indexed by clip."""
    asked = [table[table["split"] == asked_about].set_index("clip") for _, table in read_runs(name, part, profile=profile)]
    return pd.concat([table["true"] == table["predicted"] for table in asked], axis=1).mean(axis=1).rename(name)


def resamples(
    name: str, part: Artifacts, *, profile: Profile, asked_about: str, samples: int = SAMPLES,
    runs: list[tuple[dict, pd.DataFrame]] | None = None,
) -> pd.DataFrame:  # fmt: skip
    """The scores of a model on the clips asked about, in the first row, and of bootstrap resamples of them, in the others.

    Speakers are resampled (`helpers.evaluation.intervals.resampled_scores`) and, where there are several, the seeds: the same for
    all models and for both tests. Errors of age are reckoned from the speaker's age where the manifest knows all, also where
    classes were joined. The `runs` need not be read again if they are given.
    """
    manifest, classes = read_table(part.manifest), read_classes(part)
    ages = manifest.set_index("clip")["age"] if manifest["age"].notna().all() else None
    # Without audio, the best answer is the median age.
    answer = median_age(manifest, classes) if name == "no_audio" else None
    tables = []
    for _, table in runs or read_runs(name, part, profile=profile):
        asked = table[table["split"] == asked_about].reset_index(drop=True)
        given = {"manifest": manifest, "samples": samples, "ages": ages, "answered_age": answer}
        # Each test draws its speakers by itself: where both have as many, they would otherwise move together.
        tables.append(resampled_scores(asked, classes, seed=ASKED_ABOUT.index(asked_about), **given))
    drawn = np.random.default_rng(len(ASKED_ABOUT)).multinomial(len(tables), np.full(len(tables), 1 / len(tables)), size=samples)
    weights = np.vstack([np.full(len(tables), 1.0), drawn]) / len(tables)  # [rows, seeds]
    return sum(table.mul(weights[:, seed], axis=0) for seed, table in enumerate(tables))


def comparison_table(artifacts: Artifacts, *, profile: Profile) -> pd.DataFrame:
    """Write `comparison.csv` from the runs' files, without training.

    Returns
    -------
    pd.DataFrame
        One row for each `model` and what it was `asked_about`, "known" voices or "strangers"; where there is no such test, or the
        model failed, `reason` says why. `seeds`, `classes`, `clips` and `speakers` (of the test); each of `SCORES` (the mean over
        the seeds), its 95% interval in `_low` and `_high` and, with several seeds, their standard deviation in `accuracy_sd`;
        `validation_accuracy`; of a network, `epochs` (the mean) and whether all its runs `converged`; `parameters`,
        `file_megabytes`, `seconds` (to train), `seconds_per_epoch` and `milliseconds_per_clip` (the median, and the range that was
        seen).
    """
    part, rows = artifacts.race_part(), []
    no_strangers = RunFiles(part.folder).failed
    for asked_about, name in product(ASKED_ABOUT, models(profile)):
        row = {"model": name, "asked_about": asked_about, "reason": ""}
        try:
            if asked_about == "strangers" and no_strangers.exists():
                raise SuiteError(read_json(no_strangers)["reason"])
            row |= _row(name, part, profile=profile, asked_about=asked_about)
        except SuiteError as error:
            row["reason"] = str(error)
        rows.append(row)
    table = pd.DataFrame(rows).dropna(axis="columns", how="all")
    table = table.reindex(columns=list(dict.fromkeys([*table, "accuracy", "macro_f1", "epochs", "converged", *COSTS])))
    whole = table.columns.intersection(["seeds", "classes", "clips", "speakers", "parameters"])
    write_table(artifacts.comparison, table.astype(dict.fromkeys(whole, "Int64")))
    return read_table(artifacts.comparison)


def compare(
    manifest: pd.DataFrame,
    artifacts: Artifacts,
    *,
    features: pd.DataFrame,
    pitch: pd.Series,
    profile: Profile,
    clock: Callable[[], float] = time.monotonic,
) -> pd.DataFrame:
    """The whole race: every model, and the table; see `run_models` and `comparison_table`.

    After `compare_minutes` of the `clock`, in seconds, it pauses at the end of an epoch. Called again, it goes on from there.
    """
    part = make_part(manifest, artifacts, seed=profile.seed)
    print(budget.describe(network_runs(part, profile=profile), profile=profile))
    end, paused = clock() + 60 * profile.compare_minutes, False

    def pause() -> bool:
        nonlocal paused
        paused = profile.compare_minutes > 0 and end <= clock()
        return paused

    run_models(models(profile), part, features=features, pitch=pitch, profile=profile, pause=pause)
    if paused:
        runs = network_runs(part, profile=profile)
        done = sum(run.files.facts.exists() for run in runs)
        print(f"{done} of {len(runs)} trainings are done; run this cell again, also in a new session, to go on.")
    return comparison_table(artifacts, profile=profile)


def network_runs(part: Artifacts, *, profile: Profile) -> list[Run]:
    """All trainings of networks, without the baselines, which take seconds."""
    manifest = read_table(part.manifest)
    return [
        Run.of(name, manifest, part, profile=settings, folder=folder)
        for name in models(profile)
        if name not in BASELINES
        for folder, settings in run_folders(name, part, profile=profile)
    ]


def _row(name: str, part: Artifacts, *, profile: Profile, asked_about: str) -> dict:
    runs = read_runs(name, part, profile=profile)
    facts = pd.DataFrame([run for run, _ in runs])
    clips = read_table(part.manifest).query("split == @asked_about")
    row = {"seeds": len(runs), "classes": len(read_classes(part)), "clips": len(clips)}
    row["speakers"] = clips["speaker"].nunique() if (clips["speaker"] != "").all() else None
    scores = percentiles(resamples(name, part, profile=profile, asked_about=asked_about, runs=runs))
    for score in scores.index.intersection(SCORES, sort=False):
        row |= dict(zip((score, f"{score}_low", f"{score}_high"), scores.loc[score].round(6), strict=True))
    row |= {"accuracy_sd": facts[asked_about].std(), "validation_accuracy": round(facts["validation"].mean(), 6)}
    row |= {fact: facts[fact].mean() for fact in ("parameters", "file_megabytes", "seconds") if fact in facts}
    if "history" in facts:
        row |= {"epochs": facts["epochs"].mean(), "converged": bool(facts["converged"].all())}
        epochs = pd.concat(facts["history"].tolist())["seconds"]
        row |= _range("seconds_per_epoch", epochs.quantile([0, 0.5, 1]).tolist())
    if "milliseconds_per_clip" in facts and facts["milliseconds_per_clip"].notna().all():
        row |= _range("milliseconds_per_clip", np.mean(facts["milliseconds_per_clip"].tolist(), axis=0).tolist())
    return row


def _range(name: str, values: list[float]) -> dict[str, float]:
    low, middle, high = (round(value, 5) for value in values)
    return {name: middle, f"{name}_low": low, f"{name}_high": high}
