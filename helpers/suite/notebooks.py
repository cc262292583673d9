"""The notebooks as files: what each must keep to (`make lint`).

python -m helpers.suite.notebooks lint   says what is wrong, one line a finding: file, cell, what to do

Style is ruff's and spelling codespell's; the rules here are those of this suite, and `helpers.suite.copies` has those of exercises.
The cell whose figure stands for the notebook in the report is tagged `key-figure`.
"""

import itertools
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import nbformat

from helpers.suite.copies import Finding, exercise_findings, tags
from helpers.suite.stamp import PROJECT, repository

KEY_FIGURE = "key-figure"  # tag of the cell whose figure the report shows
LONGEST_CELL = 25  # lines: what a projected page shows at once
LONGEST_SETUP = 50  # it is folded, and has nothing but the standard library to fetch the project with
FEWEST_EXERCISES = 5
OPENING = slice(1, 7)  # set-up, settings and earlier stages: the same cells in every lesson, up to its number
NUMBER = re.compile(r"\bnotebook=(\d+)")
MOST_WORDS, MOST_CELLS = 2200, 35  # of a lesson: what one sitting holds
GENERATED = re.compile(r"<!-- \w+ -->.*?<!-- end -->", re.DOTALL)  # tables of published runs, which grow with them
KEEPS = "# @title Keep the results"  # first line of the cell that saves them
SETUP = 2  # index of the set-up cell, the last of them that notebook 0 has, too
CLOSING = ("## Exercises", "## Glossary", "## Sources")
# `check_gpu` says what trains.
TRAINS = re.compile(r"^from helpers\.network\.training import .*\btrain\b|\bcheck_gpu\(", re.MULTILINE)
TRANSLATIONS = "[a-z]*/[0-9]*.ipynb"  # in notebooks/: a folder a language (docs/translation.md)
LANGUAGE = re.compile(r', language="[\w-]+"')  # what the code of a translation may add
FENCED = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)


def is_lesson(path: Path) -> bool:
    """Whether a notebook teaches a stage; notebook 0 is a first visit, with nothing to set, to exercise or to look up."""
    return not path.stem.startswith("00")


def findings(project: Path = PROJECT) -> list[str]:
    """All that is wrong with the notebooks of a project and with the links of its texts: a line each, none if all is well.

    The project's folder is as for `helpers.suite.stamp.stamp`.
    """
    lines, opening = [], []
    for path in sorted((project / "notebooks").glob("*.ipynb"), key=lambda path: (not is_lesson(path), path)):
        try:
            notebook = nbformat.read(path, as_version=4)
            nbformat.validate(notebook)
        except Exception as error:  # nbformat, its schema and json each have their own
            lines.append(f"{path.relative_to(project)}: is no valid notebook, {str(error).splitlines()[0]}")
            continue
        opening = opening or _opening(notebook)
        for index, finding in _notebook_findings(path, notebook, project=project, opening=opening):
            cell = "" if index is None else f", cell {index + 1} ({notebook.cells[index].id})"
            lines.append(f"{path.relative_to(project)}{cell}: {finding}")
    for path in sorted((project / "notebooks").glob(TRANSLATIONS)):
        lines += [f"{path.relative_to(project)}: {finding}" for finding in _translation_findings(path, project=project)]
    for path in [project / "README.md", *sorted(project.glob("docs/*.md")), *sorted(project.glob("notebooks/*.md"))]:
        broken = _broken_links(path.read_text(encoding="utf-8"), path, project=project)
        lines += [f"{path.relative_to(project)}: {finding}" for finding in broken]
    return lines


def _notebook_findings(path: Path, notebook: nbformat.NotebookNode, *, project: Path, opening: list[str]) -> Iterator[Finding]:
    yield from _opening_findings(path, notebook, project=project, opening=opening)
    if is_lesson(path):
        yield from _lesson_findings(notebook, checker=f"checks.checker({path.stem[:2].removeprefix('0')}, globals())")
    yield from exercise_findings(notebook)
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type == "code":
            if cell.outputs or cell.execution_count is not None:
                yield index, "clear its output and its number (Edit > Clear all outputs)"
            most = LONGEST_SETUP if index == SETUP else LONGEST_CELL
            if (lines := len(cell.source.splitlines())) > most:
                yield index, f"split it: {lines} lines, and {most} are the most"
        else:
            yield from ((index, finding) for finding in _broken_links(cell.source, path, project=project))
    trains = any(cell.cell_type == "code" and TRAINS.search(cell.source) for cell in notebook.cells)
    if trains != (notebook.metadata.get("accelerator") == "GPU"):
        what = 'ask Colab for a GPU, "accelerator": "GPU"' if trains else "ask for no GPU, nothing is trained here"
        yield None, f"{what} (metadata of the notebook)"


