"""What a notebook builds on: brought from Drive, taken ready-made, or made here; and what is saved for the next one."""

import json
import os
import shutil
import zipfile

import pandas as pd
import pytest
from conftest import TINY, write_corpus

from helpers import session as session_module
from helpers import stages
from helpers.base import drive, machine
from helpers.base.archive import archive_path, restore_archive, save_archive
from helpers.base.artifacts import LAYOUT, Artifacts, SuiteError, read_json, read_table, write_json, write_table
from helpers.base.settings import describe
from helpers.network import run as runs
from helpers.session import start

OVERRIDES = "epochs=2 epoch_windows=1 base_channels=4 batch_size=8 mel_bins=32 window_frames=48 test_windows=2"


@pytest.fixture
def my_drive(fake_colab, monkeypatch, tmp_path):
    """A machine that looks like Colab's, and a Drive that can be mounted."""
    folder = tmp_path / "my drive"
    folder.mkdir()
    monkeypatch.setenv("FAKE_DRIVE", str(folder))
    monkeypatch.setattr(machine, "DRIVE", tmp_path / "not mounted" / "MyDrive")
    yield folder
    drive.connect(wanted=False)


@pytest.fixture
def corpus(tmp_path):
    return write_corpus(tmp_path / "recordings")


@pytest.fixture
def open_on(tmp_path, corpus):
    """Opens a notebook on a machine of its own."""

    def open_notebook(number, place="a", **given):
        settings = {"dataset": "folder", "data_dir": str(corpus), "overrides": OVERRIDES, "profile": "quick"} | given
        return start(notebook=number, artifacts=str(tmp_path / place), **settings)

    return open_notebook


@pytest.fixture
def no_training(monkeypatch):
    """A training that writes what one leaves, without TensorFlow; lists what was trained."""
    trained = []

    def make(session):
        trained.append(session.profile.network)
        write_run(session)

    monkeypatch.setitem(stages.MAKERS, stages.NETWORK, make)
    return trained


def write_run(session, **facts):
    """A run whose predictions are all right, as if trained."""
    artifacts = session.artifacts
    files, manifest = artifacts.run(session.profile.network), read_table(artifacts.manifest)
    classes = read_json(artifacts.classes)
    table = manifest[["clip", "split"]].assign(true=manifest["label"], predicted=manifest["label"], confidence=1.0)
    write_table(files.predictions, table.assign(**{f"p:{name}": (manifest["label"] == name) * 1.0 for name in classes}))
    write_table(files.history, pd.DataFrame({"epoch": [1], "loss": [1.0]}))
    write_json(files.metrics, {})
    files.model.write_bytes(b"weights")
    write_json(files.facts, {"settings": describe(session.profile), "network": session.profile.network} | facts)


def contents(artifacts):
    paths = (path for path in artifacts.folder.rglob("*") if path.is_file())
    return {path.relative_to(artifacts.folder).as_posix(): path.read_bytes() for path in paths}


def test_what_lacks_is_made_and_shown_first_as_a_table(open_on, no_training, capsys):
    session = stages.bring(open_on(4))
    shown = capsys.readouterr().out
    assert "recordings: to be made now" in shown and "trained network: to be made now (depends on the number of clips)" in shown
    assert session.artifacts.manifest.exists() and no_training == ["small_resnet"]
    assert len(list(session.artifacts.spectrograms.glob("*.png"))) == 18
    before = contents(session.artifacts)
    stages.bring(open_on(4))
    assert "trained network: here" in capsys.readouterr().out and no_training == ["small_resnet"]
    assert contents(session.artifacts) == before


@pytest.mark.parametrize(("number", "made"), [(1, 0), (2, 1), (3, 2), (5, 3), (6, 3)])
def test_each_notebook_gets_the_stages_before_it(open_on, no_training, number, made):
    artifacts = stages.bring(open_on(number)).artifacts
    assert [artifacts.manifest.exists(), artifacts.spectrogram_settings.exists(), bool(no_training)] == [
        made > stage for stage in range(3)
    ]


def test_the_table_of_stages_is_html_with_a_text_beside_it():
    table = stages.StageTable((("recordings", "to be made now", "about 2 min"), ("a < b", "here", "")))
    assert repr(table) == "recordings: to be made now (about 2 min)\na < b: here"
    assert "<td style='text-align:left'>a &lt; b</td>" in table._repr_html_() and table._repr_html_().count("<tr>") == 3
    assert "what it takes" in table._repr_html_()
    assert "what it takes" not in stages.StageTable((("recordings", "here", ""),))._repr_html_()


