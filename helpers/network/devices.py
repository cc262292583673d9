"""What several GPUs need to train one network together (notebooks 03 and 05)."""

import functools

import keras
import tensorflow as tf


def build_in_advance(model: keras.Model) -> None:
    """Make the state of a compiled model's loss and metrics, and keep Keras from doing so at the start of `fit` and `evaluate`.

    On several devices it would take a batch for that, which the training then lacks, and add up the devices' shares of it, which
    fails where they differ in size, as with three pictures on two devices.
    """
    example = [keras.KerasTensor((1, *tensor.shape[1:])) for tensor in (*model.inputs, *model.outputs)]
    model._symbolic_build(data_batch=tuple(example))
    model._maybe_symbolic_build = lambda **_: None


@functools.cache  # two strategies in one process mix up their messages
def mirrored(*devices: str) -> tf.distribute.Strategy:
    """The strategy that trains one network on several devices, all of which share each batch."""
    return tf.distribute.MirroredStrategy(devices)


def split_for_devices(batches: tf.data.Dataset, *, parts: int, whole: bool = False) -> tf.data.Dataset:
    """Batches of which no device gets an empty part, which fails: where there are too few pictures, some come twice.

    With `whole` every device gets the whole batch: a mean over the pictures then counts each as often as any other.
    """
    if parts < 2:
        return batches

    def fill(*batch: tf.Tensor) -> tuple[tf.Tensor, ...]:
        size = tf.shape(batch[0])[0]
        each = -(-size // parts)  # each device gets so many, until there are no more
        indices = tf.range(parts * size if whole else tf.maximum(size, each * (parts - 1) + 1)) % size
        return tuple(tf.gather(part, indices) for part in batch)

    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF  # one machine, one stream
    return batches.map(fill).with_options(options)
