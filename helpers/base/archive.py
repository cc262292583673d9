"""One archive of all results on a Drive folder: saved when a stage is done, restored on a new runtime (notebook 02).

A Colab runtime forgets its disk, and Google Drive is slow, or times out, with thousands of small files. So work goes on on the
local disk, and Drive keeps a single ZIP file, not compressed, as pictures and models are so already.
"""

import contextlib
import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath, PureWindowsPath

from helpers.base.artifacts import Artifacts, SuiteError, atomic_path, disk_errors

BLOCK = 1 << 20  # bytes read at once: a file may be larger than the memory
# An archive that a file manager packed again is compressed, pictures and sounds by little. A zip bomb grows a thousandfold.
MOST_GROWTH, SMALL = 20, 100_000_000
# What `zipfile` raises where bytes of an archive were changed or lost.
DAMAGED = (zipfile.BadZipFile, EOFError, zlib.error, struct.error, RuntimeError, ValueError)
AGAIN = "run this cell again; what is there already stays"
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
        Such as `/content/drive/MyDrive/voices`; it is made if the folder above it is there.

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
        raise SuiteError(f"There is no folder {folder.parent}: on Colab, mount Drive first (the folder symbol on the left).")
    made = [path for path in sorted(artifacts.folder.rglob("*")) if path.is_file() and not _stays_here(path, artifacts)]
    files = {path.relative_to(artifacts.folder).as_posix(): path for path in made}
    if not files:
        raise SuiteError(f"There is nothing to keep in {artifacts.folder} yet: run notebooks/01_download.ipynb first.")
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
    if path.name.startswith(".writing-") or path.is_relative_to(artifacts.report):
        return True
    other = path.relative_to(artifacts.folder).parts
    owner = artifacts.other(other[1]) if other[0] == artifacts.others.name and len(other) > 2 else artifacts
    return path == owner.location or path.is_relative_to(owner.synthesised)


def _checksum(path: Path) -> int:
    checksum = 0
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            checksum = zlib.crc32(block, checksum)
    return checksum


def restore_archive(artifacts: Artifacts, folder: Path) -> int:
    """Bring back from the archive what is not on this disk; what is here stays as it is.

    Parameters
    ----------
    artifacts : Artifacts
    folder : Path
        The one that `save_archive` was given.

    Returns
    -------
    int
        Number of files restored; 0 also where there is no archive yet.

    Raises
    ------
    SuiteError
        The archive is cut off, damaged, encrypted or none of this project's, or holds what would lie outside the results folder or
        has no room on this disk. Each file is checked against its checksum before it gets its name, so those restored until then
        are whole.
    """
    archive = archive_path(artifacts, folder)
    with disk_errors(f"{archive} could not be restored to {artifacts.folder}", then=AGAIN):
        try:
            archive.stat()  # `exists` would say no of a Drive that is gone
        except FileNotFoundError:
            return 0
        try:
            with zipfile.ZipFile(archive) as packed:
                members = _members(packed, archive, artifacts)
                lacking = {name: member for name, member in members.items() if not (artifacts.folder / name).exists()}
                _require_room(lacking.values(), archive, artifacts.folder)
                for name, member in lacking.items():
                    with (
                        packed.open(member) as source,
                        atomic_path(artifacts.folder / name) as temporary,
                        temporary.open("wb") as file,
                    ):
                        shutil.copyfileobj(source, file, BLOCK)
                return len(lacking)
        except DAMAGED as error:
            raise SuiteError(f"{archive} is cut off or damaged ({error}): delete it, and save it again from notebook 02.") from None


def _members(packed: zipfile.ZipFile, archive: Path, artifacts: Artifacts) -> dict[str, zipfile.ZipInfo]:
    """The files in an archive by their path in the results folder, all of them harmless (else SuiteError, before any is used)."""
    members: dict[str, zipfile.ZipInfo] = {}
    for member in packed.infolist():
        name = PurePosixPath(member.filename).as_posix()  # without "./"
        if fault := _fault(member) or ("which is there twice" if name in members else ""):
            raise SuiteError(f"{archive} was not made by this project: it holds {member.filename!r}, {fault}. {UNUSED}")
        if not member.is_dir():
            members[name] = member
    if not members.keys() & {artifacts.manifest.name, artifacts.dataset.name}:
        raise SuiteError(f"{archive} holds no results of this project: there is no {artifacts.manifest.name} at its top.")
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