def test_an_unknown_way_lists_the_known(open_on, monkeypatch):
    with pytest.raises(SuiteError, match=r"EARLIER_STAGES='magic' is no choice: take one of auto, make here, from Drive, ready"):
        stages.bring(open_on(2), how="magic")
    monkeypatch.setenv("EARLIER_STAGES", "magick")
    with pytest.raises(SuiteError, match="'magick' is no choice"):
        stages.bring(open_on(2))


def test_results_travel_over_drive_from_machine_to_machine(open_on, my_drive, no_training, corpus, capsys, tmp_path):
    first = stages.bring(open_on(4, "a", use_drive=True))
    stages.save(first)
    assert "Saved on Drive: voice-age-gender/folder.zip" in capsys.readouterr().out
    no_training.clear()
    moved = shutil.move(corpus, tmp_path / "elsewhere")
    second = stages.bring(open_on(4, "b", use_drive=True, data_dir=str(moved)))
    said = capsys.readouterr().out
    assert "recordings: on Drive" in said and "files brought back, on Drive" in said and no_training == []
    kept, now = contents(first.artifacts), contents(second.artifacts)
    assert kept.pop("source.json") != now.pop("source.json") and kept == now
    assert all(second.artifacts.audio(path).exists() for path in read_table(second.artifacts.manifest)["path"])
    stages.save(second)
    assert "Already on Drive" in capsys.readouterr().out


def test_auto_takes_the_newest_results_here_then_on_drive(open_on, my_drive, corpus, capsys, tmp_path):
    for age, name in ((100, "old"), (50, "new")):
        session = stages.bring(open_on(2, "a", name=name, use_drive=True))
        stages.save(session)
        os.utime(session.artifacts.dataset, (1e9 - age, 1e9 - age))
        os.utime(archive_path(session.artifacts, session.drive), (1e9 - age, 1e9 - age))
    capsys.readouterr()
    session = open_on(3, "a", dataset="auto")
    assert (session.dataset, session.artifacts.folder.name) == ("folder", "new")
    assert "the results on this machine, new, the newest; also there: old." in capsys.readouterr().out
    session = open_on(3, "b", dataset="auto", use_drive=True)
    assert (session.dataset, session.artifacts.folder.name) == ("folder", "new") and "on Drive, new" in capsys.readouterr().out
    assert open_on(3, "b", dataset="auto", name="old", use_drive=True).artifacts.folder.name == "old"
    (my_drive / drive.FOLDER / "new.zip").write_bytes(b"PK")
    assert open_on(3, "b", dataset="auto", use_drive=True).artifacts.folder.name == "old"
    assert "new.zip is cut off or damaged" in capsys.readouterr().out
    assert stages.bring(session).artifacts.manifest.exists()  # made here, where the archive is of no use
    assert "The notebook goes on without it." in capsys.readouterr().out


def test_a_refused_drive_is_a_sentence_and_the_notebook_goes_on(open_on, my_drive, monkeypatch, capsys):
    monkeypatch.delenv("FAKE_DRIVE")
    session = stages.bring(open_on(2, use_drive=True), how="from Drive")
    stages.save(session)
    said = capsys.readouterr().out
    assert "Drive was not mounted (mount failed). The notebook goes on without Drive" in said
    assert "Drive is not mounted: tick USE_DRIVE" in said and "lost with this machine" in said
    assert session.artifacts.manifest.exists()


