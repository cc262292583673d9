"""One archive of all results of a dataset: saved at the end of a notebook, restored on a new machine (all notebooks).

A Colab runtime forgets its disk, and Google Drive is slow, or times out, with thousands of small files. So work goes on on the
local disk, and Drive keeps a single ZIP file, not compressed, as pictures and models are so already.
"""

import contextlib
import json
import zipfile
from pathlib import Path, PurePosixPath

from helpers.base import machine
from helpers.base.artifacts import LAYOUT, Artifacts, RunFiles, SuiteError, atomic_path, disk_errors
from helpers.base.unpacking import (
    BLOCK,
    DAMAGED,
    UNPACKING,
    UNUSED,
    checked_members,
    checksum,
    member_names,
    opened,
    require_room,
    unpack,
)

READY = machine.PROJECT / "notebooks" / "ready"  # archives that the project brings, by dataset
AGAIN = "run this cell again; what is there already stays"


def archive_path(artifacts: Artifacts, folder: Path) -> Path:
    """Where the archive of a dataset's results lies: `<folder>/<dataset>.zip`."""
    return Path(folder) / f"{artifacts.folder.name}.zip"


def save_archive(artifacts: Artifacts, folder: Path) -> bool:
    """Put all results of a dataset into one archive, unless it holds them already.

    Outside stay the report, which `make run` makes; the synthesised sound, which is made anew; and where the recordings lie, which
    is true on this machine alone.

    Written under another name and then renamed: a runtime that ends halfway leaves the previous archive.

    Parameters
    ----------
    artifacts : Artifacts
    folder : Path
        Such as `/content/drive/MyDrive/voice-age-gender`; it is made if the folder above it is there.

    Returns
    -------
    bool
        Whether there was anything new to save.

    Raises
    ------
    SuiteError
        Drive is not mounted, or there is nothing to save.
    """
    folder = Path(folder)
    if not folder.parent.is_dir():
        raise SuiteError(f"There is no folder {folder.parent}: on Colab, tick USE_DRIVE in the settings cell and run it again.")
    made = [path for path in sorted(artifacts.folder.rglob("*")) if path.is_file() and not _stays_here(path, artifacts)]
    files = {path.relative_to(artifacts.folder).as_posix(): path for path in made}
    if not files:
        raise SuiteError(f"There is nothing to keep in {artifacts.folder} yet.")
    archive = archive_path(artifacts, folder)
    with disk_errors(f"{archive} could not be saved", then=AGAIN):
        with contextlib.suppress(FileNotFoundError, *DAMAGED), zipfile.ZipFile(archive) as packed:
            saved = {member.filename: member.CRC for member in packed.infolist()}
            if saved == {name: checksum(path) for name, path in files.items()}:
                return False
        for stray in folder.glob(".writing-*.zip"):  # of a runtime that ended while it was saving
            stray.unlink()
        with (
            atomic_path(archive, durable=True) as temporary,
            zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED, strict_timestamps=False) as packed,
        ):
            for name, path in files.items():
                packed.write(path, name)
    return True


def _stays_here(path: Path, artifacts: Artifacts) -> bool:
    """Whether a file is for this machine alone; another corpus has such files in a folder of its own."""
    other = path.relative_to(artifacts.folder).parts
    if path.name.startswith(".writing-") or other[0].startswith(UNPACKING) or path.is_relative_to(artifacts.report):
        return True
    owner = artifacts.other(other[1]) if other[0] == artifacts.others.name and len(other) > 2 else artifacts
    return path == owner.location or path.is_relative_to(owner.synthesised)


def restore_archive(artifacts: Artifacts, archive: Path) -> int:
    """Bring back from an archive what is not on this disk; what is here stays as it is, and other results are never mixed with it.

    The archive is unpacked beside the results first, so that of a damaged one no part is used. What belongs together (a run, or the
    spectrogram images) comes back only where nothing of it is here, or what is here is of the very same.

    Parameters
    ----------
    artifacts : Artifacts
    archive : Path

    Returns
    -------
    int
        Number of files restored; 0 also where there is no archive yet.

    Raises
    ------
    SuiteError
        The archive is cut off, damaged, encrypted, of another layout, of other results than those here or none of this project's,
        or holds what would lie outside the results folder or has no room on this disk.
    """
    with disk_errors(f"{archive} could not be restored to {artifacts.folder}", then=AGAIN):
        try:
            archive.stat()  # `exists` would say no of a Drive that is gone
        except FileNotFoundError:
            return 0
        with opened(archive) as packed:
            members = checked_members(packed, archive, artifacts)
            _require_layout(packed, members, archive)
            if not _same(members, artifacts):
                raise SuiteError(f"{archive} holds other results than {artifacts.folder}, which stays as it is. {UNUSED}")
            lacking = _lacking(members, artifacts)
            require_room(lacking.values(), archive, artifacts.folder)
            unpack(packed, lacking, artifacts.folder)
            return len(lacking)


