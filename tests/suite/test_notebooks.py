"""The rules of `make lint`: the notebooks of this project keep them, and each broken rule is told in one line."""

import json

import nbformat
import pytest

from helpers.base.machine import PROJECT
from helpers.suite.notebooks import findings

ADDRESS = "https://github.com/teacher/class"
BADGE = "(https://colab.research.google.com/github/teacher/class/blob/main/notebooks/01_first.ipynb)"
TITLE = f"# 1. First\n\n[![Open]{BADGE}\n\n**You will learn** a. **Time:** a minute. **You need:** nothing."
HINT = "<details><summary>Hint</summary>Think.</details>"
EXERCISE = {"cell_type": "markdown", "metadata": {}, "source": f"### Exercise 1: count (1 minute)\n\n{HINT}"}
SOLUTION = {
    "cell_type": "code",
    "execution_count": None,
    "metadata": {"cellView": "form", "tags": ["solution"]},
    "outputs": [],
    "source": "# @title Solution 1\nprint(1)",
}


def text(name, source):
    return {"cell_type": "markdown", "id": f"01-{name}", "metadata": {}, "source": source}


def code(name, source, **metadata):
    return {"cell_type": "code", "id": f"01-{name}", "metadata": metadata, "source": source, "execution_count": None, "outputs": []}


def exercises(count):
    for number in range(1, count + 1):
        yield text(f"e{number}", EXERCISE["source"].replace("Exercise 1", f"Exercise {number}"))
        solution = SOLUTION["source"].replace("Solution 1", f"Solution {number}").replace("print(1", f"print(1 + {number}")
        yield SOLUTION | {"id": f"01-e{number}s", "source": solution}


