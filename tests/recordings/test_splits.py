from collections import Counter
from itertools import product

import numpy as np
import pandas as pd
import pytest
from conftest import run_cell
from hypothesis import example, given, settings
from hypothesis import strategies as st

from helpers.recordings.manifest import build_manifest
from helpers.recordings.splits import SPLITS, describe_split, leakage, merge_small_classes, split_clips


def random_split(clips, labels, *, seed=0):
    return split_clips(pd.DataFrame({"clip": clips, "label": labels}), method="random", seed=seed)


def speaker_split(clips, labels, speakers, *, seed=0):
    return split_clips(pd.DataFrame({"clip": clips, "label": labels, "speaker": speakers}), method="speaker", seed=seed)


class_sizes = st.lists(st.integers(3, 40), min_size=1, max_size=12)


def clips_and_labels(sizes):
    labels = [f"class_{number}" for number, size in enumerate(sizes) for _ in range(size)]
    return [f"clip_{number:04d}" for number in range(len(labels))], labels


@given(class_sizes, st.integers(0, 1000))
@example([3, 3, 10], 0)
@example([3] * 8 + [11], 0)
@settings(max_examples=60, deadline=None)
def test_every_class_has_clips_in_every_split_near_60_20_20(sizes, seed):
    clips, labels = clips_and_labels(sizes)
    counts = Counter(zip(labels, random_split(clips, labels, seed=seed), strict=True))
    for number, size in enumerate(sizes):
        for split, fraction in zip(SPLITS, (0.6, 0.2, 0.2), strict=True):
            count = counts[f"class_{number}", split]
            assert count >= 1
            assert abs(count - fraction * size) < (2 if split == "train" else 1)
        assert counts[f"class_{number}", "train"] > size / 2 or size < 5


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


# Speakers as unequal as in real corpora: most have a few clips, some have hundreds.
unequal_speakers = st.lists(
    st.lists(st.one_of(st.integers(1, 12), st.integers(1, 150)), min_size=3, max_size=12), min_size=1, max_size=6
)


def assigned(classes, seed):
    """One row a speaker: its label, number of clips, fraction of its class, and split."""
    clips, labels, speakers = clips_labels_and_speakers(classes)
    table = pd.DataFrame({"label": labels, "speaker": speakers, "split": speaker_split(clips, labels, speakers, seed=seed)})
    table = table.groupby(["label", "speaker"], as_index=False).agg(clips=("split", "size"), split=("split", "first"))
    return table.assign(fraction=table["clips"] / table.groupby("label")["clips"].transform("sum"))


def fractions_of(table):
    """One row a class, one column a split."""
    return table.pivot_table(index="label", columns="split", values="fraction", aggfunc="sum", fill_value=0)[list(SPLITS)]


@given(unequal_speakers, st.integers(0, 1000))
@settings(max_examples=60, deadline=None)
def test_every_class_keeps_most_of_its_clips_in_training(classes, seed):
    fractions = fractions_of(assigned(classes, seed))
    assert (fractions > 0).all(axis=None)
    for number, speakers in enumerate(classes):
        train, validation, test = fractions.loc[f"class_{number}"]
        one_each = len(speakers) == 3 or (len(speakers) == 4 and len(set(speakers)) == 1)
        assert train >= max(validation, test) - 1e-9 and (train > 0.5 or one_each)


@given(unequal_speakers, st.integers(0, 1000))
@settings(max_examples=60, deadline=None)
def test_a_speaker_with_more_than_a_quarter_of_a_class_stays_in_training(classes, seed):
    for _, table in assigned(classes, seed).groupby("label"):
        large = table[table["fraction"] > 0.25].sort_values("clips", ascending=False)
        in_training = large["split"] == "train"
        assert in_training.sum() == min(len(large), len(table) - 2)  # two are needed for validation and test
        assert large.loc[in_training, "clips"].min() >= large.loc[~in_training, "clips"].max() or in_training.all() or large.empty


@given(st.lists(st.lists(st.integers(1, 40), min_size=3, max_size=8), min_size=1, max_size=3), st.integers(0, 1000))
@settings(max_examples=10, deadline=None)
def test_all_others_take_their_turn_in_the_test(classes, seed):
    tables = [assigned(classes, number) for number in range(seed, seed + 2 * max(map(len, classes)))]
    tested = set().union(*(table.loc[table["split"] == "test", "speaker"] for table in tables))
    assert set(tables[0].loc[tables[0]["fraction"] <= 0.25, "speaker"]) <= tested


