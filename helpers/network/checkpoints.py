"""Checkpoints: a training that was stopped goes on from its last whole epoch, to the same result (notebook 03).

A checkpoint is a model file (`helpers.network.model_files`) whose note also holds the history and what the training was of. Its
weights and its optimizer's state go on exactly; what an epoch shows depends on its number alone (`helpers.spectrograms.batches`).
"""

import shutil
from pathlib import Path

import keras

from helpers.base.artifacts import SuiteError
from helpers.network.model_files import read_note, save_model
from helpers.network.run import Run, best_epoch


def epoch_file(folder: Path, epoch: int) -> Path:
    """The checkpoint of the end of an epoch, counted from 1."""
    return folder / f"epoch-{epoch:04d}.keras"


def save_checkpoint(run: Run, model: keras.Model, history: list[dict]) -> None:
    """Write the checkpoint of the epoch that has just ended; of the earlier ones, keep only the best.

    Raises
    ------
    SuiteError
        The disk is full or can't be written; the checkpoint before stays.
    """
    seeds = [keras.ops.convert_to_numpy(seed).tolist() for seed in _seeds(model)]
    folder = run.checkpoints
    path = epoch_file(folder, len(history))
    try:
        save_model(path, model, run.identity | {"history": history, "seeds": seeds})
    except (OSError, RuntimeError) as error:  # HDF5 raises a RuntimeError where the disk is full
        raise SuiteError(
            f"The checkpoint of epoch {len(history)} could not be written to {folder} ({str(error).splitlines()[0]}): free some "
            f"space and run this again; it goes on from epoch {len(history) - 1}."
        ) from None
    for other in folder.glob("*.keras"):
        if other not in (path, epoch_file(folder, best_epoch(history))):
            other.unlink()


def find_checkpoint(run: Run) -> tuple[Path | None, list[dict]]:
    """The latest checkpoint of a run and its history; None and an empty history where there is none.

    Raises
    ------
    SuiteError
        The checkpoint belongs to a training with other settings, clips, classes or layers.
    """
    for stray in run.checkpoints.glob(".writing-*"):  # of a training that was killed while writing
        stray.unlink()
    path = max(run.checkpoints.glob("epoch-*.keras"), default=None)
    if path is None:
        return None, []
    note = read_note(path)
    if changed := run.difference(note):
        raise SuiteError(
            f"A training was stopped after epoch {len(note['history'])}, and this one can't go on from it, because {changed}. Set "
            f"them as they were, or start anew: delete the folder {run.checkpoints}."
        )
    return path, note["history"]


def restore(path: Path, model: keras.Model) -> None:
    """Give a compiled model the state that it had at a checkpoint: weights, optimizer and the seeds of its dropout."""
    model.optimizer.build(model.trainable_variables)
    model.load_weights(path)
    for seed, value in zip(_seeds(model), read_note(path)["seeds"], strict=True):  # Keras leaves them out of a file
        seed.assign(value)


def remove_checkpoints(run: Run) -> None:
    """Remove the checkpoints of a training that is finished or has failed for good."""
    shutil.rmtree(run.checkpoints, ignore_errors=True)


def _seeds(model: keras.Model) -> list[keras.Variable]:
    return [variable for variable in model.variables if variable.path.endswith("seed_generator_state")]