def archive_facts(archive: Path) -> dict:
    """The `dataset.json` in an archive, of which nothing is unpacked.

    Raises
    ------
    SuiteError
        It can't be read, or is none of this project's or of another layout.
    """
    with disk_errors(f"{archive} could not be read", then=AGAIN), opened(archive) as packed:
        return _require_layout(packed, member_names(packed), archive)


def archive_names(archive: Path) -> set[str]:
    """The paths of the files in an archive; none where it can't be read, as restoring it will say."""
    try:
        with disk_errors(f"{archive} could not be read", then=AGAIN), opened(archive) as packed:
            return set(member_names(packed))
    except SuiteError:
        return set()


def archive_json(archive: Path, name: str) -> dict:
    """A small JSON file in an archive; empty where it is not there or can't be read."""
    try:
        with disk_errors(f"{archive} could not be read", then=AGAIN), opened(archive) as packed:
            with packed.open(name) as file:
                content = json.loads(file.read(BLOCK))
            return content if isinstance(content, dict) else {}
    except (SuiteError, KeyError):
        return {}


def holds_only(archive: Path, artifacts: Artifacts) -> bool:
    """Whether an archive holds nothing but an earlier state of these results, so that a new one can take its place."""
    with opened(archive) as packed:
        members = member_names(packed)
        if not _same(members, artifacts):
            return False
        made_again = (artifacts.spectrograms.name, "checkpoints", "logs")
        lost = (name for name in members if not (artifacts.folder / name).exists())
        return all(set(made_again) & set(PurePosixPath(name).parts) for name in lost)


def _require_layout(packed: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], archive: Path) -> dict:
    """Its `dataset.json`; a SuiteError where it says another layout than this version's."""
    try:
        with packed.open(members["dataset.json"]) as file:
            facts = json.loads(file.read(BLOCK))
        layout, _ = facts["layout"], facts["dataset"]
    except (KeyError, TypeError, ValueError, RecursionError):
        raise SuiteError(f"{archive} holds no results of this project: there is no dataset.json at its top. {UNUSED}") from None
    if layout != LAYOUT:
        raise SuiteError(f"{archive} holds results of another version of this project (layout {layout!r}, not {LAYOUT}). {UNUSED}")
    return facts


def _same(members: dict[str, zipfile.ZipInfo], artifacts: Artifacts) -> bool:
    """Whether clips, labels and splits in an archive are those here, as far as there are any."""
    tables = (artifacts.manifest, artifacts.dataset, artifacts.classes)
    return all(_equal(members[path.name], path) for path in tables if path.exists() and path.name in members)


def _equal(member: zipfile.ZipInfo, path: Path) -> bool:
    return member.file_size == path.stat().st_size and checksum(path) == member.CRC


def _lacking(members: dict[str, zipfile.ZipInfo], artifacts: Artifacts) -> dict[str, zipfile.ZipInfo]:
    """The files to restore, those first that say what the others beside them are of, as a restore may be interrupted."""
    kept_apart = set()
    for name in members:
        facts = artifacts.folder / name
        if facts.name not in (artifacts.spectrogram_settings.name, RunFiles(facts).facts.name):
            continue
        if facts.exists():
            alike = _equal(members[name], facts)
        else:
            alike = not facts.parent.is_dir() or not any(path.is_file() for path in facts.parent.iterdir())
        if not alike:
            kept_apart.add(PurePosixPath(name).parent)
    lacking = {
        name: member
        for name, member in members.items()
        if not (artifacts.folder / name).exists()
        and kept_apart.isdisjoint(PurePosixPath(name).parents)
        and not _stays_here(artifacts.folder / name, artifacts)  # as where a file manager has packed the whole folder
    }
    return dict(sorted(lacking.items(), key=lambda item: not item[0].endswith(".json")))
