import subprocess
import sys

import keras
import numpy as np
import pytest

from helpers.base.artifacts import SuiteError
from helpers.base.machine import PROJECT
from helpers.network import networks


@pytest.mark.parametrize("name", ["small_resnet", "plain_cnn", "small_vgg"])
def test_small_networks_take_raw_pictures_and_give_probabilities(name, rng):
    model = networks.build(name, shape=(96, 128, 1), classes=39, base_channels=8)
    probabilities = model(rng.uniform(0, 255, (2, 96, 128, 1)).astype("float32")).numpy()
    assert probabilities.shape == (2, 39) and np.allclose(probabilities.sum(axis=1), 1, atol=1e-5)


def test_the_plain_cnn_is_the_small_resnet_without_its_skips():
    resnet, plain = (networks.build(name, shape=(64, 64, 1), classes=5, base_channels=8) for name in ("small_resnet", "plain_cnn"))

    def kinds(model, kind):
        return sum(isinstance(layer, kind) for layer in model.layers)

    assert kinds(resnet, keras.layers.Add) == 6 and kinds(plain, keras.layers.Add) == 0
    assert kinds(resnet, keras.layers.Conv2D) - kinds(plain, keras.layers.Conv2D) == 2  # the 1 x 1 skips between stages


def test_a_residual_block_can_pass_its_input_on():
    pictures = keras.layers.Input((8, 8, 4))
    block = keras.Model(pictures, networks.residual_block(pictures, 4))
    for layer in block.layers:
        if isinstance(layer, keras.layers.Conv2D):
            layer.set_weights([np.zeros_like(weight) for weight in layer.get_weights()])
    image = np.abs(np.random.default_rng(0).normal(size=(1, 8, 8, 4))).astype("float32")
    assert np.allclose(block(image), image, atol=1e-5)


def test_the_studys_head_stands_on_resnet50():
    model = networks.build("resnet50", shape=(64, 64, 3), classes=39)
    assert [type(layer).__name__ for layer in model.layers[-2:]] == ["GlobalMaxPooling2D", "Dense"]
    assert model.layers[-1].activation is keras.activations.softmax and model.layers[-1].units == 39
    assert all(layer.trainable for layer in model.layers)


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("resnet50", "resnet"), ("resnet101", "resnet"), ("resnet50v2", "resnet_v2"), ("vgg16", "vgg16"),
        ("inceptionv3", "inception_v3"), ("xception", "xception"), ("mobilenet", "mobilenet"), ("mobilenetv2", "mobilenet_v2"),
        ("densenet121", "densenet"), ("efficientnetv2b0", "efficientnet_v2"),
    ],
)  # fmt: skip
def test_preprocessing_is_the_networks_own(name, module, rng, monkeypatch):
    image = rng.uniform(0, 255, (1, 64, 64, 3)).astype("float32")
    seen = []

    def remember(*, include_top, weights, input_shape):
        pictures = keras.layers.Input(input_shape)
        base = keras.Model(pictures, keras.layers.Identity()(pictures))
        seen.append(base)
        return base

    monkeypatch.setitem(networks.PRETRAINED, name, (remember, networks.PRETRAINED[name][1]))
    model = networks.build(name, shape=(64, 64, 3), classes=2)
    inside = keras.Model(model.input, model.layers[-2].input)(image).numpy()
    expected = getattr(keras.applications, module).preprocess_input(image.copy())
    assert seen and np.allclose(inside, expected, atol=1e-3)


@pytest.mark.slow
def test_a_pretrained_network_takes_grey_pictures_and_survives_saving(tmp_path, rng):
    model = networks.build("mobilenetv2", shape=(96, 96, 1), classes=3)
    model.save(tmp_path / "model.keras")
    image = rng.uniform(0, 255, (1, 96, 96, 1)).astype("float32")
    again = keras.saving.load_model(tmp_path / "model.keras")  # safe mode: no code from the file is run
    assert np.allclose(model(image), again(image), atol=1e-5)


def test_a_head_that_averages_stands_on_any_pretrained_network():
    model = networks.build("mobilenet", shape=(64, 64, 1), classes=3, head="average_pooling")
    assert [type(layer).__name__ for layer in model.layers[-3:]] == ["Functional", "GlobalAveragePooling2D", "Dense"]


def test_the_studys_second_head_stands_on_resnet50():
    model = networks.build("resnet50", shape=(64, 64, 3), classes=39, head="flatten")
    assert [type(layer).__name__ for layer in model.layers[-5:]] == ["Functional", "BatchNormalization", "ReLU", "Flatten", "Dense"]
    assert model.layers[-1].activation is keras.activations.softmax and model.layers[-1].kernel.shape == (2 * 2 * 2048, 39)
    assert all(layer.trainable for layer in model.layers)


