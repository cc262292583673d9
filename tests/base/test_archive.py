"""The archive on Drive, with a temporary folder standing in for Drive."""

import errno
import json
import os
import resource
import stat
import zipfile

import numpy as np
import pytest

from helpers.base.archive import archive_path, restore_archive, save_archive
from helpers.base.artifacts import LAYOUT, Artifacts, NoRecordingsError, SuiteError
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


def restore(artifacts, drive):
    return restore_archive(artifacts, archive_path(artifacts, drive))


def contents(artifacts):
    """What an archive of these results must hold."""
    paths = (path for path in artifacts.folder.rglob("*") if path.is_file())
    found = {path.relative_to(artifacts.folder).as_posix(): path.read_bytes() for path in paths}
    return {name: content for name, content in found.items() if not name.startswith("report") and name != "source.json"}


@pytest.mark.slow
def test_a_new_runtime_gets_everything_back_and_redoes_nothing(saved, drive, fresh, corpus, tmp_path):
    assert [path.name for path in drive.iterdir()] == ["folder.zip"]
    assert restore(fresh, drive) == len(contents(saved))
    assert contents(fresh) == contents(saved)
    before = {path: path.stat().st_mtime_ns for path in fresh.spectrograms.rglob("*.png")}
    with pytest.raises(NoRecordingsError, match="The recordings of folder are not on this machine yet"):
        fresh.sounds(read_manifest(fresh)["path"])
    moved = corpus.rename(tmp_path / "elsewhere")
    fresh.locate_corpus(moved)
    convert(read_manifest(fresh), fresh, settings=SETTINGS, profile="quick")
    assert {path: path.stat().st_mtime_ns for path in fresh.spectrograms.rglob("*.png")} == before
    assert restore(fresh, drive) == 0 and not save_archive(fresh, drive)


def test_what_is_on_this_disk_is_newer_and_stays(saved, drive, fresh):
    fresh.folder.mkdir(parents=True)
    fresh.rejected.write_text("newer")
    restore(fresh, drive)
    assert fresh.rejected.read_text() == "newer" and fresh.classes.exists()


@pytest.mark.parametrize("name", ["manifest", "dataset", "classes"])
def test_results_of_other_clips_are_never_mixed(saved, drive, fresh, name):
    fresh.folder.mkdir(parents=True)
    getattr(fresh, name).write_text("of others")
    with pytest.raises(SuiteError, match=r"folder\.zip holds other results than .*/folder, which stays as it is\. No part"):
        restore(fresh, drive)
    assert len(list(fresh.folder.iterdir())) == 1


def test_what_belongs_together_comes_back_together_or_not_at_all(artifacts, drive, fresh):
    """A network of one training beside the predictions of another would be a result that never was."""
    run = {"models/x/run.json": "{1}", "models/x/model.keras": "weights", "models/x/checkpoints/1": "state"}
    images = {"spectrograms/spectrograms.json": "{}", "spectrograms/a.png": "a"}
    pack(artifacts, drive, *run.items(), *images.items())
    fresh.run("x").folder.mkdir(parents=True)
    fresh.run("x").facts.write_text("{2}")
    fresh.spectrograms.mkdir()
    fresh.image("b").write_text("of a conversion that was stopped")
    assert restore(fresh, drive) == 2
    assert contents(fresh).keys() == {"manifest.csv", "dataset.json", "models/x/run.json", "spectrograms/b.png"}
    fresh.run("x").facts.write_text("{1}")  # a restore that was interrupted goes on
    fresh.image("b").unlink()
    assert restore(fresh, drive) == 4
    assert fresh.run("x").model.read_text() == "weights" and fresh.image("a").read_text() == "a"


