"""Features of clips, what is near to what, and a prediction from samples in memory."""

import keras
import numpy as np
import pandas as pd
import pytest
from conftest import RATE, TINY, voice

from helpers.base.artifacts import Artifacts, SuiteError
from helpers.display.clip import neighbours_html
from helpers.evaluation.calibration import temper
from helpers.evaluation.scores import gender_and_age
from helpers.network.model import TrainedModel, distances
from helpers.spectrograms.mel import load_audio

CLASSES = ["female_23", "female_60", "male_41"]


@pytest.fixture
def model() -> TrainedModel:
    """A network that reads the mean of each mel band."""
    keras.utils.set_random_seed(0)
    pictures = keras.Input((32, 48, 1))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Permute((2, 3, 1))(pictures))
    network = keras.Model(pictures, keras.layers.Dense(3, activation="softmax")(x / 255))
    return TrainedModel(network, CLASSES, TINY.spectrogram, TINY.test_windows)


def test_the_nearest_clip_to_a_clip_is_itself_from_its_picture_and_from_its_sound(manifest, artifacts, model):
    known = model.clip_features(manifest, artifacts)
    assert known.shape == (18, 32) and np.allclose(np.linalg.norm(known, axis=1), 1, atol=1e-5)
    row = manifest.iloc[7]
    own = model.features(load_audio(artifacts.audio(row["path"]), sample_rate=RATE))
    found = distances(own, known).iloc[0]
    assert found.idxmin() == row["clip"] and found.min() == pytest.approx(0, abs=1e-5) and found.max() <= 2


def test_of_a_large_corpus_a_share_of_each_class_is_taken(manifest, artifacts, model):
    known = model.clip_features(manifest, artifacts, most=9)
    assert manifest.set_index("clip").loc[known.index, "label"].value_counts().tolist() == [3, 3, 3]


def test_a_missing_picture_is_one_sentence(manifest, tmp_path, model):
    with pytest.raises(SuiteError, match=r"png is not there yet: run notebooks/02"):
        model.clip_features(manifest, Artifacts(tmp_path / "empty"))


def test_names_are_escaped_and_a_sound_that_is_gone_is_a_sentence(artifacts):
    artifacts.locate_corpus(artifacts.folder)
    rows = pd.DataFrame([{"label": "<b>", "clip": "<i>", "path": "gone.wav", "duration_s": 1.0, "distance": 0.1234}])
    shown = neighbours_html(rows, artifacts)
    assert "&lt;b&gt;" in shown and "&lt;i&gt;" in shown and "0.123" in shown and "can&#x27;t be read" in shown


def test_samples_in_memory_give_what_their_file_gives(manifest, artifacts, model):
    path = artifacts.audio(manifest.iloc[0]["path"])
    from_file = model.predict(model.samples(path))
    samples = load_audio(path, sample_rate=RATE)
    from_memory = model.predict(samples)
    assert from_memory.probabilities.equals(from_file.probabilities) and from_memory.age == from_file.age
    softer = model.predict(samples, temperature=3.0)
    assert softer.probabilities.index[0] == from_file.probabilities.index[0]
    assert softer.probabilities.iloc[0] < from_file.probabilities.iloc[0] and softer.probabilities.sum() == pytest.approx(1)


def test_many_images_at_once_give_what_each_gives_alone(model):
    sounds = [voice(150, seconds=seconds) for seconds in (0.2, 0.5, 3.0)]
    together = model.predict_images([model.image(sound)[..., 0] for sound in sounds])
    alone = [model.predict(sound).probabilities[CLASSES] for sound in sounds]
    assert np.allclose(together, alone, atol=1e-6)


@pytest.mark.parametrize("seconds", [0.2, 0.5, 3.0])
def test_windows_lie_within_the_picture_or_pad_it(model, seconds):
    picture = model.image(voice(150, seconds=seconds))
    windows, starts = model.windows(picture)
    assert windows.shape == (2, 32, 48, 1) and starts[0] == 0
    if picture.shape[1] >= 48:
        assert starts[-1] == picture.shape[1] - 48 and np.array_equal(windows[-1], picture[:, -48:])


def test_what_the_class_names_do_not_tell_is_none():
    assert gender_and_age(pd.Series({"happy": 0.6, "sad": 0.4})) == (None, None)
    gender, age = gender_and_age(pd.Series({"female": 0.6, "male": 0.4}))
    assert gender.idxmax() == "female" and age is None


def test_a_temperature_of_one_changes_nothing():
    chances = np.array([0.7, 0.2, 0.1])
    assert np.allclose(temper(chances, temperature=1), chances) and temper(chances, temperature=0.5)[0] > 0.7
