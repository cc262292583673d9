"""Gender and age in tables and in labels: reading them, and the four kinds of labels they make (notebook 01)."""

import difflib
import functools
import re

import pandas as pd

Span = tuple[int, int]  # first and last year of age; the same year twice where it is known exactly

GENDER_WORDS = {
    "female": "female", "woman": "female", "women": "female", "girl": "female", "f": "female",
    "male": "male", "man": "male", "men": "male", "boy": "male", "m": "male",
    "female_feminine": "female", "male_masculine": "male",  # Common Voice since 2024
    # Valid, but neither of the datasets' two classes.
    "other": "", "non_binary": "", "nonbinary": "", "transgender": "", "intersex": "", "do_not_wish_to_say": "",
    "prefer_not_to_say": "", "unknown": "",
}  # fmt: skip
DECADE_WORDS = {
    "teens": (13, 19), "twenties": (20, 29), "thirties": (30, 39), "forties": (40, 49), "fourties": (40, 49), "fifties": (50, 59),
    "sixties": (60, 69), "seventies": (70, 79), "eighties": (80, 89), "nineties": (90, 99),
}  # fmt: skip
AGES = range(3, 111)  # what a number must be to be read as a year of age
AGE_GROUPS = ((0, 12), (13, 19), (20, 39), (40, 59), (60, 79), (80, 110))  # first and last year of each
LABEL_KINDS = ("exact", "decade", "age group", "gender")

_NUMBER = r"(?<![0-9.,])(0|[1-9][0-9]{0,2})(?:[.,][0-9]*)?(?![0-9])"
_YEARS = r"(?<=[0-9.,\s_-])(?:y|yo|y/o|yrs?|years?(?:[\s_-]old)?)(?![a-z])"
_DECADE = r"(?<![0-9])(0|[1-9]0|100)\s?['’]?s(?![a-z])"
_RANGE = rf"{_NUMBER}\s*(?:[-‐-―−]|to)\s*{_NUMBER}"  # any of the dashes
_OPEN = rf"{_NUMBER}\s*\+"


@functools.cache
def gender_word(word: str) -> str:
    """A word for a gender as `GENDER_WORDS` has it."""
    return re.sub(r"[\s_-]+", "_", word.strip().casefold())


@functools.cache
def read_gender(word: str) -> str:
    """Read a dataset's word for a gender, correcting misspellings; empty if it is neither female nor male.

    Examples
    --------
    >>> read_gender("M"), read_gender("famale"), read_gender("female_feminine"), read_gender("other")
    ('male', 'female', 'female', '')
    """
    word = gender_word(word)
    if word in GENDER_WORDS:
        return GENDER_WORDS[word]
    return next(iter(difflib.get_close_matches(word, ["female", "male"], n=1, cutoff=0.8)), "")


@functools.cache
def read_age(text: str) -> Span | None:
    """Read a dataset's age: a year, a decade or another range; None if it is missing or impossible.

    Examples
    --------
    >>> read_age("34.0"), read_age("23 years"), read_age("twenties"), read_age("20s"), read_age("18-25"), read_age("60+")
    ((34, 34), (23, 23), (20, 29), (20, 29), (18, 25), (60, 110))
    >>> read_age("1234"), read_age(""), read_age("old")
    (None, None, None)
    """
    text = re.sub(_YEARS, "", text.strip().casefold())
    text = re.sub(r"^aged?[\s:_-]*", "", text).strip(" _-")
    if text in DECADE_WORDS:
        return DECADE_WORDS[text]
    if match := re.fullmatch(_NUMBER, text):
        return _possible(int(match[1]), int(match[1]))
    return _several_years(text)


def _several_years(text: str, *, beside: str = "") -> Span | None:
    """The decade or the range that a text is, but for what the pattern `beside` allows on either side."""
    if match := re.fullmatch(beside + _DECADE + beside, text):
        return int(match[1]), int(match[1]) + 9
    if match := re.fullmatch(beside + _RANGE + beside, text):
        return _possible(int(match[1]), int(match[2]))
    match = re.fullmatch(beside + _OPEN + beside, text)
    return _possible(int(match[1]), AGES[-1]) if match else None


def _possible(first: int, last: int) -> Span | None:
    return (first, last) if first <= last <= AGES[-1] and middle((first, last)) in AGES else None


def span_text(span: Span | None) -> str:
    """A span of ages in words; empty for None.

    Examples
    --------
    >>> span_text((23, 23)), span_text((20, 29)), span_text((60, 110))
    ('23', '20-29', '60+')
    """
    if span is None:
        return ""
    first, last = span
    return str(first) if first == last else f"{first}+" if last == AGES[-1] else f"{first}-{last}"


def known_ages(manifest: pd.DataFrame) -> list[Span | None]:
    """What a manifest knows of each clip's age: the year in `age`, else the range in `age_range`."""
    ranges = manifest["age_range"] if "age_range" in manifest else [""] * len(manifest)
    return [read_age(text) if pd.isna(age) else (int(age), int(age)) for age, text in zip(manifest["age"], ranges, strict=True)]


