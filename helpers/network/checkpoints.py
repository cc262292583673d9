"""What happens at the end of each step and epoch of a training, above all its checkpoints (notebooks 03 and 05).

A training that was stopped goes on from its last whole epoch, to the same result. A checkpoint is a model file
(`helpers.network.model_files`) whose note also holds the history and what the training was of. Its weights and its optimizer's
state go on exactly; what an epoch shows depends on its number alone (`helpers.spectrograms.batches`).
"""

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
from tqdm import tqdm

from helpers.base.artifacts import SuiteError, atomic_path, disk_errors
from helpers.network.history import best_epoch, is_over
from helpers.network.model_files import load_weights, read_note, save_model
from helpers.network.run import Run

EPOCHS = "epoch-*.keras"
TIMED_STEPS = range(3, 20)  # of a training, after those that compile: long enough to say how long it will take
FEWEST_STEPS = 100  # of a training that is worth an estimate


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
    lost = f"The checkpoint of epoch {len(history)} could not be written to {folder}"
    with disk_errors(lost, then=f"run this again; it goes on from epoch {len(history) - 1}"):
        save_model(path, model, run.identity | {"history": history, "seeds": seeds})
    for other in folder.glob(EPOCHS):
        if other not in (path, epoch_file(folder, best_epoch(history))):
            other.unlink()


def copy_to_drive(run: Run) -> bool:
    """Make the run's folder on Drive, if there is one, hold the checkpoints of this machine; whether that worked."""
    folder = run.checkpoints_on_drive
    if folder is None:
        return False
    here = {path.name: path for path in run.checkpoints.glob(EPOCHS)}
    try:
        with disk_errors("The checkpoint could not be copied to Drive", then="run this again to have them there, too"):
            _copy_missing(here, folder)
            for other in folder.glob("*.keras"):
                if other.name not in here:
                    other.unlink()
    except SuiteError as error:
        print(f"{error} The training goes on, with its checkpoints on this machine.")
        return False
    return True


def _copy_missing(files: dict[str, Path], folder: Path) -> None:
    for name, path in files.items():
        if not (folder / name).exists():
            with atomic_path(folder / name) as temporary:
                shutil.copyfile(path, temporary)


def find_checkpoint(run: Run) -> tuple[Path | None, list[dict]]:
    """The latest checkpoint of a run and its history; None and an empty history where there is none.

    One on Drive that is later than those of this machine is fetched with all others there.

    Raises
    ------
    SuiteError
        The checkpoint belongs to a training with other settings, clips, classes or layers.
    """
    path, fetched = _latest(run.checkpoints), _latest_on_drive(run)
    if fetched and (path is None or fetched.name > path.name):
        path = fetched
    if path is None:
        return None, []
    note = read_note(path)
    if changed := run.difference(note):
        raise SuiteError(
            f"A training was stopped after epoch {len(note['history'])}, and this one can't go on from it, because {changed}. Set "
            f"them as they were, or start again: delete the folder {path.parent}."
        )
    if path is fetched:
        with disk_errors(f"The checkpoints in {path.parent} could not be fetched", then="run this again"):
            _copy_missing({other.name: other for other in path.parent.glob(EPOCHS)}, run.checkpoints)
    return epoch_file(run.checkpoints, len(note["history"])), note["history"]


def _latest(folder: Path) -> Path | None:
    for stray in folder.glob(".writing-*"):  # of a training that was killed while writing
        stray.unlink()
    return max(folder.glob(EPOCHS), default=None)


def _latest_on_drive(run: Run) -> Path | None:
    if run.checkpoints_on_drive is None:
        return None
    try:
        with disk_errors("The checkpoints on Drive can't be read", then="run this again to go on from them"):
            return _latest(run.checkpoints_on_drive)
    except SuiteError as error:
        print(f"{error} The training goes on without them.")
        return None


def clear(run: Run) -> None:
    """Remove all checkpoints of a training that is over, or that failed."""
    for folder in filter(None, (run.checkpoints, run.checkpoints_on_drive)):
        shutil.rmtree(folder, ignore_errors=True)


def seconds_so_far(run: Run) -> list[float]:
    """What each epoch of a training that was stopped took; empty where there is no checkpoint, or none that can be read."""
    try:
        return [row["seconds"] for row in read_note(max(run.checkpoints.glob(EPOCHS)))["history"]]
    except (ValueError, SuiteError):  # `max` of nothing; a damaged file, which the training itself will say
        return []


