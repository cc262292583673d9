"""Fisher vectors: the formula against gradients, what they leave out, and bad input."""

import numpy as np
import pytest
import tensorflow as tf
from sklearn.linear_model import RidgeClassifier

from helpers.base.artifacts import SuiteError
from helpers.comparison.fisher_vector import FisherVector, cepstral_frames


def spectrograms_of(rng, voices, *, frames=60):
    """Spectrograms of three kinds of sounds in fractions of chance, which each voice tilts by its own number."""
    kinds = np.cos(np.outer(np.arange(1, 4), np.linspace(0, np.pi, 32))) * 25 - 40
    spoken = np.array([rng.choice(3, frames, p=rng.dirichlet([1, 1, 1])) for _ in voices])
    tilt = np.multiply.outer(voices, np.linspace(1.2, -1.2, 32))[:, :, np.newaxis]
    found = kinds[spoken].transpose(0, 2, 1) + tilt
    return np.clip(found + rng.normal(0, 1, found.shape), -80, 0)


def frames_of(spectrograms, cepstra):
    return [cepstral_frames(decibels, cepstra=cepstra) for decibels in spectrograms]


def test_it_is_the_gradient_of_the_likelihood_by_means_and_deviations(rng):
    """Sánchez et al. (2013), equations 16 to 18: in units of the Fisher information, before square root and norm."""
    clips = frames_of(spectrograms_of(rng, [-1, 0, 1, 2]), 8)
    fisher = FisherVector(components=5).fit(clips)
    assert np.allclose(np.cov(fisher.whitening_.transform(np.concatenate(clips)), rowvar=False), np.eye(12), atol=0.01)

    weights = tf.constant(fisher.mixture_.weights_)
    means, deviations = tf.constant(fisher.mixture_.means_), tf.constant(np.sqrt(fisher.mixture_.covariances_))
    for clip, found in zip(clips, fisher.transform(clips), strict=True):
        with tf.GradientTape() as tape:
            tape.watch([means, deviations])
            away = (fisher.whitening_.transform(clip)[:, np.newaxis] - means) / deviations
            density = tf.math.log(weights) - tf.reduce_sum(away**2 / 2 + tf.math.log(deviations), axis=-1)
            likelihood = tf.reduce_mean(tf.reduce_logsumexp(density, axis=1))
        by_mean, by_deviation = tape.gradient(likelihood, [means, deviations])
        scale = deviations / tf.sqrt(weights)[:, np.newaxis]
        expected = np.concatenate([np.ravel(by_mean * scale), np.ravel(by_deviation * scale / np.sqrt(2))])
        expected = np.sign(expected) * np.sqrt(np.abs(expected))
        assert np.allclose(found, expected / np.linalg.norm(expected), atol=1e-6)


def test_it_tells_voices_apart_whatever_they_say(rng):
    """What was spoken changes a mean spectrum more than a voice does; compared kind by kind, the voices lie apart."""
    voices = np.tile([-1.0, 1.0], 60)
    spectrograms, targets = spectrograms_of(rng, voices), voices > 0
    clips = frames_of(spectrograms, 12)
    features = {"mean": spectrograms.mean(axis=2), "fisher": FisherVector(components=6).fit(clips[:60]).transform(clips)}
    scores = {name: RidgeClassifier().fit(x[:60], targets[:60]).score(x[60:], targets[60:]) for name, x in features.items()}
    assert scores["fisher"] >= max(0.95, scores["mean"])
    assert features["fisher"].shape == (120, 2 * 6 * 18) and np.allclose(np.linalg.norm(features["fisher"], axis=1), 1)


def test_the_same_seed_fits_the_same_mixture_and_there_must_be_enough_frames(rng):
    clips = frames_of(spectrograms_of(rng, [0, 1]), 8)
    first, second = (FisherVector(components=4, seed=3).fit_transform(clips) for _ in range(2))
    assert np.array_equal(first, second)
    with pytest.raises(SuiteError, match="A mixture of 200 components can't be fitted to 120 frames: take more training clips"):
        FisherVector(components=200).fit(clips)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # scikit-learn's k-means++ of equal points
def test_silence_and_loudness_give_numbers(rng):
    fisher = FisherVector(components=4).fit(frames_of(spectrograms_of(rng, [0, 1]), 8))
    assert np.isfinite(fisher.transform(frames_of(np.full((2, 32, 60), -80.0), 8))).all()
    silence = frames_of(np.full((3, 32, 60), -80.0), 8)  # silent clips alone: every frame is the same
    assert np.isfinite(FisherVector(components=4).fit_transform(silence)).all()
