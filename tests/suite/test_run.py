"""`make run` on a tiny corpus: the six notebooks executed for real, the report, and what happens when one fails."""

import html
import os
import re
import subprocess
import sys

import nbformat
import pandas as pd
import pytest
from conftest import write_corpus

from helpers.base.artifacts import Artifacts, read_json, read_table, write_table
from helpers.base.machine import PROJECT
from helpers.base.settings import Corpus
from helpers.recordings.voices import synthesise
from helpers.suite import index_page
from helpers.suite import run as suite_run
from suite.conftest import run

pytestmark = pytest.mark.slow
NAMES = ["01_download", "02_spectrograms", "03_train_resnet", "04_evaluate", "05_compare_cnns", "06_your_voice"]


def test_all_notebooks_run_and_the_last_lines_are_the_table(finished):
    result = finished.result
    assert result.returncode == 0, result.stdout + result.stderr
    for number, name in enumerate(NAMES, start=1):
        assert re.search(rf"\[{number}/6\] {name} done in \d+ s", result.stdout)
    table = result.stdout.split("06_your_voice done")[1]
    for row in (
        "dataset +folder",
        "classes +3",
        r"clips +18 \(1 left out\)",
        "model +small_resnet",
        r"test accuracy +[01]\.\d+",
        r"macro F1 +[01]\.\d+",
    ):
        assert re.search(row, table), table
    assert result.stdout.strip().endswith(f"report: {finished.artifacts.report / 'index.html'}")


@pytest.mark.parametrize(
    ("end", "how"), [("os.kill(os.getpid(), 9)", "was ended by signal 9 (SIGKILL)"), ("os._exit(3)", "ended with exit code 3")]
)
def test_a_notebook_whose_process_dies_says_how(tmp_path, monkeypatch, end, how):
    cells = [nbformat.v4.new_code_cell(source) for source in ("import os", f"# @title Solution 1\n{end}")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "07_dies.ipynb")
    monkeypatch.setattr(suite_run, "NOTEBOOKS", tmp_path)
    failure = suite_run.run_notebook("07_dies", tmp_path / "report", line="")
    assert failure == f"cell 2 of 2 (Solution 1): the notebook's process {how} (see {tmp_path / 'report' / '07_dies'}.log)"


def test_the_table_grew_from_stage_to_stage(finished):
    artifacts = finished.artifacts
    assert len(pd.read_csv(artifacts.manifest)) == 18 and len(pd.read_csv(artifacts.rejected)) == 1
    assert len(list(artifacts.spectrograms.rglob("*.png"))) == 18
    assert {"train", "validation", "test"} == set(read_json(artifacts.model("small_resnet") / "metrics.json"))
    comparison = pd.read_csv(artifacts.comparison).fillna({"reason": ""}).set_index(["asked_about", "model"])
    names = [
        "small_resnet",
        "plain_cnn",
        "inceptionv3",
        "svm",
        "logistic_regression",
        "fisher_vector",
        "pitch_threshold",
        "no_audio",
    ]
    assert comparison.index.tolist() == [(test, name) for test in ("known", "strangers") for name in names]
    assert comparison.loc["strangers", "reason"].str.contains("Nobody knows who speaks in 18 of the 18 clips").all()
    reasons = comparison.loc["known", "reason"]
    assert "can't be built for pictures of 32 x 48 pixels" in reasons["inceptionv3"] and (reasons.drop("inceptionv3") == "").all()
    tested = read_json(artifacts.race_part().model("svm") / "seed_0" / "metrics.json")["known"]
    assert comparison.loc[("known", "svm"), "accuracy"] == tested["accuracy"]
    card = artifacts.model_card.read_text()
    assert "small_resnet" in card and "(not_for.md)" in card and (artifacts.folder / "not_for.md").exists()


def test_the_pages_need_nothing_from_elsewhere_and_show_no_warnings(finished):
    pages = sorted(finished.artifacts.report.glob("*.html"))
    assert [page.stem for page in pages] == [*NAMES, "index"]
    for page in pages:
        text = page.read_text()
        assert not re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="(?:https?:)?//[^"]+"', text), page.name
        assert "vnd.jupyter.stderr" not in re.sub(r"<style.*?</style>", "", text, flags=re.DOTALL), page.name
        # TensorFlow writes its warnings to stdout where it is asked cell by cell.
        assert not re.search(r"Warning|WARNING:|Traceback", text), page.name
    for name in ("01_download", "04_evaluate", "06_your_voice"):  # the listener, frozen with its first clip; the recording
        assert "data:audio/wav;base64," in next(page for page in pages if page.stem == name).read_text()


