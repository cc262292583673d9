import base64
import io
import re
from types import SimpleNamespace

import ipywidgets
import numpy as np
import pandas as pd
import pytest
import soundfile
from PIL import Image

from helpers.base.artifacts import SuiteError
from helpers.base.settings import PROFILES
from helpers.display import clip
from helpers.display.clip import (
    ClipParts,
    audio_html,
    clip_html,
    clip_player_html,
    facts_html,
    neighbours_html,
    probabilities_html,
    waveform_html,
)  # fmt: skip
from helpers.display.clip_panel import set_choice
from helpers.display.compare import ComparisonPanel
from helpers.display.explorer import ConfusionMatrix, Explorer, cell_html, choose_view
from helpers.display.player import SpectrogramPlayer
from helpers.display.widgets import listen
from helpers.evaluation.scores import predictions_table
from helpers.recordings.manifest import build_manifest
from helpers.recordings.review import mark_clips, read_review
from helpers.recordings.sounds import read_sound
from helpers.spectrograms.convert import convert

MARKUP = "<img src=x onerror=alert(1)>"


@pytest.fixture
def manifest(corpus, artifacts):
    table, _ = build_manifest("folder", corpus, artifacts, seed=0)
    convert(table, artifacts, settings=PROFILES["quick"].spectrogram, profile="quick")
    return table


@pytest.fixture
def predictions(manifest):
    """All clips predicted as female_23, the later ones with more confidence."""
    confidence = np.linspace(0.5, 0.9, len(manifest))
    probabilities = np.stack([confidence, (1 - confidence) * 0.6, (1 - confidence) * 0.4], axis=1)
    return predictions_table(manifest, probabilities, sorted(manifest["label"].unique()))


def parts(widget, kind):
    found = [widget] if isinstance(widget, kind) else []
    return found + [part for child in getattr(widget, "children", ()) for part in parts(child, kind)]


def choosers(widget):
    return {part.description: part for part in parts(widget, ipywidgets.Dropdown)}


def pages(widget):
    return [part.value for part in parts(widget, ipywidgets.HTML)]


def sound_of(page):
    return soundfile.read(io.BytesIO(base64.b64decode(re.search(r'data:audio/wav;base64,([^"]+)"', page)[1])))


def pixels_of(page, *, number=0):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(re.findall(r'data:image/png;base64,([^"]+)"', page)[number]))))


def test_the_player_holds_the_clips_own_sound(manifest, artifacts):
    samples, rate = sound_of(clip_player_html(manifest.iloc[0], artifacts, name="a clip"))
    assert rate == 16_000 and len(samples) == soundfile.info(artifacts.audio(manifest.iloc[0]["path"])).frames


def test_a_sound_that_is_gone_is_a_sentence(manifest, artifacts):
    page = clip_player_html(manifest.assign(path="<b>gone.wav").iloc[0], artifacts, name="a clip")
    assert "can&#x27;t be read" in page and "<b>" not in page


def test_the_waveform_spans_the_clip_and_its_own_loudest_point():
    points = re.search(r'points="([^"]+)"', waveform_html(np.linspace(0, 0.01, 1600)))[1].split()
    heights = [float(point.split(",")[1]) for point in points]
    assert len(points) == 640 and min(heights) == pytest.approx(2, abs=0.1) and heights[0] > heights[319]


@pytest.mark.parametrize(
    ("duration_s", "names"),
    [
        (0.29, ["0:00 to 0:00"]),
        (30, ["0:00 to 0:30"]),
        (30.04, ["0:00 to 0:15", "0:15 to 0:30"]),  # no part of a blink
        (90, ["0:00 to 0:30", "0:30 to 1:00", "1:00 to 1:30"]),
        (300, [f"{n // 2}:{n % 2 * 3}0 to {(n + 1) // 2}:{(n + 1) % 2 * 3}0" for n in range(10)]),
    ],
)
def test_a_long_clip_has_parts_of_30_s_at_most(duration_s, names):
    parts = ClipParts(duration_s)
    assert parts.names == names and parts.seconds == (0, duration_s / len(names))
    assert parts.open(len(names) - 1) == (len(names) > 1) and not parts.open(len(names) - 1)
    assert parts.seconds[1] == duration_s and parts.fractions[1] == 1 and parts.seconds[1] - parts.seconds[0] <= 30


