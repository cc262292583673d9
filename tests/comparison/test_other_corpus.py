import shutil

import keras
import numpy as np
import pandas as pd
import pytest
from conftest import TINY, write_corpus

from helpers.base.artifacts import SuiteError, read_table, write_table
from helpers.comparison import other_corpus
from helpers.comparison.other_corpus import coarse_predictions, other_scores, predict_other, prepare_other
from helpers.evaluation.scores import predictions_table, read_classes
from helpers.network import networks, training
from helpers.network.model_files import model_note, save_model
from helpers.spectrograms.batches import image_shape

NETWORK = TINY.network
STRANGERS = {"female_30": 230, "female_35": 210, "male_25": 120, "male_90": 105}


def save_network(artifacts, manifest, *, seed: int) -> None:
    """A network with random weights and confident answers, and what it says of its own corpus."""
    paths = [artifacts.image(clip) for clip in manifest["clip"]]
    classes = read_classes(artifacts)
    keras.utils.set_random_seed(seed)
    model = networks.build(
        NETWORK, shape=image_shape(paths[0], profile=TINY), classes=len(classes), base_channels=TINY.base_channels
    )
    model.layers[-1].kernel.assign(model.layers[-1].kernel * 30)
    save_model(artifacts.model(NETWORK) / "model.keras", model, model_note(model, classes=classes, profile=TINY))
    probabilities = training.predict_clips(model, paths, classes=len(classes), profile=TINY)
    write_table(artifacts.model(NETWORK) / "predictions.csv", predictions_table(manifest, probabilities, classes))


@pytest.fixture
def network(manifest, artifacts, shallow):
    save_network(artifacts, manifest, seed=0)


def ask(artifacts, folder, *, name="folder"):
    other = prepare_other(name, data_dir=str(folder), artifacts=artifacts, profile=TINY)
    return other, predict_other(NETWORK, other, artifacts=artifacts, profile=TINY)


def test_every_clip_of_the_other_corpus_is_asked_and_counted(network, artifacts, tmp_path):
    other, predictions = ask(artifacts, write_corpus(tmp_path / "strangers", labels=STRANGERS))
    assert other.folder == artifacts.folder / "other" / "strangers" and len(predictions) == 24
    female = predictions["p:female_23"] + predictions["p:female_60"] > predictions["p:male_41"]
    right = female == predictions["true"].str.startswith("female")
    table = other_scores(NETWORK, other, artifacts=artifacts).set_index(["question", "answer", "corpus", "part"])
    row = table.loc["gender", NETWORK, "strangers", "all"]
    assert row["clips"] == 24 and row["accuracy"] == pytest.approx(right.mean()) and row["low"] <= row["accuracy"] <= row["high"]
    part = predictions["split"] == "test"
    assert table.loc["gender", NETWORK, "strangers", "test"]["accuracy"] == pytest.approx(right[part].mean())
    # Two thirds of the training clips are women's; here it is one half. No training clip is over 80.
    assert table.loc["gender", "most frequent", "strangers", "all"]["accuracy"] == pytest.approx(0.5)
    assert table.loc["age group", NETWORK, "strangers", "all"]["clips"] == 18
    by_pitch = table.xs("all", level="part").filter(like="pitch", axis=0)
    assert by_pitch["accuracy"].tolist() == [1.0] and "pitch above 1" in by_pitch.index[0][1]


def test_a_clip_without_a_pitch_gets_the_most_frequent_gender(network, artifacts, tmp_path, monkeypatch):
    other, _ = ask(artifacts, write_corpus(tmp_path / "strangers", labels=STRANGERS))
    measured = other_corpus.pitch_table
    monkeypatch.setattr(
        other_corpus, "pitch_table", lambda table, of: measured(table, of) if of is artifacts else pd.Series(dtype=float)
    )
    table = other_scores(NETWORK, other, artifacts=artifacts).set_index(["question", "answer", "corpus", "part"])
    by_pitch = table.xs("all", level="part").filter(like="pitch", axis=0)
    assert by_pitch["accuracy"].tolist() == [table.loc["gender", "most frequent", "strangers", "all"]["accuracy"]]
    # All are taken for women, as most training clips are women's, and not for men.
    women = read_table(other.manifest).iloc[lambda clips: np.flatnonzero(clips["gender"] == "female")]
    write_table(other.manifest, women)
    predictions = predict_other(NETWORK, other, artifacts=artifacts, profile=TINY)
    table = other_scores(NETWORK, other, artifacts=artifacts)
    assert len(predictions) == 12 and (table.loc[table["answer"].str.startswith("pitch"), "accuracy"] == 1).all()


