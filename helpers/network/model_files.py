"""Model files: a `.keras` archive that also holds what a prediction needs, read safely, and exported (notebook 03).

A `.keras` file is a zip archive of a network's plan and weights. Beside them lies `suite.json`: the class list and the settings of
the spectrogram, so that the file alone is enough to go from a sound to an age.
"""

import json
import logging
import os
import shutil
import zipfile
from pathlib import Path
from typing import Any

import keras

from helpers.base.artifacts import SuiteError, atomic_path, write_json
from helpers.base.settings import SpectrogramSettings
from helpers.network.model import TrainedModel
from helpers.network.run import differing_classes

NOTE = "suite.json"


def save_model(path: Path, model: keras.Model, note: dict[str, Any]) -> None:
    """Write a model in Keras' own format, with a note inside, atomically."""
    with atomic_path(path, durable=True) as temporary:
        model.save(temporary)
        with zipfile.ZipFile(temporary, "a") as archive:
            archive.writestr(NOTE, json.dumps(note))


def read_note(path: Path) -> dict[str, Any]:
    """The note in a model file, every byte of the file checked against its checksum.

    Raises
    ------
    SuiteError
        The file is missing, cut off, of another format, or without a note.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.testzip() is not None:
                raise zipfile.BadZipFile
            if "config.json" not in archive.namelist():
                raise SuiteError(f"{path} is no Keras model file: only the .keras format is read, because it runs no code.")
            return json.loads(archive.read(NOTE))
    except FileNotFoundError:
        raise SuiteError(f"There is no model file {path}: run notebooks/03_train_resnet.ipynb first.") from None
    except zipfile.BadZipFile:
        raise SuiteError(
            f"{path} is cut off, damaged, or of another format: copy it again, or train again. Only Keras' own .keras format "
            "is read, because it runs no code; no pickle and no HDF5."
        ) from None
    except (KeyError, ValueError):
        raise SuiteError(f"{path} does not hold its class list ({NOTE}): train it with notebooks/03_train_resnet.ipynb.") from None


def load_model(path: Path, *, classes: list[str] | None = None) -> TrainedModel:
    """A trained model from its file; Keras reads it in `safe_mode`, which refuses code.

    Parameters
    ----------
    path : Path
        As `save_model` wrote it.
    classes : list of str, optional
        The class list that the model must have.

    Returns
    -------
    TrainedModel

    Raises
    ------
    SuiteError
        The file is damaged, not in Keras' safe format, or of another class list.
    """
    note = read_note(path)
    if "layers" not in note:
        raise SuiteError(f"{path} was trained by an earlier version of this project: run notebooks/03_train_resnet.ipynb again.")
    if classes is not None and note["classes"] != list(classes):
        raise SuiteError(f"{path} was trained on other classes: {differing_classes(note['classes'], classes)}.")
    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # each layer refuses in its own way
        first = str(error).strip().splitlines()[0]
        raise SuiteError(f"{path} can't be read safely as a Keras model ({first[:200]}): use files of this suite alone.") from None
    if model.output_shape[-1] != len(note["classes"]):
        raise SuiteError(f"{path} gives {model.output_shape[-1]} probabilities for {len(note['classes'])} classes: train it again.")
    return TrainedModel(model, note["classes"], SpectrogramSettings(**note["spectrogram"]), note["test_windows"])


def export_model(path: Path, folder: Path) -> Path:
    """Write a model file as a TensorFlow SavedModel, which runs without Keras; its note goes to `assets.extra/`.

    Returns
    -------
    Path
        `folder`; an earlier export there is replaced. Its signature `serve` takes pictures [shape=(batch, height, width, channels),
        0 to 255] and gives probabilities [shape=(batch, classes)].
    """
    model, note = load_model(path).network, read_note(path)
    temporary = folder.with_name(f".writing-{os.getpid()}-{folder.name}")
    log = logging.getLogger("tensorflow")
    level = log.level
    try:
        log.setLevel(logging.WARNING)  # it names the temporary folder, which concerns nobody
        model.export(temporary, format="tf_saved_model", verbose=False)
        write_json(temporary / "assets.extra" / NOTE, note)
        shutil.rmtree(folder, ignore_errors=True)
        temporary.rename(folder)
    finally:
        log.setLevel(level)
        shutil.rmtree(temporary, ignore_errors=True)
    return folder
