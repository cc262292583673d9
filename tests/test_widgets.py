import base64
import io
import re

import ipywidgets
import numpy as np
import pytest
import soundfile

from helpers.manifest import build_manifest
from helpers.profiles import PROFILES
from helpers.scores import predictions_table
from helpers.spectrograms import convert
from helpers.widgets import clip_html, listen, player_html


@pytest.fixture
def manifest(corpus, artifacts):
    table, _ = build_manifest("folder", corpus, artifacts, seed=0)
    convert(table, artifacts, settings=PROFILES["quick"].spectrogram, profile="quick")
    return table


def parts(widget, kind):
    found = [widget] if isinstance(widget, kind) else []
    return found + [part for child in getattr(widget, "children", ()) for part in parts(child, kind)]


def test_the_player_holds_the_clips_own_sound(manifest, artifacts):
    path = artifacts.audio(manifest.iloc[0]["path"])
    content = base64.b64decode(re.search(r'data:audio/wav;base64,([^"]+)"', player_html(path))[1])
    samples, rate = soundfile.read(io.BytesIO(content))
    assert rate == 16_000 and len(samples) == soundfile.info(path).frames


def test_a_sound_that_is_gone_is_a_sentence(tmp_path):
    assert "can't be read" in player_html(tmp_path / "<b>gone.wav")
    assert "<b>" not in player_html(tmp_path / "<b>gone.wav")


def test_names_are_escaped(manifest, artifacts):
    row = manifest.iloc[0].copy()
    row["clip"] = row["speaker"] = "<img src=x onerror=alert(1)>"
    shown = clip_html(row, artifacts)
    assert "<img src=x" not in shown and "&lt;img src=x onerror=alert(1)&gt;" in shown


def test_choosing_a_class_shows_its_clips_and_next_goes_round(manifest, artifacts):
    widget = listen(manifest, artifacts)
    label, split, clip = parts(widget, ipywidgets.Dropdown)
    count, panel = parts(widget, ipywidgets.HTML)
    assert count.value == "18 clips" and "<audio" in panel.value and "<img" in panel.value

    label.value, split.value = "male_41", "test"
    members = manifest[(manifest["label"] == "male_41") & (manifest["split"] == "test")]["clip"].tolist()
    assert list(clip.options) == members and members[0] in panel.value

    split.value = "all"
    seen = [clip.value]
    _, following = parts(widget, ipywidgets.Button)
    for _ in range(6):
        following.click()
        seen.append(clip.value)
    assert len(set(seen)) == 6 and seen[0] == seen[-1] and seen[-1] in panel.value


def test_right_and_wrong_can_be_chosen_and_no_clip_is_said(manifest, artifacts):
    classes = sorted(manifest["label"].unique())
    probabilities = [[0.8, 0.1, 0.1]] * len(manifest)
    predictions = predictions_table(manifest, np.array(probabilities), classes)
    widget = listen(manifest, artifacts, predictions=predictions)
    label, _, verdict, _ = parts(widget, ipywidgets.Dropdown)
    count, panel = parts(widget, ipywidgets.HTML)
    verdict.value = "wrong"
    assert count.value == "12 clips" and "WRONG" in panel.value and "confidence 0.80" in panel.value
    label.value = "female_23"
    assert count.value == "0 clips" and "No clip fits" in panel.value
    verdict.value = "right"
    assert count.value == "6 clips" and "<audio" in panel.value
