"""One archive of all results of a dataset: saved at the end of a notebook, restored on a new machine (all notebooks).

A Colab runtime forgets its disk, and Google Drive is slow, or times out, with thousands of small files. So work goes on on the
local disk, and Drive keeps a single ZIP file, not compressed, as pictures and models are so already.
"""

import contextlib
import json
import os
import shutil
import stat
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath

from helpers.base.artifacts import LAYOUT, Artifacts, RunFiles, SuiteError, atomic_path, disk_errors

BLOCK = 1 << 20  # bytes read at once: a file may be larger than the memory
# An archive that a file manager packed again is compressed, pictures and sounds by little. A zip bomb grows a thousandfold.
MOST_GROWTH, SMALL = 20, 100_000_000
# What `zipfile` raises where bytes of an archive were changed or lost.
DAMAGED = (zipfile.BadZipFile, EOFError, zlib.error, struct.error, RuntimeError, ValueError)
AGAIN = "run this cell again; what is there already stays"
UNPACKING = ".unpacking-"  # how a folder's name begins that is there only while an archive is unpacked
UNUSED = "No part of the archive is used."


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
            if saved == {name: _checksum(path) for name, path in files.items()}:
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
    """Whether a file is no part of the archive; another corpus has such files in a folder of its own."""
    other = path.relative_to(artifacts.folder).parts
    if path.name.startswith(".writing-") or other[0].startswith(UNPACKING) or path.is_relative_to(artifacts.report):
        return True
    owner = artifacts.other(other[1]) if other[0] == artifacts.others.name and len(other) > 2 else artifacts
    return path == owner.location or path.is_relative_to(owner.synthesised)


def _checksum(path: Path) -> int:
    checksum = 0
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            checksum = zlib.crc32(block, checksum)
    return checksum


def restore_archive(artifacts: Artifacts, archive: Path) -> int:
    """Bring back from an archive what is not on this disk; what is here stays as it is, and other results are never mixed with it.

    The archive is unpacked beside the results first, so that of a damaged one no part is used. What belongs together (a run, or the
    spectrogram images) comes back only where nothing of it is here, or what is here is of the very same.

    Parameters
    ----------
    artifacts : Artifacts
    archive : Path
        Or the folder that `save_archive` was given.

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
    if archive.suffix != ".zip":
        archive = archive_path(artifacts, archive)
    with disk_errors(f"{archive} could not be restored to {artifacts.folder}", then=AGAIN):
        try:
            archive.stat()  # `exists` would say no of a Drive that is gone
        except FileNotFoundError:
            return 0
        with _opened(archive) as packed:
            members = _members(packed, archive, artifacts)
            _require_layout(packed, members, archive)
            if not _same(packed, members, artifacts):
                raise SuiteError(f"{archive} holds other results than {artifacts.folder}, which stays as it is. {UNUSED}")
            lacking = _lacking(packed, members, artifacts)
            _require_room(lacking.values(), archive, artifacts.folder)
            _unpack(packed, lacking, artifacts.folder)
            return len(lacking)


def archive_facts(archive: Path) -> dict:
    """The `dataset.json` in an archive, of which nothing is unpacked.

    Raises
    ------
    SuiteError
        It can't be read, or is none of this project's or of another layout.
    """
    with disk_errors(f"{archive} could not be read", then=AGAIN), _opened(archive) as packed:
        return _require_layout(packed, _names(packed), archive)


def archive_names(archive: Path) -> set[str]:
    """The paths of the files in an archive; none where it can't be read, as restoring it will say."""
    try:
        with disk_errors(f"{archive} could not be read", then=AGAIN), _opened(archive) as packed:
            return set(_names(packed))
    except SuiteError:
        return set()


def archive_json(archive: Path, name: str) -> dict:
    """A small JSON file in an archive; empty where it is not there or can't be read."""
    try:
        with disk_errors(f"{archive} could not be read", then=AGAIN), _opened(archive) as packed:
            with packed.open(name) as file:
                content = json.loads(file.read(BLOCK))
            return content if isinstance(content, dict) else {}
    except (SuiteError, KeyError):
        return {}


def holds_only(archive: Path, artifacts: Artifacts) -> bool:
    """Whether an archive holds nothing but an earlier state of these results, so that a new one can take its place."""
    with _opened(archive) as packed:
        members = _names(packed)
        if not _same(packed, members, artifacts):
            return False
        made_again = (artifacts.spectrograms.name, "checkpoints", "logs")
        lost = (name for name in members if not (artifacts.folder / name).exists())
        return all(set(made_again) & set(PurePosixPath(name).parts) for name in lost)


