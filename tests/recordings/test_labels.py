import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.recordings.labels import (
    AGE_GROUPS,
    AGES,
    LABEL_KINDS,
    age_group,
    label_span,
    make_label,
    parse_label,
    read_age,
    read_gender,
    span_text,
)


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
    parsed_gender, parsed_age = parse_label(make_label(gender, age, kind=kind))
    assert parsed_gender == (None if kind == "age group" else gender)
    width = {"exact": 0, "decade": 5, "age group": 15}
    assert parsed_age is None if kind == "gender" else abs(parsed_age - age) <= width[kind]


@pytest.mark.parametrize("kind", LABEL_KINDS)
def test_a_label_needs_what_it_names(kind):
    assert make_label("", 30, kind=kind) == ("age_20-39" if kind == "age group" else "")
    assert make_label("male", None, kind=kind) == ("male" if kind == "gender" else "")


@given(st.integers(0, 130))
def test_age_groups_cover_every_age_once(age):
    inside = [f"{first}-{last}" for first, last in AGE_GROUPS if first <= min(age, 110) <= last]
    assert [age_group(age)] == inside


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("23", (23, 23)), ("23.0", (23, 23)), ("23,0", (23, 23)), ("23 years", (23, 23)), ("23y", (23, 23)), ("23 yrs", (23, 23)),
        ("Age 23", (23, 23)), ("aged 23", (23, 23)), ("age_23", (23, 23)), ("5", (5, 5)), ("3", (3, 3)), ("110", (110, 110)),
        ("20s", (20, 29)), ("20's", (20, 29)), ("Twenties", (20, 29)), ("fourties", (40, 49)), ("teens", (13, 19)),
        ("20-29", (20, 29)), ("20\u201329", (20, 29)), ("20 - 29 years", (20, 29)), ("18 to 25", (18, 25)), ("0-12", (0, 12)),
        ("60+", (60, 110)), ("60 +", (60, 110)),
        ("", None), ("0", None), ("2", None), ("111", None), ("1234", None), ("29-20", None), ("old", None), ("-5", (5, 5)),
        ("1990-1999", None), ("01-03", None), ("23.5.1990", None),
    ],
)  # fmt: skip
def test_ages_as_tables_write_them(text, span):
    assert read_age(text) == span


@pytest.mark.parametrize(
    ("label", "span"),
    [
        ("20s", (20, 29)), ("20-29", (20, 29)), ("20\u201329", (20, 29)), ("60+", (60, 110)), ("twenties", (20, 29)),
        ("23 years", (23, 23)), ("23y", (23, 23)), ("age 23", (23, 23)), ("aged 23", (23, 23)), ("age 23.0", (23, 23)),
        ("female/20s", (20, 29)), ("20s/female", (20, 29)), ("female_60+", (60, 110)), ("male twenties", (20, 29)),
        ("23", None), ("speaker_12", None), ("Actor_01", None), ("p225", None), ("happy", None), ("2020-2021", None),
        ("20_29", None), ("female", None),
    ],
)  # fmt: skip
def test_ages_as_folders_are_called(label, span):
    assert label_span(label) == span


@given(st.one_of(st.text(), st.from_regex(r"(f|male|age)?[ _-]?[0-9]{1,3}[ -.,+s]{0,2}[0-9]{0,3}[+sy]?", fullmatch=True)))
def test_any_age_that_is_read_is_possible_and_reads_again(text):
    for span in (read_age(text), label_span(text)):
        assert span is None or (0 <= span[0] <= span[1] <= AGES[-1] and read_age(span_text(span)) == span)


@pytest.mark.parametrize(
    ("span", "labels"),
    [
        ((23, 23), ["male_23", "male_20s", "age_20-39"]),
        ((20, 29), ["", "male_20s", "age_20-39"]),
        ((22, 27), ["", "male_20s", "age_20-39"]),
        ((25, 34), ["", "", "age_20-39"]),
        ((18, 25), ["", "", ""]),
        ((13, 19), ["", "male_10s", "age_13-19"]),
        ((60, 110), ["", "", ""]),
        ((80, 110), ["", "", "age_80-110"]),
    ],
)
def test_a_range_makes_a_label_only_if_it_fits(span, labels):
    assert [make_label("male", span, kind=kind) for kind in ("exact", "decade", "age group")] == labels


@pytest.mark.parametrize(
    ("word", "gender"),
    [
        ("male_masculine", "male"), ("female_feminine", "female"), ("Female Feminine", "female"), ("FAMALE", "female"),
        ("non-binary", ""), ("transgender", ""), ("intersex", ""), ("do_not_wish_to_say", ""), ("other", ""), ("", ""), ("cat", ""),
    ],
)  # fmt: skip
def test_genders_of_all_releases_of_common_voice(word, gender):
    assert read_gender(word) == gender