@pytest.mark.parametrize(
    ("facts", "fault"),
    [
        (None, "there is no dataset.json at its top"),
        ("[3]", "there is no dataset.json at its top"),
        ("{", "there is no dataset.json at its top"),
        ('{"layout": 1, "dataset": "voices"}', r"another version of this project \(layout 1, not"),
    ],
)
def test_an_archive_of_another_layout_is_refused(artifacts, drive, fresh, facts, fault):
    pack(artifacts, drive, ("classes.json", "[]"), facts=facts)
    with pytest.raises(SuiteError, match=rf"{fault}.*No part of the archive is used"):
        restore(fresh, drive)
    assert not fresh.folder.exists()


def test_a_change_is_saved_and_strays_are_cleared(saved, drive, fresh):
    stray = drive / ".writing-1-abc.zip"
    stray.write_bytes(b"half")
    saved.classes.write_text("[]")
    assert save_archive(saved, drive) and not stray.exists()
    restore(fresh, drive)
    assert fresh.classes.read_text() == "[]"


def test_no_archive_yet_is_no_error(drive, fresh):
    assert restore(fresh, drive) == 0 and not fresh.folder.exists()


@pytest.mark.parametrize("part", [0, 0.3, 0.999])
def test_a_truncated_archive_is_refused_and_can_be_saved_anew(saved, drive, fresh, part):
    archive = archive_path(saved, drive)
    os.truncate(archive, int(part * archive.stat().st_size))
    with pytest.raises(SuiteError, match=r"folder\.zip is cut off or damaged .*: delete it, and it is saved anew. No part"):
        restore(fresh, drive)
    assert not fresh.folder.exists()
    assert save_archive(saved, drive) and restore(fresh, drive) == len(contents(saved))


def test_a_damaged_archive_is_refused_and_no_part_is_used(saved, drive, fresh):
    archive = archive_path(saved, drive)
    content = bytearray(archive.read_bytes())
    content[len(content) // 2] ^= 255
    archive.write_bytes(content)
    with pytest.raises(SuiteError, match="is cut off or damaged"):
        restore(fresh, drive)
    assert contents(fresh) == {}


FACTS = json.dumps({"layout": LAYOUT, "dataset": "folder"})


def pack(artifacts, drive, *entries, method=zipfile.ZIP_STORED, facts=FACTS):
    """An archive of a manifest, `dataset.json` and some entries, each a name or a ZipInfo with its content."""
    drive.mkdir(exist_ok=True)
    with zipfile.ZipFile(archive_path(artifacts, drive), "w", method) as packed:
        for entry, content in (("manifest.csv", "clip"), ("dataset.json", facts), *entries):
            if content is not None:
                packed.writestr(entry, content)
    return archive_path(artifacts, drive)


def entry(name, kind):
    made = zipfile.ZipInfo(name)
    made.external_attr = (kind | 0o644) << 16
    return made


@pytest.mark.parametrize(
    "name",
    ["../outside.txt", "/etc/outside.txt", "spectrograms/../../outside.txt", "..\\outside.txt", "C:/outside.txt", "C:outside.txt",
     "//server/outside.txt", "../outside/"],
)  # fmt: skip
def test_what_would_lie_outside_is_refused(drive, fresh, tmp_path, name):
    pack(fresh, drive, (name, "" if name.endswith("/") else "outside"))
    with pytest.raises(SuiteError, match=r"was not made by this project: it holds .* outside the results folder"):
        restore(fresh, drive)
    assert not fresh.folder.exists() and not list(tmp_path.rglob("outside*"))


def test_what_is_true_on_another_machine_alone_is_not_restored(drive, fresh):
    """A file manager has packed the whole folder."""
    packed = ["source.json", "audio/a.wav", "report/index.html", "other/emodb/source.json", "other/emodb/manifest.csv"]
    pack(fresh, drive, *[(name, "{}") for name in packed])
    assert restore(fresh, drive) == 3
    assert sorted(contents(fresh)) == ["dataset.json", "manifest.csv", "other/emodb/manifest.csv"]


def test_an_archive_of_a_file_manager_is_restored(drive, fresh):
    """Compressed, with entries for folders, and with names that begin at the folder itself."""
    pack(
        fresh,
        drive,
        ("./", ""),
        ("spectrograms/", ""),
        ("./spectrograms/a.png", "a"),
        ("models/x/", ""),
        method=zipfile.ZIP_DEFLATED,
    )
    assert restore(fresh, drive) == 3
    assert contents(fresh) == {"manifest.csv": b"clip", "dataset.json": FACTS.encode(), "spectrograms/a.png": b"a"}


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ([(entry("link", stat.S_IFLNK), "/etc/passwd")], "'link', which is neither a file nor a folder"),
        ([(entry("pipe", stat.S_IFIFO), "")], "'pipe', which is neither a file nor a folder"),
        ([("a.txt", "one"), ("./a.txt", "two")], r"holds '\./a\.txt', which is there twice"),
        ([("a", "one"), ("a/b/c", "two")], "'a' is a file and a folder in it"),
    ],
)
def test_entries_that_this_project_never_writes_are_refused(drive, fresh, entries, reason):
    pack(fresh, drive, *entries)
    with pytest.raises(SuiteError, match=rf"was not made by this project: .*{reason}.*\. No part of the archive is used\."):
        restore(fresh, drive)
    assert not fresh.folder.exists()


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_ways_to_pack_are_refused(drive, fresh, method):
    pack(fresh, drive, ("a.txt", "a" * 1000), method=method)
    with pytest.raises(SuiteError, match="compressed by an unusual method"):
        restore(fresh, drive)


