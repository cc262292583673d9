"""Published runs: what is kept of them, whether it fits together, and the tables that are made of them."""

import json
import re
import shutil
import zipfile

import nbformat
import numpy as np
import pandas as pd
import pytest
from conftest import write_corpus
from nbformat.v4 import new_markdown_cell, new_notebook

from helpers.base import machine
from helpers.base.archive import READY
from helpers.base.artifacts import Artifacts, RunFiles, SuiteError, read_json, write_json, write_table
from helpers.base.device import FEWEST_CLIPS
from helpers.base.settings import describe
from helpers.comparison import race
from helpers.evaluation.scores import predictions_table, read_predictions, score
from helpers.suite import published, result_tables, results, run_tables

CLASSES = ["female_20", "male_60"]
FILES = ["history.csv", "metrics.json", "predictions.csv", "run.json"]


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """Two published runs of ten test clips: seven and four of them are right."""
    runs = {"one": published.Published("emodb", published.LETTER, "network=mobilenet epochs=2"),
            "other": published.Published("emodb", "from random weights", "network=mobilenet epochs=2 weights=none")}  # fmt: skip
    everywhere(monkeypatch, RUNS=runs, PUBLISHED=tmp_path / "results")
    questions = dict.fromkeys(("Did it help?", "And this?", "And these?", "Or that?"), (("one", "third"),))
    questions |= {"Did it help?": (("one", "other"),), "Or that?": (("other", "one"),)}
    monkeypatch.setattr(run_tables, "QUESTIONS", questions)
    pages(monkeypatch, tmp_path)
    for name, right in (("one", 7), ("other", 4)):
        write_run(tmp_path / "results" / name, name, right)
    return tmp_path / "results"


def everywhere(monkeypatch, **values):
    """Set constants of published runs in each module that has them."""
    for module in (published, result_tables, run_tables, results):
        for name, value in values.items():
            if hasattr(module, name):
                monkeypatch.setattr(module, name, value)


def pages(monkeypatch, folder):
    """A README, a page and a notebook with marks for the tables."""
    readme, page, notebook = result_pages = [folder / name for name in ("README.md", "results.md", "3.ipynb")]
    monkeypatch.setattr(result_tables, "PAGES", result_pages)
    readme.write_text("no table\n")
    page.write_text("<!-- runs -->\nold\n<!-- end -->\nbetween\n<!-- questions -->\n<!-- end -->\n")
    cells = [new_markdown_cell("before"), new_markdown_cell("<!-- letter -->\n<!-- end -->\n<!-- lesson -->\n<!-- end -->\nafter")]
    notebook.write_text(nbformat.writes(new_notebook(cells=cells)) + "\n")


def write_run(folder, name, right):
    files = RunFiles(folder)
    settings = describe(published.profile_of(published.RUNS[name]))
    file = {"weights_file": {"name": "mine.h5"}} if settings["weights"] == "imagenet" else {}
    settings["weights"] = "file" if file else settings["weights"]
    write_json(files.facts, {"classes": CLASSES, "settings": settings, "seconds": 600.0} | file)
    history = {"epoch": [1, 2], "loss": [1.0, 0.5], "accuracy": [0.5, 0.9], "validation_loss": [1.0, 0.9]}
    write_table(files.history, pd.DataFrame(history | {"validation_accuracy": [0.4, 0.6]}))
    splits = ["train"] * 40 + ["validation"] * 10 + ["test"] * 10
    manifest = pd.DataFrame({"clip": [f"c{n}" for n in range(60)], "split": splits, "label": (CLASSES * 30)})
    probabilities = np.tile([[0.9, 0.1], [0.1, 0.9]], (30, 1))
    probabilities[50 + right :] = probabilities[50 + right :, ::-1]
    write_table(files.predictions, predictions_table(manifest, probabilities, CLASSES))
    write_json(files.metrics, score(read_predictions(files.predictions, CLASSES), CLASSES))


