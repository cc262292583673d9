"""The networks, by name; each takes raw 0-255 pictures and holds its own preprocessing (notebooks 03 and 05)."""

import inspect
import json
import os
import re
from pathlib import Path
from typing import Any

import keras
from keras import layers

from helpers.base.artifacts import SuiteError, fingerprint, first_line
from helpers.base.settings import NETWORKS

FIRST_STRIDE = (2, 2)  # rows, columns
STAGES = 3
BLOCKS_PER_STAGE = 2
# On a CPU, TensorFlow 2.20 and 2.21 (oneDNN) crash in the gradient of a 1 x 1 convolution with a stride from so few channels, with
# maps of about 50 x 50 or larger or a batch of one. The same convolution without a stride, of every second row and column that a
# pooling of size 1 picks, does not; it gives the same numbers, up to rounding.
FEWEST_CHANNELS = 8
# By name: who builds it, and what its authors did to the pictures (keras.applications.imagenet_utils).
PRETRAINED = {
    "resnet50": (keras.applications.ResNet50, "caffe"),
    "resnet101": (keras.applications.ResNet101, "caffe"),
    "resnet50v2": (keras.applications.ResNet50V2, "unit"),
    "vgg16": (keras.applications.VGG16, "caffe"),
    "inceptionv3": (keras.applications.InceptionV3, "unit"),
    "xception": (keras.applications.Xception, "unit"),
    "mobilenet": (keras.applications.MobileNet, "unit"),
    "mobilenetv2": (keras.applications.MobileNetV2, "unit"),
    "densenet121": (keras.applications.DenseNet121, "standardised"),
    "efficientnetv2b0": (keras.applications.EfficientNetV2B0, "inside"),
}


def build(
    name: str,
    *,
    shape: tuple[int, int, int],
    classes: int,
    weights: str = "none",
    head: str = "max_pooling",
    base_channels: int = 32,
    dropout: float = 0.1,
) -> keras.Model:
    """Build a network by its name.

    Parameters
    ----------
    name : str
        One of `NETWORKS`.
    shape : tuple of int
        Height, width and channels of the pictures.
    classes : int
    weights : str
        "imagenet" is where the convolutions of a network of `keras.applications` start; all else is built with random weights.
    head : {"max_pooling", "flatten", "average_pooling"}
        For the networks of `keras.applications`.
    base_channels, dropout : int, float
        For the small networks.

    Returns
    -------
    keras.Model
        From pictures [shape=(batch, height, width, channels), 0 to 255] to probabilities [shape=(batch, classes)].

    Raises
    ------
    SuiteError
        An unknown name, pictures too small for the network, or ImageNet weights that can't be fetched.
    """
    if name not in NETWORKS:
        raise SuiteError(f"There is no network {name!r}: choose one of {', '.join(NETWORKS)}.")
    pictures = layers.Input(shape)
    if name in PRETRAINED:
        x = pretrained(name, pictures, weights=weights, head=head)
    else:
        # Each mel band is standardised by its own mean and deviation over the training clips: what distinguishes voices differs
        # from band to band, and high bands are weaker in all of them.
        x = layers.BatchNormalization(axis=1, center=False, scale=False, momentum=0.97)(layers.Rescaling(1 / 255)(pictures))
        x = small_vgg(x, base_channels) if name == "small_vgg" else small_network(x, base_channels, skip=name == "small_resnet")
        x = layers.Dropout(dropout)(layers.GlobalAveragePooling2D()(x))
    return keras.Model(pictures, layers.Dense(classes, activation="softmax", dtype="float32")(x), name=name)


def layers_fingerprint(model: keras.Model) -> str:
    """Changes when a layer's class, shape or settings do; names, weights and how the model was compiled do not count.

    Nor does the version of Keras: settings that a newer one adds stand at their defaults, and defaults are left out.
    """

    def described(model: keras.Model) -> list:
        found = []
        for layer in model.layers:
            settings, inner = ({}, described(layer)) if isinstance(layer, keras.Model) else (_chosen_settings(layer), [])
            found.append([type(layer).__name__, str(layer.output.shape), settings, inner])
        return found

    return fingerprint(json.dumps(described(model), sort_keys=True, default=str).encode())


def _chosen_settings(layer: layers.Layer) -> dict:
    defaults = {name: setting.default for name, setting in inspect.signature(type(layer)).parameters.items()}
    settings = {name: value for name, value in layer.get_config().items() if name not in ("name", "dtype", "trainable")}
    return _without_none({name: value for name, value in settings.items() if value != defaults.get(name)})


def _without_none(value: Any) -> Any:
    """A setting whose own settings, such as an initializer's, are described without those that stand at None."""
    return {name: _without_none(part) for name, part in value.items() if part is not None} if isinstance(value, dict) else value


