"""Pictures in batches: reading, random windows, masking (SpecAugment) and batching with tf.data (notebook 03).

What a training step sees depends on the seed, the epoch and the place in the epoch alone, never on timing or on what was drawn
before: every random number is drawn statelessly from those three.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tensorflow as tf

from helpers.errors import SuiteError
from helpers.profiles import Profile


def training_batches(
    paths: list[Path], targets: np.ndarray, *, classes: int, profile: Profile, first_epoch: int = 0
) -> tf.data.Dataset:
    """Augmented batches for all epochs of a training, one epoch after the other.

    Parameters
    ----------
    paths : list of Path
        PNG files.
    targets : np.ndarray [shape=(n,), dtype=int]
        Number of each picture's class.
    classes : int
    profile : Profile
    first_epoch : int
        How many epochs to leave out, for a training that goes on.

    Returns
    -------
    tf.data.Dataset
        Pairs of images [shape=(batch, height, width, channels), float32, 0 to 255] and one-hot labels [(batch, classes)];
        `steps_per_epoch` batches an epoch.
    """
    names = tf.constant([str(path) for path in paths])
    labels = tf.constant(targets, tf.int64)
    draws = len(paths) * windows_per_clip(len(paths), profile=profile)
    shape = image_shape(paths[0], profile=profile)

    def draw(epoch: tf.Tensor, place: tf.Tensor, index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        seed = tf.stack([tf.cast(profile.seed, tf.int64) * 1_000_003 + epoch, place])
        image = read_image(names[index], channels=shape[2])
        image = random_window(image, width=shape[1], seed=seed)
        image = mask(tf.cast(image, tf.float32), rows=profile.frequency_mask, columns=profile.time_mask, seed=seed)
        return tf.ensure_shape(image, shape), tf.one_hot(labels[index], classes)

    def epoch_of_batches(epoch: tf.Tensor) -> tf.data.Dataset:
        # Not `index_shuffle`: for some seeds it leaves neighbours, clips of one speaker, together.
        order = tf.argsort(tf.random.stateless_uniform([draws], tf.stack([tf.cast(profile.seed, tf.int64), epoch])))
        clips = tf.data.Dataset.from_tensor_slices(order % len(paths)).enumerate()
        images = clips.map(lambda place, index: draw(epoch, place, index), num_parallel_calls=2, deterministic=True)
        return images.batch(profile.batch_size)

    return tf.data.Dataset.range(first_epoch, profile.epochs).flat_map(epoch_of_batches).prefetch(4)


def windows_per_clip(clips: int, *, profile: Profile) -> int:
    """How often an epoch shows each clip: once, or more where there are few."""
    return max(1, round(profile.epoch_windows / clips))


def steps_per_epoch(clips: int, *, profile: Profile) -> int:
    """Number of batches in one epoch of training; the last one may be smaller."""
    return -(-clips * windows_per_clip(clips, profile=profile) // profile.batch_size)


def evaluation_batches(paths: list[Path], targets: np.ndarray, *, classes: int, profile: Profile, windows: int) -> tf.data.Dataset:
    """Batches without augmentation: the same number of evenly spaced windows of each clip, clip after clip.

    Returns
    -------
    tf.data.Dataset
        As `training_batches`; the `windows` of a clip follow each other.
    """
    shape = image_shape(paths[0], profile=profile)

    def cut(path: tf.Tensor, target: tf.Tensor) -> tf.data.Dataset:
        images = even_windows(read_image(path, channels=shape[2]), width=shape[1], windows=windows)
        return tf.ensure_shape(images, (windows, *shape)), tf.repeat(tf.one_hot(target, classes)[tf.newaxis], windows, axis=0)

    pairs = tf.data.Dataset.from_tensor_slices(([str(path) for path in paths], tf.constant(targets, tf.int64)))
    return pairs.map(cut, num_parallel_calls=2, deterministic=True).unbatch().batch(2 * profile.batch_size).prefetch(2)


def image_shape(path: Path, *, profile: Profile) -> tuple[int, int, int]:
    """Height, width and channels of what the network sees, from one picture and the profile's window.

    Raises
    ------
    SuiteError
        The picture can't be read.
    """
    try:
        image = tf.io.decode_png(tf.io.read_file(str(path)))
    except (tf.errors.InvalidArgumentError, tf.errors.NotFoundError):
        raise SuiteError(f"The picture {path} is missing or can't be read: run notebooks/02_spectrograms.ipynb again.") from None
    height, width, channels = image.shape
    return height, profile.window_frames or width, channels


def read_image(path: tf.Tensor, *, channels: int) -> tf.Tensor:
    """Decode a PNG to a tensor [shape=(height, width, channels), dtype=uint8]."""
    return tf.io.decode_png(tf.io.read_file(path), channels=channels)


def pad(image: tf.Tensor, *, width: int) -> tf.Tensor:
    """Add black (silent) columns on the right until a picture is `width` wide."""
    missing = tf.maximum(width - tf.shape(image)[1], 0)
    return tf.pad(image, [[0, 0], [0, missing], [0, 0]])


def even_windows(image: tf.Tensor, *, width: int, windows: int) -> tf.Tensor:
    """Evenly spaced stretches of a picture, first to last column: a tensor [shape=(windows, height, width, channels), float32]."""
    image = pad(image, width=width)
    spare = tf.cast(tf.shape(image)[1] - width, tf.float32)
    starts = tf.cast(tf.round(tf.linspace(0.0, 1.0, windows) * spare if windows > 1 else [spare / 2]), tf.int32)
    images = tf.map_fn(lambda start: image[:, start : start + width], starts, fn_output_signature=tf.uint8)
    return tf.cast(images, tf.float32)


def random_window(image: tf.Tensor, *, width: int, seed: tf.Tensor) -> tf.Tensor:
    """Cut a random stretch of `width` columns out of a picture, padding it first where it is too short."""
    image = pad(image, width=width)
    start = tf.random.stateless_uniform([], seed, 0, tf.shape(image)[1] - width + 1, tf.int32)
    return image[:, start : start + width]


def mask(image: tf.Tensor, *, rows: int, columns: int, seed: tf.Tensor) -> tf.Tensor:
    """Blacken two random bands of rows (frequencies) and two of columns (times).

    SpecAugment without warping: D. Park et al. (2019), "SpecAugment: A Simple Data Augmentation Method for Automatic Speech
    Recognition", Interspeech.

    Parameters
    ----------
    image : tf.Tensor [shape=(height, width, channels)]
    rows, columns : int
        Widest band; each band's width is drawn from 0 to that.
    seed : tf.Tensor [shape=(2,), dtype=int64]

    Returns
    -------
    tf.Tensor
        Of the same shape and type.
    """
    keep = tf.ones(tf.shape(image)[:2], tf.bool)
    for number, (axis, widest) in enumerate([(0, rows), (1, columns)] * 2):
        numbers = tf.random.stateless_uniform([2], seed + tf.constant([0, 1_000_000_007 * (number + 1)], tf.int64))
        size = tf.shape(image)[axis]
        width = tf.cast(numbers[0] * tf.cast(tf.minimum(widest, size) + 1, tf.float32), tf.int32)
        start = tf.cast(numbers[1] * tf.cast(size - width + 1, tf.float32), tf.int32)
        places = tf.range(size)
        hidden = (places >= start) & (places < start + width)
        keep &= ~(hidden[:, tf.newaxis] if axis == 0 else hidden[tf.newaxis])
    return tf.where(keep[..., tf.newaxis], image, tf.zeros_like(image))
