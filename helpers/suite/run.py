"""`make run`: execute the notebooks in order, keep each as a page, and sum the run up (command line).

python -m helpers.suite.run                              all notebooks, then the report
python -m helpers.suite.run 01_download 02_spectrograms  only these
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import sys
import time
from pathlib import Path

import nbformat
import pandas as pd
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError

from helpers.base import machine
from helpers.base.artifacts import SuiteError, write_text
from helpers.session import start
from helpers.suite import report

NOTEBOOKS = machine.PROJECT / "notebooks"
COLOUR_CODES = re.compile(r"\x1b\[[0-9;]*m")


def main(arguments: list[str] | None = None) -> int:
    """Run the suite as the environment says (`DATASET`, `DATA_DIR`, `NAME`, `PROFILE`, `OVERRIDES`, `ARTIFACTS`).

    Returns
    -------
    int
        Exit code: 0, or 1 where a notebook failed.
    """
    known = [path.stem for path in sorted(NOTEBOOKS.glob("[0-9]*.ipynb"))]
    parser = argparse.ArgumentParser(description="Execute the notebooks in order and make the report.")
    parser.add_argument("notebooks", nargs="*", metavar="NOTEBOOK", help=f"of {', '.join(known)}; all if none is given")
    names = parser.parse_args(arguments).notebooks or known
    unknown = [name for name in names if name not in known]
    try:
        if unknown:
            raise SuiteError(f"There is no notebook {unknown[0]!r}: choose from {', '.join(known)}.")
        # The kernels start in another folder than this process.
        for variable in ("DATA_DIR", "OTHER_DATA_DIR", "ARTIFACTS", "RECORDING"):
            if os.environ.get(variable):
                os.environ[variable] = str(Path(os.environ[variable]).expanduser().resolve())
        session = start()
        os.environ["PROFILE"] = session.profile.name
        os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")  # older kernels warn of a debugger nobody asked for
    except SuiteError as error:
        print(error, file=sys.stderr)
        return 1

    folder = session.artifacts.report
    seconds: dict[str, float] = {}
    for number, name in enumerate(names, start=1):
        line = f"[{number}/{len(names)}] {name}"
        print(f"{line} ...", flush=True)
        started = time.perf_counter()
        failure = run_notebook(name, folder, line=line)
        seconds[name] = time.perf_counter() - started
        if failure:
            print(f"{line} failed after {seconds[name]:.0f} s: {failure}", file=sys.stderr)
            print("What the stages before it wrote stays: mend this and run the same command again.", file=sys.stderr)
            return 1
        print(f"{line} done in {seconds[name]:.0f} s", flush=True)
    if names == known:
        summary = report.summary(session.artifacts, profile=session.profile, seconds=seconds)
        page = report.write_index(session.artifacts, summary, known, network=session.profile.network)
        print(f"\n{pd.DataFrame({'': summary}).to_string(header=False)}\n\nreport: {page}")
    return 0


def run_notebook(name: str, folder: Path, *, line: str) -> str | None:
    """Execute a notebook and write it as a page to `folder`, also where a cell fails.

    Parameters
    ----------
    name : str
        Of the notebook, without its ending.
    folder : Path
        Where `<name>.html` goes, and `<name>.png`, its key figure.
    line : str
        What a terminal shows before the number of the cell.

    Returns
    -------
    str or None
        The cell's number, its title if it has one (such as "Solution 2"), and the last line of its error; None if all cells ran.
    """
    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    cells = sum(cell.cell_type == "code" for cell in notebook.cells)
    done, where = 0, ""

    def show(cell, cell_index) -> None:
        nonlocal done, where
        if cell.cell_type == "code":
            done += 1
            title = re.match("# @title (.+)", cell.source)
            where = f"cell {done} of {cells}" + (f" ({title[1]})" if title else "")
            if sys.stdout.isatty():
                width = shutil.get_terminal_size().columns - 1
                print(f"\r{f'{line}: cell {done} of {cells}'[:width]}", end="\r", flush=True)

    client = NotebookClient(
        notebook,
        timeout=None,
        kernel_name="python3",
        coalesce_streams=True,
        extra_arguments=["--log-level=40"],  # newer kernels warn of their own transport, which is local here
        on_cell_execute=show,
        resources={"metadata": {"path": str(NOTEBOOKS)}},
    )
    failure = None
    folder.mkdir(parents=True, exist_ok=True)
    try:
        # What libraries write past Python (TensorFlow's start-up lines) goes to a file beside the page.
        with open(folder / f"{name}.log", "w") as log:
            client.execute(stderr=log)
    except CellExecutionError as error:
        failure = f"{where}: {_last_line(error)}"
    except DeadKernelError:
        failure = f"{where}: the kernel died, most often because the memory ran out (see {folder / name}.log)"
    write_text(folder / f"{name}.html", report.notebook_page(notebook, name))
    report.write_key_figure(notebook, folder / f"{name}.png")
    return failure


def _last_line(error: CellExecutionError) -> str:
    message = COLOUR_CODES.sub("", error.evalue).strip()
    text = message.splitlines()[-1] if message else ""
    return text if error.ename == "SuiteError" else f"{error.ename}: {text}"


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("\nstopped; the next run goes on from what is there")
