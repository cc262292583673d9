"""Checkpoints: a training that was stopped goes on from its last whole epoch, to the same result (notebook 03).

A checkpoint is a model file (`helpers.network.model_files`) whose note also holds the history and what the training was of. Its
weights and its optimizer's state go on exactly; what an epoch shows depends on its number alone (`helpers.spectrograms.batches`).
"""

from __future__ import annotations

import shutil
from pathlib import Path

import keras

from helpers.base.artifacts import SuiteError
from helpers.network.model_files import differing_classes, read_note, save_model
from helpers.network.run import best_epoch, difference

DRIVE = Path("/content/drive/MyDrive")  # where Colab mounts Google Drive: it outlives the machine


def checkpoint_folder(folder: Path) -> Path:
    """Where the checkpoints of a model folder go: on Drive if it is mounted, else in the model's folder itself."""
    if not DRIVE.is_dir() or folder.is_relative_to(DRIVE):
        return folder / "checkpoints"
    # The last parts of the model's folder, <dataset>/models/<name>, tell trainings apart.
    return DRIVE.joinpath("voice-age-gender", "checkpoints", *folder.parts[-3:])


def epoch_file(folder: Path, epoch: int) -> Path:
    """The checkpoint of the end of an epoch, counted from 1."""
    return folder / f"epoch-{epoch:04d}.keras"


def save_checkpoint(folder: Path, model: keras.Model, *, identity: dict, history: list[dict]) -> None:
    """Write the checkpoint of the epoch that has just ended; of the earlier ones, keep only the best.

    Raises
    ------
    SuiteError
        The disk is full or can't be written; the checkpoint before stays.
    """
    seeds = [keras.ops.convert_to_numpy(seed).tolist() for seed in _seeds(model)]
    path = epoch_file(folder, len(history))
    try:
        save_model(path, model, identity | {"history": history, "seeds": seeds})
    except (OSError, RuntimeError) as error:  # HDF5 raises a RuntimeError where the disk is full
        raise SuiteError(
            f"The checkpoint of epoch {len(history)} could not be written to {folder} ({str(error).splitlines()[0]}): free some "
            f"space and run this again; it goes on from epoch {len(history) - 1}."
        ) from None
    for other in folder.glob("*.keras"):
        if other not in (path, epoch_file(folder, best_epoch(history))):
            other.unlink()


def find_checkpoint(folder: Path, *, identity: dict) -> tuple[Path | None, list[dict]]:
    """The latest checkpoint and its history; None and an empty history where there is none.

    Parameters
    ----------
    folder : Path
    identity : dict
        `settings`, `data` and `classes` of the training that wants to go on.

    Raises
    ------
    SuiteError
        The checkpoint belongs to a training with other settings, clips or classes.
    """
    for stray in folder.glob(".writing-*"):  # of a training that was killed while writing
        stray.unlink()
    path = max(folder.glob("epoch-*.keras"), default=None)
    if path is None:
        return None, []
    note = read_note(path)
    if note["classes"] != identity["classes"]:
        changed = f"it has {differing_classes(note['classes'], identity['classes'])}"
    else:
        changed = difference(note, identity)
    if changed:
        raise SuiteError(
            f"A training was stopped after epoch {len(note['history'])}, and this one can't go on from it, because {changed}. Set "
            f"them as they were, or start anew: delete the folder {folder}."
        )
    return path, note["history"]


def restore(path: Path, model: keras.Model) -> None:
    """Give a compiled model the state that it had at a checkpoint: weights, optimizer and the seeds of its dropout."""
    model.optimizer.build(model.trainable_variables)
    model.load_weights(path)
    for seed, value in zip(_seeds(model), read_note(path)["seeds"], strict=True):  # Keras leaves them out of a file
        seed.assign(value)


def remove_checkpoints(folder: Path) -> None:
    """Remove the checkpoints of a training that is finished or has failed for good."""
    shutil.rmtree(folder, ignore_errors=True)


def _seeds(model: keras.Model) -> list[keras.Variable]:
    return [variable for variable in model.variables if variable.path.endswith("seed_generator_state")]
