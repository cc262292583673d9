"""Copies of the notebooks for a class: `make student` without the solutions, `make teacher` with them (command line).

python -m helpers.lessons student          writes artifacts/student/*.ipynb
python -m helpers.lessons student FOLDER   writes them to another folder: `notebooks` in a class's own fork
python -m helpers.lessons teacher          writes artifacts/teacher/*.ipynb

An exercise is a text cell, `### Exercise 2: title (10 minutes)`, with a folded hint. The code cell after it is the solution: tagged
`solution`, folded on Colab, its first line `# @title Solution 2`. A student's copy has an empty cell in its place, tagged `answer`.
"""

from __future__ import annotations

import copy
import itertools
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat

from helpers.artifacts import write_text
from helpers.errors import SuiteError
from helpers.runtime import PROJECT

COPIES = ("student", "teacher")
HEADING = re.compile(r"### Exercise (\d+): .+ \(.*(?:minute|hour).*\)")
HINT = re.compile(r"<details>\s*<summary>Hint</summary>.+</details>", re.DOTALL)


def tags(cell: nbformat.NotebookNode) -> list[str]:
    """Tags of a cell."""
    return cell.metadata.get("tags", [])


def exercise_findings(notebook: nbformat.NotebookNode) -> Iterator[tuple[int, str]]:
    """What is wrong with the exercises of a notebook.

    Yields
    ------
    int
        Place of the cell, from 0.
    str
        What to do.
    """
    cells = [*notebook.cells, nbformat.v4.new_raw_cell("")]
    exercises = 0
    for place, (cell, after) in enumerate(itertools.pairwise(cells)):
        first = cell.source.split("\n", 1)[0]
        if cell.cell_type == "markdown" and first.startswith("### Exercise"):
            exercises += 1
            heading = HEADING.fullmatch(first)
            if not heading or int(heading[1]) != exercises:
                yield place, f"head it '### Exercise {exercises}: title (10 minutes)', not {first!r}"
            if not HINT.search(cell.source):
                yield place, "fold a hint into it: <details><summary>Hint</summary>...</details>"
            if "answer" not in tags(after) and "solution" not in tags(after):
                yield place, "let its solution follow, a code cell with the tag `solution`"
        elif "solution" in tags(cell) or first.startswith("# @title Solution"):
            before = cells[place - 1].source
            if "solution" not in tags(cell) or cell.metadata.get("cellView") != "form":
                yield place, 'give this solution the metadata {"cellView": "form", "tags": ["solution"]}'
            if first != f"# @title Solution {exercises}" or not before.startswith("### Exercise"):
                yield place, f"put it right below its exercise, and begin it with '# @title Solution {exercises}', not {first!r}"


def student_copy(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """A copy of a notebook with an empty cell in the place of each solution."""
    notebook = copy.deepcopy(notebook)
    for cell in notebook.cells:
        if "solution" in tags(cell):
            cell.source, cell.metadata = "# Your answer\n", {"tags": ["answer"]}
    return notebook


def write_copies(kind: str, folder: Path, *, project: Path = PROJECT) -> list[Path]:
    """Write all notebooks to a folder, for students or for a teacher.

    Badges stay as they are: they open the file of the same name in `notebooks/` of the stamped repository. Links from notebook to
    notebook lead to the copies beside.

    Parameters
    ----------
    kind : {"student", "teacher"}
    folder : Path
    project : Path

    Returns
    -------
    list of Path
        The notebooks that were written.

    Raises
    ------
    SuiteError
        An unknown kind; or a solution that could not be told from a lesson, so that students might get it.
    """
    if kind not in COPIES:
        raise SuiteError(f"There is no copy {kind!r}: choose one of {', '.join(COPIES)}.")
    notebooks = {path: nbformat.read(path, as_version=4) for path in sorted((project / "notebooks").glob("*.ipynb"))}
    for path, notebook in notebooks.items():
        for place, finding in exercise_findings(notebook):
            raise SuiteError(f"{path}, cell {place + 1}: {finding}; nothing was written.")
    written = [folder / path.name for path in notebooks]
    for path, notebook in zip(written, notebooks.values(), strict=True):
        write_text(path, nbformat.writes(student_copy(notebook) if kind == "student" else notebook) + "\n")
    return written


def main(arguments: list[str]) -> int:
    """Write the copies and say where; exit code 1 and a sentence where that can't be."""
    kind, *rest = arguments or [""]
    folder = Path(rest[0]).expanduser() if rest else PROJECT / "artifacts" / kind
    try:
        written = write_copies(kind, folder)
    except SuiteError as error:
        print(error, file=sys.stderr)
        return 1
    cells = [cell for path in written for cell in nbformat.read(path, as_version=4).cells]
    print(f"{len(written)} notebooks with {sum('solution' in tags(cell) for cell in cells)} solutions in {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
