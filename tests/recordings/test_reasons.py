"""What is said of clips that are left out: what they lack, counted, and advice that can help."""

import pandas as pd
import pytest
from conftest import write_corpus

from helpers.base.artifacts import SuiteError, read_json
from helpers.recordings.manifest import build_manifest
from helpers.recordings.reasons import count_reasons, summary, what_lacks


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        (("", None, "", ""), "nothing states its gender and age, which labels of the kind 'decade' need"),
        (("male", None, "", ""), "nothing states its age, which labels of the kind 'decade' need"),
        (("", (23, 23), "", "23"), "nothing states its gender, which labels of the kind 'decade' need"),
        (("", (23, 23), "other", "23"), "its gender is given as 'other', which is neither female nor male"),
        (("male", None, "m", "1234"), "its age is given as '1234', which is no age from 3 to 110"),
        (("male", (18, 25), "m", "18-25"), "its age is given as '18-25', which lies within no decade"),
        (
            ("", (18, 25), "", "18-25"),
            "nothing states its gender, which labels of the kind 'decade' need; its age is given as '18-25', which lies within no "
            "decade",
        ),
    ],
)
def test_only_what_lacks_is_said_to_lack(known, reason):
    gender, span, gender_given, age_given = known
    assert what_lacks(gender, span, kind="decade", gender_given=gender_given, age_given=age_given) == reason


def test_reasons_are_counted_by_kind_and_not_by_clip():
    reasons = [
        "is too short (0.05 s)",
        "is empty",
        "is too short (0.01 s)",
        "is named in a.csv, line 7, but",
        "is named in a.csv, line 9, but",
    ]
    reasons += ["is a duplicate of 'a'", "is too short (0.02 s)"]
    table = count_reasons(pd.DataFrame({"clip": list("abcdefg"), "reason": reasons}))
    assert table.iloc[:3].to_numpy().tolist() == [
        [3, "is too short (\u2026 s)", "a"],
        [2, "is named in a.csv, line \u2026, but", "d"],
        [1, "is empty", "b"],
    ]
    assert count_reasons(pd.DataFrame({"clip": [], "reason": []}, dtype=str)).empty


@pytest.mark.parametrize(
    ("reason", "advice"),
    [
        ("is a Git LFS pointer, not the sound: run `git lfs pull`", "Run `git lfs pull` in that folder."),
        ("its class 'male_80' has 2 usable clips; 3 are needed", "Coarser labels (LABELS) or merged classes"),
        ("nothing states its age, which labels of the kind 'exact' need", "LABELS=gender needs no age"),
        ("can't be read (No such file)", "Fix what these reasons describe."),
    ],
)
def test_the_advice_fits_the_most_frequent_reason(reason, advice):
    rejected = pd.DataFrame({"clip": list("abc"), "reason": [reason, "is empty", reason]})
    assert summary(rejected).startswith(f"2 (such as a): {reason}; 1 (such as b): is empty. {advice}")
    assert ("Coarser" in summary(rejected)) == ("its class" in reason)


def test_too_few_classes_lists_the_reasons_with_their_counts(tmp_path, artifacts):
    source = write_corpus(tmp_path / "data", clips=4, labels={"female_23": 220, "male_41": 110})
    for number in range(4):
        (source / "male_41" / f"{number}.wav").write_text("this is no sound")
    with pytest.raises(SuiteError, match=r"4 of 8 clips can't be used: 4 \(such as male_41__0\): can't be read") as error:
        build_manifest("folder", source, artifacts, seed=0)
    assert "Coarser" not in str(error.value)


def test_classes_that_look_like_speakers_are_said_to_be(tmp_path, artifacts, capsys):
    source = write_corpus(
        tmp_path / "data", clips=3, labels={"Actor_01": 220, "Actor_02": 110, "x/spk-3": 160, "p225": 180, "noise": 200}
    )
    build_manifest("folder", source, artifacts, seed=0)
    said = capsys.readouterr().out
    assert "The class names look like speakers (Actor_01, Actor_02, p225, ...): classes would be people" in said
    assert "FILE_PATTERN" in said


@pytest.mark.parametrize(
    "labels", [{"female_23": 220, "male_41": 110}, {"happy": 220, "s1": 110, "sad": 150}, {"20s": 220, "30s": 110}]
)
def test_other_classes_are_not(tmp_path, artifacts, capsys, labels):
    build_manifest("folder", write_corpus(tmp_path / "data", clips=3, labels=labels), artifacts, seed=0)
    assert "look like speakers" not in capsys.readouterr().out


def test_ages_by_the_decade_make_decades_and_no_years(tmp_path, artifacts, capsys):
    source = write_corpus(tmp_path / "data", clips=4)
    rows = [f"{label}/{n}.wav,{label.split('_')[0]},{age}" for label, age in
            (("female_23", "twenties"), ("female_60", "60-69"), ("male_41", "40s")) for n in range(4)]  # fmt: skip
    (source / "clips.csv").write_text("path,gender,age\n" + "\n".join(rows))
    manifest, rejected = build_manifest("folder", source / "clips.csv", artifacts, seed=0)
    assert rejected.empty and set(manifest["label"]) == {"female_20s", "female_60s", "male_40s"}
    assert manifest["age"].isna().all() and set(manifest["age_range"]) == {"20-29", "60-69", "40-49"}
    assert "the labels are decades" in capsys.readouterr().out and read_json(artifacts.dataset)["labels"] == "decade"


def test_among_years_a_decade_is_left_out_with_its_reason(tmp_path, artifacts):
    source = write_corpus(tmp_path / "data", clips=4)
    rows = [f"{label}/{n}.wav,{label.split('_')[0]},{age}" for label, age in
            (("female_23", "23"), ("female_60", "sixties"), ("male_41", "41")) for n in range(4)]  # fmt: skip
    (source / "clips.csv").write_text("path,gender,age\n" + "\n".join(rows))
    manifest, rejected = build_manifest("folder", source / "clips.csv", artifacts, seed=0)
    assert set(manifest["label"]) == {"female_23", "male_41"}
    assert set(rejected["reason"]) == {"its age is given as 'sixties', which is no single year"}
