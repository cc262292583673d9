import numpy as np
import pandas as pd
import pytest

from helpers.base.settings import Profile
from helpers.network.history import best_epoch, epochs_without_gain, has_converged, is_over, verdict

EPOCHS = np.arange(1, 41)
FALLING = 3 * np.exp(-EPOCHS / 10)


@pytest.mark.parametrize(
    ("loss", "validation_loss", "accuracy", "validation_accuracy", "message"),
    [
        (FALLING, np.maximum(FALLING, FALLING[30]) + 0.1, 0.95, 0.94, "It learns: the best epoch is 31 of 40"),
        (FALLING, FALLING + 0.1, 0.95, 0.94, "the best epoch (40) is among the last: more epochs might do better"),
        (FALLING, 1 + (EPOCHS - 10) ** 2 / 500, 0.99, 0.9, "overfits: since epoch 10 the validation loss has risen from 1.00 to"),
        (FALLING, FALLING + 1, 0.99, 0.7, "It overfits: 0.99 of the training clips are right, but 0.70 of the validation clips"),
        (3 - EPOCHS / 1000, 3 - EPOCHS / 1000, 0.05, 0.05, "stalls: over 40 epochs the training loss only went from 3.00 to 2.96"),
    ],
)  # fmt: skip
def test_curves_in_words(loss, validation_loss, accuracy, validation_accuracy, message):
    history = pd.DataFrame({
        "epoch": EPOCHS, "loss": loss, "accuracy": accuracy, "validation_loss": validation_loss,
        "validation_accuracy": validation_accuracy,
    })  # fmt: skip
    assert message in verdict(history)


def test_the_best_epoch_has_the_lowest_validation_loss_and_patience_counts_from_the_last_gain():
    history = [{"epoch": n, "validation_loss": loss} for n, loss in enumerate([3.0, 1.0, 2.0, 0.999], start=1)]
    assert best_epoch(history) == 4 and epochs_without_gain(history) == [0, 0, 1, 2]  # 0.1% lower is no gain
    assert [is_over(history, profile=Profile("", early_stopping=patience)) for patience in (0, 1, 2, 3)] == [
        False,
        True,
        True,
        False,
    ]
    assert not is_over([], profile=Profile("", early_stopping=1))


def test_small_gains_add_up():
    """Of 0.3% an epoch, every second one is lower by more than 0.5% than the last that counted."""
    history = [{"validation_loss": 0.997**epoch} for epoch in range(6)]
    assert epochs_without_gain(history) == [0, 1, 0, 1, 0, 1]


@pytest.mark.parametrize(
    ("losses", "training_loss", "converged"),
    [
        ([3.0, 1.0, *[0.996] * 8], 1.0, True),
        ([3.0, 1.0, *[0.996] * 7], 1.0, False),  # seven epochs without a gain
        ([3.0, 1.0, *[1.2] * 7, 0.99], 1.0, False),  # a gain in the last
        ([3.6, *[3.7] * 8], 3.5, False),  # nothing learnt: half of ln(39) is 1.83
    ],
)
def test_a_network_has_converged_where_nothing_is_gained_and_something_was_learnt(losses, training_loss, converged):
    history = [{"validation_loss": loss, "loss": training_loss} for loss in losses]
    assert has_converged(history, classes=39) == converged
