import dataclasses

import numpy as np
import pytest
from PIL import Image

from helpers import networks
from helpers.artifacts import read_json, read_table
from helpers.baselines import train_svm
from helpers.errors import SuiteError
from helpers.manifest import build_manifest, read_manifest
from helpers.profiles import choose_profile
from helpers.runs import read_history, read_run
from helpers.scores import read_classes, read_predictions
from helpers.spectrograms import convert, image_path
from helpers.training import train

PROFILE = choose_profile(
    "quick", overrides="epochs=2 epoch_windows=1 base_channels=4 batch_size=8 mel_bins=32 window_frames=48 test_windows=2"
)


pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def shallow(monkeypatch):
    """One block: these tests are about training, not about depth."""
    monkeypatch.setattr(networks, "STAGES", 1)
    monkeypatch.setattr(networks, "BLOCKS_PER_STAGE", 1)


@pytest.fixture
def manifest(corpus, artifacts):
    table, _ = build_manifest("folder", corpus, artifacts, seed=0)
    convert(table, artifacts, settings=PROFILE.spectrogram, profile="quick")
    return read_manifest(artifacts)


def test_a_training_leaves_all_that_the_design_names(manifest, artifacts):
    run = train("small_resnet", manifest, artifacts, profile=PROFILE)
    folder = artifacts.model("small_resnet")
    assert {path.name for path in folder.iterdir()} == {"model.keras", "history.csv", "run.json", "predictions.csv", "metrics.json"}
    assert {"profile", "settings", "seed", "versions", "device", "seconds"} <= set(run) and run == read_json(folder / "run.json")
    history = read_history(artifacts, "small_resnet")
    assert history["epoch"].tolist() == [1, 2] and np.isfinite(history.to_numpy()).all()
    predictions = read_predictions(folder / "predictions.csv", read_classes(artifacts))
    assert predictions["clip"].tolist() == manifest["clip"].tolist()
    assert np.allclose(predictions[read_classes(artifacts)].sum(axis=1), 1, atol=1e-4)
    metrics = read_json(folder / "metrics.json")
    assert list(metrics) == ["train", "validation", "test"]
    assert {"accuracy", "macro_f1", "loss", "gender_accuracy", "age_mae_years"} <= set(metrics["test"])


def test_the_same_seed_gives_the_same_metrics_and_another_does_not(manifest, artifacts):
    train("small_resnet", manifest, artifacts, profile=PROFILE)
    folder = artifacts.model("small_resnet")
    before = (folder / "metrics.json").read_bytes(), (folder / "predictions.csv").read_bytes()
    (folder / "run.json").unlink()
    train("small_resnet", manifest, artifacts, profile=PROFILE)
    assert ((folder / "metrics.json").read_bytes(), (folder / "predictions.csv").read_bytes()) == before
    train("small_resnet", manifest, artifacts, profile=dataclasses.replace(PROFILE, seed=1))
    assert (folder / "predictions.csv").read_bytes() != before[1]


def test_a_finished_run_is_reused_and_other_settings_or_clips_train_again(manifest, artifacts, capsys):
    train("plain_cnn", manifest, artifacts, profile=PROFILE)
    stamp = (artifacts.model("plain_cnn") / "run.json").stat().st_mtime_ns
    train("plain_cnn", manifest, artifacts, profile=dataclasses.replace(PROFILE, compare=("svm",)))
    assert (artifacts.model("plain_cnn") / "run.json").stat().st_mtime_ns == stamp
    assert "already trained" in capsys.readouterr().out
    train("plain_cnn", manifest, artifacts, profile=dataclasses.replace(PROFILE, epochs=1))
    assert "trained again, because epochs was 2 and is 1" in capsys.readouterr().out
    train("plain_cnn", manifest.iloc[1:], artifacts, profile=dataclasses.replace(PROFILE, epochs=1))
    assert "clips, labels or splits have changed" in capsys.readouterr().out
    assert len(read_table(artifacts.model("plain_cnn") / "predictions.csv")) == 17
    sound = artifacts.audio(manifest.iloc[1]["path"])
    sound.write_bytes(artifacts.audio(manifest.iloc[-1]["path"]).read_bytes())
    convert(manifest, artifacts, settings=PROFILE.spectrogram, profile="quick")
    train("plain_cnn", manifest.iloc[1:], artifacts, profile=dataclasses.replace(PROFILE, epochs=1))
    assert "clips, labels or splits have changed" in capsys.readouterr().out


def test_a_loss_that_is_no_number_is_one_sentence_and_leaves_no_model(manifest, artifacts):
    with pytest.raises(SuiteError, match="loss became NaN in epoch 1; try a smaller learning rate"):
        train(
            "small_resnet", manifest, artifacts, profile=dataclasses.replace(PROFILE, optimizer="adam", learning_rate=float("nan"))
        )
    assert list(artifacts.model("small_resnet").iterdir()) == []


def test_pictures_of_other_settings_are_refused(manifest, artifacts):
    with pytest.raises(SuiteError, match=r"made with profile 'quick', which differs in .*sample_rate = 16000 \(here 22050\)"):
        train("resnet50", manifest, artifacts, profile=choose_profile("paper"))


def test_a_missing_picture_is_named(manifest, artifacts):
    image_path(artifacts, manifest.iloc[3]).unlink()
    with pytest.raises(SuiteError, match=r"1 pictures are missing, such as .*run notebooks/02_spectrograms"):
        train("small_resnet", manifest, artifacts, profile=PROFILE)


def test_missing_stages_are_named(artifacts):
    with pytest.raises(SuiteError, match=r"manifest.csv is not there yet: run notebooks/01_download.ipynb first"):
        read_manifest(artifacts)
    with pytest.raises(SuiteError, match=r"classes.json is not there yet: run notebooks/01_download.ipynb first"):
        read_run(artifacts, "small_resnet")


def test_an_unknown_optimizer_is_one_sentence(manifest, artifacts):
    with pytest.raises(SuiteError, match="no optimizer 'sgd' here: choose adam or adamw"):
        train("small_resnet", manifest, artifacts, profile=dataclasses.replace(PROFILE, optimizer="sgd"))


def test_the_papers_settings_train_on_square_colour_pictures(corpus, artifacts):
    profile = choose_profile("paper", overrides="weights=none epochs=1 image_size=64 batch_size=8")
    table, _ = build_manifest("folder", corpus, artifacts, seed=0)
    convert(table, artifacts, settings=profile.spectrogram, profile="paper")
    assert np.asarray(Image.open(image_path(artifacts, table.iloc[0]))).shape == (64, 64, 3)
    run = train("mobilenetv2", table, artifacts, profile=profile)
    assert run["settings"]["optimizer"] == "adam" and len(read_history(artifacts, "mobilenetv2")) == 1


@pytest.mark.parametrize("classes", [2, 3])
def test_the_svm_tells_pitches_apart_and_is_reused(corpus, artifacts, capsys, classes):
    if classes == 2:
        for path in (corpus / "female_60").iterdir():
            path.unlink()
    table, _ = build_manifest("folder", corpus, artifacts, seed=0)
    convert(table, artifacts, settings=PROFILE.spectrogram, profile="quick")
    run = train_svm(table, artifacts, profile=PROFILE)
    assert run["settings"]["network"] == "svm" and "seconds" in run
    assert read_json(artifacts.model("svm") / "metrics.json")["test"]["gender_accuracy"] == 1
    train_svm(table, artifacts, profile=PROFILE)
    assert "already trained" in capsys.readouterr().out
