"""What the widgets decide, without a widget: which clips fit, which is picked, which cell is open, what is marked."""

import pandas as pd
import pytest

from helpers.base.artifacts import Artifacts
from helpers.display.clip_panel import MarkedClip
from helpers.display.explorer import CellChoice
from helpers.display.widgets import ALL, ClipChoice
from helpers.recordings.review import read_review


@pytest.fixture
def choice():
    names = {"split": ["train", "test", "train", "test"], "age": ["100", "20", "", "20"], "gender": ["male"] * 4}
    return ClipChoice(pd.DataFrame(names, index=["a", "b", "c", "d"]))


def test_only_facts_in_which_clips_differ_can_be_chosen_and_ages_go_by_size(choice):
    assert choice.options() == {"split": [ALL, "test", "train"], "age": [ALL, "20", "100"]}


def test_the_clips_that_fit_are_kept_and_the_first_is_picked(choice):
    assert (choice.fitting, choice.clip) == (["a", "b", "c", "d"], "a")
    choice.pick("c")
    choice.choose({"split": "test", "age": ALL})
    assert (choice.fitting, choice.clip) == (["b", "d"], "b")
    choice.pick("d")
    assert choice.index == 1


def test_steps_go_round(choice):
    choice.choose({"split": "test"})
    choice.step(-1)
    assert choice.clip == "d"
    choice.step(1)
    assert choice.clip == "b"


def test_where_no_clip_fits_none_is_picked_until_one_fits(choice):
    choice.choose({"split": "train", "age": "20"})
    choice.step(1)
    assert choice.fitting == [] and choice.index is None and choice.clip is None
    choice.choose({"split": ALL, "age": ALL})
    assert choice.clip == "a"


@pytest.fixture
def cells():
    labels = ["f", "f", "f", "m", "m"]
    clips = {"clip": list("abcde"), "label": labels, "predicted": ["m", "m", "f", "f", "m"]}
    return CellChoice(pd.DataFrame(clips | {"confidence": [0.5, 0.9, 0.7, 0.6, 0.8]}), ["m", "f"])


def test_the_pair_of_classes_that_is_confused_most_is_open_at_first(cells):
    assert (cells.row, cells.column) == (1, 0) and cells.members["clip"].tolist() == ["b", "a"]
    right = cells.clips.assign(predicted=cells.clips["label"])
    assert (CellChoice(right, ["m", "f"]).row, CellChoice(right, ["m", "f"]).column) == (0, 0)


def test_a_cell_opens_at_its_most_confident_clip_and_steps_go_round(cells):
    cells.step(-1)
    assert cells.index == 1
    cells.step(1)
    assert cells.index == 0
    cells.step(1)
    cells.open(1, 1)
    assert cells.index == 0 and cells.members["clip"].tolist() == ["c"]


def test_an_empty_cell_stays_at_its_start():
    cells = CellChoice(pd.DataFrame(columns=["clip", "label", "predicted", "confidence"]), ["m", "f"])
    cells.step(1)
    assert cells.index == 0 and cells.members.empty


@pytest.fixture
def marked(tmp_path):
    return MarkedClip(Artifacts(tmp_path))


def test_a_mark_is_kept_beside_the_note_and_only_what_is_new_is_written(marked):
    marked.show(pd.Series({"clip": "a"}))
    assert marked.say(mark="") == "" and not marked.artifacts.review.exists()
    assert marked.say(mark="noisy") == "1 clips marked, saved in review.csv"
    assert marked.say(mark="noisy") == ""
    marked.say(note="a door")
    assert read_review(marked.artifacts).to_numpy().tolist() == [["a", "noisy", "a door"]]
    marked.show(pd.Series({"clip": "b"}))
    assert marked.said == {"mark": "", "note": ""}
    marked.show(pd.Series({"clip": "a"}))
    assert marked.said == {"mark": "noisy", "note": "a door"}


def test_a_diary_that_cannot_be_read_is_a_sentence(marked):
    marked.artifacts.review.write_text("something else\n")
    marked.show(pd.Series({"clip": "a"}))
    assert marked.said == {"mark": "", "note": ""} and "review.csv has no column clip" in marked.problem
    assert marked.say(mark="noisy").startswith("The mark could not be saved: ") and marked.artifacts.review.stat().st_size == 15


def test_where_no_clip_is_shown_nothing_is_marked(marked):
    marked.show(None)
    assert marked.say(mark="noisy") == "" and not marked.artifacts.review.exists()
