"""Google Drive: mounted where the settings ask for it; one archive a dataset lies there, and checkpoints (all notebooks).

Nothing that goes wrong with Drive stops a notebook: each is one sentence, and the notebook goes on without.
"""

import contextlib
import time
from pathlib import Path

from helpers.base import machine
from helpers.base.archive import archive_facts, archive_path, holds_only, save_archive
from helpers.base.artifacts import Artifacts, SuiteError, disk_errors, first_line

FOLDER = "voice-age-gender"  # in My Drive
EARLIER = "earlier"  # the folder in it for archives that others have replaced
WITHOUT = "The notebook goes on without Drive: its results stay on this machine."
_in_use: dict[str, Path] = {}  # what the settings cell has connected, for all who write checkpoints


def connect(*, wanted: bool) -> Path | None:
    """Mount Drive if that is wanted, and give the project's folder there; None, and one sentence, where it can't be used."""
    _in_use.clear()
    if wanted:
        try:
            _in_use["folder"] = _mount()
        except SuiteError as error:
            print(f"{error} {WITHOUT}")
    return connected()


def connected() -> Path | None:
    """The project's folder on Drive, if the settings have asked for it and Drive has agreed."""
    return _in_use.get("folder")


def _mount() -> Path:
    if not machine.DRIVE.is_dir():
        if not machine.on_colab():
            raise SuiteError("USE_DRIVE is for Colab, whose machines forget their disk; this one does not.")
        from google.colab import drive as colab_drive

        try:
            colab_drive.mount(str(machine.DRIVE.parent))
        except Exception as error:  # Colab raises one for each way to say no, and some are its own
            raise SuiteError(f"Drive was not mounted ({first_line(error).rstrip('.')}).") from None
        if not machine.DRIVE.is_dir():
            raise SuiteError(f"Drive was mounted, but {machine.DRIVE} is not there.")
    folder = machine.DRIVE / FOLDER
    with disk_errors(f"{folder} can't be used", then="run the settings cell again"):
        folder.mkdir(exist_ok=True)
        next(folder.iterdir(), None)  # a Drive that is gone has folders, but can't list them
    return folder


def archives(folder: Path) -> list[tuple[Path, str]]:
    """The archives on Drive that can be used, the newest first, each with its dataset; one that can't is a printed sentence."""
    found = []
    try:
        with disk_errors(f"{folder} can't be read", then="run this cell again"):
            newest = sorted(((path.stat().st_mtime, path) for path in folder.glob("*.zip")), reverse=True)
    except SuiteError as error:
        print(error)
        return []
    for _, path in newest:
        try:
            found.append((path, str(archive_facts(path)["dataset"])))
        except SuiteError as error:
            print(error)
    return found


def save(artifacts: Artifacts, folder: Path) -> None:
    """Save all results of a dataset to Drive, and say so; where that fails, say why: what was there before stays.

    An archive of other results, or one that holds what is not here, is moved aside first, under a name with the date.
    """
    archive = archive_path(artifacts, folder)
    aside = None
    try:
        with disk_errors(f"{archive} could not be saved", then="run this cell again"):
            if archive.exists() and not _is_earlier(archive, artifacts):
                aside = _free_name(archive)
                aside.parent.mkdir(exist_ok=True)
                archive.rename(aside)
        new = save_archive(artifacts, folder)
    except SuiteError as error:
        if aside is not None and not archive.exists():
            with contextlib.suppress(OSError):
                aside.rename(archive)
        print(f"{error} What was on Drive before is still there.")
        return
    if aside is not None:
        print(f"What was on Drive, other results, more of them or a damaged archive, is kept as {EARLIER}/{aside.name}.")
    size = archive.stat().st_size / 1e6
    print(f"{'Saved on' if new else 'Already on'} Drive: {FOLDER}/{archive.name} ({size:,.1f} MB).")


def _is_earlier(archive: Path, artifacts: Artifacts) -> bool:
    try:
        archive_facts(archive)
        return holds_only(archive, artifacts)
    except SuiteError:  # damaged, or of another version
        return False


def _free_name(archive: Path) -> Path:
    """Where an archive is moved aside, under a name that says when."""
    dated = f"{archive.stem}_{time.strftime('%Y-%m-%d_%H%M%S')}"
    names = (archive.parent / EARLIER / f"{dated}{f'_{number}' if number else ''}.zip" for number in range(1000))
    return next(name for name in names if not name.exists())
