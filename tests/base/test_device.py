"""Which profile "auto" is: in the notebooks that train TensorFlow says so, in the others what is there, else the driver."""

import os
import subprocess
import sys

import pytest

from helpers.base import machine
from helpers.base.artifacts import write_json
from helpers.base.machine import PROJECT
from helpers.session import start


@pytest.fixture
def driver(tmp_path, monkeypatch):
    """Puts an `nvidia-smi` on the path that says something and ends with a code."""

    def install(said: str, *, code: int) -> None:
        program = tmp_path / "bin" / "nvidia-smi"
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/sh\necho '{said}'\nexit {code}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(program.parent))

    return install


def profile(root, notebook=None, **settings):
    return start(artifacts=str(root), notebook=notebook, **settings).profile.name


def test_a_driver_that_lists_no_gpu_is_no_gpu(driver, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not machine.driver_lists_gpu()
    driver("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.", code=9)
    assert not machine.driver_lists_gpu()
    driver("No devices were found", code=0)
    assert not machine.driver_lists_gpu()
    driver("GPU 0: Tesla T4 (UUID: GPU-7c2f)", code=0)
    assert machine.driver_lists_gpu()


def test_a_notebook_that_trains_asks_tensorflow_and_not_the_driver(driver, monkeypatch, tmp_path):
    monkeypatch.setattr(machine, "training_devices", list)
    driver("GPU 0: Tesla T4 (UUID: GPU-7c2f)", code=0)  # which TensorFlow can't use
    assert [profile(tmp_path, number) for number in (3, 5)] == ["quick", "quick"]
    assert profile(tmp_path, 2) == "paper"  # a guess
    assert profile(tmp_path, 3, profile="paper") == "paper"
    driver("", code=1)
    monkeypatch.setattr(machine, "training_devices", lambda: ["GPU:0"])
    assert [profile(tmp_path, number) for number in (3, 5)] == ["paper", "paper"]
    assert profile(tmp_path, 2) == "quick"


def test_the_other_notebooks_take_the_profile_of_what_is_there(driver, monkeypatch, tmp_path):
    monkeypatch.setattr(machine, "training_devices", lambda: pytest.fail("asked TensorFlow"))
    driver("GPU 0: Tesla T4 (UUID: GPU-7c2f)", code=0)
    artifacts = start(artifacts=str(tmp_path)).artifacts
    write_json(artifacts.spectrogram_settings, {"profile": "quick"})
    assert [profile(tmp_path, number) for number in (1, 2, 4, 6, None)] == ["quick"] * 5
    write_json(artifacts.run("resnet50").facts, {})  # trained on a GPU, before the images were made anew for a processor
    assert profile(tmp_path, 4) == "paper"
    write_json(artifacts.run("small_resnet").facts, {})
    assert profile(tmp_path, 4) == "quick"  # the one whose images are there
    artifacts.spectrogram_settings.unlink()
    os.utime(artifacts.run("small_resnet").facts, (0, 0))
    assert profile(tmp_path, 4) == "paper"  # the newest


@pytest.mark.slow
def test_only_a_notebook_that_trains_loads_tensorflow_to_open(tmp_path):
    script = f"""
import sys
from helpers.session import start
for number in (1, 2, 4, 6):
    start(artifacts={str(tmp_path)!r}, notebook=number).settings()
start(artifacts={str(tmp_path)!r}, notebook=3, profile="quick")
assert "tensorflow" not in sys.modules
start(artifacts={str(tmp_path)!r}, notebook=3)
assert "tensorflow" in sys.modules
"""
    result = subprocess.run([sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr[-2000:]
