import re
from dataclasses import replace

import keras
import numpy as np
import pandas as pd
import pytest
import soundfile
import tensorflow as tf
from conftest import RATE, voice

from helpers.base.artifacts import NoRecordingsError, SuiteError, read_table, write_table
from helpers.base.settings import choose_profile
from helpers.comparison.robustness import CONDITIONS, degrade, robustness
from helpers.evaluation.scores import predictions_table
from helpers.network import networks
from helpers.network.grad_cam import grad_cam, spread
from helpers.network.model_files import model_note, save_model
from helpers.network.questions import Questions
from helpers.network.training import predict_clips
from helpers.recordings.manifest import build_manifest
from helpers.spectrograms.batches import even_windows, image_shape, read_image
from helpers.spectrograms.convert import convert

PROFILE = choose_profile("quick", overrides="base_channels=4 mel_bins=32 window_frames=48 test_windows=3")
CLASSES = ["female_23", "female_60", "male_41"]


@pytest.fixture
def stage(corpus, artifacts):
    """Pictures, a network with random weights, and its predictions."""
    manifest, _ = build_manifest("folder", corpus, artifacts, seed=0)
    convert(manifest, artifacts, settings=PROFILE.spectrogram, profile="quick")
    paths = [artifacts.image(clip) for clip in manifest["clip"]]
    keras.utils.set_random_seed(1)
    model = networks.build(
        "small_resnet", shape=image_shape(paths[0], profile=PROFILE), classes=3, base_channels=4, dropout=PROFILE.dropout
    )
    model.layers[-1].kernel.assign(model.layers[-1].kernel * 30)  # confident answers, which differ from clip to clip
    folder = artifacts.model(PROFILE.network)
    folder.mkdir(parents=True)
    save_model(folder / "model.keras", model, model_note(model, classes=CLASSES, profile=PROFILE))
    predictions = predictions_table(manifest, predict_clips(model, paths, classes=3, profile=PROFILE), CLASSES)
    write_table(folder / "predictions.csv", predictions)
    return manifest, model, predictions


@pytest.mark.slow
def test_the_clean_clips_score_as_predicted_and_a_change_of_level_does_not_matter(stage, artifacts, monkeypatch):
    manifest, _, predictions = stage
    found = robustness(manifest, artifacts, classes=CLASSES, profile=PROFILE)
    assert list(found.index) == list(CONDITIONS) and (found["clips"] == len(manifest)).all()
    assert found.loc["clean", "accuracy"] == pytest.approx((predictions["true"] == predictions["predicted"]).mean(), abs=1e-6)
    for condition in ("gain +20 dB", "gain -20 dB"):
        assert abs(found.loc[condition, "accuracy"] - found.loc["clean", "accuracy"]) <= 0.01
    assert ((found["low"] <= found["accuracy"]) & (found["accuracy"] <= found["high"])).all()

    target = artifacts.model(PROFILE.network) / "robustness.csv"
    write_table(target, read_table(target).assign(accuracy=0.123))
    assert (robustness(manifest, artifacts, classes=CLASSES, profile=PROFILE)["accuracy"] == 0.123).all()
    write_table(artifacts.model(PROFILE.network) / "predictions.csv", predictions.iloc[:-1])  # another run
    monkeypatch.setattr("helpers.comparison.robustness.MOST_CLIPS", 9)
    again = robustness(manifest, artifacts, classes=CLASSES, profile=PROFILE)
    assert (again["clips"] == 9).all() and (again["accuracy"] != 0.123).all()


def test_without_the_model_it_says_which_notebook_makes_it(stage, artifacts):
    manifest, _, _ = stage
    (artifacts.model(PROFILE.network) / "model.keras").unlink()
    with pytest.raises(SuiteError, match=r"no model file .*model\.keras: run notebooks/03"):
        robustness(manifest, artifacts, classes=CLASSES, profile=PROFILE)
    with pytest.raises(SuiteError, match=r"no model file .*model\.keras: run notebooks/03"):
        Questions(artifacts, classes=CLASSES, profile=PROFILE).heat(manifest.iloc[0])


def test_a_model_that_keras_cannot_read_is_one_sentence(stage, artifacts):
    (artifacts.model(PROFILE.network) / "model.keras").write_text("no model")
    with pytest.raises(SuiteError, match=r"model\.keras is cut off, damaged, or of another format"):
        Questions(artifacts, classes=CLASSES, profile=PROFILE).heat(stage[0].iloc[0])


def spectrum(samples, rate=RATE):
    return np.abs(np.fft.rfft(samples)) ** 2, np.fft.rfftfreq(len(samples), 1 / rate)