def test_a_player_holds_30_s_and_says_so_at_a_rate_that_browsers_play():
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(65 * 8000) / 8000)
    page = audio_html(tone, 8000, name="a tone")
    assert sound_of(page)[0].shape == (30 * 8000,) and "the first 30 s of 1:05 minutes" in page
    samples, rate = sound_of(audio_html(tone, 192_000, name="a tone"))
    assert rate == 48_000 and len(samples) == len(tone) / 4


@pytest.fixture
def long_manifest(tmp_path, artifacts):
    """Two clips of 70 s, of which the first is at 1000 Hz in its last third and silent before."""
    samples = np.zeros(70 * 8000)
    samples[47 * 8000 :] = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(23 * 8000) / 8000)
    soundfile.write(tmp_path / "a.flac", samples, 8000)
    soundfile.write(tmp_path / "b.flac", np.roll(samples, 8000), 8000)
    artifacts.locate_corpus(tmp_path)
    rows = [
        {"clip": name, "path": f"{name}.flac", "duration_s": 70.0, "split": "train", "speaker": "", "gender": ""} for name in "ab"
    ]
    return pd.DataFrame(rows).assign(label="x", age=pd.array([pd.NA] * 2, "Int64"))


def test_the_parts_of_a_long_clip_are_heard_and_seen_one_at_a_time(long_manifest, artifacts):
    widget = listen(long_manifest, artifacts)
    page, part, sent = parts(widget, ipywidgets.HTML)[2], choosers(widget)["part"], []
    page.observe(lambda change: sent.append(change["new"]), "value")
    assert part.options == ("0:00 to 0:23", "0:23 to 0:47", "0:47 to 1:10")
    silent, _ = sound_of(page.value)
    assert abs(len(silent) - 70 * 8000 / 3) <= 1 and not silent.any() and not pixels_of(page.value)[:, 5:-50].any()
    part.index = 2
    assert len(sent) == 1 and "<span>46.67 s</span><span>58.33 s</span><span>70.00 s</span>" in page.value
    loud, _ = sound_of(page.value)
    assert np.abs(loud).max() == pytest.approx(0.5, abs=0.01) and pixels_of(page.value).shape == (96, 2334)
    assert (pixels_of(page.value)[:, 200:].max(axis=0) > 200).all()
    choosers(widget)["clip"].index = 1  # as long, so that the names of its parts are the same
    assert len(sent) == 2 and part.index == 0 and "<span>0.00 s</span>" in page.value


def test_what_lies_over_a_part_is_that_part_of_the_whole(long_manifest, artifacts):
    heat = np.zeros((6, 30))
    heat[:, 20:] = 1
    row, opened = long_manifest.iloc[0], ClipParts(70)
    for index, expected in ((0, 0), (1, 0), (2, 190)):
        opened.open(index)
        overlay = pixels_of(clip_html(row, artifacts, parts=opened, heat=heat), number=1)
        assert overlay.shape[1] == pixels_of(clip_html(row, artifacts, parts=opened)).shape[1]
        assert overlay[..., 3].mean() == pytest.approx(expected, abs=5) and (overlay[0, 0, :3] == (0, 229, 255)).all()


def test_a_short_clip_has_no_list_of_parts(manifest, artifacts):
    assert "part" not in choosers(listen(manifest, artifacts))


def test_a_clip_is_decoded_once(manifest, artifacts, monkeypatch):
    read = []
    monkeypatch.setattr(clip, "read_sound", lambda path, **options: read.append(path) or read_sound(path, **options))
    artifacts.image(manifest.iloc[0]["clip"]).unlink()
    clip_html(manifest.iloc[0], artifacts)
    assert len(read) == 1


def test_a_file_that_has_become_shorter_is_still_shown(long_manifest, artifacts):
    path = artifacts.audio(long_manifest["path"][0])
    samples, rate = soundfile.read(path)
    soundfile.write(path, samples[: -20 * rate], rate)
    opened = ClipParts(70)
    opened.open(2)
    assert "<audio" in clip_html(long_manifest.iloc[0], artifacts, parts=opened)


def test_a_broken_image_is_made_anew(manifest, artifacts):
    image = artifacts.image(manifest.iloc[0]["clip"])
    before, content = pixels_of(clip_html(manifest.iloc[0], artifacts)), bytearray(image.read_bytes())
    for broken in (b"", content[:500], content[:600] + bytes(20) + content[620:]):
        image.write_bytes(broken)
        assert np.array_equal(pixels_of(clip_html(manifest.iloc[0], artifacts)), before)


