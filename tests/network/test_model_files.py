"""A model file: alone enough to predict, and refused where it is not what it should be."""

import dataclasses
import io
import json
import pickle
import zipfile

import h5py
import keras
import numpy as np
import pytest
import soundfile
import tensorflow as tf
from conftest import RATE, TINY

from helpers.base.artifacts import SuiteError
from helpers.base.settings import PROFILES, SpectrogramSettings
from helpers.evaluation.scores import read_classes, read_predictions
from helpers.network import model_files, networks
from helpers.network.model import TrainedModel
from helpers.network.model_files import WEIGHTS, export_model, load_export, load_model, model_note, save_model
from helpers.network.training import train

CLASSES = ["female_20", "female_40", "male_60"]
PROFILE = dataclasses.replace(
    PROFILES["quick"], network="small_vgg", spectrogram=SpectrogramSettings(mel_bins=32), base_channels=4, test_windows=2
)


def network(name="small_vgg", *, classes=3, base_channels=4):
    return networks.build(name, shape=(32, 48, 1), classes=classes, base_channels=base_channels)


NOTE = model_note(network(), classes=CLASSES, profile=PROFILE)


def change_weights(path, change):
    """Do something to the weights in a model file, an open HDF5 file."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    content = io.BytesIO(members[WEIGHTS])
    with h5py.File(content, "r+") as file:
        change(file)
    members[WEIGHTS] = content.getvalue()
    pack(path, members)


def pack(path, members, method=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


@pytest.fixture
def path(tmp_path):
    save_model(tmp_path / "model.keras", network(), NOTE)
    return tmp_path / "model.keras"


def refused(path, message, **options):
    with pytest.raises(SuiteError, match=message):
        load_model(path, **options)


def test_the_note_travels_in_the_file_and_keras_still_reads_it(path):
    model = load_model(path, classes=CLASSES)
    again = keras.saving.load_model(path)
    assert model_files.read_note(path) == NOTE and model.classes == CLASSES
    pairs = zip(model.network.get_weights(), again.get_weights(), strict=True)
    assert all(np.array_equal(mine, kept) for mine, kept in pairs)


@pytest.mark.parametrize("kept", [0, 100, 0.5, 0.99])
def test_a_truncated_file_is_refused(path, kept):
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content)) if isinstance(kept, float) else kept])
    refused(path, "is cut off, damaged, or of another format")


def test_a_changed_byte_is_refused(path):
    content = bytearray(path.read_bytes())
    place = content.index(b"\x89HDF") + 2000  # in the weights
    content[place] ^= 255
    path.write_bytes(content)
    refused(path, "is cut off, damaged")


def test_another_class_list_is_refused(path):
    refused(path, r"trained on other classes: 3 classes, and 2 are wanted \(with female_40\)", classes=["female_20", "male_60"])
    refused(path, "3 classes, and 3 are wanted in another order", classes=CLASSES[::-1])


def test_formats_that_may_run_code_are_refused(path, tmp_path):
    class Harm:
        def __reduce__(self):
            return (tmp_path.joinpath("harm").write_text, ("done",))

    path.write_bytes(pickle.dumps(Harm()))
    refused(path, "no pickle and no HDF5")
    network().save(tmp_path / "model.h5")
    refused(tmp_path / "model.h5", "Only Keras' own .keras format is read")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("data.pkl", pickle.dumps(Harm()))
    refused(path, "is no Keras model file")
    assert not (tmp_path / "harm").exists()


def test_the_plan_in_a_file_is_never_read(path, rng):
    """It may hold code, or settings of a version of Keras that this one doesn't know."""
    images = rng.uniform(0, 255, (2, 32, 48, 1)).astype("float32")
    before = load_model(path).network(images).numpy()
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    pack(path, members | {"config.json": b'{"module": "os", "class_name": "system", "config": {"command": "exit"}}'})
    assert np.array_equal(load_model(path).network(images).numpy(), before)


