"""The split of the race: who is trained on, which sentences are tested, who is a stranger, and what a corpus cannot give."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.base.artifacts import SuiteError
from helpers.recordings.labels import label_span
from helpers.recordings.race_split import describe_race_split, race_split
from helpers.recordings.speakers import crema_d_speakers
from helpers.recordings.splits import WIDEST


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


@pytest.mark.parametrize(("sentences", "shares"), [(6, (3, 1, 2)), (12, (6, 2, 4)), (60, (30, 10, 20)), (2, (1, 0.5, 0.5))])
def test_a_speaker_is_half_trained_on_a_sixth_validates_and_a_third_is_tested(sentences, shares):
    table = race_split(corpus({"female_30": [sentences] * 6, "male_30": [sentences] * 6}), seed=1)
    heard = pd.crosstab(table["speaker"], table["split"]).query("strangers == 0")
    assert len(heard) == 8  # three fifths of six, rounded to four, in each class
    assert heard[["train", "validation", "known"]].mean().tolist() == [*shares]
    assert sentences == 2 or (heard.nunique() == 1).all()  # the same for each speaker; of two sentences, in turn


@given(seed=st.integers(0, 10_000), sentences=st.booleans(), most=st.sampled_from([3, 8, 20]))
@settings(max_examples=80, deadline=None)
def test_every_corpus_that_can_be_split_is_split_by_the_rules(seed, sentences, most):
    rng = np.random.default_rng(seed)
    ages = rng.choice(range(15, 80), size=rng.integers(2, 9), replace=False)
    labels = [f"{rng.choice(['female', 'male'])}_{age}" for age in ages]
    clips = corpus({label: rng.integers(1, 30, size=rng.integers(1, most)).tolist() for label in labels}, sentences=sentences)
    clips["sentence"] = clips["sentence"].str[-1:]  # of ten sentences, some are said twice or more
    try:
        table = race_split(clips, seed=seed)
    except SuiteError:
        # Then the corpus, as it is, has at most one class of three speakers.
        assert (clips.groupby("label")["speaker"].nunique() >= 3).sum() < 2
        return
    people = table.groupby(["label", "split"])["speaker"].nunique().unstack(fill_value=0)
    whole = table.groupby("label")["speaker"].nunique()
    assert len(whole) >= 2 and (people["strangers"] >= 1).all() and (people["train"] == whole - people["strangers"]).all()
    assert (people["train"] >= np.where(whole > 3, 3, 2)).all() and (people["train"] <= np.maximum(0.6 * whole + 0.5, 3)).all()
    strangers = set(table.loc[table["split"] == "strangers", "speaker"])
    assert not strangers & set(table.loc[table["split"] != "strangers", "speaker"])
    if sentences:
        assert (table.groupby(["speaker", "sentence"])["split"].nunique() == 1).all()
    # No clip is lost, but those of classes of one or two speakers without a neighbour; each label holds the one before.
    before = table["clip"].map(clips.set_index("clip")["label"])
    for was, now in {*zip(before, table["label"], strict=True)}:
        (low, high), (age, _) = label_span(now), label_span(was)
        assert low <= age <= high and now.split("_")[0] == was.split("_")[0]
    gone = clips[~clips["clip"].isin(table["clip"])]
    assert (gone.groupby("label")["speaker"].nunique() < 3).all()
    for label in gone["label"].unique():
        same = [label_span(other) for other in whole.index if other.split("_")[0] == label.split("_")[0]]
        age, _ = label_span(label)
        assert all(max(low - age, age - high) > WIDEST for low, high in same)
    shuffled = clips.sample(frac=1, random_state=seed).reset_index(drop=True)
    again = race_split(shuffled, seed=seed).set_index("clip").loc[table["clip"]]
    assert again["split"].tolist() == table["split"].tolist() and again["label"].tolist() == table["label"].tolist()


def test_another_seed_draws_other_strangers_and_other_sentences():
    splits = [race_split(VOICES, seed=seed)["split"] for seed in (0, 1)]
    strangers = [set(VOICES["speaker"][split == "strangers"]) for split in splits]
    assert strangers[0] != strangers[1] and len(strangers[0]) == len(strangers[1]) == 12
    both = (splits[0] != "strangers") & (splits[1] != "strangers")
    assert (splits[0] != splits[1])[both].any() and race_split(VOICES, seed=0)["split"].equals(splits[0])


def test_crema_d_has_33_classes_of_one_actor_and_they_are_joined():
    actors = [(actor, f"{gender}_{age}") for actor, (gender, age) in crema_d_speakers(None).items()]
    takes = [
        (f"{actor}_{sentence:02d}_{take}", label, actor, f"{sentence:02d}")
        for actor, label in actors
        for sentence in range(12)
        for take in "ab"
    ]
    clips = pd.DataFrame(takes, columns=["clip", "label", "speaker", "sentence"])
    table = race_split(clips, seed=0)
    sentence, *others = describe_race_split(clips, table)
    assert sentence.startswith(
        "53 of 56 classes have fewer than 4 speakers (33 have a single one), so neighbours in age were joined"
    )
    assert others == [] and len(table) == len(clips) == 91 * 24
    people = table.groupby(["label", "split"])["speaker"].nunique().unstack(fill_value=0)
    assert people["train"].min() >= 3 and people["strangers"].min() >= 1
    assert table["split"].value_counts(normalize=True)["train"] > 0.25


def test_classes_of_few_speakers_are_joined_and_it_is_said_with_numbers():
    # As CREMA-D has it: most ages have a single actor.
    clips = corpus({f"female_{age}": [12] for age in range(20, 40)} | {f"male_{age}": [12, 12] for age in range(20, 30)})
    table = race_split(clips, seed=0)
    assert (table.groupby("label")["speaker"].nunique() >= 4).all()
    (sentence,) = describe_race_split(clips, table)
    assert sentence.startswith("30 of 30 classes have fewer than 4 speakers (20 have a single one), so neighbours in age were")
    assert f"; {table['label'].nunique()} classes are left, such as female_" in sentence


def test_two_classes_are_not_joined_into_one():
    clips = corpus({"male_25": [8] * 3, "male_27": [8] * 7})
    table = race_split(clips, seed=0)
    assert table.groupby("label")["speaker"].nunique().to_dict() == {"male_25": 3, "male_27": 7}
    assert describe_race_split(clips, table) == ["1 of 2 classes has 2 speakers in training instead of 3."]


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
