"""The short path through a notebook: few cells, marked, and none that needs another one."""

import ast
import builtins
import json

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


PATHS = [path for path in sorted((PROJECT / "notebooks").glob("0[1-6]_*.ipynb")) if len(short(path)) > OPENING]
each = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)


def names(source: str) -> tuple[set[str], set[str]]:
    """The names that a cell makes, and those that it reads, of any scope."""
    nodes = list(ast.walk(ast.parse(source)))
    made = {
        alias.asname or alias.name.split(".")[0]
        for node in nodes
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    made |= {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ExceptHandler) and node.name}
    made |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    made |= {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    return made, {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}


@each
def test_the_short_path_is_short_and_says_that_it_is(path):
    cells = short(path)
    assert len(cells) <= MOST
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