def known_age_groups(manifest: pd.DataFrame) -> pd.Series:
    """The group of `AGE_GROUPS` that holds all that a manifest knows of each clip's age; missing where none does."""
    groups = [span and (group_span(span, kind="age group") or None) for span in known_ages(manifest)]
    return pd.Series(groups, manifest.index, dtype=object)


def middle(span: Span) -> int:
    """The year in the middle of a span, where one number has to stand for it."""
    return (span[0] + span[1] + 1) // 2


def age_group(age: float) -> str:
    """Name of the group of `AGE_GROUPS` that an age in years belongs to.

    Examples
    --------
    >>> age_group(23), age_group(59.5), age_group(60)
    ('20-39', '40-59', '60-79')
    """
    first, last = next((group for group in AGE_GROUPS if age < group[1] + 1), AGE_GROUPS[-1])
    return f"{first}-{last}"


def group_span(span: Span, *, kind: str) -> str:
    """The year, the decade or the age group that holds a whole span of ages; empty where none does.

    Examples
    --------
    >>> group_span((20, 29), kind="decade"), group_span((20, 29), kind="age group"), group_span((18, 25), kind="age group")
    ('20s', '20-39', '')
    """
    first, last = span
    if kind == "exact":
        return str(first) if first == last else ""
    if kind == "decade":
        return f"{first // 10 * 10}s" if first // 10 == last // 10 else ""
    return age_group(first) if age_group(first) == age_group(last) else ""


def make_label(gender: str, age: int | Span | None, *, kind: str) -> str:
    """Label of a speaker, of one of four kinds; empty where the gender or the age that it needs is not known.

    Parameters
    ----------
    gender : {"female", "male", ""}
    age : int, Span or None
        In years; of a span, the decade or the age group must hold all of it.
    kind : {"exact", "decade", "age group", "gender"}
        Gender and year of age, as in the study; gender and decade of age; age group alone; gender alone.

    Examples
    --------
    >>> [make_label("female", 23, kind=kind) for kind in LABEL_KINDS]
    ['female_23', 'female_20s', 'age_20-39', 'female']
    >>> [make_label("female", (20, 29), kind=kind) for kind in LABEL_KINDS]
    ['', 'female_20s', 'age_20-39', 'female']
    """
    if kind == "gender":
        return gender
    span = age if age is None or isinstance(age, tuple) else (age, age)
    group = group_span(span, kind=kind) if span else ""
    if not group or (kind != "age group" and not gender):
        return ""
    return f"age_{group}" if kind == "age group" else f"{gender}_{group}"


def make_labels(manifest: pd.DataFrame, *, kind: str) -> pd.Series:
    """The label of a kind for each clip, from its gender and age; empty where they are not known."""
    people = zip(manifest["gender"], known_ages(manifest), strict=True)
    return pd.Series([make_label(gender, age, kind=kind) for gender, age in people], manifest.index, dtype=object)


def parse_label(label: str) -> tuple[str | None, int | None]:
    """Read gender and age from a label or a folder's name.

    A number counts as an age only beside a gender or a word such as "age" or "years", and the letters "m" and "f" count as a
    gender only beside an age or alone: `speaker_12` has neither. A decade or a range may also stand alone between slashes. Of a
    decade (`20s`) or a range (`40-59`) the middle is the age.

    Parameters
    ----------
    label : str
        For example ``"female_23"``, ``"m-41"``, ``"male/age 60"``, ``"female_20s"``, ``"age_40-59"``, ``"women/60+"``.

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
    gender, span = _parse(label)
    return gender, None if span is None else middle(span)


def label_span(label: str) -> Span | None:
    """First and last year of age that a label covers; None where `parse_label` finds no age.

    Examples
    --------
    >>> label_span("female_23"), label_span("female_20s"), label_span("age_40-59"), label_span("female")
    ((23, 23), (20, 29), (40, 59), None)
    """
    return _parse(label)[1]


@functools.cache
def _parse(label: str) -> tuple[str | None, Span | None]:
    words = label.casefold()
    tokens = re.findall(r"[^\W\d_]+|[0-9]+", words)
    genders = {GENDER_WORDS[token] for token in tokens if GENDER_WORDS.get(token)}
    gender = genders.pop() if len(genders) == 1 else None
    if gender or {"age", "aged"} & set(tokens) or re.search(_YEARS, words):
        span = _span(words)
    else:  # a number alone may be anything, but not a decade or a range that is a whole part of a path
        spans = {read_age(part) for part in words.split("/") if not re.fullmatch(_NUMBER, part.strip())} - {None}
        span = spans.pop() if len(spans) == 1 else None
    spelled = any(len(token) > 1 and GENDER_WORDS.get(token) for token in tokens)
    if gender and not spelled and span is None and len(tokens) > 1:
        gender = None
    return gender, span


def _span(words: str) -> Span | None:
    """The only age in a text that has one."""
    named = {DECADE_WORDS[word] for word in re.findall(r"[a-z]+", words) if word in DECADE_WORDS}
    if len(named) == 1 and not re.search(r"[0-9]", words):
        return named.pop()
    if span := _several_years(words, beside="[^0-9]*"):
        return span
    numbers = {int(number) for number in re.findall(r"[0-9]+", re.sub(r"(?<=[0-9])[.,]0+(?![0-9])", "", words))}
    numbers &= set(AGES)
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