@pytest.mark.parametrize(
    ("note", "reason"),
    [
        ({"network": "resnet"}, "takes one of small_resnet"),
        ({"shape": [32, 48, 3]}, "pictures of .* are not those of its spectrograms"),
        ({"shape": [32, 10**9, 1]}, "window_frames must be at least 1 and at most 100000"),
        ({"shape": "large"}, "does not say what network it holds"),
        ({"classes": ["a", "a", "b"]}, "its classes are no list of names"),
        ({"classes": [1, 2, 3]}, "its classes are no list of names"),
        ({"classes": None}, "does not say what network it holds"),
        ({"base_channels": "8"}, "does not say what network it holds"),
        ({"base_channels": 10**6}, "base_channels must be at least 1 and at most 4096"),
        ({"spectrogram": {"mel_bins": 32, "command": "exit"}}, "unexpected keyword argument"),
        ({"spectrogram": [1]}, "does not say what network it holds"),
        ({"test_windows": 10**9}, "test_windows must be"),
        ({"layers": "0123"}, r"was trained with another version of the network small_vgg: train it again \(run notebooks/03"),
        ({"dropout": 0.3}, "was trained with another version of the network small_vgg"),
    ],
)
def test_a_note_that_does_not_describe_the_network_is_refused(path, note, reason):
    save_model(path, network(), NOTE | note)
    refused(path, reason)


def test_an_error_that_says_nothing_is_named_by_its_class(path, monkeypatch):
    def build(*_, **__):
        raise MemoryError

    monkeypatch.setattr(networks, "build", build)
    refused(path, r"does not say what network it holds \(MemoryError\)")


def test_weights_of_another_network_are_refused(path):
    save_model(path, network(base_channels=16), NOTE)
    refused(path, r"holds 0\.39 MB of weights, and small_vgg has 0\.03 MB: the file is of another network")
    save_model(path, network(base_channels=2), NOTE)
    refused(path, "holds 0.01 MB of weights")

    def turn(file):
        kernel = file["layers/dense/vars/0"][()]
        del file["layers/dense/vars/0"]
        file["layers/dense/vars/0"] = kernel.T

    save_model(path, network(), NOTE)
    change_weights(path, turn)
    refused(path, r"does not hold the weights of this small_vgg \(A total of 1 objects could not be loaded\): train it again")


@pytest.mark.parametrize("kind", ["external link", "soft link", "external storage", "virtual", "unstored", "packed", "text"])
def test_weights_that_lie_elsewhere_or_grow_are_refused(path, tmp_path, kind):
    secret = tmp_path / "secret.h5"
    with h5py.File(secret, "w") as other:
        other["vars/0"] = np.zeros((32, 3), "float32")
    (tmp_path / "secret.bin").write_bytes(bytes(32 * 3 * 4))

    def change(file):
        group, shape = file["layers/dense/vars"], (32, 3)
        del group["0"]
        if kind == "external link":
            group["0"] = h5py.ExternalLink(str(secret), "vars/0")
        elif kind == "soft link":
            group["0"] = h5py.SoftLink("/layers/conv2d/vars/0")
        elif kind == "external storage":
            group.create_dataset("0", shape, "float32", external=[(str(tmp_path / "secret.bin"), 0, 32 * 3 * 4)])
        elif kind == "virtual":
            layout = h5py.VirtualLayout(shape, "float32")
            layout[:] = h5py.VirtualSource(str(secret), "vars/0", shape)
            group.create_virtual_dataset("0", layout)
        elif kind == "unstored":
            group.create_dataset("0", (10**6, 10**6), "float32")
        elif kind == "packed":
            group.create_dataset("0", data=np.zeros((3200, 3), "float32"), compression="gzip")
        else:
            group["0"] = ["text"] * 3

    change_weights(path, change)
    refused(path, "can't be read safely as a model file .*(a link leads out of it|holds no numbers, or not in this file)")
    with pytest.raises(SuiteError, match="can't be read safely as a model file"):
        model_files.load_weights(path, network())  # as a training does with a checkpoint


def test_a_packed_file_is_refused(path):
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    pack(path, members | {"bomb": bytes(10**7)}, zipfile.ZIP_DEFLATED)
    refused(path, "is cut off, damaged, or of another format")


