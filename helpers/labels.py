"""Gender and age in a label's name: reading them, and the categories they make (notebook 01)."""

from __future__ import annotations

import re

GENDER_WORDS = {
    "female": "female", "woman": "female", "women": "female", "girl": "female", "f": "female",
    "male": "male", "man": "male", "men": "male", "boy": "male", "m": "male",
}  # fmt: skip
AGES = range(3, 111)  # what a number must be to be read as a year of age


def exact_label(gender: str, age: int) -> str:
    """The study's category: gender and year of age.

    Examples
    --------
    >>> exact_label("female", 23)
    'female_23'
    """
    return f"{gender}_{age}"


def parse_label(label: str) -> tuple[str | None, int | None]:
    """Read gender and year of age from a label or a folder's name.

    A number counts as an age only beside a gender or the word "age", and the letters "m" and "f" count as a gender only
    beside an age or alone: `speaker_12` has neither.

    Parameters
    ----------
    label : str
        For example ``"female_23"``, ``"m-41"``, ``"male/age 60"``.

    Returns
    -------
    gender : {"female", "male"} or None
    age : int or None
        In years.

    Examples
    --------
    >>> parse_label("female_23"), parse_label("m-41"), parse_label("speaker_12")
    (('female', 23), ('male', 41), (None, None))
    """
    tokens = re.findall(r"[^\W\d_]+|[0-9]+", label.lower())
    genders = {GENDER_WORDS[token] for token in tokens if token in GENDER_WORDS}
    numbers = {int(token) for token in tokens if re.fullmatch("[0-9]+", token) and int(token) in AGES}
    gender = genders.pop() if len(genders) == 1 else None
    age = numbers.pop() if len(numbers) == 1 and (gender or {"age", "years"} & set(tokens)) else None
    spelled = any(len(token) > 1 and token in GENDER_WORDS for token in tokens)
    if gender and not spelled and age is None and len(tokens) > 1:
        gender = None
    return gender, age