@pytest.mark.parametrize("rate", [16_000, 22_050])
def test_each_condition_does_what_it_is_called(rate):
    rng = np.random.default_rng(0)
    clip = (voice(180, seconds=2, rate=rate) + rng.normal(0, 0.02, 2 * rate)).astype("float32")

    def bring(condition):
        return degrade(clip, condition, sample_rate=rate, seed=3)

    assert np.allclose(bring("gain +20 dB"), clip * 10) and np.allclose(bring("gain -20 dB"), clip / 10)
    for snr in (20, 10, 0):
        added = bring(f"noise, SNR {snr} dB") - clip
        assert 10 * np.log10(np.mean(clip**2) / np.mean(added**2)) == pytest.approx(snr, abs=0.2)
    assert np.array_equal(bring("noise, SNR 0 dB"), bring("noise, SNR 0 dB"))
    assert len(bring("first second")) == rate and np.array_equal(bring("first second"), clip[:rate])
    power, hertz = spectrum(bring("telephone"), rate)
    before, _ = spectrum(clip, rate)
    for low, high, passed in ((500, 3000, True), (0, 150, False), (4200, 8000, False)):
        band = (hertz >= low) & (hertz < high)
        level = 10 * np.log10(power[: len(band)][band].sum() / before[: len(band)][band].sum())
        assert (abs(level) < 1.5) if passed else (level < -10)
    coded = bring("MP3, 32 kbit/s")
    assert abs(len(coded) - len(clip)) < 0.15 * rate
    assert np.sqrt(np.mean(coded**2)) == pytest.approx(np.sqrt(np.mean(clip**2)), rel=0.1)


@pytest.mark.parametrize("rate", [16_000, 22_050, 44_100])
def test_the_mp3_has_32_kilobits_a_second(rate, monkeypatch):
    sizes = []
    real = soundfile.write

    def write(buffer, samples, *arguments, **settings):
        real(buffer, samples, *arguments, **settings)
        sizes.append(len(buffer.getvalue()) * 8 / 10)

    monkeypatch.setattr(soundfile, "write", write)
    degrade(voice(180, seconds=10, rate=rate).astype("float32"), "MP3, 32 kbit/s", sample_rate=rate, seed=0)
    assert sizes == [pytest.approx(32_000, rel=0.06)]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["small_resnet", "small_vgg", "mobilenetv2"])
def test_grad_cam_weighs_the_maps_by_their_mean_gradients(name):
    """Selvaraju et al. (2017), equations 1 and 2, to the letter."""
    model = networks.build(name, shape=(64, 96, 3), classes=4, base_channels=4)
    images = np.random.default_rng(0).uniform(0, 255, (2, 64, 96, 3)).astype("float32")
    pooling = next(layer for layer in model.layers if layer.name.startswith("global"))
    answer = model.layers[-1]
    maps = tf.constant(keras.Model(model.inputs, pooling.input).predict(images, verbose=0))
    found = [grad_cam(model, images, target) for target in range(4)]
    for target in range(4):
        with tf.GradientTape() as tape:
            tape.watch(maps)
            logit = (pooling(maps) @ answer.kernel)[:, target]
        gradients = tape.gradient(logit, maps).numpy().mean(axis=(1, 2), keepdims=True)
        assert np.allclose(found[target], np.maximum((gradients * maps.numpy()).sum(axis=-1), 0), rtol=1e-3, atol=1e-6)
    assert np.shape(found) == (4, *maps.shape[:3]) and np.max(found) > 0


def test_a_network_without_global_pooling_is_one_sentence():
    pictures = keras.layers.Input((8, 8, 1))
    model = keras.Model(pictures, keras.layers.Dense(2)(keras.layers.Flatten()(pictures)), name="flat")
    with pytest.raises(SuiteError, match="needs a network with a global pooling layer, and flat has none"):
        grad_cam(model, np.zeros((1, 8, 8, 1)), 0)


def test_heat_lies_where_its_window_was_cut():
    maps = np.zeros((2, 2, 4), "float32")
    maps[1, 0, 3] = 5
    heat = spread(maps, starts=np.array([0, 60]), window=40, shape=(32, 100))
    assert heat.shape == (32, 100) and heat.max() == 1
    assert np.unravel_index(heat.argmax(), heat.shape)[1] > 90 and heat[:, :60].max() == 0 and heat[-1].max() < heat[0].max()


