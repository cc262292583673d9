"""Training one network, and everything that is kept of it in `models/<name>/` (notebooks 03 and 05)."""

import contextlib
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from tqdm import tqdm

from helpers.base import machine
from helpers.base.artifacts import Artifacts, SuiteError, disk_errors, write_table
from helpers.base.settings import Profile
from helpers.evaluation.scores import pool_windows, predictions_table
from helpers.network import batch_normalisation, checkpoints, networks, pretraining
from helpers.network.checkpoints import EpochRecorder
from helpers.network.devices import build_in_advance, mirrored, split_for_devices
from helpers.network.history import best_epoch, is_over
from helpers.network.model_files import load_weights, model_note, save_model
from helpers.network.run import Run, milliseconds_per_clip
from helpers.spectrograms.batches import (
    clip_windows,
    evaluation_batches,
    image_shape,
    pictures,
    training_batches,
)

STEADY = 0.001  # of the learning rate, at which "adamw_steady" goes on after half of the epochs
KEPT_EPOCHS = {"best": best_epoch, "last": len}  # from the rows of a history to the number of an epoch


class PausedError(SuiteError):
    """A training that is not over, because it was asked to pause; its last checkpoint stays."""


def train(
    name: str,
    manifest: pd.DataFrame,
    artifacts: Artifacts,
    *,
    profile: Profile,
    folder: Path | None = None,
    pause: Callable[[], bool] = lambda: False,
) -> dict:
    """Train a network and write all of `models/<name>/`, unless it is there with the same settings and data.

    A training that was stopped goes on from its last whole epoch. The epoch with the lowest validation loss is kept. Test clips are
    only ever predicted, never learnt from or chosen by.

    Parameters
    ----------
    name : str
        One of `helpers.network.networks.NETWORKS`.
    manifest : pd.DataFrame
        As `helpers.recordings.manifest.read_manifest` gives it.
    artifacts : Artifacts
    profile : Profile
    folder : Path, optional
        Where to write instead of `models/<name>/`.
    pause : callable, optional
        Asked before the first epoch and at the end of each whether to pause there.

    Returns
    -------
    dict
        The content of `run.json`.

    Raises
    ------
    PausedError
        It has paused, and goes on when this is called again.
    SuiteError
        Pictures that are missing or were made with other settings, clips or classes that do not fit, a weights file of another
        network, a checkpoint of another training, a full disk, or a loss that is not a number.
    """
    run = Run.of(name, manifest, artifacts, profile=profile, folder=folder)
    paths, targets = pictures(manifest, artifacts, classes=run.classes, profile=profile)
    # Built from random weights: of whatever is in the code now, layer by layer.
    plan = build(name, paths[0], classes=run.classes, profile=replace(profile, weights="none"))
    weights = pretraining.starting_weights(run, plan)
    note = pretraining.note_of_file(profile.weights_file)
    run = replace(run, layers=networks.layers_fingerprint(plan), start=pretraining.fingerprint(weights))
    if kept := run.finished():
        return kept
    if reason := run.reason_to_repeat():
        print(f"{name}: trained again, because {reason}")
    history, best = fit(run, paths, targets, manifest["split"].to_numpy(), weights=weights, pause=pause)
    # `plan` is for one device and in 32 bits, so that the file can be used on any machine.
    load_weights(best, plan)
    return _keep(run, plan, history, manifest, paths, **note)


