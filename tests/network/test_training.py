import dataclasses
import itertools
import shutil

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from conftest import TINY
from PIL import Image

from helpers.base import drive
from helpers.base.artifacts import Artifacts, SuiteError, read_json, read_table, write_json, write_table
from helpers.base.settings import choose_profile
from helpers.comparison.race import make_part
from helpers.evaluation.scores import read_classes, read_predictions
from helpers.network import checkpoints, networks, training
from helpers.network.checkpoints import save_checkpoint
from helpers.network.devices import split_for_devices
from helpers.network.model_files import load_model
from helpers.network.run import Run, read_run
from helpers.network.training import train
from helpers.recordings.manifest import build_manifest, read_manifest
from helpers.spectrograms.convert import convert

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("shallow")]


def test_a_training_leaves_all_that_the_design_names(manifest, artifacts):
    run = train("small_resnet", manifest, artifacts, profile=TINY)
    folder = artifacts.model("small_resnet")
    assert {path.name for path in folder.iterdir()} == {
        "model.keras", "history.csv", "run.json", "predictions.csv", "metrics.json", "logs",
    }  # fmt: skip
    assert len(list((folder / "logs").glob("*/events.out.tfevents.*"))) == 2  # training and validation
    assert {"profile", "settings", "seed", "versions", "device", "seconds"} <= set(run) and run == read_json(folder / "run.json")
    history = read_table(artifacts.run("small_resnet").history)
    assert history["epoch"].tolist() == [1, 2] and np.isfinite(history.to_numpy()).all()
    assert (history["seconds"] > 0).all() and history["learning_rate"].is_monotonic_decreasing
    assert run["best_epoch"] == history["epoch"][history["validation_loss"].idxmin()]
    predictions = read_predictions(folder / "predictions.csv", read_classes(artifacts))
    assert predictions["clip"].tolist() == manifest["clip"].tolist()
    assert np.allclose(predictions.filter(regex="^p:").sum(axis=1), 1, atol=1e-4)
    metrics = read_json(folder / "metrics.json")
    assert list(metrics) == ["train", "validation", "test"]
    assert {"accuracy", "macro_f1", "loss", "gender_accuracy", "age_mae_years"} <= set(metrics["test"])


def test_the_same_seed_gives_the_same_metrics_and_another_does_not(manifest, artifacts):
    train("small_resnet", manifest, artifacts, profile=TINY)
    folder = artifacts.model("small_resnet")
    before = (folder / "metrics.json").read_bytes(), (folder / "predictions.csv").read_bytes()
    (folder / "run.json").unlink()
    train("small_resnet", manifest, artifacts, profile=TINY)
    assert ((folder / "metrics.json").read_bytes(), (folder / "predictions.csv").read_bytes()) == before
    train("small_resnet", manifest, artifacts, profile=dataclasses.replace(TINY, seed=1))
    assert (folder / "predictions.csv").read_bytes() != before[1]


def test_a_finished_run_is_reused_and_other_settings_or_clips_train_again(manifest, artifacts, capsys):
    train("plain_cnn", manifest, artifacts, profile=TINY)
    stamp = (artifacts.model("plain_cnn") / "run.json").stat().st_mtime_ns
    train("plain_cnn", manifest, artifacts, profile=dataclasses.replace(TINY, compare=("small_vgg",)))
    assert (artifacts.model("plain_cnn") / "run.json").stat().st_mtime_ns == stamp
    assert "already trained" in capsys.readouterr().out
    train("plain_cnn", manifest, artifacts, profile=dataclasses.replace(TINY, epochs=1))
    assert "trained again, because epochs was 2 and is 1" in capsys.readouterr().out
    train("plain_cnn", manifest.iloc[1:], artifacts, profile=dataclasses.replace(TINY, epochs=1))
    assert "clips, labels or splits have changed" in capsys.readouterr().out
    assert len(read_table(artifacts.model("plain_cnn") / "predictions.csv")) == 17
    sound = artifacts.audio(manifest.iloc[1]["path"])
    sound.write_bytes(artifacts.audio(manifest.iloc[-1]["path"]).read_bytes())
    convert(manifest, artifacts, settings=TINY.spectrogram, profile="quick")
    train("plain_cnn", manifest.iloc[1:], artifacts, profile=dataclasses.replace(TINY, epochs=1))
    assert "clips, labels or splits have changed" in capsys.readouterr().out


