"""The clips that are compared by ear: which they are, and what a browser gets; what it does is in `test_browser.py`."""

import io

import numpy as np
import pytest
import soundfile

from helpers.base.artifacts import SuiteError
from helpers.base.settings import PROFILES
from helpers.display.compare import ComparisonPanel, clip_to_compare
from helpers.display.player import SpectrogramPlayer
from helpers.recordings.manifest import build_manifest
from helpers.spectrograms.convert import convert


@pytest.fixture
def clips(corpus, artifacts):
    """All clips are right but the first one, a woman of 23, which is taken for a man of 41."""
    table, _ = build_manifest("folder", corpus, artifacts, seed=0)
    convert(table, artifacts, settings=PROFILES["quick"].spectrogram, profile="quick")
    table = table.sort_values("label", kind="stable").reset_index(drop=True)
    table = table.assign(predicted=table["label"], confidence=np.linspace(0.5, 0.9, len(table)))
    table.loc[0, "predicted"] = "male_41"
    return table


class Network:
    """One for which the last clip is nearest to every other, until it is gone."""

    def __init__(self, clips):
        self.clips = clips

    def nearest(self, row):
        if self.clips is None:
            raise SuiteError("There is no model here.")
        return self.clips["clip"].iloc[-1]


@pytest.fixture
def panel(clips, artifacts):
    panel = ComparisonPanel(clips, artifacts, player=SpectrogramPlayer(), network=Network(clips))
    panel.in_turn.ready = True
    panel.show(clips.iloc[0])
    return panel


def test_the_most_confident_right_clip_of_the_predicted_class_is_compared(clips):
    men = clips[clips["label"] == "male_41"]
    assert clip_to_compare(clips, clips.iloc[0])["clip"] == men["clip"].iloc[-1]
    women = clips[clips["label"] == "female_23"]
    assert clip_to_compare(clips, clips.iloc[1])["clip"] == women["clip"].iloc[-1]
    alone = clips[(clips["label"] != "male_41") | (clips["clip"] == clips["clip"][0])]
    assert clip_to_compare(alone, clips.iloc[0]) is None


def test_a_browser_gets_both_clips_and_on_demand_the_nearest_one(panel, clips, artifacts):
    first, other = panel.in_turn.clips
    assert (first["letter"], first["name"], other["letter"]) == ("A", clips["clip"][0], "B") and panel.plain.value == ""
    assert "sound" not in first and "picture" not in first  # the player has them
    samples, _ = soundfile.read(io.BytesIO(other["sound"]))
    expected, _ = soundfile.read(artifacts.audio(clips.set_index("clip")["path"][other["name"]]))
    assert np.allclose(samples, expected, atol=2 / 32768) and other["picture"].startswith(b"\x89PNG")
    panel.nearest.value = True
    assert [clip["letter"] for clip in panel.in_turn.clips] == ["A", "B", "C"]
    assert panel.in_turn.clips[2]["words"].startswith(f"nearest in training: {clips['clip'].iloc[-1]}, ")
    panel.network.clips = None
    panel.show(clips.iloc[1])
    assert panel.status.value == "There is no model here." and [clip["letter"] for clip in panel.in_turn.clips] == ["A", "B"]


def test_what_cannot_be_heard_is_left_out_and_says_why(panel, clips, artifacts):
    artifacts.audio(clip_to_compare(clips, clips.iloc[0])["path"]).write_bytes(b"")
    panel.show(clips.iloc[0])
    assert [clip["letter"] for clip in panel.in_turn.clips] == ["A"] and "The sound file" in panel.status.value
    panel.show(None)
    assert panel.in_turn.clips == [] and panel.status.value == panel.plain.value == ""


def test_before_a_browser_has_loaded_it_there_is_a_plain_player(clips, artifacts):
    panel = ComparisonPanel(clips, artifacts, player=SpectrogramPlayer())
    panel.show(clips.iloc[0])
    assert panel.in_turn.clips == [] and panel.plain.value.count("<audio") == 1 and "Of the predicted class" in panel.plain.value
    panel.in_turn.ready = True
    assert len(panel.in_turn.clips) == 2 and panel.plain.value == ""
