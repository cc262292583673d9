"""Weights to start from: of the small ResNet that has learnt the synthetic voices, for recordings of people (notebook 03).

They are in the ready-made results, so nothing is downloaded. A network for other classes takes all of them but its last layer's.
"""

import hashlib
import tempfile
import zipfile
from pathlib import Path

import keras
import numpy as np

from helpers.base.archive import READY
from helpers.base.artifacts import SuiteError, read_json
from helpers.base.unpacking import DAMAGED
from helpers.network.model_files import load_model
from helpers.network.run import Run

DATASET, MEMBER = "voices", "models/small_resnet/model.keras"


def starting_weights(run: Run, plan: keras.Model) -> list[np.ndarray]:
    """The weights that a run starts from, all but the last layer's; none where it starts from random or from ImageNet weights.

    Recordings of the synthetic voices start from random weights: the ready-made network has learnt those very clips. Where the
    weights are wanted but do not fit, a line says so.

    Parameters
    ----------
    run : Run
    plan : keras.Model
        A network like the one that is trained.

    Returns
    -------
    list of np.ndarray
        In the order of the layers.
    """
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


def fingerprint(weights: list[np.ndarray]) -> str:
    """Changes when any of the weights does; empty for none."""
    digest = hashlib.sha256()
    for array in weights:
        digest.update(array.tobytes())
    return digest.hexdigest()[:16] if weights else ""


def start_from(model: keras.Model, weights: list[np.ndarray]) -> None:
    """Give a network weights for all layers but the last."""
    rest = iter(weights)
    for layer in model.layers[:-1]:
        layer.set_weights([next(rest) for _ in layer.weights])