@pytest.fixture
def good(tmp_path):
    """A project of one notebook that keeps all rules."""
    (tmp_path / "pyproject.toml").write_text(f'[project.urls]\nRepository = "{ADDRESS}"\n')
    (tmp_path / "README.md").write_text("# Title\n\n## When `this` goes wrong\n\n[there](#when-this-goes-wrong) `[no](link)`\n")
    cells = [
        text("00", TITLE), text("01", "## Setup"), code("02", f'REPOSITORY = "{ADDRESS}"'),
        text("03", "## Settings"), code("04", "settings = 1"),
        text("05", f"*Predict, then run:* [why?]({ADDRESS}/blob/main/README.md#when-this-goes-wrong)"),
        code("06", "1 + 1", tags=["key-figure"]),
        text("07", "**What you should see:** two."), text("ex", "## Exercises"), *exercises(5), text("gl", "## Glossary"),
        text("so", "## Sources"), code("08", "settings"), text("09", "**Next:** [again](01_first.ipynb)."),
    ]  # fmt: skip
    (tmp_path / "notebooks").mkdir()
    write(tmp_path, {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    return tmp_path


def write(project, notebook, name="01_first.ipynb"):
    (project / "notebooks" / name).write_text(json.dumps(notebook))


def read(project):
    return json.loads((project / "notebooks" / "01_first.ipynb").read_text())


def cell(notebook, name):
    return next(cell for cell in notebook["cells"] if cell["id"] == f"01-{name}")


def test_this_project_keeps_the_rules():
    assert findings() == []


def test_the_readme_is_one_page():
    assert (PROJECT / "README.md").stat().st_size <= 12_000


def test_prose_is_wrapped_so_that_a_change_shows_as_few_lines():
    for path in [PROJECT / "README.md", PROJECT / "CHANGELOG.md", *(PROJECT / "docs").glob("*.md")]:
        long = [line for line in path.read_text(encoding="utf-8").splitlines() if len(line) > 160 and not line.startswith("|")]
        assert not long, path


def test_every_page_of_docs_is_linked_from_the_readme():
    readme = (PROJECT / "README.md").read_text(encoding="utf-8")
    pages = [path.name for path in (PROJECT / "docs").glob("*.md")]
    assert "settings.md" in pages and [name for name in pages if f"(docs/{name}" not in readme] == []


def test_a_good_notebook_has_no_finding(good):
    nbformat.validate(read(good))
    assert findings(good) == []


@pytest.mark.parametrize(
    ("name", "change", "finding"),
    [
        ("06", {"execution_count": 3}, "cell 7 (01-06): clear its output"),
        ("06", {"outputs": [{"output_type": "stream", "name": "stdout", "text": "2"}]}, "clear its output"),
        ("06", {"source": "1\n" * 26}, "cell 7 (01-06): split it: 26 lines"),
        ("02", {"source": "1\n" * 51}, "cell 3 (01-02): split it: 51 lines, and 50"),
        (
            "00",
            {"source": TITLE.replace("/main/notebooks/01_first", "/main/01_first")},
            "let the badge open teacher/class/blob",
        ),
        ("00", {"source": TITLE.replace("**Time:**", "Time:")}, "cell 1 (01-00): add **Time:**"),
        ("00", {"source": TITLE.replace("# 1.", "# 2.")}, "begin with a title cell, '# 1."),
        ("02", {"source": 'REPOSITORY = "https://github.com/other/fork"'}, "cell 3 (01-02): let REPOSITORY be"),
        ("05", {"source": "Predict [so](05_none.ipynb)"}, "cell 6 (01-05): mend the link 05_none.ipynb"),
        ("05", {"source": f"Predict [so]({ADDRESS}/blob/main/README.md#no-such)"}, "README.md#no-such, which leads nowhere"),
        ("05", {"source": "So it is."}, "say 'Predict' at least once"),
        ("06", {"source": "from helpers.network.training import train\ntrain()"}, "ask Colab for a GPU"),
        ("06", {"source": "gpu = machine.check_gpu()"}, "ask Colab for a GPU"),
        ("06", {"metadata": {}}, "tag one code cell `key-figure`, the one whose figure the report shows; 0 have the tag"),
        ("08", {"metadata": {"tags": ["key-figure"]}}, "tag one code cell `key-figure`, the one whose figure the report shows; 2"),
        ("gl", {"source": "## Sources"}, "end with ## Exercises, ## Glossary, ## Sources"),
        ("e5s", {"metadata": {}}, "give this solution the metadata"),
        ("09", {"source": "The end."}, "links another notebook"),
        ("01", {"outputs": []}, "is no valid notebook"),
    ],
)
def test_each_broken_rule_is_told_in_a_line(good, name, change, finding):
    notebook = read(good)
    cell(notebook, name).update(change)
    write(good, notebook)
    lines = findings(good)
    assert any(finding in line for line in lines), lines
    assert all(line.startswith("notebooks/01_first.ipynb") and "\n" not in line for line in lines)


def test_four_exercises_are_too_few_and_a_gpu_without_training_is_too_much(good):
    notebook = read(good)
    notebook["cells"] = [cell for cell in notebook["cells"] if not cell["id"].startswith("01-e5")]
    notebook["metadata"]["accelerator"] = "GPU"
    write(good, notebook)
    lines = findings(good)
    assert any("give 5 exercises at least, there are 4" in line for line in lines)
    assert any("ask for no GPU" in line for line in lines)


def test_a_second_notebook_must_open_as_the_first(good):
    notebook = json.loads(json.dumps(read(good)).replace("01_first", "02_second").replace("# 1. ", "# 2. "))
    write(good, notebook, "02_second.ipynb")
    assert findings(good) == []
    cell(notebook, "04")["source"] = "settings = 2"
    write(good, notebook, "02_second.ipynb")
    told = "make cells 2 to 5, set-up and settings, the same as in the first notebook"
    assert findings(good) == [f"notebooks/02_second.ipynb, cell 2 (01-01): {told}"]


def test_what_is_no_notebook_and_a_heading_that_is_gone_are_told(good):
    (good / "notebooks" / "01_first.ipynb").write_text("no json")
    (good / "notebooks" / "GUIDE.md").write_text("[gone](../README.md#gone)")
    first, second = findings(good)
    assert first.startswith("notebooks/01_first.ipynb: is no valid notebook")
    assert second == "notebooks/GUIDE.md: mend the link ../README.md#gone, which leads nowhere"


def test_a_link_of_a_page_in_docs_that_leads_nowhere_is_named(good):
    (good / "docs").mkdir()
    (good / "docs" / "colab.md").write_text("[here](colab.md#drive) [home](../README.md) [gone](drive.md)\n\n# Drive\n")
    assert findings(good) == ["docs/colab.md: mend the link drive.md, which leads nowhere"]
