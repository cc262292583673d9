"""The race on a tiny corpus: both questions, the rows, failures, restart, and the table made again from the files alone."""

import dataclasses
import itertools
import shutil
from types import SimpleNamespace

import keras
import numpy as np
import pandas as pd
import pytest
from conftest import TINY

from helpers.base.artifacts import RunFiles, SuiteError, read_json, read_table, write_json, write_table
from helpers.comparison import budget, race
from helpers.comparison.baselines import BASELINES, mfcc_table, train_baseline
from helpers.comparison.race import answers, compare, comparison_table, make_part, read_runs, resamples
from helpers.evaluation.scores import read_classes, read_predictions, score_split
from helpers.network import networks
from helpers.network.training import train
from helpers.recordings.manifest import read_manifest
from helpers.spectrograms.voice import pitch_table

PROFILE = dataclasses.replace(TINY, compare=("plain_cnn",), compare_epochs=1)


@pytest.fixture
def spoken(manifest, artifacts):
    """The tiny corpus with six clips by three speakers in each class: two to train on, with two sentences each, and a stranger."""
    table = manifest.assign(speaker=manifest["label"] + "_" + (manifest.groupby("label").cumcount() % 3).astype(str))
    write_table(artifacts.manifest, table)
    return table


@pytest.fixture
def given(spoken, artifacts):
    return {
        "features": mfcc_table(spoken, artifacts, sample_rate=16_000),
        "pitch": pitch_table(spoken, artifacts),
        "profile": PROFILE,
    }


def test_one_split_serves_both_questions_and_shares_the_pictures(spoken, artifacts, capsys):
    part = make_part(spoken, artifacts, seed=0)
    assert "3 of 3 classes have 2 speakers in training instead of 3." in capsys.readouterr().out
    table = read_table(part.manifest)
    assert read_manifest(part).equals(table)  # what explorer and map read, too
    assert table["split"].value_counts().to_dict() == {"train": 6, "strangers": 6, "known": 3, "validation": 3}
    assert read_classes(part) == read_classes(artifacts) and part.spectrograms == artifacts.spectrograms
    assert table["clip"].tolist() == spoken["clip"].tolist()


def test_classes_of_too_few_speakers_are_joined_and_find_their_pictures(spoken, artifacts, given):
    # female_23 and female_60 are too far apart in age to be joined, female_23 and female_30 are not.
    alone = spoken.assign(label=spoken["label"].replace("female_60", "female_30"), age=spoken["age"].replace(60, 30))
    part = make_part(alone, artifacts, seed=0)
    assert read_classes(part) == ["female_23-30", "male_41"]
    race.run_models(["svm", "no_audio"], part, **given)
    ((run, answered),) = read_runs("svm", part, profile=PROFILE)
    assert set(answered["true"]) <= {"female_23-30", "male_41"} and run["parameters"] > 0
    ages = resamples("svm", part, profile=PROFILE, asked_about="strangers", samples=10)["age_mae_years"]
    assert 0 < ages[0] < 40
    # Without audio the answer is the median of the training clips' classes, here the middle of 23-30 or 41.
    table = read_table(part.manifest).set_index("clip")
    median = table.loc[table["split"] == "train", "label"].map({"female_23-30": 27, "male_41": 41}).median()
    expected = (table.loc[table["split"] == "known", "age"] - median).abs().mean()
    found = resamples("no_audio", part, profile=PROFILE, asked_about="known", samples=10)["age_mae_years"]
    assert found[0] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("speakers", "message"),
    [("", "Nobody knows who speaks in 18 of the 18 clips"), ("one", "needs two classes with 3 speakers each")],
)
def test_a_corpus_without_strangers_is_asked_about_known_voices_alone(
    spoken, artifacts, given, speakers, message, monkeypatch, capsys
):
    """The baselines alone, as networks take longer."""
    monkeypatch.setattr(race, "models", lambda _: list(BASELINES))
    table = compare(spoken.assign(speaker=speakers), artifacts, **given)
    assert message in capsys.readouterr().out
    reasons = table.set_index(["asked_about", "model"])["reason"]
    assert (reasons["known"] == "").all() and reasons["strangers"].str.contains(message).all()
    assert table.query("asked_about == 'known'")["clips"].unique() == [3]  # split clip by clip: 12, 3 and 3
    again = compare(spoken, artifacts, **given)  # now somebody knows
    assert (again["reason"] == "").all() and again.query("asked_about == 'strangers'")["speakers"].unique() == [3]


