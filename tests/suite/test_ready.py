"""The ready-made results in `notebooks/ready/`: whole, small, and of today's settings."""

import os
import shutil
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from helpers.base.archive import archive_path, restore_archive
from helpers.base.artifacts import Artifacts, SuiteError, read_json, write_json
from helpers.base.machine import PROJECT
from helpers.evaluation.scores import probabilities_of, read_classes, read_predictions, score
from helpers.recordings.manifest import read_manifest
from helpers.recordings.voices import synthesise
from helpers.suite import ready

AGAIN = "the ready-made results are out of date: run `make ready`"


@pytest.fixture(scope="module")
def restored(tmp_path_factory) -> Artifacts:
    artifacts = Artifacts(tmp_path_factory.mktemp("artifacts") / "voices")
    assert restore_archive(artifacts, archive_path(artifacts, ready.READY)) == len(ready.members(artifacts))
    return artifacts


@pytest.fixture
def copied(restored, tmp_path) -> Artifacts:
    """Results that a test may change."""
    shutil.copytree(restored.folder, tmp_path / "voices")
    return Artifacts(tmp_path / "voices")


@pytest.fixture(scope="module")
def model(restored):
    from helpers.network.model_files import load_model

    return load_model(restored.run(ready.PROFILE.network).model, classes=read_classes(restored))


def test_the_archive_is_small_and_holds_nothing_of_one_machine():
    archive = ready.READY / "voices.zip"
    assert archive.stat().st_size <= 4_000_000
    with zipfile.ZipFile(archive) as packed:
        names = packed.namelist()
        texts = {name: packed.read(name).decode() for name in names if not name.endswith(".keras")}
    assert names == sorted(names) and not [name for name in names if name.endswith((".png", ".wav", "source.json"))]
    for name, text in texts.items():
        assert '"/' not in text and ",/" not in text and str(PROJECT) not in text, name


def test_the_predictions_give_the_scores_that_lie_beside_them(restored):
    files, classes = restored.run(ready.PROFILE.network), read_classes(restored)
    predictions = read_predictions(files.predictions, classes, manifest=read_manifest(restored))
    assert score(predictions, classes) == read_json(files.metrics)
    assert read_json(files.metrics)["test"]["accuracy"] > 0.85


def test_the_results_are_of_todays_settings_and_corpus(restored):
    assert ready.out_of_date(restored) == [], AGAIN


@pytest.mark.slow
def test_the_network_is_the_one_that_would_be_trained_today(restored, model):
    from helpers.network.networks import layers_fingerprint
    from helpers.network.run import Run

    today = Run.of(ready.PROFILE.network, read_manifest(restored), restored, profile=ready.PROFILE)
    today = replace(today, layers=layers_fingerprint(model.network))
    assert today.reason_to_repeat() == "", AGAIN
    assert model.settings == ready.PROFILE.spectrogram, AGAIN


@pytest.mark.slow
def test_the_network_predicts_what_is_stored_of_clips_that_are_spoken_here(restored, model, tmp_path):
    corpus = synthesise(tmp_path / "audio", corpus=ready.PROFILE.corpus)
    paths = read_manifest(restored).set_index("clip")["path"]
    stored = read_predictions(restored.run(ready.PROFILE.network).predictions, model.classes).iloc[::130]
    assert len(stored) == 12
    images = [model.image(model.samples(corpus / paths[clip])) for clip in stored["clip"]]
    assert np.abs(model.predict_images(images) - probabilities_of(stored)).max() < 0.01, AGAIN


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"epochs": 41}, "epochs was 34 and is 41"),
        ({"corpus": replace(ready.PROFILE.corpus, sentences=9)}, "sentences was 8 and is 9"),
        ({"spectrogram": replace(ready.PROFILE.spectrogram, mel_bins=64)}, "the spectrograms were made with other settings"),
    ],
)
def test_a_profile_that_has_moved_on_is_told(restored, monkeypatch, changed, told):
    monkeypatch.setattr(ready, "PROFILE", replace(ready.PROFILE, **changed))
    assert told in ready.out_of_date(restored)


def test_results_of_other_classes_are_not_packed(copied, tmp_path):
    write_json(copied.classes, ["female", "male"])
    with pytest.raises(SuiteError, match=r"can't be packed: the corpus has other classes\. Delete that folder"):
        ready.pack(copied, tmp_path / "packed")


def test_the_same_results_give_the_same_bytes(copied, tmp_path):
    first = ready.pack(copied, tmp_path / "first").read_bytes()
    for path in ready.members(copied):
        os.utime(path, (0, 1e9))
        path.chmod(0o600)
    assert ready.pack(copied, tmp_path / "second").read_bytes() == first
    again = Artifacts(tmp_path / "again" / "voices")
    restore_archive(again, archive_path(again, tmp_path / "second"))
    names = [path.relative_to(copied.folder) for path in ready.members(copied)]
    assert all((again.folder / name).read_bytes() == (copied.folder / name).read_bytes() for name in names)


def test_what_lacks_a_file_or_is_too_large_leaves_the_old_archive(copied, tmp_path, monkeypatch):
    archive = ready.pack(copied, tmp_path / "packed")
    before = archive.read_bytes()
    monkeypatch.setattr(ready, "MOST_BYTES", len(before) - 1)
    with pytest.raises(SuiteError, match=r"would have \d\.\d MB, .*: nothing is written"):
        ready.pack(copied, tmp_path / "packed")
    copied.rejected.unlink()
    with pytest.raises(SuiteError, match=r"rejected\.csv is not there yet"):
        ready.pack(copied, tmp_path / "packed")
    assert archive.read_bytes() == before and len(list(archive.parent.iterdir())) == 1
