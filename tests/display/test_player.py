"""What the spectrogram player sends to a browser, and when; what it does there is in `test_browser.py`."""

import io
import re
from dataclasses import replace

import ipywidgets
import librosa
import numpy as np
import pandas as pd
import pytest
import scipy.signal
import soundfile
from PIL import Image

from helpers.base.artifacts import SuiteError
from helpers.base.settings import PROFILES
from helpers.display.clip import ClipParts
from helpers.display.clip_panel import ClipPanel
from helpers.display.figures import mel_marks
from helpers.display.player import SpectrogramPlayer, clip_state, sound_player, voice_text
from helpers.display.widgets import listen
from helpers.evaluation.scores import predictions_table
from helpers.recordings.decoding import Sound
from helpers.recordings.manifest import build_manifest
from helpers.spectrograms.convert import convert

SETTINGS = PROFILES["quick"].spectrogram


@pytest.fixture
def manifest(corpus, artifacts):
    table, _ = build_manifest("folder", corpus, artifacts, seed=0)
    convert(table, artifacts, settings=SETTINGS, profile="quick")
    return table


def test_the_plain_player_stays_until_a_browser_has_loaded_the_other_which_then_gets_each_clip_once(manifest, artifacts):
    widget = listen(manifest, artifacts)
    *_, choosing, panel = widget.children
    _, plain, player, *_ = panel.children
    assert "<audio" in plain.value and player.facts == {} and player.sound == b""

    player.ready = True
    assert plain.value == "" and player.facts["name"] == manifest["clip"][0]
    sent = []
    player.observe(lambda change: sent.append(change["name"]), ["sound", "picture", "facts"])
    next(child for child in choosing.children if isinstance(child, ipywidgets.Dropdown)).index = 3
    assert sent == ["sound", "picture", "facts"] and player.facts["name"] == manifest["clip"][3] and plain.value == ""


def test_a_clip_travels_as_it_is(manifest, artifacts):
    row = manifest.iloc[0]
    state = clip_state(row, artifacts, parts=ClipParts(row["duration_s"]), heat=None)
    samples, rate = soundfile.read(io.BytesIO(state["sound"]))
    expected, expected_rate = soundfile.read(artifacts.audio(row["path"]))
    assert rate == expected_rate and np.allclose(samples, expected, atol=2 / 32768)
    assert np.array_equal(
        np.asarray(Image.open(io.BytesIO(state["picture"]))), np.asarray(Image.open(artifacts.image(row["clip"])))
    )
    facts = state["facts"]
    assert (facts["start"], facts["end"], facts["problem"], facts["decibels"]) == (
        0,
        row["duration_s"],
        "",
        SETTINGS.dynamic_range_db,
    )
    assert len(facts["hertz"]) == SETTINGS.mel_bins and max(facts["highest"]) <= 1 and min(facts["lowest"]) >= -1
    assert max(max(facts["highest"]), -min(facts["lowest"])) == 1
    for up, name in facts["ticks"]:  # a tick stands where the bin of its frequency lies
        nearest = facts["hertz"][min(int(up * SETTINGS.mel_bins), SETTINGS.mel_bins - 1)]
        assert abs(nearest - int(name.replace(",", ""))) < 0.1 * nearest + 10


def test_length_and_pitch_are_told_in_words_and_after_the_sound():
    tone = 0.3 * scipy.signal.sawtooth(2 * np.pi * 150 * np.arange(12_000) / 8000)
    _, player = sound_player(Sound(tone, 8000), name="a").children
    sent = []
    player.observe(lambda change: sent.append(change["name"]), ["sound", "voice"])
    player.ready = True
    assert player.voice == "1.5 s, median pitch 150 Hz" and sent == ["sound", "voice"]
    player.receive({})
    assert player.voice == ""
    assert voice_text(Sound(np.zeros(8000), 8000)) == "1.0 s, nothing in it is voiced"


def test_the_marks_are_the_centres_of_librosas_bands():
    for settings in (SETTINGS, replace(SETTINGS, fmin=1200, mel_bins=40), replace(SETTINGS, fmin=1, fmax=900)):
        expected = librosa.mel_frequencies(settings.mel_bins + 2, fmin=settings.fmin, fmax=settings.fmax)[1:-1]
        assert np.allclose(mel_marks(settings)[0], expected)
    centres, marks = mel_marks(SETTINGS)
    assert len(centres) == SETTINGS.mel_bins and list(marks) == [100, 250, 500, 1000, 2000, 4000]
    assert np.interp(marks[1000] - 0.5, np.arange(len(centres)), centres) == pytest.approx(1000, rel=0.01)


def test_of_a_long_clip_the_open_part_travels(tmp_path, artifacts):
    tone = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(70 * 8000) / 8000)
    soundfile.write(tmp_path / "a.flac", np.where(np.arange(len(tone)) < 47 * 8000, 0, tone), 8000)
    artifacts.locate_corpus(tmp_path)
    row = pd.Series({"clip": "a", "path": "a.flac", "duration_s": 70.0, "label": "x"})
    parts, heat = ClipParts(70), np.repeat(np.arange(30)[np.newaxis] >= 20, 6, axis=0).astype(float)
    parts.open(2)
    state = clip_state(row, artifacts, parts=parts, heat=heat)
    samples, _ = soundfile.read(io.BytesIO(state["sound"]))
    assert len(samples) == pytest.approx(70 * 8000 / 3, abs=1) and np.abs(samples[8000:]).max() == pytest.approx(0.5, abs=0.01)
    assert state["facts"]["start"] == pytest.approx(140 / 3) and state["facts"]["end"] == 70
    layer = np.asarray(Image.open(io.BytesIO(state["heat"])))
    assert layer[..., 3].mean() > 180 and layer.shape[1] == Image.open(io.BytesIO(state["picture"])).width


