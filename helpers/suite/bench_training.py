"""How fast pictures come, and whether a training waits for them (benchmarks of `helpers.suite.bench`)."""

from __future__ import annotations

import time
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from helpers.base.artifacts import Artifacts
from helpers.base.settings import PROFILES, Corpus, Profile
from helpers.network import networks
from helpers.network.training import compile_model
from helpers.recordings.manifest import build_manifest
from helpers.recordings.voices import synthesise
from helpers.spectrograms.batches import image_shape, pictures, steps_per_epoch, training_batches
from helpers.spectrograms.convert import convert

PROFILE = PROFILES["quick"]


def make_pictures(folder: Path, *, profile: Profile = PROFILE) -> tuple[list[Path], np.ndarray, list[str]]:
    """312 clips of the built-in corpus as pictures: paths, number of each one's class, class list."""
    artifacts = Artifacts(folder)
    source = synthesise(folder / "audio", corpus=Corpus(speakers=1, sentences=8))
    manifest, _ = build_manifest("voices", source, artifacts, seed=0)
    convert(manifest, artifacts, settings=profile.spectrogram, profile=profile.name)
    classes = sorted(manifest["label"].unique())
    return *pictures(manifest, artifacts, classes=classes, profile=profile), classes


def pipeline(paths: list[Path], targets: np.ndarray, classes: list[str], *, profile: Profile = PROFILE) -> dict[str, float]:
    """Images a second of our pipeline alone, and of Keras' own on the same files with augmentation of the same kind.

    Both decode a file for each image, cut a random window out of it and hide four bands; Keras reads pictures of one size alone, so
    it also makes them equally wide.
    """
    height, width, _ = image_shape(paths[0], profile=profile)
    widths = [tf.io.decode_png(tf.io.read_file(str(path))).shape[1] for path in paths]
    augmentation = keras.Sequential([
        keras.layers.RandomCrop(height, width),
        *(keras.layers.RandomErasing(factor=1.0, scale=(0.01, 0.1), fill_value=0.0, value_range=(0, 255)) for _ in range(4)),
    ])  # fmt: skip
    files = keras.utils.image_dataset_from_directory(
        paths[0].parent, labels=targets.tolist(), label_mode="categorical", color_mode="grayscale",
        image_size=(height, max(width, int(np.median(widths)))), batch_size=profile.batch_size, seed=profile.seed, verbose=False,
    )  # fmt: skip
    theirs = files.map(lambda images, labels: (augmentation(images, training=True), labels), num_parallel_calls=tf.data.AUTOTUNE)
    ours = training_batches(paths, targets, classes=len(classes), profile=profile)
    found = {
        "images_per_second": images_per_second(ours, batches=3 * steps_per_epoch(len(paths), profile=profile)),
        "keras_images_per_second": images_per_second(theirs.repeat().prefetch(tf.data.AUTOTUNE), batches=3 * len(files)),
    }
    return found | {"speedup": round(found["images_per_second"] / found["keras_images_per_second"], 2)}


def images_per_second(dataset: tf.data.Dataset, *, batches: int) -> float:
    """Images a second of a dataset that nothing waits for, over `batches` batches after five to warm up."""
    iterator = iter(dataset)
    for _ in range(5):
        next(iterator)
    started, images = time.perf_counter(), 0
    for _ in range(batches):
        images += len(next(iterator)[0])
    return round(images / (time.perf_counter() - started), 1)


def input_wait(paths: list[Path], targets: np.ndarray, classes: list[str], *, profile: Profile = PROFILE) -> dict[str, float]:
    """Share of a training epoch that is spent waiting for the next batch, with the profile's network."""
    model = networks.build(
        profile.network, shape=image_shape(paths[0], profile=profile), classes=len(classes), base_channels=profile.base_channels
    )
    steps = steps_per_epoch(len(paths), profile=profile)
    compile_model(model, steps=steps, profile=profile)
    iterator = iter(training_batches(paths, targets, classes=len(classes), profile=profile))
    model.train_on_batch(*next(iterator))  # the first step also builds the graph
    waited, started = 0.0, time.perf_counter()
    for _ in range(steps):
        asked = time.perf_counter()
        batch = next(iterator)
        waited += time.perf_counter() - asked
        model.train_on_batch(*batch)
    seconds = time.perf_counter() - started
    return {"epoch_seconds": round(seconds, 2), "waiting_seconds": round(waited, 3), "share": round(waited / seconds, 4)}