def test_an_encrypted_archive_is_refused(drive, fresh):
    archive = pack(fresh, drive)
    content = bytearray(archive.read_bytes())
    for start, flags in ((content.index(b"PK\3\4"), 6), (content.index(b"PK\1\2"), 8)):
        content[start + flags] |= 1
    archive.write_bytes(content)
    with pytest.raises(SuiteError, match=r"it holds 'manifest\.csv', which is encrypted"):
        restore(fresh, drive)


def test_an_archive_of_something_else_is_refused(drive, fresh):
    """Such as the whole folder packed, so that every name begins with the dataset's."""
    drive.mkdir()
    with zipfile.ZipFile(archive_path(fresh, drive), "w") as packed:
        packed.writestr("folder/manifest.csv", "clip")
    with pytest.raises(SuiteError, match=r"holds no results of this project: there is no dataset\.json at its top"):
        restore(fresh, drive)


def test_a_bomb_is_refused_before_anything_is_written(drive, fresh, monkeypatch):
    pack(fresh, drive, ("a.csv", bytes(200_000_000)), method=zipfile.ZIP_DEFLATED)
    with pytest.raises(SuiteError, match=r"was not made by this project: its 0\.2 MB would grow to 200 MB"):
        restore(fresh, drive)
    pack(fresh, drive, ("a.csv", bytes(1_000_000)))
    monkeypatch.setattr("shutil.disk_usage", lambda _: os.statvfs_result([0] * 10) and type("Usage", (), {"free": 500_000}))
    with pytest.raises(SuiteError, match=r"holds 1 MB that are not here yet, and .* has room for 0 MB: free some space"):
        restore(fresh, drive)
    assert not fresh.folder.exists()


def test_a_file_larger_than_it_declares_is_refused(drive, fresh):
    """Its CRC is that of the declared bytes, so that the size alone gives it away."""
    archive = pack(fresh, drive, ("a.csv", bytes(10_000)), method=zipfile.ZIP_DEFLATED)
    content = archive.read_bytes().replace((10_000).to_bytes(4, "little"), (100).to_bytes(4, "little"))
    archive.write_bytes(content)
    with pytest.raises(SuiteError, match="is cut off or damaged"):
        restore(fresh, drive)
    assert not (fresh.folder / "a.csv").exists()


