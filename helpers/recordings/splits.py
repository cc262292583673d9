"""Which clips a model learns from, is chosen on, and is tested on (notebook 01)."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from helpers.recordings.labels import label_span, parse_label

SPLITS = ("train", "validation", "test")
SPLIT_METHODS = ("random", "speaker")
SMALLEST_CLASS = 3  # clips, or speakers: one for each split
FOLDS = 5  # one to test, one to validate, three to train: 60/20/20


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
    return speaker_split(clips, labels, clips, seed=seed)


def speaker_split(clips: list[str], labels: list[str], speakers: list[str], *, seed: int = 0) -> list[str]:
    """A split in which no speaker is in two sets: about 60/20/20, stratified by label as far as whole speakers allow.

    Where every speaker has one label, every class has a speaker in each split. The result depends on the names of the clips,
    not on the order they come in.

    Parameters
    ----------
    clips, labels, speakers : list of str
        Names of the clips, unique, their labels and who speaks in them. Each label needs at least 3 speakers.
    seed : int

    Returns
    -------
    list of {"train", "validation", "test"}
        One for each clip.
    """
    order = np.argsort(clips)
    table = pd.DataFrame({"label": labels, "speaker": speakers}, dtype=object).iloc[order].reset_index(drop=True)
    counts = table.groupby("label")["speaker"].nunique()
    if len(counts) and counts.min() < SMALLEST_CLASS:
        what = "clips" if speakers == clips else "speakers"
        raise ValueError(f"each label needs {SMALLEST_CLASS} {what}, but {counts.idxmin()!r} has fewer")
    split = pd.Series("train", index=table.index, dtype=object)

    # Five folds, each with a fifth of every class that has a speaker for each.
    large = table[table["label"].map(counts).groupby(table["speaker"]).transform("max") >= FOLDS]
    if len(large):
        if large["speaker"].is_unique:
            folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(large, large["label"].astype(str))
        else:
            # Shuffled here: with shuffle=True, scikit-learn 1.6 mixes up the groups' labels and stratifies by chance.
            names = sorted(large["speaker"].unique())
            shuffled = dict(zip(names, np.random.default_rng(seed).permutation(len(names)), strict=True))
            folds = StratifiedGroupKFold(FOLDS).split(large, large["label"].astype(str), large["speaker"].map(shuffled))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of small classes whose speakers are in large ones, too: see below
            for name, (_, members) in zip(("test", "validation"), folds, strict=False):
                split[large.index[members]] = name

    # Classes with 3 or 4 speakers have fewer than there are folds: one to test, one to validate, the rest to train.
    rng = np.random.default_rng(seed)
    placed = dict(zip(large["speaker"], split[large.index], strict=True))
    for label in sorted(counts.index[counts < FOLDS]):
        own = rng.permutation(sorted(table.loc[table["label"] == label, "speaker"].unique()))
        free = [speaker for speaker in own if speaker not in placed]
        lacking = [name for name in ("test", "validation") if name not in {placed.get(speaker) for speaker in own}]
        placed |= dict.fromkeys(free, "train") | dict(zip(free, lacking, strict=False))
    small = table.index.difference(large.index)
    split[small] = table.loc[small, "speaker"].map(placed)

    result = np.empty(len(clips), dtype=object)
    result[order] = split
    return result.tolist()


def split_clips(manifest: pd.DataFrame, *, method: str, seed: int) -> list[str]:
    """The split of a manifest's clips by one of `SPLIT_METHODS`."""
    clips, labels = manifest["clip"].tolist(), manifest["label"].tolist()
    if method == "speaker":
        return speaker_split(clips, labels, manifest["speaker"].tolist(), seed=seed)
    return random_split(clips, labels, seed=seed)


def split_report(manifest: pd.DataFrame) -> pd.DataFrame:
    """For each class, the number of speakers in each split.

    Parameters
    ----------
    manifest : pd.DataFrame
        Columns `label`, `split`, `speaker`; clips without a known speaker count for nobody.

    Returns
    -------
    pd.DataFrame
        One row a class: `train`, `validation`, `test`, and `all`, the number of different speakers.
    """
    known = manifest[manifest["speaker"] != ""]
    table = known.groupby(["label", "split"])["speaker"].nunique().unstack(fill_value=0).reindex(columns=SPLITS, fill_value=0)
    table["all"] = known.groupby("label")["speaker"].nunique()
    return table.reindex(sorted(manifest["label"].unique()), fill_value=0).rename_axis(index="class", columns=None).astype(int)


def leakage(manifest: pd.DataFrame) -> float:
    """Share of the test clips whose speaker was trained on, from 0 to 1; NaN where no test clip's speaker is known."""
    test = manifest[(manifest["split"] == "test") & (manifest["speaker"] != "")]
    return float(test["speaker"].isin(manifest.loc[manifest["split"] == "train", "speaker"]).mean())


def merge_small_classes(labels: pd.Series, members: pd.Series, *, widest: int = 10) -> pd.Series:
    """Join classes of too few members with the class of the same gender that is nearest in age, the smallest first.

    Parameters
    ----------
    labels : pd.Series
        One label a clip; only labels that tell an age, such as ``"female_23"``, are joined.
    members : pd.Series
        What a class needs three of: the clips' names, or their speakers.
    widest : int
        Classes further apart than this many years are not joined.

    Returns
    -------
    pd.Series
        The labels, of joined classes with their range of ages: ``"female_23-27"``.
    """
    while True:
        counts = members.groupby(labels).nunique()
        people = {label: (parse_label(label)[0] or "age", *span) for label in counts.index if (span := label_span(label))}
        pairs = [
            (counts[small], max(other[1] - own[2], own[1] - other[2]), small, name)
            for small, own in people.items()
            for name, other in people.items()
            if counts[small] < SMALLEST_CLASS and name != small and other[0] == own[0]
        ]
        near = [pair for pair in pairs if pair[1] <= widest]
        if not near:
            return labels
        pair = min(near)[2:]
        gender, first, last = people[pair[0]][0], min(people[name][1] for name in pair), max(people[name][2] for name in pair)
        labels = labels.mask(labels.isin(pair), f"{gender}_{first}-{last}")