def test_the_tables_are_made_from_the_runs(folder):
    assert results.main([]) == 0
    text = result_tables.PAGES[1].read_text()
    row = "| [one](results/one/run.json) | mobilenet | the recipe to the letter | 4 | 0.900, 0.600 | 1.000, 1.000"
    assert row in text
    assert "| Did it help? | one | other | 0.700, 0.400 | +0.300 (" in text and "third" not in text and "old" not in text
    assert result_tables.PAGES[0].read_text() == "no table\n"
    shown = nbformat.read(result_tables.PAGES[2], 4).cells[1].source
    assert "| `emodb`, `mobilenet`: the recipe to the letter | 40 | 4 | 1.000 | **0.700** (0.397 to 0.892) |" in shown
    assert "| Did it help? | one | other |" in shown and "Or that?" in text and "Or that?" not in shown
    assert "from random weights" in text and "from random weights" not in shown and shown.endswith("\nafter")


def test_a_difference_is_of_the_same_clips_and_no_interval_is_made_up():
    one, other = pd.Series([True] * 40 + [False] * 10), pd.Series([True] * 20 + [False] * 30)
    mean, low, high = run_tables.difference(one, other)
    assert mean == pytest.approx(0.4) and low == pytest.approx(0.26, abs=0.03) and high == pytest.approx(0.54, abs=0.03)
    assert run_tables.difference(one, one) == (0, 0, 0)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda files: files.history.unlink(), "history.csv"),
        (lambda files: write_table(files.history, pd.read_csv(files.history).head(1)), "history.csv has not the epochs"),
        (
            lambda files: write_json(files.metrics, json.loads(files.metrics.read_text()) | {"test": {}}),
            "metrics.json are not those",
        ),
        (lambda files: files.facts.write_text(files.facts.read_text().replace("mobilenet", "xception")), "of other settings"),
        (lambda files: files.facts.write_text(files.facts.read_text().replace('"file"', '"none"')), "of other settings"),
        (
            lambda files: files.facts.write_text(files.facts.read_text().replace('"mel_bins": 128', '"mel_bins": 96')),
            "of other settings",
        ),
        (lambda files: files.facts.write_text(files.facts.read_text().replace("male_60", "male_70")), "classes that are not those"),
    ],
)
def test_files_that_are_not_of_one_run_are_refused(folder, capsys, spoil, message):
    before = result_tables.PAGES[1].read_text()
    spoil(RunFiles(folder / "one"))
    assert results.main([]) == 1
    assert message in capsys.readouterr().err and result_tables.PAGES[1].read_text() == before


def test_the_published_runs_fit_their_tables():
    """Of the runs that are committed: each is one run, and the pages hold what they say."""
    for path in result_tables.PAGES:
        text = path.read_text("utf-8")
        assert result_tables.with_tables(path) == text and "<!-- end -->" in text, (
            f"run `make results`: {path.name} is of other runs"
        )
    runs = [*published.published(), published.SUITE_RUN, published.SYNTHETIC]
    assert {path.name for path in published.PUBLISHED.iterdir()} == {*runs, published.SUITE.name, published.BENCH.name}
    for name in runs:
        extra = [published.EMOTIONS, published.OTHER] if published.RUNS[name].other else []
        there = {path.name for path in (published.PUBLISHED / name).iterdir()} - {published.STATISTICS}
        assert sorted(there) == sorted(FILES + extra)


def test_auto_takes_the_studys_recipe_for_more_clips_than_quick_is_known_to_be_better_with():
    study, quick = (published.read_published(name)[2] for name in ("voices-mobilenet", "voices-small-resnet"))
    assert study["train"]["clips"] == quick["train"]["clips"] == FEWEST_CLIPS - 1
    assert quick["test"]["accuracy"] > study["test"]["accuracy"]


def test_the_ready_made_network_is_the_published_one():
    with zipfile.ZipFile(READY / "voices.zip") as packed:
        for name in ("predictions.csv", "metrics.json"):
            same = (published.PUBLISHED / published.SUITE_RUN / name).read_bytes()
            assert packed.read(f"models/small_resnet/{name}") == same, "publish the run that `make ready` packs"


