"""Datasets from Kaggle through kagglehub: interrupted downloads resume, and each failure is one sentence (notebook 01)."""

import errno
import os
import shutil
import zlib
from pathlib import Path
from unittest import mock
from zipfile import BadZipFile

import requests
from requests.adapters import HTTPAdapter

from helpers.base.artifacts import SuiteError
from helpers.recordings.files import find_sounds

CONNECT_S, STALL_S = 10, 30  # seconds without an answer, and without a byte, after which a connection counts as lost
TRIES = 3  # attempts without progress
ANSWER_S = 5  # seconds that Kaggle has to answer before a notebook chooses a dataset that needs no network
STEP = 1 << 20  # bytes; an attempt that fetched as many made progress


def download(handle: str, *, clips: int, megabytes: int) -> Path:
    """Fetch a public Kaggle dataset, or find it whole in kagglehub's cache.

    An interrupted download resumes where it stopped, also after a restart. On Colab, kagglehub may return a read-only mount
    instead; if that is broken or incomplete, the dataset is downloaded.

    Parameters
    ----------
    handle : str
        ``owner/slug/versions/N``. With its version pinned, a dataset that is in the cache needs no network.
    clips : int
        Sound files that a whole copy holds, at least.
    megabytes : int
        Size of the download. Until it is unpacked, twice as much is needed on the disk.

    Returns
    -------
    Path
        The folder with the dataset's files: never write into it.

    Raises
    ------
    SuiteError
        The download failed; the sentence says why and what to do, without any credentials.
    """
    for last in (False, True):
        try:
            folder = _fetch_resuming(handle, megabytes=megabytes)
        except BadZipFile as error:
            # A leftover archive of the full size is not checked again by kagglehub, so it would fail every time.
            _archive(handle).unlink(missing_ok=True)
            if last:
                raise SuiteError(
                    f"The archive of {handle} arrived broken twice ({error}) and was deleted: wait some minutes and run this cell "
                    f"again, {_otherwise(handle)}"
                ) from None
            print("The archive arrived broken: deleted, fetching it again.")
            continue
        found = len(find_sounds(folder)[0])
        if found >= clips:
            return folder
        if last:
            raise SuiteError(
                f"The copy of {handle} in {folder} holds {found} sound files, but {clips} belong to it: delete that folder and "
                f"run this cell again, {_otherwise(handle)}"
            )
        print(f"The copy in {folder} holds {found} of {clips} sound files: fetching it again.")
        _forget(handle, folder)


def can_be_fetched(handle: str) -> bool:
    """Whether a dataset is in kagglehub's cache, or Kaggle answers within some seconds, whatever it says."""
    if _archive(handle).with_suffix(".complete").exists() or not _without_mount():
        return True
    from kagglesdk import kaggle_env

    try:
        requests.head(kaggle_env.get_endpoint(kaggle_env.get_env()), timeout=ANSWER_S)
    except requests.RequestException:
        return False
    return True


def _fetch_resuming(handle: str, *, megabytes: int) -> Path:
    """Fetch a dataset; where the connection is lost, resume, until `TRIES` attempts made no progress."""
    archive, stuck = _archive(handle), 0
    while True:
        before = _size(archive)
        try:
            return _fetch(handle, megabytes=megabytes)
        except requests.RequestException as error:
            stuck += _size(archive) - before < STEP
            if stuck == TRIES or not archive.exists():
                raise SuiteError(
                    f"Kaggle could not be reached for {handle} ({type(error).__name__}): check the network and run this cell again "
                    f"(it goes on where it stopped), {_otherwise(handle)}"
                ) from None
        print(f"The connection was lost after {_size(archive) / 1e6:.0f} MB: going on from there.")


