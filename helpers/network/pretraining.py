"""Weights to start from: ready-made ones of the small ResNet, or a file's for a network of `keras.applications` (notebook 03).

The small ResNet's have learnt the synthetic voices. They are in the ready-made results, so nothing is downloaded. A network for
other classes takes all of them but its last layer's.
"""

import hashlib
import tempfile
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np

from helpers.base.archive import READY
from helpers.base.artifacts import SuiteError, first_line, read_json
from helpers.base.unpacking import DAMAGED
from helpers.network.model_files import arrays_in, load_model
from helpers.network.networks import PRETRAINED
from helpers.network.run import Run

MOST_OF_A_TOP = 6  # arrays: the three dense layers of VGG
# SHA-256 of files that Keras publishes, of which public sources tell it. (Keras itself checks what it fetches by MD5.)
PUBLISHED = {
    # A pointer in Vietpr/Butterfly_Image_Classification (94,765,736 bytes), and a second source that expects the same.
    "66c8b43daff3fcc15bc4f30e3d2a167e21a14d9c9598a5394e5516471f4af504": "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
    # openvinotoolkit/open_model_zoo, models/public/densenet-121-tf/model.yml (33,188,688 bytes).
    "86cf891d8ce2a713e59a1c6bfa9d3c006c7fdbb4355e8962482caa6d27daead7": "densenet121_weights_tf_dim_ordering_tf_kernels.h5",
}
DATASET, MEMBER = "voices", "models/small_resnet/model.keras"


def starting_weights(run: Run, plan: keras.Model) -> list[np.ndarray]:
    """The weights that a run's first layers start from; none where it starts from random or from ImageNet weights.

    Those of a file are all of a network of `keras.applications`, the ready-made ones all but the last layer's. Recordings of the
    synthetic voices start from random weights: the ready-made network has learnt those very clips. Where these weights are wanted
    but do not fit, a line says so.

    Parameters
    ----------
    run : Run
    plan : keras.Model
        A network like the one that is trained.

    Returns
    -------
    list of np.ndarray
        In the order of the layers.

    Raises
    ------
    SuiteError
        A file is missing, can't be read, or is of another network.
    """
    if run.profile.weights_file is not None:
        return weights_of_file(run.profile.weights_file, run.name, plan)
    if (
        run.profile.weights != "voices"
        or run.name != Path(MEMBER).parent.name
        or read_json(run.artifacts.dataset)["dataset"] == DATASET
    ):
        return []
    archive = READY / f"{DATASET}.zip"
    try:
        with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(archive) as packed:
            model = load_model(Path(packed.extract(MEMBER, folder)))
        weights = [array for layer in model.network.layers[:-1] for array in layer.get_weights()]
        reason = "" if model.settings == run.profile.spectrogram else "they are of other spectrograms"
        if [array.shape for array in weights] != [array.shape for layer in plan.layers[:-1] for array in layer.get_weights()]:
            reason = "they are of a network of another size"
    except SuiteError:
        reason = f"{archive} is damaged, or of another version of this project"
    except (OSError, KeyError, *DAMAGED) as error:
        reason = f"{archive} can't be read ({error})"
    if reason:
        print(f"{run.name}: starts from random weights. Those of the synthetic voices can't be taken: {reason}.")
        return []
    return weights


def weights_of_file(path: Path, name: str, plan: keras.Model) -> list[np.ndarray]:
    """The weights of a network of `keras.applications` in a file of Keras, with or without its top.

    Parameters
    ----------
    path : Path
        As Keras publishes them, or as `save_weights` or `save` wrote it (`.h5`).
    name : str
        Of the network.
    plan : keras.Model
        As `helpers.network.networks.build` gives it; its weights are changed.

    Raises
    ------
    SuiteError
        The file is missing, can't be read, or is of another network.
    """
    if name not in PRETRAINED:
        raise SuiteError(f"{name} starts from no weights of a file: choose one of {', '.join(PRETRAINED)}, or leave weights out.")
    if not path.is_file():
        raise SuiteError(
            f"There is no weights file {path}: check the path in OVERRIDES, and that Drive is connected if it is there."
        )
    base = next(layer for layer in plan.layers if isinstance(layer, keras.Model))
    try:
        with h5py.File(path, "r") as file:
            arrays, keras_2 = len(arrays_in(file)), "layer_names" in file.attrs or "model_weights" in file
    except Exception as error:  # h5py raises all kinds for a file that is damaged inside
        raise SuiteError(
            f"{path} can't be read as weights ({first_line(error)[:200]}): it is cut off, or no HDF5 file of Keras; fetch it again."
        ) from None
    needed = len(base.weights)
    try:
        if not needed <= arrays <= needed + MOST_OF_A_TOP:
            raise ValueError(f"it holds {arrays} arrays, and {name} has {needed} without its top")
        # A file of Keras 2 is read layer by layer, to the last of its top.
        whole = PRETRAINED[name][0](weights=None) if keras_2 and arrays > needed else base
        whole.load_weights(path)
        base.set_weights(whole.get_weights()[:needed])
    except (ValueError, KeyError, OSError, RuntimeError) as error:
        reason = first_line(error).split(". ")[0]
        raise SuiteError(f"{path} does not hold the weights of {name} ({reason[:200]}): give those of this very network.") from None
    return base.get_weights()


def fingerprint(weights: list[np.ndarray]) -> str:
    """Changes when any of the weights does; empty for none."""
    digest = hashlib.sha256()
    for array in weights:
        digest.update(array.tobytes())
    return digest.hexdigest()[:16] if weights else ""


def note_of_file(path: Path | None) -> dict[str, dict[str, str]]:
    """What `run.json` says of a weights file: its name, its SHA-256, and the name that Keras publishes it under, if it is known."""
    if path is None:
        return {}
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return {"weights_file": {"name": path.name, "sha256": sha256, "published": PUBLISHED.get(sha256, "")}}


def start_from(model: keras.Model, weights: list[np.ndarray]) -> None:
    """Give the first layers of a network, as many as there are weights for, these weights."""
    rest = list(weights)
    for layer in model.layers:
        if rest:
            own, rest = rest[: len(layer.weights)], rest[len(layer.weights) :]
            layer.set_weights(own)
