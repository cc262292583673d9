"""Datasets from Kaggle through kagglehub, and a sentence for each way that can fail (notebook 01)."""

from __future__ import annotations

from pathlib import Path
from zipfile import BadZipFile

import requests

from helpers.errors import SuiteError


def download(handle: str) -> Path:
    """Fetch a public Kaggle dataset, or find it in kagglehub's cache.

    Parameters
    ----------
    handle : str
        ``owner/slug/versions/N``. With its version pinned, a dataset that is in the cache needs no network.

    Returns
    -------
    Path
        The folder with the dataset's files. On Colab it may be a read-only mount: never write into it.

    Raises
    ------
    SuiteError
        The download failed; the sentence says why and what to do.
    """
    import kagglehub  # here: its import asks the network for a newer version of itself
    from kagglehub.exceptions import DataCorruptionError, KaggleApiHTTPError

    page = "https://www.kaggle.com/datasets/" + handle.partition("/versions/")[0]
    otherwise = f"or download it by hand from {page} and set DATA_DIR to the unpacked folder."
    try:
        folder = Path(kagglehub.dataset_download(handle))
    except KaggleApiHTTPError as error:  # an OSError too, so it comes first
        status = getattr(error.response, "status_code", "an error")
        advice = {
            401: "log in with `kagglehub.login()`",
            403: f"accept the dataset's terms at {page} while logged in",
            404: "check that the dataset still exists",
            429: "wait a few minutes",
        }.get(status, "wait a few minutes")
        raise SuiteError(f"Kaggle answered {status} for {handle}: {advice}, then run this cell again, {otherwise}") from None
    except requests.RequestException as error:
        raise SuiteError(
            f"Kaggle could not be reached for {handle} ({type(error).__name__}): check the network and run this cell again "
            f"(it goes on where it stopped), {otherwise}"
        ) from None
    except (DataCorruptionError, BadZipFile, OSError, ValueError) as error:
        what = " ".join(str(error).split())
        raise SuiteError(
            f"The download of {handle} failed ({what}): check that the disk has space, delete the dataset's folder in "
            f"kagglehub's cache and run this cell again, {otherwise}"
        ) from None
    if not any(folder.rglob("*")):
        raise SuiteError(f"kagglehub's copy of {handle} in {folder} is empty: delete that folder and run this cell again.")
    return folder
