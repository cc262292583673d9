"""The short path through a notebook: few cells, marked, and none that needs another one."""

import builtins
import json
import symtable
from collections.abc import Iterator

import pytest

from helpers.base.machine import PROJECT

OPENING, MOST = 3, 15  # set-up, settings, earlier stages; code cells of a short path with them
GIVEN = {*dir(builtins), "display"}


def code_cells(path) -> list[dict]:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [cell | {"source": "".join(cell["source"])} for cell in cells if cell["cell_type"] == "code"]


def short(path) -> list[dict]:
    """Its cells, the opening ones first."""
    cells = code_cells(path)
    return cells[:OPENING] + [cell for cell in cells[OPENING:] if "short-path" in cell["metadata"].get("tags", [])]


PATHS = sorted((PROJECT / "notebooks").glob("0[1-6]_*.ipynb"))
each = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)


def names(source: str) -> tuple[set[str], set[str]]:
    """The names that a cell makes, and those that it takes from cells before it."""
    table = symtable.symtable(source, "cell", "exec")
    made = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_assigned() or symbol.is_imported()}
    used = {name for scope in [table, *inner(table)] for name in scope.get_identifiers() if scope.lookup(name).is_global()}
    return made, used - made


def inner(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    """The scopes within a scope, such as those of functions and comprehensions."""
    for child in table.get_children():
        yield child
        yield from inner(child)


@each
def test_the_short_path_is_short_and_says_that_it_is(path):
    cells = short(path)
    assert OPENING < len(cells) <= MOST
    assert [cell["id"] for cell in cells[OPENING:] if not cell["source"].startswith(("# Short path\n", "# @title"))] == []
    assert "**Short path:**" in "".join(json.loads(path.read_text(encoding="utf-8"))["cells"][0]["source"])
    marked = [cell["id"] for cell in code_cells(path) if cell["source"].startswith("# Short path")]
    assert set(marked) <= {cell["id"] for cell in cells}


@each
def test_no_cell_of_the_short_path_needs_one_that_it_leaves_out(path):
    known = set(GIVEN)
    for cell in short(path):
        made, read = names(cell["source"])
        assert read - known - made == set(), cell["id"]
        known |= made