def test_where_the_sound_is_gone_the_picture_stays_and_a_sentence_says_why(manifest, artifacts):
    row = manifest.iloc[0]
    artifacts.audio(row["path"]).write_bytes(b"")
    state = clip_state(row, artifacts, parts=ClipParts(row["duration_s"]), heat=None)
    assert state["sound"] == b"" and state["picture"] and "The sound file" in state["facts"]["problem"]
    artifacts.location.unlink()
    state = clip_state(row, artifacts, parts=ClipParts(row["duration_s"]), heat=None)
    assert "The recordings of folder are not on this machine yet" in state["facts"]["problem"]


def test_of_a_coloured_picture_no_level_is_told(manifest, artifacts):
    row = manifest.iloc[0]
    Image.fromarray(np.zeros((224, 224, 3), np.uint8)).save(artifacts.image(row["clip"]))
    assert clip_state(row, artifacts, parts=ClipParts(row["duration_s"]), heat=None)["facts"]["decibels"] == 0


class Network:
    """One that takes every stretch for a man of 41."""

    window_s = 0.64
    classes = ("female_23", "female_60", "male_41")

    def __init__(self):
        self.asked = []

    def stretch(self, row, start, end):
        self.asked.append((row["clip"], start, end))
        return pd.Series([0.1, 0.2, 0.7], index=self.classes)

    def along(self, row):
        self.asked.append(row["clip"])
        if len(self.asked) > 2:
            raise SuiteError("There is no model here.")
        return pd.DataFrame([[0.9, 0.1, 0.0], [0.2, 0.2, 0.6]], index=[0.3, 0.4], columns=self.classes)


@pytest.fixture
def panel(manifest, artifacts):
    """A clip of a woman of 23 that was taken for a man, in a player that a browser has loaded."""
    row = manifest[manifest["label"] == "female_23"].iloc[0].copy()
    row["predicted"], row["confidence"] = "male_41", 0.5
    predictions = predictions_table(manifest, np.tile([0.3, 0.2, 0.5], (len(manifest), 1)), list(Network.classes))
    panel = ClipPanel(artifacts, predictions=predictions, network=Network())
    panel.player.ready = True
    panel.show(row)
    return panel


def test_the_network_answers_for_a_stretch_beside_its_answer_for_the_clip(panel):
    panel.player.stretch = [0.2, 0.5, 1_700_000_000_000]
    assert panel.network.asked == [(panel.clip.row["clip"], 0.2, 0.5)]
    text = re.sub(r"<[^>]+>", " ", panel.heard.value)
    assert re.search(r"0\.20 to 0\.50 s alone\s+male_41 \(0\.70\)\s+male \(0\.70\)\s+43 years", text)
    assert re.search(r"whole clip\s+male_41 \(0\.50\)", text) and "shorter than the network's window of 0.64 s" in text
    panel.player.stretch = [0.0, 0.9, 1_700_000_000_001]
    assert "shorter" not in panel.heard.value
    panel.player.stretch = [0, 0, 1_700_000_000_002]
    assert panel.heard.value == "" and len(panel.network.asked) == 2


def test_the_answer_along_time_is_drawn_of_the_true_and_the_predicted_class_when_it_is_asked_for(panel):
    assert panel.player.along == {} and panel.network.asked == []
    panel.along.value = True
    true, predicted = panel.player.along["lines"]
    assert (true[0], true[2]) == ("female_23 (true)", [0.9, 0.2]) and (predicted[0], predicted[2]) == (
        "male_41 (predicted)",
        [0.0, 0.6],
    )
    assert panel.player.along["seconds"] == [0.3, 0.4] and panel.player.facts["name"] == panel.clip.row["clip"]
    panel.along.value = False
    assert panel.player.along == {}
    panel.network.asked += ["", ""]
    panel.along.value = True
    assert panel.status.value == "There is no model here." and panel.player.along == {} and panel.player.facts["name"]


def test_of_a_right_clip_there_is_one_line(panel):
    row = panel.clip.row.copy()
    row["predicted"] = row["label"]
    panel.along.value = True
    panel.show(row)
    assert [name for name, *_ in panel.player.along["lines"]] == ["female_23 (true)"]


def test_without_a_clip_the_player_is_empty(manifest, artifacts):
    player = SpectrogramPlayer()
    player.show(manifest.iloc[0], artifacts)
    assert player.sound and player.facts["text"].startswith("Spectrogram of")
    player.show(None, artifacts)
    assert player.facts == {} and player.sound == player.picture == b""


def test_a_sound_in_memory_has_the_same_player():
    tone = (0.5 * np.sin(2 * np.pi * 1000 * np.arange(35 * 8000) / 8000)).astype(np.float32)
    widget = sound_player(Sound(tone, 8000), name="<a tone>")
    chooser, plain, player = widget.children
    assert plain.value.count("<audio") == 1 and "&lt;a tone&gt;" in plain.value and player.sound == b""
    player.ready = True
    samples, rate = soundfile.read(io.BytesIO(player.sound))
    assert plain.value == "" and rate == 8000 and len(samples) == pytest.approx(17.5 * 8000, abs=1)
    rows = np.asarray(Image.open(io.BytesIO(player.picture))).astype(float).mean(axis=1)
    assert player.facts["hertz"][::-1][rows.argmax()] == pytest.approx(1000, rel=0.05)
    chooser.index = 1
    assert player.facts["start"] == 17.5 and player.facts["name"] == "<a tone>"
    short = sound_player(Sound(tone[:8000], 8000), name="short")
    assert len(short.children) == 2
