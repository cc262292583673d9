"""Scores from the tables alone: `predictions.csv` and `classes.json`, never the model (notebooks 03 to 05).

Every score is a fraction of 1, the mean absolute error of the age is in years.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import entr, softmax
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from helpers.base.artifacts import SuiteError, next_step, read_json, read_table, require
from helpers.recordings.labels import age_group, parse_label
from helpers.recordings.race_split import ASKED_ABOUT
from helpers.recordings.splits import SPLITS

FIXED_COLUMNS = ["clip", "split", "true", "predicted", "confidence"]
TOP = 3  # the true class counts as found if it is among that many most probable
BAND_YEARS = 5
SMALLEST = 1e-6  # probability that counts as more than none: the table holds six digits


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
        `clip`, `split`, `true`, `predicted`, `confidence`, and for each class its probability, `p:<class>`.
    """
    fixed = manifest[["clip", "split", "label"]].rename(columns={"label": "true"}).reset_index(drop=True)
    predicted = np.asarray(classes, dtype=object)[probabilities.argmax(axis=1)]
    fixed = fixed.assign(predicted=predicted, confidence=probabilities.max(axis=1))
    return pd.concat([fixed, pd.DataFrame(probabilities, columns=[f"p:{name}" for name in classes])], axis=1).round(6)


def pool_windows(probabilities: np.ndarray) -> np.ndarray:
    """One prediction from those of a clip's windows: their geometric mean, as if the windows' logits had been averaged.

    The logarithmic opinion pool of Genest & Zidek (1986), "Combining Probability Distributions", Statistical Science 1, 114-135. A
    class must be likely in all windows; the arithmetic mean would also keep what single windows take for likely, and be less sure.

    Parameters
    ----------
    probabilities : np.ndarray [shape=(..., windows, classes)]

    Returns
    -------
    np.ndarray [shape=(..., classes)]
    """
    return softmax(np.log(np.clip(probabilities, SMALLEST, 1)).mean(axis=-2), axis=-1)


def gender_and_age(probabilities: pd.Series) -> tuple[pd.Series | None, pd.Series | None]:
    """Sums of the class probabilities by gender and by year of age; None where not every class's name tells it.

    Examples
    --------
    >>> gender, age = gender_and_age(pd.Series({"female_20": 0.5, "male_20": 0.3, "male_60": 0.2}))
    >>> gender.to_dict(), age.to_dict()
    ({'female': 0.5, 'male': 0.5}, {20: 0.8, 60: 0.2})
    """
    people = pd.DataFrame([parse_label(name) for name in probabilities.index], columns=["gender", "age"])
    sums = (probabilities.groupby(people[column].to_numpy()).sum() for column in people)
    return tuple(found if people[column].notna().all() else None for column, found in zip(people, sums, strict=True))


def expected_age(ages: pd.Series) -> float:
    """The mean age in years, weighted by the probability of each, as `gender_and_age` gives them."""
    return float(np.average(ages.index, weights=ages))


def with_predictions(manifest: pd.DataFrame, predictions: pd.DataFrame) -> pd.DataFrame:
    """The clips of a manifest that have a prediction, with `predicted` and `confidence`."""
    return manifest.merge(predictions[["clip", "predicted", "confidence"]], on="clip", validate="one_to_one")


def read_predictions(path: Path, classes: list[str], *, manifest: pd.DataFrame | None = None) -> pd.DataFrame:
    """Read `predictions.csv` and check that it belongs to the class list and, if a manifest is given, to its labels and split.

    Raises
    ------
    SuiteError
        The file is missing, or was made with other classes, labels or splits.
    """
    # Read as a row, because pandas renames columns of the same name.
    names = pd.read_csv(require(path), nrows=1, header=None, dtype=str, keep_default_na=False).iloc[0].tolist()
    if names != [*FIXED_COLUMNS, *(f"p:{name}" for name in classes)]:
        raise SuiteError(
            f"{path} has {len(names) - len(FIXED_COLUMNS)} classes that are not those of classes.json ({len(classes)}): "
            f"{next_step('03_train_resnet')} (or 05) again."
        )
    predictions = read_table(path)
    if manifest is not None:
        now = manifest.set_index("clip").reindex(predictions["clip"])
        other = (now["split"].to_numpy() != predictions["split"]) | (now["label"].to_numpy() != predictions["true"])
        if other.any():
            raise SuiteError(
                f"{path} was made before notebook 1 split or relabelled the clips: {other.sum()} of its {len(other)} clips have "
                f"another split or label in manifest.csv: {next_step('03_train_resnet')} (or 05), which trains again."
            )
    return predictions


def probabilities_of(predictions: pd.DataFrame) -> np.ndarray:
    """The probability columns, np.ndarray [shape=(clips, classes)].

    Raises
    ------
    ValueError
        A probability is not a number.
    """
    probabilities = predictions.iloc[:, len(FIXED_COLUMNS) :].to_numpy(float)
    if not np.isfinite(probabilities).all():
        raise ValueError("a probability is not a number")
    return probabilities


