"""Model files: a `.keras` archive that also holds what a prediction needs, read safely, and exported (notebook 03).

A `.keras` file is a zip archive of a network's plan and weights. Beside them lies `suite.json`: the network's name and settings,
the class list, and the settings of the spectrogram, so that the file alone is enough to go from a sound to an age.

To read one, the network is built again by its name, and only numbers are taken from the file. Its plan, which Keras would turn into
Python objects, is never read: so a file runs no code, and may be of another version of Keras.
"""

import contextlib
import json
import logging
import math
import secrets
import shutil
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import h5py
import keras
import tensorflow as tf

from helpers.base.artifacts import SuiteError, atomic_path, first_line, next_step, write_json
from helpers.base.settings import Profile, SpectrogramSettings
from helpers.base.unpacking import DAMAGED
from helpers.network import networks
from helpers.network.model import TrainedModel
from helpers.network.run import differing_classes

NOTE, WEIGHTS = "suite.json", "model.weights.h5"
LONGEST_NOTE = 20_000_000  # bytes: thousands of classes and epochs
MOST_COPIES = 4  # of each weight in a file: itself and the optimizer's moments


def _again() -> str:
    return f"train it again ({next_step('03_train_resnet')})"


def save_model(path: Path, model: keras.Model, note: dict[str, Any]) -> None:
    """Write a model in Keras' own format, with a note inside, atomically."""
    with atomic_path(path, durable=True) as temporary:
        model.save(temporary)
        with zipfile.ZipFile(temporary, "a") as archive:
            archive.writestr(NOTE, json.dumps(note))


def model_note(model: keras.Model, *, classes: list[str], profile: Profile) -> dict[str, Any]:
    """What a model's file must say for the network to be built again, and for a prediction."""
    return {
        "network": model.name,
        "shape": list(model.input_shape[1:]),
        "head": profile.head,
        "base_channels": profile.base_channels,
        "dropout": profile.dropout,
        "layers": networks.layers_fingerprint(model),
        "classes": classes,
        "spectrogram": asdict(profile.spectrogram),
        "test_windows": profile.test_windows,
    }


