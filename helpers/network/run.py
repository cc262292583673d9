"""What is kept of a trained model in `models/<name>/`, and whether it still fits (notebooks 03 to 05)."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from helpers.base import machine
from helpers.base.artifacts import Artifacts, read_json, read_table, write_json, write_table
from helpers.base.settings import Profile
from helpers.evaluation.scores import read_classes, read_predictions, score

# Settings that change neither the pictures nor the training of one network; clips that are left out change its data.
NOT_OF_A_RUN = ("name", "compare", "compare_epochs", "compare_seeds", "speakers", "sentences", "corpus_seed", "leave_out_marked")


def record_run(folder: Path, predictions: pd.DataFrame, *, classes: list[str], profile: Profile, seconds: float, **facts) -> dict:
    """Write `predictions.csv`, `metrics.json` and, last, `run.json`; return the last one's content."""
    write_table(folder / "predictions.csv", predictions)
    # Scored from the file, so that the same figures come out for whoever reads it.
    write_json(folder / "metrics.json", score(read_predictions(folder / "predictions.csv", classes), classes))
    run = {
        "profile": profile.name,
        "seed": profile.seed,
        "versions": machine.versions(),
        "device": machine.device(),
        "seconds": round(seconds, 2),
        **facts,
    }
    write_json(folder / "run.json", run)
    return read_json(folder / "run.json")


def milliseconds_per_clip(answer: Callable[[], object], *, clips: int, repeats: int = 5) -> list[float]:
    """Lowest, middle and highest time a clip of some calls that answer `clips` clips at once, after one that compiles.

    Returns
    -------
    list of float
        In ms.
    """
    answer()
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        answer()
        times.append(1000 * (time.perf_counter() - started) / clips)
    return [round(float(value), 5) for value in np.quantile(times, [0, 0.5, 1])]


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
    return difference(read_json(folder / "run.json"), identity)


def difference(before: dict, identity: dict) -> str | None:
    """What is different from an earlier run's `settings` and `data`, in words; None if nothing is."""
    if before.get("data") != identity["data"]:
        return "the clips, labels or splits have changed"
    changed = [
        f"{name} was {before['settings'].get(name)!r} and is {value!r}"
        for name, value in identity["settings"].items()
        # Through JSON, tuples have become lists.
        if name not in NOT_OF_A_RUN and before["settings"].get(name) != (list(value) if isinstance(value, tuple) else value)
    ]
    return ", ".join(changed) or None


def best_epoch(history: list[dict]) -> int:
    """Number of the epoch with the lowest validation loss, the first of equals."""
    return min(history, key=lambda row: row["validation_loss"])["epoch"]


def verdict(history: pd.DataFrame) -> str:
    """What the curves of a training say, in words.

    It **stalls** where the training loss fell by less than a tenth. It **overfits** where, after the best epoch, the validation
    loss rose by more than a tenth, or where training ends 0.15 more accurate than validation. It may **want more epochs** where
    the last twentieth of them brought the best one. The limits are rules of thumb: look at the curves, too.

    Examples
    --------
    >>> verdict(pd.DataFrame({"epoch": [1, 2], "loss": [3.0, 2.9], "accuracy": [0.1, 0.1],
    ...                       "validation_loss": [3.0, 3.0], "validation_accuracy": [0.1, 0.1]}))
    'It stalls: over 2 epochs the training loss only went from 3.00 to 2.90. Try another learning rate.'
    """
    first, last, best = history.iloc[0], history.iloc[-1], history.loc[history["validation_loss"].idxmin()]
    gap = last["accuracy"] - last["validation_accuracy"]
    if last["loss"] > 0.9 * first["loss"]:
        return (
            f"It stalls: over {len(history)} epochs the training loss only went from {first['loss']:.2f} to {last['loss']:.2f}. "
            "Try another learning rate."
        )
    if last["validation_loss"] > 1.1 * best["validation_loss"]:
        return (
            f"It overfits: since epoch {best['epoch']:.0f} the validation loss has risen from {best['validation_loss']:.2f} to "
            f"{last['validation_loss']:.2f}. The best epoch is kept; more clips, more augmentation or fewer epochs would help."
        )
    if gap > 0.15:
        return (
            f"It overfits: {last['accuracy']:.2f} of the training clips are right, but {last['validation_accuracy']:.2f} of the "
            "validation clips. More clips or more augmentation would help."
        )
    if best["epoch"] > 0.95 * len(history):
        return f"It learns, and the best epoch ({best['epoch']:.0f}) is among the last: more epochs might do better."
    return f"It learns: the best epoch is {best['epoch']:.0f} of {len(history)}, and validation keeps up with training."
