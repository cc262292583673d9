"""Exercises and their solutions, and the copies for students and teachers."""

import os
import shutil
import subprocess
import sys

import conftest
import nbformat
import pytest

from helpers.base.machine import PROJECT
from helpers.suite import copies
from helpers.suite.notebooks import findings
from suite import test_notebooks
from suite.test_notebooks import CHECK, EXERCISE, SOLUTION

good = test_notebooks.good  # the fixture


def sources(path):
    return {cell.id: cell.source for cell in nbformat.read(path, as_version=4).cells}


def solutions(notebook):
    return [cell for cell in notebook.cells if "solution" in copies.tags(cell)]


@pytest.mark.parametrize("path", sorted((PROJECT / "notebooks").glob("0[1-9]_*.ipynb")), ids=lambda path: path.stem)
def test_each_notebook_has_five_solutions_and_the_students_copy_holds_no_line_of_them(path):
    notebook = nbformat.read(path, as_version=4)
    if any("answer" in copies.tags(cell) for cell in notebook.cells):
        pytest.skip("this is a student's copy")
    assert len(solutions(notebook)) >= 5
    student = copies.student_copy(notebook)
    assert not solutions(student) and len(student.cells) == len(notebook.cells)
    checks = [cell.source for cell in notebook.cells if "check" in copies.tags(cell)]
    assert [cell.source for cell in student.cells if "check" in copies.tags(cell)] == checks and len(checks) == len(
        solutions(notebook)
    )
    taught = {line.strip() for cell in notebook.cells if cell not in solutions(notebook) for line in cell.source.splitlines()}
    left = {line.strip() for cell in student.cells for line in cell.source.splitlines()}
    secret = {line.strip() for cell in solutions(notebook) for line in cell.source.splitlines()} - taught
    assert secret and not secret & left
    for cell in solutions(notebook):  # a solution shows something of its own
        assert not {line.strip() for line in cell.source.splitlines()} <= taught


def test_students_get_empty_cells_teachers_everything_and_both_keep_the_rules(good):
    path = good / "notebooks" / "01_first.ipynb"
    before = sources(path)
    for kind in copies.COPIES:
        written = copies.write_copies(kind, good / kind, project=good)
        assert written == [good / kind / path.name]
        after = sources(written[0])
        changed = {name for name in before if after[name] != before[name]}
        assert changed == ({f"01-e{number}s" for number in range(1, 6)} if kind == "student" else set())
        room = "# Room to work. Then put your answer into the check above (a number: how many).\n"
        assert kind == "teacher" or {after[name] for name in changed} == {room}
    # A class's fork, whose notebooks have no solutions, still passes; its students' copy stays the same.
    copies.write_copies("student", good / "notebooks", project=good)
    assert findings(good) == [] and "print(1" not in path.read_text()
    once = path.read_bytes()
    copies.write_copies("student", good / "notebooks", project=good)
    assert path.read_bytes() == once


def test_the_test_of_a_solution_is_skipped_where_there_is_none(good, monkeypatch):
    monkeypatch.setattr(conftest, "PROJECT", good)
    assert conftest.run_cell("01-e1s", check=lambda *_, **__: None) and conftest.run_cell("01-08", settings=1)
    copies.write_copies("student", good / "notebooks", project=good)
    with pytest.raises(pytest.skip.Exception, match="no solution in cell 01-e1s"):
        conftest.run_cell("01-e1s")
    assert conftest.run_cell("01-08", settings=1)


def test_a_solution_that_cannot_be_told_from_a_lesson_stops_the_copies(good):
    path = good / "notebooks" / "01_first.ipynb"
    path.write_text(path.read_text().replace('"solution"', '"solved"', 1))
    with pytest.raises(ValueError, match=r"01_first\.ipynb, cell \d+: .*tag.*nothing was written"):
        copies.write_copies("student", good / "student", project=good)
    assert not (good / "student").exists()
    with pytest.raises(ValueError, match="no copy 'pupil': choose one of student, teacher"):
        copies.write_copies("pupil", good / "student", project=good)


