"""From a sound file to gender and age with a saved model alone (notebook 03)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import pandas as pd

from helpers.batches import even_windows
from helpers.errors import SuiteError
from helpers.labels import parse_label
from helpers.model_files import load_model
from helpers.sounds import inspect_sound
from helpers.spectrograms import SpectrogramSettings, load_audio, mel_spectrogram_db, to_image


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
    model : Path or str, or the pair that `helpers.model_files.load_model` gives
        A model file; for many clips, load it once.

    Raises
    ------
    SuiteError
        The sound or the model file can't be read, or the sound is empty, silent or too short.
    """
    network, note = model if isinstance(model, tuple) else load_model(Path(model))
    path = Path(path)
    if not path.exists():
        raise SuiteError(f"There is no sound file {path}: check the path.")
    if reason := inspect_sound(path).reason:
        raise SuiteError(f"{path} {reason}: give a sound file with a voice in it.")
    settings = SpectrogramSettings(**note["spectrogram"])
    samples = load_audio(path, sample_rate=settings.sample_rate)
    picture = to_image(mel_spectrogram_db(samples, settings=settings), settings=settings)
    if picture.ndim == 2:
        picture = picture[..., np.newaxis]
    images = even_windows(picture, width=network.input_shape[2], windows=note["test_windows"])
    mean = network.predict(images, verbose=0).mean(axis=0)
    probabilities = pd.Series(mean, index=pd.Index(note["classes"], name="class"), name="probability")

    people = pd.DataFrame([parse_label(name) for name in note["classes"]], index=probabilities.index, columns=["gender", "age"])
    known = people.notna().all()
    return Prediction(
        probabilities.sort_values(ascending=False, kind="stable"),
        probabilities.groupby(people["gender"]).sum().idxmax() if known["gender"] else None,
        float(np.average(people["age"].astype(float), weights=probabilities)) if known["age"] else None,
    )
