"""One run of the whole suite for all tests of what it leaves behind."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import FAKE_COLAB, write_corpus

from helpers.base.artifacts import Artifacts
from helpers.base.machine import PROJECT

OVERRIDES = (
    "epochs=1 epoch_windows=1 base_channels=4 mel_bins=32 window_frames=48 test_windows=2"
    " compare=plain_cnn+inceptionv3 compare_epochs=1"
)


def run(*arguments: str, **environment: object) -> subprocess.CompletedProcess:
    """The command line of `helpers.suite.run`, as `make run` calls it."""
    return subprocess.run(
        [sys.executable, "-m", "helpers.suite.run", *arguments],
        cwd=PROJECT,
        env=os.environ | {"OVERRIDES": OVERRIDES} | {name: str(value) for name, value in environment.items()},
        capture_output=True,
        text=True,
    )


@dataclass(frozen=True)
class Finished:
    """A run that has ended: what it was given, what it printed, what it wrote."""

    environment: dict[str, str]
    result: subprocess.CompletedProcess
    artifacts: Artifacts


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Finished:
    """All notebooks on three class folders, one bad clip among them, by kernels that take this machine for Colab's."""
    root = tmp_path_factory.mktemp("suite")
    corpus = write_corpus(root / "recordings")
    (corpus / "male_41" / "broken.wav").write_text("no sound")
    startup = root / ".ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "colab.py").write_text("import google.colab")
    environment = {"DATASET": "folder", "DATA_DIR": str(corpus), "PROFILE": "quick", "ARTIFACTS": str(root / "artifacts")}
    colab = {"PYTHONPATH": FAKE_COLAB, "IPYTHONDIR": root / ".ipython", "PIP_NO_INDEX": "1"}
    return Finished(environment, run(**environment, **colab), Artifacts(Path(root / "artifacts" / "folder")))
