from collections import Counter

import numpy as np
import pandas as pd
import pytest
from conftest import run_cell
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.recordings.splits import SPLITS, leakage, merge_small_classes, split_clips


def random_split(clips, labels, *, seed=0):
    return split_clips(pd.DataFrame({"clip": clips, "label": labels}), method="random", seed=seed)


def speaker_split(clips, labels, speakers, *, seed=0):
    return split_clips(pd.DataFrame({"clip": clips, "label": labels, "speaker": speakers}), method="speaker", seed=seed)


class_sizes = st.lists(st.integers(3, 40), min_size=1, max_size=12)


def clips_and_labels(sizes):
    labels = [f"class_{number}" for number, size in enumerate(sizes) for _ in range(size)]
    return [f"clip_{number:04d}" for number in range(len(labels))], labels


@given(class_sizes, st.integers(0, 1000))
@settings(max_examples=60, deadline=None)
def test_every_class_has_clips_in_every_split_near_60_20_20(sizes, seed):
    clips, labels = clips_and_labels(sizes)
    counts = Counter(zip(labels, random_split(clips, labels, seed=seed), strict=True))
    for number, size in enumerate(sizes):
        for split, fraction in zip(SPLITS, (0.6, 0.2, 0.2), strict=True):
            count = counts[f"class_{number}", split]
            assert count >= 1
            assert abs(count - fraction * size) < (2 if split == "train" else 1)


@given(class_sizes, st.integers(0, 1000), st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_the_order_of_the_files_does_not_matter(sizes, seed, random):
    clips, labels = clips_and_labels(sizes)
    split = dict(zip(clips, random_split(clips, labels, seed=seed), strict=True))
    shuffled = list(zip(clips, labels, strict=True))
    random.shuffle(shuffled)
    names, classes = zip(*shuffled, strict=True)
    assert dict(zip(names, random_split(list(names), list(classes), seed=seed), strict=True)) == split


def test_the_studys_counts():
    sizes = [215] * 34 + [214] * 5  # 8380 clips in 39 categories
    clips, labels = clips_and_labels(sizes)
    counts = Counter(random_split(clips, labels))
    assert [counts[split] for split in SPLITS] == [5028, 1676, 1676]


def test_another_seed_splits_otherwise():
    clips, labels = clips_and_labels([20, 20])
    assert random_split(clips, labels, seed=0) != random_split(clips, labels, seed=1)


def test_a_class_too_small_to_split_is_refused():
    with pytest.raises(ValueError, match="needs 3 clips, but 'b' has fewer"):
        random_split(["1", "2", "3", "4", "5"], ["a", "a", "a", "b", "b"])


def test_no_clips_give_no_splits():
    assert random_split([], []) == [] and np.size(random_split([], [])) == 0


# For each class, the number of clips of each of its speakers.
speakers_of_classes = st.lists(st.lists(st.integers(1, 12), min_size=3, max_size=12), min_size=1, max_size=8)


def clips_labels_and_speakers(classes):
    rows = [
        (f"class_{number}", f"speaker_{number}_{speaker}")
        for number, speakers in enumerate(classes)
        for speaker, clips in enumerate(speakers)
        for _ in range(clips)
    ]
    return [f"clip_{number:04d}" for number in range(len(rows))], [label for label, _ in rows], [speaker for _, speaker in rows]


@given(speakers_of_classes, st.integers(0, 1000))
@settings(max_examples=100, deadline=None)
def test_no_speaker_is_in_two_splits_and_every_class_in_all(classes, seed):
    clips, labels, speakers = clips_labels_and_speakers(classes)
    split = speaker_split(clips, labels, speakers, seed=seed)
    assert len(split) == len(clips) and set(split) <= set(SPLITS)
    places = pd.DataFrame({"label": labels, "speaker": speakers, "split": split})
    assert places.groupby("speaker")["split"].nunique().max() == 1
    assert (places.groupby("label")["split"].nunique() == 3).all()


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 30)), min_size=1, max_size=300), st.integers(0, 1000))
@settings(max_examples=100, deadline=None)
def test_speakers_with_several_labels_stay_in_one_split(rows, seed):
    table = pd.DataFrame(rows, columns=["label", "speaker"]).astype(str)
    table = table[table.groupby("label")["speaker"].transform("nunique") >= 3]
    clips = [f"clip_{number}" for number in range(len(table))]
    split = speaker_split(clips, table["label"].tolist(), table["speaker"].tolist(), seed=seed)
    assert table.assign(split=split).groupby("speaker")["split"].nunique().max() == 1 or table.empty


