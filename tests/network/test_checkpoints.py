"""What Colab does to a training: killed in the middle of an epoch, the disk full, other settings afterwards, several GPUs."""

import dataclasses
import errno
import io
import json
import os
import resource
import shutil
import subprocess
import sys
import zipfile

import numpy as np
import pandas as pd
import pytest
from conftest import TINY

from helpers.base import drive, machine
from helpers.base.artifacts import SuiteError, read_table
from helpers.base.machine import PROJECT
from helpers.network import checkpoints, training
from helpers.network.model_files import NOTE, read_note
from helpers.network.training import train

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("shallow")]
PROFILE = dataclasses.replace(TINY, epochs=4, batch_size=4)
NAME = "small_resnet"

START = """
import dataclasses, json, os, signal, sys
from pathlib import Path
import conftest
from helpers.network import checkpoints
from helpers.network import networks
from helpers.base import machine
from helpers.network import training
from helpers.base.artifacts import Artifacts
from helpers.recordings.manifest import read_manifest
networks.STAGES = networks.BLOCKS_PER_STAGE = 1
artifacts = Artifacts(Path(sys.argv[1]))
"""
KILLED_IN_STEP_2_OF_EPOCH_3 = """
class Killed(checkpoints.EpochRecorder):
    def on_train_batch_end(self, batch, logs=None):
        super().on_train_batch_end(batch, logs)
        if len(self.history) == 2 and batch == 1:
            os.kill(os.getpid(), signal.SIGKILL)
training.EpochRecorder = Killed
profile = dataclasses.replace(conftest.TINY, epochs=4, batch_size=4)
training.train("small_resnet", read_manifest(artifacts), artifacts, profile=profile)
"""
TWO_DEVICES = """
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
"""
SAME_ON_BOTH = """
import keras

def network(name, *, shape, classes, **_):
    pictures = keras.Input(shape)
    x = keras.layers.Conv2D(4, 5, strides=2, activation="relu")(keras.layers.Rescaling(1 / 255)(pictures))
    return keras.Model(pictures, keras.layers.Dense(classes, activation="softmax")(keras.layers.Flatten()(x)))

class Steps(checkpoints.EpochRecorder):
    def on_epoch_end(self, epoch, logs=None):
        super().on_epoch_end(epoch, logs)
        self.history[-1]["steps"] = self.model.optimizer.iterations.numpy().item()

networks.build, training.EpochRecorder = network, Steps
manifest = read_manifest(artifacts)
training_clips = manifest[manifest["split"] == "train"].index
manifest = manifest.drop(training_clips[11:])  # two batches of four, and one of three
profile = dataclasses.replace(conftest.TINY, batch_size=4, test_windows=1, learning_rate=1e-3)  # for which 0.01 is little
found = {}
for devices in ([], ["CPU:0", "CPU:1"]):
    machine.training_devices = lambda: devices
    folder = artifacts.model(str(len(devices)))
    training.train("plain_cnn", manifest, artifacts, profile=profile, folder=folder)
    found[len(devices)] = (folder / "history.csv").read_text()
print(json.dumps(found))
"""
GOES_ON_ON_TWO_DEVICES = """
machine.training_devices = lambda: ["CPU:0", "CPU:1"]
manifest = read_manifest(artifacts)
manifest = manifest.drop(manifest[manifest["split"] == "train"].index[9:])  # the last batch is a single clip
# With batch normalisation, dropout and 16 bits.
profile = dataclasses.replace(conftest.TINY, batch_size=4, test_windows=1, mixed_precision="on")
save = training.checkpoints.save_checkpoint

def interrupted(*args, **kwargs):
    save(*args, **kwargs)
    training.checkpoints.save_checkpoint = save
    raise KeyboardInterrupt

training.checkpoints.save_checkpoint = interrupted
try:
    training.train("small_resnet", manifest, artifacts, profile=profile)
except KeyboardInterrupt:  # and goes on
    training.train("small_resnet", manifest, artifacts, profile=profile)
"""