def test_a_clips_heat_is_as_wide_as_its_picture(stage, artifacts):
    manifest, _, predictions = stage
    row = manifest.merge(predictions[["clip", "predicted"]], on="clip").iloc[-1]
    heat = Questions(artifacts, classes=CLASSES, profile=PROFILE).heat(row)
    image = read_image(str(artifacts.image(row["clip"])))
    windows, starts = even_windows(image, width=48, windows=3)
    assert windows.shape == (3, 32, 48, 1) and starts[0] == 0 and starts[-1] == image.shape[1] - 48
    assert heat.shape == image.shape[:2] and heat.min() >= 0 and heat.max() == pytest.approx(1, abs=1e-6)
    artifacts.image(row["clip"]).unlink()
    with pytest.raises(SuiteError, match=re.escape(f"{row['clip']}.png is not there yet")):
        Questions(artifacts, classes=CLASSES, profile=PROFILE).heat(row)


def test_the_answer_for_a_stretch_is_that_for_a_file_which_holds_it_alone(stage, artifacts, tmp_path):
    manifest, _, _ = stage
    row, questions = manifest.iloc[0], Questions(artifacts, classes=CLASSES, profile=PROFILE)
    samples, rate = soundfile.read(artifacts.audio(row["path"]))
    soundfile.write(tmp_path / "cut.wav", samples[round(0.2 * rate) : round(0.7 * rate)], rate)
    alone = questions.model.predict(questions.model.samples(tmp_path / "cut.wav")).probabilities
    found = questions.stretch(row, 0.2, 0.7)
    pd.testing.assert_series_equal(found, alone, atol=1e-3)
    assert not np.allclose(found.sort_index(), questions.stretch(row, 0, row["duration_s"]).sort_index(), atol=1e-4)


def test_the_answer_along_time_is_that_of_each_window(stage, artifacts):
    row, questions = stage[0].iloc[0], Questions(artifacts, classes=CLASSES, profile=PROFILE)
    along, image = questions.along(row), questions.image(row)
    frame = PROFILE.spectrogram.hop_length / PROFILE.spectrogram.sample_rate
    assert questions.window_s == 48 * frame and along.index[0] == pytest.approx(24 * frame)
    assert along.index[-1] == pytest.approx((image.shape[1] - 24) * frame) and (np.diff(along.index) > 0).all()
    assert np.allclose(along.sum(axis=1), 1, atol=1e-5) and list(along) == CLASSES
    start = round(along.index[5] / frame - 24)
    window = image[np.newaxis, :, start : start + 48].astype(np.float32)
    assert np.allclose(along.iloc[5], np.asarray(questions.model.network(window, training=False))[0], atol=1e-5)
    whole = Questions(artifacts, classes=CLASSES, profile=replace(PROFILE, window_frames=None))
    with pytest.raises(SuiteError, match="sees the whole clip as one picture"):
        whole.along(row)


def test_without_recordings_what_was_measured_is_still_shown(stage, artifacts, capsys):
    manifest, _, _ = stage
    files = artifacts.run(PROFILE.network)
    for path in manifest["path"][:-3]:
        artifacts.audio(path).unlink()
    found = robustness(manifest, artifacts, classes=CLASSES, profile=PROFILE)
    assert (found["clips"] == 3).all() and "15 of 18 recordings are no longer in" in capsys.readouterr().out
    artifacts.location.unlink()
    assert robustness(manifest, artifacts, classes=CLASSES, profile=PROFILE).equals(found)
    files.robustness.unlink()
    with pytest.raises(NoRecordingsError, match="recordings of folder are not on this machine yet"):
        robustness(manifest, artifacts, classes=CLASSES, profile=PROFILE)


def test_recordings_that_are_all_gone_are_one_sentence(stage, artifacts):
    manifest, _, _ = stage
    for path in manifest["path"]:
        artifacts.audio(path).unlink()
    with pytest.raises(NoRecordingsError, match=r"Not one of 18 recordings is left in .*run notebooks/01"):
        robustness(manifest, artifacts, classes=CLASSES, profile=PROFILE)


def test_the_nearest_training_clip_is_another_one(stage, artifacts):
    manifest, questions = stage[0], Questions(artifacts, classes=CLASSES, profile=PROFILE)
    training = manifest[manifest["split"] == "train"]
    features = questions.model.clip_features(manifest, artifacts)
    for row in (training.iloc[0], manifest[manifest["split"] == "test"].iloc[0]):
        closest = (features.loc[training["clip"]] @ features.loc[row["clip"]]).drop(row["clip"], errors="ignore").idxmax()
        assert questions.nearest(row) == closest != row["clip"]