def test_a_network_whose_code_has_changed_is_trained_again(manifest, artifacts, capsys, monkeypatch):
    small = train("small_resnet", manifest, artifacts, profile=TINY)["parameters"]
    monkeypatch.setattr(networks, "BLOCKS_PER_STAGE", 2)  # as a student who edits it would
    run = train("small_resnet", manifest, artifacts, profile=TINY)
    assert "trained again, because the network's layers have changed" in capsys.readouterr().out
    assert run["parameters"] > small


def test_a_finished_run_whose_model_is_gone_is_made_again(manifest, artifacts, capsys):
    train("plain_cnn", manifest, artifacts, profile=TINY)
    model = artifacts.model("plain_cnn") / "model.keras"
    model.unlink()
    train("plain_cnn", manifest, artifacts, profile=TINY)
    assert "trained again, because its model.keras is missing" in capsys.readouterr().out
    load_model(model, classes=read_classes(artifacts))


def test_predictions_of_another_split_or_of_other_labels_are_refused(manifest, artifacts):
    train("plain_cnn", manifest, artifacts, profile=TINY)
    assert len(read_run(artifacts, "plain_cnn")[2]) == 18
    table = read_table(artifacts.manifest)
    table["split"] = table["split"].map({"train": "train", "validation": "test", "test": "validation"})
    write_table(artifacts.manifest, table)
    with pytest.raises(SuiteError, match=r"6 of its 18 clips have another split or label in manifest.csv: run notebooks/03"):
        read_run(artifacts, "plain_cnn")


def test_checkpoints_on_drive_keep_datasets_the_race_and_seeds_apart(manifest, artifacts, monkeypatch, tmp_path):
    on_drive = tmp_path / "drive"
    monkeypatch.setitem(drive._in_use, "folder", on_drive)
    found = []
    for dataset in ("crema-d", "emodb"):
        shutil.copytree(artifacts.folder, tmp_path / "artifacts" / dataset)
        whole = Artifacts(tmp_path / "artifacts" / dataset)
        for part in (whole, make_part(manifest.assign(speaker=manifest["clip"]), whole, seed=0)):
            folders = [part.model("small_resnet") / f"seed_{seed}" for seed in (0, 1)]
            found += [
                Run.of("small_resnet", manifest, part, profile=TINY, folder=folder).checkpoints_on_drive for folder in folders
            ]
    assert len(set(found)) == 8 and all(path.is_relative_to(on_drive / "checkpoints") for path in found)


def test_a_loss_that_is_no_number_is_one_sentence_and_leaves_no_model(manifest, artifacts, monkeypatch):
    def compile_with_nan(model, **_):
        model.compile(keras.optimizers.Adam(float("nan")), "categorical_crossentropy", metrics=["accuracy"])

    monkeypatch.setattr(training, "compile_model", compile_with_nan)
    with pytest.raises(SuiteError, match=r"loss became nan in step 2 of epoch 1: .* Try a smaller learning rate"):
        train("small_resnet", manifest, artifacts, profile=TINY)
    assert [path.name for path in artifacts.model("small_resnet").iterdir()] == ["logs"]


