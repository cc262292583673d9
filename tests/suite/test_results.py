"""Published runs: what is kept of them, whether it fits together, and the tables that are made of them."""

import json
import shutil

import nbformat
import numpy as np
import pandas as pd
import pytest
from conftest import write_corpus
from nbformat.v4 import new_markdown_cell, new_notebook

from helpers.base.artifacts import RunFiles, SuiteError, write_json, write_table
from helpers.base.settings import describe
from helpers.evaluation.scores import predictions_table, read_predictions, score
from helpers.suite import results

CLASSES = ["female_20", "male_60"]
FILES = ["history.csv", "metrics.json", "predictions.csv", "run.json"]


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """Two published runs of ten test clips: seven and four of them are right."""
    runs = {"one": results.Published("emodb", "to the letter", "network=mobilenet epochs=2"),
            "other": results.Published("emodb", "from random weights", "network=mobilenet epochs=2 weights=none")}  # fmt: skip
    monkeypatch.setattr(results, "RUNS", runs)
    monkeypatch.setattr(results, "QUESTIONS", {"Did it help?": (("one", "other"),), "And this?": (("one", "third"),)})
    monkeypatch.setattr(results, "PUBLISHED", tmp_path / "results")
    pages(monkeypatch, tmp_path)
    for name, right in (("one", 7), ("other", 4)):
        write_run(tmp_path / "results" / name, name, right)
    return tmp_path / "results"


def pages(monkeypatch, folder):
    """A page, a README and a notebook with marks for the tables."""
    for kind, name in (("PAGE", "results.md"), ("README", "README.md"), ("NOTEBOOK", "3.ipynb")):
        monkeypatch.setattr(results, kind, folder / name)
    results.PAGE.write_text("<!-- runs -->\nold\n<!-- end -->\nbetween\n<!-- questions -->\n<!-- end -->\n")
    results.README.write_text("no table\n")
    cells = [new_markdown_cell("before"), new_markdown_cell("<!-- short -->\n<!-- end -->\nafter")]
    results.NOTEBOOK.write_text(nbformat.writes(new_notebook(cells=cells)) + "\n")


def write_run(folder, name, right):
    files = RunFiles(folder)
    settings = describe(results.profile_of(results.RUNS[name]))
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
    text = results.PAGE.read_text()
    row = "| [one](results/one/run.json) | mobilenet | to the letter | 4 | 0.900, 0.600 | 1.000, 1.000"
    assert row in text
    assert "| Did it help? | one | other | 0.700, 0.400 | +0.300 (" in text and "third" not in text and "old" not in text
    assert results.README.read_text() == "no table\n"
    shown = nbformat.read(results.NOTEBOOK, 4).cells[1].source.splitlines()
    assert (
        shown[4] == "| `emodb`, `mobilenet`: from random weights | 40 | 4 | 1.000 | **0.400** (0.168 to 0.687) |"
        and shown[-1] == "after"
    )


def test_a_difference_is_of_the_same_clips_and_no_interval_is_made_up():
    one, other = pd.Series([True] * 40 + [False] * 10), pd.Series([True] * 20 + [False] * 30)
    mean, low, high = results.difference(one, other)
    assert mean == pytest.approx(0.4) and low == pytest.approx(0.26, abs=0.03) and high == pytest.approx(0.54, abs=0.03)
    assert results.difference(one, one) == (0, 0, 0)


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
    before = results.PAGE.read_text()
    spoil(RunFiles(folder / "one"))
    assert results.main([]) == 1
    assert message in capsys.readouterr().err and results.PAGE.read_text() == before


def test_the_published_runs_fit_their_tables():
    """Of the runs that are committed: each is one run, and the page holds what they say."""
    for path in (results.PAGE, results.README, results.NOTEBOOK):
        text = path.read_text("utf-8")
        assert results.with_tables(path) == text and "<!-- end -->" in text, f"run `make results`: {path.name} is of other runs"
    assert {path.name for path in results.PUBLISHED.iterdir()} == {*results.published()}
    assert all(sorted(path.name for path in folder.iterdir()) == FILES for folder in results.PUBLISHED.iterdir())


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
    run = results.Published("folder", "tiny", "network=mobilenet weights=none epochs=1 image_size=32", clips=15)
    monkeypatch.setattr(results, "RUNS", {"tiny": run})
    monkeypatch.setattr(results, "PUBLISHED", tmp_path / "results")
    pages(monkeypatch, tmp_path)
    assert results.main(["train", "tiny"]) == 0
    assert sorted(path.name for path in (tmp_path / "results" / "tiny").iterdir()) == FILES
    assert (
        len(read_predictions(tmp_path / "results" / "tiny" / "predictions.csv", results.read_published("tiny")[0]["classes"])) == 15
    )
    shutil.rmtree(tmp_path / "results")
    assert results.main(["train", "tiny"]) == 0 and "already trained" in capsys.readouterr().out
    assert "| [tiny]" in results.PAGE.read_text()


def test_without_the_recordings_a_sentence_says_so(monkeypatch, tmp_path, capsys):
    monkeypatch.delenv("SPEECH_DATA", raising=False)
    monkeypatch.setenv("ARTIFACTS", str(tmp_path))
    with pytest.raises(SuiteError, match="SPEECH_DATA is not set"):
        results.train_run("emodb-mobilenet")
