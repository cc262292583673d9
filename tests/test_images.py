"""What a notebook that trains does about images of another profile than the one for its device."""

import dataclasses
import shutil

import pytest
from conftest import TINY
from IPython.lib.pretty import pretty

from helpers import images
from helpers.base import device, machine
from helpers.base.artifacts import SuiteError, read_json
from helpers.display.notes import Notice
from helpers.images import bring_images
from helpers.session import Session
from helpers.spectrograms.batches import pictures


@pytest.fixture
def shown(monkeypatch):
    """What `bring_images` shows."""
    found: list[Notice] = []
    monkeypatch.setattr(images, "display", found.append)
    return found


@pytest.fixture
def session(manifest, artifacts, monkeypatch):
    """With images of `quick`, on a GPU, so that "auto" wants those of `paper`, here small ones."""
    monkeypatch.setattr(machine, "training_devices", lambda: ["GPU:0"])
    monkeypatch.setattr(device, "FEWEST_CLIPS", 1)
    paper = dataclasses.replace(
        TINY, name="paper", spectrogram=dataclasses.replace(TINY.spectrogram, sample_rate=8000, fmax=4000.0), network="resnet50"
    )
    return Session("folder", "", artifacts, paper, notebook=3, overrides="mel_bins=32")


def test_images_that_the_profile_lacks_are_made(session, manifest, shown, capsys):
    assert bring_images(session) == session and not shown
    said = capsys.readouterr().out
    assert "images of the profile paper are made now" in said and "18/18" in said
    assert read_json(session.artifacts.spectrogram_settings)["profile"] == "paper"
    paths, _ = pictures(manifest, session.artifacts, classes=read_json(session.artifacts.classes), profile=session.profile)
    stamps = [path.stat().st_mtime_ns for path in paths]
    assert bring_images(session) == session and capsys.readouterr().out == ""
    assert [path.stat().st_mtime_ns for path in paths] == stamps


def test_without_recordings_it_goes_on_with_the_images_there_and_says_so_in_large_letters(session, corpus, shown):
    before = {path: path.read_bytes() for path in session.artifacts.spectrograms.rglob("*.*")}
    for sound in corpus.rglob("*.wav"):
        sound.unlink()
    found = bring_images(session)
    assert found.profile.name == "quick" and found.profile.spectrogram == TINY.spectrogram
    assert {path: path.read_bytes() for path in session.artifacts.spectrograms.rglob("*.*")} == before
    (notice,) = shown
    assert notice.title == "This is not the study's ResNet50"
    assert "None of the 18 recordings is in" in notice.text and "can't be made here" in notice.text
    assert notice._repr_html_().startswith("<h2>This is not the study&#x27;s ResNet50</h2>")
    assert pretty(notice).startswith("*** This is not the study's ResNet50 ***\n")


def test_without_recordings_images_of_other_overrides_are_no_substitute(session, corpus, shown):
    shutil.rmtree(corpus)
    with pytest.raises(SuiteError, match="recordings of folder are no longer on this machine"):
        bring_images(dataclasses.replace(session, overrides="mel_bins=40"))
    assert not shown


def test_without_images_and_recordings_there_is_nothing_to_train_on(session, corpus, shown):
    shutil.rmtree(session.artifacts.spectrograms)
    shutil.rmtree(corpus)
    with pytest.raises(SuiteError, match="recordings of folder are no longer on this machine"):
        bring_images(session)


def test_a_profile_that_was_chosen_for_another_device_says_what_it_means(session, monkeypatch, shown):
    small = dataclasses.replace(session, profile=TINY, asked="quick")
    assert bring_images(small) == small
    assert shown[-1].title == "This is not the study's ResNet50"
    assert 'PROFILE = "quick" was chosen; "auto" would take paper here.' in shown[-1].text
    monkeypatch.setattr(machine, "training_devices", list)
    assert bring_images(small) == small and len(shown) == 1
    bring_images(dataclasses.replace(session, asked="paper"))
    assert "hours without a GPU" in shown[-1].title and '"auto" would take quick' in shown[-1].text


def test_on_a_gpu_few_clips_are_for_quick_and_a_line_says_why(session, monkeypatch, shown, capsys):
    monkeypatch.setattr(device, "FEWEST_CLIPS", 13)
    made = device.automatic_profile(session.artifacts, notebook=3)
    small = dataclasses.replace(session, profile=TINY)
    assert made == "quick" and bring_images(small) == small and not shown
    assert "there are 12 training clips" in capsys.readouterr().out
    bring_images(dataclasses.replace(session, asked="paper"))
    assert shown[-1].title == "Few clips for the study's recipe" and "There are 12 training clips" in shown[-1].text
    monkeypatch.setattr(device, "FEWEST_CLIPS", 12)
    assert device.automatic_profile(session.artifacts, notebook=3) == "paper"
    monkeypatch.setattr(machine, "training_devices", list)
    assert device.automatic_profile(session.artifacts, notebook=3) == "quick"


def test_the_line_about_few_clips_hides_no_other(session, corpus, shown, capsys, monkeypatch):
    monkeypatch.setattr(device, "FEWEST_CLIPS", 13)
    shutil.rmtree(corpus)
    assert bring_images(session).profile.name == "quick" and not shown
    said = capsys.readouterr().out
    assert "there are 12 training clips" in said and "can't be made here" in said
