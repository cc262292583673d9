"""`make lint`: what every notebook must keep to, so that a student can open any of them (command line).

Each finding is one line: file, cell, what to do. Style is ruff's and spelling codespell's; the rules here are those of this suite.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import nbformat

from helpers.lessons import exercise_findings, tags
from helpers.runtime import PROJECT
from helpers.stamp import repository

LONGEST_CELL = 25  # lines: what a projected page shows at once
FEWEST_EXERCISES = 5
OPENING = slice(1, 5)  # set-up and settings, the same cells everywhere
IN_TITLE = ("**You will learn**", "**Time:**", "**You need:**")
IN_LESSON = ("Predict", "What you should see")
CLOSING = ("## Exercises", "## Glossary", "## Sources")
TRAINS = re.compile(r"^from helpers\.training import .*\btrain\b|\bcheck_gpu\(", re.MULTILINE)  # check_gpu says what trains
LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCED = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
QUOTED = re.compile(r"`[^`\n]*`")

Finding = tuple[int | None, str]  # place of the cell from 0, None for the whole file; what to do


def findings(project: Path = PROJECT) -> list[str]:
    """All that is wrong with the notebooks of a project and with the links of its texts.

    Parameters
    ----------
    project : Path
        Folder of `pyproject.toml`, `README.md` and `notebooks/`.

    Returns
    -------
    list of str
        One line each; empty if all is well.
    """
    lines = []
    opening: list[str] = []
    for path in sorted((project / "notebooks").glob("*.ipynb")):
        try:
            notebook = nbformat.read(path, as_version=4)
            nbformat.validate(notebook)
        except Exception as error:  # nbformat, its schema and json each have their own
            lines.append(f"{path.relative_to(project)}: is no valid notebook, {str(error).splitlines()[0]}")
            continue
        opening = opening or _opening(notebook)
        for place, finding in _notebook_findings(path, notebook, project=project, opening=opening):
            cell = "" if place is None else f", cell {place + 1} ({notebook.cells[place].id})"
            lines.append(f"{path.relative_to(project)}{cell}: {finding}")
    for path in [project / "README.md", *sorted((project / "notebooks").glob("*.md"))]:
        broken = _broken_links(path.read_text(encoding="utf-8"), path, project=project)
        lines += [f"{path.relative_to(project)}: {finding}" for finding in broken]
    return lines


def _notebook_findings(path: Path, notebook: nbformat.NotebookNode, *, project: Path, opening: list[str]) -> Iterator[Finding]:
    yield from _opening_findings(path, notebook, project=project, opening=opening)
    yield from _lesson_findings(notebook)
    yield from exercise_findings(notebook)
    for place, cell in enumerate(notebook.cells):
        if cell.cell_type == "code":
            if cell.outputs or cell.execution_count is not None:
                yield place, "clear its output and its number (Edit > Clear all outputs)"
            if (lines := len(cell.source.splitlines())) > LONGEST_CELL:
                yield place, f"split it: {lines} lines, and {LONGEST_CELL} are the most"
        else:
            for finding in _broken_links(cell.source, path, project=project):
                yield place, finding
    trains = any(cell.cell_type == "code" and TRAINS.search(cell.source) for cell in notebook.cells)
    if trains != (notebook.metadata.get("accelerator") == "GPU"):
        what = 'ask Colab for a GPU, "accelerator": "GPU"' if trains else "ask for no GPU, nothing is trained here"
        yield None, f"{what} (metadata of the notebook)"


def _opening(notebook: nbformat.NotebookNode) -> list[str]:
    return [cell.source for cell in notebook.cells[OPENING]]


def _opening_findings(path: Path, notebook: nbformat.NotebookNode, *, project: Path, opening: list[str]) -> Iterator[Finding]:
    address = repository(project)
    title = notebook.cells[0].source if notebook.cells else ""
    number = path.stem[:2].lstrip("0")
    if not title.startswith(f"# {number}. "):
        yield None, f"begin with a title cell, '# {number}. ...'"
        return
    for part in IN_TITLE:
        if part not in title:
            yield 0, f"add {part}"
    place = f"{address.removeprefix('https://github.com/')}/blob/main/{path.relative_to(project).as_posix()}"
    if f"(https://colab.research.google.com/github/{place})" not in title:
        yield 0, f"let the badge open {place} (`make stamp` writes owner and name)"
    if _opening(notebook) != opening:
        yield 1, "make cells 2 to 5, set-up and settings, the same as in the first notebook"
    elif f'REPOSITORY = "{address}"' not in "".join(opening):
        yield 2, f"let REPOSITORY be {address}: run `make stamp`"


def _lesson_findings(notebook: nbformat.NotebookNode) -> Iterator[Finding]:
    texts = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    heads = [line for text in texts for line in text.splitlines() if line in CLOSING]
    if heads != list(CLOSING):
        yield None, f"end with {', '.join(CLOSING)}, once each and in this order"
    for part in IN_LESSON:
        if not any(part.lower() in text.lower() for text in texts):
            yield None, f"say {part!r} at least once"
    exercises = sum(not {"solution", "answer"}.isdisjoint(tags(cell)) for cell in notebook.cells)
    if exercises < FEWEST_EXERCISES:
        yield None, f"give {FEWEST_EXERCISES} exercises at least, there are {exercises}"
    kinds = [cell.cell_type for cell in notebook.cells[-2:]]
    if kinds != ["code", "markdown"] or ".ipynb)" not in notebook.cells[-1].source:
        yield len(notebook.cells) - 1, "end with a code cell that sums up and a text that links another notebook"


def _broken_links(text: str, path: Path, *, project: Path) -> Iterator[str]:
    """Links to files and headings of this project that lead nowhere; other addresses are not asked."""
    own = f"{repository(project)}/blob/main/"
    for link in LINK.findall(QUOTED.sub("", FENCED.sub("", text))):
        file, _, anchor = unquote(link).partition("#")
        if file.startswith(own):
            target = project / file.removeprefix(own)
        elif ":" in file:
            continue
        else:
            target = path.parent / file if file else path
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in _anchors(target)):
            yield f"mend the link {link}, which leads nowhere"


def _anchors(path: Path) -> set[str]:
    """Names that GitHub gives the headings of a text: lower case, punctuation away, hyphens for spaces."""
    headings = re.findall(r"^#+ +(.+)$", FENCED.sub("", path.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


if __name__ == "__main__":
    found = findings()
    print("\n".join(found), file=sys.stderr, end="\n" if found else "")
    sys.exit(bool(found))
