"""The rules of `make lint`: the notebooks of this project keep them, and each broken rule is told in one line."""

import json
import re

import nbformat
import pytest

from helpers.base.machine import PROJECT
from helpers.suite.copies import FOLDED
from helpers.suite.notebooks import findings

ADDRESS = "https://github.com/teacher/class"
BADGE = "(https://colab.research.google.com/github/teacher/class/blob/main/notebooks/01_first.ipynb)"
TITLE = f"# 1. First\n\n[![Open]{BADGE}\n\n**You will learn** a. **Time:** a minute. **You need:** nothing."
HINT = "<details><summary>Hint</summary>Think.</details>"
EXERCISE = {"cell_type": "markdown", "metadata": {}, "source": f"### Exercise 1: count (1 minute)\n\n{HINT}"}
CHECK = {
    "cell_type": "code",
    "execution_count": None,
    "metadata": {"tags": ["check"]},
    "outputs": [],
    "source": "# @title Check 1\nanswer_1 = None  # a number: how many\ncheck(1, answer_1)",
}
SOLUTION = CHECK | {"metadata": FOLDED, "source": "# @title Solution 1\nprint(1)\ncheck(1, 1, strict=True)"}


def text(name, source):
    return {"cell_type": "markdown", "id": f"01-{name}", "metadata": {}, "source": source}


def code(name, source, **metadata):
    return {"cell_type": "code", "id": f"01-{name}", "metadata": metadata, "source": source, "execution_count": None, "outputs": []}


def exercises(count):
    for number in range(1, count + 1):
        yield text(f"e{number}", EXERCISE["source"].replace("Exercise 1", f"Exercise {number}"))
        check = CHECK["source"].replace("Check 1", f"Check {number}").replace("check(1", f"check({number}")
        yield CHECK | {"id": f"01-e{number}c", "source": check.replace("answer_1", f"answer_{number}")}
        solution = SOLUTION["source"].replace("Solution 1", f"Solution {number}").replace("print(1", f"print(1 + {number}")
        yield SOLUTION | {"id": f"01-e{number}s", "source": solution.replace("check(1", f"check({number}")}


