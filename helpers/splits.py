"""Which clips a model learns from, is chosen on, and is tested on (notebook 01)."""

from __future__ import annotations

from collections import Counter

import numpy as np
from sklearn.model_selection import StratifiedKFold

SPLITS = ("train", "validation", "test")
SMALLEST_CLASS = 3  # one clip for each split


def random_split(clips: list[str], labels: list[str], *, seed: int = 0) -> list[str]:
    """The study's split: 60% training, 20% validation, 20% test, stratified by label, clip by clip.

    Every class keeps at least one clip in each split. The result depends on the names of the clips, not on the order they
    come in. It says nothing about speakers: the same voice may be in all three.

    Parameters
    ----------
    clips, labels : list of str
        Names of the clips, unique, and their labels. Each label needs at least 3 clips.
    seed : int

    Returns
    -------
    list of {"train", "validation", "test"}
        One for each clip.
    """
    order = np.argsort(clips)
    sorted_labels = np.asarray(labels, dtype=object)[order]
    counts = Counter(labels)
    if counts and min(counts.values()) < SMALLEST_CLASS:
        raise ValueError(f"each label needs {SMALLEST_CLASS} clips, but {min(counts, key=counts.get)!r} has fewer")
    split = np.full(len(clips), "train", dtype=object)

    # Five folds, each with a fifth of every class: one to test, one to validate, three to train.
    large = np.flatnonzero([counts[label] >= 5 for label in sorted_labels])
    if len(large):
        folds = StratifiedKFold(5, shuffle=True, random_state=seed).split(large, sorted_labels[large])
        for name, (_, members) in zip(("test", "validation"), folds, strict=False):
            split[large[members]] = name

    # Classes of 3 or 4 clips are smaller than the number of folds: one to test, one to validate, the rest to train.
    rng = np.random.default_rng(seed)
    for label in sorted(label for label, count in counts.items() if count < 5):
        members = rng.permutation(np.flatnonzero(sorted_labels == label))
        split[members[0]], split[members[1]] = "test", "validation"

    result = np.empty(len(clips), dtype=object)
    result[order] = split
    return result.tolist()
