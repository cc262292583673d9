"""What a settings cell opens: the dataset, the profile, and the folder of their results (all notebooks)."""

import os
from dataclasses import dataclass
from pathlib import Path

from helpers.base import device, machine
from helpers.base.artifacts import Artifacts, SuiteError
from helpers.base.settings import Profile, choose_profile
from helpers.display.notes import SettingsTable
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
    notebook : int or None
        Number of the notebook.
    asked, overrides : str
        The profile and its overrides as the settings cell gives them.
    """

    dataset: str
    data_dir: str
    artifacts: Artifacts
    profile: Profile
    notebook: int | None = None
    asked: str = "auto"
    overrides: str = ""

    def settings(self) -> SettingsTable:
        """The settings, five of them open and the others folded."""
        return SettingsTable(self.dataset, self.profile)


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
    notebook: int | None = None,
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
        "auto" is `paper` on a GPU and `quick` without one where the notebook trains; see `helpers.base.device.automatic_profile`.
    overrides : str
        Such as ``"epochs=5, batch_size=16"``.
    artifacts : str
        Folder for all results; `artifacts` in the project if empty.
    notebook : int, optional
        Number of the notebook that asks.

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
    asked, overrides = setting("PROFILE", profile), setting("OVERRIDES", overrides)
    chosen = _profile(asked, folder, overrides=overrides, notebook=notebook)
    print(f"dataset {dataset}, profile {chosen.name}, results in {folder.folder}")
    return Session(dataset, setting("DATA_DIR", data_dir), folder, chosen, notebook=notebook, asked=asked, overrides=overrides)


def _profile(asked: str, folder: Artifacts, *, overrides: str, notebook: int | None) -> Profile:
    name = device.automatic_profile(folder, notebook=notebook) if asked == "auto" else asked
    return choose_profile(name, overrides=overrides)
