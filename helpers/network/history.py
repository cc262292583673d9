"""What the history of a training says: whether it is over, has converged, or overfits; rows as in `history.csv` (notebook 03)."""

import numpy as np
import pandas as pd

from helpers.base.settings import Profile

GAIN = 0.005  # a validation loss must be lower by this fraction to count as lower
PATIENCE = 8  # epochs without a gain after which a network has converged


def best_epoch(history: list[dict]) -> int:
    """Number of the epoch with the lowest validation loss, the first of equals."""
    return min(history, key=lambda row: row["validation_loss"])["epoch"]


def epochs_without_gain(history: list[dict]) -> list[int]:
    """After each epoch, how many have passed since the validation loss was last lower by 0.5% than ever before.

    Examples
    --------
    >>> epochs_without_gain([{"validation_loss": loss} for loss in (2.0, 1.0, 0.999, 0.998, 0.9)])
    [0, 0, 1, 2, 0]
    """
    counts, lowest = [], np.inf
    for row in history:
        gained = row["validation_loss"] < (1 - GAIN) * lowest
        counts.append(0 if gained else counts[-1] + 1 if counts else 1)
        lowest = row["validation_loss"] if gained else lowest
    return counts


def is_over(history: list[dict], *, profile: Profile) -> bool:
    """Whether a training has no more to come: these are all its epochs, or the last `early_stopping` ones brought no gain."""
    stops_early = bool(history) and 0 < profile.early_stopping <= epochs_without_gain(history)[-1]
    return len(history) >= profile.epochs or stops_early


def has_converged(history: list[dict], *, classes: int) -> bool:
    """Whether a network has learnt what it can: no gain for eight epochs, and a training loss below half of that of guessing.

    The first alone would also hold for a network that has learnt nothing.

    Parameters
    ----------
    history : list of dict
        Rows of `history.csv`.
    classes : int
    """
    return epochs_without_gain(history)[-1] >= PATIENCE and history[-1]["loss"] < np.log(classes) / 2


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
