"""A run: one training, what is kept of it in `models/<name>/`, and whether that is still true (notebooks 03 to 05)."""

import timeit
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd

from helpers.base import drive, machine
from helpers.base.artifacts import Artifacts, RunFiles, fingerprint, read_json, write_json, write_table
from helpers.base.settings import Corpus, Profile, describe
from helpers.evaluation.scores import read_classes, read_predictions, score
from helpers.recordings.manifest import read_manifest

# Settings that change neither the pictures nor the training of one network; clips that are left out change its data.
NOT_OF_A_RUN = (
    "name", "compare", "compare_epochs", "compare_seeds", "compare_minutes", "speakers", "sentences", "corpus_seed",
    "leave_out_marked",
)  # fmt: skip

# Of whole results the corpus is a part, too.
NOT_OF_RESULTS = {*NOT_OF_A_RUN} - {*vars(Corpus())}


@dataclass(frozen=True)
class Run:
    """One training of a network or a baseline: what it is of, where it lies, what is kept of it, and whether that is still true.

    Attributes
    ----------
    folder : Path
        Such as `models/small_resnet/`.
    artifacts : Artifacts
    profile : Profile
    classes : list of str
    settings : dict
        What the training depends on, `network` among it.
    data : str
        Fingerprint of the clips: names, sounds, labels, split of each, and class list.
    layers : str
        Fingerprint of the network's layers (`helpers.network.networks.layers_fingerprint`); empty for a baseline.
    start : str
        Fingerprint of the weights that it starts from, ready-made ones or a file's; empty for ImageNet's and random ones.
    """

    folder: Path
    artifacts: Artifacts
    profile: Profile
    classes: list[str]
    settings: dict
    data: str
    layers: str = ""
    start: str = ""

    @classmethod
    def of(
        cls,
        name: str,
        manifest: pd.DataFrame,
        artifacts: Artifacts,
        *,
        profile: Profile,
        folder: Path | None = None,
        settings: dict | None = None,
    ) -> Self:
        """The run of a network with these settings and clips, in `models/<name>/` unless another folder is given."""
        if settings is None:
            # Wherever the file lies: `start` says which weights they are.
            weights = "file" if profile.weights_file else profile.weights
            settings = describe(replace(profile, network=name)) | {"weights": weights}
        return cls(
            folder=folder or artifacts.model(name),
            artifacts=artifacts,
            profile=profile,
            classes=read_classes(artifacts),
            settings={"network": name} | settings,
            data=data_fingerprint(manifest, artifacts),
        )

    @property
    def name(self) -> str:
        """Name of the network or the baseline."""
        return self.settings["network"]

    @property
    def files(self) -> RunFiles:
        """What is kept of it."""
        return RunFiles(self.folder)

    @property
    def identity(self) -> dict:
        """What a run or a checkpoint on disk must be of to be taken for this one."""
        return {"settings": self.settings, "data": self.data, "classes": self.classes, "layers": self.layers, "start": self.start}

    @property
    def checkpoints(self) -> Path:
        """Where the checkpoints lie on this machine."""
        return self.files.checkpoints

    @property
    def checkpoints_on_drive(self) -> Path | None:
        """Where copies of them lie for another machine; None without Drive, or where the run itself lies there."""
        folder = drive.connected()
        if folder is None or self.folder.is_relative_to(machine.DRIVE):
            return None
        # The dataset, the split and the seed are in the path from the folder of all datasets on.
        root = (self.artifacts.source or self.artifacts.folder).parent
        return folder / "checkpoints" / self.folder.relative_to(root)

    def difference(self, before: dict) -> str:
        """What an earlier run's or checkpoint's identity has otherwise, in words; empty where nothing differs."""
        if before.get("classes") != self.classes:
            return f"it has {differing_classes(before.get('classes', []), self.classes)}"
        if before.get("data") != self.data:
            return "the clips, labels or splits have changed"
        changed = changed_settings(before.get("settings", {}), self.settings)
        changed = [f"{name} was {was!r} and is {now!r}" for name, (was, now) in changed.items()]
        if not changed and before.get("layers") != self.layers:
            changed = ["the network's layers have changed"]
        if not changed and before.get("start", "") != self.start:
            changed = ["the weights that it starts from have changed"]
        return ", ".join(changed)

    def reason_to_repeat(self) -> str:
        """Why what lies in the folder can't be taken for this run; empty where it can, or where there is nothing."""
        files = self.files
        if not files.facts.exists():
            return ""
        kept = (files.predictions, files.metrics, *((files.model, files.history) if self.layers else ()))
        missing = [path.name for path in kept if not path.exists()]
        return f"its {missing[0]} is missing" if missing else self.difference(self.read())

    def finished(self) -> dict | None:
        """The content of `run.json` where the folder holds this very run, whole, which is printed; else None."""
        if not self.files.facts.exists() or self.reason_to_repeat():
            return None
        print(f"{self.name}: already trained with these settings and clips, taken from {self.folder}")
        return self.read()

    def read(self) -> dict:
        """The content of `run.json`."""
        return read_json(self.files.facts)

    def record(self, predictions: pd.DataFrame, *, seconds: float, **facts) -> dict:
        """Write `predictions.csv`, `metrics.json` and, last, `run.json`; return the last one's content."""
        write_table(self.files.predictions, predictions, durable=True)
        # Scored from the file, so that the same figures come out for whoever reads it.
        write_json(self.files.metrics, score(read_predictions(self.files.predictions, self.classes), self.classes), durable=True)
        run = {
            "profile": self.profile.name,
            "seed": self.profile.seed,
            "versions": machine.versions(),
            "device": machine.device(),
            "seconds": round(seconds, 2),
            **self.identity,
            **facts,
        }
        write_json(self.files.facts, run, durable=True)
        return self.read()


