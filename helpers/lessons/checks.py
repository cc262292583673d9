"""The check of an exercise: a student's answer in, one sentence out, and never an error in a notebook (notebooks 01 to 06).

Each exercise has a function `exercise_<number>` in the module of its notebook, such as `helpers/lessons/notebook_3.py`. It takes
the answer and the names of the notebook. Its docstring is the form of the answer, which the notebook shows beside `None`; its
assertions say what to look at again; what it returns, if anything, is what follows from a right answer. A dataset that cannot be
asked raises `SuiteError`.
"""

from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd

from helpers.base.artifacts import SuiteError


class Names:
    """The names of a notebook as attributes; one that is not there yet is a sentence (NameError)."""

    def __init__(self, names: dict[str, Any]):
        self._names = names

    def __getattr__(self, name: str) -> Any:
        if name not in self._names:
            raise NameError(f"`{name}` is not there yet: run the cells above first, from the top (on Colab: Runtime > Run before).")
        return self._names[name]


def exercise(notebook: int, number: int) -> Callable[[Any, Names], str | None]:
    """The function that checks an exercise."""
    return getattr(import_module(f"helpers.lessons.notebook_{notebook}"), f"exercise_{number}")


def form(notebook: int, number: int) -> str:
    """The form of an exercise's answer, such as ``"a whole number: the parameters of the block"``."""
    said = (exercise(notebook, number).__doc__ or "").rstrip(".")
    return said[:1].lower() + said[1:]


def ask(notebook: int, number: int, answer: Any, names: dict[str, Any]) -> str:
    """What to say of a right answer.

    Raises
    ------
    AssertionError
        The answer is wrong; the message says what to look at again.
    NameError
        A name that the check needs is not in the notebook yet.
    SuiteError
        The dataset does not state what the exercise asks about.
    """
    return " ".join(filter(None, (f"Exercise {number}: right.", exercise(notebook, number)(answer, Names(names)))))


def checker(notebook: int, names: dict[str, Any]) -> Callable[..., None]:
    """The function `check(number, answer)` of a notebook, which prints what there is to say.

    With ``strict=True``, as solutions call it, an answer that does not pass is an error, so that a run of the notebook fails.

    Parameters
    ----------
    notebook : int
    names : dict
        ``globals()`` of the notebook: checks look up there what the answer is about, when they run.
    """

    def check(number: int, answer: Any, *, strict: bool = False) -> None:
        asked = form(notebook, number)
        if answer is None and not strict:
            print(f"Exercise {number}: not answered yet. Put your answer in the place of None ({asked}).")
            return
        try:
            print(ask(notebook, number, answer, names))
        except SuiteError as reason:
            print(f"Exercise {number} can't be checked with this dataset. {reason}")
        except Exception as error:  # whatever a student's answer may be, the cells below still run
            if strict:
                raise
            known = isinstance(error, (AssertionError, NameError))
            said = error if known else f"This can't be read as {asked} ({type(error).__name__}: {error})."
            print(f"Exercise {number}: not right yet. {said}")

    return check


def number(answer: Any) -> float:
    """The answer as one number."""
    assert np.ndim(answer) == 0 and not isinstance(answer, (str, bool, dict, set)), "One number is asked for."
    return float(answer)


def numbers(answer: Any, count: int) -> np.ndarray:
    """The answer as so many numbers, from a tuple, a list, an array, a Series or a dict."""
    values = np.asarray(list(answer.values() if isinstance(answer, dict) else answer), float)
    assert values.shape == (count,), f"{count} numbers are asked for, as in ({', '.join('1234567'[:count])})."
    return values


def by_name(answer: Any) -> pd.Series:
    """The answer as numbers with names, from a dict, a Series or a table of one column."""
    if isinstance(answer, pd.DataFrame):
        assert answer.shape[1] == 1, f"One column of numbers is asked for, not {answer.shape[1]}."
        return answer.iloc[:, 0].astype(float)
    assert isinstance(answer, (dict, pd.Series)), (
        "Numbers with their names are asked for: a dict, a Series, or one column of a table."
    )
    return pd.Series(answer).astype(float)


def table(answer: Any, *columns: str) -> pd.DataFrame:
    """The answer as a table that has these columns."""
    assert isinstance(answer, pd.DataFrame), "A table (DataFrame) is asked for."
    lacking = [name for name in columns if name not in answer]
    assert not lacking, f"The table lacks {', '.join(map(repr, lacking))}; it has {', '.join(map(repr, answer.columns))}."
    assert len(answer), "The table has no row."
    return answer


def fractions(values: Any) -> Any:
    """The values, if all of them are fractions."""
    outside = (np.asarray(values, float) > 1).any()
    assert not outside, "Fractions are asked for, from 0 to 1: something here is above 1. Is it in per cent, or a count?"
    assert (np.asarray(values, float) >= 0).all(), "Fractions are asked for, from 0 to 1: something here is below 0, or no number."
    return values


def expect(
    answer: Any, right: Any, otherwise: str, *, slips: Iterable[tuple[Any, str]] = (), rel: float = 0.01, within: float = 0.0
) -> None:
    """Let a right answer pass; of a wrong one, say which slip it looks like.

    Parameters
    ----------
    answer, right
        Numbers, or arrays of them.
    otherwise : str
        What to look at again where the answer looks like no slip.
    slips : iterable of pairs
        A wrong answer, and the sentence about it.
    rel, within : float
        How far from `right` passes: as a fraction of it, and in its unit.
    """

    def like(value: Any) -> bool:
        return bool(np.allclose(answer, value, rtol=rel, atol=within, equal_nan=True))

    if not like(right):
        for slip, sentence in slips:
            assert not like(slip), sentence
        raise AssertionError(otherwise)
