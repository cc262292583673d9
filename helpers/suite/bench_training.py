"""The benchmarks that need TensorFlow: images, steps and epochs of a training (`make bench`)."""

import contextlib
import importlib.util
import io
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from helpers.base import machine
from helpers.base.artifacts import Artifacts, read_table
from helpers.base.settings import PROFILES, Corpus
from helpers.recordings.manifest import build_manifest, read_manifest
from helpers.recordings.voices import synthesise
from helpers.spectrograms.convert import convert
from helpers.suite.bench_scale import in_own_process

PROFILE = PROFILES["quick"]
BATCHES, STEPS, ROUNDS, EPOCHS = 60, 10, 11, 6
CORPUS = Corpus(speakers=1, sentences=8)  # 312 clips, of which an epoch shows as many windows as of the whole corpus


def interleaved(ways: dict[str, Callable[[], float]], *, rounds: int) -> pd.DataFrame:
    """What each way measures, in turn in every round, so that whatever else the machine does hits all of them.

    Returns
    -------
    pd.DataFrame [shape=(rounds, ways)]
    """
    return pd.DataFrame([{name: way() for name, way in ways.items()} for _ in range(rounds)])


def ratio(measured: pd.DataFrame, way: str, other: str, *, name: str = "") -> dict[str, float]:
    """How many times as much a way measured as another one in the same round: the median of the rounds, the lowest, the highest.

    Examples
    --------
    >>> ratio(pd.DataFrame({"ours": [2.0, 4.0, 9.0], "theirs": [1.0, 2.0, 3.0]}), "ours", "theirs")
    {'ours_to_theirs': 2.0, 'ours_to_theirs_lowest': 2.0, 'ours_to_theirs_highest': 3.0}
    """
    ratios, name = measured[way] / measured[other], name or f"{way}_to_{other}"
    found = {name: ratios.median(), f"{name}_lowest": ratios.min(), f"{name}_highest": ratios.max()}
    return {key: round(float(value), 2) for key, value in found.items()}


def pipeline() -> dict[str, float]:
    """Images a second of our pipeline alone, and of Keras' own on the same files with augmentation of the same kind.

    Both cut a random window out of each image and hide four bands. Ours decodes each file once, Keras' own whenever it is drawn;
    Keras also reads images of one size alone, so it makes them equally wide.
    """
    tf = machine.load_tensorflow()
    import keras

    with tempfile.TemporaryDirectory() as folder:
        paths, targets, ours, _ = make_images(Path(folder))
        height, width, _ = ours.element_spec[0].shape[1:]
        erasing = {"factor": 1.0, "scale": (0.01, 0.1), "fill_value": 0.0, "value_range": (0, 255)}
        hiding = [keras.layers.RandomErasing(**erasing) for _ in range(4)]
        augmentation = keras.Sequential([keras.layers.RandomCrop(height, width), *hiding])
        files = keras.utils.image_dataset_from_directory(
            paths[0].parent,
            labels=[target for _, target in sorted(zip(paths, targets.tolist(), strict=True))],  # in the order that Keras reads in
            label_mode="categorical",
            color_mode="grayscale",
            image_size=(height, max(width, int(np.median([Image.open(path).width for path in paths])))),
            batch_size=PROFILE.batch_size,
            seed=PROFILE.seed,
            verbose=False,
        )
        theirs = files.map(lambda images, labels: (augmentation(images, training=True), labels), tf.data.AUTOTUNE)
        ways = {"images_per_second": ours, "keras_images_per_second": theirs.repeat().prefetch(tf.data.AUTOTUNE)}
        rates = {name: partial(images_per_second, way, batches=BATCHES) for name, way in ways.items()}
        measured = interleaved(rates, rounds=5)
    return measured.median().round(1).to_dict() | ratio(measured, *ways, name="speedup")


def images_per_second(dataset: Iterable, *, batches: int) -> float:
    """Images a second of a dataset that nothing waits for, over `batches` batches after five to warm up."""
    iterator = iter(dataset)
    for _ in range(5):
        next(iterator)
    started = time.perf_counter()
    images = sum(len(batch[0]) for batch in islice(iterator, batches))
    return images / (time.perf_counter() - started)


def training() -> dict[str, float]:
    """Milliseconds a step of the profile's network here, and in PyTorch where it is installed; what of an epoch is no step.

    A step is forward, backward, clipping and AdamW on the same batch for all. PyTorch is tried with channels first and last.
    `outside_steps` is the fraction of an epoch that passes outside of training steps (validation, checkpoints, logs), the median
    of the epochs after the first, which also compiles.
    """
    machine.load_tensorflow()
    with tempfile.TemporaryDirectory() as folder:
        *_, batches, _ = make_images(Path(folder))
        images, labels = next(iter(batches))
        ways = {"tensorflow": keras_step(images, labels)}
        if importlib.util.find_spec("torch"):
            from helpers.suite import bench_pytorch

            for name, last in (("pytorch_channels_first", False), ("pytorch_channels_last", True)):
                ways[name] = bench_pytorch.step(images.numpy(), labels.numpy(), profile=PROFILE, channels_last=last)
        measured = interleaved({name: partial(milliseconds, step) for name, step in ways.items()}, rounds=ROUNDS)
        epochs = train_some(Artifacts(Path(folder)))
    found = {f"{name}_ms": round(float(value), 1) for name, value in measured.median().items()}
    if len(ways) > 1:
        measured["pytorch"] = measured[measured.drop(columns="tensorflow").median().idxmin()]
        found |= ratio(measured, "tensorflow", "pytorch")
    outside = 1 - epochs["step_seconds"] / epochs["seconds"]
    return found | {"outside_steps": round(float(outside.median()), 3)}


