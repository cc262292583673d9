"""Batch normalisation: as one operation where a CPU trains (notebooks 03 and 05), and its statistics measured anew."""

from collections.abc import Iterable
from functools import partial

import keras
import numpy as np
import tensorflow as tf


def fuse(model: keras.Model) -> None:
    """Let a model's batch normalisations over channels run as one operation each.

    Keras 3 composes the layer of several operations, each of which reads and writes all of its maps: on a CPU a large part of a
    training step (the benchmark `batch_normalisation`). The numbers are the same, up to rounding; layers, weights and the file
    that is saved are Keras' own.

    Parameters
    ----------
    model : keras.Model
    """
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization) and _can_be_fused(layer):
            layer.call = partial(_fused, layer)


def measure_statistics(model: keras.Model, batches: Iterable[tuple[tf.Tensor, tf.Tensor]]) -> None:
    """Give batch normalisation the statistics of given pictures, in place of the running ones that training has left.

    Those are of augmented pictures, and lag behind the weights: a moving mean with a momentum of 0.99 remembers some hundred steps.
    Here each layer gets the means, over the batches, of a batch's means and variances.

    Parameters
    ----------
    model : keras.Model
        Of Keras' own layers, not fused.
    batches : iterable of (images, labels)
        Of all classes mixed, as in training; the labels are not used.
    """
    layers = [layer for layer in model._flatten_layers() if isinstance(layer, keras.layers.BatchNormalization)]
    momenta, found = [layer.momentum for layer in layers], []
    for layer in layers:
        layer.momentum = 0.0  # the running statistics become the batch's own
    for images, _ in batches:
        model(images, training=True)
        found.append([np.array(value) for layer in layers for value in layer.non_trainable_weights])
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum
    means = (np.mean(values, axis=0) for values in zip(*found, strict=True))
    for variable in (value for layer in layers for value in layer.non_trainable_weights):
        variable.assign(next(means))


def _can_be_fused(layer: keras.layers.BatchNormalization) -> bool:
    """Over the last axis of maps in 32 bits, with both of its weights: what the operation knows."""
    maps = len(layer.input.shape) == 4 and layer.axis in (-1, 3)
    return maps and layer.center and layer.scale and layer.compute_dtype == "float32"


def _fused(layer: keras.layers.BatchNormalization, inputs: tf.Tensor, training: bool | None = None, mask: None = None) -> tf.Tensor:
    """As `BatchNormalization.call`."""
    operation = partial(tf.compat.v1.nn.fused_batch_norm, inputs, layer.gamma.value, layer.beta.value, epsilon=layer.epsilon)
    if not (training and layer.trainable):
        return operation(mean=layer.moving_mean.value, variance=layer.moving_variance.value, is_training=False)[0]
    outputs, mean, variance = operation(is_training=True)
    count = tf.cast(tf.size(inputs) / tf.shape(inputs)[-1], tf.float32)
    variance *= (count - 1) / count  # the operation's own has n - 1 below, Keras' has n
    for moving, batch in ((layer.moving_mean, mean), (layer.moving_variance, variance)):
        moving.assign(moving * layer.momentum + batch * (1 - layer.momentum))
    return outputs
