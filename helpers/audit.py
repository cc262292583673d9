"""The audit: what is wrong with clips, before a model learns from them (notebook 01)."""

from __future__ import annotations

import filecmp
import os
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from helpers.cores import on_all_cores
from helpers.sounds import Sound, inspect_sound


def inspect_sounds(paths: list[Path]) -> pd.DataFrame:
    """Decode sound files on all cores, with a progress bar.

    Returns
    -------
    pd.DataFrame
        One row a file, with the fields of `helpers.sounds.Sound`.
    """
    sounds = on_all_cores(inspect_sound, paths, title="reading")
    return pd.DataFrame([asdict(sound) for sound in sounds], columns=list(asdict(Sound())))


def name_reason(path: str) -> str:
    """Why a file's name can't stand in a table; empty if it can."""
    return "" if printable(path) == path else "has a name that is not valid UTF-8: rename it"


def printable(path: str) -> str:
    """A path as text that any table can hold, with bytes that are no UTF-8 as `\\\\xff`."""
    return os.fsencode(path).decode("utf-8", errors="backslashreplace")


def duplicate_reasons(clips: pd.DataFrame) -> dict[str, str]:
    """Which clips hold a sound that another one holds, too, whatever the format of their files.

    Of duplicates with one label the first is kept, so that no sound can be in two splits. Of duplicates with different labels
    none is kept, since nobody can say which label is right.

    Parameters
    ----------
    clips : pd.DataFrame
        `clip`, `path` (absolute), `label`, and `digest`, the fingerprint of the decoded sound.

    Returns
    -------
    dict
        The reason for each clip that has to go.
    """
    reasons = {}
    for _, same in clips[clips["digest"].duplicated(keep=False)].sort_values("clip").groupby("digest"):
        first = same.iloc[0]
        for clip, path, label in same[["clip", "path", "label"]].itertuples(index=False):
            others = same[same["label"] != label]
            if len(others):
                other = others.iloc[0]
                reasons[clip] = (
                    f"holds the same sound as {other['clip']!r}, which is labelled {other['label']!r}: one of the labels is wrong"
                )
            elif clip != first["clip"]:
                copy = "byte for byte" if filecmp.cmp(first["path"], path, shallow=False) else "the same sound in another file"
                reasons[clip] = f"is a duplicate of {first['clip']!r} ({copy})"
    return reasons
