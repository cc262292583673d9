"""What the notebooks do on Colab, with a stand-in for its package (`tests/fake_colab`), and whether its versions are left alone."""

import ast
import base64
import importlib.metadata
import io
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import soundfile
from conftest import FAKE_COLAB, RATE, voice, write_corpus
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from helpers.base.machine import PROJECT
from helpers.suite.notebooks import is_lesson
from suite.colab_sessions import from_github, serve
from suite.conftest import OVERRIDES

PATHS = sorted((PROJECT / "notebooks").glob("[0-9]*.ipynb"))
NAMES = [path.stem for path in PATHS if is_lesson(path)]
CONSTRAINTS = PROJECT / ".ci" / "colab-2026-08.txt"
NOT_ON_COLAB = {"espeakng-loader", "jupyter-scatter"}
NO_NETWORK = {"HTTPS_PROXY": "http://127.0.0.1:9"}
DRIVER = """
import json, sys
import google.colab  # as Colab's kernel does before the first cell
import matplotlib.pyplot as plt
from IPython.core.interactiveshell import InteractiveShell

shell = InteractiveShell.instance()
shell.events.register("post_run_cell", lambda *_: plt.close("all"))  # as figures shown inline are
sys.exit(not all(shell.run_cell(cell).success for cell in json.load(sys.stdin)))
"""


def code(name: str, *, opening: int | None = None, **changed: str) -> list[str]:
    """The first code cells of a notebook, or all of them, with the fields of forms filled in."""
    cells = nbformat.read(PROJECT / "notebooks" / f"{name}.ipynb", as_version=4).cells
    sources = [cell.source for cell in cells if cell.cell_type == "code"][:opening]
    for field, value in changed.items():
        assert any(re.search(rf"^{field} = ", source, re.MULTILINE) for source in sources)
        sources = [
            re.sub(rf"^{field} = .*(?= # @param)", f"{field} = {value!r} ", source, flags=re.MULTILINE) for source in sources
        ]
    return sources


class Machine:
    """A Colab machine with a disk of its own, which has the real packages and no network."""

    def __init__(self, disk: Path, repository: Path):
        self.disk = disk
        self.project = disk / "voice-age-gender"
        disk.mkdir()
        self.environment = os.environ | {
            "PYTHONPATH": str(FAKE_COLAB),
            "IPYTHONDIR": str(disk / ".ipython"),
            "MPLBACKEND": "agg",
            "OVERRIDES": OVERRIDES,
            # The notebook was opened from a fork on GitHub, whose address leads to a repository on this disk.
            "http_proxy": serve(from_github("teacher/class/blob/main/notebooks/01_download.ipynb")),
            "no_proxy": "127.0.0.1,localhost",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"url.file://{repository}.insteadOf",
            "GIT_CONFIG_VALUE_0": "https://github.com/teacher/class",
            "PIP_NO_INDEX": "1",
        }

    def run(self, cells: list[str], **environment) -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, "-c", DRIVER],
            input=json.dumps(cells),
            cwd=self.disk,
            env=self.environment | {name: str(value) for name, value in environment.items()},
            capture_output=True,
            text=True,
        )


@pytest.fixture(scope="module")
def repository(tmp_path_factory) -> Path:
    """This project as a Git repository."""
    folder = tmp_path_factory.mktemp("github") / "project"
    left_out = shutil.ignore_patterns(".git", ".venv", "artifacts", "__pycache__", ".*_cache", ".ipynb_checkpoints")
    shutil.copytree(PROJECT, folder, ignore=left_out)
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    for command in (
        ["init", "--quiet", "--initial-branch", "main"],
        ["add", "--all"],
        [*identity, "commit", "--quiet", "--message", "all"],
    ):
        subprocess.run(["git", *command], cwd=folder, check=True)
    return folder


@pytest.fixture
def machine(tmp_path, repository) -> Machine:
    return Machine(tmp_path / "content", repository)


