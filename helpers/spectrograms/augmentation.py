"""Augmentation: what training changes in a picture, each way a small function on tensors (notebook 02 shows each).

A function takes `image`, a tf.Tensor [shape=(height, width, channels), dtype=float32], and `seed`, a tf.Tensor [shape=(2,),
dtype=int64], and gives an image of the same shape and type, unless it says otherwise. All numbers are drawn statelessly from the
seed: the same seed gives the same change, whatever was drawn before. Pictures are grey; their values, 0 to 255, stand for -R to
0 dB below the clip's loudest point, R being the settings' `dynamic_range_db`: a step of 1 is R / 255 dB. Only
`helpers.spectrograms.batches.training_batches` calls these functions; validation and test see every clip as it is.
"""

import math

import tensorflow as tf


def pad(image: tf.Tensor, *, width: int) -> tf.Tensor:
    """Add black (silent) columns on the right until a picture is `width` wide."""
    missing = tf.maximum(width - tf.shape(image)[1], 0)
    return tf.pad(image, [[0, 0], [0, missing], [0, 0]])


def random_window(image: tf.Tensor, *, width: int, seed: tf.Tensor) -> tf.Tensor:
    """Cut a random stretch of `width` columns out of a picture, padding it first where it is too short.

    The random crops of A. Krizhevsky, I. Sutskever & G. Hinton (2012), "ImageNet Classification with Deep Convolutional Neural
    Networks", NIPS, along the time axis alone.
    """
    image = pad(image, width=width)
    start = tf.random.stateless_uniform([], seed, 0, tf.shape(image)[1] - width + 1, tf.int32)
    return image[:, start : start + width]


def time_shift(image: tf.Tensor, *, most: int, seed: tf.Tensor) -> tf.Tensor:
    """Move a picture up to `most` columns to the left or right; what enters is silence.

    The random time delays of K. Piczak (2015), "Environmental Sound Classification with Convolutional Neural Networks", MLSP.
    """
    shift = tf.random.stateless_uniform([], another_seed(seed, 11), -most, most + 1, tf.int32)
    width = tf.shape(image)[1]
    moved = tf.roll(image, shift, axis=1)
    columns = tf.range(width)
    stays = (columns >= shift) & (columns < width + shift)
    return tf.where(stays[tf.newaxis, :, tf.newaxis], moved, tf.zeros_like(image))


def gain(image: tf.Tensor, *, most_db: float, dynamic_range_db: float, seed: tf.Tensor) -> tf.Tensor:
    """Make a picture up to `most_db` louder or quieter.

    J. Schlüter & T. Grill (2015), "Exploring Data Augmentation for Improved Singing Voice Detection with Neural Networks", ISMIR,
    tried it under the name of loudness. A factor of the amplitude is a sum in dB. As each picture is measured against its own
    loudest point, loudness itself is not in it; what this imitates is a clip whose loudest point is another one, a click say.
    What falls out of the range is cut off.
    """
    change = tf.random.stateless_uniform([], another_seed(seed, 12), -most_db, most_db)
    return _add_db(image, change, dynamic_range_db=dynamic_range_db)


def _add_db(image: tf.Tensor, decibels: tf.Tensor, *, dynamic_range_db: float) -> tf.Tensor:
    """A picture, so many dB louder; what falls out of the range is cut off."""
    return tf.clip_by_value(image + decibels * 255 / dynamic_range_db, 0.0, 255.0)


def add_noise(image: tf.Tensor, *, snr_db: float | tf.Tensor, dynamic_range_db: float, seed: tf.Tensor) -> tf.Tensor:
    """Add steady background noise at a signal-to-noise ratio.

    A. Hannun et al. (2014), "Deep Speech: Scaling up end-to-end speech recognition", section 4, add noise to the sound. In a
    picture of dB, two sounds that know nothing of each other add their *powers*: 10 log10(10^(a/10) + 10^(b/10)). The noise is
    white: each mel band, being a mean over its frequencies, gets the same power on average, and as a narrow band of noise has a
    power that is exponentially distributed, each point's is drawn so. It is only like real noise: there, frames that overlap are
    alike. The ratio is that of the mean powers of all points of picture and noise.

    Parameters
    ----------
    snr_db : float
        Infinity adds nothing; at 0 dB the noise is as strong as the clip.
    """
    power = 10.0 ** ((image / 255 - 1) * dynamic_range_db / 10)
    uniform = tf.random.stateless_uniform(tf.shape(image), another_seed(seed, 13), minval=1e-7)
    noise = -tf.math.log(uniform) * tf.reduce_mean(power) / 10.0 ** (snr_db / 10)
    decibels = 10 / math.log(10) * tf.math.log(power + noise)
    return tf.clip_by_value((decibels / dynamic_range_db + 1) * 255, 0.0, 255.0)


