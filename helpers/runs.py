"""What is kept of a trained model in `models/<name>/`, and whether it still fits (notebooks 03 to 05)."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pandas as pd

from helpers import runtime
from helpers.artifacts import Artifacts, read_json, read_table, write_json, write_table
from helpers.profiles import Profile
from helpers.scores import read_classes, read_predictions, score

# Settings that change neither the pictures nor the training of one network; clips that are left out change its data.
NOT_OF_A_RUN = ("name", "compare", "speakers", "sentences", "corpus_seed", "leave_out_marked")


def record_run(folder: Path, predictions: pd.DataFrame, *, classes: list[str], profile: Profile, seconds: float, **facts) -> dict:
    """Write `predictions.csv`, `metrics.json` and, last, `run.json`; return the last one's content."""
    write_table(folder / "predictions.csv", predictions)
    # Scored from the file, so that the same figures come out for whoever reads it.
    write_json(folder / "metrics.json", score(read_predictions(folder / "predictions.csv", classes), classes))
    run = {
        "profile": profile.name,
        "seed": profile.seed,
        "versions": runtime.versions(),
        "device": runtime.device(),
        "seconds": round(seconds, 2),
        **facts,
    }
    write_json(folder / "run.json", run)
    return read_json(folder / "run.json")


def read_run(artifacts: Artifacts, name: str) -> tuple[dict, dict, pd.DataFrame]:
    """What is kept of a trained model: `run.json`, `metrics.json` and the predictions."""
    folder = artifacts.model(name)
    predictions = read_predictions(folder / "predictions.csv", read_classes(artifacts))
    return read_json(folder / "run.json"), read_json(folder / "metrics.json"), predictions


def read_history(artifacts: Artifacts, name: str) -> pd.DataFrame:
    """Loss and accuracy by epoch of a trained network."""
    return read_table(artifacts.model(name) / "history.csv")


def data_fingerprint(manifest: pd.DataFrame, artifacts: Artifacts) -> str:
    """Changes when a clip's name or sound, a label, the split or the class list does."""
    pictures = read_json(artifacts.spectrogram_settings)["pictures"]
    text = manifest[["clip", "label", "split"]].to_csv(index=False) + "\n".join([pictures, *read_classes(artifacts)])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def difference_from_run(folder: Path, identity: dict) -> str | None:
    """None if `folder` holds a finished run with this identity; else what differs, or "" if there is no run."""
    if not (folder / "run.json").exists():
        return ""
    before = read_json(folder / "run.json")
    if before.get("data") != identity["data"]:
        return "the clips, labels or splits have changed"
    changed = [
        f"{name} was {before['settings'].get(name)!r} and is {value!r}"
        for name, value in identity["settings"].items()
        # Through JSON, tuples have become lists.
        if name not in NOT_OF_A_RUN and before["settings"].get(name) != (list(value) if isinstance(value, tuple) else value)
    ]
    return ", ".join(changed) or None