def test_the_last_epoch_is_kept_where_the_profile_says_so(manifest, artifacts):
    worse_each_epoch = dataclasses.replace(TINY, epochs=4, optimizer="adam", learning_rate=0.3, label_smoothing=0.0)
    best = train("plain_cnn", manifest, artifacts, profile=worse_each_epoch)["best_epoch"]
    history = read_table(artifacts.run("plain_cnn").history)
    assert best == history["epoch"][history["validation_loss"].idxmin()]
    run = train("plain_cnn", manifest, artifacts, profile=dataclasses.replace(worse_each_epoch, kept_epoch="last"))
    assert run["best_epoch"] == 4


def test_training_stops_early_only_where_the_profile_says_so(manifest, artifacts):
    patient = dataclasses.replace(TINY, epochs=10, learning_rate=1e-12, optimizer="adam", dropout=0.0)
    train("plain_cnn", manifest, artifacts, profile=patient)
    losses = read_table(artifacts.run("plain_cnn").history)["validation_loss"]
    # What is learnt of the mean and spread of each channel moves the loss up and down, where nothing else is learnt.
    first_without_gain = next(epoch for epoch in range(1, 10) if losses[epoch] >= losses[:epoch].min())
    train("plain_cnn", manifest, artifacts, profile=dataclasses.replace(patient, early_stopping=1))
    assert len(losses) == 10 and len(read_table(artifacts.run("plain_cnn").history)) == first_without_gain + 1 < 10


def test_the_races_rate_comes_down_in_half_of_the_epochs_and_stays(manifest, artifacts):
    steady = dataclasses.replace(TINY, epochs=8, optimizer="adamw_steady", learning_rate=0.01, batch_size=4)
    train("plain_cnn", manifest, artifacts, profile=steady)
    rates = read_table(artifacts.run("plain_cnn").history)["learning_rate"]
    # Two epochs to warm up, two for half a cosine, whose middle is half of it; then a thousandth.
    assert rates.tolist() == pytest.approx([0.005, 0.01, 0.5 * 0.01001, *[1e-5] * 5], rel=0.01)


def test_a_training_of_the_race_stopped_at_any_epoch_goes_on_to_the_same_weights_and_rates(manifest, artifacts):
    profile = dataclasses.replace(TINY, epochs=4, optimizer="adamw_steady", early_stopping=8, dropout=0.5, batch_size=4)

    def kept(folder):
        network = load_model(folder / "model.keras", classes=read_classes(artifacts)).network
        return read_table(folder / "history.csv").drop(columns=["step_seconds", "seconds"]), network.get_weights()

    given = {"profile": profile, "folder": artifacts.model("plain_cnn") / "whole"}
    train("plain_cnn", manifest, artifacts, **given)
    expected_history, expected_weights = kept(given["folder"])
    for stopped_after in (1, 2, 3):
        given["folder"] = artifacts.model("plain_cnn") / f"stopped_after_{stopped_after}"
        asked = itertools.count()  # before the first epoch, and at the end of each
        with pytest.raises(SuiteError, match=f"paused after {stopped_after} of 4 epochs"):
            train("plain_cnn", manifest, artifacts, **given, pause=lambda asked=asked, last=stopped_after: next(asked) == last)
        train("plain_cnn", manifest, artifacts, **given)
        history, weights = kept(given["folder"])
        pd.testing.assert_frame_equal(history, expected_history)
        assert all(np.array_equal(one, other) for one, other in zip(weights, expected_weights, strict=True))


def test_mixed_precision_trains_in_16_bits_and_leaves_a_model_in_32(manifest, artifacts, monkeypatch):
    def remember(run, model, history):
        seen.append(model)
        save_checkpoint(run, model, history)

    seen = []
    monkeypatch.setattr(checkpoints, "save_checkpoint", remember)
    train("small_resnet", manifest, artifacts, profile=dataclasses.replace(TINY, epochs=1, mixed_precision="on"))
    assert seen[0].dtype_policy.name == "mixed_float16" and isinstance(seen[0].optimizer, keras.optimizers.LossScaleOptimizer)
    model = load_model(artifacts.model("small_resnet") / "model.keras").network
    assert {layer.dtype_policy.name for layer in model.layers} == {"float32"}