@pytest.mark.parametrize("name", BASELINES)
def test_each_baseline_predicts_every_clip(spoken, artifacts, given, name, capsys):
    run = train_baseline(name, spoken, artifacts, **given)
    tested = read_json(artifacts.model(name) / "metrics.json")["test"]
    assert run["parameters"] > 0 and tested["clips"] == (spoken["split"] == "test").sum()
    if name == "fisher_vector":  # it knows little of pitch, the only thing that tells these buzzes apart
        assert (
            read_predictions(artifacts.model(name) / "predictions.csv", read_classes(artifacts))["confidence"]
            .between(0.25, 1)
            .all()
        )
    elif name != "no_audio":
        assert tested["gender_accuracy"] == 1  # 110 Hz against 180 and 220
    else:
        predicted = read_table(artifacts.model(name) / "predictions.csv")["predicted"]
        assert predicted.nunique() == 1 and predicted[0] in spoken.loc[spoken["split"] == "train", "label"].mode().tolist()
    train_baseline(name, spoken, artifacts, **given)
    assert "already trained" in capsys.readouterr().out


def test_the_pitch_says_nothing_where_classes_have_no_gender(spoken, artifacts, given):
    write_json(artifacts.classes, ["happy", "sad"])
    moods = spoken.assign(label=np.where(spoken["label"] == "male_41", "sad", "happy"))
    with pytest.raises(SuiteError, match="pitch tells gender alone"):
        train_baseline("pitch_threshold", moods, artifacts, **given)


@pytest.mark.slow
@pytest.mark.usefixtures("shallow")
def test_one_call_fills_the_table_a_failure_is_a_row_and_restarting_trains_nothing(spoken, artifacts, given, monkeypatch, capsys):
    """`inceptionv3` wants larger pictures, `vgg16` runs out of memory, `resnet50` can't get its weights: the others go on."""

    def heavy(**_):
        raise MemoryError

    def offline(*, weights, **options):
        if weights is None:
            return keras.applications.MobileNetV2(weights=None, **options)
        raise Exception("URL fetch failure on https://example.invalid/x.h5: None -- refused")

    monkeypatch.setitem(networks.PRETRAINED, "vgg16", (heavy, "unit"))
    monkeypatch.setitem(networks.PRETRAINED, "resnet50", (offline, "caffe"))
    profile = dataclasses.replace(
        PROFILE, compare=("vgg16", "inceptionv3", "resnet50", "plain_cnn"), weights="imagenet", compare_seeds=2
    )
    given["profile"] = profile
    table = compare(spoken, artifacts, **given)
    names = ["small_resnet", "vgg16", "inceptionv3", "resnet50", "plain_cnn", *BASELINES]
    assert table["model"].tolist() == 2 * names and table["asked_about"].tolist() == ["known"] * 10 + ["strangers"] * 10
    reasons = table.set_index(["asked_about", "model"])["reason"]
    for test in ("known", "strangers"):
        assert "memory ran out" in reasons[test, "vgg16"] and "can't be built for pictures" in reasons[test, "inceptionv3"]
        assert "weights of resnet50 could not be fetched" in reasons[test, "resnet50"]
    whole = table[table["reason"] == ""]
    assert len(whole) == 14 and whole["accuracy"].between(0, 1).all() and (whole["accuracy_low"] <= whole["accuracy_high"]).all()
    nets = whole[whole["model"].isin(["small_resnet", "plain_cnn"])]
    assert (nets["seeds"] == 2).all() and nets["accuracy_sd"].notna().all()
    assert (nets["epochs"] == 1).all() and nets["converged"].eq(False).all()  # one epoch is not eight without a gain
    assert whole.loc[~whole["model"].isin(nets["model"]), ["epochs", "converged"]].isna().all(axis=None)
    costs = ["parameters", "file_megabytes", "seconds", "seconds_per_epoch", "milliseconds_per_clip"]
    assert (nets[costs] > 0).all(axis=None)
    assert (nets["milliseconds_per_clip_low"] <= nets["milliseconds_per_clip_high"]).all()

    kept = artifacts.comparison.read_bytes()
    stamps = {path: path.stat().st_mtime_ns for path in artifacts.folder.rglob("run.json")}
    assert len(stamps) == 9  # two networks with two seeds, five baselines
    artifacts.comparison.unlink()
    monkeypatch.setattr(race, "train", lambda *_, **__: pytest.fail("trained"))
    comparison_table(artifacts, profile=profile)
    assert artifacts.comparison.read_bytes() == kept
    monkeypatch.setattr(race, "train", train)
    compare(spoken, artifacts, **given)
    assert {path: path.stat().st_mtime_ns for path in artifacts.folder.rglob("run.json")} == stamps
    assert artifacts.comparison.read_bytes() == kept and "already trained" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.usefixtures("shallow")
