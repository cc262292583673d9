"""Splitting clips into training, validation and test sets (notebook 01)."""

import warnings
from itertools import permutations

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from helpers.recordings.labels import label_span, parse_label

SPLITS = ("train", "validation", "test")
SPLIT_METHODS = {"random": "clip", "speaker": "speaker"}  # and what goes to one split as a whole, a column of the manifest
SMALLEST_CLASS = 3  # clips, or speakers: one for each split
WIDEST = 10  # years; classes of ages further apart are not joined
FOLDS = 5  # one to test, one to validate, three to train: 60/20/20


def split_clips(manifest: pd.DataFrame, *, method: str, seed: int) -> list[str]:
    """Split clips into about 60% training, 20% validation and 20% test, stratified by label.

    The result depends on the names of the clips, not on the order they come in.

    Parameters
    ----------
    manifest : pd.DataFrame
        Columns `clip` (unique), `label`, and `speaker` for the method of that name. Each label needs 3 clips, or 3 speakers.
    method : {"random", "speaker"}
        Clip by clip, as in the study: every class has a clip in each split, and the same voice may be in all three. Or with no
        speaker in two splits, stratified as closely as whole speakers allow: where every speaker has one label, every class has
        a speaker in each split.
    seed : int

    Returns
    -------
    list of {"train", "validation", "test"}
        One for each clip.
    """
    unit = SPLIT_METHODS[method]
    table = manifest[["clip", "label"]].assign(unit=manifest[unit]).astype(object).sort_values("clip")
    units_of = table.groupby("label")["unit"].nunique()
    if len(units_of) and units_of.min() < SMALLEST_CLASS:
        raise ValueError(f"each label needs {SMALLEST_CLASS} {unit}s, but {units_of.idxmin()!r} has fewer")
    in_large_class = table.loc[table["label"].map(units_of) >= FOLDS, "unit"]
    split_of = _split_by_folds(table[table["unit"].isin(in_large_class)], seed=seed)
    split_of = _split_small_classes(table[table["label"].map(units_of) < FOLDS], split_of, seed=seed)
    return [split_of[name] for name in manifest[unit]]


def _split_by_folds(table: pd.DataFrame, *, seed: int) -> dict[str, str]:
    """The split of each unit, by folds that each have a fifth of every class with a unit for each fold."""
    if table.empty:
        return {}
    labels, units = table["label"].astype(str), table["unit"]
    if units.is_unique:
        folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(table, labels)
    else:
        # Shuffled here: with shuffle=True, scikit-learn 1.6 mixes up the groups' labels and stratifies by chance.
        names = sorted(units.unique())
        shuffled = dict(zip(names, np.random.default_rng(seed).permutation(len(names)), strict=True))
        folds = StratifiedGroupKFold(FOLDS).split(table, labels, units.map(shuffled))
    split_of = dict.fromkeys(units, "train")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of small classes whose units are in large ones, too
        for name, (_, members) in zip(("test", "validation"), folds, strict=False):
            split_of |= dict.fromkeys(units.iloc[members], name)
    return split_of


def _split_small_classes(table: pd.DataFrame, split_of: dict[str, str], *, seed: int) -> dict[str, str]:
    """Add the units of classes with fewer units than folds: one to test, one to validate, the rest to train."""
    rng = np.random.default_rng(seed)
    for _, units in table.groupby("label")["unit"]:
        own = rng.permutation(sorted(units.unique()))
        free = [unit for unit in own if unit not in split_of]
        present = {split_of.get(unit) for unit in own}
        lacking = [name for name in ("test", "validation") if name not in present]
        split_of = split_of | dict.fromkeys(free, "train") | dict(zip(free, lacking, strict=False))
    return split_of


def sample_clips(manifest: pd.DataFrame, most: int, *, seed: int) -> pd.DataFrame:
    """All clips of a manifest, or, where there are more than `most`, a seeded fraction of each class that makes about as many."""
    if len(manifest) <= most:
        return manifest
    return manifest.groupby("label", group_keys=False).sample(frac=most / len(manifest), random_state=seed)


def leakage(manifest: pd.DataFrame) -> float:
    """Fraction of the test clips whose speaker was trained on; NaN where no test clip's speaker is known."""
    test = manifest[(manifest["split"] == "test") & (manifest["speaker"] != "")]
    return float(test["speaker"].isin(manifest.loc[manifest["split"] == "train", "speaker"]).mean())


def merge_small_classes(labels: pd.Series, members: pd.Series) -> pd.Series:
    """Join classes of too few members with the class of the same gender that is nearest in age, the smallest first.

    Parameters
    ----------
    labels : pd.Series
        One label a clip; only labels that name an age, such as ``"female_23"``, are joined.
    members : pd.Series
        What a class needs three of: the clips' names, or their speakers.

    Returns
    -------
    pd.Series
        The labels, of joined classes with their range of ages: ``"female_23-27"``.
    """
    while pair := _next_to_join(members.groupby(labels).nunique().to_dict()):
        starts, ends = zip(*map(label_span, pair), strict=True)
        labels = labels.mask(labels.isin(pair), f"{parse_label(pair[0])[0] or 'age'}_{min(starts)}-{max(ends)}")
    return labels


def _next_to_join(counts: dict[str, int]) -> list[str]:
    """The smallest class with too few members that has a neighbour, and its nearest neighbour; empty if there is none."""
    spans, pairs = {label: span for label in counts if (span := label_span(label))}, []
    genders = {label: parse_label(label)[0] for label in spans}
    for small, other in permutations(spans, 2):
        years = max(spans[other][0] - spans[small][1], spans[small][0] - spans[other][1])
        if counts[small] < SMALLEST_CLASS and genders[small] == genders[other] and years <= WIDEST:
            pairs.append((counts[small], years, small, other))
    return [*min(pairs, default=())[2:]]
