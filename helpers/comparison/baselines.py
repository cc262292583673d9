"""Baselines: models that are no networks, from MFCCs, Fisher vectors, the pitch, or no audio at all (notebook 05)."""

import time
from pathlib import Path

import librosa
import numpy as np
import pandas as pd
from PIL import Image
from scipy.special import softmax
from sklearn.base import ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from helpers.base.artifacts import Artifacts, SuiteError, require
from helpers.base.machine import on_all_cores
from helpers.base.settings import Profile
from helpers.comparison.fisher_vector import FisherVector, cepstral_frames
from helpers.evaluation.scores import no_audio, pitch_threshold, predictions_table
from helpers.network.run import Run, milliseconds_per_clip
from helpers.recordings.labels import parse_label
from helpers.recordings.sounds import LONGEST_S
from helpers.spectrograms.mel import from_image, load_audio

MFCCS = 20
MFCC_WINDOW = 2048  # samples, librosa's default; a shorter clip ends with silence
FISHER_C = 100.0  # vectors have the length 1, so their weights must be large; chosen on EmoDB's validation clips
BASELINES = ("svm", "logistic_regression", "fisher_vector", "pitch_threshold", "no_audio")


def mfcc_table(manifest: pd.DataFrame, artifacts: Artifacts, *, sample_rate: int, longest_s: float = LONGEST_S) -> pd.DataFrame:
    """Mean and standard deviation over time of the first 20 MFCCs of all clips [shape=(clips, 40)], indexed by clip.

    Davis & Mermelstein (1980), "Comparison of parametric representations for monosyllabic word recognition in continuously
    spoken sentences", IEEE Trans. Acoust. Speech Signal Process. 28, 357-366.

    Where the sound of a clip can't be had, the table is empty, and a sentence says so: a model on some of the clips would not be
    compared with the others on equal terms.
    """

    def features(path: Path) -> np.ndarray:
        samples = load_audio(path, sample_rate=sample_rate, longest_s=longest_s)
        samples = np.pad(samples, (0, max(0, MFCC_WINDOW - len(samples))))
        coefficients = librosa.feature.mfcc(y=samples, sr=sample_rate, n_mfcc=MFCCS)
        return np.concatenate([coefficients.mean(axis=1), coefficients.std(axis=1)])

    try:
        rows = on_all_cores(features, artifacts.sounds(manifest["path"]), title="MFCCs")
    except SuiteError as error:
        print(f"{error} So the MFCCs are missing, and what is computed from them is left out.")
        rows, manifest = [], manifest.iloc[:0]
    names = [f"{part} {number}" for part in ("mean", "deviation") for number in range(MFCCS)]
    return pd.DataFrame(rows, index=manifest["clip"].to_numpy(), columns=names, dtype=float)


def fisher_vectors(manifest: pd.DataFrame, artifacts: Artifacts, *, profile: Profile) -> np.ndarray:
    """Fisher vectors of all clips [shape=(clips, values)], from their images; the mixture is fitted to the training clips."""
    images = (np.asarray(Image.open(require(artifacts.image(clip)))) for clip in manifest["clip"])
    frames = [cepstral_frames(from_image(image, settings=profile.spectrogram)) for image in images]
    training = [clip for clip, split in zip(frames, manifest["split"], strict=True) if split == "train"]
    return FisherVector(seed=profile.seed).fit(training).transform(frames)


def svm() -> Pipeline:
    """A support vector machine with a Gaussian kernel, on features brought to one scale (Cortes & Vapnik, 1995)."""
    return make_pipeline(StandardScaler(), SVC(C=10.0, decision_function_shape="ovr"))


