"""Checks of notebook 3: networks and their training. A docstring is the form of the answer (`helpers.lessons.checks`)."""

from typing import Any

import numpy as np

from helpers.base.artifacts import SuiteError
from helpers.lessons.checks import Names, by_name, expect, fractions, number, numbers, table


def exercise_1(answer: Any, run: Names) -> str | None:
    """A 3 x 3 list or array: the weights of your filter."""
    weights = np.asarray(answer, float)
    assert weights.shape == (3, 3), f"Nine weights in three rows are asked for, not the shape {weights.shape}."
    total = weights.sum()
    assert abs(total) < 1e-6, f"The nine weights add up to {total:g}, not to 0: an even brightness would pass the filter, too."
    falling, rising = (weights * np.eye(3)).sum(), (weights * np.eye(3)[::-1]).sum()
    assert falling >= rising, "It answers more to a line from the lower left to the upper right, a *rising* pitch."
    assert falling > max(rising, 0), "A falling line should give a positive sum, and more than a rising one."


def exercise_2(answer: Any, run: Names) -> str | None:
    """Two numbers: the loss of A and the loss of B, in nats."""
    given = np.array([[0.9, 0.9, 0.9, 0.4], [0.55, 0.55, 0.55, 0.01]])
    losses = -np.log(given).mean(axis=1)
    slips = [
        (losses[::-1], "A and B are exchanged."),
        (4 * losses, "These are sums: the loss of a batch is the mean over its clips."),
        (losses / np.log(2), "These are bits: take the natural logarithm, `np.log`."),
        (losses / np.log(10), "That is the logarithm to base 10: take the natural one, `np.log`."),
    ]
    expect(numbers(answer, 2), losses, "Take the mean of -ln(p) over the four clips of each.", slips=slips, within=0.006)
    return "One confident error costs B more than all of A's answers together."


def exercise_3(answer: Any, run: Names) -> str | None:
    """A whole number: the parameters of the block."""
    count = run.block.count_params()
    slips = [
        (count / 2, "That is one convolution with its normalisation: the block has two of each."),
        (count + 2 * 16, "These convolutions have no bias."),
        (count - 2 * 2 * 16, "A normalisation keeps four numbers per channel, not two: the mean and the variance count, too."),
    ]
    otherwise = "Two convolutions and two normalisations: how many numbers has one filter, and how many filters are there?"
    expect(number(answer), count, otherwise, slips=slips, rel=0)


def exercise_4(answer: Any, run: Names) -> str | None:
    """A dict: of 2, 4, 8 and 16 blocks, the gradient at the first block divided by that at the last."""
    ratios = by_name(answer)
    assert sorted(ratios.index) == [2, 4, 8, 16], f"Its keys should be the blocks 2, 4, 8 and 16, not {list(ratios.index)}."
    ratios = ratios[[2, 4, 8, 16]]
    assert (ratios > 0).all(), "A ratio of two norms is above 0: give the ratio itself, not its logarithm."
    assert not ratios.is_monotonic_increasing, "These grow with the depth: divide the first block's gradient by the last one's."
    falls = ratios.is_monotonic_decreasing and ratios[16] < ratios[2] ** 2
    assert falls, "With Glorot's start less arrives the deeper the stack is. Are these *plain* blocks, without normalisation?"
    return "Each further block costs about the same factor again."


def exercise_5(answer: Any, run: Names) -> str | None:
    """Two tables like `history`: one that overfits, one that stalls."""
    assert isinstance(answer, (tuple, list)) and len(answer) == 2, "Two tables are asked for: (overfitted, stalled)."
    columns = ("epoch", "loss", "accuracy", "validation_loss", "validation_accuracy")
    said = [run.verdict(table(one, *columns)) for one in answer]
    assert not ("stalls" in said[0] and "overfits" in said[1]), "The two are exchanged: the overfitted one comes first."
    assert "overfits" in said[0], (
        f"Of the first, `verdict` says: {said[0]} Let its validation loss rise while the training loss falls."
    )
    assert "stalls" in said[1], f"Of the second, `verdict` says: {said[1]} Its training loss must hardly fall."
    return "The training loss alone tells whether a network stalls; to see it overfit takes both curves."


def exercise_6(answer: Any, run: Names) -> str | None:
    """A table, one row per task: the accuracies `trained weights`, `random weights` and `the most frequent`."""
    columns, test = ["trained weights", "random weights", "the most frequent"], run.manifest["split"] == "test"
    tasks = [name for name in ("gender", "emotion", "sentence") if name in run.manifest and run.manifest[name].nunique() > 1]
    if not tasks:
        raise SuiteError("Its manifest states no gender, emotion or sentence.")
    scores = table(answer, *columns)[columns].astype(float)
    assert set(scores.index) <= set(tasks), f"Its rows should be among the tasks {', '.join(tasks)}."
    right = fractions(scores) * min(40, test.sum())
    assert np.allclose(right, right.round(), atol=0.25), "These are no fractions of 40 clips: test the layer on 40 test clips."
    return "What the classes need has been learnt; what they do not need, such as the sentence, may be lost."


def exercise_7(answer: Any, run: Names) -> str | None:
    """Three arrays (rows, columns): one map each after an early, a middle and a late layer."""
    maps = [np.asarray(one, float) for one in answer]
    assert len(maps) == 3, f"Three maps are asked for, not {len(maps)}."
    axes = {one.ndim for one in maps}
    assert axes == {2}, f"One map has two axes, rows and columns; here are {sorted(axes)}: choose one clip and one channel."
    sizes = [one.size for one in maps]
    assert sizes == sorted(sizes, reverse=True), (
        f"They have {sizes} points: the deeper a layer, the smaller its maps. Is the order early, late?"
    )
    return "The late map says where something was found, no longer what it looked like."
