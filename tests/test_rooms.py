"""The rooms of `helpers/` and the one direction of their imports."""

import ast
from pathlib import Path

import pytest

from helpers.base.machine import PROJECT

FLOORS = ("base", "recordings", "spectrograms", "evaluation", "network", "comparison", "suite")
MAY_IMPORT = {room: {*FLOORS[: floor + 1]} for floor, room in enumerate(FLOORS)}
MAY_IMPORT["display"] = {"base", "recordings", "spectrograms", "evaluation", "display"}
MAY_IMPORT["lessons"] = MAY_IMPORT["display"] | {"lessons"}  # no room may import it
MAY_IMPORT["session"] = {*FLOORS, "display"} - {"suite"}
MAY_IMPORT["images"] = MAY_IMPORT["session"] | {"session"}
MAY_IMPORT["stages"] = MAY_IMPORT["images"] | {"images"}
MAY_IMPORT["suite"] |= {"session", "images", "stages", "display"}
WITHOUT_TENSORFLOW = ("base", "recordings", "evaluation", "display", "lessons", "session", "stages", "images")
FRAMEWORKS = {"tensorflow", "keras"}
MODULES = sorted((PROJECT / "helpers").rglob("*.py"))


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(PROJECT).with_suffix("").parts).removesuffix(".__init__")


def imports(source: str, *, lazy: bool) -> set[str]:
    """Modules that a source imports: everywhere in it, or only where it is loaded."""
    tree = ast.parse(source)
    skipped: set[ast.AST] = set()
    if not lazy:
        for node in ast.walk(tree):
            checked_only = isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"
            if checked_only or isinstance(node, ast.FunctionDef):
                skipped |= set(ast.walk(node))
    found = set()
    for node in ast.walk(tree):
        if node in skipped:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def breaks(module: str, source: str) -> list[str]:
    """Imports of a module that run against the direction, and the rule that each breaks."""
    room = module.split(".")[1]
    rooms = sorted({name.split(".")[1] for name in imports(source, lazy=True) if name.startswith("helpers.")})
    return [
        f"{module} imports helpers.{other}, but {room} may import only {', '.join(sorted(MAY_IMPORT[room]))}"
        for other in rooms
        if other not in MAY_IMPORT[room]
    ]


def loaded(module: str, sources: dict[str, str]) -> set[str]:
    """Everything that is loaded together with a module."""
    found, waiting = set(), {module}
    while waiting:
        name = waiting.pop()
        found.add(name)
        waiting |= imports(sources[name], lazy=False) - found if name in sources else set()
    return found


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_run_one_way(path):
    if path.parent.name != "helpers" or path.stem != "__init__":
        assert not breaks(name_of(path), path.read_text(encoding="utf-8"))


def test_an_import_against_the_direction_is_named_with_its_rule():
    (found,) = breaks("helpers.evaluation.scores", "from helpers.network.run import read_run")
    assert found.startswith("helpers.evaluation.scores imports helpers.network, but evaluation may import only base, ")
    assert breaks("helpers.display.clip", "def heat():\n    from helpers.network import model")
    assert not breaks("helpers.network.run", "from helpers.evaluation.scores import score")
    assert breaks("helpers.lessons.notebook_5", "from helpers.comparison.race import compare")
    assert breaks("helpers.session", "from helpers.lessons import checks")


def test_opening_a_notebook_and_reading_its_tables_load_no_tensorflow():
    sources = {name_of(path): path.read_text(encoding="utf-8") for path in MODULES}
    light = [module for module in sources if module.split(".")[1:2] and module.split(".")[1] in WITHOUT_TENSORFLOW]
    assert "helpers.session" in light
    for module in light:
        assert not {name.split(".")[0] for name in loaded(module, sources)} & FRAMEWORKS, module


def test_each_room_says_what_it_is_for_and_which_notebook_teaches_it():
    rooms = [room for room in (PROJECT / "helpers").iterdir() if room.is_dir() and room.name != "__pycache__"]
    assert {room.name for room in rooms} >= {"base", "recordings", "suite"}
    for room in rooms:
        said = ast.get_docstring(ast.parse((room / "__init__.py").read_text(encoding="utf-8")))
        assert "otebook" in said, room
