"""Exercises and their solutions: what each must keep to, and copies for a class (command line; the standard library alone).

python -m helpers.suite.copies student          writes artifacts/student/*.ipynb, without the solutions
python -m helpers.suite.copies student FOLDER   writes them to another folder: `notebooks` in a class's own fork
python -m helpers.suite.copies teacher          writes artifacts/teacher/*.ipynb, with the solutions

An exercise is a text cell, `### Exercise 2: title (10 minutes)`, with a folded hint. Its check follows, a code cell with the tag
`check` (`helpers/lessons/checks.py` has what it asks), then its solution, a code cell with the tag `solution`, which is folded on
Colab and in JupyterLab and puts its own answer to the check. A student's copy has a cell to work in in its place, tagged `answer`.
"""

import copy
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Optional

from helpers.suite.stamp import PROJECT, write_whole

COPIES = ("student", "teacher")
HEADING = re.compile(r"### Exercise (\d+): .+ \(.*(?:minute|hour).*\)")
HINT = re.compile(r"<details>\s*<summary>Hint</summary>.+</details>", re.DOTALL)
CHECK = re.compile(r"# @title Check (\d+)\nanswer_\1 = None  # (.+)\ncheck\(\1, answer_\1\)")
FOLDED = {"cellView": "form", "jupyter": {"source_hidden": True, "outputs_hidden": True}, "tags": ["solution"]}
NO_CELL = {"cell_type": "raw", "metadata": {}, "source": ""}
Finding = tuple[Optional[int], str]  # index of the cell, None for the whole file; what to do; a teacher's Python may be old  # noqa: UP045


def tags(cell: dict[str, Any]) -> list[str]:
    """Tags of a cell."""
    return cell["metadata"].get("tags", [])


def exercise_findings(notebook: dict[str, Any]) -> Iterator[Finding]:
    """What is wrong with the exercises of a notebook, whose sources are texts (as `read` and nbformat give them)."""
    cells, count = [*notebook["cells"], NO_CELL, NO_CELL], 0
    for index, cell in enumerate(cells):
        first = cell["source"].split("\n", 1)[0]
        if cell["cell_type"] == "markdown" and first.startswith("### Exercise"):
            count += 1
            heading, (check, solution) = HEADING.fullmatch(first), cells[index + 1 : index + 3]
            if not heading or int(heading[1]) != count:
                yield index, f"head it '### Exercise {count}: title (10 minutes)', not {first!r}"
            if not HINT.search(cell["source"]):
                yield index, "fold a hint into it: <details><summary>Hint</summary>...</details>"
            asked = CHECK.fullmatch(check["source"])
            if not asked or int(asked[1]) != count or "check" not in tags(check):
                lines = f"'# @title Check {count}', 'answer_{count} = None  # form of the answer', 'check({count}, answer_{count})'"
                yield index, f"let its check follow, a code cell with the tag `check` and the lines {lines}"
            if "answer" not in tags(solution) and "solution" not in tags(solution):
                yield index, "let its solution follow its check, a code cell with the tag `solution`"
        elif "solution" in tags(cell) or first.startswith("# @title Solution"):
            if any(cell["metadata"].get(key) != value for key, value in FOLDED.items()):
                yield index, f"give this solution the metadata {json.dumps(FOLDED)}"
            if first != f"# @title Solution {count}" or not cells[index - 2]["source"].startswith("### Exercise"):
                yield index, f"put it right below its check, and begin it with '# @title Solution {count}', not {first!r}"
            if not re.search(rf"\bcheck\({count}, .+, strict=True\)", cell["source"]):
                yield index, f"let it put its own answer to the check: check({count}, ..., strict=True)"


def student_copy(notebook: dict[str, Any]) -> dict[str, Any]:
    """A copy of a notebook with a cell to work in in the place of each solution; the checks stay."""
    notebook = copy.deepcopy(notebook)
    for check, cell in zip(notebook["cells"], notebook["cells"][1:]):  # noqa: B905, as a teacher's Python may lack `strict`
        if "solution" in tags(cell):
            asked = CHECK.fullmatch(check["source"])
            form = asked[2] if asked else "see the task"
            cell["source"] = f"# Room to work. Then put your answer into the check above ({form}).\n"
            cell["metadata"], cell["outputs"], cell["execution_count"] = {"tags": ["answer"]}, [], None
    return notebook


def read(path: Path) -> dict[str, Any]:
    """A notebook, with the source of each cell as one text."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"])
    return notebook


def write_copies(kind: str, folder: Path, *, project: Path = PROJECT) -> list[Path]:
    """Write all notebooks to a folder, for students or for a teacher (`kind`, one of `COPIES`), and return the new files.

    Badges stay as they are: they open the file of the same name in `notebooks/` of the stamped repository. Links from notebook to
    notebook lead to the copies beside.

    Raises
    ------
    ValueError
        An unknown kind; or a solution that could not be told from a lesson, so that students might get it. Nothing was written.
    """
    if kind not in COPIES:
        raise ValueError(f"There is no copy {kind!r}: choose one of {', '.join(COPIES)}.")
    notebooks = {path: read(path) for path in sorted((project / "notebooks").glob("*.ipynb"))}
    for path, notebook in notebooks.items():
        for index, finding in exercise_findings(notebook):
            raise ValueError(f"{path}, cell {(index or 0) + 1}: {finding}; nothing was written.")
    folder.mkdir(parents=True, exist_ok=True)
    for path, notebook in notebooks.items():
        made = student_copy(notebook) if kind == "student" else notebook
        for cell in made["cells"]:
            cell["source"] = cell["source"].splitlines(keepends=True)
        write_whole(folder / path.name, json.dumps(made, indent=1, ensure_ascii=False) + "\n")
    return [folder / path.name for path in notebooks]


def main(arguments: list[str]) -> int:
    """Write copies of the notebooks and say where; exit code 1, and a sentence, where that can't be done."""
    kind, *rest = arguments or [""]
    folder = Path(rest[0]).expanduser() if rest else PROJECT / "artifacts" / kind
    try:
        written = write_copies(kind, folder)
        cells = [cell for path in written for cell in read(path)["cells"]]
    except (ValueError, KeyError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{len(written)} notebooks with {sum('solution' in tags(cell) for cell in cells)} solutions in {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