def equalise(image: tf.Tensor, *, most_db: float, dynamic_range_db: float, seed: tf.Tensor) -> tf.Tensor:
    """Pass a picture through a smooth random filter over the frequencies, at most `most_db` louder or quieter anywhere.

    Microphones, rooms, distances and vocal efforts tilt and bend a spectrum. J. Schlüter & T. Grill (2015) draw such filters at
    random; this one is a sum of four cosines over the mel axis, the slowest the strongest. A filter's gains in dB are added to the
    picture. As with `gain`, the loudest point is not measured again.
    """
    waves = tf.range(1.0, 5.0)
    strengths = tf.random.stateless_uniform([4], another_seed(seed, 16), -most_db, most_db) / waves / tf.reduce_sum(1 / waves)
    positions = tf.linspace(0.0, math.pi, tf.shape(image)[0])
    curve = tf.cos(positions[:, tf.newaxis] * waves) @ strengths[:, tf.newaxis]
    return _add_db(image, curve[:, tf.newaxis], dynamic_range_db=dynamic_range_db)


def mask(image: tf.Tensor, *, rows: int, columns: int, seed: tf.Tensor) -> tf.Tensor:
    """Blacken two random bands of rows (frequencies) and two of columns (times).

    SpecAugment without warping: D. Park et al. (2019), "SpecAugment: A Simple Data Augmentation Method for Automatic Speech
    Recognition", Interspeech.

    Parameters
    ----------
    rows, columns : int
        Widest band; each band's width is drawn from 0 to that.
    """
    keep = tf.ones(tf.shape(image)[:2], tf.bool)
    for number, (axis, widest) in enumerate([(0, rows), (1, columns)] * 2):
        numbers = tf.random.stateless_uniform([2], another_seed(seed, number + 1))
        size = tf.shape(image)[axis]
        width = tf.cast(numbers[0] * tf.cast(tf.minimum(widest, size) + 1, tf.float32), tf.int32)
        start = tf.cast(numbers[1] * tf.cast(size - width + 1, tf.float32), tf.int32)
        positions = tf.range(size)
        hidden = (positions >= start) & (positions < start + width)
        keep &= ~(hidden[:, tf.newaxis] if axis == 0 else hidden[tf.newaxis])
    return tf.where(keep[..., tf.newaxis], image, tf.zeros_like(image))


def mixup(images: tf.Tensor, labels: tf.Tensor, *, alpha: float, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Blend each picture of a batch with the next one, and their labels in the same proportion.

    H. Zhang, M. Cisse, Y. Dauphin & D. Lopez-Paz (2018), "mixup: Beyond Empirical Risk Minimization", ICLR. The weight of the first
    is drawn from Beta(alpha, alpha), one for each pair. Blended dB are no mixture of sounds (that would add powers): the method
    asks for no more than that a picture between two others gets a label between theirs.

    Parameters
    ----------
    images : tf.Tensor [shape=(batch, height, width, channels), dtype=float32]
    labels : tf.Tensor [shape=(batch, classes), dtype=float32]
    alpha : float
        Above 0; small values leave most pictures nearly alone.
    seed : tf.Tensor [shape=(2,), dtype=int64]

    Returns
    -------
    images, labels : tf.Tensor
        Of the same shapes.
    """
    drawn = tf.random.stateless_gamma([2, tf.shape(images)[0]], another_seed(seed, 14), alpha)
    # A small alpha can draw two zeros; their weight is then a half.
    weight = (drawn[0] + 1e-30) / (drawn[0] + drawn[1] + 2e-30)
    of_images, of_labels = weight[:, tf.newaxis, tf.newaxis, tf.newaxis], weight[:, tf.newaxis]
    return (
        of_images * images + (1 - of_images) * tf.roll(images, 1, axis=0),
        of_labels * labels + (1 - of_labels) * tf.roll(labels, 1, axis=0),
    )


def another_seed(seed: tf.Tensor, number: int) -> tf.Tensor:
    """A seed for another purpose, so that no way of augmentation follows from what another one drew."""
    return seed + tf.constant([0, 1_000_000_007 * number], tf.int64)
