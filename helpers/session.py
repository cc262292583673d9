"""What a settings cell opens: the dataset, the profile, and the folder of their results (all notebooks)."""

import os
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from helpers.base import machine
from helpers.base.artifacts import Artifacts, SuiteError, read_json
from helpers.base.settings import Profile, choose_profile, describe
from helpers.recordings.catalogue import choose_dataset

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
        chosen["dataset"] = "crema-d" if machine.on_colab() else "voices"
    choose_dataset(chosen["dataset"])
    folder_name = chosen["name"] or chosen["dataset"]
    if Path(folder_name).name != folder_name or folder_name.startswith("."):
        raise SuiteError(f"NAME={folder_name!r} can't be the name of a folder: use letters, digits, '-' and '_'.")
    root = Path(chosen["artifacts"] or machine.PROJECT / "artifacts").expanduser().resolve()
    folder = Artifacts(root / folder_name)
    folder.require_layout()
    session = Session(
        dataset=chosen["dataset"],
        data_dir=chosen["data_dir"],
        artifacts=folder,
        profile=choose_profile(_profile_name(chosen["profile"], folder), overrides=chosen["overrides"]),
    )
    print(f"dataset {session.dataset}, profile {session.profile.name}, results in {folder.folder}")
    return session


def _profile_name(name: str, artifacts: Artifacts) -> str:
    if name != "auto":
        return name
    if artifacts.spectrogram_settings.exists():
        return read_json(artifacts.spectrogram_settings)["profile"]
    return "paper" if machine.has_gpu() else "quick"