def test_the_index_sums_the_run_up_and_says_what_it_does_not_show(finished):
    artifacts = finished.artifacts
    index = html.unescape((artifacts.report / "index.html").read_text())
    assert index.count("<figure>") == len(NAMES) and index.count('class="error"') <= index.count("data:image/png;base64,") - 6
    assert all(f'href="{name}.html"' in index for name in NAMES)
    test = read_json(artifacts.model("small_resnet") / "metrics.json")["test"]
    manifest = pd.read_csv(artifacts.manifest).sort_values("label")
    labels = manifest.groupby("split")["label"]
    guess = (labels.get_group("test") == labels.get_group("train").value_counts(sort=False).idxmax()).mean()
    assert f"test accuracy<b>{test['accuracy']:.3f}</b>by guessing: {guess:.3f}" in index
    assert f"{test['accuracy']:.1%} of {test['clips']} test clips got the right class" in index
    assert "Nobody knows whether the speakers of the test clips were heard" in index and "synthetic" not in index
    models = pd.read_csv(artifacts.comparison)["model"].unique()
    assert {"plain_cnn", "inceptionv3", "svm"} <= {*models}
    for name in models:  # a row for each split; an error message that lists networks is no row
        assert index.count(f"<td>{name}</td>") >= 2, name
    for words in ("inceptionv3 can't be built", "tensorflow", "seconds 06_your_voice"):
        assert words in index, words


def test_the_index_says_what_was_asked_and_who_converged(tmp_path):
    rows = [
        {"model": "a", "asked_about": "known", "accuracy": 0.5, "epochs": 31.5, "converged": True, "reason": ""},
        {"model": "b", "asked_about": "known", "accuracy": 0.25, "epochs": 50.0, "converged": False, "reason": ""},
        {"model": "svm", "asked_about": "known", "accuracy": 0.125, "reason": ""},
        {"model": "a", "asked_about": "strangers", "reason": "Nobody knows who speaks."},
    ]
    write_table(tmp_path / "comparison.csv", pd.DataFrame(rows))
    table = index_page._comparison(read_table(tmp_path / "comparison.csv"))
    assert list(table) == ["model", "asked about", "accuracy", "epochs", "converged", "why it is missing"]
    assert table.to_numpy().tolist() == [
        ["a", "known", "0.500", "32", "yes", ""],
        ["b", "known", "0.250", "50", "no", ""],
        ["svm", "known", "0.125", "", "", ""],
        ["a", "strangers", "", "", "", "Nobody knows who speaks."],
    ]
    write_table(tmp_path / "comparison.csv", pd.DataFrame(rows[2:3]))
    assert list(index_page._comparison(read_table(tmp_path / "comparison.csv"))) == ["model", "asked about", "accuracy"]


@pytest.mark.long
def test_a_second_run_reuses_what_is_there_and_gives_the_same_metrics(finished):
    before = {
        path: path.stat().st_mtime_ns
        for path in finished.artifacts.folder.rglob("*")
        if path.name in ("run.json", "metrics.json") or (path.suffix == ".png" and "spectrograms" in path.parts)
    }
    assert len(before) > 20
    result = run(**finished.environment)  # without the stand-in of Colab
    assert result.returncode == 0, result.stderr
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_no_setting_of_make_reaches_the_tests():
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8").replace("\\\n", " ")
    names = re.search(r"^export (.+)$", makefile, re.MULTILINE)[1].split()
    assert {"DATASET", "SEEDS"} <= {*names}
    result = subprocess.run(
        [sys.executable, "-c", "import os, conftest; print(*(name for name in os.environ if os.environ[name] == 'from make'))"],
        env=os.environ
        | dict.fromkeys([*names, "ANYTHING_ELSE"], "from make")
        | {"PYTHONPATH": os.pathsep.join(map(str, (PROJECT, PROJECT / "tests")))},
        capture_output=True,
        text=True,
    )
    assert result.stdout.split() == ["ANYTHING_ELSE"], result.stdout + result.stderr


def test_a_failing_notebook_is_named_with_its_cell_and_its_sentence(tmp_path):
    (tmp_path / "empty").mkdir()
    result = run(DATASET="folder", DATA_DIR=tmp_path / "empty", PROFILE="quick", ARTIFACTS=tmp_path / "artifacts")
    assert result.returncode == 1
    assert re.search(r"\[1/6\] 01_download failed after \d+ s: cell 7 of \d+: There is no sound file in", result.stderr)
    assert "run the same command again" in result.stderr and "Traceback" not in result.stderr + result.stdout


