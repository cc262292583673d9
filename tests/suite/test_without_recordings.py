"""Notebooks 2 to 6 on results that were restored where the recordings can't be had."""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest
from conftest import FAKE_COLAB

from helpers.base.artifacts import Artifacts, RunFiles
from helpers.base.machine import PROJECT
from suite.conftest import OVERRIDES
from suite.test_colab import DRIVER, NAMES, code

SAID = {
    "02": ["is rebuilt from its spectrogram image", "spectrogram images stay as they are."],
    "03": ["is rebuilt from its spectrogram image"],
    "04": ["So no pitch is known.", "This baseline is left out", "This section is skipped. The recordings of folder"],
    "05": ["So the MFCCs are missing", "svm: It is trained on the MFCCs", "pitch_threshold: The pitch of no clip is known"],
    "06": ["From here on, the voice is the test clip", "rebuilt from its image"],
}


@pytest.fixture(scope="module")
def restored(finished, tmp_path_factory) -> Artifacts:
    """What is left of a finished run where only its archive came to another machine, and nothing that took the sound was kept."""
    artifacts = Artifacts(tmp_path_factory.mktemp("restored") / "folder")
    shutil.copytree(finished.artifacts.folder, artifacts.folder)
    for path in (
        *artifacts.folder.rglob(artifacts.location.name),
        *artifacts.folder.rglob(RunFiles(artifacts.folder).robustness.name),
    ):
        path.unlink()
    artifacts.pitch.unlink()
    for name in ("svm", "logistic_regression", "pitch_threshold"):
        shutil.rmtree(artifacts.race_part().model(name))
    return artifacts


@pytest.mark.long
@pytest.mark.parametrize("number", SAID)
def test_a_notebook_ends_well_and_says_what_it_lacks(restored, number):
    (name,) = (name for name in NAMES if name.startswith(number))
    result = subprocess.run(
        [sys.executable, "-c", DRIVER],
        input=json.dumps(code(name)[1:]),  # without the cell that looks for the project
        cwd=PROJECT,
        env=os.environ
        | {"DATASET": "folder", "PROFILE": "quick", "OVERRIDES": OVERRIDES, "ARTIFACTS": str(restored.folder.parent)}
        | {
            "PYTHONPATH": f"{FAKE_COLAB}{os.pathsep}{PROJECT}",
            "MPLBACKEND": "agg",
            "IPYTHONDIR": str(restored.folder / ".ipython"),
        },
        capture_output=True,
        text=True,
    )
    text = result.stdout + result.stderr
    assert result.returncode == 0 and not re.search(r"Warning|WARNING|Traceback", text), text
    assert "The recordings of folder are not on this machine yet" in text
    assert [sentence for sentence in SAID[number] if sentence not in text] == [], text
    assert not restored.location.exists()