def test_nothing_is_written_through_a_link_in_the_results_folder(drive, fresh, tmp_path):
    fresh.folder.mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    fresh.spectrograms.symlink_to(tmp_path / "elsewhere")
    pack(fresh, drive, ("spectrograms/deep/a.png", "a"))
    with pytest.raises(SuiteError, match=r"spectrograms.* leads out of the results folder through a symbolic link"):
        restore(fresh, drive)
    fresh.spectrograms.unlink()
    fresh.classes.symlink_to(tmp_path / "elsewhere" / "new")  # it leads nowhere yet
    pack(fresh, drive, ("classes.json", "[]"))
    restore(fresh, drive)
    assert not list((tmp_path / "elsewhere").iterdir()) and fresh.classes.read_text() == "[]" and not fresh.classes.is_symlink()


def test_any_mutated_archive_is_restored_or_refused_with_a_sentence(drive, fresh):
    archive = pack(fresh, drive, ("./", ""), ("models/x/run.json", "{}" * 50), method=zipfile.ZIP_DEFLATED)
    whole, rng = archive.read_bytes(), np.random.default_rng(0)
    for _ in range(1500):
        content = bytearray(whole)
        for position in rng.integers(0, len(content), rng.integers(1, 4)):
            content[position] = rng.integers(256)
        archive.write_bytes(content[: rng.integers(1, len(content))] if rng.random() < 0.1 else content)
        try:
            restore(Artifacts(fresh.folder.with_name(fresh.folder.name)), drive)
        except SuiteError as error:
            assert str(archive) in str(error)
    assert {path.name for path in fresh.folder.parent.iterdir()} <= {fresh.folder.name}


@pytest.fixture
def full_disk():
    """No file may grow larger than 100 kB, as on a disk without space."""
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limit[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limit)


def test_a_full_drive_is_one_sentence(artifacts, drive, full_disk):
    artifacts.folder.mkdir(parents=True, exist_ok=True)
    for number in range(3):
        (artifacts.folder / f"{number}.txt").write_text("x" * 60_000)
    with pytest.raises(SuiteError, match=r"\.zip could not be saved \(File too large\): free some space, then run this cell again"):
        save_archive(artifacts, drive)
    assert not list(drive.iterdir())


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.EIO, "wait a minute"),
        (errno.ETIMEDOUT, "wait a minute"),
        (errno.ENOTCONN, "mount Drive"),
        (errno.ESTALE, "mount Drive"),
    ],
)
def test_a_drive_that_times_out_or_is_gone_is_one_sentence(drive, fresh, monkeypatch, number, remedy):
    archive = pack(fresh, drive, ("classes.json", "[]"))

    def fails(*_, **__):
        raise OSError(number, os.strerror(number))

    for method in ("read", "read1", "readinto"):
        monkeypatch.setattr(zipfile.ZipExtFile, method, fails)
    with pytest.raises(
        SuiteError, match=rf"^{archive} could not be restored to .*\({os.strerror(number)}\): .*{remedy}.*run this cell"
    ):
        restore(fresh, drive)
    assert not fresh.folder.exists()
    monkeypatch.setattr(type(drive), "stat", fails)
    with pytest.raises(SuiteError, match=remedy):
        restore(fresh, drive)


def test_a_drive_that_is_not_mounted_is_one_sentence(saved, tmp_path):
    with pytest.raises(SuiteError, match=r"There is no folder .*MyDrive: on Colab, tick USE_DRIVE"):
        save_archive(saved, tmp_path / "drive" / "MyDrive" / "voices")


def test_a_backslash_in_a_name_is_only_a_letter_here(artifacts, drive, fresh):
    artifacts.spectrograms.mkdir(parents=True)
    artifacts.dataset.write_text(FACTS)
    artifacts.image("left\\right").write_text("a")
    assert save_archive(artifacts, drive) and restore(fresh, drive) == 2
    assert fresh.image("left\\right").read_text() == "a"


def test_nothing_to_save_is_one_sentence(fresh, drive):
    with pytest.raises(SuiteError, match=r"nothing to keep in .* yet"):
        save_archive(fresh, drive)
