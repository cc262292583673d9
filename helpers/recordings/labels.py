"""Gender and age in a label's name: reading them, and the four kinds of labels they make (notebook 01)."""

import difflib
import re

GENDER_WORDS = {
    "female": "female", "woman": "female", "women": "female", "girl": "female", "f": "female",
    "male": "male", "man": "male", "men": "male", "boy": "male", "m": "male",
    "other": "",  # valid, but neither of the datasets' two classes
}  # fmt: skip
DECADE_WORDS = {
    "teens": 15, "twenties": 25, "thirties": 35, "forties": 45, "fourties": 45, "fifties": 55, "sixties": 65, "seventies": 75,
    "eighties": 85, "nineties": 95,
}  # fmt: skip
AGES = range(3, 111)  # what a number must be to be read as a year of age
AGE_GROUPS = ((0, 12), (13, 19), (20, 39), (40, 59), (60, 79), (80, 110))  # first and last year of each
LABEL_KINDS = ("exact", "decade", "age group", "gender")


def read_gender(word: str) -> str:
    """Read a dataset's word for a gender, correcting misspellings; empty if it is neither female nor male.

    Examples
    --------
    >>> read_gender("M"), read_gender("famale"), read_gender("other")
    ('male', 'female', '')
    """
    word = word.strip().casefold()
    if word in GENDER_WORDS:
        return GENDER_WORDS[word]
    return next(iter(difflib.get_close_matches(word, ["female", "male"], n=1, cutoff=0.8)), "")


def read_age(word: str, *, ages: range = AGES) -> int | None:
    """Read a dataset's age: years, or the middle of a decade in words; None if it is missing or impossible.

    Examples
    --------
    >>> read_age("34.0"), read_age("twenties"), read_age("1234"), read_age("")
    (34, 25, None, None)
    """
    word = word.strip().casefold()
    if word in DECADE_WORDS:
        return DECADE_WORDS[word]
    match = re.fullmatch(r"([0-9]{1,3})(\.[0-9]*)?", word)
    return int(match[1]) if match and int(match[1]) in ages else None


def age_group(age: float) -> str:
    """Name of the group of `AGE_GROUPS` that an age in years belongs to.

    Examples
    --------
    >>> age_group(23), age_group(59.5), age_group(60)
    ('20-39', '40-59', '60-79')
    """
    first, last = next((group for group in AGE_GROUPS if age < group[1] + 1), AGE_GROUPS[-1])
    return f"{first}-{last}"


def make_label(gender: str, age: int | None, *, kind: str) -> str:
    """Label of a speaker, of one of four kinds; empty where the gender or the age that it needs is not known.

    Parameters
    ----------
    gender : {"female", "male", ""}
    age : int or None
        In years.
    kind : {"exact", "decade", "age group", "gender"}
        Gender and year of age, as in the study; gender and decade of age; age group alone; gender alone.

    Examples
    --------
    >>> [make_label("female", 23, kind=kind) for kind in LABEL_KINDS]
    ['female_23', 'female_20s', 'age_20-39', 'female']
    """
    if (kind != "age group" and not gender) or (kind != "gender" and age is None):
        return ""
    if kind == "exact":
        return f"{gender}_{age}"
    if kind == "decade":
        return f"{gender}_{age // 10 * 10}s"
    return f"age_{age_group(age)}" if kind == "age group" else gender


def parse_label(label: str) -> tuple[str | None, int | None]:
    """Read gender and age from a label or a folder's name.

    A number counts as an age only beside a gender or the word "age", and the letters "m" and "f" count as a gender only
    beside an age or alone: `speaker_12` has neither. Of a decade (`20s`) or a range (`40-59`) the middle is the age.

    Parameters
    ----------
    label : str
        For example ``"female_23"``, ``"m-41"``, ``"male/age 60"``, ``"female_20s"``, ``"age_40-59"``.

    Returns
    -------
    gender : {"female", "male"} or None
    age : int or None
        In years.

    Examples
    --------
    >>> parse_label("female_23"), parse_label("m-41"), parse_label("speaker_12")
    (('female', 23), ('male', 41), (None, None))
    >>> parse_label("female_20s"), parse_label("age_40-59")
    (('female', 25), (None, 50))
    """
    words = label.lower()
    tokens = re.findall(r"[^\W\d_]+|[0-9]+", words)
    genders = {GENDER_WORDS[token] for token in tokens if GENDER_WORDS.get(token)}
    gender = genders.pop() if len(genders) == 1 else None
    span = _span(words) if gender or {"age", "years"} & set(tokens) else None
    age = (span[0] + span[1] + 1) // 2 if span else None
    spelled = any(len(token) > 1 and GENDER_WORDS.get(token) for token in tokens)
    if gender and not spelled and age is None and len(tokens) > 1:
        gender = None
    return gender, age


def label_span(label: str) -> tuple[int, int] | None:
    """First and last year of age that a label covers; None where `parse_label` finds no age.

    Examples
    --------
    >>> label_span("female_23"), label_span("female_20s"), label_span("age_40-59"), label_span("female")
    ((23, 23), (20, 29), (40, 59), None)
    """
    return None if parse_label(label)[1] is None else _span(label.lower())


def _span(words: str) -> tuple[int, int] | None:
    if decade := re.fullmatch(r"[^0-9]*(0|[1-9]0|100)s(?![a-z])[^0-9]*", words):
        return int(decade[1]), int(decade[1]) + 9
    span = re.fullmatch(r"[^0-9]*([0-9]{1,3})-([0-9]{1,3})[^0-9]*", words)
    if span and int(span[1]) < int(span[2]) <= AGES[-1]:
        return int(span[1]), int(span[2])
    numbers = {int(number) for number in re.findall(r"[0-9]+", words) if int(number) in AGES}
    return 2 * (numbers.pop(),) if len(numbers) == 1 else None


def class_order(classes: list[str]) -> list[str]:
    """The classes by gender, then age, as a confusion matrix is best read.

    Examples
    --------
    >>> class_order(["male_9", "male_23", "female_60", "female_9"])
    ['female_9', 'female_60', 'male_9', 'male_23']
    """
    parsed = {label: parse_label(label) for label in classes}
    return sorted(classes, key=lambda label: (parsed[label][0] or "", parsed[label][1] or -1, label))


def gender_groups(labels: list[str]) -> tuple[list[str], list[tuple[str, int, int]]]:
    """Short names for an axis, and the runs of equal gender that they belong to.

    Parameters
    ----------
    labels : list of str
        In the order of the axis.

    Returns
    -------
    names : list of str
        The labels without their gender; whole, where a label is nothing but a gender or has none.
    groups : list of tuple
        Gender, first index and the index after the last; empty where the names are whole.

    Examples
    --------
    >>> gender_groups(["female_18", "female_60", "male_20"])
    (['18', '60', '20'], [('female', 0, 2), ('male', 2, 3)])
    >>> gender_groups(["happy", "sad"])
    (['happy', 'sad'], [])
    """
    parts = [re.fullmatch(r"(female|male)[\W_]+(.+)", label) for label in labels]
    if not all(parts):
        return labels, []
    genders = [part[1] for part in parts]
    starts = [index for index in range(len(genders)) if index == 0 or genders[index] != genders[index - 1]]
    groups = [(genders[start], start, end) for start, end in zip(starts, [*starts[1:], len(genders)], strict=True)]
    return [part[2] for part in parts], groups
