"""The pictures that a network trains on: where they lie, and whether they fit the profile and the class list (notebook 03)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image, UnidentifiedImageError

from helpers.artifacts import Artifacts, read_json
from helpers.errors import SuiteError
from helpers.profiles import Profile, describe
from helpers.spectrograms import image_path


def pictures(
    manifest: pd.DataFrame, artifacts: Artifacts, *, classes: list[str], profile: Profile
) -> tuple[list[Path], np.ndarray]:
    """Paths of all pictures and the number of each one's class, after checking that they fit the profile.

    Raises
    ------
    SuiteError
        Notebook 02 has not run, or ran with other settings or clips.
    """
    made = read_json(artifacts.spectrogram_settings)
    wanted = describe(Profile("", spectrogram=profile.spectrogram))
    other = [f"{key} = {value!r} (here {wanted[key]!r})" for key, value in made["settings"].items() if wanted[key] != value]
    if other:
        raise SuiteError(
            f"The spectrograms were made with profile {made['profile']!r}, which differs in {', '.join(other)}: run "
            f"notebooks/02_spectrograms.ipynb with PROFILE = {profile.name!r}, or set PROFILE = {made['profile']!r} here."
        )
    paths = [image_path(artifacts, row) for _, row in manifest.iterrows()]
    missing = [path for path in paths if not path.exists()]
    if missing:
        raise SuiteError(f"{len(missing)} pictures are missing, such as {missing[0]}: run notebooks/02_spectrograms.ipynb again.")
    for path in paths:
        _require_size(path, profile=profile)
    unknown = sorted(set(manifest["label"]) - set(classes))
    if unknown:
        raise SuiteError(
            f"The class list {artifacts.classes} does not fit the manifest: it lacks {', '.join(unknown[:3])}. Run "
            "notebooks/01_download.ipynb again."
        )
    return paths, pd.Index(classes).get_indexer(manifest["label"])


def _require_size(path: Path, *, profile: Profile) -> None:
    settings = profile.spectrogram
    wanted = {"height": settings.image_size or settings.mel_bins, "channels": settings.channels}
    if settings.image_size:
        wanted["width"] = settings.image_size
    try:
        with Image.open(path) as image:
            found = {"height": image.height, "width": image.width, "channels": len(image.getbands())}
    except (UnidentifiedImageError, OSError):
        raise SuiteError(f"The picture {path} can't be read: delete it and run notebooks/02_spectrograms.ipynb again.") from None
    other = [f"{key} {found[key]} instead of {value}" for key, value in wanted.items() if found[key] != value]
    if other:
        raise SuiteError(f"The picture {path} has {', '.join(other)}: delete it and run notebooks/02_spectrograms.ipynb again.")


def require_clips(training: np.ndarray, validation: np.ndarray, targets: np.ndarray, *, classes: list[str]) -> None:
    """Check that there is something to learn and something to choose by.

    Parameters
    ----------
    training, validation : np.ndarray
        Places of the clips of each part.
    targets : np.ndarray [shape=(n,), dtype=int]
    classes : list of str

    Raises
    ------
    SuiteError
        A part is empty, or the training clips are all of one class.
    """
    for part, clips in (("train", training), ("validation", validation)):
        if not len(clips):
            raise SuiteError(
                f"There are no pictures to train with: no clip of the manifest has split {part!r}. Run "
                "notebooks/01_download.ipynb again."
            )
    if len(set(targets[training])) < 2:
        raise SuiteError(
            f"All training clips are of one class ({classes[targets[training][0]]}): there is nothing to tell apart. Use a corpus "
            "with two classes or more."
        )
