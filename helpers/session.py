"""What a settings cell opens: the dataset, the profile, and the folder of their results (all notebooks)."""

import os
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from helpers.base import machine
from helpers.base.artifacts import Artifacts, SuiteError, read_json
from helpers.base.settings import Profile, choose_profile, describe
from helpers.recordings.catalogue import choose_dataset


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
        settings = pd.DataFrame(describe(self.profile).items(), columns=["setting", "value"])
        # Tuples as OVERRIDES takes them.
        settings["value"] = ["+".join(value) if isinstance(value, tuple) else str(value) for value in settings["value"]]
        rows = -(-len(settings) // 3)
        columns = [settings[start : start + rows].reset_index(drop=True) for start in range(0, len(settings), rows)]
        return pd.concat(columns, axis=1).fillna("").set_axis([""] * rows)


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
        A key of `helpers.recordings.catalogue.DATASETS`; "auto" takes real speech (`crema-d`) on Colab, where Kaggle is near, and
        the built-in corpus elsewhere.
    data_dir : str
        Folder of recordings, for `folder` and for datasets that are on this disk already.
    name : str
        Name of the folder below `artifacts`; the dataset's if empty.
    profile : {"auto", "quick", "paper"}
        "auto" takes the profile that the spectrograms were made with, else `paper` on a GPU and `quick` without one.
    overrides : str
        Such as ``"epochs=5, batch_size=16"``.
    artifacts : str
        Folder for all results; `artifacts` in the project if empty.

    Raises
    ------
    SuiteError
        An unknown dataset, profile or setting.
    """
    dataset = setting("DATASET", dataset)
    if dataset == "auto":
        dataset = "crema-d" if machine.on_colab() else "voices"
    choose_dataset(dataset)
    name = setting("NAME", name) or dataset
    if Path(name).name != name or name.startswith("."):
        raise SuiteError(f"NAME={name!r} can't be the name of a folder: use letters, digits, '-' and '_'.")
    root = Path(setting("ARTIFACTS", artifacts) or machine.PROJECT / "artifacts").expanduser().resolve()
    folder = Artifacts(root / name)
    folder.require_layout()
    profile = setting("PROFILE", profile)
    if profile == "auto" and folder.spectrogram_settings.exists():
        profile = read_json(folder.spectrogram_settings)["profile"]
    elif profile == "auto":
        profile = "paper" if machine.has_gpu() else "quick"
    chosen = choose_profile(profile, overrides=setting("OVERRIDES", overrides))
    print(f"dataset {dataset}, profile {profile}, results in {folder.folder}")
    return Session(dataset, setting("DATA_DIR", data_dir), folder, chosen)
