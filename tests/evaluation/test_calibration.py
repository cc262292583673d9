import cloudpickle
import numpy as np
import pandas as pd
import pytest
from scipy.special import softmax

from evaluation.test_scores import table
from helpers import spectrograms
from helpers.base.artifacts import SuiteError, read_table, write_table
from helpers.evaluation.calibration import (
    confidence_threshold,
    expected_calibration_error,
    fit_temperature,
    reliability,
    risk_coverage,
    with_temperature,
)
from helpers.evaluation.scores import no_audio_scores, pitch_threshold
from helpers.recordings.manifest import build_manifest
from helpers.spectrograms.voice import pitch_table

CLASSES = ["a", "b", "c"]


def calibrated(rng, *, clips=4000, temperature=1.0):
    """Predictions whose truth is drawn from their own probabilities, then sharpened by a temperature below 1."""
    logits = rng.normal(0, 2, (clips, 3))
    chances = softmax(logits, axis=1)
    true = [CLASSES[place] for place in (rng.random((clips, 1)) > chances.cumsum(axis=1)).sum(axis=1)]
    return table(true, softmax(logits / temperature, axis=1), CLASSES)


def test_a_temperature_that_was_put_in_is_found_again(rng):
    sharpened = calibrated(rng, temperature=0.5)
    assert fit_temperature(sharpened, CLASSES) == pytest.approx(2, rel=0.1)
    assert fit_temperature(calibrated(rng), CLASSES) == pytest.approx(1, rel=0.1)
    mended = with_temperature(sharpened, CLASSES, temperature=2)
    assert expected_calibration_error(mended) < 0.03 < expected_calibration_error(sharpened)
    assert (mended["predicted"] == sharpened["predicted"]).all()
    assert np.allclose(mended[[f"p:{name}" for name in CLASSES]].sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize(("errors", "fitted"), [(0, False), (9, False), (10, True)])
def test_a_temperature_is_fitted_to_ten_errors_or_more_and_else_stays_1(errors, fitted, capsys):
    """Of 107 clips, all right with a mean confidence of 0.63, an unbounded temperature would be 0: certain of any voice."""
    true = ["a"] * (107 - errors) + ["b"] * errors
    predictions = table(true, [[0.63, 0.2, 0.17]] * 107, CLASSES)
    temperature = fit_temperature(predictions, CLASSES)
    said = capsys.readouterr().out
    assert (temperature != 1) == fitted and ("stays 1" in said) != fitted
    assert fitted or f"{errors} of these 107 clips are wrong" in said
    same = with_temperature(predictions, CLASSES, temperature=temperature)
    assert fitted or np.allclose(same["confidence"], predictions["confidence"])


@pytest.mark.parametrize(("right", "bound", "said"), [(5000, 0.5, "below 0.5, the lowest"), (0, 5.0, "above 5, the highest")])
def test_a_temperature_beyond_its_bounds_is_the_bound_and_said(right, bound, said, capsys):
    predictions = table(["a"] * right + ["b"] * 20, [[0.4, 0.3, 0.3] if right else [0.999, 0.0005, 0.0005]] * (right + 20), CLASSES)
    assert fit_temperature(predictions, CLASSES) == bound
    assert f"The best temperature lies {said} that is tried" in capsys.readouterr().out


def test_the_calibration_error_of_a_small_table():
    predictions = pd.DataFrame({"true": list("aabb"), "predicted": list("aaaa"), "confidence": [1.0, 0.95, 0.55, 0.5]})
    found = reliability(predictions)
    assert found[["from", "clips", "accuracy"]].to_numpy().tolist() == [[0.5, 2, 0], [0.9, 2, 1]]
    assert expected_calibration_error(predictions) == pytest.approx((0.525 * 2 + 0.025 * 2) / 4)


def test_answers_of_equal_confidence_stand_or_fall_together():
    predictions = pd.DataFrame({"true": list("aaab"), "predicted": list("aaaa"), "confidence": [0.9, 0.8, 0.6, 0.6]})
    assert risk_coverage(predictions).to_numpy().tolist() == [[0.9, 0.25, 0], [0.8, 0.5, 0], [0.6, 1, 0.25]]
    assert confidence_threshold(predictions, risk=0.1) == 0.8 and confidence_threshold(predictions, risk=0.3) == 0.6
    wrong = predictions.assign(predicted="b", true="a")
    assert confidence_threshold(wrong, risk=0.1) is None


def test_without_audio_the_answer_is_the_most_frequent_class_and_the_median_age():
    classes = ["female_20", "female_60", "male_20", "male_60"]
    train = table(["female_20"] * 3 + ["male_60"], np.eye(4)[[0, 0, 0, 3]], classes, split="train")
    test = table(["female_20", "female_60", "male_60"], np.eye(4)[[0, 1, 3]], classes)
    scores = no_audio_scores(pd.concat([train, test]), classes)
    assert scores["accuracy"] == pytest.approx(1 / 3, abs=1e-5) and scores["gender_accuracy"] == pytest.approx(2 / 3, abs=1e-5)
    assert scores["age_mae_years"] == pytest.approx((0 + 40 + 40) / 3, abs=1e-3)  # the median age in training is 20


@pytest.mark.parametrize(
    ("pitches", "threshold", "right"),
    [
        ((100, 120, 200, 220), 160, 4),
        ((100, 220, 200, 240), 150, 3),  # between the lowest and the next, with one error
        ((200, 220, 100, 120), 0, 2),  # the wrong way round: one answer for all errs no more often than any other
        ((100, 100, 100, 100), 0, 2),  # one pitch
        ((np.nan, 120, np.nan, np.nan), 120, 1),
    ],
)
def test_the_threshold_errs_least_on_training_clips(pitches, threshold, right):
    predictions = pd.DataFrame({"clip": [*"abcd"], "true": ["male"] * 2 + ["female"] * 2, "split": "train"})
    found, rights = pitch_threshold(predictions, pd.Series(pitches, [*"abcd"], dtype=float))
    assert found == threshold and rights.sum() == right


def test_without_a_pitch_there_is_no_threshold():
    predictions = pd.DataFrame({"clip": [*"abcd"], "true": ["male", "female"] * 2, "split": ["train", "train", "test", "test"]})
    with pytest.raises(SuiteError, match="no training clip whose gender is known and whose pitch was measured"):
        pitch_threshold(predictions, pd.Series({"c": 100.0, "d": 200.0}))


def test_workers_get_of_the_kept_pitches_only_those_of_their_clip(corpus, artifacts, monkeypatch):
    manifest, _ = build_manifest("folder", corpus, artifacts, seed=0)
    names = [f"clip_{number}" for number in range(10_000)]
    write_table(artifacts.pitch, pd.DataFrame({"clip": names, "sound": names, "pitch_hz": 100.0}))
    sizes = []

    def send(function, items, *, title):
        sizes.extend(len(cloudpickle.dumps((function, item))) for item in items)
        return [("", np.nan)] * len(items)

    monkeypatch.setattr(spectrograms.voice, "on_all_cores", send)
    pitch_table(manifest, artifacts)
    assert len(sizes) == len(manifest) and max(sizes) < 10_000


@pytest.mark.slow
def test_the_threshold_is_fitted_on_training_clips_and_kept_pitches_are_reused(corpus, artifacts):
    manifest, _ = build_manifest("folder", corpus, artifacts, seed=0)
    pitch = pitch_table(manifest, artifacts)
    predictions = manifest.rename(columns={"label": "true"})
    threshold, right = pitch_threshold(predictions, pitch)
    assert 110 < threshold < 185 and right.all() and len(right) == len(manifest)
    assert pitch_threshold(predictions, pitch.where(manifest.set_index("clip")["split"] != "test", 100))[0] == threshold

    artifacts.audio(manifest.iloc[0]["path"]).write_bytes(artifacts.audio(manifest.iloc[-1]["path"]).read_bytes())
    artifacts.audio(manifest.iloc[1]["path"]).unlink()
    again = pitch_table(manifest, artifacts)
    assert again.iloc[0] == pitch.iloc[-1] and again.iloc[1] == pitch.iloc[1]  # of a file that is gone, what was kept
    kept = read_table(artifacts.pitch)
    write_table(artifacts.pitch, kept.assign(pitch_hz=kept["pitch_hz"].where(kept.index != 5, 999.0)))
    assert pitch_table(manifest, artifacts).loc[manifest.iloc[5]["clip"]] == 999  # not measured again