def test_no_score_and_no_minutes_are_typed_by_hand():
    """Outside of the generated tables no page has a score of three digits; the README's minutes are those of the published run."""
    docs = list((machine.PROJECT / "docs").glob("*.md"))
    for path in (machine.PROJECT / "README.md", *docs):
        typed = re.sub(r"(?s)<!-- \w+ -->.*?<!-- end -->", "", path.read_text("utf-8"))
        assert not re.findall(r".*\b(?:0\.[1-9]\d\d|1\.000)\b.*", typed), path
    minutes = re.findall(
        r"notebooks/(\d\d_\w+)\.ipynb\) \|.*\| (under 1|\d+) min", (machine.PROJECT / "README.md").read_text("utf-8")
    )
    for name, said in minutes[1:]:
        assert said == ("under 1" if (took := published.read_suite()[1][name]) < 45 else f"{took / 60:.0f}"), name
    assert len(minutes) == 7


@pytest.fixture
def suite(monkeypatch, tmp_path):
    """What `make run` leaves: a network and two models of a race, of which one has not been asked about strangers."""
    run = published.Published("voices", "quick", "network=mobilenet epochs=2")
    everywhere(
        monkeypatch, RUNS={"voices-quick": run, "one": run}, PUBLISHED=tmp_path / "results", SUITE=tmp_path / "results" / "suite"
    )
    artifacts = Artifacts(tmp_path / "voices")
    folders = {name: artifacts.race_part().model(name) / "seed_0" for name in ("mobilenet", "svm")}
    write_run(artifacts.model("small_resnet"), "one", 6)
    for folder in folders.values():
        write_run(folder, "one", 8)
        for path in (RunFiles(folder).predictions, RunFiles(folder).metrics):
            path.write_text(path.read_text().replace('"test"', '"known"').replace(",test,", ",known,"))
    RunFiles(folders["svm"]).history.unlink()
    scores = {"accuracy": 0.8, "accuracy_low": 0.5, "accuracy_high": 0.9, "gender_accuracy": 1.0, "age_mae_years": 3.0}
    known = [scores | {"model": name, "asked_about": "known", "seeds": 1, "seconds": 9.0} for name in folders]
    known[0] |= {"epochs": 2.0, "converged": True}
    table = pd.DataFrame([*known, *({"model": name, "asked_about": "strangers", "reason": "none"} for name in folders)])
    write_table(artifacts.comparison, table)
    write_json(artifacts.seconds, {"03_train": 100.0, "05_compare": 50.0})
    monkeypatch.setattr(race, "models", lambda profile: list(folders))
    monkeypatch.setattr(race, "run_folders", lambda name, part, profile: [(folders[name], profile)])
    return artifacts


def test_a_run_of_the_suite_is_published_with_its_race(suite):
    results.publish_suite(suite)
    found, seconds = published.read_suite()
    assert found["model"].tolist() == ["mobilenet", "svm"] * 2 and seconds == {"03_train": 100.0, "05_compare": 50.0}
    assert result_tables.TABLES["race"]()[2:] == [
        "| mobilenet | 2, converged | 0.800 (0.500 to 0.900) |  | 1.000 | 3.0 |",
        "| svm |  | 0.800 (0.500 to 0.900) |  | 1.000 | 3.0 |",
    ]
    assert result_tables.TABLES["seconds"]()[2:] == ["| 03_train | 100 | 600 |", "| 05_compare | 50 | 9 |", "| all | 150 | 609 |"]


@pytest.mark.parametrize("name", ["metrics.json", "comparison.csv"])
def test_a_race_that_is_not_of_its_runs_is_refused(suite, name):
    results.publish_suite(suite)
    path = published.SUITE / name if name == "comparison.csv" else published.SUITE / "svm" / name
    path.write_text(path.read_text().replace("0.8", "0.7"))
    with pytest.raises(SuiteError, match="suite does not fit its run of"):
        published.read_suite()


