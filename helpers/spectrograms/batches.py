"""Pictures in batches: checking, reading, augmenting and batching with tf.data (notebook 03).

What a training step sees depends on the seed, the epoch and the position in the epoch alone, never on timing or on what was drawn
before: every random number is drawn statelessly from those three.
"""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import tensorflow as tf
from PIL import Image

from helpers.base.artifacts import Artifacts, SuiteError, next_step, read_json
from helpers.base.settings import Profile, describe
from helpers.spectrograms import augmentation

MOST_BYTES = 256 * 2**20  # of pictures for training, and of windows for validation, that stay in memory while a network is trained


def training_batches(
    paths: list[Path], targets: np.ndarray, *, classes: int, profile: Profile, first_epoch: int = 0
) -> tf.data.Dataset:
    """Augmented batches for all epochs of a training, one epoch after the other.

    Parameters
    ----------
    paths : list of Path
        PNG files.
    targets : np.ndarray [shape=(n,), dtype=int]
        Index of each picture's class.
    classes : int
    profile : Profile
    first_epoch : int
        How many epochs to leave out, for a training that goes on.

    Returns
    -------
    tf.data.Dataset
        Pairs of images [shape=(batch, height, width, channels), float32, 0 to 255] and one-hot labels [(batch, classes)];
        `profile.steps_per_epoch` batches an epoch.

    Raises
    ------
    SuiteError
        Gain, noise or equaliser is wanted on colour pictures, whose values are no dB.
    """
    labels = tf.constant(targets, tf.int64)
    windows = len(paths) * profile.windows_per_clip(len(paths))
    shape = image_shape(paths[0], profile=profile)
    if shape[2] == 3 and (profile.gain_db or profile.equaliser_db or profile.noise_snr_db is not None):
        raise SuiteError("Gain, noise and equaliser reckon in dB, which only grey pictures hold: add colour=false to OVERRIDES.")
    picture = _reader(paths, channels=shape[2])

    def seed_of(epoch: tf.Tensor, position: tf.Tensor) -> tf.Tensor:
        return tf.stack([tf.cast(profile.seed, tf.int64) * 1_000_003 + epoch, position])

    def draw(epoch: tf.Tensor, position: tf.Tensor, index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        image = augment(picture(index), width=shape[1], profile=profile, seed=seed_of(epoch, position))
        return tf.ensure_shape(image, shape), tf.one_hot(labels[index], classes)

    def epoch_of_batches(epoch: tf.Tensor) -> tf.data.Dataset:
        # Not `index_shuffle`: for some seeds it leaves neighbours, clips of one speaker, together.
        order = tf.argsort(tf.random.stateless_uniform([windows], tf.stack([tf.cast(profile.seed, tf.int64), epoch])))
        clips = tf.data.Dataset.from_tensor_slices(order % len(paths)).enumerate()
        images = clips.map(lambda position, index: draw(epoch, position, index), num_parallel_calls=2, deterministic=True)
        batches = images.batch(profile.batch_size)
        if not profile.mixup:
            return batches
        return batches.enumerate().map(
            lambda number, batch: augmentation.mixup(*batch, alpha=profile.mixup, seed=seed_of(epoch, number))
        )

    return tf.data.Dataset.range(first_epoch, profile.epochs).flat_map(epoch_of_batches).prefetch(4)


def _reader(paths: list[Path], *, channels: int) -> Callable[[tf.Tensor], tf.Tensor]:
    """From a picture's number to the picture: of pictures that are decoded once, or, beyond `MOST_BYTES`, whenever one is drawn."""
    decoded, size = [], 0
    with tf.device("CPU"):
        for path in paths:
            decoded.append(read_image(str(path), channels=channels))
            size += decoded[-1].shape.num_elements()
            if size > MOST_BYTES:
                names = tf.constant([str(path) for path in paths])
                return lambda index: read_image(names[index], channels=channels)
        side_by_side = tf.concat(decoded, axis=1)
        bounds = tf.constant(np.cumsum([0, *(image.shape[1] for image in decoded)]), tf.int64)
    return lambda index: side_by_side[:, bounds[index] : bounds[index + 1]]


def augment(image: tf.Tensor, *, width: int, profile: Profile, seed: tf.Tensor) -> tf.Tensor:
    """A training picture as the profile wants it: window, shift, gain, noise, equaliser, masks, each only if it is switched on.

    Parameters
    ----------
    image : tf.Tensor [shape=(height, any width, channels), dtype=uint8]
    width : int
        Of the result, in frames.
    profile : Profile
    seed : tf.Tensor [shape=(2,), dtype=int64]

    Returns
    -------
    tf.Tensor [shape=(height, width, channels), dtype=float32]
    """
    range_db = profile.spectrogram.dynamic_range_db
    image = tf.cast(augmentation.random_window(image, width=width, seed=seed), tf.float32)
    if profile.time_shift:
        image = augmentation.time_shift(image, most=profile.time_shift, seed=seed)
    if profile.gain_db:
        image = augmentation.gain(image, most_db=profile.gain_db, dynamic_range_db=range_db, seed=seed)
    if profile.noise_snr_db is not None:
        # Up to 20 dB less noise than the profile allows.
        snr_db = profile.noise_snr_db + tf.random.stateless_uniform([], augmentation.another_seed(seed, 15), 0, 20)
        image = augmentation.add_noise(image, snr_db=snr_db, dynamic_range_db=range_db, seed=seed)
    if profile.equaliser_db:
        image = augmentation.equalise(image, most_db=profile.equaliser_db, dynamic_range_db=range_db, seed=seed)
    return augmentation.mask(image, rows=profile.frequency_mask, columns=profile.time_mask, seed=seed)


def evaluation_batches(
    paths: list[Path], targets: np.ndarray, *, classes: int, profile: Profile, windows: int, often: bool = False
) -> tf.data.Dataset:
    """Batches without augmentation: the same number of evenly spaced windows of each clip, clip after clip.

    Those that are asked for `often`, after each epoch, stay in memory unless they would take more than `MOST_BYTES`.

    Returns
    -------
    tf.data.Dataset
        As `training_batches`; the `windows` of a clip follow each other.
    """
    shape = image_shape(paths[0], profile=profile)

    def cut(path: tf.Tensor, target: tf.Tensor) -> tf.data.Dataset:
        images, _ = even_windows(read_image(path, channels=shape[2]), width=shape[1], windows=windows)
        return tf.ensure_shape(images, (windows, *shape)), tf.repeat(tf.one_hot(target, classes)[tf.newaxis], windows, axis=0)

    pairs = tf.data.Dataset.from_tensor_slices(([str(path) for path in paths], tf.constant(targets, tf.int64)))
    batches = pairs.map(cut, num_parallel_calls=2, deterministic=True).unbatch().batch(2 * profile.batch_size)
    size = len(paths) * windows * math.prod(shape) * tf.float32.size
    return (batches.cache() if often and size <= MOST_BYTES else batches).prefetch(2)


def even_windows(image: tf.Tensor | np.ndarray, *, width: int, windows: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Evenly spaced stretches of a picture, first to last column.

    Returns
    -------
    images : tf.Tensor [shape=(windows, height, width, channels), dtype=float32]
    starts : tf.Tensor [shape=(windows,), dtype=int32]
        The first column of each.
    """
    image = augmentation.pad(image, width=width)
    spare = tf.cast(tf.shape(image)[1] - width, tf.float32)
    starts = tf.cast(tf.round(tf.linspace(0.0, 1.0, windows) * spare if windows > 1 else [spare / 2]), tf.int32)
    images = tf.stack([image[:, start : start + width] for start in tf.unstack(starts, windows)])
    return tf.cast(images, tf.float32), starts


def clip_windows(path: Path, *, profile: Profile) -> np.ndarray:
    """The windows of one picture that a prediction is made of, np.ndarray [shape=(windows, height, width, channels)], 0 to 255."""
    _, width, channels = image_shape(path, profile=profile)
    return even_windows(read_image(str(path), channels=channels), width=width, windows=profile.test_windows)[0].numpy()


def image_shape(path: Path, *, profile: Profile) -> tuple[int, int, int]:
    """Height, width and channels of what the network sees, from one picture and the profile's window.

    Raises
    ------
    SuiteError
        The picture can't be read.
    """
    try:
        height, width, channels = read_image(str(path)).shape
    except (tf.errors.InvalidArgumentError, tf.errors.NotFoundError):
        raise SuiteError(f"The picture {path} is missing or can't be read: {next_step('02_spectrograms')}.") from None
    return height, profile.window_frames or width, channels


def read_image(path: tf.Tensor | str, *, channels: int = 0) -> tf.Tensor:
    """Decode a PNG to a tensor [shape=(height, width, channels), dtype=uint8]; with 0, it has the file's own channels."""
    return tf.io.decode_png(tf.io.read_file(path), channels=channels)


def pictures(
    manifest: pd.DataFrame, artifacts: Artifacts, *, classes: list[str], profile: Profile
) -> tuple[list[Path], np.ndarray]:
    """Paths of all pictures and the number of each one's class, after checking that they fit the profile and can be learnt from.

    Raises
    ------
    SuiteError
        Notebook 02 has not run, or ran with other settings or clips; there are no clips to train with or to validate on, or the
        training clips are all of one class.
    """
    made = read_json(artifacts.spectrogram_settings)
    wanted = describe(Profile("", spectrogram=profile.spectrogram))
    other = [f"{key} = {value!r} (here {wanted[key]!r})" for key, value in made["settings"].items() if wanted[key] != value]
    if other:
        raise SuiteError(
            f"The spectrograms were made with profile {made['profile']!r}, which differs in {', '.join(other)}: "
            f"{next_step('02_spectrograms')} with PROFILE = {profile.name!r}, or set PROFILE = {made['profile']!r} here."
        )
    paths = [artifacts.image(clip) for clip in manifest["clip"]]
    missing = [path for path in paths if not path.exists()]
    if missing:
        raise SuiteError(f"{len(missing)} pictures are missing, such as {missing[0]}: {next_step('02_spectrograms')}.")
    for path in paths:
        _require_size(path, profile=profile)
    unknown = sorted(set(manifest["label"]) - set(classes))
    if unknown:
        raise SuiteError(
            f"The class list {artifacts.classes} does not fit the manifest: it lacks {', '.join(unknown[:3])}: "
            f"{next_step('01_download')}."
        )
    for part in ("train", "validation"):
        if part not in set(manifest["split"]):
            raise SuiteError(
                f"There are no pictures to train with: no clip of the manifest has split {part!r}: {next_step('01_download')}."
            )
    learnt = manifest.loc[manifest["split"] == "train", "label"]
    if learnt.nunique() < 2:
        raise SuiteError(
            f"All training clips are of one class ({learnt.iloc[0]}): there is nothing to tell apart. Use a corpus with two "
            "classes or more."
        )
    return paths, pd.Index(classes).get_indexer(manifest["label"])


def _require_size(path: Path, *, profile: Profile) -> None:
    size = profile.spectrogram.image_size
    wanted = {"height": size or profile.spectrogram.mel_bins, "channels": profile.spectrogram.channels}
    wanted |= {"width": size} if size else {}
    try:
        with Image.open(path, formats=["PNG"]) as image:
            found = {"height": image.height, "width": image.width, "channels": len(image.getbands())}
        other = [f"{key} {found[key]} instead of {value}" for key, value in wanted.items() if found[key] != value]
        fault = f"has {', '.join(other)}" if other else ""
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):  # the last: it would need far too much memory
        fault = "can't be read"
    if fault:
        raise SuiteError(f"The picture {path} {fault}: delete it, then {next_step('02_spectrograms')}.")
