"""Why clips are left out: what is missing, how often, and advice that fits (notebook 01)."""

import re
from pathlib import Path

import pandas as pd

from helpers.recordings.files import printable
from helpers.recordings.labels import AGES, Span, group_span, span_text

NOT_NAMED = "its name is not that of a clip of this dataset"
NOT_IN_TABLE = "is not in the dataset's table"
NO_FIT = {"exact": "is no single year", "decade": "lies within no decade", "age group": "lies within no age group"}
SHOWN = 4  # reasons in one sentence
# The first key that a reason contains chooses the advice.
ADVICE = {
    "Git LFS": "Run `git lfs pull` in that folder.",
    "ffmpeg": "Install ffmpeg, or convert the files to WAV.",
    "its class": "Coarser labels (LABELS) or merged classes (SMALL_CLASSES) may help.",
    "nothing says who": "The split `random` needs no speakers; a table with a column speaker names them.",
    "nothing states its age": "LABELS=gender needs no age; a table or FILE_PATTERN can give it.",
    "nothing states its gender": "A table with the missing columns, or FILE_PATTERN, can give it.",
    "its age is": "Coarser labels (LABELS) may help.",
    "FILE_PATTERN": "Compare the pattern with the files' names.",
    "but is not there": "Compare the paths in the table with the folder: they are absolute, or relative to the table.",
    "same sound": "Look for the same recordings in several folders.",
    "is a duplicate": "Look for the same recordings in several folders.",
}


def what_lacks(gender: str, span: Span | None, *, kind: str, gender_given: str = "", age_given: str = "") -> str:
    """Why a clip gets no label of a kind, naming only what is missing.

    Parameters
    ----------
    gender, span
        As they were read, see `helpers.recordings.labels`.
    kind : {"exact", "decade", "age group", "gender"}
    gender_given, age_given : str
        As the dataset gives them.

    Examples
    --------
    >>> what_lacks("", (23, 23), kind="exact")
    "nothing states its gender, which labels of the kind 'exact' need"
    >>> what_lacks("male", (18, 25), kind="decade", age_given="18-25")
    "its age is given as '18-25', which lies within no decade"
    """
    lacking, unfit = [], []
    if kind != "age group" and not gender:
        if gender_given:
            unfit.append(f"its gender is given as {gender_given!r}, which is neither female nor male")
        else:
            lacking.append("gender")
    if kind != "gender" and span is None:
        if age_given:
            unfit.append(f"its age is given as {age_given!r}, which is no age from {AGES[0]} to {AGES[-1]}")
        else:
            lacking.append("age")
    elif kind != "gender" and not group_span(span, kind=kind):
        unfit.append(f"its age is given as {age_given or span_text(span)!r}, which {NO_FIT[kind]}")
    if lacking:
        unfit.insert(0, f"nothing states its {' and '.join(lacking)}, which labels of the kind {kind!r} need")
    return "; ".join(unfit)


def reason_kind(reason: str) -> str:
    """A reason without what differs from clip to clip, quoted parts and numbers.

    Examples
    --------
    >>> reason_kind("is a duplicate of 'a_17' (byte for byte)"), reason_kind("is too short (0.05 s; at least 0.1 s are needed)")
    ('is a duplicate of … (byte for byte)', 'is too short (… s; at least … s are needed)')
    """
    return re.sub(r"""(?<!\w)(?:'[^']*'|"[^"]*")(?!\w)|(?<!\w)-?\d(?:[\d.,]*\d)?(?!\w)""", "…", reason)


def count_reasons(rejected: pd.DataFrame) -> pd.DataFrame:
    """The reasons of rejected clips, the most frequent first: `clips`, `reason`, and an `example`, the name of a clip.

    Reasons that differ in a number or a quoted name alone count as one.
    """
    table = _by_kind(rejected)
    return table.assign(reason=table["first"].where(table["texts"] == 1, table["reason"]))[["clips", "reason", "example"]]


def summary(rejected: pd.DataFrame) -> str:
    """The most frequent reasons with their counts, in one line, and the advice that fits the first of them."""
    table = _by_kind(rejected)
    counts = "; ".join(f"{row.clips} (such as {row.example}): {row.first}" for row in table.head(SHOWN).itertuples())
    more = f"; {len(table) - SHOWN} more reasons" if len(table) > SHOWN else ""
    advice = next((text for part, text in ADVICE.items() if part in table["first"].iloc[0]), "Fix what these reasons describe.")
    return f"{counts}{more}. {advice}"


def _by_kind(rejected: pd.DataFrame) -> pd.DataFrame:
    groups = rejected.groupby(rejected["reason"].map(reason_kind), sort=False)
    table = groups.agg(clips=("clip", "size"), texts=("reason", "nunique"), first=("reason", "first"), example=("clip", "first"))
    return table.sort_values("clips", ascending=False, kind="stable").reset_index()


def nothing_to_label(clips: pd.DataFrame, source: Path, *, title: str, known_by: str) -> str:
    """What to say where no clip belongs to a class.

    Parameters
    ----------
    clips : pd.DataFrame
        `path` and `reason` of all.
    source : Path
    title : str
        Of the dataset.
    known_by : str
        What a sound file of it is, such as ``"named like 03a01Fa.wav"``; empty for a folder of one's own.
    """
    if clips.empty:
        return f"There is no sound file in {source}: check the path, or look for a folder inside it."
    if known_by and clips["reason"].str.startswith((NOT_NAMED, NOT_IN_TABLE)).all():
        return (
            f"{source} is no copy of {title.split(',')[0]}: none of its {len(clips)} sound files is {known_by}. Check DATASET and "
            "DATA_DIR; for recordings of your own take DATASET=folder."
        )
    advice = " Put them into one folder per class, such as female_23/, or set DATA_DIR to a CSV table with columns path and label."
    why = summary(clips.assign(clip=[Path(printable(path)).name for path in clips["path"]]))
    return f"None of the {len(clips)} sound files in {source} belongs to a class: {why}{'' if known_by else advice}"
