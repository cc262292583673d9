"""The error diary: a listener's marks on clips, in `review.csv`, and what was heard (notebook 04; used by 01, 03 and 05)."""

import pandas as pd

from helpers.base.artifacts import Artifacts, write_table
from helpers.recordings.tables import read_people_table

MARKS = ("label looks wrong", "noisy", "silent", "two voices")
COLUMNS = ["clip", "mark", "note"]
FORMULA_STARTS = ("=", "+", "-", "@", "'")


def read_review(artifacts: Artifacts) -> pd.DataFrame:
    """The marked clips, one row a clip: `clip`, `mark`, `note`; no rows if none is marked.

    Raises
    ------
    SuiteError
        `review.csv` was changed to something that is no such table.
    """
    if not artifacts.review.exists():
        return pd.DataFrame(columns=COLUMNS, dtype=str)
    # A spreadsheet may have saved it again. Names of clips may hold anything, spaces at their ends too.
    review = read_people_table(artifacts.review, columns=COLUMNS, required=COLUMNS, verbatim=("clip",))
    review = review[review["clip"] != ""].drop_duplicates("clip", keep="last", ignore_index=True)
    marks = review["mark"].str.lower()
    # Somebody's own mark becomes part of the note, so that it is kept.
    own = review["mark"].where(~marks.isin(("", *MARKS)), "")
    notes = (own + ": ").where(own != "", "") + review["note"].str.removeprefix("'")
    return review.assign(mark=marks.where(own == "", ""), note=notes.str.removesuffix(": "))


def mark_clips(artifacts: Artifacts, said: dict[str, dict[str, str]]) -> int:
    """Save new marks and notes on clips, in one go; how many clips are marked then.

    Parameters
    ----------
    artifacts : Artifacts
    said : dict of dict
        By clip, its new `mark` (one of `MARKS`, or empty), its new `note` (any text; line breaks become spaces), or both; the other
        one stays as it is. A clip with neither is removed from the table.
    """
    unknown = sorted({one["mark"] for one in said.values() if one.get("mark")} - set(MARKS))
    if unknown:
        raise ValueError(f"{unknown[0]!r} is none of the marks {', '.join(MARKS)}")
    kept = read_review(artifacts).set_index("clip").to_dict("index")
    rows = kept | {clip: {"mark": "", "note": ""} | kept.get(clip, {}) | one for clip, one in said.items()}
    table = pd.DataFrame([[clip, row["mark"], " ".join(row["note"].split())] for clip, row in rows.items()], columns=COLUMNS)
    table = table[(table["mark"] != "") | (table["note"] != "")]
    write_table(artifacts.review, table.assign(note=_no_formulas(table["note"])).sort_values("clip"))
    return len(table)


def _no_formulas(notes: pd.Series) -> pd.Series:
    """A spreadsheet would run a text that starts like a formula; the apostrophe stops it and is taken off when reading."""
    return notes.map(lambda text: f"'{text}" if text.startswith(FORMULA_STARTS) else text)


def without_marked(manifest: pd.DataFrame, artifacts: Artifacts) -> pd.DataFrame:
    """The clips of a manifest without a mark or note; prints how many are left out."""
    kept = manifest[~manifest["clip"].isin(read_review(artifacts)["clip"])].reset_index(drop=True)
    print(f"{len(manifest) - len(kept)} of {len(manifest)} clips are marked in {artifacts.review.name} and left out")
    return kept


def read_heard(artifacts: Artifacts) -> set[str]:
    """The clips that were played; SuiteError where `heard.csv` is no such table."""
    if not artifacts.heard.exists():
        return set()
    return set(read_people_table(artifacts.heard, columns=["clip"], required=["clip"], verbatim=("clip",))["clip"])


def hear(artifacts: Artifacts, clip: str) -> None:
    """Note that a clip was played."""
    heard = read_heard(artifacts)
    if clip not in heard:
        write_table(artifacts.heard, pd.DataFrame({"clip": sorted(heard | {clip})}))


def error_table(errors: pd.DataFrame, artifacts: Artifacts) -> pd.DataFrame:
    """A network's errors with what a listener did about them.

    Parameters
    ----------
    errors : pd.DataFrame
        Manifest rows with `predicted` and `confidence`.
    artifacts : Artifacts

    Returns
    -------
    pd.DataFrame
        Columns `clip`, `path`, `speaker`, `split`, `true`, `predicted`, `confidence`, `heard` ("yes" or "no"), `mark` and `note`;
        the most confident error first.
    """
    facts = ["clip", "path", "speaker", "split", "label", "predicted", "confidence"]
    table = errors[facts].rename(columns={"label": "true"}).sort_values("confidence", ascending=False, kind="stable")
    heard = table["clip"].isin(read_heard(artifacts)).map({True: "yes", False: "no"})
    table = table.assign(heard=heard).merge(read_review(artifacts), on="clip", how="left").fillna({"mark": "", "note": ""})
    return table.assign(note=_no_formulas(table["note"]))