def test_equal_speakers_of_a_class_of_three_take_turns_in_every_split():
    tables = [assigned([[8, 8, 8]] * 4, seed) for seed in range(12)]
    assert {tuple(fractions_of(table).round(3).to_numpy().flat) for table in tables} == {(0.333,) * 12}
    for speaker in tables[0]["speaker"]:
        assert {table.set_index("speaker")["split"][speaker] for table in tables} == set(SPLITS)
    assert len({tuple(table["split"]) for table in tables}) == 12  # no two seeds have the same split


@given(st.lists(st.one_of(st.integers(1, 12), st.integers(1, 150)), min_size=3, max_size=7), st.integers(0, 1000))
@settings(max_examples=25, deadline=None)
def test_no_other_choice_of_speakers_comes_much_nearer(sizes, seed):
    sizes = np.array(sizes)
    target = sizes.sum() * np.array([0.6, 0.2, 0.2])
    first = seed - seed % len(sizes)
    tables = [assigned([sizes.tolist()], number) for number in range(first, first + len(sizes))]
    found = min(np.abs(table.groupby("split")["clips"].sum()[list(SPLITS)] - target).max() for table in tables)
    always = (sizes * 4 > sizes.sum()) & np.all([table["split"] == "train" for table in tables], axis=0)
    choices = np.array(list(product(range(3), repeat=len(sizes))))
    choices = choices[(choices[:, always] == 0).all(axis=1)]
    held = np.stack([(choices == split) @ sizes for split in range(3)], axis=1)
    held = held[(held > 0).all(axis=1)]
    assert found <= np.abs(held - target).max(axis=1).min() + 0.05 * sizes.sum()


@pytest.mark.parametrize("seed", range(5))
def test_one_speaker_with_half_of_all_clips_is_trained_on(seed):
    table = assigned([[1000, *[20] * 10], [20] * 40], seed)
    fractions = fractions_of(table)
    assert table.loc[table["clips"] == 1000, "split"].item() == "train"
    assert fractions.loc["class_0"].tolist() == pytest.approx([1000 / 1200, 100 / 1200, 100 / 1200])
    assert 0.5 < fractions.loc["class_1", "train"] < 0.6  # which brings the clips as a whole nearer to 60%


@pytest.mark.parametrize("seed", range(5))
def test_the_largest_speakers_are_trained_on_and_the_rest_is_shared(seed):
    table = assigned([[300, 20, 20, 20, 20, 20], [200, 20, 20, 20, 20, 20]], seed)
    assert (table.loc[table["clips"] > 20, "split"] == "train").all()
    assert fractions_of(table).loc["class_0"].tolist() == pytest.approx([0.75 + 0.05, 0.1, 0.1], abs=0.051)
    assert table.groupby("split")["clips"].sum()["train"] / 700 == pytest.approx(0.75, abs=0.04)


def test_two_thousand_speakers_of_one_clip():
    labels = [f"class_{number % 7}" for number in range(2000)]
    names = [f"{number:04d}" for number in range(2000)]
    split = speaker_split(names, labels, names)
    assert [Counter(split)[name] for name in SPLITS] == [1200, 400, 400]
    both = speaker_split([*names, *map("x{}".format, range(2000))], [*labels, *["class_0"] * 2000], [*names, *["large"] * 2000])
    assert set(both[2000:]) == {"train"}
    counts = Counter(zip(labels, both, strict=False))
    assert counts["class_0", "validation"] > 100 and counts["class_0", "test"] > 100


@pytest.mark.parametrize("seed", range(5))
def test_speakers_who_all_speak_all_classes(seed):
    rows = [(str(speaker), emotion) for speaker in range(24) for emotion in ("angry", "happy", "sad") for _ in range(8)]
    speakers, labels = zip(*rows, strict=True)
    split = speaker_split([f"{number:03d}" for number in range(len(rows))], labels, speakers, seed=seed)
    table = pd.DataFrame({"label": labels, "split": split})
    fractions = pd.crosstab(table["label"], table["split"], normalize="index")[list(SPLITS)].to_numpy()
    assert np.abs(fractions - [0.6, 0.2, 0.2]).max() < 1 / 24


