"""One archive of all results on a Drive folder: saved when a stage is done, restored on a new runtime (notebook 02).

A Colab runtime forgets its disk, and Google Drive is slow, or times out, with thousands of small files. So work goes on on the
local disk, and Drive keeps a single ZIP file, not compressed, as pictures and models are so already.
"""

import contextlib
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from helpers.base.artifacts import Artifacts, SuiteError, atomic_path


def archive_path(artifacts: Artifacts, folder: Path) -> Path:
    """Where the archive of a dataset's results lies: `<folder>/<dataset>.zip`."""
    return Path(folder) / f"{artifacts.folder.name}.zip"


def save_archive(artifacts: Artifacts, folder: Path) -> bool:
    """Put all results of a dataset into one archive, unless it holds them already; the report, which `make run` makes, stays out.

    Written under another name and then renamed: a runtime that ends meanwhile leaves the archive of before.

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
    made = [path for path in sorted(artifacts.folder.rglob("*")) if path.is_file() and artifacts.report not in path.parents]
    files = {path.relative_to(artifacts.folder).as_posix(): path for path in made if not path.name.startswith(".writing-")}
    if not files:
        raise SuiteError(f"There is nothing to keep in {artifacts.folder} yet: run notebooks/01_download.ipynb first.")
    archive = archive_path(artifacts, folder)
    with contextlib.suppress(FileNotFoundError, zipfile.BadZipFile), zipfile.ZipFile(archive) as packed:
        saved = {member.filename: member.CRC for member in packed.infolist()}
        if saved == {name: zlib.crc32(path.read_bytes()) for name, path in files.items()}:
            return False
    for stray in folder.glob(".writing-*.zip"):  # of a runtime that ended while it was saving
        stray.unlink()
    with atomic_path(archive) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED, strict_timestamps=False) as packed:
        for name, path in files.items():
            packed.write(path, name)
    return True


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
        The archive is cut off or damaged, or holds a file that would lie outside the results folder. Each file is checked
        against its checksum before it gets its name, so those restored until then are whole.
    """
    archive = archive_path(artifacts, folder)
    if not archive.exists():
        return 0
    try:
        with zipfile.ZipFile(archive) as packed:
            for name in packed.namelist():
                inside = PurePosixPath(name)
                if inside.is_absolute() or ".." in inside.parts or "\\" in name or ":" in inside.parts[0]:
                    raise SuiteError(f"{archive} was not made by this project: it holds {name!r}. Nothing of it is used.")
            lacking = [name for name in packed.namelist() if not (artifacts.folder / name).exists()]
            for name in lacking:
                with atomic_path(artifacts.folder / name) as temporary:
                    temporary.write_bytes(packed.read(name))
            return len(lacking)
    except (zipfile.BadZipFile, EOFError) as error:
        raise SuiteError(f"{archive} is cut off or damaged ({error}): delete it, and save it anew from notebook 02.") from None
