"""Splitting clips into training, validation and test sets (notebook 01)."""

from itertools import permutations

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedKFold

from helpers.recordings.labels import label_span, parse_label

SPLITS = ("train", "validation", "test")
TRAIN, VALIDATION, TEST = range(3)
FRACTIONS = np.array([[0.6], [0.2], [0.2]])  # one row a split
SPLIT_METHODS = {"random": "clip", "speaker": "speaker"}  # and what goes to one split as a whole, a column of the manifest
SMALLEST_CLASS = 3  # clips, or speakers: one for each split
WIDEST = 10  # years; classes of ages further apart are not joined
FOLDS = 5  # one to test, one to validate, three to train: 60/20/20
FEW_CLIPS = 13  # with fewer, two folds may be half of a class
QUARTER = 1 / 4  # of a class; a speaker with more stays in training
FAR = 5  # percentage points off 60/20/20 that are worth a sentence
NAMED = 3  # examples in a sentence
NEAR = 0.005  # a class within half a point of 60/20/20 is left as it is
ROUNDS = 20  # of improving a split by whole speakers; three or four are usually enough
PARTNERS = 30  # exchanges that are tried for each speaker


def split_clips(manifest: pd.DataFrame, *, method: str, seed: int) -> list[str]:
    """Split clips into 60% training, 20% validation and 20% test, in all and in each class, as nearly as whole speakers allow.

    The result depends on the names of the clips, not on the order they come in.

    Parameters
    ----------
    manifest : pd.DataFrame
        Columns `clip` (unique), `label`, and `speaker` for the method of that name. Each label needs 3 clips, or 3 speakers.
    method : {"random", "speaker"}
        Clip by clip, as in the study: every class has a clip in each split, and the same voice may be in all three. Or with no
        speaker in two splits: a speaker with more than a quarter of a class's clips stays in training as long as two others are
        left for validation and test, and the others are tested in turn, from seed to seed. Where every speaker has one label,
        every class has a speaker in each split, and more than half of its clips in training if its speakers allow that.
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
    by_folds = table["unit"].is_unique & (table["label"].map(units_of) >= FEW_CLIPS)
    split_of = _split_by_folds(table[by_folds], seed=seed) | _split_whole_units(table[~by_folds], seed=seed)
    return [SPLITS[split_of[name]] for name in manifest[unit]]


def _split_by_folds(table: pd.DataFrame, *, seed: int) -> dict[str, int]:
    """The split of each clip, by folds that each have a fifth of every class."""
    split_of = dict.fromkeys(table["unit"], TRAIN)
    if split_of:
        folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(table, table["label"].astype(str))
        for split, (_, members) in zip((TEST, VALIDATION), folds, strict=False):
            split_of |= dict.fromkeys(table["unit"].iloc[members], split)
    return split_of


def _split_whole_units(table: pd.DataFrame, *, seed: int) -> dict[str, int]:
    """The split of each unit: every class is cut at 20 and 40% of its clips, and then units are moved to come nearer 60/20/20."""
    if table.empty:
        return {}
    counts = pd.crosstab(table["unit"], table["label"])
    clips = counts.to_numpy()  # [units, classes]
    totals = clips.sum(axis=0)
    orders = _orders(clips, seed=seed)
    kept = _kept_in_training(clips, orders)
    split = np.full(len(clips), TRAIN)
    tested = np.zeros(len(clips), bool)
    for label in np.random.default_rng(seed).permutation(len(orders)):
        order = orders[label][~kept[orders[label]]]
        before = np.cumsum(clips[order, label]) - clips[order, label]
        split[order] = np.select([before < totals[label] / 5, before < totals[label] / 5 * 2], [TEST, VALIDATION], TRAIN)
        if not clips[tested, label].any():
            tested[order[:1]] = True  # it is its turn
    return dict(zip(counts.index, _improve(clips, split, ~kept & ~tested, seed=seed), strict=True))


def _orders(clips: np.ndarray, *, seed: int) -> list[np.ndarray]:
    """For each class the units that have most of their clips in it, shuffled; each comes first in one of as many seeds in a row."""
    home = clips.argmax(axis=1)
    members = [np.flatnonzero(home == label) for label in range(clips.shape[1])]
    turns = [seed % max(len(units), 1) for units in members]
    generators = {start: np.random.default_rng(start) for start in {seed, *(seed - turn for turn in turns)}}
    shuffled = {start: [rng.permutation(units) for units in members] for start, rng in generators.items()}
    firsts = [shuffled[seed - turn][label][turn : turn + 1] for label, turn in enumerate(turns)]
    return [np.append(first, order[~np.isin(order, first)]) for first, order in zip(firsts, shuffled[seed], strict=True)]


def _kept_in_training(clips: np.ndarray, orders: list[np.ndarray]) -> np.ndarray:
    """Whether a unit has more than a quarter of a class, and all its classes have two others for validation and test.

    The largest have the first claim, and of equal ones the last in the order.
    """
    fractions = (clips / clips.sum(axis=0)).max(axis=1)
    last_first = np.concatenate(orders)[::-1]
    kept, others = np.zeros(len(clips), bool), (clips > 0).sum(axis=0)
    for unit in last_first[np.argsort(-fractions[last_first], kind="stable")]:
        classes = clips[unit] > 0
        if fractions[unit] > QUARTER and others[classes].min() > 2:
            kept[unit] = True
            others -= classes
    return kept


def _improve(clips: np.ndarray, split: np.ndarray, free: np.ndarray, *, seed: int) -> np.ndarray:
    """Move free units to another split, alone or in exchange for another of their class, as long as that makes the cost smaller."""
    rng, home, nobody = np.random.default_rng(seed), clips.argmax(axis=1), len(clips)
    members = [np.flatnonzero(free & (home == label)) for label in range(clips.shape[1])]
    clips = np.pad(np.column_stack([clips, clips.sum(axis=1)]), ((0, 1), (0, 0)))  # a column for all clips, a row for nobody
    # All clips together weigh as much as all classes; where units are single clips, as one, since each class can then be near.
    overall = len(members) if clips.max() > 1 else 1
    weights, split = np.append(np.ones(len(members)), overall), np.append(split, TRAIN)
    held = np.array([clips[split == number].sum(axis=0) for number in range(len(SPLITS))])
    totals = held.sum(axis=0)
    for _ in range(ROUNDS):
        moved = False
        for unit in rng.permutation(np.flatnonzero(free)):
            own = [home[unit], -1]
            if (np.abs(held[:, own] / totals[own] - FRACTIONS) < NEAR).all():
                continue
            partners = members[home[unit]]
            partners = np.append([nobody, nobody], rng.permutation(partners[split[partners] != split[unit]])[:PARTNERS])
            targets = np.append(np.delete([TRAIN, VALIDATION, TEST], split[unit]), split[partners[2:]])
            columns = np.flatnonzero(clips[[unit, *partners]].any(axis=0))
            gains = clips[unit, columns] - clips[partners[:, np.newaxis], columns]  # [partners, columns]
            trials = np.tile(held[:, columns], (len(partners) + 1, 1, 1))  # the last one is to leave everything as it is
            trials[:-1, split[unit]] -= gains
            trials[np.arange(len(partners)), targets] += gains
            # Of all clips together only the distance counts: a class is never left without a clip to bring them nearer 60/20/20.
            costs = _cost(trials[..., :-1], totals[columns[:-1]]) @ weights[columns[:-1]]
            costs += weights[-1] * _squared_distance(trials[..., -1:], totals[-1:])[..., 0].round(9)
            best = costs[:-1].argmin()
            if costs[best] < costs[-1] - 1e-9:
                held[:, columns], moved = trials[best], True
                split[partners[best]], split[unit] = split[unit], targets[best]
        if not moved:
            break
    return split[:nobody]


def _cost(held: np.ndarray, totals: np.ndarray) -> np.ndarray:
    """How far each class is from 60/20/20, np.ndarray [shape=(..., classes)].

    A split without a clip of the class, or half of its clips or more outside training, cost more than any distance.

    Parameters
    ----------
    held : np.ndarray [shape=(..., splits, classes)]
        Clips of each split.
    totals : np.ndarray [shape=(classes,)]
    """
    lacking = np.maximum(totals // 2 + 1 - held[..., TRAIN, :], 0) / totals
    penalties = (lacking > 0) + lacking + 10 * (held == 0).sum(axis=-2)
    return (_squared_distance(held, totals) + penalties).round(9)  # the same on every machine


def _squared_distance(held: np.ndarray, totals: np.ndarray) -> np.ndarray:
    """How far each class is from 60/20/20 in squared fractions, shapes as for `_cost`."""
    return ((held / totals - FRACTIONS) ** 2).sum(axis=-2)


def describe_split(manifest: pd.DataFrame, *, method: str) -> list[str]:
    """Sentences about who stays in training, and where the split is more than 5 points away from 60/20/20.

    Parameters
    ----------
    manifest : pd.DataFrame
        Columns `label`, `split`, and `speaker` for the method of that name.
    method : {"random", "speaker"}
        By which it was split.
    """
    sentences = _describe_kept(manifest) if method == "speaker" else []
    clips = pd.crosstab(manifest["label"], manifest["split"]).reindex(columns=[*SPLITS], fill_value=0)
    overall = clips.sum() / len(manifest)
    if _distance(overall) > FAR:
        sentences.append(
            f"The split is {_percent(overall)}% of the clips instead of 60/20/20: whole {SPLIT_METHODS[method]}s can't be divided "
            "more evenly."
        )
    fractions = clips.div(clips.sum(axis=1), axis=0)
    distance = fractions.apply(_distance, axis=1).sort_values(ascending=False, kind="stable")
    far = distance.index[distance > FAR]
    if len(far):
        worst = [f"{label} ({_percent(fractions.loc[label])}%)" for label in far]
        verb = "is" if len(far) == 1 else "are"
        sentences.append(f"{len(far)} of {len(clips)} classes {verb} more than {FAR} points away from 60/20/20: {_first(worst)}.")
    return sentences


def _describe_kept(manifest: pd.DataFrame) -> list[str]:
    """Who has more than a quarter of a class and is in training; not where another seed would choose another of the same size."""
    clips = manifest.groupby(["label", "speaker"], as_index=False).agg(clips=("split", "size"), split=("split", "first"))
    clips["fraction"] = clips["clips"] / clips.groupby("label")["clips"].transform("sum")
    outside = clips["fraction"].where(clips["split"] != "train", 0).groupby(clips["label"]).transform("max")
    kept = clips[clips["fraction"] > np.maximum(outside, QUARTER)].sort_values("fraction", ascending=False, kind="stable")
    if len(kept) == 1:
        speaker, fraction, label = kept.iloc[0][["speaker", "fraction", "label"]]
        return [f"Speaker {speaker} has {fraction:.0%} of the clips of {label} and stays in training."]
    told = [f"{row.speaker} ({row.fraction:.0%} of {row.label})" for row in kept.itertuples()]
    count = f"{kept['speaker'].nunique()} speakers have more than a quarter of the clips of a class and stay in training"
    return [f"{count}: {_first(told)}."] if told else []


def _distance(fractions: pd.Series) -> float:
    """How many points a split is away from 60/20/20 at most."""
    return round(float(np.abs(fractions - FRACTIONS[:, 0]).max()) * 100, 6)


def _percent(fractions: pd.Series) -> str:
    return "/".join(f"{fraction * 100:.0f}" for fraction in fractions)


def _first(items: list[str]) -> str:
    """The first few of a list, and how many more there are."""
    return ", ".join(items[:NAMED]) + (f" and {len(items) - NAMED} more" if len(items) > NAMED else "")


def sample_clips(manifest: pd.DataFrame, most: int, *, seed: int) -> pd.DataFrame:
    """All clips of a manifest, or, where there are more than `most`, a seeded fraction of each class that makes about as many."""
    if len(manifest) <= most:
        return manifest
    return manifest.groupby("label", group_keys=False).sample(frac=most / len(manifest), random_state=seed)


def leakage(manifest: pd.DataFrame) -> float:
    """Fraction of the test clips whose speaker was trained on; NaN where no test clip's speaker is known."""
    test = manifest[(manifest["split"] == "test") & (manifest["speaker"] != "")]
    return float(test["speaker"].isin(manifest.loc[manifest["split"] == "train", "speaker"]).mean())