def _keep(run: Run, model: keras.Model, history: list[dict], manifest: pd.DataFrame, paths: list[Path], **facts) -> dict:
    """Write all that is kept of a training that is over, `run.json` with more facts last; then its checkpoints go."""
    profile, files, classes = run.profile, run.files, run.classes
    predictions = predictions_table(manifest, predict_clips(model, paths, classes=len(classes), profile=profile), classes)
    windows = np.concatenate([clip_windows(path, profile=profile) for path in paths[:16]])
    clips = len(windows) // profile.test_windows
    facts |= {
        "parameters": model.count_params(),
        "best_epoch": KEPT_EPOCHS[profile.kept_epoch](history),
        "milliseconds_per_clip": milliseconds_per_clip(lambda: model.predict_on_batch(windows), clips=clips),
    }
    lost = f"{run.name} is trained, but its results could not be written to {run.folder}"
    with disk_errors(lost, then="run this again; its checkpoints stay, so that nothing is trained twice"):
        save_model(files.model, model, model_note(model, classes=classes, profile=profile))
        facts["file_megabytes"] = round(files.model.stat().st_size / 1e6, 3)
        write_table(files.history, pd.DataFrame(history).round(6), durable=True)
        kept = run.record(predictions, seconds=sum(row["seconds"] for row in history), **facts)
    checkpoints.clear(run)
    return kept


def fit(
    run: Run,
    paths: list[Path],
    targets: np.ndarray,
    split: np.ndarray,
    *,
    weights: list[np.ndarray] | None = None,
    pause: Callable[[], bool] = lambda: False,
) -> tuple[list[dict], Path]:
    """Train a run's network, from its last checkpoint on if there is one.

    Parameters
    ----------
    run : Run
        Logs for TensorBoard go to `logs/` in its folder.
    paths : list of Path
    targets, split : np.ndarray [shape=(n,)]
        Index of each picture's class, and its part: train, validation or test.
    weights : list of np.ndarray, optional
        Where it starts (`helpers.network.pretraining.starting_weights`).
    pause : callable, optional
        As for `train`, which also says what is raised.

    Returns
    -------
    history : list of dict
        One row an epoch, as in `history.csv`.
    best : Path
        Checkpoint of the epoch that `kept_epoch` chooses.
    """
    profile = run.profile
    training, validation = np.flatnonzero(split == "train"), np.flatnonzero(split == "validation")
    latest, history = checkpoints.find_checkpoint(run)
    if latest is None:
        run.files.facts.unlink(missing_ok=True)  # written last: a folder without it is not finished
        shutil.rmtree(run.files.logs, ignore_errors=True)
    if not is_over(history, profile=profile) and pause():
        raise _paused(run, history)
    machine.make_repeatable(profile.seed)
    devices = machine.training_devices()
    steps = profile.steps_per_epoch(len(training))
    model = _model_to_train(run, paths[0], steps=steps, devices=devices, latest=latest)
    if latest is None and weights:
        learnt = profile.weights_file or "the weights that have learnt the synthetic voices"
        print(f"{run.name}: starts from {learnt}, with a new last layer")
        pretraining.start_from(model, weights)
    elif latest is not None:
        print(f"{run.name}: goes on after epoch {len(history)} of {profile.epochs}, from {run.checkpoints}")
    windows, classes = profile.validation_windows(len(validation), training_clips=len(training)), len(run.classes)
    batches = training_batches(
        [paths[i] for i in training], targets[training], classes=classes, profile=profile, first_epoch=len(history)
    )
    validated = evaluation_batches(
        [paths[i] for i in validation], targets[validation], classes=classes, profile=profile, windows=windows, often=True
    )
    bar = tqdm(
        desc=run.name, total=steps * profile.epochs, initial=steps * len(history), unit="step", mininterval=1, file=sys.stdout
    )
    with contextlib.closing(bar):
        if not is_over(history, profile=profile):
            try:
                model.fit(
                    split_for_devices(batches, parts=len(devices)),
                    steps_per_epoch=steps,
                    initial_epoch=len(history),
                    epochs=profile.epochs,
                    shuffle=False,  # the batches are in their order already
                    validation_data=split_for_devices(validated, parts=len(devices), whole=True),
                    callbacks=[
                        EpochRecorder(run, history, bar=bar, pause=pause),
                        keras.callbacks.TensorBoard(run.files.logs, write_graph=False),
                    ],
                    verbose=0,
                )
            except FloatingPointError as error:
                checkpoints.clear(run)  # they would only lead here again
                raise SuiteError(str(error)) from None
    if not is_over(history, profile=profile):
        raise _paused(run, history)
    return history, checkpoints.epoch_file(run.checkpoints, KEPT_EPOCHS[profile.kept_epoch](history))


