import keras
import numpy as np
import pytest
from conftest import TINY
from PIL import Image

from helpers.base.artifacts import SuiteError
from helpers.network import features
from helpers.network.features import kept_features
from helpers.network.model import TrainedModel


def trained(manifest, seed):
    keras.utils.set_random_seed(seed)
    pictures = keras.Input((32, 48, 1))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3)(pictures))
    classes = sorted(manifest["label"].unique())
    network = keras.Model(pictures, keras.layers.Dense(len(classes), activation="softmax")(x))
    return TrainedModel(network, classes, TINY.spectrogram, TINY.test_windows)


@pytest.fixture
def asked(manifest, artifacts, monkeypatch):
    """Ask for the features of all clips, and say for which of them the network was asked."""
    files, computed = artifacts.run("net"), []
    once = TrainedModel.clip_features

    def counted(self, clips, *rest, **options):
        computed.extend(clips["clip"])
        return once(self, clips, *rest, **options)

    monkeypatch.setattr(TrainedModel, "clip_features", counted)

    def ask(seed=0):
        model = trained(manifest, seed)
        files.model.parent.mkdir(parents=True, exist_ok=True)
        files.model.write_text(f"the file of network {seed}")
        computed.clear()
        return kept_features(model, manifest, artifacts, files=files), list(computed)

    ask.files = files
    return ask


def test_features_are_kept_and_made_anew_only_for_another_network_or_picture(asked, manifest, artifacts, monkeypatch):
    monkeypatch.setattr(features, "IMAGES_AT_ONCE", 7)
    first, computed = asked()
    assert len(computed) == len(manifest) and list(first.index) == list(manifest["clip"])
    again, computed = asked()
    assert not computed and (again == first).all(axis=None)
    changed = manifest["clip"].iloc[3]
    Image.fromarray(np.full((32, 60), 99, np.uint8)).save(artifacts.image(changed))
    third, computed = asked()
    assert computed == [changed]
    assert (third.drop(changed) == first.drop(changed)).all(axis=None) and not np.allclose(third.loc[changed], first.loc[changed])
    other, computed = asked(seed=1)
    assert len(computed) == len(manifest) and not np.allclose(other, third)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no archive", b"\x80\x04pickled"])
def test_a_file_that_is_no_table_of_features_is_made_anew(asked, manifest, content):
    first, _ = asked()
    asked.files.features.write_bytes(content)
    again, computed = asked()
    assert len(computed) == len(manifest) and np.allclose(again, first)


def test_without_pictures_or_a_model_it_is_one_sentence(asked, manifest, artifacts):
    asked()
    artifacts.image(manifest["clip"].iloc[0]).unlink()
    with pytest.raises(SuiteError, match=r"png is not there yet: run notebooks/02"):
        asked()
    asked.files.model.unlink()
    with pytest.raises(SuiteError, match=r"model.keras is not there yet: run notebooks/03"):
        kept_features(trained(manifest, 0), manifest, artifacts, files=asked.files)
