import keras
import numpy as np
import pytest

from helpers.base import machine
from helpers.base.settings import PROFILES
from helpers.network import batch_normalisation, networks
from helpers.network.training import compile_model


@pytest.fixture
def two():
    """The same small ResNet twice, compiled; the second one's batch normalisation is fused."""

    def build(fuse, policy="float32"):
        keras.utils.set_random_seed(0)
        keras.config.set_dtype_policy(policy)
        try:
            model = networks.build("small_resnet", shape=(32, 24, 1), classes=3, base_channels=8, dropout=0.0)
        finally:
            keras.config.set_dtype_policy("float32")
        if fuse:
            batch_normalisation.fuse(model)
        model.compile(keras.optimizers.SGD(0.01), "categorical_crossentropy", jit_compile=False)
        return model

    return lambda **kind: (build(False, **kind), build(True, **kind))


@pytest.fixture
def batch(rng):
    return rng.uniform(0, 255, (5, 32, 24, 1)).astype("float32"), np.eye(3, dtype="float32")[[0, 1, 2, 0, 1]]


def fused_layers(model):
    return [layer for layer in model.layers if "call" in vars(layer)]


def test_it_learns_what_keras_own_learns_to_rounding(two, batch):
    plain, fused = two()
    assert len(fused_layers(fused)) == 15 and not fused_layers(plain)  # all but the one over mel bands
    for _ in range(3):
        assert plain.train_on_batch(*batch) == pytest.approx(fused.train_on_batch(*batch), rel=1e-4)
    for ours, theirs in zip(fused.weights, plain.weights, strict=True):
        assert np.allclose(ours, theirs, rtol=1e-3, atol=1e-4), ours.path
    assert np.allclose(fused.predict_on_batch(batch[0]), plain.predict_on_batch(batch[0]), atol=1e-4)


def test_a_frozen_layer_keeps_its_statistics_and_uses_them(two, batch):
    plain, fused = two()
    for model in (plain, fused):
        for layer in model.layers:
            layer.trainable = not isinstance(layer, keras.layers.BatchNormalization)
        model.compile(keras.optimizers.SGD(0.01), "categorical_crossentropy", jit_compile=False)
        model.train_on_batch(*batch)
    assert all(np.allclose(layer.moving_mean, 0) for layer in fused_layers(fused))
    for ours, theirs in zip(fused.weights, plain.weights, strict=True):
        assert np.allclose(ours, theirs, rtol=1e-3, atol=1e-4), ours.path


def test_the_networks_of_keras_have_it_and_16_bits_and_gpus_do_not(two, monkeypatch):
    _, mixed = two(policy="mixed_float16")
    assert not fused_layers(mixed)
    model = networks.build("mobilenet", shape=(32, 32, 3), classes=2)
    monkeypatch.setattr(machine, "training_devices", lambda: ["GPU:0"])
    compile_model(model, steps=1, profile=PROFILES["paper"])
    (base,) = [layer for layer in model.layers if isinstance(layer, keras.Model)]
    assert not fused_layers(base)
    monkeypatch.setattr(machine, "training_devices", list)
    compile_model(model, steps=1, profile=PROFILES["paper"])
    assert len(fused_layers(base)) == 27


def test_the_file_that_is_saved_is_keras_own(two, batch, tmp_path):
    _, fused = two()
    fused.train_on_batch(*batch)
    fused.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert not fused_layers(again)
    assert np.allclose(again.predict_on_batch(batch[0]), fused.predict_on_batch(batch[0]), atol=1e-4)


def test_the_statistics_are_those_of_the_pictures_given(two, batch):
    model, _ = two()
    model.train_on_batch(*batch)
    images = batch[0]
    normalisation = next(layer for layer in model._flatten_layers() if isinstance(layer, keras.layers.BatchNormalization))
    weights, momentum = [np.array(value) for value in model.trainable_weights], normalisation.momentum
    halves = images[: len(images) // 2], images[len(images) // 2 :]
    batch_normalisation.measure_statistics(model, [(half, None) for half in halves])
    seen = keras.Model(model.input, normalisation.input)
    maps = [np.moveaxis(np.array(seen(half)), normalisation.axis, -1) for half in halves]
    values = [half.reshape(-1, half.shape[-1]) for half in maps]
    assert np.allclose(normalisation.moving_mean, np.mean([half.mean(axis=0) for half in values], axis=0), atol=1e-3)
    assert np.allclose(normalisation.moving_variance, np.mean([half.var(axis=0) for half in values], axis=0), rtol=1e-3)
    assert normalisation.momentum == momentum
    assert all(np.array_equal(before, after) for before, after in zip(weights, model.trainable_weights, strict=True))