def test_names_are_escaped_everywhere(manifest, artifacts):
    row = manifest.iloc[0].copy()
    for column in ("clip", "label", "speaker", "emotion", "sentence", "predicted"):
        row[column] = MARKUP
    row["confidence"] = 0.5
    chances = pd.Series([0.6, 0.4], index=[MARKUP, "b"])
    shown = clip_html(row, artifacts) + facts_html(row) + probabilities_html(chances, true=MARKUP)
    shown += cell_html(1, 0, true=MARKUP, predicted=MARKUP)
    assert "<img src=x" not in shown and shown.count("&lt;img src=x onerror=alert(1)&gt;") >= 8


def test_what_is_not_known_of_a_recording_leaves_no_gap_in_its_line():
    row = pd.Series({"clip": "a.wav", "label": "", "duration_s": 2.6, "split": "", "predicted": "male_60", "confidence": 0.23})
    assert facts_html(row).endswith("><b>a.wav</b> · 2.6 s · predicted male_60 with confidence 0.23</p>")


def test_without_notebook_2_the_picture_is_made_from_the_sound(manifest, artifacts):
    with_file = clip_html(manifest.iloc[0], artifacts)
    artifacts.image(manifest.iloc[0]["clip"]).unlink()
    made = clip_html(manifest.iloc[0], artifacts)
    assert np.array_equal(pixels_of(with_file), pixels_of(made))


def test_the_five_likeliest_classes_are_shown_and_the_true_one_is_named():
    shown = probabilities_html(pd.Series([0.1, 0.4, 0.2, 0.15, 0.1, 0.05], index=list("abcdef")), true="c")
    assert re.findall(r">([a-f])(?: \(true\))?</td>", shown) == ["b", "c", "d", "a", "e"] and "c (true)" in shown


def test_choosing_shows_the_clips_that_fit_and_next_goes_round(manifest, artifacts):
    manifest["speaker"] = [f"s{n % 2}" for n in range(len(manifest))]
    widget = listen(manifest, artifacts)
    lists = choosers(widget)
    assert list(lists) == ["split", "gender", "age", "speaker", "clip"] and lists["age"].options == ("all", "23", "41", "60")
    assert "18 clips" in pages(widget) and any("<audio" in page and "<svg" in page and "<img" in page for page in pages(widget))

    lists["gender"].value, lists["split"].value = "male", "test"
    members = manifest[(manifest["gender"] == "male") & (manifest["split"] == "test")]["clip"].tolist()
    assert list(lists["clip"].options) == members and any(members[0] in page for page in pages(widget))

    lists["split"].value = "all"
    seen = [lists["clip"].value]
    _, following = parts(widget, ipywidgets.Button)
    for _ in range(6):
        following.click()
        seen.append(lists["clip"].value)
    assert len(set(seen)) == 6 and seen[0] == seen[-1] and any(seen[-1] in page for page in pages(widget))
    lists["age"].value = "23"
    assert "0 clips" in pages(widget) and any("No clip fits" in page for page in pages(widget))


def test_a_clip_is_sent_once_and_not_at_every_step_of_a_choice(manifest, artifacts, predictions):
    widget = listen(manifest, artifacts)
    explorer = Explorer(
        manifest, artifacts, predictions=predictions, classes=sorted(manifest["label"].unique()), split="train"
    ).widget
    sent = []
    for page in (parts(widget, ipywidgets.HTML)[2], parts(explorer, ipywidgets.HTML)[2]):
        page.observe(lambda change: sent.append(change["new"]), "value")
    lists = choosers(widget)
    for name, value in (("gender", "male"), ("gender", "all"), ("clip", manifest["clip"][7]), ("age", "41")):
        lists[name].value = value
        assert len(sent) == 1 and lists["clip"].value in sent.pop()
    parts(widget, ipywidgets.Button)[1].click()
    assert len(sent) == 1 and lists["clip"].value in sent.pop()
    parts(explorer, ConfusionMatrix)[0].chosen = [1, 0, 1_700_000_000_000]
    assert len(sent) == 1


def test_classes_that_tell_neither_gender_nor_age_can_be_chosen(manifest, artifacts):
    unknown = manifest.assign(gender="", age=pd.array([pd.NA] * len(manifest), "Int64"))
    assert list(choosers(listen(unknown, artifacts))) == ["split", "class", "clip"]