def batch_normalisation() -> dict[str, float]:
    """Milliseconds a step with Keras' own batch normalisation and with the fused one (`helpers.network.batch_normalisation`)."""
    tf = machine.load_tensorflow()
    found = {}
    for network, size, channels in (("small_resnet", (96, 64), 1), ("mobilenet", (224, 224), 3)):
        images, labels = tf.random.uniform((32, *size, channels), maxval=255), tf.one_hot(tf.range(32), 39)
        steps = {
            f"{network}_{way}": keras_step(images, labels, network=network, fused=way == "fused") for way in ("keras", "fused")
        }
        measured = interleaved({name: partial(milliseconds, step) for name, step in steps.items()}, rounds=5)
        found |= {f"{name}_ms": round(float(value), 1) for name, value in measured.median().items()}
        found |= ratio(measured, *steps, name=f"{network}_keras_to_fused")
    return found


def onednn() -> dict[str, float]:
    """Milliseconds a step without and with oneDNN, of which TensorFlow decides as it starts: so each in a process of its own."""

    def step(switch: str) -> float:
        return float(in_own_process("random_step()", module=__name__, variables={"TF_ENABLE_ONEDNN_OPTS": switch})[-1])

    measured = interleaved({"off_ms": partial(step, "0"), "on_ms": partial(step, "1")}, rounds=3)
    return measured.median().round(1).to_dict() | ratio(measured, "off_ms", "on_ms", name="off_to_on")


def random_step() -> float:
    """Milliseconds a step of the profile's network on noise."""
    tf = machine.load_tensorflow()
    images, labels = tf.random.uniform((32, 96, 64, 1), maxval=255), tf.one_hot(tf.range(32), 39)
    return milliseconds(keras_step(images, labels))


def milliseconds(step: Callable[[], object]) -> float:
    """Time of a step, from `STEPS` in a row after two to warm up."""
    for _ in range(2):
        step()
    started = time.perf_counter()
    for _ in range(STEPS):
        step()
    return 1000 * (time.perf_counter() - started) / STEPS


def keras_step(images: Iterable, labels: Iterable, *, network: str = PROFILE.network, fused: bool = True) -> Callable[[], object]:
    """A training step of a network on one batch, as `model.fit` does it; by choice with Keras' own batch normalisation."""
    tf = machine.load_tensorflow()
    model = compiled(images.shape[1:], classes=labels.shape[1], network=network)
    for layer in () if fused else model._flatten_layers():
        vars(layer).pop("call", None)
    batch = iter(tf.data.Dataset.from_tensors((images, labels)).repeat())
    model.make_train_function()
    return lambda: model.train_function(batch)


def compiled(shape: tuple[int, int, int], *, classes: int, network: str = PROFILE.network) -> Any:
    """A network, ready to be trained with the profile."""
    from helpers.network import networks
    from helpers.network.training import compile_model

    model = networks.build(
        network, shape=tuple(shape), classes=classes, base_channels=PROFILE.base_channels, dropout=PROFILE.dropout
    )
    compile_model(model, steps=1000, profile=PROFILE)
    return model


def train_some(artifacts: Artifacts) -> pd.DataFrame:
    """The history of a short training, without its first epoch, on images that `make_images` has made."""
    from helpers.network.training import train

    manifest = read_manifest(artifacts)
    with contextlib.redirect_stdout(io.StringIO()):
        train(PROFILE.network, manifest, artifacts, profile=replace(PROFILE, epochs=EPOCHS))
    return read_table(artifacts.run(PROFILE.network).history).iloc[1:]


def input_wait() -> dict[str, float]:
    """Fraction of a training epoch that is spent waiting for the next batch, with the profile's network."""
    machine.load_tensorflow()
    with tempfile.TemporaryDirectory() as folder:
        *_, batches, steps = make_images(Path(folder))
        images, labels = (tuple(part.shape) for part in batches.element_spec)
        model = compiled(images[1:], classes=labels[1])
        iterator = iter(batches)
        model.train_on_batch(*next(iterator))  # the first step also builds the graph
        waited, started = 0.0, time.perf_counter()
        for _ in range(steps):
            asked = time.perf_counter()
            batch = next(iterator)
            waited += time.perf_counter() - asked
            model.train_on_batch(*batch)
        seconds = time.perf_counter() - started
    return {"epoch_seconds": round(seconds, 2), "waiting_seconds": round(waited, 3), "fraction": round(waited / seconds, 4)}


def make_images(folder: Path) -> tuple[list[Path], np.ndarray, Iterable, int]:
    """312 clips of the built-in corpus as spectrogram images: paths, number of each one's class, batches, batches an epoch."""
    from helpers.spectrograms.batches import pictures, training_batches

    artifacts = Artifacts(folder)
    source = synthesise(folder / "audio", corpus=CORPUS)
    manifest, _ = build_manifest("voices", source, artifacts, seed=0)
    convert(manifest, artifacts, settings=PROFILE.spectrogram, profile=PROFILE.name)
    classes = sorted(manifest["label"].unique())
    paths, targets = pictures(manifest, artifacts, classes=classes, profile=PROFILE)
    batches = training_batches(paths, targets, classes=len(classes), profile=PROFILE)
    return paths, targets, batches, PROFILE.steps_per_epoch(len(paths))
