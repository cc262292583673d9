"""`make run` and `make seeds`: execute the notebooks and sum the run up, or train with several seeds (command line).

python -m helpers.suite.run                              all notebooks, then the report
python -m helpers.suite.run 01_download 02_spectrograms  only these
python -m helpers.suite.run seeds                        one training for each of SEEDS=0,1,2,3,4, and how far the scores differ

All of them read DATASET (`voices` if unset), DATA_DIR, NAME, PROFILE, OVERRIDES and ARTIFACTS from the environment. Each seed has
its own split, weights and augmentation; the clips, the classes and their spectrogram images are the same for all.
"""

import argparse
import os
import re
import shutil
import sys
import time
from dataclasses import replace
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from scipy import stats

from helpers.base import machine
from helpers.base.artifacts import Artifacts, RunFiles, SuiteError, read_json, write_json, write_text
from helpers.base.device import TRAINING_NOTEBOOKS
from helpers.base.settings import Profile
from helpers.recordings.manifest import read_manifest
from helpers.recordings.splits import split_clips
from helpers.session import start
from helpers.suite import index_page, report
from helpers.suite.notebooks import is_lesson

NOTEBOOKS = machine.PROJECT / "notebooks"
COLOUR_CODES = re.compile(r"\x1b\[[0-9;]*m")


def main(arguments: list[str] | None = None) -> int:
    """Run what the command line names; exit code 1, and a sentence on stderr, where something failed."""
    known = [path.stem for path in sorted(NOTEBOOKS.glob("[0-9]*.ipynb"))]
    parser = argparse.ArgumentParser(description="Execute the notebooks in order and make the report, or train with several seeds.")
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NOTEBOOK",
        help=f"of {', '.join(known)}, all from 01 on if none is given; or 'seeds', for SEEDS",
    )
    names = parser.parse_args(arguments).names
    try:
        return run_seeds() if names == ["seeds"] else run_notebooks(names, known)
    except SuiteError as error:
        print(error, file=sys.stderr)
        return 1


def run_notebooks(names: list[str], known: list[str]) -> int:
    """Execute notebooks of those that there are (`known`), given without their ending; all lessons, then the report, if none is.

    The exit code is 0, or 1 where a notebook failed, after which none is executed.
    """
    # Notebook 0 brings ready-made results, which would leave the lessons nothing to do: it runs only where it is named.
    lessons = [name for name in known if is_lesson(Path(name))]
    names = names or lessons
    if unknown := [name for name in names if name not in known]:
        raise SuiteError(f"There is no notebook {unknown[0]!r}: choose from {', '.join(known)}.")
    # The kernels start in another folder than this process.
    for variable in ("DATA_DIR", "OTHER_DATA_DIR", "ARTIFACTS", "RECORDING"):
        if os.environ.get(variable):
            os.environ[variable] = str(Path(os.environ[variable]).expanduser().resolve())
    os.environ["DATASET"] = os.environ.get("DATASET") or "voices"  # whatever else lies in the results folder
    numbers = [int(name[:2]) for name in names]
    session = start(notebook=next((number for number in numbers if number in TRAINING_NOTEBOOKS), None))
    os.environ["PROFILE"] = session.profile.name
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")  # older kernels warn of a debugger nobody asked for

    seconds: dict[str, float] = {}
    for number, name in enumerate(names, start=1):
        line = f"[{number}/{len(names)}] {name}"
        print(f"{line} ...", flush=True)
        started = time.perf_counter()
        failure = run_notebook(name, session.artifacts.report, line=line)
        seconds[name] = time.perf_counter() - started
        if failure:
            print(f"{line} failed after {seconds[name]:.0f} s: {failure}", file=sys.stderr)
            print("What the stages before it wrote stays: mend this and run the same command again.", file=sys.stderr)
            return 1
        print(f"{line} done in {seconds[name]:.0f} s", flush=True)
    if names == lessons:
        write_json(session.artifacts.seconds, {name: round(value, 1) for name, value in seconds.items()})
        summary = index_page.summary(session.artifacts, profile=session.profile, seconds=seconds)
        page = index_page.write_index(session.artifacts, summary, lessons, network=session.profile.network)
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
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]

    def show(**_) -> None:
        if sys.stdout.isatty():
            progress = f"{line}: cell {client.code_cells_executed + 1} of {len(code)}"
            print(f"\r{progress[: shutil.get_terminal_size().columns - 1]}", end="\r", flush=True)

    processes = []
    client = NotebookClient(
        notebook,
        timeout=None,
        kernel_name="python3",
        coalesce_streams=True,
        extra_arguments=["--log-level=40"],  # newer kernels warn of their own transport, which is local here
        on_notebook_start=lambda **_: processes.append(client.km.provisioner.process),  # nbclient forgets it when it has died
        on_cell_execute=show,
        resources={"metadata": {"path": str(NOTEBOOKS)}},
    )
    reason, kills = None, machine.memory_kills()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        # What libraries write past Python (TensorFlow's start-up lines) goes to a file beside the page.
        with open(folder / f"{name}.log", "w") as log:
            client.execute(stderr=log)
    except CellExecutionError as error:
        message = COLOUR_CODES.sub("", error.evalue).strip().split("\n")[-1]
        reason = message if error.ename == "SuiteError" else f"{error.ename}: {message}"
    except DeadKernelError:
        how = machine.ending(processes[0].wait(), memory=machine.memory_kills() > kills)
        reason = f"the notebook's process {how} (see {folder / name}.log)"
    write_text(folder / f"{name}.html", report.notebook_page(notebook, name))
    report.write_key_figure(notebook, folder / f"{name}.png")
    if reason is None:
        return None
    number = client.code_cells_executed
    title = re.match("# @title (.+)", code[number - 1])
    return f"cell {number} of {len(code)}{f' ({title[1]})' if title else ''}: {reason}"