@pytest.mark.parametrize("note", ["[" * 100_000, "[1]", "{", "\xff"])
def test_a_note_that_is_no_dictionary_is_refused(path, note):
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    pack(path, members | {model_files.NOTE: note.encode("latin-1")})
    refused(path, r"does not hold its class list \(suite.json\)")


def test_any_mutated_weights_are_read_or_refused_with_a_sentence(path):
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    rng = np.random.default_rng(0)
    for _ in range(60):
        content = bytearray(members[WEIGHTS])
        for position in rng.integers(0, 3000, 4):  # its structure lies before most of its numbers
            content[position] = rng.integers(256)
        pack(path, members | {WEIGHTS: bytes(content)})
        try:
            model_files.load_weights(path, network())
        except SuiteError as error:
            assert str(path) in str(error)


def test_a_model_of_elsewhere_or_none_is_refused(path):
    network().save(path)
    refused(path, r"does not hold its class list \(suite.json\)")
    path.unlink()
    refused(path, "There is no model file")


def test_an_export_gives_the_same_probabilities_without_keras(path, rng):
    odd = path.parent / "a[b]*? {c}%s"  # letters of patterns and templates
    odd.mkdir()
    path = path.rename(odd / path.name)
    folder = export_model(path, path.parent / "exported")
    export_model(path, folder)  # again, over the first
    images = rng.uniform(0, 255, (5, 32, 48, 1)).astype("float32")
    exported = load_export(folder)
    assert np.abs(exported.serve(tf.constant(images)).numpy() - load_model(path).network(images).numpy()).max() < 1e-4
    assert json.loads((folder / "assets.extra" / model_files.NOTE).read_text()) == NOTE
    assert sorted(item.name for item in path.parent.iterdir()) == ["exported", "model.keras"]


def test_gender_and_age_come_from_the_classes_probabilities(path, corpus):
    model = network()
    model.layers[-1].set_weights([np.zeros((32, 3)), np.log([0.3, 0.3, 0.4])])
    model = TrainedModel(model, CLASSES, PROFILE.spectrogram, PROFILE.test_windows)
    found = model.predict(model.samples(corpus / "male_41" / "0.wav"))
    assert found.probabilities.index.tolist() == ["male_60", "female_20", "female_40"]
    assert found.gender == "female" and found.age == pytest.approx(0.3 * 20 + 0.3 * 40 + 0.4 * 60)
    model = dataclasses.replace(model, classes=["happy", "sad", "calm"])
    found = model.predict(model.samples(corpus / "male_41" / "0.wav"))
    assert found.gender is None and found.age is None


def test_a_sound_of_no_use_is_one_sentence(path, tmp_path):
    soundfile.write(tmp_path / "silent.wav", np.zeros(RATE), RATE)
    (tmp_path / "text.wav").write_text("no sound")
    messages = {"silent.wav": "is silent", "text.wav": "can't be read as sound", "gone.wav": "There is no sound file"}
    for name, message in messages.items():
        with pytest.raises(SuiteError, match=message):
            load_model(path).samples(tmp_path / name)


def test_a_model_of_an_earlier_version_is_refused(tmp_path):
    save_model(tmp_path / "model.keras", network(), {name: value for name, value in NOTE.items() if name != "layers"})
    with pytest.raises(
        SuiteError, match=r"model.keras was trained by an earlier version of this project: train it again \(run notebooks/03"
    ):
        load_model(tmp_path / "model.keras")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["small_resnet", "small_vgg"])
def test_a_prediction_from_the_file_alone_is_that_of_the_training(manifest, artifacts, shallow, tmp_path, name):
    train(name, manifest, artifacts, profile=TINY)
    folder, classes = artifacts.model(name), read_classes(artifacts)
    table = read_predictions(folder / "predictions.csv", classes)
    alone = tmp_path / "alone.keras"
    (folder / "model.keras").rename(alone)
    model = load_model(alone, classes=classes)
    for row in (0, 7, 17):
        found = model.predict(model.samples(artifacts.audio(manifest.iloc[row]["path"])))
        assert np.allclose(found.probabilities[classes], table.loc[row, [f"p:{name}" for name in classes]].astype(float), atol=1e-5)