def train_baseline(
    name: str, manifest: pd.DataFrame, artifacts: Artifacts, *, features: pd.DataFrame, pitch: pd.Series, profile: Profile,
    folder: Path | None = None,
) -> dict:  # fmt: skip
    """Train a baseline on the training clips and write its predictions of all clips, unless they are up to date.

    The model itself is not kept: it is trained again in seconds.

    Parameters
    ----------
    name : str
        One of `BASELINES`.
    manifest : pd.DataFrame
    artifacts : Artifacts
        For the class list, and the pictures' fingerprint, which changes where a sound does.
    features, pitch : pd.DataFrame, pd.Series
        As `mfcc_table` and `helpers.spectrograms.voice.pitch_table` give them; empty where there is no sound.
    profile : Profile
    folder : Path, optional
        Where to write instead of `models/<name>/`.

    Returns
    -------
    dict
        The content of `run.json`.

    Raises
    ------
    SuiteError
        The class names do not tell what the baseline tells, or what it is trained on is missing.
    """
    settings = {"mfccs": MFCCS, "sample_rate": profile.spectrogram.sample_rate, "seed": profile.seed}
    run = Run.of(name, manifest, artifacts, profile=profile, folder=folder, settings=settings)
    if kept := run.finished():
        return kept
    started = time.perf_counter()
    if name == "no_audio":
        probabilities, facts = no_audio(manifest, run.classes), {"parameters": len(run.classes)}
    elif name == "pitch_threshold":
        probabilities, facts = _by_pitch(manifest, pitch, run.classes)
    elif name == "fisher_vector":
        vectors = fisher_vectors(manifest, artifacts, profile=profile)
        probabilities, facts = _on_features(LogisticRegression(C=FISHER_C, max_iter=1000), manifest, vectors, run.classes)
    elif features.empty:
        raise SuiteError("It is trained on the MFCCs, which could not be computed here, as that takes the recordings of all clips.")
    else:
        model = svm() if name == "svm" else make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
        probabilities, facts = _on_features(model, manifest, features.loc[manifest["clip"]].to_numpy(), run.classes)
    predictions = predictions_table(manifest, probabilities, run.classes)
    return run.record(predictions, **{"seconds": time.perf_counter() - started} | facts)


def _on_features(
    model: ClassifierMixin, manifest: pd.DataFrame, features: np.ndarray, classes: list[str]
) -> tuple[np.ndarray, dict]:
    """Probabilities are a softmax of the decision values: of a logistic regression its own, of an SVM a makeshift."""
    training = (manifest["split"] == "train").to_numpy()
    started = time.perf_counter()
    model.fit(features[training], pd.Index(classes).get_indexer(manifest.loc[training, "label"]))
    seconds = time.perf_counter() - started
    decisions = model.decision_function(features)
    if decisions.ndim == 1:  # scikit-learn gives one column for two classes, which is the logit of the second
        decisions = np.column_stack([np.zeros_like(decisions), decisions])
    probabilities = np.zeros((len(manifest), len(classes)))
    probabilities[:, model.classes_] = softmax(decisions, axis=1)
    fitted = vars(model[-1] if isinstance(model, Pipeline) else model)
    learned = [fitted[name].size for name in ("support_vectors_", "dual_coef_", "coef_", "intercept_") if name in fitted]
    times = milliseconds_per_clip(lambda: model.decision_function(features), clips=len(features))
    return probabilities, {"parameters": sum(learned), "seconds": seconds, "milliseconds_per_clip": times}


def _by_pitch(manifest: pd.DataFrame, pitch: pd.Series, classes: list[str]) -> tuple[np.ndarray, dict]:
    """The fractions of the classes of one gender alone, the one on whose side of a threshold the clip's pitch lies."""
    genders = pd.Series([parse_label(label)[0] for label in classes], index=classes)
    if set(genders) != {"female", "male"}:
        raise SuiteError("The pitch tells gender alone, and the names of these classes do not.")
    if pitch.empty:
        raise SuiteError("The pitch of no clip is known, as measuring it takes the recordings.")
    probabilities = no_audio(manifest, classes)
    hertz = manifest["clip"].map(pitch).to_numpy()
    threshold, _ = pitch_threshold(manifest.rename(columns={"label": "true"}), pitch)
    member = np.where(hertz[:, np.newaxis] > threshold, genders == "female", genders == "male")
    probabilities *= member | np.isnan(hertz)[:, np.newaxis]
    return probabilities / probabilities.sum(axis=1, keepdims=True), {"parameters": len(classes) + 1}
