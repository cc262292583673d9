"""How much of a score was the person: known voices against strangers (notebook 05)."""

import pandas as pd

from helpers.evaluation.intervals import percentiles

# From which fraction of a lead on it is called so.
WORDS = {0.9: "nearly all", 0.65: "most", 0.35: "about half", 0.1: "a smaller part"}


def gap(known: pd.DataFrame, strangers: pd.DataFrame) -> pd.DataFrame:
    """Scores of one model on voices that it knows and on strangers, and the gap between them.

    The two tests are about different people, so their speakers are resampled independently; the seeds of the model, which answered
    both, are the same in each row.

    Parameters
    ----------
    known, strangers : pd.DataFrame
        As `helpers.comparison.race.resamples` gives them for the two tests.

    Returns
    -------
    pd.DataFrame
        Indexed by score: value and 95% interval (`_low`, `_high`) of `known`, `strangers` and `gap`, known less strangers.
    """
    shared = known.columns.intersection(strangers.columns, sort=False)
    sides = {"known": known[shared], "strangers": strangers[shared], "gap": known[shared] - strangers[shared]}
    tables = [percentiles(table).set_axis([name, f"{name}_low", f"{name}_high"], axis=1) for name, table in sides.items()]
    return pd.concat(tables, axis=1)


def the_person(row: pd.Series, *, known: float, strangers: float) -> str:
    """How much of a model's lead over the no-audio baseline was knowing the person, in words that its numbers choose.

    Parameters
    ----------
    row : pd.Series
        Of `gap`; higher is better, or, where it is named `age_mae_years`, lower.
    known, strangers : float
        The same score of the no-audio baseline in both tests.

    Examples
    --------
    >>> row = pd.Series({"known": 0.9, "strangers": 0.05, "gap_low": 0.8, "gap_high": 0.9})
    >>> the_person(row, known=0.03, strangers=0.03)
    'Nearly all of its lead over the no-audio baseline (98%) came from knowing the person.'
    """
    sign = -1 if row.name == "age_mae_years" else 1
    lead, left = sign * (row["known"] - known), sign * (row["strangers"] - strangers)
    if lead <= 0:
        return "It has no lead over the no-audio baseline, not even for known voices."
    if row["gap_low"] <= 0 <= row["gap_high"]:
        return "For strangers it is about as good as for known voices: these clips show no difference."
    gone = 1 - left / lead
    if gone < 0:
        return "For strangers it is even better than for known voices: the strangers here are easier to classify."
    if left < 1e-6:  # a score that was read from a table is rounded
        return "All of its lead over the no-audio baseline came from knowing the person: for strangers there is none."
    words = next((words for border, words in WORDS.items() if gone >= border), "hardly any")
    return f"{words[0].upper()}{words[1:]} of its lead over the no-audio baseline ({gone:.0%}) came from knowing the person."