def _opening_findings(path: Path, notebook: nbformat.NotebookNode, *, project: Path, opening: list[str]) -> Iterator[Finding]:
    address, page = repository(project), _page(path, project=project)
    title = notebook.cells[0].source if notebook.cells else ""
    number = path.stem[:2].removeprefix("0")
    if not title.startswith(f"# {number}. "):
        yield None, f"begin with a title cell, '# {number}. ...'"
        return
    yield from ((0, f"add {part}") for part in ("**You will learn**", "**Time:**", "**You need:**") if part not in title)
    if f"(https://colab.research.google.com/github/{page})" not in title:
        yield 0, f"let the badge open {page} (`make stamp` writes owner and name)"
    shared = opening if is_lesson(path) else opening[:SETUP]
    if _opening(notebook)[: len(shared)] != shared:
        what = "set-up, settings and earlier stages" if is_lesson(path) else "set-up"
        yield 1, f"make cells 2 to {1 + len(shared)}, {what}, the same as in the first notebook"
    elif NUMBER.findall("\n".join(cell.source for cell in notebook.cells[OPENING])) != [number]:
        yield 4, f"say once which notebook this is: notebook={number}"
    elif f'REPOSITORY = "{address}"' not in "".join(opening):
        yield 2, f"let REPOSITORY be {address}: run `make stamp`"


def _translation_findings(path: Path, *, project: Path) -> Iterator[str]:
    """What of a translation is not its original's, the texts apart, and what of its texts leads nowhere."""
    original = path.parents[1] / path.name
    try:
        notebooks = [nbformat.read(file, as_version=4) for file in (path, original)]
        nbformat.validate(notebooks[0])
    except Exception as error:  # nbformat, its schema and json each have their own
        yield f"is no valid notebook, or {original.relative_to(project)} is none, {str(error).splitlines()[0]}"
        return
    code = [
        [cell | {"source": LANGUAGE.sub("", cell.source)} for cell in notebook.cells if cell.cell_type == "code"]
        for notebook in notebooks
    ]
    if code[0] != code[1]:
        yield f"let its code cells be the same as those of {original.relative_to(project)}"
    texts = [cell.source for cell in notebooks[0].cells if cell.cell_type == "markdown"]
    if f"(https://colab.research.google.com/github/{_page(path, project=project)})" not in texts[0]:
        yield f"let the badge open {_page(path, project=project)} (`make stamp` writes owner and name)"
    yield from (finding for text in texts for finding in _broken_links(text, path, project=project))


def _page(path: Path, *, project: Path) -> str:
    """A notebook's place on GitHub, as its badge names it."""
    return f"{repository(project).removeprefix('https://github.com/')}/blob/main/{path.relative_to(project).as_posix()}"


def _opening(notebook: nbformat.NotebookNode) -> list[str]:
    return [NUMBER.sub("notebook=N", cell.source) for cell in notebook.cells[OPENING]]


def _lesson_findings(notebook: nbformat.NotebookNode, *, checker: str) -> Iterator[Finding]:
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    heads = [line for line in text.splitlines() if line in CLOSING]
    figures = sum(cell.cell_type == "code" and KEY_FIGURE in tags(cell) for cell in notebook.cells)
    exercises = sum(not {"solution", "answer"}.isdisjoint(tags(cell)) for cell in notebook.cells)
    last = [cell.cell_type for cell in notebook.cells[-2:]] == ["code", "markdown"] and ".ipynb)" in notebook.cells[-1].source
    keeps = sum(cell.source.startswith(KEEPS) for cell in notebook.cells)
    checkers = sum(checker in cell.source for cell in notebook.cells)
    words, cells = _length(notebook)
    checks = [
        (
            words <= MOST_WORDS,
            None,
            f"shorten the lesson, up to where it keeps the results: {words:,} of {MOST_WORDS:,} words",
        ),
        (cells <= MOST_CELLS, None, f"leave out code cells of the lesson: {cells}, and {MOST_CELLS} are the most"),
        (keeps == 1, None, f"let one cell save the results, beginning with {KEEPS!r}; {keeps} do"),
        (heads == list(CLOSING), None, f"end with {', '.join(CLOSING)}, once each and in this order"),
        *((part.lower() in text.lower(), None, f"say {part!r} at least once") for part in ("Predict", "What you should see")),
        (figures == 1, None, f"tag one code cell `{KEY_FIGURE}`, the one whose figure the report shows; {figures} have the tag"),
        (exercises >= FEWEST_EXERCISES, None, f"give {FEWEST_EXERCISES} exercises at least, there are {exercises}"),
        (checkers == 1, None, f"let one cell below the heading Exercises say: check = {checker}; {checkers} do"),
        (last, len(notebook.cells) - 1, "end with a code cell that sums up and a text that links another notebook"),
    ]
    yield from ((index, finding) for kept, index, finding in checks if not kept)


def _length(notebook: nbformat.NotebookNode) -> tuple[int, int]:
    """Words of text and number of code cells of a lesson: from the earlier stages to the cell that keeps the results."""
    ends = (KEEPS, KEEPS.replace("# @title", "##"))
    lesson = list(itertools.takewhile(lambda cell: not cell.source.startswith(ends), notebook.cells[OPENING.stop :]))
    text = [GENERATED.sub("", cell.source) for cell in lesson if cell.cell_type == "markdown"]
    return len("\n".join(text).split()), sum(cell.cell_type == "code" for cell in lesson)


def _broken_links(text: str, path: Path, *, project: Path) -> Iterator[str]:
    """Links to files and headings of this project that lead nowhere; other addresses are not asked."""
    own = f"{repository(project)}/blob/main/"
    for link in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", "", FENCED.sub("", text))):
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


def main(arguments: list[str]) -> int:
    """Check the notebooks; exit code 1 where something is wrong."""
    if arguments != ["lint"]:
        print("Say lint; copies of the notebooks are made by helpers.suite.copies.", file=sys.stderr)
        return 1
    found = findings()
    print("\n".join(found), file=sys.stderr, end="\n" if found else "")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