def said(result: subprocess.CompletedProcess) -> str:
    """What a student reads: nothing but what the notebook means to say."""
    assert not re.search(r"Warning|WARNING|E0000|I0000|Traceback", result.stdout + result.stderr), result.stdout + result.stderr
    return result.stdout


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_fresh_runtime_fetches_the_project_and_starts(machine, name):
    result = machine.run([*code(name, opening=2), "print(start.__code__.co_filename)"], **NO_NETWORK)
    assert result.returncode == 0, result.stdout + result.stderr
    text = said(result)
    assert f"dataset voices, profile quick, results in {machine.project / 'artifacts' / 'voices'}" in text
    why = "Kaggle does not answer" if name[:2] in ("01", "02", "03") else "these are the ready-made ones of `voices`"
    assert f'DATASET = "auto": {"no results of yours are here, so " * (name[:2] > "03")}{why}' in text
    assert text.strip().endswith(str(machine.project / "helpers" / "session.py"))


@pytest.mark.slow
def test_notebook_0_runs_whole_on_a_fresh_runtime_and_waits_for_no_guess(machine):
    result = machine.run(code("00_start"), OVERRIDES="")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "It had heard the speakers of 100% of them before." in said(result)
    results = machine.project / "artifacts" / "voices"
    assert (results / "manifest.csv").exists() and not (results / "you.csv").exists()


@pytest.mark.slow
def test_a_project_that_is_there_is_not_fetched_again(machine):
    shutil.copytree(PROJECT / "helpers", machine.project / "helpers")
    shutil.copy(PROJECT / "requirements.txt", machine.project)
    result = machine.run(code("01_download", opening=2), GIT_CONFIG_KEY_0="url./nowhere.insteadOf")
    assert result.returncode == 0 and not (machine.project / ".git").exists(), result.stdout + result.stderr


@pytest.mark.slow
def test_an_address_that_leads_nowhere_is_one_sentence(machine):
    result = machine.run(code("01_download", opening=2), GIT_CONFIG_KEY_0="url./nowhere.insteadOf")
    assert result.returncode == 1 and "https://github.com/teacher/class could not be cloned: " in result.stdout


@pytest.mark.slow
def test_without_a_gpu_the_way_to_get_one_is_shown(machine, tmp_path):
    result = machine.run(code("03_train_resnet", opening=4), DATASET="folder", DATA_DIR=write_corpus(tmp_path / "recordings"))
    assert result.returncode == 0, result.stdout + result.stderr
    assert "menu Runtime > Change runtime type > T4 GPU" in said(result)


@pytest.mark.slow
def test_kaggle_out_of_reach_is_one_sentence(machine):
    result = machine.run(code("01_download"), **NO_NETWORK, DATASET="crema-d", KAGGLEHUB_CACHE=machine.disk / "cache")
    assert result.returncode == 1 and "Kaggle could not be reached" in result.stdout, result.stdout + result.stderr
    assert "Traceback" not in result.stdout + result.stderr


@pytest.mark.long
def test_after_a_disconnect_the_archive_on_drive_brings_everything_back(machine, repository, tmp_path):
    my_drive = tmp_path / "my drive"
    my_drive.mkdir()
    facts = {"DATA_DIR": write_corpus(tmp_path / "recordings"), "FAKE_DRIVE": my_drive}
    first = machine.run([*code("01_download", USE_DRIVE=True), *code("02_spectrograms", USE_DRIVE=True)], DATASET="folder", **facts)
    assert first.returncode == 0, first.stdout + first.stderr
    assert said(first).count("Saved on Drive: voice-age-gender/folder.zip") == 2
    assert [path.name for path in my_drive.rglob("*.zip")] == ["folder.zip"]

    fresh = Machine(tmp_path / "another", repository)
    again = fresh.run(code("02_spectrograms", USE_DRIVE=True), **facts)
    assert again.returncode == 0, again.stdout + again.stderr
    assert 'DATASET = "auto": the results on Drive, folder.' in said(again)
    assert re.search(r"[1-9]\d* files brought back, on Drive", again.stdout) and "Already on Drive" in again.stdout


