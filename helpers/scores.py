"""Scores from the tables alone: `predictions.csv` and `classes.json`, never the model (notebooks 03 to 05).

Every score is a fraction of 1, the mean absolute error of the age is in years.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.metrics import accuracy_score, confusion_matrix, precision_recall_fscore_support

from helpers.artifacts import read_json, read_table, require
from helpers.errors import SuiteError
from helpers.labels import parse_label
from helpers.splits import SPLITS

FIXED_COLUMNS = ["clip", "split", "true", "predicted", "confidence"]


def predictions_table(manifest: pd.DataFrame, probabilities: np.ndarray, classes: list[str]) -> pd.DataFrame:
    """The table `predictions.csv`.

    Parameters
    ----------
    manifest : pd.DataFrame
        Columns `clip`, `split`, `label`, one row a clip.
    probabilities : np.ndarray [shape=(clips, classes)]
    classes : list of str

    Returns
    -------
    pd.DataFrame
        `clip`, `split`, `true`, `predicted`, `confidence`, and one column for each class.
    """
    fixed = pd.DataFrame(
        {
            "clip": manifest["clip"].to_numpy(),
            "split": manifest["split"].to_numpy(),
            "true": manifest["label"].to_numpy(),
            "predicted": np.asarray(classes, dtype=object)[probabilities.argmax(axis=1)],
            "confidence": probabilities.max(axis=1),
        }
    )
    return pd.concat([fixed, pd.DataFrame(probabilities, columns=classes)], axis=1).round(6)


def read_predictions(path, classes: list[str]) -> pd.DataFrame:
    """Read `predictions.csv` and check that it belongs to the class list.

    Raises
    ------
    SuiteError
        The file is missing, or was made with other classes.
    """
    # Read as a row, because pandas renames columns of the same name.
    names = pd.read_csv(require(path), nrows=1, header=None, dtype=str, keep_default_na=False).iloc[0].tolist()
    if names != FIXED_COLUMNS + classes:
        raise SuiteError(
            f"{path} has {len(names) - len(FIXED_COLUMNS)} classes that are not those of classes.json ({len(classes)}): run "
            "notebooks/03_train_resnet.ipynb (or 05) again."
        )
    return read_table(path)


def score_split(predictions: pd.DataFrame, classes: list[str]) -> dict[str, float]:
    """Scores of the predictions of one split.

    Parameters
    ----------
    predictions : pd.DataFrame
        As `predictions_table` makes it, one row or more.
    classes : list of str
        In the order of the probability columns.

    Returns
    -------
    dict
        `clips`, `accuracy`, `loss` (cross-entropy in nats); `precision`, `recall`, `f1`, each `macro_` (mean over the classes that
        occur as true or predicted) and `weighted_` (by the number of true clips); `gender_accuracy` and `age_mae_years` (the
        age expected from all probabilities) where every class's name tells them.

    Raises
    ------
    ValueError
        A probability is not a number.
    """
    probabilities = predictions.iloc[:, len(FIXED_COLUMNS) :].to_numpy(float)
    if not np.isfinite(probabilities).all():
        raise ValueError("a probability is not a number")
    true, predicted = predictions["true"].to_numpy(), predictions["predicted"].to_numpy()
    index = pd.Index(classes).get_indexer(true)
    loss = -np.log(np.clip(probabilities[np.arange(len(true)), index], 1e-7, 1))
    scores = {"clips": len(true), "accuracy": accuracy_score(true, predicted), "loss": loss.mean()}
    for average in ("macro", "weighted"):
        precision, recall, f1, _ = precision_recall_fscore_support(true, predicted, average=average, zero_division=0)
        scores |= {f"{average}_precision": precision, f"{average}_recall": recall, f"{average}_f1": f1}

    people = [parse_label(label) for label in classes]
    genders = np.array([gender or "" for gender, _ in people])
    if all(genders) and len(set(genders)) > 1:
        names = sorted(set(genders))
        mass = np.stack([probabilities[:, genders == name].sum(axis=1) for name in names], axis=1)
        scores["gender_accuracy"] = accuracy_score(genders[index], np.array(names)[mass.argmax(axis=1)])
    if all(age is not None for _, age in people) and len({age for _, age in people}) > 1:
        ages = np.array([age for _, age in people], float)
        expected = probabilities @ ages / probabilities.sum(axis=1)
        scores["age_mae_years"] = np.abs(expected - ages[index]).mean()
    return {name: value if name == "clips" else round(float(value), 6) for name, value in scores.items()}


def score(predictions: pd.DataFrame, classes: list[str]) -> dict[str, dict[str, float]]:
    """Scores of every split that has predictions: what `metrics.json` holds."""
    return {
        split: score_split(predictions[predictions["split"] == split], classes)
        for split in SPLITS
        if (predictions["split"] == split).any()
    }


def class_report(predictions: pd.DataFrame, classes: list[str]) -> pd.DataFrame:
    """Precision, recall, F1 and number of true clips (support) of each class."""
    values = precision_recall_fscore_support(predictions["true"], predictions["predicted"], labels=classes, zero_division=0)
    return pd.DataFrame(
        dict(zip(("precision", "recall", "f1", "clips"), values, strict=True)), index=pd.Index(classes, name="class")
    )


def confusion_counts(predictions: pd.DataFrame, classes: list[str]) -> pd.DataFrame:
    """Confusion matrix: rows are the true classes, columns the predicted ones."""
    counts = confusion_matrix(predictions["true"], predictions["predicted"], labels=classes)
    return pd.DataFrame(counts, index=pd.Index(classes, name="true"), columns=pd.Index(classes, name="predicted"))


def most_confused(predictions: pd.DataFrame, *, most: int = 10) -> pd.DataFrame:
    """The pairs of classes that are confused most often, with their number of clips."""
    wrong = predictions[predictions["true"] != predictions["predicted"]]
    return (
        wrong.groupby(["true", "predicted"])
        .size()
        .sort_values(ascending=False, kind="stable")
        .head(most)
        .rename("clips")
        .reset_index()
    )


def read_classes(artifacts) -> list[str]:
    """The class list: the one place where the order of the labels is kept."""
    return read_json(artifacts.classes)