def test_the_table_is_that_of_the_files_and_a_run_that_was_stopped_is_finished(spoken, artifacts, given):
    given["profile"] = profile = dataclasses.replace(PROFILE, compare=(), compare_epochs=2)
    part = make_part(spoken, artifacts, seed=0)
    race.run_models(["small_resnet", "svm"], part, **given)
    ((run, answered),) = read_runs("small_resnet", part, profile=profile)
    assert run["settings"]["early_stopping"] == 8 and run["settings"]["optimizer"] == "adamw_steady"
    table = comparison_table(artifacts, profile=profile).set_index(["asked_about", "model"])
    for test in ("known", "strangers"):
        asked = answered[answered["split"] == test]
        metrics = score_split(asked, read_classes(part))
        for name in ("accuracy", "macro_f1", "macro_precision", "macro_recall", "gender_accuracy", "age_mae_years", "loss"):
            assert table.loc[(test, "small_resnet"), name] == pytest.approx(metrics[name], abs=1e-5), name
        right = answers("small_resnet", part, profile=profile, asked_about=test)
        assert right.index.tolist() == asked["clip"].tolist() and right.mean() == pytest.approx(metrics["accuracy"], abs=1e-5)
    part.model("svm/seed_0/run.json").unlink()  # killed before its last file
    with pytest.raises(SuiteError, match=r"run\.json is not there yet: run notebooks/"):
        read_runs("svm", part, profile=profile)
    race.run_models(["small_resnet", "svm"], part, **given)
    assert pd.notna(comparison_table(artifacts, profile=profile).set_index(["asked_about", "model"])["accuracy"]["known", "svm"])


def test_seeds_are_resampled_together_for_both_questions(spoken, artifacts, given, monkeypatch):
    """Two seeds, of which one is always right and one always wrong: the resamples of the accuracy are 0, 0.5 and 1."""
    part = make_part(spoken, artifacts, seed=0)
    race.run_models(["svm"], part, **given)
    ((run, answered),) = read_runs("svm", part, profile=PROFILE)
    wrong = {"female_23": "male_41", "female_60": "female_23", "male_41": "female_60"}
    seeds = [(run, answered.assign(predicted=predicted)) for predicted in (answered["true"], answered["true"].map(wrong))]
    monkeypatch.setattr(race, "read_runs", lambda *_, **__: seeds)
    known, strangers = (
        resamples("svm", part, profile=PROFILE, asked_about=test, samples=300)["accuracy"] for test in ("known", "strangers")
    )
    assert known.equals(strangers) and known[0] == 0.5 and set(known) == {0, 0.5, 1}
    assert set(answers("svm", part, profile=PROFILE, asked_about="known")) == {0.5}


