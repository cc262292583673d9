import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.recordings.labels import AGE_GROUPS, AGES, LABEL_KINDS, age_group, make_label, parse_label


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
        ("male_40s", ("male", 45)),
        ("male_100s", ("male", 105)),
        ("male_23 soft", ("male", 23)),
        ("age_13-19", (None, 16)),
        ("woman/23-27", ("female", 25)),
        ("m-41-2", ("male", 41)),
        ("", (None, None)),
    ],
)
def test_gender_and_age_are_read_where_they_stand(label, expected):
    assert parse_label(label) == expected


@given(st.sampled_from(["female", "male"]), st.sampled_from(AGES))
def test_parsing_reverses_exact_labels(gender, age):
    assert parse_label(make_label(gender, age, kind="exact")) == (gender, age)


@given(st.text())
def test_any_text_parses(text):
    gender, age = parse_label(text)
    assert gender in (None, "female", "male") and (age is None or age in AGES)


@given(st.sampled_from(["female", "male"]), st.sampled_from(AGES), st.sampled_from(LABEL_KINDS))
def test_every_kind_of_label_tells_what_it_was_made_from(gender, age, kind):
    read_gender, read_age = parse_label(make_label(gender, age, kind=kind))
    assert read_gender == (None if kind == "age group" else gender)
    width = {"exact": 0, "decade": 5, "age group": 15}
    assert read_age is None if kind == "gender" else abs(read_age - age) <= width[kind]


@pytest.mark.parametrize("kind", LABEL_KINDS)
def test_a_label_needs_what_it_names(kind):
    assert make_label("", 30, kind=kind) == ("age_20-39" if kind == "age group" else "")
    assert make_label("male", None, kind=kind) == ("male" if kind == "gender" else "")


@given(st.integers(0, 130))
def test_age_groups_cover_every_age_once(age):
    inside = [f"{first}-{last}" for first, last in AGE_GROUPS if first <= min(age, 110) <= last]
    assert [age_group(age)] == inside