def test_drive_is_for_colab(open_on, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(machine, "DRIVE", tmp_path / "none")
    session = open_on(1, use_drive=True)
    assert session.drive is None and "USE_DRIVE is for Colab" in capsys.readouterr().out
    stages.save(session)
    assert f"The results stay in {session.artifacts.folder}." in capsys.readouterr().out
    monkeypatch.setenv("USE_DRIVE", "0")
    assert open_on(1, use_drive=True).drive is None and "USE_DRIVE" not in capsys.readouterr().out


def test_a_full_drive_is_a_sentence_and_keeps_what_it_has(open_on, my_drive, monkeypatch, capsys):
    session = stages.bring(open_on(2, use_drive=True))
    stages.save(session)
    archive = archive_path(session.artifacts, session.drive)
    before = archive.read_bytes()
    session.artifacts.review.write_text("new")

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(zipfile.ZipFile, "write", full)
    stages.save(session)
    assert "could not be saved (No space left on device): free some space" in capsys.readouterr().out
    write_json(session.artifacts.dataset, {"layout": 0})  # other results: they would be moved aside
    stages.save(session)
    assert archive.read_bytes() == before and "What was on Drive before is still there" in capsys.readouterr().out


def test_other_results_on_drive_are_never_mixed_nor_lost(open_on, my_drive, capsys):
    theirs = stages.bring(open_on(2, "a", use_drive=True))
    stages.save(theirs)
    old = archive_path(theirs.artifacts, theirs.drive).read_bytes()
    mine = open_on(2, "b")
    stages.bring(mine)
    table = read_table(mine.artifacts.manifest)
    write_table(mine.artifacts.manifest, table.iloc[:-1])
    before = contents(mine.artifacts)
    mine = stages.bring(open_on(2, "b", use_drive=True))
    assert contents(mine.artifacts) == before and "holds other results than" in capsys.readouterr().out
    stages.save(mine)
    (aside,) = (my_drive / drive.FOLDER / drive.EARLIER).glob("folder_*.zip")
    assert aside.read_bytes() == old and f"is kept as earlier/{aside.name}" in capsys.readouterr().out
    assert open_on(2, "c", dataset="auto", use_drive=True).artifacts.folder.name == "folder"


def test_an_archive_with_more_than_is_here_is_kept(open_on, my_drive, no_training):
    """Such as a trained network, where somebody has chosen to make everything here."""
    stages.save(stages.bring(open_on(4, "a", use_drive=True)))
    session = stages.bring(open_on(2, "b", use_drive=True), how="make here")
    assert not session.artifacts.run("small_resnet").folder.exists()
    stages.save(session)
    (aside,) = (my_drive / drive.FOLDER / drive.EARLIER).iterdir()
    assert "models/small_resnet/model.keras" in zipfile.ZipFile(aside).namelist()


def test_where_the_sound_is_gone_the_tables_go_on(open_on, no_training, corpus, capsys):
    session = stages.bring(open_on(4))
    shutil.rmtree(corpus)
    capsys.readouterr()
    assert stages.bring(open_on(4)).artifacts == session.artifacts
    said = capsys.readouterr().out
    assert "is not a folder" in said and "What needs tables alone works all the same" in said
    with pytest.raises(SuiteError, match="is not a folder"):
        stages.bring(open_on(4, "b"))


def test_missing_recordings_are_counted(open_on, corpus, capsys):
    stages.bring(open_on(2))
    for number in range(2):
        (corpus / "male_41" / f"{number}.wav").unlink()
    stages.bring(open_on(2))
    assert f"2 of 18 recordings are not in {corpus}. What needs tables alone" in capsys.readouterr().out


@pytest.fixture
def ready(open_on, monkeypatch, tmp_path):
    """Ready-made results for `folder`, and the session that they were made in."""
    session = open_on(4, "maker")
    for stage in (stages.RECORDINGS, stages.IMAGES):
        stages.MAKERS[stage](session)
    write_run(session)
    for image in session.artifacts.spectrograms.glob("*.png"):
        image.unlink()
    save_archive(session.artifacts, tmp_path / "ready")
    monkeypatch.setattr(stages, "READY", tmp_path / "ready")
    return session


def test_ready_made_results_are_taken_where_there_is_nothing(ready, open_on, no_training, capsys):
    session = stages.bring(open_on(4, "b"))
    said = capsys.readouterr().out
    assert "trained network: ready-made" in said and "spectrogram images: to be made now" in said and no_training == []
    assert "Warning" not in said
    assert len(list(session.artifacts.spectrograms.glob("*.png"))) == 18
    assert stages.bring(open_on(3, "c")).artifacts.manifest.exists()  # notebook 3 trains, and takes no network
    assert not Artifacts(session.artifacts.folder.parents[1] / "c" / "folder").run("small_resnet").folder.exists()


def test_notebook_0_takes_what_is_ready_made_and_makes_no_images(ready, open_on, no_training, corpus):
    session = stages.bring(open_on(0, "b"))
    assert session.artifacts.run("small_resnet").predictions.exists() and no_training == []
    assert session.artifacts.corpus() == corpus and not list(session.artifacts.spectrograms.glob("*.png"))


def test_other_sound_than_the_ready_made_results_were_made_from_is_a_warning(ready, open_on, no_training, corpus, capsys):
    shutil.copy(corpus / "male_41" / "0.wav", corpus / "female_23" / "0.wav")
    shutil.copy(corpus / "male_41" / "5.wav", corpus / "female_23" / "1.wav")
    shutil.copy(corpus / "male_41" / "5.wav", corpus / "female_60" / "0.wav")
    stages.bring(open_on(4, "b"))
    assert "Warning: the sound here is not the one" in capsys.readouterr().out and no_training == []


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"overrides": OVERRIDES + " dropout=0.2"}, r"they have other settings (dropout)"),
        ({"name": "x", "dataset": "emodb"}, "there are none for emodb"),
    ],
)
def test_ready_made_results_of_something_else_are_refused(ready, open_on, no_training, corpus, capsys, given, reason):
    session = open_on(4, "b", **given)
    assert stages._archive(session, "ready-made", lacking=[stages.NETWORK]) == (None, "")
    assert f"Ready-made results can't be taken, because {reason}. They exist for folder" in capsys.readouterr().out
    assert stages._archive(session, "auto", lacking=[stages.NETWORK]) == (None, "") and not capsys.readouterr().out