@pytest.mark.slow
@pytest.mark.parametrize("name", networks.NETWORKS)
def test_every_network_builds_at_its_sizes_and_trains_a_step(name, rng):
    """The study's pictures, and the windows of `quick`; one step on four pictures, from random weights, changes the weights."""
    study = networks.build(name, shape=(224, 224, 3), classes=39)
    assert study.input_shape == (None, 224, 224, 3) and study.output_shape == (None, 39)
    model = networks.build(name, shape=(96, 128, 1), classes=39)
    # To trace a large network for a single step takes ten times as long as the step.
    model.compile("adam", "categorical_crossentropy", run_eagerly=name in networks.PRETRAINED)
    last = next(layer for layer in reversed(model.layers) if isinstance(layer, keras.layers.Dense))
    before = last.kernel.numpy()
    loss = model.train_on_batch(rng.uniform(0, 255, (4, 96, 128, 1)).astype("float32"), np.eye(39)[[0, 1, 2, 38]])
    assert np.isfinite(loss) and not np.array_equal(before, last.kernel.numpy())
    keras.backend.clear_session()


def test_a_newer_keras_gives_the_same_fingerprint_and_a_changed_network_another(monkeypatch):
    def built(name="small_resnet", **options):
        return networks.layers_fingerprint(networks.build(name, shape=(64, 64, 1), classes=3, **options))

    before = built()
    assert built() == before != built(dropout=0.3) and before != built(base_channels=16)
    old = keras.layers.Conv2D.get_config

    def get_config(layer):
        """With a setting that stands at its default, and one of the initializer that stands at None."""
        config = old(layer)
        initializer = config["kernel_initializer"]
        new = initializer | {"config": initializer["config"] | {"axes": None}}
        return config | {"activity_regularizer": None, "dilation_rate": (1, 1), "kernel_initializer": new}

    with monkeypatch.context() as context:
        context.setattr(keras.layers.Conv2D, "get_config", get_config)
        assert built() == before
    with monkeypatch.context() as context:
        context.setattr(keras.layers.Conv2D, "get_config", lambda layer: old(layer) | {"kernel_regularizer": "l2"})
        assert built() != before


@pytest.mark.parametrize(("shape", "batch"), [((224, 224, 3), 2), ((96, 192, 1), 1)])
def test_few_channels_train_on_large_maps_and_on_a_single_picture(shape, batch):
    """In a process of its own: TensorFlow on a CPU crashed here."""
    code = f"""
from helpers.base import machine
machine.load_tensorflow()
import numpy as np
from helpers.network import networks
model = networks.build("small_resnet", shape={shape}, classes=2, base_channels=networks.FEWEST_CHANNELS)
model.compile("adam", "categorical_crossentropy")
model.train_on_batch(np.ones(({batch}, *{shape})), np.eye(2)[np.arange({batch}) % 2])
"""
    assert subprocess.run([sys.executable, "-c", code], cwd=PROJECT).returncode == 0


def test_picking_every_second_row_and_column_changes_no_number(rng, monkeypatch):
    images = rng.uniform(0, 255, (2, 64, 64, 1)).astype("float32")
    picks = networks.build("small_resnet", shape=(64, 64, 1), classes=3, base_channels=8)
    monkeypatch.setattr(networks, "FEWEST_CHANNELS", 0)
    strides = networks.build("small_resnet", shape=(64, 64, 1), classes=3, base_channels=8)
    strides.set_weights(picks.get_weights())
    kinds = [[type(layer).__name__ for layer in model.layers].count("MaxPooling2D") for model in (picks, strides)]
    assert kinds == [2, 1] and np.array_equal(picks(images), strides(images))


def test_pictures_too_small_for_a_network_are_one_sentence():
    with pytest.raises(SuiteError, match=r"inceptionv3 can't be built for pictures of 32 x 48 pixels: .*at least 75x75"):
        networks.build("inceptionv3", shape=(32, 48, 1), classes=3)


def test_weights_that_cannot_be_fetched_say_where_a_file_by_hand_goes(monkeypatch, tmp_path):
    def offline(**_):
        raise Exception("URL fetch failure on https://example.invalid/resnet/notop.h5: None -- refused\nmore")

    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setitem(networks.PRETRAINED, "resnet50", (offline, "caffe"))
    with pytest.raises(SuiteError, match="imagenet weights of resnet50 could not be fetched") as caught:
        networks.build("resnet50", shape=(64, 64, 3), classes=3, weights="imagenet")
    for part in (
        "(URL fetch failure on https://example.invalid/resnet/notop.h5: None -- refused)",
        f"fetch https://example.invalid/resnet/notop.h5 elsewhere and put it at {tmp_path / 'models' / 'notop.h5'}",
        'OVERRIDES = "weights=none"',
    ):
        assert part in str(caught.value)
    assert "more" not in str(caught.value)


def test_an_unknown_network_lists_the_known():
    with pytest.raises(SuiteError, match="no network 'lenet': choose one of small_resnet, plain_cnn, small_vgg, resnet50"):
        networks.build("lenet", shape=(64, 64, 3), classes=3)