@pytest.fixture
def good(tmp_path):
    """A project of one notebook that keeps all rules."""
    (tmp_path / "pyproject.toml").write_text(f'[project.urls]\nRepository = "{ADDRESS}"\n')
    (tmp_path / "README.md").write_text("# Title\n\n## When `this` goes wrong\n\n[there](#when-this-goes-wrong) `[no](link)`\n")
    cells = [
        text("00", TITLE), text("01", "## Setup"), code("02", f'REPOSITORY = "{ADDRESS}"'),
        text("03", "## Settings"), code("04", "start(notebook=1)"), text("s0", "## Earlier stages"), code("s1", "stages.bring()"),
        text("05", f"*Predict, then run:* [why?]({ADDRESS}/blob/main/README.md#when-this-goes-wrong)"),
        code("06", "1 + 1", tags=["key-figure"]),
        text("07", "**What you should see:** two."), code("s9", "# @title Keep the results\nstages.save()"),
        text("ex", "## Exercises"), code("e0c", "check = checks.checker(1, globals())"), *exercises(5), text("gl", "## Glossary"),
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


@pytest.mark.parametrize("path", sorted((PROJECT / "notebooks").glob("0[1-6]_*.ipynb")), ids=lambda path: path.stem)
def test_a_notebook_begins_with_a_voice_before_anything_that_must_be_set_up(path):
    _, badge, first, learn, *_ = json.loads(path.read_text())["cells"][0]["source"][::2]
    assert "colab-badge" in badge and ("voice" in first or "stranger on the telephone" in first) and not first.startswith("**")
    assert learn.startswith("**You will learn**")


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
        ("06", {"execution_count": 3}, "cell 9 (01-06): clear its output"),
        ("06", {"outputs": [{"output_type": "stream", "name": "stdout", "text": "2"}]}, "clear its output"),
        ("06", {"source": "1\n" * 26}, "cell 9 (01-06): split it: 26 lines"),
        ("02", {"source": "1\n" * 51}, "cell 3 (01-02): split it: 51 lines, and 50"),
        (
            "00",
            {"source": TITLE.replace("/main/notebooks/01_first", "/main/01_first")},
            "let the badge open teacher/class/blob",
        ),
        ("00", {"source": TITLE.replace("**Time:**", "Time:")}, "cell 1 (01-00): add **Time:**"),
        ("00", {"source": TITLE.replace("# 1.", "# 2.")}, "begin with a title cell, '# 1."),
        ("02", {"source": 'REPOSITORY = "https://github.com/other/fork"'}, "cell 3 (01-02): let REPOSITORY be"),
        ("05", {"source": "Predict [so](05_none.ipynb)"}, "cell 8 (01-05): mend the link 05_none.ipynb"),
        ("05", {"source": f"Predict [so]({ADDRESS}/blob/main/README.md#no-such)"}, "README.md#no-such, which leads nowhere"),
        ("04", {"source": "start(notebook=2)"}, "cell 5 (01-04): say once which notebook this is: notebook=1"),
        ("s1", {"source": "notebook=1"}, "say once which notebook this is"),
        ("s9", {"source": "stages.save()"}, "let one cell save the results, beginning with '# @title Keep the results'; 0 do"),
        ("05", {"source": "So it is."}, "say 'Predict' at least once"),
        (
            "05",
            {"source": "Predict " * 2200},
            "shorten the lesson, up to where it keeps the results: 2,20",
        ),
        ("06", {"source": "from helpers.network.training import train\ntrain()"}, "ask Colab for a GPU"),
        ("06", {"source": "gpu = machine.check_gpu()"}, "ask Colab for a GPU"),
        ("06", {"metadata": {}}, "tag one code cell `key-figure`, the one whose figure the report shows; 0 have the tag"),
        ("08", {"metadata": {"tags": ["key-figure"]}}, "tag one code cell `key-figure`, the one whose figure the report shows; 2"),
        ("gl", {"source": "## Sources"}, "end with ## Exercises, ## Glossary, ## Sources"),
        ("e5s", {"metadata": {}}, "give this solution the metadata"),
        ("e5c", {"metadata": {}}, "let its check follow, a code cell with the tag `check` and the lines '# @title Check 5'"),
        ("e0c", {"source": "check = checks.checker(2, globals())"}, "say: check = checks.checker(1, globals()); 0 do"),
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


def test_a_first_visit_needs_no_settings_and_no_exercises_but_the_same_set_up(good):
    cells = read(good)["cells"]
    visit = [
        text("00", TITLE.replace("# 1.", "# 0.").replace("01_first", "00_visit")),
        *cells[1:3],
        code("03", "start(notebook=0)"),
        *cells[-2:],
    ]
    notebook = {"cells": visit, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    write(good, notebook, "00_visit.ipynb")
    assert findings(good) == []
    visit[1] = text("01", "## Set-up")
    write(good, notebook, "00_visit.ipynb")
    told = "notebooks/00_visit.ipynb, cell 2 (01-01): make cells 2 to 3, set-up, the same as in the first notebook"
    assert findings(good) == [told]


@pytest.fixture
def translated(good):
    """The same project with a translation of its notebook; gives the notebook and a function that writes it."""
    notebook = read(good)
    for part in notebook["cells"]:
        if part["cell_type"] == "markdown":
            part["source"] = '<div dir="rtl">\n\nنص\n\n</div>'
    cell(notebook, "00")["source"] = f"# 1. الأول\n\n[![Open]{BADGE.replace('01_first', 'ar/01_first')}"
    cell(notebook, "09")["source"] = "[again](../01_first.ipynb)"
    (good / "notebooks" / "ar").mkdir()
    return notebook, lambda: write(good, notebook, "ar/01_first.ipynb")


def test_a_translation_has_texts_of_its_own_and_may_ask_for_its_language(good, translated):
    notebook, save = translated
    save()
    assert findings(good) == []
    original = read(good)
    for changed, source in ((original, "quiz(1)"), (notebook, 'quiz(1, language="ar")')):
        cell(changed, "06")["source"] = source
    write(good, original)
    save()
    assert findings(good) == []


@pytest.mark.parametrize(
    ("name", "change", "finding"),
    [
        ("06", {"source": "2 + 2"}, "let its code cells be the same as those of notebooks/01_first.ipynb"),
        ("06", {"execution_count": 3}, "let its code cells be the same as those of notebooks/01_first.ipynb"),
        ("00", {"source": TITLE}, "let the badge open teacher/class/blob/main/notebooks/ar/01_first.ipynb"),
        ("09", {"source": "[again](01_none.ipynb)"}, "mend the link 01_none.ipynb, which leads nowhere"),
        ("01", {"outputs": []}, "is no valid notebook, or notebooks/01_first.ipynb is none"),
    ],
)
def test_what_is_wrong_with_a_translation_is_told_in_a_line(good, translated, name, change, finding):
    notebook, save = translated
    cell(notebook, name).update(change)
    save()
    (told,) = findings(good)
    assert told.startswith(f"notebooks/ar/01_first.ipynb: {finding}")


def test_four_exercises_are_too_few_and_a_gpu_without_training_is_too_much(good):
    notebook = read(good)
    notebook["cells"] = [cell for cell in notebook["cells"] if not cell["id"].startswith("01-e5")]
    notebook["metadata"]["accelerator"] = "GPU"
    write(good, notebook)
    lines = findings(good)
    assert any("give 5 exercises at least, there are 4" in line for line in lines)
    assert any("ask for no GPU" in line for line in lines)


def test_a_second_notebook_must_open_as_the_first(good):
    notebook = json.loads(
        json.dumps(read(good))
        .replace("01_first", "02_second")
        .replace("# 1. ", "# 2. ")
        .replace("notebook=1", "notebook=2")
        .replace("checker(1", "checker(2")
    )
    write(good, notebook, "02_second.ipynb")
    assert findings(good) == []
    cell(notebook, "04")["source"] = "settings = 2"
    write(good, notebook, "02_second.ipynb")
    told = "make cells 2 to 7, set-up, settings and earlier stages, the same as in the first notebook"
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


@pytest.mark.parametrize("path", sorted((PROJECT / "notebooks").glob("0*.ipynb")), ids=lambda path: path.stem)
def test_the_identifier_of_a_source_stands_at_its_end(path):
    texts = (cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "markdown")
    entries = (entry.split("\n\n")[0].split() for text in texts for entry in re.split(r"(?m)^- ", text))
    assert not [entry for entry in entries if any(word.startswith(("doi:", "arXiv:")) for word in entry[:-1])]
