"""An archive as it comes, from Drive or from a file manager: opened, checked as a whole, and unpacked whole or not at all.

Whatever is wrong with it is one sentence (SuiteError), before any part of it is used.
"""

import contextlib
import os
import shutil
import stat
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath

from helpers.base.artifacts import Artifacts, SuiteError

BLOCK = 1 << 20  # bytes read at once: a file may be larger than the memory
# An archive that a file manager packed again is compressed, pictures and sounds by little. A zip bomb grows a thousandfold.
MOST_GROWTH, SMALL = 20, 100_000_000
# What `zipfile` raises where bytes of an archive were changed or lost.
DAMAGED = (zipfile.BadZipFile, EOFError, zlib.error, struct.error, RuntimeError, ValueError)
UNPACKING = ".unpacking-"  # how a folder's name begins that is there only while an archive is unpacked
UNUSED = "No part of the archive is used."


def checksum(path: Path) -> int:
    """The CRC-32 of a file, which an archive holds for each of its members."""
    found = 0
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            found = zlib.crc32(block, found)
    return found


@contextlib.contextmanager
def opened(archive: Path) -> Iterator[zipfile.ZipFile]:
    """An archive to read from; what is damaged in it, wherever that shows in the block, is a SuiteError."""
    try:
        with zipfile.ZipFile(archive) as packed:
            yield packed
    except DAMAGED as error:
        raise SuiteError(f"{archive} is cut off or damaged ({error}): delete it, and it is saved anew. {UNUSED}") from None


def member_names(packed: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """The files in an archive by their path, without "./"."""
    return {PurePosixPath(member.filename).as_posix(): member for member in packed.infolist() if not member.is_dir()}


def unpack(packed: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], folder: Path) -> None:
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


def checked_members(packed: zipfile.ZipFile, archive: Path, artifacts: Artifacts) -> dict[str, zipfile.ZipInfo]:
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


def require_room(members: Iterable[zipfile.ZipInfo], archive: Path, folder: Path) -> None:
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
