import os
from pathlib import Path


def mount(mountpoint, force_remount=False, timeout_ms=120000, readonly=False):
    if "FAKE_DRIVE" not in os.environ:
        raise ValueError("mount failed")  # what Colab raises where the user says no
    Path(mountpoint).mkdir(parents=True, exist_ok=True)
    link = Path(mountpoint) / "MyDrive"
    if not link.exists():
        link.symlink_to(os.environ["FAKE_DRIVE"])
    print(f"Mounted at {mountpoint}")
