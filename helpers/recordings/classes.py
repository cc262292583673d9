"""Each clip's class from what is known of its speaker, and whether the classes are what they seem (notebook 01)."""

import re

import pandas as pd

from helpers.recordings.labels import known_ages, make_label, make_labels
from helpers.recordings.reasons import what_lacks

# Names such as Actor_01, spk12, speaker-3, p225, S01.
SPEAKER_WORDS = "actor|actress|speaker|spkr?|subject|subj|sub|participant|person|user|voice|id|p|s"
SPEAKER_NAME = re.compile(rf"({SPEAKER_WORDS})[\s_-]*\d+", re.IGNORECASE)


def label_clips(clips: pd.DataFrame, *, kind: str) -> pd.DataFrame:
    """Give each clip its class, or the reason why it has none.

    Parameters
    ----------
    clips : pd.DataFrame
        As `helpers.recordings.catalogue.list_clips` makes it.
    kind : {"exact", "decade", "age group", "gender"}
        With "exact", a label of the clip's own is kept.

    Returns
    -------
    pd.DataFrame
        The clips with their `label`, empty where they have none, and the `reason` for that.
    """
    labels, reasons = [], []
    for clip, span in zip(clips.itertuples(), known_ages(clips), strict=True):
        label = (clip.label if kind == "exact" else "") or make_label(clip.gender, span, kind=kind)
        labels.append(label)
        given = {"gender_given": clip.gender_given, "age_given": clip.age_given}
        reasons.append(clip.reason if label or clip.reason else what_lacks(clip.gender, span, kind=kind, **given))
    return clips.assign(label=labels, reason=reasons)


def kind_that_fits(clips: pd.DataFrame, kind: str) -> str:
    """The kind of labels; decades instead of years where ages are known by the decade alone. A change is printed."""
    unnamed = clips[(clips["label"] == "") & (clips["reason"] == "")]
    if kind != "exact" or unnamed["age"].notna().any():
        return kind
    if not make_labels(unnamed, kind="decade").any():
        return kind
    print("Ages are known by the decade alone, not to the year: the labels are decades.")
    return "decade"


def name_speakers(labels: pd.Series) -> None:
    """Say so where the classes seem to be speakers, not kinds of speakers."""
    classes = sorted(set(labels) - {""})
    people = [label for label in classes if SPEAKER_NAME.fullmatch(label.rpartition("/")[2])]
    if len(people) >= 2 and 2 * len(people) > len(classes):
        print(
            f"The class names look like speakers ({', '.join(people[:3])}{', ...' if len(people) > 3 else ''}): classes would be "
            "people, and a model would learn to recognise people. Give gender and age with FILE_PATTERN or a table."
        )
