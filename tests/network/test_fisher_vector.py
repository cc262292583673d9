"""Fisher vectors: the formula against gradients, what they leave out, and the network that they stand in."""

import keras
import numpy as np
import pytest
import scipy.fft
import tensorflow as tf
from sklearn.linear_model import RidgeClassifier

from helpers.base.artifacts import SuiteError
from helpers.network import networks
from helpers.network.fisher_vector import FisherVector
from helpers.network.model_files import export_model, load_model, save_model


def pictures_of(rng, voices, *, frames=60):
    """Pictures of three kinds of sounds in shares of chance, which each voice tilts by its own number."""
    kinds = np.cos(np.outer(np.arange(1, 4), np.linspace(0, np.pi, 32))) * 80 + 120
    spoken = np.array([rng.choice(3, frames, p=rng.dirichlet([1, 1, 1])) for _ in voices])
    pictures = kinds[spoken].transpose(0, 2, 1) + np.multiply.outer(voices, np.linspace(-4, 4, 32))[:, :, np.newaxis]
    return np.clip(pictures + rng.normal(0, 3, pictures.shape), 0, 255)[..., np.newaxis].astype("float32")


def test_it_is_the_gradient_of_the_likelihood_by_means_and_deviations(rng):
    """Sánchez et al. (2013), equations 16 to 18: in units of the Fisher information, before square root and norm."""
    pictures = pictures_of(rng, [-1, 0, 1, 2])
    layer = FisherVector(kinds=5, cepstra=8)
    layer.adapt(pictures)
    # The frames anew, in NumPy: cosine transform from the lowest frequency up, slopes, decorrelation.
    cepstra = scipy.fft.dct(pictures[:, ::-1, :, 0] / 255, axis=1, norm="ortho")[:, :8].transpose(0, 2, 1)
    padded = np.pad(cepstra[:, :, :4], ((0, 0), (1, 1), (0, 0)), mode="edge")
    frames = np.concatenate([cepstra, padded[:, 2:] - padded[:, :-2]], axis=-1)
    frames = (frames - layer.centre.numpy()) @ layer.whitening.numpy()
    assert np.allclose(np.cov(frames.reshape(-1, 12), rowvar=False), np.eye(12), atol=0.01)

    means, deviations, shares = (tf.constant(w.numpy(), tf.float64) for w in (layer.means, layer.deviations, layer.shares))
    for picture, found in zip(frames, layer(pictures).numpy(), strict=True):
        with tf.GradientTape() as tape:
            tape.watch([means, deviations])
            away = (picture[:, np.newaxis] - means) / deviations
            density = tf.math.log(shares) - tf.reduce_sum(away**2 / 2 + tf.math.log(deviations), axis=-1)
            likelihood = tf.reduce_mean(tf.reduce_logsumexp(density, axis=1))
        by_mean, by_deviation = tape.gradient(likelihood, [means, deviations])
        scale = deviations / tf.sqrt(shares)[:, np.newaxis]
        expected = np.concatenate([np.ravel(by_mean * scale), np.ravel(by_deviation * scale / np.sqrt(2))])
        expected = np.sign(expected) * np.sqrt(np.abs(expected))
        assert np.allclose(found, expected / np.linalg.norm(expected), atol=2e-3)


def test_it_tells_voices_whatever_they_say(rng):
    """What was spoken changes a mean spectrum more than a voice does; compared kind by kind, the voices lie apart."""
    voices = np.tile([-1.0, 1.0], 60)
    pictures, targets = pictures_of(rng, voices), voices > 0
    layer = FisherVector(kinds=6, cepstra=12)
    layer.adapt(pictures[:60])
    features = {"mean": pictures.mean(axis=(2, 3)), "fisher": layer(pictures).numpy()}
    scores = {name: RidgeClassifier().fit(x[:60], targets[:60]).score(x[60:], targets[60:]) for name, x in features.items()}
    assert scores["fisher"] >= max(0.95, scores["mean"])
    assert features["fisher"].shape == (120, 2 * 6 * 18) and np.allclose(np.linalg.norm(features["fisher"], axis=1), 1, atol=1e-4)


def test_the_same_seed_learns_the_same_kinds_and_frames_must_be_as_many(rng):
    pictures = pictures_of(rng, [0, 1])
    first, second = FisherVector(kinds=4, cepstra=8), FisherVector(kinds=4, cepstra=8)
    for layer in (first, second):
        layer.adapt(pictures, seed=3)
    assert np.array_equal(first(pictures), second(pictures))
    with pytest.raises(SuiteError, match="200 kinds of sounds can't be learnt from 120 frames: take more training clips"):
        FisherVector(kinds=200, cepstra=8).adapt(pictures)


def test_silence_and_loudness_give_numbers(rng):
    layer = FisherVector(kinds=4, cepstra=8)
    layer.adapt(pictures_of(rng, [0, 1]))
    for level in (0, 255):
        assert np.isfinite(layer(np.full((1, 32, 60, 1), level, "float32"))).all()
    layer.adapt(np.zeros((3, 32, 60, 1), "float32"))  # silent clips alone: every frame is the same
    assert np.isfinite(layer(np.zeros((1, 32, 60, 1), "float32"))).all()


def test_the_network_is_the_weighted_mean_of_its_two_answers_and_comes_back_from_its_file(rng, tmp_path):
    model = networks.build("fisher_resnet", shape=(32, 60, 1), classes=3, base_channels=4)
    pictures = rng.normal(120, 40, (60, 32, 60, 1)).clip(0, 255).astype("float32")
    next(layer for layer in model.layers if isinstance(layer, FisherVector)).adapt(pictures)
    answers = keras.Model(model.input, [model.get_layer(f"{name}_answer").output for name in ("resnet", "fisher")])
    deep, shallow = (answer.numpy() for answer in answers(pictures))
    votes = networks.FISHER_VOTES
    assert 0 < votes < 1 and not np.allclose(deep, shallow, atol=0.01)
    assert np.allclose(model(pictures), (1 - votes) * deep + votes * shallow, atol=1e-4)
    save_model(tmp_path / "model.keras", model, {"classes": ["a", "b", "c"]})
    again, _ = load_model(tmp_path / "model.keras")
    assert np.allclose(again(pictures), model(pictures), atol=1e-4)
    exported = tf.saved_model.load(export_model(tmp_path / "model.keras", tmp_path / "exported"))
    assert np.abs(exported.serve(pictures).numpy() - model(pictures).numpy()).max() < 1e-4
