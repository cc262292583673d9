import ipywidgets
import numpy as np
import pandas as pd
import pytest

from display.test_widgets import pages, parts
from helpers.display.player import SpectrogramPlayer
from helpers.display.voice_map import VoiceMap, draw_in
from helpers.recordings.decoding import Sound
from helpers.recordings.review import read_review


@pytest.fixture
def clips(manifest):
    table = manifest.assign(predicted=manifest["label"], confidence=0.9)
    table.loc[4, "predicted"] = manifest["label"].iloc[-1]
    return table


@pytest.fixture
def features(clips, rng):
    table = pd.DataFrame(rng.normal(size=(len(clips), 6)), index=clips["clip"])
    return table.div(np.linalg.norm(table, axis=1), axis=0)


def choose(voice_map, clips):
    """As a lasso does in a browser."""
    places = [voice_map.clips["clip"].tolist().index(clip) for clip in clips]
    voice_map.scatter.widget.selection = np.array(places, dtype="uint32")


def test_the_wrong_clip_is_listed_first_and_a_ring_lists_and_marks_its_clips(clips, features, artifacts):
    voice_map = VoiceMap(clips, features, artifacts)
    wrong = clips.iloc[4]
    listing = voice_map.listing
    assert listing.options[0] == f"{wrong['clip']} · {wrong['label']} taken for {wrong['predicted']}" and len(listing.options) == 18
    assert any(f"<b>{wrong['clip']}</b>" in page for page in pages(voice_map.widget)) and voice_map.mark_all.disabled
    chosen = clips["clip"].iloc[[1, 7]].tolist()
    choose(voice_map, chosen)
    assert [option.split(" · ")[0] for option in listing.options] == chosen and voice_map.selected == chosen
    voice_map.mark.value = "noisy"
    voice_map.mark_all.click()
    assert read_review(artifacts)["clip"].tolist() == sorted(chosen)
    choose(voice_map, [])
    assert len(listing.options) == 18 and "are listed" not in voice_map.heading.value


def test_a_list_shorter_than_what_is_chosen_says_so(clips, features, artifacts, monkeypatch):
    monkeypatch.setattr("helpers.display.voice_map.MOST_LISTED", 2)
    voice_map = VoiceMap(clips, features, artifacts)
    assert "all <b>18</b> clips, the wrong ones first; <b>2</b> are listed" in voice_map.heading.value
    choose(voice_map, clips["clip"].iloc[:2].tolist())
    assert voice_map.heading.value == "<p><b>2</b> clips chosen</p>"
    chosen = clips["clip"].iloc[:5].tolist()
    choose(voice_map, chosen)
    assert voice_map.heading.value == "<p><b>5</b> clips chosen; <b>2</b> are listed</p>"
    voice_map.mark.value = "noisy"
    voice_map.mark_all.click()
    assert read_review(artifacts)["clip"].tolist() == sorted(chosen)  # those that are not listed, too


def test_a_click_on_one_point_asks_its_player_to_play_and_the_list_does_not(clips, features, artifacts):
    voice_map = VoiceMap(clips, features, artifacts)
    (player,) = parts(voice_map.widget, SpectrogramPlayer)
    player.ready = True
    choose(voice_map, [clips["clip"][3]])
    assert player.facts["name"] == clips["clip"][3] and player.facts["play"] is True
    choose(voice_map, clips["clip"].iloc[[3, 5]].tolist())
    assert player.facts["play"] is False
    voice_map.listing.index = 1
    assert player.facts["name"] == clips["clip"][5] and player.facts["play"] is False


def test_colours_say_how_many_clips_have_each(clips, features, artifacts):
    voice_map = VoiceMap(clips, features, artifacts)
    assert list(voice_map.colour.options) == ["gender", "age", "right or wrong", "split", "speaker of the shown clip"]
    assert "female (12)" in voice_map.legend.value and "male (6)" in voice_map.legend.value
    voice_map.colour.value = "right or wrong"
    assert "right (17)" in voice_map.legend.value and "wrong (1)" in voice_map.legend.value
    assert len(voice_map.scatter.widget.color) == 2
    voice_map.colour.value = "age"
    assert "20 to 29 (6)" in voice_map.legend.value and "60 to 69 (6)" in voice_map.legend.value
    before = np.asarray(voice_map.scatter.widget.points)[:, :2].copy()
    voice_map.method.value = "t-SNE"
    after = np.asarray(voice_map.scatter.widget.points)[:, :2]
    assert not np.allclose(before, after) and np.abs(after).max() < 1  # none on the edge
    voice_map.colour.value = "speaker of the shown clip"
    assert "others" in voice_map.legend.value


def test_sounds_in_memory_are_drawn_in_and_heard_and_are_neither_right_nor_wrong(clips, features, artifacts):
    tone = Sound((0.4 * np.sin(np.arange(16_000) / 3)).astype(np.float32), 16_000)
    drawn = pd.DataFrame({"clip": ["<mine>", "theirs"], "drawn": ["you", "a folder"], "sound": [tone, tone]})
    drawn["predicted"], drawn["confidence"] = ["", "female_60"], [np.nan, 0.4]
    both = pd.concat([features, pd.DataFrame(features.to_numpy()[:2], index=drawn["clip"])])
    voice_map = VoiceMap(draw_in(clips, drawn), both, artifacts)
    assert voice_map.facts["who"][0].value_counts().to_dict() == {"the corpus": 18, "you": 1, "a folder": 1}
    assert voice_map.facts["right or wrong"][0].value_counts()["unknown"] == 2
    assert voice_map.listing.options[0] == "theirs · a folder · predicted female_60"  # whose label nobody knows
    larger = (voice_map.clips["drawn"] != "").to_numpy()
    assert any(np.array_equal(column > 0, larger) for column in np.asarray(voice_map.scatter.widget.points).T[2:])
    (player,) = parts(voice_map.widget, SpectrogramPlayer)
    player.ready = True
    choose(voice_map, ["<mine>"])
    assert player.facts["problem"] == "" and player.sound and player.picture and player.facts["end"] == 1
    assert not any("<mine>" in page for page in pages(voice_map.widget))
    assert "&lt;mine&gt;" in " ".join(voice_map.scatter.widget.data["clip"])


def test_the_map_is_no_higher_than_the_page_lets_it_be_wide(clips, features, artifacts):
    voice_map = VoiceMap(clips, features, artifacts)
    for width, height in ((760, 420), (316, 272), (90, 160)):
        voice_map.panel.player.width = width
        assert voice_map.scatter.widget.height == height
        assert voice_map.scatter.widget.regl_scatterplot_options["height"] == height


def test_one_clip_alone_has_a_map(clips, features, artifacts):
    voice_map = VoiceMap(clips.head(1), features, artifacts)
    assert len(voice_map.listing.options) == 1
    assert any("No fact is known by which clips could lie together" in page for page in pages(voice_map.widget))
    assert parts(voice_map.widget, ipywidgets.Dropdown)
