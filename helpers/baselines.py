"""Models that are no networks, to set a network beside: an SVM on mean and deviation of MFCCs (notebook 05)."""

from __future__ import annotations

import time

import librosa
import numpy as np
import pandas as pd
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from helpers.artifacts import Artifacts, read_json
from helpers.cores import on_all_cores
from helpers.profiles import Profile
from helpers.runs import data_fingerprint, difference_from_run, record_run
from helpers.scores import predictions_table, read_classes
from helpers.spectrograms import load_audio

MFCCS = 20


def mfcc_features(samples: np.ndarray, *, sample_rate: int) -> np.ndarray:
    """Mean and standard deviation over time of the first 20 MFCCs.

    Davis & Mermelstein (1980), "Comparison of parametric representations for monosyllabic word recognition in continuously
    spoken sentences", IEEE Trans. Acoust. Speech Signal Process. 28, 357-366.

    Parameters
    ----------
    samples : np.ndarray [shape=(n,)]
    sample_rate : int
        In Hz.

    Returns
    -------
    np.ndarray [shape=(40,)]
    """
    coefficients = librosa.feature.mfcc(y=samples, sr=sample_rate, n_mfcc=MFCCS)
    return np.concatenate([coefficients.mean(axis=1), coefficients.std(axis=1)])


def clip_features(manifest: pd.DataFrame, artifacts: Artifacts, *, sample_rate: int) -> np.ndarray:
    """MFCC features of all clips of a manifest, np.ndarray [shape=(clips, 40)]."""

    def features(path):
        return mfcc_features(load_audio(path, sample_rate=sample_rate), sample_rate=sample_rate)

    return np.stack(on_all_cores(features, [artifacts.audio(path) for path in manifest["path"]], title="MFCCs"))


def train_svm(manifest: pd.DataFrame, artifacts: Artifacts, *, profile: Profile) -> dict:
    """Train a support vector machine on MFCCs of the training clips; write `models/svm/`, unless it is up to date.

    The model itself is not kept: it is trained again in seconds. Its probabilities are a softmax of the decision values.

    Returns
    -------
    dict
        The content of `run.json`.
    """
    folder, classes = artifacts.model("svm"), read_classes(artifacts)
    settings = {"network": "svm", "mfccs": MFCCS, "sample_rate": profile.spectrogram.sample_rate, "C": 10.0, "seed": profile.seed}
    identity = {"settings": settings, "data": data_fingerprint(manifest, artifacts)}
    if difference_from_run(folder, identity) is None:
        print(f"svm: already trained with these settings and clips, taken from {folder}")
        return read_json(folder / "run.json")
    features = clip_features(manifest, artifacts, sample_rate=settings["sample_rate"])
    targets = pd.Index(classes).get_indexer(manifest["label"])
    training = (manifest["split"] == "train").to_numpy()

    started = time.perf_counter()
    model = make_pipeline(StandardScaler(), SVC(C=settings["C"], decision_function_shape="ovr"))
    model.fit(features[training], targets[training])
    decisions = model.decision_function(features)
    if len(classes) == 2:  # scikit-learn gives one column for two classes
        decisions = np.stack([-decisions, decisions], axis=1)
    seconds = time.perf_counter() - started
    weights = np.exp(decisions - decisions.max(axis=1, keepdims=True))
    predictions = predictions_table(manifest, weights / weights.sum(axis=1, keepdims=True), classes)
    return record_run(folder, predictions, classes=classes, profile=profile, seconds=seconds, parameters=None, **identity)