def read_note(path: Path) -> dict[str, Any]:
    """The note in a model file, every byte of the file checked against its checksum.

    Raises
    ------
    SuiteError
        The file is missing, cut off, of another format, or without a note.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            # Keras packs without compression: so nothing in the file can be larger than the file.
            if any(member.compress_type != zipfile.ZIP_STORED for member in archive.infolist()) or archive.testzip() is not None:
                raise zipfile.BadZipFile
            if WEIGHTS not in archive.namelist():
                raise SuiteError(f"{path} is no Keras model file: only the .keras format is read, because it runs no code.")
            if archive.getinfo(NOTE).file_size > LONGEST_NOTE:
                raise SuiteError(f"{path} was not made by this project: its {NOTE} is too large. Use only files from this suite.")
            note = json.loads(archive.read(NOTE))
            if not isinstance(note, dict):
                raise KeyError(NOTE)
            return note
    except FileNotFoundError:
        raise SuiteError(f"There is no model file {path}: {next_step('03_train_resnet')}.") from None
    except (KeyError, UnicodeDecodeError, json.JSONDecodeError, RecursionError):
        raise SuiteError(f"{path} does not hold its class list ({NOTE}): {_again()}.") from None
    except DAMAGED:
        raise SuiteError(
            f"{path} is cut off, damaged, or of another format: copy it again, or train again. Only Keras' own .keras format "
            "is read, because it runs no code; no pickle and no HDF5."
        ) from None


def load_model(path: Path, *, classes: list[str] | None = None) -> TrainedModel:
    """A trained model from its file: the network is built again by its name, and gets the file's weights.

    Parameters
    ----------
    path : Path
        As `save_model` wrote it, with the note of `model_note`.
    classes : list of str, optional
        The class list that the model must have.

    Returns
    -------
    TrainedModel

    Raises
    ------
    SuiteError
        The file is damaged, not in Keras' format, of another class list, or of a network that has changed since.
    """
    note = read_note(path)
    if not {"layers", "shape"} <= note.keys():
        raise SuiteError(f"{path} was trained by an earlier version of this project: {_again()}.")
    try:
        options = {name: note[name] for name in ("head", "base_channels", "dropout")}
        name, names, shape, layers, windows = (note[key] for key in ("network", "classes", "shape", "layers", "test_windows"))
        settings = SpectrogramSettings(**note["spectrogram"])
        Profile("", network=name, test_windows=windows, window_frames=shape[1], **options)  # refuses what is out of its limits
        if [shape[0], shape[2]] != [settings.image_size or settings.mel_bins, settings.channels]:
            raise ValueError(f"its pictures of {shape} values are not those of its spectrograms")
        if len(set(names)) < len(names) or not all(isinstance(label, str) for label in names):
            raise ValueError("its classes are no list of names")
        # Only planned, without memory for its weights: they may be more than this machine, or the file, can hold.
        with keras.StatelessScope(initialize_variables=False):
            plan = networks.build(name, shape=tuple(shape), classes=len(names), **options)
    except Exception as error:  # each value can be wrong in its own way
        raise SuiteError(f"{path} does not say what network it holds ({first_line(error)[:200]}): {_again()}.") from None
    if classes is not None and names != list(classes):
        raise SuiteError(f"{path} was trained on other classes: {differing_classes(names, classes)}.")
    if networks.layers_fingerprint(plan) != layers:
        raise SuiteError(f"{path} was trained with another version of the network {name}: {_again()}.")
    _require_weights_of(plan, path)
    network = networks.build(name, shape=tuple(shape), classes=len(names), **options)
    load_weights(path, network)
    return TrainedModel(network, names, settings, windows)


def load_weights(path: Path, network: keras.Model) -> None:
    """Give a network, and its optimizer if it is compiled, the numbers in a model file or a checkpoint.

    Raises
    ------
    SuiteError
        They are not those of such a network.
    """
    _require_weights_of(network, path)
    try:
        network.load_weights(path)
    except (ValueError, KeyError, OSError, RuntimeError) as error:
        reason = first_line(error).split(". ")[0]  # then Keras names layers by numbers of its own
        raise SuiteError(f"{path} does not hold the weights of this {network.name} ({reason[:200]}): {_again()}.") from None


def _require_weights_of(network: keras.Model, path: Path) -> None:
    """Refuse weights that are more or fewer than the network's, or that are not in the file itself."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open(WEIGHTS) as content, h5py.File(content, "r") as file:
            found = sum(array.nbytes for array in arrays_in(file))
    except Exception as error:  # h5py raises all kinds for a file that is damaged inside
        reason = first_line(error)[:200]
        raise SuiteError(f"{path} can't be read safely as a model file ({reason}): use only files from this suite.") from None
    needed = sum(math.prod(weight.shape) * 4 for weight in network.weights)
    if not needed <= found <= MOST_COPIES * needed + 100_000:
        raise SuiteError(
            f"{path} holds {found / 1e6:.2f} MB of weights, and {network.name} has {needed / 1e6:.2f} MB: the file is of another "
            f"network; {_again()}."
        )


def arrays_in(file: h5py.File) -> list[h5py.Dataset]:
    """All arrays of an HDF5 file.

    HDF5 lets a data set lie in other files, by links, external storage or a virtual data set (as in CVE-2026-1669), and lets it be
    far larger than what is stored of it.

    Raises
    ------
    ValueError
        One holds no numbers, or does not lie in the file itself.
    """
    links: dict[str, Any] = {}
    file.visititems_links(links.__setitem__)
    if any(not isinstance(link, h5py.HardLink) for link in links.values()):
        raise ValueError("a link leads out of it")
    arrays = [item for item in map(file.get, links) if isinstance(item, h5py.Dataset)]
    for array in arrays:
        numbers = array.dtype.kind in "biuf" and array.id.get_storage_size() == array.nbytes
        if array.external or array.is_virtual or not numbers:
            raise ValueError(f"{array.name} holds no numbers, or not in this file")
    return arrays


def export_model(path: Path, folder: Path) -> Path:
    """Write a model file as a TensorFlow SavedModel, which runs without Keras; its note goes to `assets.extra/`.

    Returns
    -------
    Path
        `folder`; an earlier export there is replaced. Its signature `serve` takes pictures [shape=(batch, height, width, channels),
        0 to 255] and gives probabilities [shape=(batch, classes)].
    """
    model, note = load_model(path).network, read_note(path)
    temporary = folder.with_name(f".writing-{secrets.token_hex(8)}-{folder.name}")
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


def load_export(folder: Path) -> Any:
    """An exported model, ready to `serve`.

    It is loaded from within its parent folder: TensorFlow takes `[`, `*` and `?` in a path for a pattern and would find nothing.
    """
    with contextlib.chdir(folder.parent):
        return tf.saved_model.load(folder.name)