def convolution(x: keras.KerasTensor, channels: int, *, size: int = 3, stride: int | tuple[int, int] = 1) -> keras.KerasTensor:
    """A convolution and batch normalisation."""
    padding = "same" if size > 1 else "valid"
    x = layers.Conv2D(channels, size, strides=stride, padding=padding, use_bias=False)(x)
    # Keras' own momentum of 0.99 needs hundreds of steps to follow; an epoch here has a few dozen. A smaller one than 0.97 makes
    # the validation loss jump from epoch to epoch, also where the weights hardly move any more.
    return layers.BatchNormalization(momentum=0.97)(x)


def residual_block(x: keras.KerasTensor, channels: int, *, stride: int = 1, skip: bool = True) -> keras.KerasTensor:
    """Two 3 x 3 convolutions and, around them, the skip connection.

    He et al. (2016), "Deep Residual Learning for Image Recognition", CVPR, Figure 2. Where the shape changes, the skip is a 1 x 1
    convolution. With ``skip=False`` it is the plain block of the same depth.
    """
    shortcut = x
    x = convolution(layers.ReLU()(convolution(x, channels, stride=stride)), channels)
    if skip:
        if stride != 1 or shortcut.shape[-1] != channels:
            if shortcut.shape[-1] <= FEWEST_CHANNELS:
                shortcut, stride = layers.MaxPooling2D(1, strides=stride)(shortcut), 1
            shortcut = convolution(shortcut, channels, size=1, stride=stride)
        x = layers.Add()([x, shortcut])
    return layers.ReLU()(x)


def small_network(x: keras.KerasTensor, base_channels: int, *, skip: bool) -> keras.KerasTensor:
    """The first three stages of ResNet-18 with fewer channels, from random weights; without skips, a plain CNN as deep."""
    x = layers.MaxPooling2D(2)(layers.ReLU()(convolution(x, base_channels, size=5, stride=FIRST_STRIDE)))
    for stage in range(STAGES):
        for block in range(BLOCKS_PER_STAGE):
            stride = 2 if stage > 0 and block == 0 else 1
            x = residual_block(x, base_channels * 2**stage, stride=stride, skip=skip)
    return x


def small_vgg(x: keras.KerasTensor, base_channels: int) -> keras.KerasTensor:
    """A convolution and a pooling in turn, four times: the plan of VGG (Simonyan & Zisserman, 2015), from random weights.

    The first convolution takes every second row and column, as the small ResNet's does: in full resolution it would take longer.
    """
    for stage in range(4):
        x = convolution(x, base_channels * 2**stage, stride=2 if stage == 0 else 1)
        x = layers.MaxPooling2D(2)(layers.ReLU()(x))
    return x


def pretrained(name: str, pictures: keras.KerasTensor, *, weights: str, head: str) -> keras.KerasTensor:
    """A network of `keras.applications` up to the last layer of its head, all layers trained.

    The study's section 6 describes GlobalMaxPooling2D and a Dense softmax; its section 9.2 also BatchNormalization, ReLU, Flatten
    and a Dense softmax.
    """
    constructor, preprocessing = PRETRAINED[name]
    _, height, width, channels = pictures.shape
    x = pictures if channels == 3 else layers.Concatenate()([pictures] * 3)
    if preprocessing == "caffe":  # blue-green-red, less the mean colour of ImageNet
        red, green, blue = keras.ops.split(x, 3, axis=-1)
        x = layers.Concatenate()([blue, green, red])
        x = layers.Normalization(mean=[103.939, 116.779, 123.68], variance=[1.0, 1.0, 1.0])(x)
    elif preprocessing == "standardised":  # less the mean colour of ImageNet, in its standard deviations
        mean = [255 * part for part in (0.485, 0.456, 0.406)]
        x = layers.Normalization(mean=mean, variance=[(255 * part) ** 2 for part in (0.229, 0.224, 0.225)])(x)
    elif preprocessing == "unit":
        x = layers.Rescaling(1 / 127.5, offset=-1)(x)
    try:
        base = constructor(include_top=False, weights="imagenet" if weights == "imagenet" else None, input_shape=(height, width, 3))
    except ValueError as error:
        size = f"{height} x {width}"
        raise SuiteError(f"{name} can't be built for pictures of {size} pixels: {first_line(error)}") from None
    except Exception as error:  # Keras raises a bare Exception where the download fails
        if weights != "imagenet" or not (type(error) is Exception or isinstance(error, OSError)):
            raise
        raise SuiteError(_how_to_get_weights(name, weights, first_line(error))) from None
    x = base(x)
    if head == "flatten":
        return layers.Flatten()(layers.ReLU()(layers.BatchNormalization()(x)))
    return (layers.GlobalMaxPooling2D() if head == "max_pooling" else layers.GlobalAveragePooling2D())(x)


def _how_to_get_weights(name: str, weights: str, reason: str) -> str:
    address = re.search(r"https?://\S+/([^/\s:]+)", reason)
    # Keras looks here before it fetches anything.
    folder = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras")) / "models"
    by_hand = f"fetch {address[0]} elsewhere and put it at {folder / address[1]}" if address else f"put their file into {folder}"
    return (
        f"The {weights} weights of {name} could not be fetched ({reason}): connect to the network and run this again; or "
        f'{by_hand}; or start from random weights with OVERRIDES = "weights=none".'
    )