def merge_small_classes(labels: pd.Series, members: pd.Series, *, fewest: int = SMALLEST_CLASS) -> pd.Series:
    """Join classes of too few members with the class of the same gender that is nearest in age, the smallest first.

    Parameters
    ----------
    labels : pd.Series
        One label a clip; only labels that name an age, such as ``"female_23"``, are joined.
    members : pd.Series
        What a class needs some of: the clips' names, or their speakers.
    fewest : int
        How many a class needs.

    Returns
    -------
    pd.Series
        The labels, of joined classes with their range of ages: ``"female_23-27"``.
    """
    while pair := _next_to_join(members.groupby(labels).nunique().to_dict(), fewest=fewest):
        starts, ends = zip(*map(label_span, pair), strict=True)
        labels = labels.mask(labels.isin(pair), f"{parse_label(pair[0])[0] or 'age'}_{min(starts)}-{max(ends)}")
    return labels


def _next_to_join(counts: dict[str, int], *, fewest: int) -> list[str]:
    """The smallest class with too few members that has a neighbour, and its nearest neighbour; empty if there is none."""
    spans, pairs = {label: span for label in counts if (span := label_span(label))}, []
    genders = {label: parse_label(label)[0] for label in spans}
    for small, other in permutations(spans, 2):
        years = max(spans[other][0] - spans[small][1], spans[small][0] - spans[other][1])
        if counts[small] < fewest and genders[small] == genders[other] and years <= WIDEST:
            pairs.append((counts[small], years, small, other))
    return [*min(pairs, default=())[2:]]
