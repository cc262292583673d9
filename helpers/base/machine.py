"""The machine that a notebook runs on: Colab or local, GPU, cores, seeds, versions (all notebooks)."""

import contextlib
import importlib
import os
import platform
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from joblib import Parallel, delayed
from joblib.externals.loky.process_executor import TerminatedWorkerError
from tqdm import tqdm

from helpers.base.artifacts import SuiteError, on_colab

# Before TensorFlow is first imported: its start-up log lines concern its developers, not a student; and left to itself, it uses
# oneDNN on newer processors alone, although on others training takes less time with it, too (`make bench`).
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

PROJECT = Path(__file__).resolve().parents[2]
DRIVE = Path("/content/drive/MyDrive")  # where Colab mounts Google Drive: it outlives the machine
ITEMS_ALONE = 100  # that are done one at a time after one of them ended its worker
CONTROL_GROUPS = Path("/sys/fs/cgroup")
PACKAGES = ("tensorflow", "keras", "librosa", "numpy", "pandas", "scikit-learn", "soundfile", "ipywidgets")
_one_at_a_time = threading.Lock()


def artifacts_root(given: str = "") -> Path:
    """The folder of all results: the one that ARTIFACTS names, else the given one, else `artifacts` in the project."""
    return Path(os.environ.get("ARTIFACTS") or given or PROJECT / "artifacts").expanduser().resolve()


class DeadWorkerError(SuiteError):
    """A worker process died; `how` says in what way."""

    def __init__(self, how: str):
        super().__init__(
            f"A worker process {how}, so its clips are not done. Run this again: what is done already stays; if it happens "
            "again, set LOKY_MAX_CPU_COUNT=1 in the environment, so that only one clip at a time needs memory."
        )
        self.how = how


def driver_lists_gpu() -> bool:
    """Whether the NVIDIA driver lists a GPU: a first guess, without loading TensorFlow, which may be unable to use it."""
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return listed.returncode == 0 and listed.stdout.startswith("GPU ")


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
    with standard_error():
        return importlib.import_module("tensorflow")


@contextlib.contextmanager
def standard_error() -> Iterator[list[str]]:
    """The lines that C libraries write to standard error within the block, past Python; they are there when it ends."""
    lines: list[str] = []
    sys.stderr.flush()
    with _one_at_a_time, tempfile.TemporaryFile() as caught:
        before = os.dup(2)
        os.dup2(caught.fileno(), 2)
        try:
            yield lines
        finally:
            os.dup2(before, 2)
            os.close(before)
            caught.seek(0)
            lines += caught.read(1 << 16).decode("utf-8", errors="replace").splitlines()


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that shape a result."""
    found = {"python": platform.python_version(), **dict.fromkeys(PACKAGES, "absent")}
    for package in PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def in_workers(function: Callable[[Any], Any], items: Iterable, *, workers: int = -1) -> Iterator:
    """What a function returns for each item, in order, from worker processes; `workers` as joblib's `n_jobs`.

    A worker that dies, in a decoder or because memory ran out, is a SuiteError that says how.

    At its first import on a machine librosa compiles functions into a cache on disk. Processes that do so together can break it,
    and with it every later call (Numba's issue 10128), so this process does it before they start.
    """
    for module in ("librosa.core.audio", "librosa.core.pitch"):
        importlib.import_module(module)
    before = memory_kills()
    try:
        yield from Parallel(n_jobs=workers, return_as="generator")(delayed(function)(item) for item in items)
    except TerminatedWorkerError as error:
        codes = re.findall(r"[A-Z]\w*\((-?\d+)\)", str(error).partition("exit codes")[2])
        ends = dict.fromkeys(ending(int(code), memory=memory_kills() > before) for code in codes)
        raise DeadWorkerError(", ".join(ends) or str(error)) from None


def ending(code: int, *, memory: bool = False) -> str:
    """How a process ended, from its exit code, which is negative for a signal; `memory`: the system ended one to get memory.

    Examples
    --------
    >>> ending(3), ending(-11), ending(-9, memory=True)
    ('ended with exit code 3', 'was ended by signal 11 (SIGSEGV)', 'was ended by signal 9 (SIGKILL) because the memory ran out')
    """
    if code >= 0:
        return f"ended with exit code {code}"
    names = {number.value: f" ({number.name})" for number in signal.Signals}
    reason = " because the memory ran out" if memory and names.get(-code) == " (SIGKILL)" else ""
    return f"was ended by signal {-code}{names.get(-code, '')}{reason}"


def memory_kills() -> int:
    """How many processes of this one's control group Linux has ended so far because memory ran out; 0 where nobody counts."""
    for file in ("memory.events", "memory/memory.oom_control"):  # of version 2 and version 1
        with contextlib.suppress(OSError):
            found = re.search(r"^oom_kill (\d+)", (CONTROL_GROUPS / file).read_text(), flags=re.MULTILINE)
            if found:
                return int(found[1])
    return 0


def on_all_cores(function: Callable[[Any], Any], items: Sequence, *, title: str, dead: Callable[[str], Any] | None = None) -> list:
    """What a function returns for each item, in order, with a progress bar that counts clips.

    Parameters
    ----------
    function : callable
    items : sequence
    title : str
    dead : callable, optional
        Takes how a process ended and returns what stands for the item that ended it; without it, that is a SuiteError.
    """
    found = []
    with tqdm(total=len(items), desc=title, unit="clip", file=sys.stdout) as bar:
        while len(found) < len(items):
            try:
                for result in in_workers(function, items[len(found) :]):
                    found.append(result)
                    bar.update()
            except DeadWorkerError:
                if dead is None:
                    raise
                # Nobody says which item it was: one of the next, so these are given to the workers one at a time.
                for item in items[len(found) : len(found) + ITEMS_ALONE]:
                    try:
                        found += in_workers(function, [item], workers=2)  # a single worker would be this process
                    except DeadWorkerError as error:
                        found.append(dead(error.how))
                    bar.update()
    return found