@contextlib.contextmanager
def _opened(archive: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(archive) as packed:
            yield packed
    except DAMAGED as error:
        raise SuiteError(f"{archive} is cut off or damaged ({error}): delete it, and it is saved anew. {UNUSED}") from None


def _names(packed: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """The files in an archive by their path, without "./"."""
    return {PurePosixPath(member.filename).as_posix(): member for member in packed.infolist() if not member.is_dir()}


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


def _same(packed: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], artifacts: Artifacts) -> bool:
    """Whether clips, labels and splits in an archive are those here, as far as there are any."""
    tables = (artifacts.manifest, artifacts.dataset, artifacts.classes)
    return all(_equal(packed, members[path.name], path) for path in tables if path.exists() and path.name in members)


def _equal(packed: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path) -> bool:
    return member.file_size == path.stat().st_size and _checksum(path) == member.CRC


def _lacking(packed: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], artifacts: Artifacts) -> dict[str, zipfile.ZipInfo]:
    """The files to restore, those first that say what the others beside them are of, as a restore may be interrupted."""
    kept_apart = set()
    for name in members:
        facts = artifacts.folder / name
        if facts.name not in (artifacts.spectrogram_settings.name, RunFiles(facts).facts.name):
            continue
        if facts.exists():
            alike = _equal(packed, members[name], facts)
        else:
            alike = not facts.parent.is_dir() or not any(path.is_file() for path in facts.parent.iterdir())
        if not alike:
            kept_apart.add(PurePosixPath(name).parent)
    lacking = {
        name: member
        for name, member in members.items()
        if not (artifacts.folder / name).exists() and kept_apart.isdisjoint(PurePosixPath(name).parents)
    }
    return dict(sorted(lacking.items(), key=lambda item: not item[0].endswith(".json")))


def _unpack(packed: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], folder: Path) -> None:
    """Unpack members to a folder, all of them or, if one is damaged, none."""
    for stray in folder.glob(f"{UNPACKING}*"):  # of a runtime that ended here
        shutil.rmtree(stray, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=UNPACKING, dir=folder) as beside:
        for number, member in enumerate(members.values()):
            with packed.open(member) as source, (Path(beside) / str(number)).open("wb") as file:
                shutil.copyfileobj(source, file, BLOCK)
        for number, name in enumerate(members):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            os.replace(Path(beside) / str(number), folder / name)


def _members(packed: zipfile.ZipFile, archive: Path, artifacts: Artifacts) -> dict[str, zipfile.ZipInfo]:
    """The files in an archive by their path in the results folder, all of them harmless (else SuiteError, before any is used)."""
    members: dict[str, zipfile.ZipInfo] = {}
    for member in packed.infolist():
        name = PurePosixPath(member.filename).as_posix()
        if fault := _fault(member) or ("which is there twice" if name in members else ""):
            raise SuiteError(f"{archive} was not made by this project: it holds {member.filename!r}, {fault}. {UNUSED}")
        if not member.is_dir():
            members[name] = member
    root = artifacts.folder.resolve()
    for parent in {parent for name in members for parent in PurePosixPath(name).parents}:
        if parent.as_posix() in members:
            raise SuiteError(f"{archive} was not made by this project: {str(parent)!r} is a file and a folder in it. {UNUSED}")
        if not (artifacts.folder / parent).resolve().is_relative_to(root):
            raise SuiteError(
                f"{artifacts.folder / parent} leads out of the results folder through a symbolic link: put a folder in its place, "
                f"then run this cell again. {UNUSED}"
            )
    return members


def _fault(member: zipfile.ZipInfo) -> str:
    """Why an entry is none that `save_archive` wrote, as part of a sentence; empty if it is harmless."""
    inside = PureWindowsPath(member.filename)  # it takes both slashes for separators, and knows drives
    if inside.anchor or ".." in inside.parts:
        return "which would lie outside the results folder"
    kind = stat.S_IFMT(member.external_attr >> 16)  # 0 where the system that packed it knows no kinds
    if not member.is_dir() and (kind not in (0, stat.S_IFREG) or not inside.parts):
        return "which is neither a file nor a folder"
    if member.flag_bits & 1:
        return "which is encrypted"
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):  # of others, Python unpacks a whole block at once
        return "which is compressed by an unusual method"
    return ""


def _require_room(members: Iterable[zipfile.ZipInfo], archive: Path, folder: Path) -> None:
    """Refuse what would fill the disk, by the sizes that the archive declares: `zipfile` never unpacks more than those."""
    needed, size = sum(member.file_size for member in members), archive.stat().st_size
    if needed > MOST_GROWTH * size + SMALL:
        grown = f"its {size / 1e6:.1f} MB would grow to {needed / 1e6:,.0f} MB"
        raise SuiteError(f"{archive} was not made by this project: {grown}. {UNUSED}")
    there = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if needed > (free := shutil.disk_usage(there).free):
        raise SuiteError(
            f"{archive} holds {needed / 1e6:,.0f} MB that are not here yet, and {folder} has room for {free / 1e6:,.0f} MB: free "
            "some space, then run this cell again."
        )
