"""The archive on Drive, with a temporary folder standing in for Drive."""

import os
import zipfile

import pytest

from helpers.base.archive import archive_path, restore_archive, save_archive
from helpers.base.artifacts import Artifacts, SuiteError
from helpers.base.settings import PROFILES
from helpers.recordings.manifest import build_manifest, read_manifest
from helpers.spectrograms.convert import convert

SETTINGS = PROFILES["quick"].spectrogram


@pytest.fixture
def drive(tmp_path):
    (tmp_path / "MyDrive").mkdir()
    return tmp_path / "MyDrive" / "voices"


@pytest.fixture
def saved(corpus, artifacts, drive):
    manifest, _ = build_manifest("folder", corpus, artifacts, seed=0)
    convert(manifest, artifacts, settings=SETTINGS, profile="quick")
    (artifacts.report).mkdir()
    (artifacts.report / "index.html").write_text("left out")
    assert save_archive(artifacts, drive)
    return artifacts


@pytest.fixture
def fresh(tmp_path):
    """The same dataset on a runtime whose disk is empty."""
    return Artifacts(tmp_path / "new runtime" / "folder")


def contents(artifacts, *, beside="report"):
    paths = (path for path in artifacts.folder.rglob("*") if path.is_file())
    found = {path.relative_to(artifacts.folder).as_posix(): path.read_bytes() for path in paths}
    return {name: content for name, content in found.items() if not name.startswith(beside)}


@pytest.mark.slow
def test_a_new_runtime_gets_everything_back_and_redoes_nothing(saved, drive, fresh):
    assert [path.name for path in drive.iterdir()] == ["folder.zip"]
    assert restore_archive(fresh, drive) == len(contents(saved))
    assert contents(fresh) == contents(saved)
    before = {path: path.stat().st_mtime_ns for path in fresh.spectrograms.rglob("*.png")}
    convert(read_manifest(fresh), fresh, settings=SETTINGS, profile="quick")
    assert {path: path.stat().st_mtime_ns for path in fresh.spectrograms.rglob("*.png")} == before
    assert restore_archive(fresh, drive) == 0 and not save_archive(fresh, drive)


def test_what_is_on_this_disk_is_newer_and_stays(saved, drive, fresh):
    fresh.folder.mkdir(parents=True)
    fresh.manifest.write_text("newer")
    restore_archive(fresh, drive)
    assert fresh.manifest.read_text() == "newer" and fresh.classes.exists()


def test_a_change_is_saved_and_strays_are_cleared(saved, drive, fresh):
    stray = drive / ".writing-1-abc.zip"
    stray.write_bytes(b"half")
    saved.classes.write_text("[]")
    assert save_archive(saved, drive) and not stray.exists()
    restore_archive(fresh, drive)
    assert fresh.classes.read_text() == "[]"


def test_no_archive_yet_is_no_error(drive, fresh):
    assert restore_archive(fresh, drive) == 0 and not fresh.folder.exists()


@pytest.mark.parametrize("part", [0, 0.3, 0.999])
def test_a_truncated_archive_is_refused_and_can_be_saved_anew(saved, drive, fresh, part):
    archive = archive_path(saved, drive)
    os.truncate(archive, int(part * archive.stat().st_size))
    with pytest.raises(SuiteError, match=r"folder\.zip is cut off or damaged .*: delete it, and save it anew"):
        restore_archive(fresh, drive)
    assert not fresh.folder.exists()
    assert save_archive(saved, drive) and restore_archive(fresh, drive) == len(contents(saved))


def test_a_damaged_archive_is_refused_and_gives_no_damaged_file(saved, drive, fresh):
    archive = archive_path(saved, drive)
    content = bytearray(archive.read_bytes())
    content[len(content) // 2] ^= 255
    archive.write_bytes(content)
    with pytest.raises(SuiteError, match="is cut off or damaged"):
        restore_archive(fresh, drive)
    assert contents(fresh).items() <= contents(saved).items()


@pytest.mark.parametrize("name", ["../outside.txt", "/etc/outside.txt", "spectrograms/../../outside.txt"])
def test_a_file_that_would_lie_outside_is_refused(drive, fresh, tmp_path, name):
    drive.mkdir()
    with zipfile.ZipFile(archive_path(fresh, drive), "w") as packed:
        packed.writestr("classes.json", "[]")
        packed.writestr(name, "outside")
    with pytest.raises(SuiteError, match="was not made by this project: it holds"):
        restore_archive(fresh, drive)
    assert not fresh.folder.exists() and not list(tmp_path.rglob("outside.txt"))


def test_a_drive_that_is_not_mounted_is_one_sentence(saved, tmp_path):
    with pytest.raises(SuiteError, match=r"There is no folder .*MyDrive: on Colab, mount Drive first"):
        save_archive(saved, tmp_path / "drive" / "MyDrive" / "voices")


def test_nothing_to_save_is_one_sentence(fresh, drive):
    with pytest.raises(SuiteError, match=r"nothing to keep in .*: run notebooks/01_download"):
        save_archive(fresh, drive)
