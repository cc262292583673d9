"""Where in a picture a network finds its evidence: Grad-CAM (notebooks 04 and 06)."""

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from helpers.base.artifacts import SuiteError

if TYPE_CHECKING:
    import keras


def grad_cam(model: "keras.Model", images: np.ndarray, target: int) -> np.ndarray:
    """How much each position of the last feature maps is evidence for a class.

    Selvaraju et al. (2017), "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization", ICCV, equations 1
    and 2, with the maps that the global pooling reads: each map is weighted by the mean gradient of the class's logit.

    Parameters
    ----------
    model : keras.Model
        Ends in a global pooling and a Dense layer with softmax.
    images : np.ndarray [shape=(n, height, width, channels)]
        From 0 to 255.
    target : int
        Number of the class.

    Returns
    -------
    np.ndarray [shape=(n, rows, columns), dtype=float32]
        0 where there is none.

    Raises
    ------
    SuiteError
        The network has no global pooling.
    """
    import keras

    pooling = pooling_layer(model)
    if pooling is None:
        raise SuiteError(f"Grad-CAM needs a network with a global pooling layer, and {model.name} has none.")
    # Called, not `predict`, which would compile anew for each clip.
    maps = keras.ops.convert_to_numpy(keras.Model(model.input, pooling.input)(images, training=False))
    # Behind a global pooling, mean or maximum, the mean gradient of a Dense logit is its weight by the number of positions.
    weights = model.layers[-1].kernel.numpy()[:, target] / np.prod(maps.shape[1:3])
    return np.maximum(maps @ weights, 0)


def pooling_layer(model: "keras.Model") -> "keras.layers.Layer | None":
    """The network's last global pooling; None where it has none."""
    return next((layer for layer in reversed(model.layers) if type(layer).__name__.startswith("Global")), None)


def spread(maps: np.ndarray, *, starts: np.ndarray, window: int, shape: tuple[int, int]) -> np.ndarray:
    """Put the maps of a clip's windows back to where they were cut, averaged where they overlap, the highest position 1.

    Parameters
    ----------
    maps : np.ndarray [shape=(windows, rows, columns), dtype=float32]
    starts : np.ndarray [shape=(windows,), dtype=int]
        First column of each window in the picture.
    window : int
        Width of a window; columns beyond the picture are dropped.
    shape : tuple of int
        Height and width of the picture.

    Returns
    -------
    np.ndarray [shape=shape]
    """
    total, times = np.zeros((shape[0], max(shape[1], window))), np.zeros(max(shape[1], window))
    for start, values in zip(starts, maps, strict=True):
        total[:, start : start + window] += Image.fromarray(values).resize((window, shape[0]), Image.Resampling.BILINEAR)
        times[start : start + window] += 1
    mean = (total / np.maximum(times, 1))[:, : shape[1]]
    return mean / max(mean.max(), 1e-9)
