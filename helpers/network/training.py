"""Training one network, and everything that is kept of it in `models/<name>/` (notebooks 03 and 05)."""

from __future__ import annotations

import contextlib
import functools
import shutil
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from tqdm import tqdm

from helpers.base import machine
from helpers.base.artifacts import Artifacts, SuiteError, read_json, write_table
from helpers.base.settings import Profile, describe
from helpers.evaluation.scores import predictions_table, read_classes
from helpers.network import checkpoints, networks
from helpers.network.callbacks import EpochRecorder, stops_early
from helpers.network.fisher_vector import FisherVector
from helpers.network.model_files import save_model
from helpers.network.run import best_epoch, data_fingerprint, difference_from_run, milliseconds_per_clip, record_run
from helpers.spectrograms.batches import (
    clip_windows,
    evaluation_batches,
    image_shape,
    pictures,
    require_clips,
    steps_per_epoch,
    training_batches,
    windows_per_clip,
)

TIMED_CLIPS = 16
ADAPT_CLIPS = 1000  # hold more frames than are learnt from
KEPT_EPOCHS = {"best": best_epoch, "last": len}  # from the rows of a history to the number of an epoch


def train(name: str, manifest: pd.DataFrame, artifacts: Artifacts, *, profile: Profile, folder: Path | None = None) -> dict:
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

    Returns
    -------
    dict
        The content of `run.json`.

    Raises
    ------
    SuiteError
        Pictures that are missing or were made with other settings, clips or classes that do not fit, a checkpoint of another
        training, a full disk, or a loss that is not a number.
    """
    folder = folder or artifacts.model(name)
    classes = read_classes(artifacts)
    identity = run_identity(name, manifest, artifacts, profile=profile)
    difference = difference_from_run(folder, identity)
    if difference is None:
        print(f"{name}: already trained with these settings and clips, taken from {folder}")
        return read_json(folder / "run.json")
    if difference:
        print(f"{name}: trained again, because {difference}")

    paths, targets = pictures(manifest, artifacts, classes=classes, profile=profile)
    split = manifest["split"].to_numpy()
    history, best = fit(name, paths, targets, split, folder, profile=profile, classes=classes, identity=identity)

    # Built anew for one device and 32 bits, so that the file can be used on any machine.
    model = build(name, paths[0], classes=classes, profile=replace(profile, weights="none"))
    model.load_weights(best)
    note = {"network": name, "classes": classes, "spectrogram": asdict(profile.spectrogram)}
    note |= {"window_frames": profile.window_frames, "test_windows": profile.test_windows}
    predictions = predictions_table(manifest, predict_clips(model, paths, classes=len(classes), profile=profile), classes)
    facts = identity | {"parameters": model.count_params(), "best_epoch": KEPT_EPOCHS[profile.kept_epoch](history)}
    windows = np.concatenate([clip_windows(path, profile=profile)[0] for path in paths[:TIMED_CLIPS]])
    clips = len(windows) // profile.test_windows
    facts |= {"milliseconds_per_clip": milliseconds_per_clip(lambda: model.predict_on_batch(windows), clips=clips)}
    seconds = sum(row["seconds"] for row in history)
    try:
        save_model(folder / "model.keras", model, note)
        facts["file_megabytes"] = round((folder / "model.keras").stat().st_size / 1e6, 3)
        write_table(folder / "history.csv", pd.DataFrame(history).round(6))
        run = record_run(folder, predictions, classes=classes, profile=profile, seconds=seconds, **facts)
    except (OSError, RuntimeError) as error:  # HDF5 raises a RuntimeError where the disk is full
        raise SuiteError(
            f"{name} is trained, but its results could not be written to {folder} ({str(error).splitlines()[0]}): free some space "
            "and run this again; its checkpoints stay, so that nothing is trained twice."
        ) from None
    checkpoints.remove_checkpoints(best.parent)
    return run


def run_identity(name: str, manifest: pd.DataFrame, artifacts: Artifacts, *, profile: Profile) -> dict:
    """What a run must have been trained with to be taken again: its settings, and the fingerprint of its data."""
    return {"settings": describe(replace(profile, network=name)), "data": data_fingerprint(manifest, artifacts)}


def fit(
    name: str, paths: list[Path], targets: np.ndarray, split: np.ndarray, folder: Path, *, profile: Profile, classes: list[str],
    identity: dict,
) -> tuple[list[dict], Path]:  # fmt: skip
    """Train a network, from its last checkpoint on if there is one.

    Parameters
    ----------
    name : str
    paths : list of Path
    targets, split : np.ndarray [shape=(n,)]
        Number of each picture's class, and its part: train, validation or test.
    folder : Path
        The model's; logs for TensorBoard go to `logs/` in it.
    profile : Profile
    classes : list of str
    identity : dict
        What a checkpoint must be of.

    Returns
    -------
    history : list of dict
        One row an epoch, as in `history.csv`.
    best : Path
        Checkpoint of the epoch that `kept_epoch` chooses.
    """
    kept_epoch = _choice("kept_epoch", profile, KEPT_EPOCHS)
    training, validation = np.flatnonzero(split == "train"), np.flatnonzero(split == "validation")
    require_clips(training, validation, targets, classes=classes)
    kept = checkpoints.checkpoint_folder(folder)
    identity = identity | {"classes": classes}
    latest, history = checkpoints.find_checkpoint(kept, identity=identity)
    machine.make_repeatable(profile.seed)
    devices = machine.training_devices()
    strategy = _mirrored(*devices) if len(devices) > 1 else tf.distribute.get_strategy()
    steps = steps_per_epoch(len(training), profile=profile)
    # A step with a single picture crashes TensorFlow 2.20 and 2.21 on a CPU where the first layer has few channels.
    alone = len(training) * windows_per_clip(len(training), profile=profile) % profile.batch_size == 1
    with strategy.scope():
        mixed = _switch("mixed_precision", profile, auto=any("GPU" in device for device in devices))
        model = build(name, paths[0], classes=classes, profile=profile, mixed=mixed)
        compile_model(model, steps=steps, profile=profile)
    if latest is None:
        (folder / "run.json").unlink(missing_ok=True)  # written last: a folder without it is not finished
        shutil.rmtree(folder / "logs", ignore_errors=True)
        adapt(model, [paths[i] for i in training], profile=profile)
    else:
        print(f"{name}: goes on after epoch {len(history)} of {profile.epochs}, from {kept}")
        with strategy.scope():
            checkpoints.restore(latest, model)
    batches = training_batches(
        [paths[i] for i in training], targets[training], classes=len(classes), profile=profile, first_epoch=len(history)
    )
    validation_batches = evaluation_batches(
        [paths[i] for i in validation], targets[validation], classes=len(classes), profile=profile,
        windows=windows_per_clip(len(training), profile=profile),
    )  # fmt: skip
    bar = tqdm(desc=name, total=steps * profile.epochs, initial=steps * len(history), unit="step", mininterval=1, file=sys.stdout)
    with contextlib.closing(bar):
        recorder = EpochRecorder(
            history, bar=bar, profile=profile,
            save=lambda: checkpoints.save_checkpoint(kept, model, identity=identity, history=history),
        )  # fmt: skip
        if not stops_early(history, profile=profile):
            try:
                model.fit(
                    share_out(batches, shares=max(len(devices), 2 if alone else 1)),
                    steps_per_epoch=steps,
                    initial_epoch=len(history),
                    epochs=profile.epochs,
                    shuffle=False,  # the batches are in their order already
                    validation_data=share_out(validation_batches, shares=len(devices)),
                    callbacks=[recorder, keras.callbacks.TensorBoard(folder / "logs", write_graph=False)],
                    verbose=0,
                )
            except FloatingPointError as error:
                checkpoints.remove_checkpoints(kept)  # they would only lead here again
                raise SuiteError(str(error)) from None
    return history, checkpoints.epoch_file(kept, kept_epoch(history))


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
            base_channels=profile.base_channels,
            dropout=profile.dropout,
        )
    finally:
        keras.config.set_dtype_policy(policy)


def adapt(model: keras.Model, paths: list[Path], *, profile: Profile) -> None:
    """Let the Fisher vectors of a network, if it has any, learn their kinds of sounds from the middle of training clips."""
    fisher = [layer for layer in model.layers if isinstance(layer, FisherVector)]
    if fisher:
        chosen = np.random.default_rng(profile.seed).permutation(len(paths))[:ADAPT_CLIPS]
        middle = replace(profile, test_windows=1)
        windows = np.concatenate([clip_windows(paths[i], profile=middle)[0] for i in sorted(chosen)])
        for layer in fisher:
            layer.adapt(windows, seed=profile.seed)


@functools.cache  # two strategies in one process mix up their messages
def _mirrored(*devices: str) -> tf.distribute.Strategy:
    return tf.distribute.MirroredStrategy(devices)


def share_out(batches: tf.data.Dataset, *, shares: int) -> tf.data.Dataset:
    """Batches of which no share is empty, which fails: where there are too few pictures, some come twice."""
    if shares < 2:
        return batches

    def fill(*batch: tf.Tensor) -> list[tf.Tensor]:
        size = tf.shape(batch[0])[0]
        share = -(-size // shares)  # each device gets so many, until there are no more
        places = tf.range(tf.maximum(size, share * (shares - 1) + 1)) % size
        return [tf.gather(part, places) for part in batch]

    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF  # one machine, one stream
    return batches.map(lambda images, labels: tuple(fill(images, labels))).with_options(options)


def compile_model(model: keras.Model, *, steps: int, profile: Profile) -> None:
    """Give a model the profile's optimizer, cross-entropy and accuracy."""
    if profile.optimizer == "adam":
        optimizer = keras.optimizers.Adam(profile.learning_rate)
    elif profile.optimizer == "adamw":
        warmup = min(2 * steps, steps * profile.epochs // 2)
        schedule = keras.optimizers.schedules.CosineDecay(
            0.0, max(steps * profile.epochs - warmup, 1), warmup_target=profile.learning_rate, warmup_steps=max(warmup, 1)
        )
        optimizer = AdamW(schedule, weight_decay=profile.weight_decay, clipnorm=1.0)
    else:
        raise SuiteError(f"There is no optimizer {profile.optimizer!r} here: choose adam or adamw.")
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=profile.label_smoothing)
    model.compile(optimizer, loss, metrics=["accuracy"], jit_compile=_switch("jit_compile", profile, auto="auto"))


