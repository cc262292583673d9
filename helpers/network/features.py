"""What a network's last layer reads of every clip, kept in the folder of its run (notebooks 04 and 06)."""

import sys
import zipfile

import numpy as np
import pandas as pd
from tqdm import tqdm

from helpers.base.artifacts import Artifacts, RunFiles, atomic_path, fingerprint, require
from helpers.network.model import IMAGES_AT_ONCE, TrainedModel
from helpers.recordings.splits import sample_clips

MOST_ON_MAP = 10_000  # clips; of a larger corpus a fraction of each class is taken


def kept_features(model: TrainedModel, clips: pd.DataFrame, artifacts: Artifacts, *, files: RunFiles) -> pd.DataFrame:
    """Features of clips, from `features.npz` as far as it has them of this network and these pictures; then it has all.

    Parameters
    ----------
    model : TrainedModel
        The one in `files`.
    clips : pd.DataFrame
        Manifest rows; of more than 10,000, a seeded fraction of each class is taken.
    artifacts : Artifacts
    files : RunFiles

    Returns
    -------
    pd.DataFrame
        As `TrainedModel.clip_features` gives it.

    Raises
    ------
    SuiteError
        A picture, or the model's file, is missing.
    """
    clips = sample_clips(clips, MOST_ON_MAP, seed=0)
    made_by = fingerprint(require(files.model))
    pictures = pd.Series({clip: fingerprint(require(artifacts.image(clip))) for clip in clips["clip"]})
    kept = _read(files, made_by=made_by, pictures=pictures)
    lacking = clips[~clips["clip"].isin(kept.index)]
    if len(lacking):
        parts = range(0, len(lacking), IMAGES_AT_ONCE)
        progress = tqdm(parts, desc="features of clips", unit="batch", file=sys.stdout)
        found = [model.clip_features(lacking.iloc[start : start + IMAGES_AT_ONCE], artifacts) for start in progress]
        kept = pd.concat([kept, *found] if len(kept) else found)
        with atomic_path(files.features) as path:
            names = kept.index.to_numpy(str)
            np.savez(path, made_by=made_by, clips=names, pictures=pictures[names].to_numpy(str), features=kept.to_numpy())
    return kept.loc[clips["clip"]]


def _read(files: RunFiles, *, made_by: str, pictures: pd.Series) -> pd.DataFrame:
    """Those of clips whose picture is the same still, made by the same network; none where the file is of another one, or none."""
    try:
        with np.load(files.features, allow_pickle=False) as kept:
            if str(kept["made_by"]) != made_by:
                return pd.DataFrame()
            table = pd.DataFrame(kept["features"], index=pd.Index(kept["clips"], name="clip"))
            same = pictures.reindex(table.index) == pd.Series(kept["pictures"], table.index)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):  # not there, or no such file: made anew
        return pd.DataFrame()
    return table[same]