@pytest.mark.slow
@pytest.mark.usefixtures("shallow")
def test_a_race_that_pauses_goes_on_to_the_same_result(spoken, artifacts, given, monkeypatch, capsys):
    """Its clock goes on by 25 s with each look at it, so that the minute is over at the third look."""
    monkeypatch.setattr(race, "BASELINES", ("no_audio", "svm"))
    given["profile"] = profile = dataclasses.replace(
        PROFILE, network="plain_cnn", compare=("small_resnet",), compare_epochs=3, compare_minutes=1, dropout=0.5
    )

    def race_on():
        table = compare(spoken, artifacts, **given, clock=itertools.count(step=25).__next__)
        return table, capsys.readouterr().out

    def predictions():
        return [path.read_bytes() for path in sorted(artifacts.folder.glob("comparison/models/*/*/predictions.csv"))]

    whole = compare(spoken, artifacts, **given | {"profile": dataclasses.replace(profile, compare_minutes=0)}, clock=lambda: 1e9)
    assert "pauses" not in capsys.readouterr().out and (whole["reason"] == "").all()
    expected = predictions()
    shutil.rmtree(artifacts.race_part().folder)

    table, shown = race_on()
    assert "2 trainings of at most 3 epochs each; 0 of them are done. After 1 min (the setting compare_minutes)" in shown
    assert "0 of 2 trainings are done; run this cell again, also in a new session, to go on." in shown
    reasons = table.set_index(["asked_about", "model"])["reason"]
    for test in ("known", "strangers"):
        assert reasons[test, "plain_cnn"] == "Not trained yet: paused after 2 of 3 epochs; run this again to go on."
        assert reasons[test, "small_resnet"] == "Not trained yet: paused after 0 of 3 epochs; run this again to go on."
    assert (reasons[:, "svm"] == "").all() and (reasons[:, "no_audio"] == "").all()

    table, shown = race_on()
    assert "The 2 epochs so far took" in shown and "the 4 others take" in shown
    assert "plain_cnn: goes on after epoch 2 of 3" in shown and "1 of 2 trainings are done" in shown
    assert (table["reason"] == "").sum() == 6

    table, shown = race_on()
    assert "small_resnet: goes on after epoch 1 of 3" in shown and "to go on" not in shown
    assert predictions() == expected
    scores = [name for name in whole if not name.startswith(("seconds", "milliseconds"))]
    pd.testing.assert_frame_equal(table[scores], whole[scores])


def test_the_budget_counts_no_epoch_of_a_training_that_is_done(tmp_path, artifacts):
    """One converged in 3 of 10 epochs, one stopped after 2, and one has not begun."""
    runs = [SimpleNamespace(files=RunFiles(tmp_path / name), checkpoints=tmp_path / name) for name in ("done", "stopped", "new")]
    write_table(runs[0].files.history, pd.DataFrame({"seconds": [60.0, 60.0, 60.0]}))
    write_json(runs[0].files.facts, {})
    profile = dataclasses.replace(PROFILE, compare_epochs=10)
    assert budget.describe(runs, profile=profile) == (
        "3 trainings of at most 10 epochs each; 1 of them are done. The 3 epochs so far took 3 min; at that pace the 20 others "
        "take 20 min at most."
    )
    assert budget.describe(runs[:1], profile=profile) == "1 trainings of at most 10 epochs each; 1 of them are done."


def test_without_recordings_models_on_sound_leave_their_reason(spoken, artifacts, capsys):
    profile = dataclasses.replace(PROFILE, compare=())
    lost = artifacts.audio(spoken["path"].iloc[0])
    lost.unlink()
    features = mfcc_table(spoken, artifacts, sample_rate=16_000)
    assert features.empty and "So the MFCCs are missing" in (said := capsys.readouterr().out) and str(lost) in said
    artifacts.location.unlink()
    features, pitch = mfcc_table(spoken, artifacts, sample_rate=16_000), pitch_table(spoken, artifacts)
    assert features.shape == (0, 40) and "recordings of folder are not on this machine yet" in capsys.readouterr().out
    part = make_part(spoken, artifacts, seed=0)
    race.run_models(list(BASELINES), part, features=features, pitch=pitch, profile=profile)
    table = comparison_table(artifacts, profile=profile).query("asked_about == 'known'").set_index("model")
    assert table.loc[["svm", "logistic_regression"], "reason"].str.contains("on the MFCCs, which could not be computed").all()
    assert "The pitch of no clip is known" in table.loc["pitch_threshold", "reason"]
    assert (table.loc[["fisher_vector", "no_audio"], "accuracy"] >= 0).all()


def test_what_was_trained_with_recordings_stands_without_them(spoken, artifacts, given):
    part = make_part(spoken, artifacts, seed=0)
    race.run_models(["svm"], part, **given)
    ((run, _),) = read_runs("svm", part, profile=PROFILE)
    race.run_models(["svm"], part, **given | {"features": given["features"].iloc[:0]})
    assert read_runs("svm", part, profile=PROFILE)[0][0] == run