def _fetch(handle: str, *, megabytes: int) -> Path:
    """Ask kagglehub once; what only the user can fix becomes a sentence here, and any broken archive BadZipFile."""
    import kagglehub  # here: it asks Colab for credentials on the way
    from kagglehub.exceptions import BackendError, ColabEnvironmentError, ColabHTTPError, DataCorruptionError, KaggleApiHTTPError

    _check_space(handle, megabytes=megabytes)
    try:
        with mock.patch.object(HTTPAdapter, "send", _send):  # requests has no setting for it
            return Path(kagglehub.dataset_download(handle))
    except KaggleApiHTTPError as error:  # an OSError too, so it comes first
        raise SuiteError(_refusal(handle, getattr(error.response, "status_code", 0))) from None
    except (DataCorruptionError, BadZipFile, zlib.error, EOFError) as error:
        raise BadZipFile(type(error).__name__) from None
    except (BackendError, ColabEnvironmentError, ColabHTTPError):
        return _fetch_past_mount(handle, megabytes=megabytes)
    except ValueError as error:
        if str(error).startswith("No response received"):  # from Colab's service for mounts
            return _fetch_past_mount(handle, megabytes=megabytes)
        if str(error).startswith("Unsupported archive"):
            raise BadZipFile(type(error).__name__) from None
        if "credentials" in str(error).lower():  # kagglehub reads the file for public datasets too
            raise SuiteError(
                "Your Kaggle credentials file kaggle.json can't be read: delete it, since public datasets need none, or fetch a "
                "new one at https://www.kaggle.com/settings; then run this cell again."
            ) from None
        raise
    except OSError as error:
        if isinstance(error, requests.RequestException) or error.errno is None:
            raise
        if error.errno == errno.ENOSPC:
            raise SuiteError(
                f"The disk is full: free some space and run this cell again (the download of {handle} goes on where it stopped)."
            ) from None
        raise SuiteError(
            f"The cache {_cache()} can't be written ({error.strerror}): set KAGGLEHUB_CACHE to a folder that can, "
            f"{_otherwise(handle)}"
        ) from None


def _fetch_past_mount(handle: str, *, megabytes: int) -> Path:
    if _without_mount():
        raise SuiteError(f"Colab's own copy of {handle} can't be reached: run this cell again, {_otherwise(handle)}") from None
    print("Colab's own copy can't be reached: downloading instead.")
    os.environ["DISABLE_COLAB_CACHE"] = "true"
    return _fetch(handle, megabytes=megabytes)


def _send(adapter: HTTPAdapter, request, *, timeout=None, send=HTTPAdapter.send, **options) -> requests.Response:
    """Send a request, with a time-out if it has none: kagglehub's first request for a download would wait forever."""
    return send(adapter, request, timeout=timeout or (CONNECT_S, STALL_S), **options)


def _refusal(handle: str, status: int) -> str:
    advice = {
        401: "your Kaggle credentials are not valid; log in with `kagglehub.login()`, or remove them (public datasets need none)",
        403: f"open {_page(handle)} while logged in, accept the dataset's terms, and log in here with `kagglehub.login()`",
        404: f"look at {_page(handle)} whether the dataset or its version has gone",
        429: "too many have asked at once, wait some minutes",
    }.get(status, "the fault is at Kaggle, wait some minutes")
    return f"Kaggle answered {status} for {handle}: {advice}; then run this cell again, {_otherwise(handle)}"


def _page(handle: str) -> str:
    return "https://www.kaggle.com/datasets/" + handle.partition("/versions/")[0]


def _otherwise(handle: str) -> str:
    return f"or download it by hand from {_page(handle)} and set DATA_DIR to the unpacked folder, or choose DATASET=voices."


def _cache() -> Path:
    return Path(os.environ.get("KAGGLEHUB_CACHE") or Path.home() / ".cache" / "kagglehub")


def _archive(handle: str) -> Path:
    """Where kagglehub keeps the archive until it is unpacked; its marker of a whole copy lies beside it."""
    owner, slug, _, version = handle.split("/")
    return _cache() / "datasets" / owner / slug / f"{version}.archive"


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _without_mount() -> bool:
    return os.environ.get("DISABLE_COLAB_CACHE", "").lower() in ("true", "1", "t") or "TBE_RUNTIME_ADDR" not in os.environ


def _forget(handle: str, folder: Path) -> None:
    """Let kagglehub fetch a dataset again: without its own copy, or past the read-only mount, which it would return again."""
    _archive(handle).with_suffix(".complete").unlink(missing_ok=True)
    if folder.is_relative_to(_cache()):
        shutil.rmtree(folder, ignore_errors=True)
    else:
        os.environ["DISABLE_COLAB_CACHE"] = "true"


def _check_space(handle: str, *, megabytes: int) -> None:
    archive = _archive(handle)
    if archive.with_suffix(".complete").exists() or not _without_mount():
        return
    folder = next(parent for parent in archive.parents if parent.exists())
    needed = 2 * megabytes - _size(archive) / 1e6
    free = shutil.disk_usage(folder).free / 1e6
    if free < needed:
        raise SuiteError(
            f"{handle} needs {needed:,.0f} MB until it is unpacked, but the disk with {folder} has {free:,.0f} MB free: make room, "
            "or set KAGGLEHUB_CACHE to a folder on another disk."
        )
