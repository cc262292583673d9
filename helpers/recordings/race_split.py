"""One training and two questions: the split of the race, into voices that are known and strangers (notebook 05)."""

import pandas as pd

from helpers.base.artifacts import SuiteError
from helpers.recordings.splits import merge_small_classes

ASKED_ABOUT = ("known", "strangers")
TRAINING_SPEAKERS = 3  # of a class at least, so that no class is one or two persons
FEWEST_SPEAKERS = 3  # of a class that can't be joined: two to train on, and a stranger
FRACTION = 0.6  # of a class's speakers who are trained on
# To which part a training speaker's sentences go, in turn: of six, half are trained on, a sixth validates, a third is tested.
# Every second speaker takes the other order, so that two speakers of two sentences each validate one and are tested on one.
TURNS = (("train", "known", "validation", "train", "train", "known"), ("train", "validation", "known", "train", "train", "known"))
HUGE = 1 / 2  # of a class's training clips; a speaker with more is worth a sentence


def race_split(manifest: pd.DataFrame, *, seed: int) -> pd.DataFrame:
    """Split clips so that one training can be tested twice: on new sentences of its speakers, and on speakers it never heard.

    Of each class about three fifths of the speakers, at least three, are trained on, and their sentences are shared out: half are
    trained on, a sixth validates, a third is the test of `known` voices. All clips of the others are the test of `strangers`. A
    sentence that a speaker says several times is in one part alone, where the manifest knows sentences. Classes with fewer than
    four speakers are joined with neighbours in age, or, where that would leave a single class, those with fewer than three; classes
    that still have fewer than three are left out.

    Parameters
    ----------
    manifest : pd.DataFrame
        Columns `clip` (unique), `label`, `speaker` and `sentence`.
    seed : int

    Returns
    -------
    pd.DataFrame
        The manifest with other labels, where classes were joined, and the `split`: "train", "validation", "known" or "strangers".

    Raises
    ------
    SuiteError
        The speaker of a clip is not known, or fewer than two classes have three speakers.
    """
    if unknown := int((manifest["speaker"] == "").sum()):
        raise SuiteError(f"Nobody knows who speaks in {unknown} of the {len(manifest)} clips, so there is no test of strangers.")
    for fewest in (TRAINING_SPEAKERS + 1, FEWEST_SPEAKERS):
        table = manifest.assign(label=merge_small_classes(manifest["label"], manifest["speaker"], fewest=fewest))
        speakers = table.groupby("label")["speaker"].nunique()
        if (speakers >= FEWEST_SPEAKERS).sum() >= 2:
            break  # else joining may have made one class of all, where two with three speakers each were there
    if (speakers >= FEWEST_SPEAKERS).sum() < 2:
        most = f", and {speakers.idxmax()!r} has the most, {speakers.max()}" if len(speakers) else ""
        raise SuiteError(
            f"A test of strangers needs two classes with {FEWEST_SPEAKERS} speakers each, so that none is a single person in "
            f"training; after joining neighbours in age, {(speakers >= FEWEST_SPEAKERS).sum()} of {len(speakers)} have them{most}."
        )
    table = table[table["label"].map(speakers) >= FEWEST_SPEAKERS].reset_index(drop=True)
    is_stranger = table["speaker"].isin(_strangers(table, seed=seed))
    return table.assign(split=_by_sentence(table[~is_stranger], seed=seed).reindex(table.index, fill_value="strangers"))


def describe_race_split(manifest: pd.DataFrame, table: pd.DataFrame) -> list[str]:
    """Sentences, with numbers, about classes that were joined, left out, or rest on few people in training.

    Parameters
    ----------
    manifest, table : pd.DataFrame
        What `race_split` was given, and what it gave.
    """
    sentences, classes = [], table["label"].nunique()
    people = manifest.groupby("label")["speaker"].nunique()
    if joined := sorted(set(table["label"]) - set(manifest["label"])):
        few, alone = (people <= TRAINING_SPEAKERS).sum(), (people == 1).sum()
        sentences.append(
            f"{few} of {len(people)} classes have fewer than {TRAINING_SPEAKERS + 1} speakers ({alone} have a single one), so "
            f"neighbours in age were joined; {classes} classes are left, such as {joined[0]}."
        )
    if left_out := len(manifest) - len(table):
        gone = manifest.loc[~manifest["clip"].isin(table["clip"]), "label"].unique()
        which = f"{len(gone)} {'class' if len(gone) == 1 else 'classes'} ({', '.join(gone[:3])}{', ...' * (len(gone) > 3)})"
        sentences.append(
            f"{left_out} clips of {which} are left out: fewer than {FEWEST_SPEAKERS} speakers, and no neighbour in age to join."
        )
    heard = table[table["split"] == "train"].groupby(["label", "speaker"]).size().rename("clips").reset_index()
    trained = heard.groupby("label")["speaker"].nunique()
    if few := int((trained < TRAINING_SPEAKERS).sum()):
        have = "has" if few == 1 else "have"
        sentences.append(f"{few} of {classes} classes {have} {trained.min()} speakers in training instead of {TRAINING_SPEAKERS}.")
    heard["fraction"] = heard["clips"] / heard.groupby("label")["clips"].transform("sum")
    for row in heard[heard["fraction"] > HUGE].itertuples():
        sentences.append(f"{row.fraction:.0%} of the training clips of {row.label} are by one speaker, {row.speaker}.")
    return sentences


def _strangers(table: pd.DataFrame, *, seed: int) -> set[str]:
    """The speakers who are not trained on; in each class the largest are trained on first, of equal ones a drawn order decides."""
    clips = table.groupby(["speaker", "label"]).size().rename("clips").reset_index()
    home = clips.sort_values("clips", ascending=False, kind="stable").drop_duplicates("speaker")
    home = home.sort_values("speaker").sample(frac=1, random_state=seed)
    strangers = set()
    for _, members in home.sort_values("clips", ascending=False, kind="stable").groupby("label", sort=True):
        most = max(TRAINING_SPEAKERS, round(FRACTION * len(members)))
        strangers |= {*members["speaker"].iloc[min(most, len(members) - 1) :]}
    return strangers


def _by_sentence(table: pd.DataFrame, *, seed: int) -> pd.Series:
    """The part of each clip of the training speakers; a sentence of one speaker goes to one part as a whole."""
    unit = table["speaker"] + "\n" + table["sentence"].where(table["sentence"] != "", table["clip"])
    order = table.assign(unit=unit).drop_duplicates("unit").sort_values("unit").sample(frac=1, random_state=seed)
    speakers = order.drop_duplicates("speaker").sort_values("speaker")
    which = speakers.groupby("label").cumcount().set_axis(speakers["speaker"]) % len(TURNS)
    turn = order.groupby("speaker").cumcount() % len(TURNS[0])
    parts = [TURNS[kind][place] for kind, place in zip(order["speaker"].map(which), turn, strict=True)]
    return unit.map(dict(zip(order["unit"], parts, strict=True)))