def clip_scores(
    predictions: pd.DataFrame, classes: list[str], *, ages: pd.Series | None = None, answered_age: float | None = None
) -> pd.DataFrame:
    """What each clip adds to each score: the score of any set of clips is the mean of its column.

    Parameters
    ----------
    predictions : pd.DataFrame
        As `predictions_table` makes it.
    classes : list of str
        In the order of the probability columns.
    ages : pd.Series, optional
        In years, indexed by clip: errors of age are reckoned from these, and not from the labels.
    answered_age : float, optional
        In years, the answer for every clip in place of the expected age (see `median_age`).

    Returns
    -------
    pd.DataFrame
        One row a clip: `accuracy`; `top_3_accuracy` where there are more than three classes (of equal probabilities, the first
        class comes first); `loss` (cross-entropy in nats). Where every class's name tells them, from the sums of the joint
        probabilities: `gender_accuracy`, `age_group_accuracy` (of `helpers.recordings.labels.AGE_GROUPS`), `age_mae_years` (from
        the age expected to the label's; of a decade or a range, to its middle) and `within_5_years`.
    """
    probabilities = probabilities_of(predictions)
    index = pd.Index(classes).get_indexer(predictions["true"])
    scores = {"accuracy": (predictions["true"] == predictions["predicted"]).to_numpy(float)}
    if len(classes) > TOP:
        order = np.argsort(-probabilities, axis=1, kind="stable")
        scores[f"top_{TOP}_accuracy"] = (order[:, :TOP] == index[:, np.newaxis]).any(axis=1).astype(float)
    scores["loss"] = -np.log(np.clip(probabilities[np.arange(len(index)), index], 1e-7, 1))

    people = [parse_label(label) for label in classes]
    groupings = {"gender_accuracy": [gender for gender, _ in people]}
    if all(age is not None for _, age in people):
        years = np.array([age for _, age in people], float)
        groupings["age_group_accuracy"] = [age_group(age) for age in years]
    for name, groups in groupings.items():
        if all(groups) and len(set(groups)) > 1:
            members = pd.get_dummies(pd.Series(groups, dtype=object)).to_numpy(float)  # [classes, groups]
            scores[name] = (members[index, (probabilities @ members).argmax(axis=1)]).astype(float)
    if "age_group_accuracy" in groupings and len(set(years)) > 1:
        expected = probabilities @ years / probabilities.sum(axis=1) if answered_age is None else answered_age
        error = np.abs(expected - (years[index] if ages is None else predictions["clip"].map(ages).to_numpy(float)))
        scores |= {"age_mae_years": error, f"within_{BAND_YEARS}_years": (error <= BAND_YEARS).astype(float)}
    return pd.DataFrame(scores, index=predictions.index)


def score_split(predictions: pd.DataFrame, classes: list[str], *, answered_age: float | None = None) -> dict[str, float]:
    """Scores of the predictions of one split.

    Parameters
    ----------
    predictions : pd.DataFrame
        As `predictions_table` makes it, one row or more.
    classes : list of str
        In the order of the probability columns.
    answered_age : float, optional
        As for `clip_scores`.

    Returns
    -------
    dict
        `clips`; the means of `clip_scores`; `precision`, `recall`, `f1`, each `macro_` (mean over the classes that occur as true
        or predicted) and `weighted_` (by the number of true clips).

    Raises
    ------
    ValueError
        A probability is not a number.
    """
    scores = clip_scores(predictions, classes, answered_age=answered_age).mean().to_dict()
    for average in ("macro", "weighted"):
        values = precision_recall_fscore_support(predictions["true"], predictions["predicted"], average=average, zero_division=0)
        scores |= {f"{average}_{name}": value for name, value in zip(("precision", "recall", "f1"), values, strict=False)}
    return {"clips": len(predictions)} | {name: round(float(value), 6) for name, value in scores.items()}


def score(predictions: pd.DataFrame, classes: list[str]) -> dict[str, dict[str, float]]:
    """Scores of every split that has predictions: what `metrics.json` holds."""
    parts = dict(iter(predictions.groupby("split")))
    return {split: score_split(parts[split], classes) for split in (*SPLITS, *ASKED_ABOUT) if split in parts}


def lowest_loss(classes: int, *, label_smoothing: float) -> float:
    """The lowest cross-entropy there is with smoothed labels, in nats: that of probabilities equal to the labels themselves.

    Szegedy et al. (2016), "Rethinking the Inception architecture for computer vision", CVPR, section 7: of each label, the fraction
    `label_smoothing` is spread evenly over all classes.

    Examples
    --------
    >>> round(lowest_loss(39, label_smoothing=0.05), 3), lowest_loss(39, label_smoothing=0)
    (0.372, 0.0)
    """
    other = label_smoothing / classes
    right = 1 - label_smoothing + other
    return float(entr(right) + (classes - 1) * entr(other))


