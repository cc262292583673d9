"""The search for a recipe: its rows, its page, and one small training."""

import pandas as pd
import pytest
from conftest import write_corpus

from helpers.network import networks
from helpers.suite import recipe

FOUND = {
    "accuracy": 0.9,
    "by_speaker": 0.8,
    "test_accuracy": 0.7,
    "test_by_speaker": 0.6,
    "loss": 0.5,
    "best_epoch": 3,
    "seconds": 60,
}


@pytest.fixture
def stubbed(monkeypatch, tmp_path):
    """A search without trainings, in files of its own; the list of what would have been trained."""
    trained = []
    monkeypatch.setattr(recipe, "ROWS", tmp_path / "recipe.csv")
    monkeypatch.setattr(recipe, "PAGE", tmp_path / "recipe.md")
    monkeypatch.setattr(recipe, "TRIES", {"quick": recipe.Try(), "small": recipe.Try("base_channels=8")})
    monkeypatch.setattr(
        recipe, "train_once", lambda task, profile, stride, baseline: trained.append((task, profile)) or dict(FOUND)
    )
    recipe.PAGE.write_text("before\n<!-- tries -->\nold\n<!-- end -->\nafter\n")
    return trained


def test_each_try_is_trained_once_for_each_task_and_seed_and_again_where_it_has_changed(stubbed, monkeypatch):
    asked = ["--tasks", "emodb;baved, gender, strangers", "--seeds", "0,1"]
    assert recipe.main(asked) == 0 and len(stubbed) == 8
    assert {profile.seed for _, profile in stubbed} == {0, 1} and {profile.base_channels for _, profile in stubbed} == {32, 8}
    recipe.main(asked)
    assert len(stubbed) == 8
    monkeypatch.setitem(recipe.TRIES, "small", recipe.Try("base_channels=12"))
    recipe.main(asked)
    assert len(stubbed) == 12 and len(pd.read_csv(recipe.ROWS)) == 8


def test_test_clips_are_scored_only_where_that_is_asked_for(stubbed):
    recipe.main(["quick", "--tasks", "voices"])
    assert pd.read_csv(recipe.ROWS)["test_accuracy"].isna().all()
    recipe.main(["quick", "--tasks", "voices", "--test"])
    rows = pd.read_csv(recipe.ROWS)
    assert len(stubbed) == 2 and rows["test_accuracy"].tolist() == [0.7] and rows["accuracy"].tolist() == [0.9]
    recipe.main(["quick", "--tasks", "voices", "--test"])
    assert len(stubbed) == 2


def test_the_page_has_a_line_a_try_and_by_speaker_where_strangers_are_asked_about(stubbed):
    recipe.main(["--tasks", "emodb;baved, gender, strangers"])
    assert recipe.PAGE.read_text() == (
        "before\n<!-- tries -->\n"
        "| try | emodb | baved, gender, strangers | seconds a training |\n|---|---|---|---|\n"
        "| quick | 0.900 | 0.800 | 60 |\n| small | +0.000 | +0.000 | 60 |\n"
        "<!-- end -->\nafter\n"
    )


def test_a_try_is_set_against_the_recipe_with_the_seeds_that_both_have():
    rows = {("quick", 0): 0.5, ("quick", 1): 0.6, ("small", 1): 0.7, ("small", 0): 0.5, ("small", 2): 0.1}
    rows = [{"try": name, "task": "emodb", "seed": seed, "accuracy": score, "seconds": 6} for (name, seed), score in rows.items()]
    table = pd.DataFrame(rows).assign(by_speaker=0.0)
    assert recipe.scores_of(table, "small", "emodb").to_dict() == {0: 0.5, 1: 0.7, 2: 0.1}
    changes = recipe.scores_of(table, "small", "emodb") - recipe.scores_of(table, "quick", "emodb")
    assert recipe.change_cell(changes) == "+0.050 (+0.000 to +0.100, 2 seeds)" and recipe.change_cell(changes[:1]) == "+0.000"
    assert recipe.mean_cell(pd.Series([0.9, 0.8, 0.7])) == "0.800 (3 seeds)" and recipe.mean_cell(pd.Series([0.9])) == "0.900"
    assert recipe.mean_cell(pd.Series(dtype=float)) == recipe.change_cell(pd.Series(dtype=float)) == ""


@pytest.mark.parametrize(("asked", "message"), [(["none"], "there is no try 'none'"), (["--tasks", "x"], "there is no task 'x'")])
def test_what_is_not_known_is_refused(stubbed, capsys, asked, message):
    with pytest.raises(SystemExit):
        recipe.main(asked)
    assert message in capsys.readouterr().err and not stubbed


def test_without_the_recordings_a_sentence_says_what_to_set(stubbed, monkeypatch, tmp_path, capsys):
    monkeypatch.undo()
    monkeypatch.setattr(recipe, "ROWS", tmp_path / "rows.csv")
    monkeypatch.setenv("ARTIFACTS", str(tmp_path))
    monkeypatch.delenv("SPEECH_DATA", raising=False)
    assert recipe.main(["quick", "--tasks", "emodb"]) == 1
    assert "SPEECH_DATA is not set" in capsys.readouterr().err and not recipe.ROWS.exists()


@pytest.mark.slow
@pytest.mark.usefixtures("shallow")
def test_a_try_is_scored_by_clip_and_by_speaker(monkeypatch, tmp_path):
    write_corpus(tmp_path / "folder", clips=10)
    monkeypatch.setenv("ARTIFACTS", str(tmp_path / "artifacts"))
    monkeypatch.setenv("SPEECH_DATA", str(tmp_path))
    small = "epochs=1 epoch_windows=1 base_channels=4 batch_size=8 mel_bins=32 window_frames=48 test_windows=2 weights=none"
    profile = recipe.choose_profile("quick", overrides=small)
    found = recipe.train_once(recipe.Task("folder", fraction=0.5), profile, stride=(4, 4))
    assert found.keys() == FOUND.keys() and 0 <= found["accuracy"] <= 1 and found["best_epoch"] == 1
    assert networks.FIRST_STRIDE == (2, 2) and not list(tmp_path.rglob("model.keras"))
    found = recipe.train_once(recipe.Task("folder"), profile, stride=None, baseline="fisher_vector")
    assert 0 <= found["test_accuracy"] <= 1 and found["best_epoch"] is None and "loss" not in found


def test_a_baseline_which_has_no_epochs_leaves_those_of_others_whole(stubbed, monkeypatch):
    recipe.main(["quick", "--tasks", "voices"])
    monkeypatch.setattr(recipe, "train_once", lambda *_, **__: FOUND | {"best_epoch": None})
    recipe.main(["small", "--tasks", "voices"])
    assert [line.split(",")[6] for line in recipe.ROWS.read_text().splitlines()] == ["best_epoch", "3", ""]
