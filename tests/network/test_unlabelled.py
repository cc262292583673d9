"""A folder of recordings into a table, by the command line and by itself."""

import keras
import numpy as np
import pandas as pd
import pytest
import soundfile
from conftest import RATE, voice
from PIL import Image

from helpers.base.artifacts import Artifacts, SuiteError, write_table
from helpers.base.settings import choose_profile
from helpers.evaluation.scores import predictions_table
from helpers.network import networks
from helpers.network.model import TrainedModel
from helpers.network.model_files import model_note, save_model
from helpers.network.training import predict_clips
from helpers.network.unlabelled import Limits, limits_of, predict_folder
from helpers.recordings.manifest import build_manifest
from helpers.spectrograms.convert import convert
from helpers.suite import predict

PROFILE = choose_profile("quick", overrides="base_channels=4 mel_bins=32 window_frames=48 test_windows=3")
CLASSES = ["female_23", "female_60", "male_41"]


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(1)
    network = networks.build("small_resnet", shape=(32, 48, 1), classes=3, base_channels=4, dropout=PROFILE.dropout)
    network.layers[-1].kernel.assign(network.layers[-1].kernel * 30)  # confident answers, which differ from clip to clip
    return TrainedModel(network, CLASSES, PROFILE.spectrogram, PROFILE.test_windows)


@pytest.fixture
def recordings(tmp_path):
    """Two voices, one of them in a folder of its own, a file that is no sound, an empty one, and a text."""
    folder = tmp_path / "unlabelled"
    (folder / "inside").mkdir(parents=True)
    soundfile.write(folder / "low.wav", voice(110, seconds=1.2), RATE)
    soundfile.write(folder / "inside" / "high.flac", voice(220, seconds=0.9), RATE)
    (folder / "bad.wav").write_text("no sound")
    (folder / "empty.mp3").touch()
    (folder / "notes.txt").touch()
    return folder


@pytest.fixture
def run(corpus, artifacts, model):
    """The run that the model lies in, with its pictures; the path of its file."""
    manifest, _ = build_manifest("folder", corpus, artifacts, seed=0)
    convert(manifest, artifacts, settings=PROFILE.spectrogram, profile="quick")
    folder = artifacts.model("small_resnet")
    folder.mkdir(parents=True)
    save_model(folder / "model.keras", model.network, model_note(model.network, classes=CLASSES, profile=PROFILE))
    found = predict_clips(model.network, [artifacts.image(clip) for clip in manifest["clip"]], classes=3, profile=PROFILE)
    write_table(folder / "predictions.csv", predictions_table(manifest, found, CLASSES))
    return folder / "model.keras"


def test_each_recording_has_its_answer_and_a_bad_file_its_reason(recordings, model, capsys):
    table = predict_folder(recordings, model, limits=Limits()).set_index("file")
    assert list(table.index) == ["bad.wav", "empty.mp3", "inside/high.flac", "low.wav"] and "1 .txt" in capsys.readouterr().out
    assert table["unsure"].tolist() == ["not read", "not read", "no", "no"]
    assert "can't be read as sound" in table["why"]["bad.wav"] and table["why"]["empty.mp3"] == "The file is empty (0 bytes)."
    for name in ("inside/high.flac", "low.wav"):
        alone = model.predict(model.samples(recordings / name))
        row = table.loc[name]
        assert row["class"] == alone.probabilities.index[0] and row["confidence"] == pytest.approx(
            alone.probabilities.iloc[0], abs=2e-3
        )
        assert row["gender"] == alone.gender and row["expected_age"] == pytest.approx(alone.age, abs=0.2)


def test_an_answer_is_unsure_for_a_low_confidence_or_a_large_distance(recordings, model):
    far = pd.DataFrame(-np.ones((2, model.features(voice(110)).size)), index=["a", "b"])
    found = predict_folder(recordings, model, limits=Limits(1.0, 1.1, far / np.linalg.norm(far.iloc[0]), 0.01))
    heard = found[found["unsure"] != "not read"]
    assert (heard["unsure"] == "yes").all()
    assert heard["why"].str.contains("its confidence is below 1.10; it is unlike every training clip").all()


def test_the_limits_come_from_the_models_own_run(run, model, artifacts, capsys):
    limits = limits_of(run, model)
    assert 0 < limits.confidence <= 1 and limits.temperature > 0 and len(limits.known) == 12 and 0 <= limits.distance < 2
    picture = next(artifacts.spectrograms.glob("*.png"))
    assert model.image_features([np.asarray(Image.open(picture))]).shape == (1, limits.known.shape[1])
    for path in artifacts.spectrograms.glob("*.png"):
        path.unlink()
    assert limits_of(run, model).known is None and "pictures are not here" in capsys.readouterr().out
    (run.parent / "predictions.csv").unlink()
    assert limits_of(run, model) == Limits() and "no answer is called unsure" in capsys.readouterr().out


@pytest.mark.parametrize(("name", "message"), [("nowhere", "There is no folder"), ("only_text", "holds no sound file")])
def test_a_folder_without_recordings_is_refused(tmp_path, model, name, message):
    (tmp_path / "only_text").mkdir()
    (tmp_path / "only_text" / "a.txt").touch()
    with pytest.raises(SuiteError, match=message):
        predict_folder(tmp_path / name, model, limits=Limits())


def test_the_command_writes_the_table_and_counts(recordings, run, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("ARTIFACTS", str(tmp_path / "artifacts"))
    monkeypatch.setenv("RECORDINGS", str(recordings))
    monkeypatch.setenv("MODEL", str(run))
    assert predict.main() == 0
    table = pd.read_csv(tmp_path / "artifacts" / "predictions" / "unlabelled.csv")
    counts = table["unsure"].value_counts()
    said = f"4 recordings: {counts.get('no', 0)} answered, {counts.get('yes', 0)} unsure, 2 not read"
    assert len(table) == 4 and said in capsys.readouterr().out
    monkeypatch.setenv("MODEL", str(tmp_path / "none.keras"))
    assert predict.main() == 1 and "There is no model file" in capsys.readouterr().err
    monkeypatch.delenv("MODEL")
    assert predict.main() == 1 and "MODEL is not set: write make predict" in capsys.readouterr().err
    assert Artifacts(tmp_path / "artifacts").folder.exists()