@pytest.mark.parametrize("devices", [1, 2, 3, 4])
def test_no_share_of_a_batch_is_empty_and_each_clip_is_validated_as_often_as_any_other(devices):
    for size in range(1, 10):
        batch = tf.data.Dataset.from_tensors((tf.range(size), tf.range(size)))
        images, labels = next(split_for_devices(batch, parts=devices).as_numpy_iterator())
        parts = [images[start : start + -(-size // devices)] for start in range(0, len(images), -(-size // devices))]
        assert len(parts) == devices or devices == 1
        assert images.tolist() == labels.tolist() and set(images) == set(range(size)) and len(images) < size + devices
        images, _ = next(split_for_devices(batch, parts=devices, whole=True).as_numpy_iterator())
        assert images.tolist() == devices * list(range(size))


def test_a_last_batch_of_a_single_picture_trains(manifest, artifacts):
    table = manifest.drop(manifest[manifest["split"] == "train"].index[9:])
    run = train("small_resnet", table, artifacts, profile=dataclasses.replace(TINY, epochs=1))
    assert run["best_epoch"] == 1


def test_clips_and_classes_that_do_not_fit_are_named(manifest, artifacts):
    def refused(table, message):
        with pytest.raises(SuiteError, match=message):
            train("plain_cnn", table, artifacts, profile=TINY)

    refused(manifest[manifest["split"] != "train"], "no clip of the manifest has split 'train'")
    refused(manifest[manifest["split"] != "validation"], "no clip of the manifest has split 'validation'")
    refused(manifest[manifest["label"] == "male_41"], r"All training clips are of one class \(male_41\)")
    refused(manifest.iloc[:0], "no pictures to train with")
    path = artifacts.image(manifest.iloc[2]["clip"])
    Image.new("L", (100, 30)).save(path)
    refused(manifest, f"{path} has height 30 instead of 32: delete it, then run notebooks/02")
    path.write_bytes(b"no picture")
    refused(manifest, f"{path} can't be read: delete it")
    path.unlink()
    write_json(artifacts.classes, ["female_23", "male_41"])
    refused(manifest.drop(2), "does not fit the manifest: it lacks female_60")


def test_pictures_of_other_settings_are_refused(manifest, artifacts):
    with pytest.raises(SuiteError, match=r"made with profile 'quick', which differs in .*sample_rate = 16000 \(here 22050\)"):
        train("resnet50", manifest, artifacts, profile=choose_profile("paper"))


def test_a_missing_picture_is_named(manifest, artifacts):
    artifacts.image(manifest.iloc[3]["clip"]).unlink()
    with pytest.raises(SuiteError, match=r"1 pictures are missing, such as .*run notebooks/02_spectrograms"):
        train("small_resnet", manifest, artifacts, profile=TINY)


def test_missing_stages_are_named(artifacts):
    with pytest.raises(SuiteError, match=r"manifest.csv is not there yet: run notebooks/01_download.ipynb first"):
        read_manifest(artifacts)
    with pytest.raises(SuiteError, match=r"classes.json is not there yet: run notebooks/01_download.ipynb first"):
        read_run(artifacts, "small_resnet")


def test_the_papers_settings_train_on_square_colour_pictures(corpus, artifacts):
    profile = choose_profile("paper", overrides="weights=none epochs=1 image_size=64 batch_size=8")
    table, _ = build_manifest("folder", corpus, artifacts, seed=0)
    convert(table, artifacts, settings=profile.spectrogram, profile="paper")
    assert np.asarray(Image.open(artifacts.image(table.iloc[0]["clip"]))).shape == (64, 64, 3)
    run = train("mobilenetv2", table, artifacts, profile=profile)
    assert run["settings"]["optimizer"] == "adam" and len(read_table(artifacts.run("mobilenetv2").history)) == 1
