"""A folder of unlabelled recordings into a table: gender, age, class, and whether the answer is unsure (notebook 06)."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from helpers.base.artifacts import Artifacts, RunFiles, SuiteError
from helpers.base.machine import on_all_cores
from helpers.evaluation.calibration import confidence_threshold, fit_temperature, temper, with_temperature
from helpers.evaluation.scores import expected_age, gender_and_age, read_predictions
from helpers.network.model import TrainedModel, distances
from helpers.recordings.containers import UnusableSoundError
from helpers.recordings.files import count_endings, find_sounds, printable
from helpers.recordings.manifest import read_manifest
from helpers.recordings.sounds import read_sound
from helpers.spectrograms.mel import picture, resample

AT_ONCE = 256  # recordings whose pictures are in memory together
MOST_KNOWN = 500  # training clips that a recording is compared with
COLUMNS = ["file", "class", "confidence", "gender", "gender_probability", "expected_age", "unsure", "why", "note"]


@dataclass(frozen=True)
class Limits:
    """When an answer is unsure, as notebook 06 finds it on the validation clips of the network's own run.

    Attributes
    ----------
    temperature : float
        Which the probabilities are softened by.
    confidence : float
        The lowest that halves the error rate; 0 where that is not known.
    known : pd.DataFrame or None
        Features of training clips; None where their pictures are not here.
    distance : float
        From the nearest of them, of which 95 of 100 validation clips have less.
    """

    temperature: float = 1.0
    confidence: float = 0.0
    known: pd.DataFrame | None = None
    distance: float = np.inf


def limits_of(path: Path, model: TrainedModel) -> Limits:
    """The limits of a model file, from the run that it lies in; what can't be had is said, and its test is left out."""
    run = RunFiles(path.parent)
    if not run.predictions.exists():
        print(f"{run.predictions.name} is not beside {path.name}: no answer is called unsure.")
        return Limits()
    predictions = read_predictions(run.predictions, model.classes)
    validation = predictions[predictions["split"] == "validation"]
    temperature = fit_temperature(validation, model.classes)
    scaled = with_temperature(validation, model.classes, temperature=temperature)
    confidence = confidence_threshold(scaled, risk=(scaled["true"] != scaled["predicted"]).mean() / 2)
    limits = Limits(temperature, 1.0 if confidence is None else confidence)
    artifacts = Artifacts(path.resolve().parents[2])
    try:
        manifest = read_manifest(artifacts)
        parts = (manifest[manifest["split"] == part] for part in ("train", "validation"))
        known, others = (model.clip_features(clips, artifacts, most=MOST_KNOWN) for clips in parts)
    except SuiteError:
        print("The training clips' pictures are not here: whether a voice is unlike them is not told.")
        return limits
    nearest = distances(others.to_numpy(), known).min(axis=1)
    return replace(limits, known=known, distance=float(nearest.quantile(0.95)))


def predict_folder(folder: Path, model: TrainedModel, *, limits: Limits) -> pd.DataFrame:
    """What a model hears in each sound file below a folder; a file that can't be used has its reason, and stops nothing.

    Parameters
    ----------
    folder : Path
    model : TrainedModel
    limits : Limits
        As `limits_of` gives them.

    Returns
    -------
    pd.DataFrame
        One row a file, sorted by name: `file` (relative), `class` and its `confidence`, `gender` and `gender_probability`,
        `expected_age` in years, `unsure` ("yes", "no", or "not read"), `why`, and `note`, what is unusual in the sound. Gender and
        age are empty where the classes don't tell them.

    Raises
    ------
    SuiteError
        The folder is not there, or holds no sound file.
    """
    if not folder.is_dir():
        raise SuiteError(f"There is no folder {folder}: set RECORDINGS to the one that holds your recordings.")
    files, passed_over = find_sounds(folder)
    if passed_over:
        print(f"passed over, by their ending: {count_endings(passed_over)}")
    if not files:
        raise SuiteError(f"{folder} holds no sound file: set RECORDINGS to the folder that holds your recordings.")
    settings = model.settings

    def read(path: Path) -> tuple[np.ndarray | None, str]:
        try:
            sound = read_sound(path, longest_s=settings.longest_s)
        except UnusableSoundError as error:
            return None, f"The file {error}."
        return picture(resample(sound, sample_rate=settings.sample_rate), settings=settings), sound.note

    rows = []
    for start in range(0, len(files), AT_ONCE):
        part = files[start : start + AT_ONCE]
        title = f"recordings {start + 1} to {start + len(part)} of {len(files)}"
        heard = on_all_cores(read, part, title=title, dead=lambda ending: (None, f"Reading it {ending}."))
        names = [printable(str(path.relative_to(folder))) for path in part]
        rows += _answers(names, heard, model, limits=limits)
    return pd.DataFrame(rows, columns=COLUMNS)


def _answers(names: list[str], heard: list[tuple[np.ndarray | None, str]], model: TrainedModel, *, limits: Limits) -> list[dict]:
    images = [image for image, _ in heard if image is not None]
    probabilities = iter(temper(model.predict_images(images), temperature=limits.temperature) if images else ())
    away = np.zeros(len(images))
    if images and limits.known is not None:
        away = distances(model.image_features(images), limits.known).min(axis=1).to_numpy()
    distance = iter(away)
    return [
        {"file": name, "unsure": "not read", "why": note}
        if image is None
        else {"file": name, "note": note} | _answer(pd.Series(next(probabilities), model.classes), next(distance), limits)
        for name, (image, note) in zip(names, heard, strict=True)
    ]


def _answer(probabilities: pd.Series, distance: float, limits: Limits) -> dict:
    gender, ages = gender_and_age(probabilities)
    reasons = []
    if probabilities.max() < limits.confidence:
        reasons.append(f"its confidence is below {limits.confidence:.2f}")
    if distance > limits.distance:
        reasons.append(f"it is unlike every training clip ({distance:.3f} away, up to {limits.distance:.3f} is usual)")
    return {
        "class": probabilities.idxmax(),
        "confidence": round(float(probabilities.max()), 3),
        "gender": "" if gender is None else gender.idxmax(),
        "gender_probability": None if gender is None else round(float(gender.max()), 3),
        "expected_age": None if ages is None else round(expected_age(ages), 1),
        "unsure": "yes" if reasons else "no",
        "why": "; ".join(reasons),
    }