def _paused(run: Run, history: list[dict]) -> PausedError:
    return PausedError(f"Not trained yet: paused after {len(history)} of {run.profile.epochs} epochs; run this again to go on.")


def _model_to_train(run: Run, picture: Path, *, steps: int, devices: list[str], latest: Path | None) -> keras.Model:
    """The network on all devices, compiled; in the state of a checkpoint if there is one."""
    strategy = mirrored(*devices) if len(devices) > 1 else tf.distribute.get_strategy()
    with strategy.scope():
        mixed = _switch(run.profile.mixed_precision, auto=any("GPU" in device for device in devices))
        model = build(run.name, picture, classes=run.classes, profile=run.profile, mixed=mixed)
        compile_model(model, steps=steps, profile=run.profile)
        if len(devices) > 1:
            build_in_advance(model)
        if latest is not None:
            checkpoints.restore(latest, model)
    return model


def build(name: str, picture: Path, *, classes: list[str], profile: Profile, mixed: bool = False) -> keras.Model:
    """The profile's network for pictures like `picture`; `mixed` computes in 16 bits and keeps weights and result in 32."""
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16" if mixed else policy)
    try:
        return networks.build(
            name,
            shape=image_shape(picture, profile=profile),
            classes=len(classes),
            weights=profile.weights,
            head=profile.head,
            base_channels=profile.base_channels,
            dropout=profile.dropout,
        )
    finally:
        keras.config.set_dtype_policy(policy)


def compile_model(model: keras.Model, *, steps: int, profile: Profile) -> None:
    """Give a model the profile's optimizer, cross-entropy and accuracy, and on a CPU a fast batch normalisation."""
    if not machine.training_devices():
        batch_normalisation.fuse(model)
    if profile.optimizer == "adam":
        optimizer = keras.optimizers.Adam(profile.learning_rate)
    else:
        # Half of the epochs for the way down leave the other half to see that nothing more is gained.
        total, lowest = (steps * profile.epochs, 0.0) if profile.optimizer == "adamw" else (steps * profile.epochs // 2, STEADY)
        warmup = min(2 * steps, total // 2)
        schedule = keras.optimizers.schedules.CosineDecay(
            0.0, max(total - warmup, 1), alpha=lowest, warmup_target=profile.learning_rate, warmup_steps=max(warmup, 1)
        )
        optimizer = AdamW(schedule, weight_decay=profile.weight_decay, clipnorm=1.0)
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=profile.label_smoothing)
    model.compile(optimizer, loss, metrics=["accuracy"], jit_compile=_switch(profile.jit_compile, auto="auto"))


class AdamW(keras.optimizers.AdamW):
    """AdamW that clips the gradient of the whole batch where several devices share it; Keras clips each device's own."""

    def apply(self, grads, trainable_variables=None):
        """Clip by the norm over all devices, then take the step."""
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        if replicas > 1:
            whole = tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, list(grads))
            grads = [tf.clip_by_norm(gradient, self.clipnorm) / replicas for gradient in whole]
        return super().apply(grads, trainable_variables)


def _switch(value: str, *, auto: bool | str) -> bool | str:
    """Value of a setting that is auto, on or off."""
    return {"auto": auto, "on": True, "off": False}[value]


def predict_clips(model: keras.Model, paths: list[Path], *, classes: int, profile: Profile) -> np.ndarray:
    """Class probabilities of clips, each pooled from its evenly spaced windows, np.ndarray [shape=(clips, classes)]."""
    targets = np.zeros(len(paths), int)
    batches = evaluation_batches(paths, targets, classes=classes, profile=profile, windows=profile.test_windows)
    probabilities = model.predict(batches, verbose=0)
    return pool_windows(probabilities.reshape(len(paths), profile.test_windows, classes))