def test_right_and_wrong_can_be_chosen(manifest, artifacts, predictions):
    widget = listen(manifest, artifacts, predictions=predictions)
    verdict = choosers(widget)["verdict"]
    verdict.value = "wrong"
    assert "12 clips" in pages(widget) and any("WRONG" in page for page in pages(widget))
    verdict.value = "right"
    assert "6 clips" in pages(widget) and any("likeliest classes" in page for page in pages(widget))


def test_marks_are_written_at_once_and_shown_again(manifest, artifacts):
    mark_clips(artifacts, {manifest["clip"][1]: {"mark": "silent", "note": "<b>"}})
    widget = listen(manifest, artifacts)
    (mark,), (note,) = parts(widget, ipywidgets.ToggleButtons), parts(widget, ipywidgets.Text)
    assert (mark.value, note.value) == ("", "")
    mark.value, note.value = "noisy", "a door"
    assert read_review(artifacts).to_numpy().tolist() == [
        [manifest["clip"][0], "noisy", "a door"],
        [manifest["clip"][1], "silent", "<b>"],
    ]
    before = artifacts.review.stat().st_mtime_ns
    choosers(widget)["clip"].index = 1
    assert (mark.value, note.value) == ("silent", "<b>") and artifacts.review.stat().st_mtime_ns == before
    mark.value, note.value = "", ""
    assert read_review(artifacts)["clip"].tolist() == [manifest["clip"][0]]


def test_a_mark_that_cannot_be_written_is_a_sentence(manifest, artifacts):
    widget = listen(manifest, artifacts)
    artifacts.review.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "helpers.display.clip_panel.mark_clips", lambda *_, **__: (_ for _ in ()).throw(OSError(28, "No space left on device"))
        )
        parts(widget, ipywidgets.ToggleButtons)[0].value = "noisy"
    assert "The mark could not be saved in review.csv: No space left on device." in pages(widget)


def test_a_diary_that_cannot_be_read_is_a_sentence(manifest, artifacts):
    artifacts.review.write_bytes(b"PK\x03\x04")
    widget = listen(manifest, artifacts)
    assert any("review.csv is a workbook" in page for page in pages(widget))
    choosers(widget)["clip"].index = 1
    assert any("review.csv is a workbook" in page for page in pages(widget))


def test_grad_cam_is_laid_over_the_picture_or_says_why_not(manifest, artifacts, predictions):
    asked = []

    class Network:
        window_s = 0.64

        def heat(self, row):
            asked.append(row["clip"])
            if len(asked) > 1:
                raise SuiteError("There is no model here.")
            return np.full((96, 80), 0.5)

    widget = listen(manifest, artifacts, predictions=predictions, network=Network())
    assert asked == [] and not any("grad-cam" in page for page in pages(widget))
    parts(widget, ipywidgets.ToggleButton)[0].value = True
    assert any('class="grad-cam"' in page for page in pages(widget))
    choosers(widget)["clip"].index = 3
    assert asked[1] == manifest["clip"][3] and "There is no model here." in pages(widget)
    assert any("<audio" in page for page in pages(widget)) and not any("grad-cam" in page for page in pages(widget))


def test_the_matrix_and_the_lists_open_the_same_cell_the_most_confident_clip_first(manifest, artifacts, predictions):
    classes = sorted(manifest["label"].unique())
    widget = Explorer(manifest, artifacts, predictions=predictions, classes=classes, split="train").widget
    (matrix,), lists = parts(widget, ConfusionMatrix), choosers(widget)
    assert matrix.ticks == ["23", "60", "41"] and matrix.groups == [["female", 0, 2], ["male", 2, 3]]
    assert np.array(matrix.counts).sum(axis=0).tolist() == [(manifest["split"] == "train").sum(), 0, 0]

    matrix.chosen = [2, 0, 1_700_000_000_000]
    assert (lists["true"].value, lists["predicted"].value) == ("male_41", "female_23")
    fits = predictions[(predictions["split"] == "train") & (predictions["true"] == "male_41")]
    expected = fits.sort_values("confidence", ascending=False)["clip"].tolist()
    (listing,), (heading, page, plain, *_, compared) = parts(widget, ipywidgets.Select), pages(widget)
    assert [name.rsplit(" ", 1)[0] for name in listing.options] == expected and f"clip 1 of {len(expected)}" in heading
    assert f"<b>{expected[0]}</b>" in page and "Of the predicted class" in compared and compared.count("<audio") == 1

    parts(widget, ipywidgets.Button)[1].click()
    assert f"<b>{expected[1]}</b>" in pages(widget)[1] and "clip 2 of" in pages(widget)[0]
    assert listing.index == 1
    listing.index = 2
    assert f"<b>{expected[2]}</b>" in pages(widget)[1]
    matrix.chosen = [2, 0, 1_700_000_000_001]
    again = pages(widget)
    assert again[0] == heading and again[2] != plain  # the second answer differs, or a browser would not be told
    lists["true"].value = "female_60"
    assert matrix.chosen == [1, 0, 0] and "female_60" in pages(widget)[0]
    lists["predicted"].value = "male_41"
    assert "no clips" in pages(widget)[0] and "No clip fits" in pages(widget)[1] and pages(widget)[2] == pages(widget)[-1] == ""