def restore(path: Path, model: keras.Model) -> None:
    """Give a compiled model the state that it had at a checkpoint: weights, optimizer and the seeds of its dropout."""
    model.optimizer.build(model.trainable_variables)
    load_weights(path, model)
    for seed, value in zip(_seeds(model), read_note(path)["seeds"], strict=True):  # Keras leaves them out of a file
        seed.assign(value)


def _seeds(model: keras.Model) -> list[keras.Variable]:
    return [variable for variable in model.variables if variable.path.endswith("seed_generator_state")]


class EpochRecorder(keras.callbacks.Callback):
    """Writes the history, shows the progress, and stops a training that fails or no longer gets better.

    Parameters
    ----------
    run : Run
    history : list of dict
        Rows of the epochs that are over; each new one is added.
    bar : tqdm.tqdm
        Counts steps.
    pause : callable
        Asked at the end of an epoch whether the training is to pause there.
    """

    def __init__(self, run: Run, history: list[dict], *, bar: tqdm, pause: Callable[[], bool]):
        super().__init__()
        self.run, self.profile, self.history, self.bar, self.pause = run, run.profile, history, bar, pause
        self.steps, self.on_drive = 0, run.checkpoints_on_drive is not None

    def on_train_begin(self, logs=None):
        """Start the clock: an epoch lasts from the end of the last one's row, so that its checkpoint counts, too."""
        self.started, self.step_seconds = time.perf_counter(), 0.0

    def on_train_batch_begin(self, batch, logs=None):
        """Start the step's clock."""
        self.step_started = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        """Stop where the loss is no number, and move the bar on."""
        self.step_seconds += time.perf_counter() - self.step_started
        self._require_number(logs["loss"], f"in step {batch + 1} of epoch {len(self.history) + 1}")
        self.bar.update()
        self.steps += 1
        if self.steps == TIMED_STEPS.start:
            self.timed_from = time.perf_counter()
        elif self.steps == TIMED_STEPS.stop and self.bar.total - self.bar.n > FEWEST_STEPS:
            step_s = (time.perf_counter() - self.timed_from) / len(TIMED_STEPS)
            self.bar.write(estimate(step_s * (self.bar.total - self.bar.n), epochs=self.profile.epochs - len(self.history)))

    def on_epoch_end(self, epoch, logs=None):
        """Put the epoch into the history and write its checkpoint."""
        self._require_number(logs["val_loss"], f"on the validation clips after epoch {epoch + 1}")
        row = {"epoch": epoch + 1}
        row |= {key.replace("val_", "validation_"): float(logs[key]) for key in ("loss", "accuracy", "val_loss", "val_accuracy")}
        row["learning_rate"] = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        row["step_seconds"] = round(self.step_seconds, 2)
        row["seconds"] = round(time.perf_counter() - self.started, 2)
        self.started, self.step_seconds = time.perf_counter(), 0.0
        self.history.append(row)
        save_checkpoint(self.run, self.model, self.history)
        self.on_drive = self.on_drive and copy_to_drive(self.run)  # once it has failed, it is not tried, and said, every epoch
        self.bar.set_postfix_str(
            f"epoch {row['epoch']} of {self.profile.epochs}, loss {row['loss']:.3f}, accuracy {row['accuracy']:.3f}, validation "
            f"{row['validation_loss']:.3f}, {row['validation_accuracy']:.3f}"
        )
        self.model.stop_training = is_over(self.history, profile=self.profile) or self.pause()

    def _require_number(self, loss, where: str) -> None:
        if not np.isfinite(float(loss)):
            rate = self.profile.learning_rate / 10
            raise FloatingPointError(
                f"The loss became {float(loss)} {where}: the weights have run away. Try a smaller learning rate, such as "
                f'OVERRIDES = "learning_rate={rate:g}".'
            )


def estimate(seconds: float, *, epochs: int) -> str:
    """What a training is going to take, as a sentence.

    Examples
    --------
    >>> estimate(400, epochs=40)
    'About 7 minutes for 40 epochs, measured on the first steps. To stop: the square button; whole epochs stay.'
    """
    minutes = max(1, round(seconds / 60))
    return (
        f"About {minutes} minute{'s' * (minutes > 1)} for {epochs} epochs, measured on the first steps. To stop: the square "
        "button; whole epochs stay."
    )
