"""A model file: alone enough to predict, and refused where it is not what it should be."""

import dataclasses
import json
import pickle
import zipfile

import keras
import numpy as np
import pytest
import soundfile
import tensorflow as tf
from conftest import RATE, TINY

from helpers.base.artifacts import SuiteError
from helpers.base.settings import SpectrogramSettings
from helpers.evaluation.scores import read_classes, read_predictions
from helpers.network import model_files
from helpers.network.model import TrainedModel
from helpers.network.model_files import export_model, load_model, save_model
from helpers.network.training import train

CLASSES = ["female_20", "female_40", "male_60"]
NOTE = {"classes": CLASSES, "layers": "0123", "spectrogram": {"mel_bins": 32}, "window_frames": 48, "test_windows": 2}


def network(*, last=None):
    pictures = keras.Input((32, 48, 1))
    x = keras.layers.GlobalAveragePooling2D()(pictures)
    return keras.Model(pictures, (last or keras.layers.Dense(3, activation="softmax"))(x))


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
    save_model(path, network(), NOTE | {"classes": CLASSES[:2]})
    refused(path, "gives 3 probabilities for 2 classes")


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
    save_model(path, network(last=keras.layers.Lambda(lambda x: x)), NOTE | {"classes": ["a_1"]})
    refused(path, "can't be read safely as a Keras model")
    assert not (tmp_path / "harm").exists()


def test_a_model_of_elsewhere_or_none_is_refused(path):
    network().save(path)
    refused(path, r"does not hold its class list \(suite.json\)")
    path.unlink()
    refused(path, "There is no model file")


def test_an_export_gives_the_same_probabilities_without_keras(path, rng):
    folder = export_model(path, path.parent / "exported")
    export_model(path, folder)  # again, over the first
    images = rng.uniform(0, 255, (5, 32, 48, 1)).astype("float32")
    exported = tf.saved_model.load(folder)
    assert np.abs(exported.serve(tf.constant(images)).numpy() - load_model(path).network(images).numpy()).max() < 1e-4
    assert json.loads((folder / "assets.extra" / model_files.NOTE).read_text()) == NOTE
    assert sorted(item.name for item in path.parent.iterdir()) == ["exported", "model.keras"]


def test_gender_and_age_come_from_the_classes_probabilities(path, corpus):
    model = network()
    model.layers[-1].set_weights([np.zeros((1, 3)), np.log([0.3, 0.3, 0.4])])
    model = TrainedModel(model, CLASSES, SpectrogramSettings(**NOTE["spectrogram"]), NOTE["test_windows"])
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
    with pytest.raises(SuiteError, match=r"model.keras was trained by an earlier version of this project: run notebooks/03"):
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