def run(script, artifacts):
    """Run a script in a Python of its own."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(PROJECT), str(PROJECT / "tests")])}
    return subprocess.run(
        [sys.executable, "-c", START + script, str(artifacts.folder)], env=environment, capture_output=True, text=True
    )


def test_a_killed_training_goes_on_to_the_same_result(manifest, artifacts, capsys):
    assert run(KILLED_IN_STEP_2_OF_EPOCH_3, artifacts).returncode == -9
    folder = artifacts.model(NAME)
    assert not (folder / "run.json").exists() and len(list((folder / "checkpoints").glob("*.keras"))) <= 2
    train(NAME, manifest, artifacts, profile=PROFILE)
    assert "goes on after epoch 2 of 4" in capsys.readouterr().out
    resumed, predictions = read_table(artifacts.run(NAME).history), (folder / "predictions.csv").read_bytes()
    assert not (folder / "checkpoints").exists()

    (folder / "run.json").unlink()
    train(NAME, manifest, artifacts, profile=PROFILE)
    undisturbed = read_table(artifacts.run(NAME).history)
    assert len(resumed) == len(undisturbed) == 4
    columns = [name for name in undisturbed if not name.endswith("seconds")]
    assert np.allclose(resumed[columns], undisturbed[columns], atol=1e-4)
    assert (folder / "predictions.csv").read_bytes() == predictions


@pytest.mark.parametrize(
    ("module", "epoch", "message"),
    [
        (
            checkpoints,
            2,
            r"checkpoint of epoch 2 could not be written to .* \(File too large\): free some .* goes on from epoch 1\.",
        ),
        (
            training,
            None,
            r"is trained, but its results could not be written to .* \(File too large\): free some .* is trained twice\.",
        ),
    ],
)
def test_a_full_disk_is_one_sentence_and_the_last_checkpoint_stays(
    manifest, artifacts, monkeypatch, capsys, module, epoch, message
):
    def save_on_full_disk(path, model, note):
        if epoch is None or len(note["history"]) == epoch:
            resource.setrlimit(resource.RLIMIT_FSIZE, (5000, limits[1]))
        return save(path, model, note)

    save, limits = module.save_model, resource.getrlimit(resource.RLIMIT_FSIZE)
    with monkeypatch.context() as context:
        context.setattr(module, "save_model", save_on_full_disk)
        try:
            with pytest.raises(SuiteError, match=message):
                train(NAME, manifest, artifacts, profile=TINY)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    last = (epoch or 3) - 1
    assert f"epoch-{last:04d}.keras" in {path.name for path in (artifacts.model(NAME) / "checkpoints").iterdir()}
    train(NAME, manifest, artifacts, profile=TINY)
    assert f"goes on after epoch {last} of 2" in capsys.readouterr().out and len(read_table(artifacts.run(NAME).history)) == 2


@pytest.fixture
def on_drive(artifacts, monkeypatch):
    """The folder on Drive, which the settings have asked for."""
    my_drive = artifacts.folder.parent.parent / "MyDrive"
    my_drive.mkdir()
    monkeypatch.setattr(machine, "DRIVE", my_drive)
    yield drive.connect(wanted=True)
    drive.connect(wanted=False)


def stop_after_an_epoch(manifest, artifacts, monkeypatch):
    """Interrupt a training after its first epoch."""

    def interrupted(*args, **kwargs):
        ended(*args, **kwargs)
        raise KeyboardInterrupt

    ended = checkpoints.EpochRecorder.on_epoch_end
    with monkeypatch.context() as context, pytest.raises(KeyboardInterrupt):
        context.setattr(checkpoints.EpochRecorder, "on_epoch_end", interrupted)
        train("plain_cnn", manifest, artifacts, profile=TINY)


@pytest.fixture
def stopped(manifest, artifacts, on_drive, monkeypatch):
    """A training that was interrupted after its first epoch, on a machine that is gone."""
    stop_after_an_epoch(manifest, artifacts, monkeypatch)
    shutil.rmtree(artifacts.model("plain_cnn"))
    return manifest, on_drive / "checkpoints" / "folder" / "models" / "plain_cnn"


def test_a_training_goes_on_from_drive_on_another_machine(stopped, artifacts, capsys):
    manifest, folder = stopped
    assert [path.name for path in folder.iterdir()] == ["epoch-0001.keras"]
    train("plain_cnn", manifest, artifacts, profile=TINY)
    assert "goes on after epoch 1 of 2" in capsys.readouterr().out and len(read_table(artifacts.run("plain_cnn").history)) == 2
    assert not folder.exists() and not artifacts.run("plain_cnn").checkpoints.exists()


def test_without_use_drive_nothing_goes_to_drive(manifest, artifacts, on_drive, monkeypatch):
    drive.connect(wanted=False)  # it stays mounted
    stop_after_an_epoch(manifest, artifacts, monkeypatch)
    assert not list(on_drive.rglob("*.keras")) and list(artifacts.run("plain_cnn").checkpoints.glob("*.keras"))


def test_a_drive_that_fails_is_said_once_and_the_training_goes_on(manifest, artifacts, on_drive, monkeypatch, capsys):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(shutil, "copyfile", full)
    train("plain_cnn", manifest, artifacts, profile=TINY)
    said = capsys.readouterr().out
    assert said.count("The checkpoint could not be copied to Drive (No space left on device)") == 1
    assert "The training goes on, with its checkpoints on this machine." in said
    assert len(read_table(artifacts.run("plain_cnn").history)) == 2 and not list(on_drive.rglob("*.keras"))


def test_a_training_says_early_how_long_it_will_take(manifest, artifacts, monkeypatch, capsys):
    monkeypatch.setattr(checkpoints, "TIMED_STEPS", range(1, 2))
    monkeypatch.setattr(checkpoints, "FEWEST_STEPS", 0)
    train("plain_cnn", manifest, artifacts, profile=TINY)
    assert capsys.readouterr().out.count("About 1 minute for 2 epochs, measured on the first steps. To stop:") == 1


def test_a_checkpoint_of_another_training_is_refused_and_says_why(stopped, artifacts):
    manifest, folder = stopped
    assert [path.name for path in folder.iterdir()] == ["epoch-0001.keras"]

    def refused(table, profile, message):
        with pytest.raises(SuiteError, match=message):
            train("plain_cnn", table, artifacts, profile=profile)

    seven = dataclasses.replace(TINY, epochs=7)
    refused(manifest, seven, r"stopped after epoch 1, .* because epochs was 2 and is 7\. .*delete the folder")
    refused(manifest.iloc[1:], TINY, "because the clips, labels or splits have changed")
    artifacts.classes.write_text(json.dumps(["a_1", "female_23", "female_60", "male_41"]))
    refused(manifest, TINY, r"because it has 3 classes, and 4 are wanted \(without a_1\)")
    path = folder / "epoch-0001.keras"
    path.write_bytes(path.read_bytes()[:-200])
    refused(manifest, TINY, "epoch-0001.keras is cut off, damaged")


@pytest.mark.parametrize(("lacking", "reason"), [("layers", "the network's layers"), ("data", "the clips, labels or splits")])
def test_a_checkpoint_of_an_earlier_version_is_refused(stopped, artifacts, lacking, reason):
    manifest, folder = stopped
    path = folder / "epoch-0001.keras"
    note = {key: value for key, value in read_note(path).items() if key != lacking}
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(path, "a") as archive:
        archive.writestr(NOTE, json.dumps(note))  # the last of a name is the one that is read
    with pytest.raises(SuiteError, match=f"because {reason} have changed.* delete the folder"):
        train("plain_cnn", manifest, artifacts, profile=TINY)


def test_two_devices_train_as_one_does(manifest, artifacts):
    result = run(TWO_DEVICES + SAME_ON_BOTH, artifacts)
    assert result.returncode == 0, result.stderr[-3000:]
    found = json.loads(result.stdout.splitlines()[-1])
    one, two = (pd.read_csv(io.StringIO(found[devices])) for devices in "02")
    assert one["steps"].tolist() == two["steps"].tolist() == [3, 6]
    # Up to the last step of an epoch they are the same. In that one, of three clips, one device has a clip to itself, which then
    # counts for more.
    assert one["loss"][0] == pytest.approx(two["loss"][0], abs=1e-3), found
    losses = ["loss", "validation_loss"]
    assert np.allclose(one[losses], two[losses], atol=1e-2), found


@pytest.mark.long
def test_a_stopped_training_on_two_devices_goes_on(manifest, artifacts):
    result = run(TWO_DEVICES + GOES_ON_ON_TWO_DEVICES, artifacts)
    assert result.returncode == 0, result.stderr[-3000:]
    assert f"{NAME}: goes on after epoch 1 of 2" in result.stdout and len(read_table(artifacts.run(NAME).history)) == 2