def test_without_a_run_of_the_suite_a_sentence_says_what_is_missing(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("ARTIFACTS", str(tmp_path))
    assert results.main(["suite"]) == 1 and "seconds.json" in capsys.readouterr().err
    assert results.main(["bench"]) == 1 and "bench.json" in capsys.readouterr().err


def test_benchmarks_are_published_and_ratios_have_their_range(monkeypatch, tmp_path):
    everywhere(monkeypatch, BENCH=tmp_path / "published.json", PUBLISHED=tmp_path)
    pages(monkeypatch, tmp_path)
    figures = {"speed": {"clips": 3.5, "ratio": 2.0, "ratio_lowest": 1.5, "ratio_highest": 3.0}}
    scale = {"images_1000_ms": 2.5, "images_1000_main_mib": 300.4, "images_1000_worker_mib": 0.0, "train_epoch_1000_ms": 1.0}
    scale |= {"images_3000_ms": 3.6, "images_3000_main_mib": 302.4, "train_epoch_3000_ms": 7.2}
    write_json(tmp_path / "bench.json", figures | {"scale": scale})
    monkeypatch.setenv("ARTIFACTS", str(tmp_path))
    results_pages = result_tables.PAGES[1]
    results_pages.write_text("".join(f"<!-- {mark} -->\n<!-- end -->\n" for mark in ("bench", "scale", "million")))
    assert results.main(["bench"]) == 0
    text = results_pages.read_text()
    assert "| speed | clips | 3.5 |  |\n| speed | ratio | 2.0 | 1.5 to 3.0 |\n<!-- end -->" in text
    assert "| images | 1,000 | 2.50 | 300 |\n| images | 3,000 | 3.60 | 302 |\n| train_epoch | 1,000 | 1.00 |  |\n" in text
    assert "| images | 1.0 | 1.3 |\n| train_epoch | 2.0 |  |\n<!-- end -->" in text  # 302.4 MiB, and 1 more for every 1,000 clips


def test_an_unknown_run_is_named():
    with pytest.raises(SystemExit):
        results.main(["train", "emodb-lenet"])
    with pytest.raises(SystemExit):
        results.main(["train"])


@pytest.mark.slow
def test_a_run_is_trained_once_and_published(monkeypatch, tmp_path, capsys):
    write_corpus(tmp_path / "folder", clips=6)
    monkeypatch.setenv("SPEECH_DATA", str(tmp_path))
    monkeypatch.setenv("ARTIFACTS", str(tmp_path / "artifacts"))
    run = published.Published("folder", "tiny", "network=mobilenet weights=none epochs=1 image_size=32", clips=15)
    everywhere(monkeypatch, RUNS={"tiny": run}, PUBLISHED=tmp_path / "results")
    pages(monkeypatch, tmp_path)
    assert results.main(["train", "tiny"]) == 0
    assert sorted(path.name for path in (tmp_path / "results" / "tiny").iterdir()) == [*FILES, "statistics.json"]
    assert sorted(read_json(tmp_path / "results" / "tiny" / "statistics.json")) == ["test", "train", "validation"]
    assert (
        len(read_predictions(tmp_path / "results" / "tiny" / "predictions.csv", published.read_published("tiny")[0]["classes"]))
        == 15
    )
    shutil.rmtree(tmp_path / "results")
    assert results.main(["train", "tiny"]) == 0 and "already trained" in capsys.readouterr().out
    assert "| [tiny]" in result_tables.PAGES[1].read_text()


def test_without_the_recordings_a_sentence_says_so(monkeypatch, tmp_path, capsys):
    monkeypatch.delenv("SPEECH_DATA", raising=False)
    monkeypatch.setenv("ARTIFACTS", str(tmp_path))
    with pytest.raises(SuiteError, match="SPEECH_DATA is not set"):
        results.train_run("emodb-mobilenet")
