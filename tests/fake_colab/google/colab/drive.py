import os
from pathlib import Path


def mount(mountpoint, force_remount=False, timeout_ms=120000, readonly=False):
    if "FAKE_DRIVE" not in os.environ:
        raise ValueError("mount failed")  # what Colab raises where the user says no
    from helpers.base import machine

    machine.DRIVE = Path(os.environ["FAKE_DRIVE"])  # tests must not write to /content
    print(f"Mounted at {mountpoint}")
