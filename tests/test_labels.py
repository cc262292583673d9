import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.labels import AGES, exact_label, parse_label


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("female_23", ("female", 23)),
        ("m-41", ("male", 41)),
        ("F60", ("female", 60)),
        ("male/age 60", ("male", 60)),
        ("women/35", ("female", 35)),
        ("age_50", (None, 50)),
        ("female", ("female", None)),
        ("m", ("male", None)),
        ("speaker_12", (None, None)),
        ("class_f", (None, None)),
        ("male_or_female_30", (None, None)),
        ("male_1999", ("male", None)),
        ("happy", (None, None)),
        ("", (None, None)),
    ],
)
def test_gender_and_age_are_read_where_they_stand(label, expected):
    assert parse_label(label) == expected


@given(st.sampled_from(["female", "male"]), st.sampled_from(AGES))
def test_parsing_reverses_exact_label(gender, age):
    assert parse_label(exact_label(gender, age)) == (gender, age)


@given(st.text())
def test_any_text_parses(text):
    gender, age = parse_label(text)
    assert gender in (None, "female", "male") and (age is None or age in AGES)
