from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.splits import SPLITS, random_split

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
        for split, share in zip(SPLITS, (0.6, 0.2, 0.2), strict=True):
            count = counts[f"class_{number}", split]
            assert count >= 1
            assert abs(count - share * size) < (2 if split == "train" else 1)


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
