"""The split of the race: who is trained on, which sentences are tested, who is a stranger, and what a corpus cannot give."""

import numpy as np
import pandas as pd
import pytest

from helpers.base.artifacts import SuiteError
from helpers.recordings.race_split import describe_race_split, race_split


def corpus(speakers: dict[str, list[int]], *, sentences=True) -> pd.DataFrame:
    """A manifest from the number of clips of each speaker of each class."""
    rows = [
        {"label": label, "speaker": f"{label}_s{number}", "sentence": f"{clip:02d}" if sentences else ""}
        for label, sizes in speakers.items()
        for number, size in enumerate(sizes)
        for clip in range(size)
    ]
    table = pd.DataFrame(rows)
    return table.assign(clip=[f"c{number:04d}" for number in range(len(table))])


VOICES = corpus({f"{gender}_{age}": [8] * 5 for gender in ("female", "male") for age in (18, 45, 72)})


def test_a_class_has_three_voices_that_are_known_and_two_strangers():
    table = race_split(VOICES, seed=0)
    counts = pd.crosstab(table["label"], table["split"])
    assert counts["train"].unique() == [12] and counts["validation"].unique() == [4]
    assert counts["known"].unique() == [8] and counts["strangers"].unique() == [16]
    people = table.groupby(["label", "split"])["speaker"].nunique().unstack()
    assert (people[["train", "validation", "known"]] == 3).all(axis=None) and (people["strangers"] == 2).all()
    heard = set(table.loc[table["split"] != "strangers", "speaker"])
    assert not heard & set(table.loc[table["split"] == "strangers", "speaker"])
    assert describe_race_split(VOICES, table) == []
    assert table.drop(columns="split").equals(VOICES)


def test_a_sentence_that_a_speaker_says_in_several_moods_is_in_one_part_alone():
    takes = pd.concat([VOICES.assign(clip=VOICES["clip"] + mood) for mood in ("_calm", "_angry", "_sad")], ignore_index=True)
    table = race_split(takes, seed=0)
    assert (table.groupby(["speaker", "sentence"])["split"].nunique() == 1).all()
    assert (table["split"] == "train").sum() == 3 * (race_split(VOICES, seed=0)["split"] == "train").sum()


@pytest.mark.parametrize("seed", range(12))
def test_every_corpus_that_can_be_split_is_split_by_the_rules(seed):
    rng = np.random.default_rng(seed)
    ages = rng.choice(range(15, 80), size=8, replace=False)
    sizes = {f"{rng.choice(['female', 'male'])}_{age}": rng.integers(1, 30, size=rng.integers(1, 9)).tolist() for age in ages}
    clips = corpus(sizes, sentences=bool(seed % 2))
    try:
        table = race_split(clips, seed=seed)
    except SuiteError:
        pytest.skip("this corpus has no two classes")
    assert set(table["split"]) == {"train", "validation", "known", "strangers"}
    people = table.groupby(["label", "split"])["speaker"].nunique().unstack(fill_value=0)
    assert (people["train"] >= 2).all() and (people["strangers"] >= 1).all()
    enough = table.groupby("label")["speaker"].nunique() > 3
    assert (people["train"][enough] >= 3).all()
    strangers = set(table.loc[table["split"] == "strangers", "speaker"])
    assert not strangers & set(table.loc[table["split"] != "strangers", "speaker"])
    kept = clips.sample(frac=1, random_state=seed)
    again = race_split(kept.reset_index(drop=True), seed=seed).set_index("clip")
    assert again.loc[table["clip"], "split"].tolist() == table["split"].tolist()  # whatever the order of the rows
    assert len(clips) - len(table) == clips.loc[~clips["clip"].isin(table["clip"])].shape[0]


def test_classes_of_few_speakers_are_joined_and_it_is_said_with_numbers():
    # As CREMA-D has it: most ages have a single actor.
    clips = corpus({f"female_{age}": [12] for age in range(20, 40)} | {f"male_{age}": [12, 12] for age in range(20, 30)})
    table = race_split(clips, seed=0)
    assert (table.groupby("label")["speaker"].nunique() >= 4).all()
    (sentence,) = describe_race_split(clips, table)
    assert sentence.startswith("30 of 30 classes have fewer than 4 speakers (20 have a single one), so neighbours in age were")
    assert f"; {table['label'].nunique()} classes are left, such as female_" in sentence


def test_one_huge_speaker_is_trained_on_and_it_is_said():
    clips = corpus({"female_30": [200, 8, 8, 8, 8], "male_30": [8] * 5})
    table = race_split(clips, seed=3)
    assert table.loc[table["speaker"] == "female_30_s0", "split"].ne("strangers").all()
    assert describe_race_split(clips, table) == ["93% of the training clips of female_30 are by one speaker, female_30_s0."]


def test_a_class_without_neighbours_is_left_out_and_two_training_speakers_are_said():
    clips = corpus({"happy": [8] * 4, "sad": [8] * 3, "angry": [8] * 2})
    table = race_split(clips, seed=0)
    assert describe_race_split(clips, table) == [
        "16 clips of 1 class (angry) are left out: fewer than 3 speakers, and no neighbour in age to join.",
        "1 of 2 classes has 2 speakers in training instead of 3.",
    ]


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"female_30": [8], "male_30": [8]}, "0 of 2 have them, and 'female_30' has the most, 1"),  # two speakers
        ({"female_20": [8], "female_60": [8], "male_20": [8], "male_60": [8]}, "0 of 4 have them"),  # one a class
        ({"female_30": [8] * 6, "male_30": [8, 8]}, "1 of 2 have them, and 'female_30' has the most, 6"),
    ],
)
def test_a_corpus_of_few_people_has_no_test_of_strangers(sizes, message):
    with pytest.raises(SuiteError, match=message):
        race_split(corpus(sizes), seed=0)


def test_where_speakers_are_unknown_there_are_no_strangers():
    with pytest.raises(SuiteError, match=r"Nobody knows who speaks in 8 of the 240 clips"):
        race_split(VOICES.assign(speaker=VOICES["speaker"].where(VOICES["speaker"] != "female_18_s0", "")), seed=0)
