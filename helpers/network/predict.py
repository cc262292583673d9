"""From a sound to gender and age with a saved model alone (notebooks 03 and 06)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import pandas as pd

from helpers.base.artifacts import SuiteError
from helpers.base.settings import SpectrogramSettings
from helpers.evaluation.calibration import temper
from helpers.network.model_files import load_model
from helpers.recordings.labels import parse_label
from helpers.recordings.sounds import inspect_sound
from helpers.spectrograms.batches import cut_windows
from helpers.spectrograms.mel import load_audio, picture


@dataclass(frozen=True)
class Prediction:
    """What a model hears in a clip.

    Attributes
    ----------
    probabilities : pd.Series
        By class, the likeliest first; they add up to 1.
    gender : str or None
        The one with the larger sum of probabilities; None if not every class's name tells it.
    age : float or None
        In years, the mean of the classes' ages weighted by their probabilities; None if not every class's name tells it.
    """

    probabilities: pd.Series
    gender: str | None
    age: float | None


def predict(path: Path | str, *, model: Path | str | tuple[keras.Model, dict]) -> Prediction:
    """Class probabilities, gender and expected age of the voice in a sound file.

    Parameters
    ----------
    path : Path or str
        WAV, FLAC, OGG or MP3.
    model : Path or str, or the pair that `helpers.network.model_files.load_model` gives
        A model file; for many clips, load it once.

    Raises
    ------
    SuiteError
        The sound or the model file can't be read, or the sound is empty, silent or too short.
    """
    model = model if isinstance(model, tuple) else load_model(Path(model))
    path = Path(path)
    if not path.exists():
        raise SuiteError(f"There is no sound file {path}: check the path.")
    if reason := inspect_sound(path).reason:
        raise SuiteError(f"{path} {reason}: give a sound file with a voice in it.")
    return predict_samples(load_audio(path, sample_rate=SpectrogramSettings(**model[1]["spectrogram"]).sample_rate), model=model)


def predict_samples(samples: np.ndarray, *, model: tuple[keras.Model, dict], temperature: float = 1.0) -> Prediction:
    """The same of a sound in memory.

    Parameters
    ----------
    samples : np.ndarray [shape=(n,)]
        Mono, at the sample rate of the model's spectrograms.
    model : tuple
        As `helpers.network.model_files.load_model` gives it.
    temperature : float
        Softens the probabilities (above 1) or sharpens them, as `helpers.evaluation.calibration.fit_temperature` finds it.
    """
    network, note = model
    _, windows, _ = picture_windows(samples, model=model)
    # Called, not `predict`: for a handful of windows that is as fast, and each `predict` would compile anew.
    found = keras.ops.convert_to_numpy(network(windows, training=False))
    mean = temper(found.mean(axis=0), temperature=temperature)
    probabilities = pd.Series(mean, index=pd.Index(note["classes"], name="class"), name="probability")
    gender, age = gender_and_age(probabilities)
    return Prediction(
        probabilities.sort_values(ascending=False, kind="stable"),
        None if gender is None else gender.idxmax(),
        None if age is None else float(np.average(age.index, weights=age)),
    )


def picture_windows(samples: np.ndarray, *, model: tuple[keras.Model, dict]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What a network sees of a sound.

    Returns
    -------
    picture : np.ndarray [shape=(height, width, channels), dtype=uint8]
        The whole spectrogram.
    windows : np.ndarray [shape=(windows, height, window, channels)]
        The windows of it that a prediction is made of, from 0 to 255.
    starts : np.ndarray [shape=(windows,), dtype=int]
        The first column of each.
    """
    network, note = model
    settings = SpectrogramSettings(**note["spectrogram"])
    image = picture(samples, settings=settings)
    image = image if image.ndim == 3 else image[..., np.newaxis]
    return image, *cut_windows(image, width=network.input_shape[2], windows=note["test_windows"])


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
