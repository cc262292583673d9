import html
import re

import nbconvert
import numpy as np
import pandas as pd
import pytest
from conftest import TINY

from helpers.base.artifacts import write_table
from helpers.comparison.baselines import mfcc_table, train_baseline
from helpers.comparison.model_card import NOT_FOR, _start, group_scores, markdown_table, verbatim, write_model_card
from helpers.comparison.race import comparison_table
from helpers.evaluation.scores import predictions_table, read_classes
from helpers.network.run import read_run
from helpers.spectrograms.voice import pitch_table


@pytest.fixture
def trained(manifest, artifacts):
    """A card needs a run and the comparison's table; the SVM is a quick one."""
    from dataclasses import replace

    table = manifest.assign(speaker=manifest["label"] + "_" + (manifest.groupby("label").cumcount() % 3).astype(str))
    write_table(artifacts.manifest, table)
    profile = replace(TINY)
    object.__setattr__(profile, "network", "svm")  # stands in for a network, past the check that a profile makes
    given = {"features": mfcc_table(table, artifacts, sample_rate=16_000), "pitch": pitch_table(table, artifacts)}
    train_baseline("svm", table, artifacts, **given, profile=profile)
    comparison_table(artifacts, profile=profile)
    return table, profile


def test_the_groups_add_up_to_the_test_clips(trained, artifacts):
    manifest, _ = trained
    _, metrics, predictions = read_run(artifacts, "svm")
    test = predictions[predictions["split"] == "test"].reset_index(drop=True)
    groups = group_scores(test, manifest, read_classes(artifacts))
    assert list(groups.index) == ["gender female", "gender male", "age 20-39", "age 40-59", "age 60-79"]
    for kind in ("gender", "age"):
        rows = groups.filter(like=kind, axis="index")
        assert rows["clips"].sum() == len(test)
        assert (rows["accuracy"] * rows["clips"]).sum() / len(test) == pytest.approx(metrics["test"]["accuracy"])
        assert (rows["age_mae_years"] * rows["clips"]).sum() / len(test) == pytest.approx(
            metrics["test"]["age_mae_years"], abs=1e-3
        )
    nobody = manifest.assign(gender="", age=None, speaker="")
    assert group_scores(test, nobody, read_classes(artifacts)).empty


def test_the_card_says_what_the_tables_say_and_links_the_page(trained, artifacts, monkeypatch):
    from helpers.comparison import model_card

    _, profile = trained
    run, metrics, _ = read_run(artifacts, "svm")
    facts = {"best_epoch": 1, "settings": run["settings"] | {"epochs": 1}}
    monkeypatch.setattr(model_card, "read_run", lambda *_: (run | facts, *read_run(artifacts, "svm")[1:]))
    card = write_model_card(artifacts, profile=profile)
    assert artifacts.model_card.read_text() == card
    assert re.search(rf"\| accuracy \| {metrics['test']['accuracy']:.3f}".rstrip("0").rstrip("."), card)
    for part in (
        "gender female",
        "tensorflow",
        "seed 0",
        "18 clips of 9 speakers",
        "Labels: exact",
        "heard in training",
        "resampled by speaker, too",
    ):
        assert part in card, part
    assert "synthetic" not in card and str(artifacts.folder) not in card
    for link in re.findall(r"\]\(([\w.]+)\)", card):
        assert (artifacts.folder / link).read_text() == NOT_FOR.read_text()


@pytest.mark.parametrize("tests", [["known", "strangers"], ["known"]])
def test_the_card_says_what_the_race_asked_who_converged_and_where_strangers_lack(trained, artifacts, monkeypatch, tests):
    from helpers.comparison import model_card

    _, profile = trained
    rows = [
        {"model": name, "asked_about": test, "clips": 3, "speakers": 2, "accuracy": 0.5, "converged": converged, "reason": ""}
        for test in tests
        for name, converged in (("small_resnet", True), ("plain_cnn", False), ("no_audio", None))
    ]
    failed = {"model": "vgg16", "asked_about": "known", "reason": "the memory ran out"}
    write_table(artifacts.comparison, pd.DataFrame([*rows, failed]))
    run, *more = read_run(artifacts, "svm")
    facts = {"best_epoch": 1, "settings": run["settings"] | {"epochs": 1}}
    monkeypatch.setattr(model_card, "read_run", lambda *_: (run | facts, *more))
    card = write_model_card(artifacts, profile=profile)
    table = re.findall(r"^\| (\w+) \| (known|strangers) \| 3 \| 2 \| 0\.500 .* \| (\w*) \|$", card, flags=re.MULTILINE)
    assert table == [
        (name, test, said) for test in tests for name, said in (("small_resnet", "yes"), ("plain_cnn", "no"), ("no_audio", ""))
    ]
    assert f"for {profile.compare_epochs} epochs" in card and "the median age" in card and "vgg16" not in card
    assert ("**Here there is no test of strangers**" in card) == (tests == ["known"])