def changed_settings(before: dict, now: dict, *, ignored: Collection[str] = NOT_OF_A_RUN) -> dict[str, tuple]:
    """The settings of now that a JSON file has otherwise, or not at all, by name: what they were and what they are."""
    return {
        name: (before.get(name), value)
        for name, value in now.items()
        # Through JSON, tuples have become lists.
        if name not in ignored and before.get(name) != (list(value) if isinstance(value, tuple) else value)
    }


def differing_classes(before: list[str], now: list[str]) -> str:
    """How two class lists differ, as part of a sentence."""
    lacking, unwanted = sorted(set(now) - set(before)), sorted(set(before) - set(now))
    parts = [
        f"{what} {', '.join(names[:3])}{' ...' * (len(names) > 3)}"
        for what, names in (("without", lacking), ("with", unwanted))
        if names
    ]
    return f"{len(before)} classes, and {len(now)} are wanted" + (f" ({', '.join(parts)})" if parts else " in another order")


def milliseconds_per_clip(answer: Callable[[], object], *, clips: int) -> list[float]:
    """Lowest, middle and highest time a clip of five calls that answer `clips` clips at once, after one that compiles.

    Returns
    -------
    list of float
        In ms.
    """
    answer()
    seconds = timeit.repeat(answer, repeat=5, number=1)
    return [round(1000 * float(value) / clips, 5) for value in np.quantile(seconds, [0, 0.5, 1])]


def read_run(artifacts: Artifacts, name: str) -> tuple[dict, dict, pd.DataFrame]:
    """What is kept of a trained model: `run.json`, `metrics.json` and the predictions.

    Raises
    ------
    SuiteError
        Something is missing, or the predictions are of other classes or of another split than the manifest's.
    """
    files = artifacts.run(name)
    predictions = read_predictions(files.predictions, read_classes(artifacts), manifest=read_manifest(artifacts))
    return read_json(files.facts), read_json(files.metrics), predictions


def data_fingerprint(manifest: pd.DataFrame, artifacts: Artifacts) -> str:
    """Changes when a clip's name or sound, a label, the split or the class list does."""
    pictures = read_json(artifacts.spectrogram_settings)["pictures"]
    text = manifest[["clip", "label", "split"]].to_csv(index=False) + "\n".join([pictures, *read_classes(artifacts)])
    return fingerprint(text.encode())
