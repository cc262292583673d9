"""Which clips sound alike to a network: cosine distance of what its last layer reads (notebook 06)."""

from __future__ import annotations

import keras
import numpy as np
import pandas as pd

from helpers.base.artifacts import Artifacts, require
from helpers.base.settings import Profile
from helpers.network.grad_cam import pooling_layer
from helpers.spectrograms.batches import evaluation_batches

MOST_CLIPS = 1000  # of a larger corpus a share of each class is taken: enough to find near ones in


def feature_model(network: keras.Model) -> keras.Model:
    """The network up to its global pooling, or without its last layer where it has none."""
    pooling = pooling_layer(network)
    return keras.Model(network.input, pooling.output if pooling else network.layers[-1].input)


def sound_features(windows: np.ndarray, *, model: keras.Model) -> np.ndarray:
    """Features [shape=(1, values)] of one sound, from its windows, as `network_features` gives them."""
    return _unit(keras.ops.convert_to_numpy(model(windows, training=False))[np.newaxis])


def network_features(clips: pd.DataFrame, artifacts: Artifacts, *, model: keras.Model, profile: Profile) -> pd.DataFrame:
    """Features of clips, from their pictures.

    Parameters
    ----------
    clips : pd.DataFrame
        Manifest rows; of more than 1000, a seeded share of each class is taken.
    artifacts : Artifacts
    model : keras.Model
        As `feature_model` gives it.
    profile : Profile
        The one that it was trained with.

    Returns
    -------
    pd.DataFrame
        One row of length 1 for each clip, indexed by clip.

    Raises
    ------
    SuiteError
        A picture is missing.
    """
    if len(clips) > MOST_CLIPS:
        clips = clips.groupby("label", group_keys=False).sample(frac=MOST_CLIPS / len(clips), random_state=profile.seed)
    paths = [require(artifacts.image(clip)) for clip in clips["clip"]]
    targets, windows = np.zeros(len(paths), int), profile.test_windows
    batches = evaluation_batches(paths, targets, classes=1, profile=profile, windows=windows)
    features = model.predict(batches, verbose=0)
    return pd.DataFrame(_unit(features.reshape(len(paths), windows, -1)), index=clips["clip"])


def _unit(features: np.ndarray) -> np.ndarray:
    """Mean over the windows of each clip, of length 1."""
    mean = features.astype(np.float32).mean(axis=1)
    return mean / np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-9)


def distances(features: np.ndarray, clips: pd.DataFrame) -> pd.DataFrame:
    """Cosine distance, from 0 (alike) to 2, of some features to those of clips.

    Parameters
    ----------
    features : np.ndarray [shape=(n, values)]
        Of length 1.
    clips : pd.DataFrame
        As `network_features` gives it.

    Returns
    -------
    pd.DataFrame [shape=(n, clips)]
        Columns are the clips.
    """
    return pd.DataFrame(1 - features @ clips.to_numpy().T, columns=clips.index)