@pytest.mark.slow
def test_where_drive_is_refused_the_notebook_goes_on_without(machine, tmp_path):
    result = machine.run(code("01_download", USE_DRIVE=True), DATASET="folder", DATA_DIR=write_corpus(tmp_path / "recordings"))
    assert result.returncode == 0, result.stdout + result.stderr
    assert "Drive was not mounted (mount failed). The notebook goes on without Drive" in said(result)
    assert "These results are lost with this machine. To keep them: tick USE_DRIVE" in result.stdout


@pytest.mark.slow
def test_all_notebooks_run_whole_and_the_last_hears_the_microphone(finished, machine):
    assert finished.result.returncode == 0, finished.result.stdout + finished.result.stderr
    for name in NAMES:
        page = (finished.artifacts.report / f"{name}.html").read_text()
        page = re.sub(r"<style.*?</style>", "", page, flags=re.DOTALL)
        assert "vnd.jupyter.stderr" not in page and "WARNING:" not in page, name
    assert "Change runtime type" in (finished.artifacts.report / "03_train_resnet.html").read_text()

    wav = io.BytesIO()
    soundfile.write(wav, voice(150, seconds=2), RATE, format="WAV")
    taken = json.dumps(base64.b64encode(wav.getvalue()).decode())
    cells = code("06_your_voice", I_AGREE=True)
    result = machine.run(cells, **finished.environment, OVERRIDES=OVERRIDES, FAKE_EVAL_JS=taken)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "From here on, the voice is your recording." in said(result)
    assert not list(finished.artifacts.folder.rglob("own_voice*"))


def constraints() -> dict[str, str]:
    lines = (line.split("==") for line in CONSTRAINTS.read_text().splitlines() if "==" in line)
    return {canonicalize_name(name): version for name, version in lines}


def requirements() -> list[Requirement]:
    lines = (line.partition("#")[0].strip() for line in (PROJECT / "requirements.txt").read_text().splitlines())
    return [Requirement(line) for line in lines if line]


def test_colabs_versions_satisfy_the_requirements():
    pinned = constraints()
    for requirement in requirements():
        name = canonicalize_name(requirement.name)
        assert name in NOT_ON_COLAB or requirement.specifier.contains(pinned[name]), requirement
    head = CONSTRAINTS.read_text()[:300]
    assert "August 2026" in head and "googlecolab/backend-info" in head  # its date and its source


def test_every_package_that_is_imported_is_required_and_has_colabs_version():
    required = {canonicalize_name(requirement.name) for requirement in requirements()}
    owners = importlib.metadata.packages_distributions()
    imported = set()
    sources = [path.read_text() for path in (PROJECT / "helpers").rglob("*.py")]
    for source in [*sources, *(cell for path in PATHS for cell in code(path.stem))]:
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                imported.add(node.module.partition(".")[0])
    # PyTorch and Dask are optional, each for one benchmark.
    foreign = imported - set(sys.stdlib_module_names) - {"helpers", "google", "torch", "distributed"}
    for module in foreign:
        names = {canonicalize_name(name) for name in owners[module]}
        known = {"ipython", "traitlets", "kagglesdk"}  # they come with ipykernel, ipywidgets and kagglehub
        assert names & (required | known), f"{module} is imported, and none of {names} is in requirements.txt"
        assert names & (set(constraints()) | NOT_ON_COLAB), f"{module} has no version in {CONSTRAINTS.name}"


@pytest.mark.slow
def test_installing_on_colab_changes_nothing():
    if importlib.metadata.version("tensorflow") != constraints()["tensorflow"]:
        pytest.skip(f"the environment was not set up with CONSTRAINTS={CONSTRAINTS.relative_to(PROJECT)}")
    for requirement in requirements():
        name = canonicalize_name(requirement.name)
        assert name in NOT_ON_COLAB or importlib.metadata.version(name) == constraints()[name]
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--no-index", "--constraint", CONSTRAINTS]
    result = subprocess.run([*command, "--requirement", PROJECT / "requirements.txt"], capture_output=True, text=True)
    assert result.returncode == 0 and "Would install" not in result.stdout, result.stdout + result.stderr
