"""Training one network, and everything that is kept of it in `models/<name>/` (notebooks 03 and 05)."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pandas as pd
from tqdm import tqdm

from helpers import networks, runtime
from helpers.artifacts import Artifacts, atomic_path, read_json, require, write_table
from helpers.batches import evaluation_batches, image_shape, steps_per_epoch, training_batches, windows_per_clip
from helpers.errors import SuiteError
from helpers.profiles import Profile, describe
from helpers.runs import data_fingerprint, difference_from_run, record_run
from helpers.scores import predictions_table, read_classes
from helpers.spectrograms import image_path


def train(name: str, manifest: pd.DataFrame, artifacts: Artifacts, *, profile: Profile) -> dict:
    """Train a network and write all of `models/<name>/`, unless it is there with the same settings and data.

    The epoch with the lowest validation loss is kept. Test clips are only ever predicted, never learnt from or chosen by.

    Parameters
    ----------
    name : str
        One of `helpers.networks.NETWORKS`.
    manifest : pd.DataFrame
        As `helpers.manifest.read_manifest` gives it.
    artifacts : Artifacts
    profile : Profile

    Returns
    -------
    dict
        The content of `run.json`.

    Raises
    ------
    SuiteError
        Pictures that are missing or were made with other settings, or a loss that is not a number.
    """
    folder = artifacts.model(name)
    classes = read_classes(artifacts)
    settings = describe(replace(profile, network=name))
    identity = {"settings": settings, "data": data_fingerprint(manifest, artifacts)}
    difference = difference_from_run(folder, identity)
    if difference is None:
        print(f"{name}: already trained with these settings and clips, taken from {folder}")
        return read_json(folder / "run.json")
    if difference:
        print(f"{name}: trained again, because {difference}")

    paths, targets = pictures(manifest, artifacts, classes=classes, profile=profile)
    split = manifest["split"].to_numpy()
    training, validation = np.flatnonzero(split == "train"), np.flatnonzero(split == "validation")

    runtime.make_repeatable(profile.seed)
    model = networks.build(
        name,
        shape=image_shape(paths[0], profile=profile),
        classes=len(classes),
        weights=profile.weights,
        base_channels=profile.base_channels,
        dropout=profile.dropout,
    )
    steps = steps_per_epoch(len(training), profile=profile)
    compile_model(model, steps=steps, profile=profile)

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "run.json").unlink(missing_ok=True)  # written last: a folder without it is not finished
    for stray in folder.glob(".writing-*"):  # of a training that was killed
        stray.unlink()
    started = time.perf_counter()
    with atomic_path(folder / "model.keras") as best:
        history = model.fit(
            training_batches([paths[i] for i in training], targets[training], classes=len(classes), profile=profile),
            steps_per_epoch=steps,
            epochs=profile.epochs,
            shuffle=False,  # the batches are in their order already
            validation_data=evaluation_batches(
                [paths[i] for i in validation], targets[validation], classes=len(classes), profile=profile,
                windows=windows_per_clip(len(training), profile=profile),
            ),
            callbacks=[
                keras.callbacks.TerminateOnNaN(),
                keras.callbacks.ModelCheckpoint(best, monitor="val_loss", save_best_only=True),
                Progress(profile.epochs, name),
            ],
            verbose=0,
        )  # fmt: skip
        if len(history.epoch) < profile.epochs or not best.exists():
            raise SuiteError(
                f"{name}: the loss became NaN in epoch {len(history.epoch)}; try a smaller learning rate, such as "
                f'OVERRIDES = "learning_rate={profile.learning_rate / 10:g}".'
            )
        model = keras.saving.load_model(best)
    seconds = time.perf_counter() - started

    predictions = predictions_table(manifest, predict_clips(model, paths, classes=len(classes), profile=profile), classes)
    write_table(folder / "history.csv", history_table(history))
    return record_run(
        folder, predictions, classes=classes, profile=profile, seconds=seconds, parameters=model.count_params(), **identity
    )


def pictures(
    manifest: pd.DataFrame, artifacts: Artifacts, *, classes: list[str], profile: Profile
) -> tuple[list[Path], np.ndarray]:
    """Paths of all pictures and the number of each one's class, after checking that they fit the profile.

    Raises
    ------
    SuiteError
        Notebook 02 has not run, or ran with other settings or clips.
    """
    made = read_json(artifacts.spectrogram_settings)
    wanted = describe(Profile("", spectrogram=profile.spectrogram))
    other = [f"{key} = {value!r} (here {wanted[key]!r})" for key, value in made["settings"].items() if wanted[key] != value]
    if other:
        raise SuiteError(
            f"The spectrograms were made with profile {made['profile']!r}, which differs in {', '.join(other)}: run "
            f"notebooks/02_spectrograms.ipynb with PROFILE = {profile.name!r}, or set PROFILE = {made['profile']!r} here."
        )
    paths = [image_path(artifacts, row) for _, row in manifest.iterrows()]
    missing = [path for path in paths if not path.exists()]
    if missing:
        raise SuiteError(f"{len(missing)} pictures are missing, such as {missing[0]}: run notebooks/02_spectrograms.ipynb again.")
    return paths, pd.Index(classes).get_indexer(manifest["label"])


def compile_model(model: keras.Model, *, steps: int, profile: Profile) -> None:
    """Give a model the profile's optimizer, cross-entropy and accuracy."""
    if profile.optimizer == "adam":
        optimizer = keras.optimizers.Adam(profile.learning_rate)
    elif profile.optimizer == "adamw":
        warmup = min(2 * steps, steps * profile.epochs // 2)
        schedule = keras.optimizers.schedules.CosineDecay(
            0.0, max(steps * profile.epochs - warmup, 1), warmup_target=profile.learning_rate, warmup_steps=max(warmup, 1)
        )
        optimizer = keras.optimizers.AdamW(schedule, weight_decay=profile.weight_decay, clipnorm=1.0)
    else:
        raise SuiteError(f"There is no optimizer {profile.optimizer!r} here: choose adam or adamw.")
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=profile.label_smoothing)
    model.compile(optimizer, loss, metrics=["accuracy"])


