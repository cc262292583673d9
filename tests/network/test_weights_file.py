"""Weights from a file, for a network of `keras.applications`."""

import hashlib
import pickle
from dataclasses import replace

import h5py
import keras
import numpy as np
import pytest
from conftest import TINY

from helpers.base.artifacts import SuiteError
from helpers.network import networks, pretraining
from helpers.network.model_files import load_model
from helpers.network.training import train

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def whole():
    """MobileNet with its top, from random weights."""
    return keras.applications.MobileNet(weights=None)


@pytest.fixture(scope="module")
def files(whole, tmp_path_factory):
    """The same weights in four files: with the top and without, in the formats of Keras 3 and of Keras 2."""
    folder = tmp_path_factory.mktemp("weights")
    base = keras.applications.MobileNet(include_top=False, weights=None, input_shape=(224, 224, 3))
    base.set_weights(whole.get_weights()[: len(base.weights)])
    for name, model in (("top", whole), ("no_top", base)):
        model.save_weights(folder / f"{name}.weights.h5")
        model.save(folder / f"{name}.h5")
    return folder


def plan(name="mobilenet"):
    return networks.build(name, shape=(64, 64, 1), classes=4)


@pytest.mark.parametrize("name", ["top.weights.h5", "no_top.weights.h5", "top.h5", "no_top.h5"])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_with_or_without_the_top_and_in_both_formats_the_weights_are_the_same(files, whole, name):
    weights = pretraining.weights_of_file(files / name, "mobilenet", plan())
    assert len(weights) == len(whole.weights) - 2
    assert all(np.array_equal(*pair) for pair in zip(weights, whole.get_weights(), strict=False))
    model = plan()
    last = model.layers[-1].get_weights()
    pretraining.start_from(model, weights)
    assert np.array_equal(model.get_weights()[0], whole.get_weights()[0])
    assert all(np.array_equal(*pair) for pair in zip(model.layers[-1].get_weights(), last, strict=True))


def spoilt(files, folder, kind):
    path, good = folder / "mine.h5", files / "no_top.weights.h5"
    match kind:
        case "missing":
            return path
        case "cut off":
            path.write_bytes(good.read_bytes()[:1_000_000])
        case "a pickle":
            path.write_bytes(pickle.dumps({"conv1": np.ones(3)}))
        case "of objects":
            with h5py.File(path, "w") as file:
                file["layers/conv2d/vars/0"] = np.void(pickle.dumps([1, 2]))
        case "a link":
            path.write_bytes(good.read_bytes())
            with h5py.File(path, "a") as file:
                file["more"] = h5py.ExternalLink("/etc/hostname", "/")
        case "another network":
            keras.applications.MobileNetV2(include_top=False, weights=None).save_weights(path.with_suffix(".weights.h5"))
            return path.with_suffix(".weights.h5")
        case "another width":
            keras.applications.MobileNet(include_top=False, weights=None, alpha=0.5).save_weights(path.with_suffix(".weights.h5"))
            return path.with_suffix(".weights.h5")
    return path


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("missing", "There is no weights file .*mine.h5: check the path in OVERRIDES"),
        ("cut off", "mine.h5 can't be read as weights .*truncated.*fetch it again"),
        ("a pickle", "mine.h5 can't be read as weights .*no HDF5 file of Keras"),
        ("of objects", "mine.h5 can't be read as weights .*holds no numbers"),
        ("a link", "mine.h5 can't be read as weights .*a link leads out of it"),
        ("another network", "does not hold the weights of mobilenet .*holds 260 arrays, and mobilenet has 135 without its top"),
        ("another width", "does not hold the weights of mobilenet "),
    ],
)
def test_what_can_not_be_taken_is_one_sentence(files, tmp_path, kind, message):
    with pytest.raises(SuiteError, match=message) as raised:
        pretraining.weights_of_file(spoilt(files, tmp_path, kind), "mobilenet", plan())
    assert "\n" not in str(raised.value)


def test_a_network_of_another_maker_takes_no_file(files):
    with pytest.raises(SuiteError, match="small_resnet starts from no weights of a file: choose one of resnet50, "):
        pretraining.weights_of_file(files / "no_top.h5", "small_resnet", plan("small_resnet"))


def test_a_training_notes_the_file_and_is_not_repeated_where_the_file_has_moved(files, manifest, artifacts, tmp_path, capsys):
    profile = replace(TINY, network="mobilenet", epochs=1, head="flatten")
    first = replace(profile, weights=str(files / "no_top.weights.h5"))
    run = train("mobilenet", manifest, artifacts, profile=first)
    sha256 = hashlib.sha256((files / "no_top.weights.h5").read_bytes()).hexdigest()
    assert run["weights_file"] == {"name": "no_top.weights.h5", "sha256": sha256, "published": ""}
    assert run["settings"]["weights"] == "file" and run["start"]
    assert f"mobilenet: starts from {files / 'no_top.weights.h5'}, with a new last layer" in capsys.readouterr().out
    kinds = [type(layer).__name__ for layer in load_model(artifacts.run("mobilenet").model).network.layers]
    assert kinds[-4:] == ["BatchNormalization", "ReLU", "Flatten", "Dense"]
    moved = tmp_path / "elsewhere.weights.h5"
    moved.write_bytes((files / "no_top.weights.h5").read_bytes())
    train("mobilenet", manifest, artifacts, profile=replace(first, weights=str(moved)))
    assert "already trained" in capsys.readouterr().out


def test_published_weights_are_called_by_their_name(tmp_path, monkeypatch):
    path = tmp_path / "mine.h5"
    path.write_bytes(b"weights")
    monkeypatch.setitem(pretraining.PUBLISHED, hashlib.sha256(b"weights").hexdigest(), "resnet50_notop.h5")
    assert pretraining.note_of_file(path)["weights_file"]["published"] == "resnet50_notop.h5"
