"""What happens at the end of each step and epoch of a training (notebooks 03 and 05)."""

import time
from collections.abc import Callable

import keras
import numpy as np
from tqdm import tqdm

from helpers.base.settings import Profile
from helpers.network.run import best_epoch


class EpochRecorder(keras.callbacks.Callback):
    """Writes the history, shows the progress, and stops a training that fails or no longer gets better.

    Parameters
    ----------
    history : list of dict
        Rows of the epochs that are over; each new one is added.
    bar : tqdm.tqdm
        Counts steps.
    profile : Profile
    save : callable
        Called after each epoch, with nothing: writes the checkpoint.
    """

    def __init__(self, history: list[dict], *, bar: tqdm, profile: Profile, save: Callable[[], None]):
        super().__init__()
        self.history, self.bar, self.profile, self.save = history, bar, profile, save

    def on_epoch_begin(self, epoch, logs=None):
        """Start the clock."""
        self.started = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        """Stop where the loss is no number, and move the bar on."""
        self._require_number(logs["loss"], f"in step {batch + 1} of epoch {len(self.history) + 1}")
        self.bar.update()

    def on_epoch_end(self, epoch, logs=None):
        """Put the epoch into the history and save it."""
        self._require_number(logs["val_loss"], f"on the validation clips after epoch {epoch + 1}")
        row = {
            "epoch": epoch + 1,
            "loss": float(logs["loss"]),
            "accuracy": float(logs["accuracy"]),
            "validation_loss": float(logs["val_loss"]),
            "validation_accuracy": float(logs["val_accuracy"]),
            "learning_rate": float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)),
            "seconds": round(time.perf_counter() - self.started, 2),
        }
        self.history.append(row)
        self.save()
        self.bar.set_postfix_str(
            f"epoch {row['epoch']} of {self.profile.epochs}, loss {row['loss']:.3f}, accuracy {row['accuracy']:.3f}, validation "
            f"{row['validation_loss']:.3f}, {row['validation_accuracy']:.3f}"
        )
        self.model.stop_training = stops_early(self.history, profile=self.profile)

    def _require_number(self, loss, where: str) -> None:
        if not np.isfinite(float(loss)):
            rate = self.profile.learning_rate / 10
            raise FloatingPointError(
                f"The loss became {float(loss)} {where}: the weights have run away. Try a smaller learning rate, such as "
                f'OVERRIDES = "learning_rate={rate:g}".'
            )


def stops_early(history: list[dict], *, profile: Profile) -> bool:
    """Whether the last `profile.early_stopping` epochs brought no lower validation loss; never where that is 0."""
    return bool(history) and 0 < profile.early_stopping <= len(history) - best_epoch(history)