def run_seeds() -> int:
    """Make the clips and images that are missing, train once for each of SEEDS, then print each score and how far they differ."""
    asked = os.environ.get("SEEDS") or "0,1,2,3,4"  # make exports a variable that nobody set as ""
    try:
        seeds = [int(seed) for seed in asked.split(",")]
    except ValueError:
        raise SuiteError(f"SEEDS={asked!r} can't be read: write whole numbers, as in SEEDS=0,1,2,3,4.") from None
    if main(["01_download", "02_spectrograms"]):
        return 1
    session = start()
    accuracies = pd.Series(train_seeds(session.artifacts, seeds, profile=session.profile), name="test accuracy").rename_axis("seed")
    print(f"\n{accuracies.to_string()}\n\nfrom {accuracies.min():.4f} to {accuracies.max():.4f}, mean {accuracies.mean():.4f}")
    if len(accuracies) > 1:
        clips = read_manifest(session.artifacts)["split"].value_counts()
        low, high = interval(accuracies.tolist(), test_to_train=clips["test"] / clips["train"])
        print(f"95% interval of the mean, corrected for clips that the splits share: {max(low, 0):.4f} to {min(high, 1):.4f}")
    print(session.artifacts.folder / "seeds.json")
    return 0


def train_seeds(artifacts: Artifacts, seeds: list[int], *, profile: Profile) -> dict[str, float]:
    """Train once for each seed, from the manifest and the spectrogram images; a seed that is done is not trained again.

    Returns the test accuracies by seed, fractions of 1, which `seeds.json` keeps.
    """
    machine.check_gpu()  # loads TensorFlow without its log lines, so before what needs it
    from helpers.network.training import train

    manifest = read_manifest(artifacts)
    method = read_json(artifacts.dataset)["split_method"]
    accuracies = {}
    for seed in seeds:
        split = split_clips(manifest, method=method, seed=seed)
        folder = artifacts.folder / "seeds" / str(seed)
        run = train(profile.network, manifest.assign(split=split), artifacts, profile=replace(profile, seed=seed), folder=folder)
        test, validation = (read_json(RunFiles(folder).metrics)[part]["accuracy"] for part in ("test", "validation"))
        accuracies[str(seed)] = test
        write_json(artifacts.seeds, accuracies)
        spent = f"best epoch {run['best_epoch']}, {run['seconds']:.0f} s"
        print(f"seed {seed}: test accuracy {test:.4f}, validation {validation:.4f}, {spent}", flush=True)
    return accuracies


def interval(values: list[float], *, test_to_train: float) -> tuple[float, float]:
    """95% confidence interval of the mean of scores from several random splits of the same clips.

    The splits share most of their clips, so that their scores are correlated and Student's t alone gives too narrow an interval.
    Nadeau and Bengio's correction widens it: the variance of n scores' mean is (1/n + test/train) times theirs, not 1/n times.

    Parameters
    ----------
    values : list of float
        One score a split, two at least.
    test_to_train : float
        Number of test clips for each training clip; 0 gives Student's interval, for scores that are independent.

    Returns
    -------
    tuple of float
        Lower and upper end.

    References
    ----------
    Nadeau, C. and Bengio, Y. (2003): Inference for the generalization error. Machine Learning 52, 239-281.

    Examples
    --------
    >>> low, high = interval([0.9, 0.9, 1.0], test_to_train=1 / 3)
    >>> round(low, 3), round(high, 3)
    (0.731, 1.136)
    """
    half = stats.t.ppf(0.975, len(values) - 1) * np.sqrt((1 / len(values) + test_to_train) * np.var(values, ddof=1))
    return float(np.mean(values) - half), float(np.mean(values) + half)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("\nstopped; the next run goes on from what is there")