def test_damaged_ready_made_results_are_refused(ready, open_on, no_training, capsys):
    (stages.READY / "folder.zip").write_bytes(b"PK")
    assert stages.bring(open_on(4, "b"), how="ready-made").artifacts.manifest.exists() and no_training == ["small_resnet"]
    assert "can't be taken, because" in (said := capsys.readouterr().out) and "is cut off or damaged" in said


def test_a_copy_fetched_by_hand_is_found_again(open_on, tmp_path):
    session = open_on(2, dataset="emodb", data_dir="")
    session.artifacts.folder.mkdir(parents=True)
    (tmp_path / "by hand").mkdir()
    session.artifacts.locate_corpus(tmp_path / "by hand")
    write_json(session.artifacts.dataset, {"layout": LAYOUT, "dataset": "emodb"})
    session.artifacts.manifest.write_text("clip")
    found = open_on(1, dataset="auto", data_dir="")
    assert (found.dataset, found.data_dir) == ("emodb", str(tmp_path / "by hand"))
    (tmp_path / "by hand").rmdir()
    assert open_on(1, dataset="auto", data_dir="").data_dir == ""


def test_images_of_other_settings_are_made_again_where_a_network_is_trained(open_on, no_training):
    session = stages.bring(open_on(3))
    finer = OVERRIDES.replace("mel_bins=32", "mel_bins=40")
    stages.bring(open_on(3, overrides=finer))
    assert read_json(session.artifacts.spectrogram_settings)["settings"]["mel_bins"] == 40
    stages.bring(open_on(4))  # it lacks a network
    assert read_json(session.artifacts.spectrogram_settings)["settings"]["mel_bins"] == 32 and no_training
    stages.bring(open_on(4, overrides=finer))
    assert read_json(session.artifacts.spectrogram_settings)["settings"]["mel_bins"] == 32


def test_other_choices_than_those_of_the_ready_made_results_are_respected(ready, open_on, monkeypatch):
    monkeypatch.setenv("SPLIT_METHOD", "speaker")
    assert stages._misfit(open_on(4, "b"), stages.READY / "folder.zip") == "they have other choices for SPLIT_METHOD"


@pytest.mark.parametrize("number", [4, 5, 6])
def test_ready_made_results_are_taken_with_their_profile_on_a_gpu_too(ready, open_on, no_training, monkeypatch, number):
    monkeypatch.setattr(machine, "driver_lists_gpu", lambda: True)
    monkeypatch.setattr(machine, "training_devices", lambda: ["GPU:0"])
    session = open_on(number, "b", profile="auto", overrides=OVERRIDES)
    assert session.profile.name == "paper"
    assert stages.bring(session).profile.name == "quick" and no_training == []
    again = open_on(number, "b", profile="auto", overrides=OVERRIDES)
    assert stages.bring(again).profile.name == "quick" and no_training == []


def test_the_profile_auto_is_that_of_what_was_brought(ready, open_on, no_training, monkeypatch):
    monkeypatch.setattr(session_module.machine, "driver_lists_gpu", lambda: False)
    session = open_on(4, "b", profile="auto")
    write_json(ready.artifacts.spectrogram_settings, {"profile": "paper"})
    restore_archive(session.artifacts, stages.READY / "folder.zip")
    assert session.reopened().profile.name == "quick" and session.reopened().profile.epochs == TINY.epochs
    write_json(session.artifacts.spectrogram_settings, {"profile": "paper"})
    assert session.reopened().profile.name == "quick"  # a trained network tells more than images
    shutil.rmtree(session.artifacts.run("small_resnet").folder)
    assert session.reopened().profile.name == "paper"


def test_estimates_follow_the_number_of_clips(open_on):
    voices = open_on(4, dataset="voices", data_dir="", overrides="")
    assert stages._clips(voices) == 1560
    assert stages._duration(voices, stages.NETWORK) == "about 3 min"
    assert stages._duration(voices, stages.RECORDINGS) == "about 1 min"
    crema = open_on(4, dataset="crema-d", data_dir="", profile="paper", overrides="")
    assert "MB to download" in stages._row(crema, stages.RECORDINGS, "")[2]
    assert "an estimate follows" in stages._duration(crema, stages.NETWORK)
    assert stages._duration(open_on(4), stages.IMAGES) == "depends on the number of clips"


def test_on_colab_no_message_sends_to_another_notebook(open_on, fake_colab):
    session = open_on(4)
    with pytest.raises(SuiteError) as error:
        runs.read_run(session.artifacts, "small_resnet")
    assert 'run the cell "Earlier stages" and those below it again' in str(error.value) and "notebooks/" not in str(error.value)
    assert json.dumps(str(error.value)).count("\\n") == 0