def test_where_no_training_clip_has_a_pitch_the_other_rules_stand(network, manifest, artifacts, tmp_path, monkeypatch, capsys):
    other, _ = ask(artifacts, write_corpus(tmp_path / "strangers", labels=STRANGERS))
    test_clip = manifest.loc[manifest["split"] == "test", "clip"].iloc[0]  # its pitch alone is known
    monkeypatch.setattr(other_corpus, "pitch_table", lambda *_: pd.Series({test_clip: 220.0}))
    table = other_scores(NETWORK, other, artifacts=artifacts)
    assert set(table["answer"]) == {NETWORK, "most frequent"}
    assert "No threshold on the pitch: there is no training clip" in capsys.readouterr().out


def test_the_second_time_is_read_from_disk_and_another_network_is_asked_anew(network, manifest, artifacts, tmp_path, monkeypatch):
    folder = write_corpus(tmp_path / "strangers", labels=STRANGERS)
    _, first = ask(artifacts, folder)
    with monkeypatch.context() as patch:
        patch.setattr(training, "predict_clips", None)
        pd.testing.assert_frame_equal(ask(artifacts, folder)[1], first)
    save_network(artifacts, manifest, seed=1)
    assert not np.allclose(ask(artifacts, folder)[1]["confidence"], first["confidence"])


def test_probabilities_of_a_gender_and_of_an_age_group_add_up():
    classes = ["female_23", "female_60", "male_62"]
    manifest = pd.DataFrame({"clip": ["a", "b"], "gender": ["male", "female"], "age": [65, 5], "split": "", "label": "x"})
    predictions = predictions_table(manifest, np.array([[0.4, 0.2, 0.4], [0.1, 0.2, 0.7]]), classes)
    genders, labels = coarse_predictions(predictions, manifest, classes, kind="gender")
    assert labels == ["female", "male"] and genders["predicted"].tolist() == ["female", "male"]
    assert genders["true"].tolist() == ["male", "female"] and genders["p:female"].tolist() == pytest.approx([0.6, 0.3])
    ages, labels = coarse_predictions(predictions, manifest, classes, kind="age group")
    assert labels == ["age_20-39", "age_60-79"] and ages["p:age_60-79"].tolist() == pytest.approx([0.6])
    assert coarse_predictions(predictions, manifest, ["a", "b", "c"], kind="gender")[1] == []


def test_the_corpus_of_the_training_is_no_other(network, artifacts, corpus):
    with pytest.raises(SuiteError, match=r"The network was trained on .*recordings: set OTHER_DATASET"):
        prepare_other("folder", data_dir=str(corpus), artifacts=artifacts, profile=TINY)


def test_clips_without_an_age_still_have_a_gender(network, artifacts, tmp_path):
    folder = write_corpus(tmp_path / "strangers", labels={"women": 220, "male_41": 110, "somebody": 150})
    other, predictions = ask(artifacts, folder)
    assert len(predictions) == 12 and set(predictions["true"]) == {"female", "male"}
    assert read_table(other.rejected)["reason"].str.contains("nothing states its gender").sum() == 6


def test_new_voices_are_other_speakers(network, artifacts, monkeypatch):
    monkeypatch.setattr(other_corpus, "locate", lambda name, *, corpus, **_: pytest.fail(f"{name} {corpus.corpus_seed}"))
    with pytest.raises(pytest.fail.Exception, match="voices 1"):
        prepare_other("voices", artifacts=artifacts, profile=TINY)


def test_real_speech_through_a_network_that_never_heard_any(network, artifacts, emodb, tmp_path):
    clips = sorted((emodb / "wav").glob("*.wav"))[::18]
    for clip in clips:
        (tmp_path / "emodb").mkdir(exist_ok=True)
        shutil.copy(clip, tmp_path / "emodb")
    other, predictions = ask(artifacts, tmp_path / "emodb", name="emodb")
    assert 20 < len(predictions) <= len(clips)
    table = other_scores(NETWORK, other, artifacts=artifacts)
    assert table.query("corpus == 'emodb' and question == 'gender'")["resampled"].eq("speaker").all()
    assert table.query("part == 'all'")["clips"].eq(len(predictions)).all()


def test_without_the_first_corpus_recordings_there_is_no_rule_on_the_pitch(network, artifacts, tmp_path):
    other, _ = ask(artifacts, write_corpus(tmp_path / "strangers", labels=STRANGERS))
    artifacts.location.unlink()
    table = other_scores(NETWORK, other, artifacts=artifacts)
    assert set(table["answer"]) == {NETWORK, "most frequent"} and set(table["question"]) == {"gender", "age group"}
