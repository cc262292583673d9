"""Where a notebook runs and what it runs with: Colab or local, settings, GPU, seeds (all notebooks)."""

from __future__ import annotations

import os

# Before TensorFlow is first imported: its start-up log lines concern its developers, not a student.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import importlib
import platform
import shutil
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pandas as pd

from helpers.artifacts import Artifacts, read_json
from helpers.corpora import choose_dataset
from helpers.errors import SuiteError
from helpers.profiles import Profile, choose_profile, describe

PROJECT = Path(__file__).resolve().parent.parent
PACKAGES = ("tensorflow", "keras", "librosa", "numpy", "pandas", "scikit-learn", "soundfile", "ipywidgets")

SETTINGS_A_ROW = 3


@dataclass(frozen=True)
class Session:
    """What a notebook works with.

    Attributes
    ----------
    dataset, data_dir : str
    artifacts : Artifacts
        The folder of this dataset.
    profile : Profile
    """

    dataset: str
    data_dir: str
    artifacts: Artifacts
    profile: Profile

    def settings(self) -> pd.DataFrame:
        """All settings of the profile as a table, three settings a row."""
        values = describe(self.profile)
        # Tuples as OVERRIDES takes them.
        pairs = [(name, "+".join(value) if isinstance(value, tuple) else str(value)) for name, value in values.items()]
        pairs += [("", "")] * (-len(pairs) % SETTINGS_A_ROW)
        rows = len(pairs) // SETTINGS_A_ROW
        columns = [pd.DataFrame(pairs[rows * n : rows * (n + 1)], columns=["setting", "value"]) for n in range(SETTINGS_A_ROW)]
        return pd.concat(columns, axis=1).set_axis([""] * rows)


def on_colab() -> bool:
    """Whether this is Google Colab."""
    return "google.colab" in sys.modules


def setting(name: str, value: str) -> str:
    """A setting of a cell, unless the environment has a variable of that name: that is how `make run` sets all notebooks."""
    return os.environ.get(name) or value


def start(
    *,
    dataset: str = "auto",
    data_dir: str = "",
    name: str = "",
    profile: str = "auto",
    overrides: str = "",
    artifacts: str = "",
) -> Session:
    """Read the settings cell, and say where everything goes.

    An environment variable of the same name in capitals (`DATASET`, `DATA_DIR`, `NAME`, `PROFILE`, `OVERRIDES`, `ARTIFACTS`)
    wins over the cell: that is how `make run` sets all notebooks at once.

    Parameters
    ----------
    dataset : str
        A key of `helpers.corpora.DATASETS`; "auto" takes real speech (`crema-d`) on Colab, where Kaggle is near, and the built-in
        corpus elsewhere.
    data_dir : str
        Folder of recordings, for `folder` and for datasets that are on this disk already.
    name : str
        Name of the folder below `artifacts`; the dataset's if empty.
    profile : {"auto", "quick", "fisher", "paper"}
        "auto" takes the profile that the spectrograms were made with, else `paper` on a GPU and the dataset's own without one
        (`quick`, or `fisher` for EmoDB).
    overrides : str
        Such as ``"epochs=5, batch_size=16"``.
    artifacts : str
        Folder for all results; `artifacts` in the project if empty.

    Returns
    -------
    Session

    Raises
    ------
    SuiteError
        An unknown dataset, profile or setting.
    """
    given = {
        "dataset": dataset,
        "data_dir": data_dir,
        "name": name,
        "profile": profile,
        "overrides": overrides,
        "artifacts": artifacts,
    }
    chosen = {key: setting(key.upper(), value) for key, value in given.items()}
    if chosen["dataset"] == "auto":
        chosen["dataset"] = "crema-d" if on_colab() else "voices"
    choose_dataset(chosen["dataset"])
    folder_name = chosen["name"] or chosen["dataset"]
    if Path(folder_name).name != folder_name or folder_name.startswith("."):
        raise SuiteError(f"NAME={folder_name!r} can't be the name of a folder: use letters, digits, '-' and '_'.")
    root = Path(chosen["artifacts"] or PROJECT / "artifacts").expanduser().resolve()
    folder = Artifacts(root / folder_name)
    session = Session(
        dataset=chosen["dataset"],
        data_dir=chosen["data_dir"],
        artifacts=folder,
        profile=choose_profile(_profile_name(chosen["profile"], folder, dataset=chosen["dataset"]), overrides=chosen["overrides"]),
    )
    print(f"dataset {session.dataset}, profile {session.profile.name}, results in {folder.folder}")
    return session


def _profile_name(name: str, artifacts: Artifacts, *, dataset: str) -> str:
    if name != "auto":
        return name
    if artifacts.spectrogram_settings.exists():
        return read_json(artifacts.spectrogram_settings)["profile"]
    return "paper" if has_gpu() else choose_dataset(dataset).profile


def has_gpu() -> bool:
    """Whether this machine has an NVIDIA GPU, asked without loading TensorFlow."""
    return shutil.which("nvidia-smi") is not None


def check_gpu() -> bool:
    """Say which device trains; without a GPU, say how to get one. Returns whether there is one."""
    tf = load_tensorflow()
    devices = tf.config.list_physical_devices("GPU")
    if devices:
        details = tf.config.experimental.get_device_details(devices[0])
        print(f"Training on a GPU: {details.get('device_name', devices[0].name)}.")
        return True
    if on_colab():
        print(
            "No GPU here. To get one: menu Runtime > Change runtime type > T4 GPU, then Runtime > Run all. "
            "Without one, the profile `quick` trains on the processor in some minutes."
        )
    else:
        print(f"No GPU here: training on {os.cpu_count()} processor cores. The profile `quick` is made for that.")
    return False


def make_repeatable(seed: int) -> None:
    """Seed Python, NumPy and Keras; on a CPU, also choose deterministic operations.

    On a GPU deterministic operations cost too much time, so a repeated run differs a little there.
    """
    tf = load_tensorflow()
    import keras

    keras.utils.set_random_seed(seed)
    if not tf.config.list_physical_devices("GPU"):
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
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "absent"
    return found
