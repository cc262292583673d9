"""What a settings cell opens: the dataset, the profile, and the folder of their results (all notebooks)."""

import contextlib
import glob
import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from helpers.base import device, drive, machine
from helpers.base.artifacts import LAYOUT, Artifacts, SuiteError
from helpers.base.settings import Profile, choose_profile
from helpers.display.notes import SettingsTable
from helpers.recordings.catalogue import DATASETS, choose_dataset
from helpers.recordings.downloads import can_be_fetched

# What a notebook begins with where there is nothing: the sound, or results that are ready-made.
MAKES_RECORDINGS, SHOWS_READY = (1, 2, 3), (0, 4, 5, 6)


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
    drive : Path or None
        This project's folder on Google Drive, where it is used.
    asked, overrides : str
        The profile and its overrides as the settings cell gives them.
    """

    dataset: str
    data_dir: str
    artifacts: Artifacts
    profile: Profile
    notebook: int | None = None
    drive: Path | None = None
    asked: str = "auto"
    overrides: str = ""

    def reopened(self) -> Self:
        """The same after results were made or brought back: the profile "auto" is theirs, or the one for their clips."""
        return replace(self, profile=_profile(self.asked, self.artifacts, overrides=self.overrides, notebook=self.notebook))

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
    use_drive: bool = False,
) -> Session:
    """Read the settings cell, and say where everything goes.

    An environment variable of the same name in capitals (`DATASET`, `DATA_DIR`, `NAME`, `PROFILE`, `OVERRIDES`, `ARTIFACTS`,
    `USE_DRIVE`) wins over the cell: that is how `make run` sets all notebooks at once.

    Parameters
    ----------
    dataset : str
        A key of `helpers.recordings.catalogue.DATASETS`; "auto" takes the dataset whose results are on this machine, else on Drive,
        of several the newest. Where there are none, notebooks 1 to 3 take real speech (`crema-d`) on Colab, if Kaggle answers,
        and else the built-in corpus, as all other notebooks do, with its ready-made results.
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
    use_drive : bool
        Whether to mount Google Drive, for results that outlive the machine.

    Raises
    ------
    SuiteError
        An unknown dataset, profile or setting.
    """
    root = machine.artifacts_root(artifacts)
    on_drive = drive.connect(wanted=setting("USE_DRIVE", str(use_drive)).lower() in ("1", "true", "yes"))
    dataset, name, data_dir = setting("DATASET", dataset), setting("NAME", name), setting("DATA_DIR", data_dir)
    automatic = dataset == "auto"
    if automatic:
        dataset, name = _automatic(root, name, notebook=notebook, on_drive=on_drive)
    choose_dataset(dataset)
    name = name or dataset
    if Path(name).name != name or name.startswith("."):
        raise SuiteError(f"NAME={name!r} can't be the name of a folder: use letters, digits, '-' and '_'.")
    folder = Artifacts(root / name)
    folder.require_layout()
    if automatic and not data_dir and DATASETS[dataset].kaggle and folder.location.exists():
        data_dir = _copy_of_corpus(folder)
    asked, overrides = setting("PROFILE", profile), setting("OVERRIDES", overrides)
    chosen = _profile(asked, folder, overrides=overrides, notebook=notebook)
    print(f"dataset {dataset}, profile {chosen.name}, results in {folder.folder}")
    return Session(
        dataset, data_dir, folder, chosen,
        notebook=notebook, drive=on_drive, asked=asked, overrides=overrides,
    )  # fmt: skip


def _copy_of_corpus(folder: Artifacts) -> str:
    """Where the recordings of results are that were found, for who has fetched them by hand."""
    with contextlib.suppress(SuiteError):
        return str(folder.corpus())
    return ""


def _profile(asked: str, folder: Artifacts, *, overrides: str, notebook: int | None) -> Profile:
    name = device.automatic_profile(folder, notebook=notebook) if asked == "auto" else asked
    return choose_profile(name, overrides=overrides)


def _automatic(root: Path, name: str, *, notebook: int | None, on_drive: Path | None) -> tuple[str, str]:
    """The dataset that "auto" stands for, and the name of its results: those here, else those on Drive, else what can be had."""
    for place, found in (("on this machine", _results_in(root, name)), ("on Drive", _results_on(on_drive, name))):
        if found:
            others = f", the newest; also there: {', '.join(name for _, name in found[1:])}" if found[1:] else ""
            print(f'DATASET = "auto": the results {place}, {found[0][1]}{others}.')
            return found[0]
    if notebook in MAKES_RECORDINGS and machine.on_colab():
        if can_be_fetched(DATASETS["crema-d"].kaggle or ""):
            return "crema-d", name
        print('DATASET = "auto": Kaggle does not answer, so instead of CREMA-D, real speech, this is `voices`, synthetic speech.')
    elif notebook in SHOWS_READY:
        own = "tick USE_DRIVE if they are on Drive, or choose a DATASET" if machine.on_colab() else "choose a DATASET or a NAME"
        print(f'DATASET = "auto": no results of yours are here, so these are the ready-made ones of `voices`. To see yours, {own}.')
    return "voices", name


def _results_in(root: Path, name: str) -> list[tuple[str, str]]:
    """Datasets with results below a folder, and the names of their folders, the newest first."""
    found = []
    for path in root.glob(f"{glob.escape(name) or '*'}/dataset.json"):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            facts = json.loads(path.read_text(encoding="utf-8"))
            if facts["layout"] == LAYOUT and facts["dataset"] in DATASETS and path.with_name("manifest.csv").exists():
                found.append((path.stat().st_mtime, facts["dataset"], path.parent.name))
    return [(dataset, name) for _, dataset, name in sorted(found, reverse=True)]


def _results_on(folder: Path | None, name: str) -> list[tuple[str, str]]:
    """Datasets whose results are on Drive, and the names of their archives, the newest first."""
    there = drive.archives(folder) if folder else []
    return [(dataset, path.stem) for path, dataset in there if dataset in DATASETS and name in ("", path.stem)]
