"""Exercises and their solutions, and the copies for students and teachers."""

import conftest
import nbformat
import pytest

from helpers.base.artifacts import SuiteError
from helpers.base.machine import PROJECT
from helpers.suite import notebooks
from helpers.suite.notebooks import findings
from suite import test_notebooks
from suite.test_notebooks import EXERCISE, SOLUTION

good = test_notebooks.good  # the fixture


def sources(path):
    return {cell.id: cell.source for cell in nbformat.read(path, as_version=4).cells}


def solutions(notebook):
    return [cell for cell in notebook.cells if "solution" in notebooks.tags(cell)]


@pytest.mark.parametrize("path", sorted((PROJECT / "notebooks").glob("*.ipynb")), ids=lambda path: path.stem)
def test_each_notebook_has_five_solutions_and_the_students_copy_holds_no_line_of_them(path):
    notebook = nbformat.read(path, as_version=4)
    if any("answer" in notebooks.tags(cell) for cell in notebook.cells):
        pytest.skip("this is a student's copy")
    assert len(solutions(notebook)) >= 5
    student = notebooks.student_copy(notebook)
    assert not solutions(student) and len(student.cells) == len(notebook.cells)
    taught = {line.strip() for cell in notebook.cells if cell not in solutions(notebook) for line in cell.source.splitlines()}
    left = {line.strip() for cell in student.cells for line in cell.source.splitlines()}
    secret = {line.strip() for cell in solutions(notebook) for line in cell.source.splitlines()} - taught
    assert secret and not secret & left
    for cell in solutions(notebook):  # a solution shows something of its own
        assert not {line.strip() for line in cell.source.splitlines()} <= taught


def test_students_get_empty_cells_teachers_everything_and_both_keep_the_rules(good):
    path = good / "notebooks" / "01_first.ipynb"
    before = sources(path)
    for kind in notebooks.COPIES:
        written = notebooks.write_copies(kind, good / kind, project=good)
        assert written == [good / kind / path.name]
        after = sources(written[0])
        changed = {name for name in before if after[name] != before[name]}
        assert changed == ({f"01-e{number}s" for number in range(1, 6)} if kind == "student" else set())
        assert kind == "teacher" or {after[name] for name in changed} == {"# Your answer\n"}
    # A class's fork, whose notebooks have no solutions, still passes; its students' copy stays the same.
    notebooks.write_copies("student", good / "notebooks", project=good)
    assert findings(good) == [] and "print(1" not in path.read_text()
    once = path.read_bytes()
    notebooks.write_copies("student", good / "notebooks", project=good)
    assert path.read_bytes() == once


def test_the_test_of_a_solution_is_skipped_where_there_is_none(good, monkeypatch):
    monkeypatch.setattr(conftest, "PROJECT", good)
    assert conftest.run_cell("01-e1s") and conftest.run_cell("01-08", settings=1)
    notebooks.write_copies("student", good / "notebooks", project=good)
    with pytest.raises(pytest.skip.Exception, match="no solution in cell 01-e1s"):
        conftest.run_cell("01-e1s")
    assert conftest.run_cell("01-08", settings=1)


def test_a_solution_that_cannot_be_told_from_a_lesson_stops_the_copies(good):
    path = good / "notebooks" / "01_first.ipynb"
    path.write_text(path.read_text().replace('"solution"', '"solved"', 1))
    with pytest.raises(SuiteError, match=r"01_first\.ipynb, cell \d+: .*tag.*nothing was written"):
        notebooks.write_copies("student", good / "student", project=good)
    assert not (good / "student").exists()
    with pytest.raises(SuiteError, match="no copy 'pupil': choose one of student, teacher"):
        notebooks.write_copies("pupil", good / "student", project=good)


@pytest.mark.parametrize(
    ("cells", "finding"),
    [
        ([EXERCISE], "let its solution follow"),
        ([EXERCISE, SOLUTION | {"metadata": {"tags": ["solution"]}}], "give this solution the metadata"),
        ([EXERCISE, SOLUTION | {"source": "print(1)"}], "begin it with '# @title Solution 1', not 'print"),
        ([EXERCISE, SOLUTION, SOLUTION], "right below its exercise"),
        ([EXERCISE | {"source": "### Exercise 1: no time\n"}, SOLUTION], "title (10 minutes)"),
        ([EXERCISE | {"source": "### Exercise 1: a (1 minute)\n"}, SOLUTION], "fold a hint"),
        ([EXERCISE | {"source": EXERCISE["source"].removesuffix("</details>")}, SOLUTION], "fold a hint"),
        ([EXERCISE, SOLUTION, EXERCISE, SOLUTION], "head it '### Exercise 2"),
    ],
)
def test_a_malformed_exercise_is_told(cells, finding):
    notebook = nbformat.from_dict({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    assert any(finding in told for _, told in notebooks.exercise_findings(notebook))


def test_the_command_says_where_the_copies_are(tmp_path, capsys):
    assert notebooks.main(["student", str(tmp_path / "class")]) == 0
    assert f"with 0 solutions in {tmp_path / 'class'}" in capsys.readouterr().out
    assert notebooks.main([]) == 1 and "choose one of" in capsys.readouterr().err