@given(speakers_of_classes, st.integers(0, 1000), st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_the_order_of_the_files_does_not_matter_for_speakers(classes, seed, random):
    rows = list(zip(*clips_labels_and_speakers(classes), strict=True))
    split = dict(zip([row[0] for row in rows], speaker_split(*map(list, zip(*rows, strict=True)), seed=seed), strict=True))
    random.shuffle(rows)
    again = speaker_split(*map(list, zip(*rows, strict=True)), seed=seed)
    assert dict(zip([row[0] for row in rows], again, strict=True)) == split


def test_whole_speakers_come_near_60_20_20():
    clips, labels, speakers = clips_labels_and_speakers([[10] * 20, [10] * 25])
    counts = Counter(speaker_split(clips, labels, speakers))
    assert [counts[split] for split in SPLITS] == [270, 90, 90]


def test_a_class_with_two_speakers_is_refused():
    clips, labels, speakers = clips_labels_and_speakers([[5, 5, 5], [5, 5]])
    with pytest.raises(ValueError, match="needs 3 speakers, but 'class_1' has fewer"):
        speaker_split(clips, labels, speakers)


def manifest_of(rows):
    return pd.DataFrame(rows, columns=["label", "speaker", "split"])


def test_the_report_counts_speakers_and_leakage_counts_clips():
    manifest = manifest_of(
        [
            ("a", "1", "train"), ("a", "1", "train"), ("a", "2", "train"), ("a", "1", "test"), ("a", "3", "test"),
            ("b", "4", "train"), ("b", "4", "validation"), ("b", "4", "test"), ("b", "", "test"), ("c", "", "test"),
        ]
    )  # fmt: skip
    assert run_cell("01-33", manifest=manifest, sets=list(SPLITS))["report"].to_dict("index") == {
        "a": {"train": 2, "validation": 0, "test": 2, "all": 3},
        "b": {"train": 1, "validation": 1, "test": 1, "all": 1},
        "c": {"train": 0, "validation": 0, "test": 0, "all": 0},
    }
    assert not run_cell("01-33", manifest=manifest.assign(speaker=""), sets=list(SPLITS))["report"].any(axis=None)
    assert leakage(manifest) == pytest.approx(2 / 3)
    assert np.isnan(leakage(manifest.assign(speaker="")))


@given(speakers_of_classes, st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_a_speaker_split_leaks_nothing(classes, seed):
    clips, labels, speakers = clips_labels_and_speakers(classes)
    split = speaker_split(clips, labels, speakers, seed=seed)
    assert leakage(pd.DataFrame({"label": labels, "speaker": speakers, "split": split})) == 0


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({"female_23": 1, "female_25": 5, "female_40": 5}, {"female_23-25", "female_40"}),
        ({"female_23": 1, "female_27": 1, "female_31": 1, "male_24": 4}, {"female_23-31", "male_24"}),
        ({"female_20s": 2, "female_30s": 3, "male_30s": 3}, {"female_20-39", "male_30s"}),
        ({"age_13-19": 1, "age_20-39": 9}, {"age_13-39"}),
        ({"female_20": 1, "female_80": 9}, {"female_20", "female_80"}),
        ({"female": 1, "male": 9, "happy": 1}, {"female", "male", "happy"}),
    ],
)
def test_small_classes_join_their_neighbour_in_age(counts, expected):
    labels = pd.Series([label for label, count in counts.items() for _ in range(count)])
    assert set(merge_small_classes(labels, pd.Series(range(len(labels))))) == expected