def test_a_large_speaker_does_not_take_the_others_of_its_classes_away():
    # Each of three speakers has most of one class: all three in training would leave nobody to test.
    rows = [(speaker, label) for label in "abc" for speaker in "abc" for _ in range(60 if speaker == label else 20)]
    speakers, labels = zip(*rows, strict=True)
    split = speaker_split([f"{number:03d}" for number in range(len(rows))], labels, speakers)
    assert set(split) == set(SPLITS)


@pytest.mark.parametrize("kind", ["gender", "decade"])
def test_baved_by_speaker(baved, artifacts, kind, capsys):
    manifest, _ = build_manifest("baved", baved, artifacts, seed=0, labels=kind, split_method="speaker")
    said = capsys.readouterr().out
    assert "speakers have more than a quarter of the clips of a class and stay in training: 56 (" in said
    for seed in range(10):
        split = pd.Series(split_clips(manifest, method="speaker", seed=seed))
        assert 0.55 <= (split == "train").mean() <= 0.77
        assert set(split[manifest["speaker"] == "56"]) == {"train"}
        assert {*zip(manifest["label"], split, strict=True)} == {*product(manifest["label"].unique(), SPLITS)}


def test_the_split_is_described_where_it_is_far_from_60_20_20():
    def described(classes):
        clips, labels, speakers = clips_labels_and_speakers(classes)
        table = pd.DataFrame({"clip": clips, "label": labels, "speaker": speakers})
        return describe_split(table.assign(split=split_clips(table, method="speaker", seed=0)), method="speaker")

    assert described([[10] * 10, [10] * 20]) == []
    assert described([[31, *[3] * 23], [10] * 10]) == ["Speaker speaker_0_0 has 31% of the clips of class_0 and stays in training."]
    assert described([[40, 30, 30]]) == [
        "Speaker speaker_0_0 has 40% of the clips of class_0 and stays in training.",
        "The split is 40/30/30% of the clips instead of 60/20/20: whole speakers can't be divided more evenly.",
        "1 of 1 classes is more than 5 points away from 60/20/20: class_0 (40/30/30%).",
    ]
    assert described([[10, 10, 10]] * 5 + [[10] * 200]) == [
        "5 of 6 classes are more than 5 points away from 60/20/20: class_0 (33/33/33%), class_1 (33/33/33%), class_2 (33/33/33%) "
        "and 2 more."
    ]
    kept = described([[9, 1, 1]] * 4 + [[10] * 100])
    assert kept[0] == (
        "4 speakers have more than a quarter of the clips of a class and stay in training: speaker_0_0 (82% of class_0), "
        "speaker_1_0 (82% of class_1), speaker_2_0 (82% of class_2) and 1 more."
    )
    clips, labels = clips_and_labels([3, 30])
    table = pd.DataFrame({"label": labels, "speaker": "", "split": random_split(clips, labels)})
    assert describe_split(table, method="random") == [
        "1 of 2 classes is more than 5 points away from 60/20/20: class_0 (33/33/33%)."
    ]


def test_notebook_1_prints_it(corpus, artifacts, capsys):
    build_manifest("folder", corpus, artifacts, seed=0)  # six clips a class
    said = capsys.readouterr().out
    assert "The split is 67/17/17% of the clips instead of 60/20/20: whole clips can't be divided more evenly." in said


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


def test_the_report_counts_speakers_and_leakage_counts_clips(capsys):
    manifest = manifest_of(
        [
            ("a", "1", "train"), ("a", "1", "train"), ("a", "2", "train"), ("a", "1", "test"), ("a", "3", "test"),
            ("b", "4", "train"), ("b", "4", "validation"), ("b", "4", "test"), ("b", "", "test"), ("c", "", "test"),
        ]
    )  # fmt: skip
    known = {"sets": list(SPLITS), "np": np, "leakage": leakage}
    counted = run_cell("01-33", manifest=manifest, **known)
    assert counted["heard"] == pytest.approx(2 / 3) and "67% of the test clips" in capsys.readouterr().out
    assert run_cell("01-80", **counted)["report"].to_dict("index") == {
        "a": {"train": 2, "validation": 0, "test": 2, "all": 3},
        "b": {"train": 1, "validation": 1, "test": 1, "all": 1},
        "c": {"train": 0, "validation": 0, "test": 0, "all": 0},
    }
    unknown = run_cell("01-33", manifest=manifest.assign(speaker=""), **known)
    assert "nobody can tell" in capsys.readouterr().out
    assert not run_cell("01-80", **unknown)["report"].any(axis=None)
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
