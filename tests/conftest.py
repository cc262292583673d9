"""Fixtures: seeded random numbers, small sounds, and a tiny corpus of class folders."""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
GIVEN = {}  # for the scripts beside the tests
for variable in (
    "DATASET",
    "DATA_DIR",
    "NAME",
    "PROFILE",
    "OVERRIDES",
    "ARTIFACTS",
    "REPOSITORY",
    "LABELS",
    "SPLIT_METHOD",
    "SMALL_CLASSES",
    "FILE_PATTERN",
    "OTHER_DATASET",
    "OTHER_DATA_DIR",
    "RECORDING",
    "SEEDS",
    "RECORDINGS",
    "MODEL",
    "OUT",
    "EARLIER_STAGES",
    "USE_DRIVE",
):
    GIVEN[variable] = os.environ.pop(variable, "")  # `make test DATASET=...` must not reach the tests

import importlib
import json
import sys
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
import soundfile

from helpers.base.artifacts import Artifacts
from helpers.base.machine import PROJECT
from helpers.base.settings import choose_profile
from helpers.display import figures
from helpers.lessons import checks
from helpers.recordings.manifest import build_manifest, read_manifest
from helpers.spectrograms.convert import convert

matplotlib.use("Agg")
FAKE_COLAB = Path(__file__).parent / "fake_colab"
# A training of seconds.
TINY = choose_profile(
    "quick",
    overrides="epochs=2 epoch_windows=1 base_channels=4 batch_size=8 mel_bins=32 window_frames=48 test_windows=2 weights=none",
)
RATE = 16_000


def pytest_make_parametrize_id(val, argname):
    """Name a test by its argument where that is a file's content: an encoder may write it with a random number each time."""
    return argname if isinstance(val, bytes) else None


@pytest.hookimpl(tryfirst=True)  # pytest-xdist reads the marks in this hook, too
def pytest_collection_modifyitems(items):
    """Of the tests that run at once, leave to one process those of a file, and those that share the run of all notebooks."""
    for item in items:
        shared = "finished" if "finished" in getattr(item, "fixturenames", ()) else item.path
        item.add_marker(pytest.mark.xdist_group(str(shared)))


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20260822)


@pytest.fixture
def artifacts(tmp_path) -> Artifacts:
    return Artifacts(tmp_path / "artifacts" / "folder")


@pytest.fixture
def style():
    """The figures' style, as a notebook's settings cell sets it."""
    figures.set_style()
    yield
    plt.close("all")


def voice(pitch: float, *, seconds: float = 1.0, rate: int = RATE, seed: int = 0) -> np.ndarray:
    """A buzz with harmonics at `pitch` Hz and a little noise: enough of a voice for a test."""
    time = np.arange(int(seconds * rate)) / rate
    noise = np.random.default_rng(seed).normal(0, 0.01, len(time))
    return sum(0.3 / k * np.sin(2 * np.pi * k * pitch * time) for k in range(1, 12)) / 1.5 + noise


def write_corpus(folder: Path, *, clips: int = 6, labels: dict[str, float] | None = None) -> Path:
    """Class folders with `clips` sounds each, told apart by their pitch."""
    for label, pitch in (labels or {"female_23": 220, "female_60": 180, "male_41": 110}).items():
        (folder / label).mkdir(parents=True, exist_ok=True)
        for number in range(clips):
            samples = voice(pitch * (1 + 0.02 * number), seconds=0.8 + 0.1 * number, seed=number)
            soundfile.write(folder / label / f"{number}.wav", samples, RATE)
    return folder


@pytest.fixture
def corpus(tmp_path) -> Path:
    return write_corpus(tmp_path / "recordings")


@pytest.fixture
def shallow(monkeypatch):
    """One block, for tests that are about training and not about depth."""
    from helpers.network import networks

    monkeypatch.setattr(networks, "STAGES", 1)
    monkeypatch.setattr(networks, "BLOCKS_PER_STAGE", 1)


@pytest.fixture
def manifest(corpus, artifacts):
    """The tiny corpus as a table with its pictures made, ready to train on with `TINY`."""
    table, _ = build_manifest("folder", corpus, artifacts, seed=0)
    convert(table, artifacts, settings=TINY.spectrogram, profile="quick")
    return read_manifest(artifacts)


def real_speech(name: str) -> Path:
    """A corpus of real speech where this machine has it (a test is skipped else); it is never part of the project."""
    places = [os.environ.get("SPEECH_DATA"), Path(__file__).resolve().parents[2] / "shared" / "data"]
    for place in filter(None, places):
        if next((Path(place) / name).rglob("*.wav"), None):
            return Path(place) / name
    pytest.skip(f"{name} is not on this machine: set SPEECH_DATA to a folder with {name}/ in it")


@pytest.fixture(scope="session")
def emodb() -> Path:
    """EmoDB, cut to 2 s."""
    return real_speech("emodb")


@pytest.fixture(scope="session")
def baved() -> Path:
    return real_speech("baved")


def cell_source(name: str) -> str:
    """The source of a notebook's cell, such as `01-33`; a test is skipped where a student's copy has no solution there."""
    notebook = next((PROJECT / "notebooks").glob(f"{name[:2]}_*.ipynb"))
    cell = next(cell for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"] if cell["id"] == name)
    if "answer" in cell["metadata"].get("tags", []):
        pytest.skip(f"this copy has no solution in cell {name}")
    return "".join(cell["source"])


def run_cell(name: str, /, check=None, **known) -> dict:
    """What a notebook's cell leaves by name when it runs with some names known; a solution's answer is put to its check."""
    known["check"] = check or checks.checker(int(name[:2]), known)
    exec(cell_source(name), known)
    del known["check"]  # it belongs to these names alone
    return known


def unreadable(figure) -> list[str]:
    """The texts of a figure that are smaller than 12 points, and by how much what is drawn goes beyond the page."""
    from matplotlib.text import Text

    figure.canvas.draw()
    found = [f"{text.get_text()!r}: {text.get_fontsize()} pt" for text in figure.findobj(Text) if text.get_fontsize() < 12]
    drawn = figure.get_tightbbox()  # in inches; what lies outside of the axes' limits is not drawn
    beyond = max(-drawn.x0, -drawn.y0, drawn.x1 - figure.get_figwidth(), drawn.y1 - figure.get_figheight())
    return [*found, f"{beyond:.2f} inches are cut"] if beyond > 0.02 else found


@pytest.fixture
def fake_colab(monkeypatch):
    """Makes this process look like Colab's; gives its package `google.colab`."""
    monkeypatch.syspath_prepend(FAKE_COLAB)
    yield importlib.import_module("google.colab")
    for name in [name for name in sys.modules if name.startswith("google.colab")]:
        del sys.modules[name]
