"""A trained model: from a sound to gender, age, features and Grad-CAM, with a saved model alone (notebooks 03, 04 and 06)."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import keras
import numpy as np
import pandas as pd

from helpers.base.artifacts import Artifacts, SuiteError, require
from helpers.base.settings import SpectrogramSettings
from helpers.evaluation.calibration import temper
from helpers.evaluation.scores import expected_age, gender_and_age, pool_windows
from helpers.network.grad_cam import grad_cam, pooling_layer, spread
from helpers.recordings.splits import sample_clips
from helpers.spectrograms.batches import even_windows, read_image
from helpers.spectrograms.mel import load_audio, picture

MOST_CLIPS = 1000  # of a larger corpus a fraction of each class is taken: enough to find near ones in
WINDOWS_AT_ONCE, IMAGES_AT_ONCE = 64, 64


@dataclass(frozen=True)
class Prediction:
    """What a model hears in a clip.

    Attributes
    ----------
    probabilities : pd.Series
        By class, the most probable first; they add up to 1.
    gender : str or None
        The one with the larger sum of probabilities; None if not every class's name tells it.
    age : float or None
        In years, the mean of the classes' ages weighted by their probabilities; None if not every class's name tells it.
    """

    probabilities: pd.Series
    gender: str | None
    age: float | None


@dataclass(frozen=True)
class TrainedModel:
    """A network with all that a prediction needs; `helpers.network.model_files.load_model` reads one.

    Attributes
    ----------
    network : keras.Model
    classes : list of str
        In the order of its probabilities.
    settings : SpectrogramSettings
        Of the spectrograms that it was trained on.
    test_windows : int
        Evenly spaced windows of a clip whose predictions are pooled (`helpers.evaluation.scores.pool_windows`).
    """

    network: keras.Model
    classes: list[str]
    settings: SpectrogramSettings
    test_windows: int

    def samples(self, path: Path | str) -> np.ndarray:
        """Samples of a sound file, mono, at the rate that the model wants.

        Raises
        ------
        SuiteError
            The file is missing, can't be read, or is empty, silent or too short.
        """
        path = Path(path)
        if not path.exists():
            raise SuiteError(f"There is no sound file {path}: check the path.")
        return load_audio(path, sample_rate=self.settings.sample_rate, longest_s=self.settings.longest_s)

    def image(self, samples: np.ndarray) -> np.ndarray:
        """The whole spectrogram image of a sound, np.ndarray [shape=(height, width, channels), dtype=uint8]."""
        return np.atleast_3d(picture(samples, settings=self.settings))

    def windows(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The windows of an image that a prediction is made of.

        Returns
        -------
        windows : np.ndarray [shape=(windows, height, window, channels)]
            From 0 to 255.
        starts : np.ndarray [shape=(windows,), dtype=int]
            The first column of each.
        """
        windows, starts = even_windows(image, width=self.network.input_shape[2], windows=self.test_windows)
        return windows.numpy(), starts.numpy()

    def predict(self, samples: np.ndarray, *, temperature: float = 1.0) -> Prediction:
        """Class probabilities, gender and expected age of the voice in a sound.

        Parameters
        ----------
        samples : np.ndarray [shape=(n,)]
            Mono, at `settings.sample_rate`.
        temperature : float
            Softens the probabilities (above 1) or sharpens them, as `helpers.evaluation.calibration.fit_temperature` finds it.
        """
        mean = temper(pool_windows(self._of_images(self.network, [self.image(samples)])[0]), temperature=temperature)
        probabilities = pd.Series(mean, index=pd.Index(self.classes, name="class"), name="probability")
        gender, age = gender_and_age(probabilities)
        return Prediction(
            probabilities.sort_values(ascending=False, kind="stable"),
            None if gender is None else gender.idxmax(),
            None if age is None else expected_age(age),
        )

    def predict_images(self, images: list[np.ndarray]) -> np.ndarray:
        """Class probabilities of many whole spectrogram images at once, np.ndarray [shape=(images, classes)]."""
        return pool_windows(self._of_images(self.network, images))

    def predict_windows(self, windows: np.ndarray) -> np.ndarray:
        """Class probabilities of each window, np.ndarray [shape=(windows, classes)]."""
        return _outputs(self.network, windows)

    def image_features(self, images: list[np.ndarray]) -> np.ndarray:
        """What the last layer reads of whole spectrogram images, np.ndarray [shape=(images, values)], each of length 1."""
        mean = self._of_images(self._headless, images).astype(np.float32).mean(axis=1)  # over the windows of each
        return mean / np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-9)

    def features(self, samples: np.ndarray) -> np.ndarray:
        """What the last layer reads of a sound, averaged over its windows, np.ndarray [shape=(values,)] of length 1."""
        return self.image_features([self.image(samples)])[0]

    def heat(self, image: np.ndarray, label: str) -> np.ndarray:
        """Where in an image the network finds evidence for a class (Grad-CAM), np.ndarray [shape=(height, width)] from 0 to 1."""
        windows, starts = self.windows(image)
        maps = grad_cam(self.network, windows, self.classes.index(label))
        return spread(maps, starts=starts, window=windows.shape[2], shape=image.shape[:2])

    def clip_features(self, clips: pd.DataFrame, artifacts: Artifacts, *, most: int = MOST_CLIPS) -> pd.DataFrame:
        """Features of clips, from their spectrogram images.

        Parameters
        ----------
        clips : pd.DataFrame
            Manifest rows.
        artifacts : Artifacts
        most : int
            Of more clips than these, a seeded fraction of each class is taken.

        Returns
        -------
        pd.DataFrame
            One row of length 1 for each clip, indexed by clip.

        Raises
        ------
        SuiteError
            An image is missing.
        """
        clips = sample_clips(clips, most, seed=0)["clip"]
        paths, channels = [str(require(artifacts.image(clip))) for clip in clips], self.network.input_shape[3]
        found = [
            self.image_features([read_image(path, channels=channels).numpy() for path in paths[start : start + IMAGES_AT_ONCE]])
            for start in range(0, len(paths), IMAGES_AT_ONCE)
        ]
        return pd.DataFrame(np.concatenate(found), index=clips)

    @cached_property
    def _headless(self) -> keras.Model:
        return feature_model(self.network)

    def _of_images(self, network: keras.Model, images: list[np.ndarray]) -> np.ndarray:
        """What a network gives for each window, np.ndarray [shape=(images, windows, values)]."""
        windows = np.concatenate([self.windows(np.atleast_3d(image))[0] for image in images])
        return _outputs(network, windows).reshape(len(images), self.test_windows, -1)


def _outputs(network: keras.Model, windows: np.ndarray) -> np.ndarray:
    # Called, not `predict`: that is as fast, and each `predict` would compile anew.
    parts = np.array_split(windows, -(-len(windows) // WINDOWS_AT_ONCE))
    return np.concatenate([keras.ops.convert_to_numpy(network(part, training=False)) for part in parts])


def feature_model(network: keras.Model) -> keras.Model:
    """The network up to its global pooling, or without its last layer where it has none."""
    pooling = pooling_layer(network)
    return keras.Model(network.input, pooling.output if pooling else network.layers[-1].input)


def distances(features: np.ndarray, clips: pd.DataFrame) -> pd.DataFrame:
    """Cosine distance, from 0 (alike) to 2, of some features to those of clips.

    Parameters
    ----------
    features : np.ndarray [shape=(n, values) or (values,)]
        Of length 1.
    clips : pd.DataFrame
        As `TrainedModel.clip_features` gives it.

    Returns
    -------
    pd.DataFrame [shape=(n, clips)]
        Columns are the clips.
    """
    return pd.DataFrame(1 - np.atleast_2d(features) @ clips.to_numpy().T, columns=clips.index)
