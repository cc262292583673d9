"""The checks of the exercises: each passes a right answer, and says of wrong ones what to look at again."""

import json
import re

import pytest

from helpers.base.machine import PROJECT
from helpers.lessons import checks
from helpers.suite import copies
from lessons import names as hand_made
from lessons.cases import CASES

PATHS = sorted((PROJECT / "notebooks").glob("0[1-6]_*.ipynb"))


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    """The hand-made names of each notebook."""
    return {n: getattr(hand_made, f"notebook_{n}")(tmp_path_factory.mktemp("names")) for n in range(1, 7)}


@pytest.mark.parametrize(("notebook", "number"), sorted(CASES))
def test_a_right_answer_passes_and_a_wrong_one_earns_the_sentence_that_helps(notebook, number, names, capsys):
    right, *wrong = CASES[notebook, number](names[notebook])
    assert checks.ask(notebook, number, right, names[notebook]).startswith(f"Exercise {number}: right.")
    check = checks.checker(notebook, names[notebook])
    check(number, right, strict=True)
    assert len(wrong) >= 2
    for answer, words in wrong:
        with pytest.raises((AssertionError, TypeError)) as error:
            check(number, answer, strict=True)
        assert words in str(error.value)
        capsys.readouterr()
        check(number, answer)
        printed = capsys.readouterr().out
        assert printed.startswith(f"Exercise {number}: not right yet. ") and words in printed and printed.count("\n") == 1


@pytest.mark.parametrize(("notebook", "number"), sorted(CASES))
def test_no_answer_and_no_nonsense_ends_a_run(notebook, number, names, capsys):
    for known in (names[notebook], {}):
        check = checks.checker(notebook, known)
        check(number, None)
        assert (
            f"not answered yet. Put your answer in the place of None ({checks.form(notebook, number)})." in capsys.readouterr().out
        )
        for nonsense in ("text", object(), [], {}, ..., float("nan"), -1, 1e9, [[1, 2], [3]], lambda: None, (None, None)):
            check(number, nonsense)
            assert capsys.readouterr().out.startswith(f"Exercise {number}: not right yet. ")


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_notebook_s_checks_ask_for_the_form_that_they_show(path):
    notebook, shown = int(path.stem[:2]), {}
    for cell in copies.read(path)["cells"]:
        if found := copies.CHECK.fullmatch(cell["source"]):
            shown[int(found[1])] = found[2]
    assert shown == {number: checks.form(notebook, number) for of, number in sorted(CASES) if of == notebook}


def test_a_name_that_is_not_there_yet_says_what_to_run(capsys):
    check = checks.checker(3, {})
    check(3, 4736)
    assert "`block` is not there yet: run the cells above first" in capsys.readouterr().out
    with pytest.raises(NameError, match="block"):
        check(3, 4736, strict=True)
    with pytest.raises(AssertionError, match="3 numbers"):
        checks.checker(5, {})(4, (1, 2), strict=True)
    with pytest.raises(TypeError):  # a solution may not leave its answer out
        checks.checker(5, {})(4, None, strict=True)


def test_names_are_looked_up_when_the_check_runs(names, capsys):
    known = {}
    check = checks.checker(3, known)
    known["block"] = names[3]["block"]
    check(3, 4736)
    assert "right" in capsys.readouterr().out


def test_a_dataset_that_does_not_state_what_is_asked_is_no_wrong_answer(names, capsys):
    predictions = names[4]["predictions"].assign(true="a", predicted="b")
    check = checks.checker(4, {"predictions": predictions, "classes": ["a", "b"]})
    for number in (3, 6):
        check(number, (1, 2, 3), strict=True)
        assert f"Exercise {number} can't be checked with this dataset. " in capsys.readouterr().out


def test_no_check_cell_holds_more_than_the_form_of_an_answer():
    for path in PATHS:
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            if "check" in cell["metadata"].get("tags", []):
                assert re.fullmatch(copies.CHECK, "".join(cell["source"])) and len(cell["source"]) == 3