def class_report(predictions: pd.DataFrame, classes: list[str]) -> pd.DataFrame:
    """Precision, recall, F1 and number of true clips (support) of each class."""
    values = precision_recall_fscore_support(predictions["true"], predictions["predicted"], labels=classes, zero_division=0)
    columns = dict(zip(("precision", "recall", "f1", "clips"), values, strict=True))
    return pd.DataFrame(columns, index=pd.Index(classes, name="class"))


def confusion_counts(predictions: pd.DataFrame, classes: list[str]) -> pd.DataFrame:
    """Confusion matrix: rows are the true classes, columns the predicted ones, both in the order given."""
    counts = confusion_matrix(predictions["true"], predictions["predicted"], labels=classes)
    return pd.DataFrame(counts, index=pd.Index(classes, name="true"), columns=pd.Index(classes, name="predicted"))


def errors_of(clips: pd.DataFrame) -> pd.DataFrame:
    """The rows of misclassified clips: of those that have a label, and a prediction, which is another one.

    Parameters
    ----------
    clips : pd.DataFrame
        Columns `predicted`, and `true` as in `predictions.csv` or `label` as in a manifest.
    """
    true = clips["true" if "true" in clips else "label"]
    return clips[(true != clips["predicted"]) & (true != "") & (clips["predicted"] != "")]


def most_confused(predictions: pd.DataFrame, *, most: int = 10) -> pd.DataFrame:
    """The pairs of classes that are confused most often, with their number of clips."""
    counts = errors_of(predictions).groupby(["true", "predicted"]).size().sort_values(ascending=False, kind="stable")
    return counts.head(most).reset_index(name="clips")


def read_classes(artifacts) -> list[str]:
    """The class list: the one place where the order of the labels is kept."""
    return read_json(artifacts.classes)


def no_audio(manifest: pd.DataFrame, classes: list[str]) -> np.ndarray:
    """The no-audio baseline: for every clip the fraction of each class among the training clips, [shape=(clips, classes)].

    Scored like any other predictions, its accuracy is that of always answering the most frequent class, gender or age group.
    """
    training = manifest.loc[manifest["split"] == "train", "label"]
    fractions = training.value_counts(normalize=True).reindex(classes, fill_value=0)
    return np.tile(fractions, (len(manifest), 1))


def median_age(manifest: pd.DataFrame, classes: list[str]) -> float | None:
    """The median age of the training clips' classes, in years: of all answers without audio, that with the smallest mean error.

    None where the names of the classes do not tell an age.
    """
    ages = {label: parse_label(label)[1] for label in classes}
    if None in ages.values():
        return None
    return float(manifest.loc[manifest["split"] == "train", "label"].map(ages).median())


def no_audio_scores(predictions: pd.DataFrame, classes: list[str]) -> dict[str, float]:
    """Scores of `no_audio` on the test clips of `predictions`, which are of all splits; its age is the `median_age`."""
    clips = predictions.rename(columns={"true": "label"})
    test = (clips["split"] == "test").to_numpy()
    answers = predictions_table(clips[test], no_audio(clips, classes)[test], classes)
    return score_split(answers, classes, answered_age=median_age(clips, classes))


def pitch_threshold(predictions: pd.DataFrame, pitch: pd.Series) -> tuple[float, pd.Series]:
    """Tell women from men by the pitch alone: the threshold with the fewest errors on the training clips, and who it gets right.

    It lies between two training pitches; where even the best of these errs more often than one answer for all training clips, it
    is 0, or the highest training pitch.

    Parameters
    ----------
    predictions : pd.DataFrame
        Of all splits; the gender is read from the true class.
    pitch : pd.Series
        In Hz, indexed by clip.

    Returns
    -------
    threshold : float
        In Hz; a higher voice is taken for a woman's.
    right : pd.Series
        Whether each clip with a pitch and a gender is predicted correctly, indexed like `predictions`.

    Raises
    ------
    SuiteError
        No training clip of known gender has a pitch.
    """
    table = predictions.assign(gender=predictions["true"].map(lambda label: parse_label(label)[0]))
    table = table.assign(pitch=predictions["clip"].map(pitch)).dropna(subset=["gender", "pitch"])
    female, hertz, training = table["gender"] == "female", table["pitch"], table["split"] == "train"
    known = np.unique(hertz[training])
    if not len(known):
        raise SuiteError("No threshold on the pitch: there is no training clip whose gender is known and whose pitch was measured.")
    candidates = np.concatenate([(known[:-1] + known[1:]) / 2, [0, known[-1]]])
    women, men = (np.sort(hertz[training & of_gender]) for of_gender in (female, ~female))
    errors = np.searchsorted(women, candidates, side="right") + len(men) - np.searchsorted(men, candidates, side="right")
    threshold = float(candidates[errors.argmin()])
    return threshold, (hertz > threshold) == female
