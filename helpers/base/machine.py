"""The machine that a notebook runs on: Colab or local, GPU, cores, seeds, versions (all notebooks)."""

import contextlib
import importlib
import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from joblib import Parallel, delayed
from tqdm import tqdm

# Before TensorFlow is first imported: its start-up log lines concern its developers, not a student.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

PROJECT = Path(__file__).resolve().parents[2]
DRIVE = Path("/content/drive/MyDrive")  # where Colab mounts Google Drive: it outlives the machine
PACKAGES = ("tensorflow", "keras", "librosa", "numpy", "pandas", "scikit-learn", "soundfile", "ipywidgets")


def on_colab() -> bool:
    """Whether this is Google Colab."""
    return "google.colab" in sys.modules


def has_gpu() -> bool:
    """Whether this machine has an NVIDIA GPU, asked without loading TensorFlow."""
    return shutil.which("nvidia-smi") is not None


def check_gpu() -> bool:
    """Say which device trains; without a GPU, say how to get one. Returns whether there is one."""
    if training_devices():
        print(f"Training on a GPU: {device()}.")
    elif on_colab():
        print(
            "No GPU here. To get one: menu Runtime > Change runtime type > T4 GPU, then Runtime > Run all. "
            "Without one, the profile `quick` trains on the processor in some minutes."
        )
    else:
        print(f"No GPU here: training on {os.cpu_count()} processor cores. The profile `quick` is made for that.")
    return bool(training_devices())


def make_repeatable(seed: int) -> None:
    """Seed Python, NumPy and Keras; on a CPU, also choose deterministic operations.

    On a GPU deterministic operations cost too much time, so a repeated run differs a little there.
    """
    tf = load_tensorflow()
    tf.keras.utils.set_random_seed(seed)
    if not training_devices():
        tf.config.experimental.enable_op_determinism()


def device() -> str:
    """Name of the device that trains."""
    tf = load_tensorflow()
    devices = tf.config.list_physical_devices("GPU")
    if devices:
        return tf.config.experimental.get_device_details(devices[0]).get("device_name", "GPU")
    return f"CPU, {os.cpu_count()} cores"


def training_devices() -> list[str]:
    """Names of all GPUs that train together; empty without one."""
    return [gpu.name.removeprefix("/physical_device:") for gpu in load_tensorflow().config.list_physical_devices("GPU")]


def load_tensorflow():
    """TensorFlow, imported without the log lines that newer versions write on the way, past Python and past their own settings."""
    if "tensorflow" in sys.modules:
        return sys.modules["tensorflow"]
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        return importlib.import_module("tensorflow")
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that shape a result."""
    found = {"python": platform.python_version(), **dict.fromkeys(PACKAGES, "absent")}
    for package in PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def in_workers(function: Callable[[Any], Any], items: Iterable, *, workers: int = -1) -> Iterator:
    """What a function gives for each item, in their order, from worker processes; `workers` as joblib's `n_jobs`.

    At its first import on a machine librosa compiles functions into a cache on disk. Processes that do so together can break it,
    and with it every later call (Numba's issue 10128), so this process does it before they start.
    """
    for module in ("librosa.core.audio", "librosa.core.pitch"):
        importlib.import_module(module)
    yield from Parallel(n_jobs=workers, return_as="generator")(delayed(function)(item) for item in items)


def on_all_cores(function: Callable[[Any], Any], items: Sequence, *, title: str) -> list:
    """What a function gives for each item, in their order, with a progress bar that counts clips."""
    return list(tqdm(in_workers(function, items), total=len(items), desc=title, unit="clip", file=sys.stdout))