def test_a_failing_solution_is_named(tmp_path, monkeypatch):
    cells = [nbformat.v4.new_code_cell("1 + 1"), nbformat.v4.new_code_cell("# @title Solution 3\nraise ValueError('seven')")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "07_class.ipynb")
    monkeypatch.setattr(suite_run, "NOTEBOOKS", tmp_path)
    assert suite_run.run_notebook("07_class", tmp_path / "report", line="") == "cell 2 of 2 (Solution 3): ValueError: seven"


def test_a_notebook_opened_alone_says_what_it_lacks(tmp_path):
    result = run("04_evaluate", DATASET="folder", PROFILE="quick", ARTIFACTS=tmp_path)
    assert result.returncode == 1 and "(Earlier stages): The dataset 'folder' needs a folder of recordings" in result.stderr


def test_a_run_takes_the_built_in_corpus_whatever_lies_there(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(suite_run, "start", lambda **_: asked.append(os.environ["DATASET"]) or 1 / 0)
    for given, taken in (("", "voices"), ("emodb", "emodb")):
        monkeypatch.setenv("DATASET", given)
        with pytest.raises(ZeroDivisionError):
            suite_run.run_notebooks(["01_download"], ["01_download"])
        assert asked.pop() == taken


@pytest.mark.parametrize(
    ("environment", "message"),
    [({"DATASET": "imagenet"}, "no dataset 'imagenet': choose one of"), ({"PROFILE": "slow"}, "no profile 'slow': choose one of")],
)
def test_unknown_names_stop_before_any_notebook(tmp_path, environment, message):
    result = run(**environment, ARTIFACTS=tmp_path)
    assert result.returncode == 1 and message in result.stderr and "Traceback" not in result.stderr


@pytest.mark.long
def test_without_gender_and_age_their_scores_are_left_out(tmp_path):
    write_corpus(tmp_path / "data", labels={"happy": 220, "sad": 120})
    result = run(DATASET="folder", DATA_DIR=tmp_path / "data", NAME="moods", PROFILE="quick", ARTIFACTS=tmp_path / "artifacts")
    assert result.returncode == 0, result.stdout + result.stderr
    metrics = read_json(tmp_path / "artifacts" / "moods" / "models" / "small_resnet" / "metrics.json")
    assert "accuracy" in metrics["test"] and "gender_accuracy" not in metrics["test"] and "age_mae_years" not in metrics["test"]
    page = html.unescape((tmp_path / "artifacts" / "moods" / "report" / "01_download.html").read_text())
    assert "does not say who speaks" in page and "do not state both gender and age" in page


def test_the_voices_corpus_runs_through_download_and_spectrograms(tmp_path):
    folder = tmp_path / "artifacts" / "voices"
    synthesise(folder / "audio", corpus=Corpus(speakers=1, sentences=3))
    environment = {"DATASET": "voices", "PROFILE": "quick", "ARTIFACTS": tmp_path / "artifacts"}
    result = run("01_download", "02_spectrograms", **environment, OVERRIDES="speakers=1 sentences=3")
    assert result.returncode == 0, result.stdout + result.stderr
    manifest = pd.read_csv(folder / "manifest.csv")
    assert len(manifest) == 117 and manifest["label"].nunique() == 39 and not manifest["path"].str.startswith("/").any()


@pytest.mark.long
def test_the_default_run_compares_its_models_for_known_voices_and_for_strangers(tmp_path):
    """Everything as `make run` does it, with a smaller corpus and one epoch."""
    short = "speakers=4 sentences=2 epochs=1 compare_epochs=1"
    result = run(DATASET="", PROFILE="", ARTIFACTS=tmp_path, OVERRIDES=short)
    assert result.returncode == 0, result.stdout + result.stderr
    artifacts = Artifacts(tmp_path / "voices")
    assert len(pd.read_csv(artifacts.manifest)) == 39 * 4 * 2
    test = read_json(artifacts.model("small_resnet") / "metrics.json")["test"]
    assert {"accuracy", "macro_f1", "gender_accuracy", "age_mae_years"} <= {*test}
    comparison = pd.read_csv(artifacts.comparison)
    assert {"known", "strangers"} == {*comparison["asked_about"]} and comparison["reason"].isna().all()
    assert {"small_resnet", "plain_cnn", "svm"} <= {*comparison["model"]}
    assert "synthetic" in (artifacts.report / "index.html").read_text()