class AdamW(keras.optimizers.AdamW):
    """AdamW that clips the gradient of the whole batch where several devices share it; Keras clips each device's own."""

    def apply(self, grads, trainable_variables=None):
        """Clip by the norm over all devices, then take the step."""
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        if replicas > 1:
            whole = tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, list(grads))
            grads = [tf.clip_by_norm(gradient, self.clipnorm) / replicas for gradient in whole]
        return super().apply(grads, trainable_variables)


def _switch(setting: str, profile: Profile, *, auto: bool | str) -> bool | str:
    """Value of a setting that is auto, on or off."""
    return _choice(setting, profile, {"auto": auto, "on": True, "off": False})


def _choice(setting: str, profile: Profile, values: dict[str, Any]) -> Any:
    """What a setting stands for, of the values that it may have."""
    chosen, (*others, last) = getattr(profile, setting), values
    if chosen not in values:
        raise SuiteError(f"The setting {setting} takes {', '.join(others)} or {last}, but {chosen!r} was given.")
    return values[chosen]


def predict_clips(model: keras.Model, paths: list[Path], *, classes: int, profile: Profile) -> np.ndarray:
    """Class probabilities of clips, averaged over evenly spaced windows, np.ndarray [shape=(clips, classes)]."""
    targets = np.zeros(len(paths), int)
    batches = evaluation_batches(paths, targets, classes=classes, profile=profile, windows=profile.test_windows)
    probabilities = model.predict(batches, verbose=0)
    return probabilities.reshape(len(paths), profile.test_windows, classes).mean(axis=1)