def test_a_list_used_while_an_older_message_was_on_its_way_shows_what_is_open(manifest, artifacts, predictions, monkeypatch):
    explorer = Explorer(manifest, artifacts, predictions=predictions, classes=sorted(manifest["label"].unique()), split="train")
    lists, browser = (explorer.true, explorer.predicted, explorer.listing), {}

    def receive(widget, message, **_):
        if widget in lists:
            browser[widget.model_id] = message["state"].get("index", browser.get(widget.model_id))

    explorer.open_cell(2, 2)
    monkeypatch.setattr(ipywidgets.Widget, "_send", receive)
    # The browser's list says 0, is set back to 2 by the message of the cell that was opened before, and then Python reads 0.
    browser[explorer.true.model_id] = 2
    explorer.true.set_state({"index": 0})
    assert explorer.choice.row == 0 and browser == {one.model_id: one.index for one in lists}
    explorer.open_cell(0, 0)
    browser[explorer.listing.model_id] = 0
    explorer.listing.set_state({"index": 1})
    assert explorer.choice.index == 1 and browser[explorer.listing.model_id] == 1


def test_a_list_with_new_options_is_told_what_is_chosen_as_if_nothing_was_before():
    chooser, told = ipywidgets.Select(options=["one", "two"], index=0), []
    chooser.observe(lambda change: told.append(change["new"]), "index")
    set_choice(chooser, 0, options=["three"])
    assert chooser.value == "three" and told == [None, 0]  # the browser's ipywidgets 7 draws a choice when it changes only


def test_a_cell_is_opened_at_the_clip_that_is_asked_for(manifest, artifacts, predictions):
    asked = {"predictions": predictions, "classes": sorted(manifest["label"].unique()), "split": "train"}
    explorer = Explorer(manifest, artifacts, **asked)
    fits = predictions[(predictions["split"] == "train") & (predictions["true"] == "male_41")]
    last = fits.sort_values("confidence")["clip"].iloc[0]
    explorer.open_cell(1, 0)
    explorer.open_cell(2, 0, clip=last)
    (listing,) = parts(explorer.widget, ipywidgets.Select)
    assert f"<b>{last}</b>" in pages(explorer.widget)[1] and listing.index == len(fits) - 1 and listing.value.startswith(last)


def test_clips_are_filtered_by_what_is_known_of_them(manifest, artifacts, predictions):
    speakers = [f"s{n % 3}" for n in range(len(manifest))]
    clips = manifest.assign(speaker=speakers, emotion="", duration_s=np.linspace(1, 2, len(manifest)))
    widget = Explorer(clips, artifacts, predictions=predictions, classes=sorted(manifest["label"].unique()), split="train").widget
    (matrix,), lists = parts(widget, ConfusionMatrix), choosers(widget)
    assert list(lists) == ["true", "predicted", "speaker", "duration"] and lists["speaker"].options == ("all", "s0", "s1", "s2")
    training = clips[clips["split"] == "train"]
    lists["speaker"].value = "s1"
    assert np.sum(matrix.counts) == (training["speaker"] == "s1").sum()
    lists["speaker"].value, lists["duration"].value = "all", "short third"
    kept = training[training["duration_s"].rank(pct=True) <= 1 / 3]
    assert np.sum(matrix.counts) == len(kept) > 0
    matrix.chosen = [0, 0, 1_700_000_000_000]
    (listing,) = parts(widget, ipywidgets.Select)
    assert {name.rsplit(" ", 1)[0] for name in listing.options} == set(kept["clip"][kept["label"] == "female_23"])