def test_the_groups_are_resampled_by_speaker_and_one_speaker_has_no_interval():
    classes = ["female_20", "male_60"]
    names = [*(f"w{n}" for n in range(10)), "m0"]
    manifest = pd.DataFrame({"speaker": np.repeat(names, 20)})
    manifest = manifest.assign(clip=[f"c{n}" for n in manifest.index], split="test", age=None, age_range="")
    manifest["label"] = np.where(manifest["speaker"] == "m0", "male_60", "female_20")
    manifest["gender"] = manifest["label"].str.partition("_")[0]
    right = manifest["speaker"].isin(["w0", "w2", "w4", "w6", "w8"])  # all clips of half of the women, and none of the others
    women = ((manifest["gender"] == "female") == right).to_numpy(float)
    test = predictions_table(manifest, np.column_stack([0.2 + 0.6 * women, 0.8 - 0.6 * women]), classes)
    groups = group_scores(test, manifest, classes)
    assert groups["speakers"].to_dict() == {"gender female": 10, "gender male": 1}
    assert groups.loc["gender female", "high"] - groups.loc["gender female", "low"] > 0.5  # by clip it would be 0.14
    assert groups.loc["gender male", ["low", "high"]].isna().all()
    unknown = group_scores(test, manifest.assign(speaker=""), classes)
    assert unknown["speakers"].isna().all() and unknown.loc["gender female", "high"] < 0.6


@pytest.mark.parametrize(
    "name", ["$5_$10", "<script>alert(1)</script>", "*a* _b_ [c](d)", "a`b", "`a``", "two\nlines", "a|b", "&amp;", "# head"]
)
def test_a_class_name_is_shown_as_it_is(name):
    text = f"| {verbatim(name)} |\n|---|\n"
    page = nbconvert.filters.markdown2html(text)
    shown = re.search("<code>(.*?)</code>", page, flags=re.DOTALL)[1]
    assert html.unescape(shown) == name.replace("\n", " ") and "<script" not in page and page.count("<th") == 2


def test_markup_in_a_table_is_text():
    assert "&lt;b&gt; two" in markdown_table(pd.DataFrame({"a": ["<b>\ntwo"]}))


def test_scores_of_a_table_have_three_digits_each_and_counts_none():
    table = pd.DataFrame({"speakers": [10, np.nan], "age_mae_years": [2.0, 1.25], "high": [1.0, 0.0]}, index=["a", "b"])
    lines = markdown_table(table.rename_axis("group")).split("\n")
    assert lines[0] == "| group | speakers | age error (years) | high |"
    assert lines[2:] == ["| a | 10 | 2.000 | 1.000 |", "| b |  | 1.250 | 0.000 |"]


def test_a_bar_in_a_name_stays_in_its_cell():
    table = pd.DataFrame({"a|b": ["x|y|z"], "f1": [0.81254]}, index=pd.Index(["svm"], name="model"))
    lines = markdown_table(table).split("\n")
    assert lines == [r"| model | a\|b | f1 |", "|---|---|---|", r"| svm | x\|y\|z | 0.813 |"]


@pytest.mark.parametrize(
    ("run", "words"),
    [
        ({"settings": {"weights": "imagenet"}}, "ImageNet"),
        ({"settings": {"weights": "none"}}, "random"),
        ({"settings": {"weights": "voices"}, "start": ""}, "random"),
        ({"settings": {"weights": "voices"}, "start": "1f"}, "the synthetic voices'"),
        ({"settings": {"weights": "file"}, "start": "1f", "weights_file": {"name": "mine.h5"}}, "mine.h5"),
    ],
)
def test_the_card_says_where_the_network_started(run, words):
    assert words in _start(run)