def load_model(artifacts: Artifacts, name: str) -> keras.Model:
    """The network that `train` has kept.

    Raises
    ------
    SuiteError
        It is not there, or this version of Keras can't read it.
    """
    path = require(artifacts.model(name) / "model.keras")
    try:
        return keras.saving.load_model(path)
    except Exception as error:  # an older Keras fails in its own way at each thing it does not know
        reason = str(error).strip().splitlines()[-1]
        raise SuiteError(
            f"{path} can't be read by Keras {keras.__version__} ({reason}): run notebooks/03_train_resnet.ipynb here again."
        ) from None


def predict_clips(model: keras.Model, paths: list[Path], *, classes: int, profile: Profile) -> np.ndarray:
    """Class probabilities of clips, averaged over evenly spaced windows, np.ndarray [shape=(clips, classes)]."""
    targets = np.zeros(len(paths), int)
    batches = evaluation_batches(paths, targets, classes=classes, profile=profile, windows=profile.test_windows)
    probabilities = model.predict(batches, verbose=0)
    return probabilities.reshape(len(paths), profile.test_windows, classes).mean(axis=1)


def history_table(history: keras.callbacks.History) -> pd.DataFrame:
    """Loss and accuracy of each epoch, training and validation: `history.csv`."""
    names = {"loss": "loss", "accuracy": "accuracy", "val_loss": "validation_loss", "val_accuracy": "validation_accuracy"}
    table = pd.DataFrame({new: history.history[old] for old, new in names.items()}).round(6)
    table.insert(0, "epoch", np.arange(1, len(table) + 1))
    return table


class Progress(keras.callbacks.Callback):
    """One line that says the epoch, the losses, the accuracies and the time left."""

    def __init__(self, epochs: int, name: str):
        super().__init__()
        self._bar = tqdm(total=epochs, desc=name, unit="epoch", file=sys.stdout)

    def on_epoch_end(self, epoch, logs=None):
        logs = logs or {}
        self._bar.set_postfix_str(
            f"loss {logs.get('loss', np.nan):.3f}, accuracy {logs.get('accuracy', np.nan):.3f}, validation "
            f"{logs.get('val_loss', np.nan):.3f}, {logs.get('val_accuracy', np.nan):.3f}",
            refresh=False,
        )
        self._bar.update()

    def on_train_end(self, logs=None):
        self._bar.close()