def test_without_recordings_there_is_a_sentence_for_each_player_and_the_image_stays(manifest, artifacts):
    row, before = manifest.iloc[0], pixels_of(clip_html(manifest.iloc[0], artifacts))
    clips = manifest.assign(predicted=manifest["label"], confidence=0.5, distance=0.1)
    artifacts.location.unlink()
    shown = clip_html(row, artifacts)
    assert np.array_equal(pixels_of(shown), before)
    panel = ComparisonPanel(clips, artifacts, player=SpectrogramPlayer())
    panel.show(clips.iloc[0])
    pages = [shown, neighbours_html(clips.head(2), artifacts), panel.plain.value]
    for page, players in zip(pages, (1, 2, 1), strict=True):
        assert page.count("The recordings of folder are not on this machine yet") == players and "<audio" not in page
    artifacts.image(row["clip"]).unlink()
    assert "<img" not in clip_html(row, artifacts)


def test_the_diary_counts_the_errors_that_were_played_and_saves_all_of_them(manifest, artifacts, predictions):
    widget = Explorer(
        manifest, artifacts, predictions=predictions, classes=sorted(manifest["label"].unique()), split="train"
    ).widget
    (player,) = parts(widget, SpectrogramPlayer)
    wrong = predictions[(predictions["split"] == "train") & (predictions["true"] != predictions["predicted"])]["clip"].tolist()
    right = predictions[(predictions["split"] == "train") & (predictions["true"] == predictions["predicted"])]["clip"].iloc[0]
    assert f"<b>0 of {len(wrong)}</b> errors heard" in pages(widget)
    for name in (wrong[1], right, wrong[1], wrong[0]):
        player.heard = name
    assert f"<b>2 of {len(wrong)}</b> errors heard" in pages(widget)
    (save,) = (button for button in parts(widget, ipywidgets.Button) if button.description == "save as a table")
    save.click()
    saved = pd.read_csv(artifacts.errors)
    assert set(saved["clip"]) == set(wrong) and set(saved.query("heard == 'yes'")["clip"]) == set(wrong[:2])
    assert any("saved as errors.csv" in page for page in pages(widget))
    artifacts.heard.write_bytes(b"PK\x03\x04")
    player.heard = wrong[2]
    assert any("heard.csv is a workbook" in page for page in pages(widget))


def test_the_same_error_elsewhere_can_be_opened(manifest, artifacts, predictions):
    class Network:
        window_s = 0.64
        features = pd.DataFrame(np.eye(len(manifest)) + 0.1, index=manifest["clip"])

    classes = sorted(manifest["label"].unique())
    widget = Explorer(manifest, artifacts, predictions=predictions, classes=classes, split="train", network=Network()).widget
    (button,) = (one for one in parts(widget, ipywidgets.Button) if one.description == "same error elsewhere")
    (alike,) = (one for one in parts(widget, ipywidgets.Dropdown) if not one.description)
    table = predictions[predictions["split"] == "train"]
    others = table[(table["true"] == "male_41") & (table["predicted"] == "female_23")]["clip"].iloc[1:]
    parts(widget, ConfusionMatrix)[0].chosen = [2, 0, 1_700_000_000_000]
    button.click()
    assert alike.layout.display == "flex" and len(alike.options) == 1 + len(others)
    chosen = alike.value = alike.options[1][1]
    assert chosen in set(others) and any(page.startswith("<p") and f"<b>{chosen}</b>" in page for page in pages(widget))
    parts(widget, ConfusionMatrix)[0].chosen = [0, 0, 1_700_000_000_001]
    assert button.disabled and alike.layout.display == "none"


def test_views_are_made_when_they_are_chosen_first():
    made = []
    views = {
        name: lambda name=name: made.append(name) or SimpleNamespace(widget=ipywidgets.HTML(name))
        for name in ("known", "strangers")
    }
    widget = choose_view(views)
    (chooser,) = parts(widget, ipywidgets.Dropdown)
    assert made == ["known"] and pages(widget) == ["known"]
    for name in ("strangers", "known", "strangers"):
        chooser.value = name
        assert pages(widget) == [name]
    assert made == ["known", "strangers"]