@pytest.mark.parametrize(
    ("cells", "finding"),
    [
        ([EXERCISE], "let its check follow"),
        ([EXERCISE, CHECK], "let its solution follow its check"),
        ([EXERCISE, SOLUTION], "let its check follow"),
        ([EXERCISE, CHECK | {"source": "check(1, None)"}, SOLUTION], "'answer_1 = None  # form of the answer'"),
        ([EXERCISE, CHECK | {"source": CHECK["source"].replace("None", "1")}, SOLUTION], "let its check follow"),
        ([EXERCISE, CHECK, SOLUTION | {"metadata": {"tags": ["solution"]}}], "give this solution the metadata"),
        (
            [EXERCISE, CHECK, SOLUTION | {"metadata": {**SOLUTION["metadata"], "jupyter": {"source_hidden": True}}}],
            "outputs_hidden",
        ),
        ([EXERCISE, CHECK, SOLUTION | {"source": "print(1)"}], "begin it with '# @title Solution 1', not 'print"),
        ([EXERCISE, CHECK, SOLUTION | {"source": "# @title Solution 1\ncheck(1, 1)"}], "check(1, ..., strict=True)"),
        ([EXERCISE, CHECK, SOLUTION, SOLUTION], "right below its check"),
        ([EXERCISE | {"source": "### Exercise 1: no time\n"}, CHECK, SOLUTION], "title (10 minutes)"),
        ([EXERCISE | {"source": "### Exercise 1: a (1 minute)\n"}, CHECK, SOLUTION], "fold a hint"),
        ([EXERCISE | {"source": EXERCISE["source"].removesuffix("</details>")}, CHECK, SOLUTION], "fold a hint"),
        ([EXERCISE, CHECK, SOLUTION, EXERCISE, CHECK, SOLUTION], "head it '### Exercise 2"),
    ],
)
def test_a_malformed_exercise_is_told(cells, finding):
    notebook = nbformat.from_dict({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    assert any(finding in told for _, told in copies.exercise_findings(notebook))


def test_the_command_says_where_the_copies_are(tmp_path, capsys):
    assert copies.main(["student", str(tmp_path / "class")]) == 0
    assert f"with 0 solutions in {tmp_path / 'class'}" in capsys.readouterr().out
    assert copies.main([]) == 1 and "choose one of" in capsys.readouterr().err


def test_copies_need_no_package_and_a_teacher_s_copy_is_the_same_file(tmp_path):
    project = tmp_path / "a project"
    (project / "helpers" / "suite").mkdir(parents=True)
    for name in ("__init__.py", "suite/__init__.py", "suite/copies.py", "suite/stamp.py"):
        shutil.copy(PROJECT / "helpers" / name, project / "helpers" / name)
    shutil.copytree(PROJECT / "notebooks", project / "notebooks", ignore=shutil.ignore_patterns(".*", "ready"))
    shutil.copy(PROJECT / "Makefile", project)
    # No packages, neither installed ones (-S) nor a user's (-s), and no folder or setting from outside but the project's own.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    for kind in copies.COPIES:
        command = f"import sys; sys.path.insert(0, '.'); from helpers.suite import copies; sys.exit(copies.main(['{kind}']))"
        alone = subprocess.run(
            [sys.executable, "-I", "-S", "-c", command], cwd=project, env=environment, capture_output=True, text=True
        )
        assert alone.returncode == 0 and alone.stdout.startswith(
            f"{len(list((PROJECT / 'notebooks').glob('*.ipynb')))} notebooks"
        ), alone
        make = ["make", "--quiet", kind, f"PYTHON={sys.executable} -S", f"TO={tmp_path / kind}"]
        made = subprocess.run(make, cwd=project, env=environment, capture_output=True, text=True)
        assert made.returncode == 0 and f"solutions in {tmp_path / kind}" in made.stdout and not (project / ".venv").exists(), made
    for path in (PROJECT / "notebooks").glob("*.ipynb"):
        assert (project / "artifacts" / "teacher" / path.name).read_bytes() == path.read_bytes()
        assert '"solution"' not in (tmp_path / "student" / path.name).read_text(encoding="utf-8")


def test_a_student_s_copy_holds_no_output_of_a_solution():
    ran = SOLUTION | {"outputs": [{"output_type": "stream", "name": "stdout", "text": "42"}], "execution_count": 3}
    copied = copies.student_copy({"cells": [EXERCISE, CHECK, ran]})["cells"][-1]
    assert copied["outputs"] == [] and copied["execution_count"] is None and copied["metadata"] == {"tags": ["answer"]}
