"""Fisher vectors: how the sounds of a clip differ from the average of their own kind (notebook 05)."""

import warnings
from collections.abc import Iterable
from typing import Self

import numpy as np
import scipy.fft
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

from helpers.base.artifacts import SuiteError

CEPSTRA = 24  # enough for the shape of a vocal tract; higher ones follow the pitch; chosen on EmoDB's validation clips
FRAMES = 20_000  # of the training clips, to learn the mixture from
ROUNDS = 15  # of expectation and maximisation; later ones hardly move the Gaussians


def cepstral_frames(decibels: np.ndarray, *, cepstra: int = CEPSTRA) -> np.ndarray:
    """Each frame of a mel spectrogram as its first cepstral coefficients, and the slope over time of the lower half of them.

    Parameters
    ----------
    decibels : np.ndarray [shape=(mel_bins, frames)]
        As `helpers.spectrograms.mel.mel_spectrogram_db` gives them.
    cepstra : int
        Number of coefficients of the cosine transform over the mel bins.

    Returns
    -------
    np.ndarray [shape=(frames, cepstra + cepstra // 2)]

    Examples
    --------
    >>> cepstral_frames(np.zeros((96, 50))).shape
    (50, 36)
    """
    coefficients = scipy.fft.dct(decibels, axis=0, norm="ortho")[:cepstra].T
    lower = np.pad(coefficients[:, : cepstra // 2], ((1, 1), (0, 0)), mode="edge")
    return np.hstack([coefficients, lower[2:] - lower[:-2]])


class FisherVector(TransformerMixin, BaseEstimator):
    """Compare each frame with the average frame of its own kind, and sum the differences up over the clip.

    The mean of a whole clip keeps speaker and microphone and blurs what was said, but it also averages away how a voice colours
    *each sound*: an "a" and an "s" differ more than two voices do. So a mixture of Gaussians, fitted to frames of the training
    clips without their labels, sorts frames by the kind of sound; a clip is described by how far, for each mixture component, its
    frames lie from that component's mean and variance.

    J. Sánchez, F. Perronnin, T. Mensink & J. Verbeek (2013), "Image Classification with the Fisher Vector: Theory and Practice",
    International Journal of Computer Vision 105, 222-245: the gradients with respect to means and variances, then the signed square
    root and the division by the norm. The mixture of Gaussians over cepstra is that of D. Reynolds & R. Rose (1995), "Robust
    Text-Independent Speaker Identification Using Gaussian Mixture Speaker Models", IEEE Trans. Speech Audio Process. 3, 72-83.

    Parameters
    ----------
    components : int
        Number of Gaussians.
    seed : int
        Of the choice of frames, and of where the Gaussians start.

    Examples
    --------
    >>> clips = list(np.random.default_rng(0).normal(size=(10, 50, 6)))
    >>> FisherVector(components=4).fit_transform(clips).shape
    (10, 48)
    """

    def __init__(self, *, components: int = 64, seed: int = 0):
        self.components = components
        self.seed = seed

    def fit(self, clips: list[np.ndarray], labels: object = None) -> Self:
        """Learn the decorrelation of the frames and the mixture.

        Parameters
        ----------
        clips : list of np.ndarray [shape=(frames, values)]
            Of training clips, as `cepstral_frames` gives them.
        labels : ignored

        Raises
        ------
        SuiteError
            There are fewer frames than mixture components.
        """
        frames = np.concatenate(clips)
        if len(frames) < self.components:
            raise SuiteError(
                f"A mixture of {self.components} components can't be fitted to {len(frames)} frames: take more training clips."
            )
        frames = frames[np.random.default_rng(self.seed).permutation(len(frames))[:FRAMES]].astype(np.float64)
        self.whitening_ = PCA(whiten=True).fit(frames)
        start = {"init_params": "k-means++", "random_state": self.seed}
        self.mixture_ = GaussianMixture(self.components, covariance_type="diag", max_iter=ROUNDS, reg_covar=1e-2, **start)
        with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):  # see ROUNDS
            self.mixture_.fit(self.whitening_.transform(frames))
        return self

    def transform(self, clips: Iterable[np.ndarray]) -> np.ndarray:
        """Fisher vectors of clips, np.ndarray [shape=(clips, 2 * components * values)], each of length 1."""
        vectors = np.stack([self.gradients(clip).ravel() for clip in clips])
        vectors = np.sign(vectors) * np.sqrt(np.abs(vectors))
        return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)

    def gradients(self, frames: np.ndarray) -> np.ndarray:
        """Gradients of the mean log-likelihood of a clip's frames, in units of its deviation (Sánchez et al., eq. 17, 18).

        Returns
        -------
        np.ndarray [shape=(2, components, values)]
            With respect to the means and to the standard deviations.
        """
        frames = self.whitening_.transform(frames)
        memberships = self.mixture_.predict_proba(frames)
        means, deviations = self.mixture_.means_, np.sqrt(self.mixture_.covariances_)
        root = np.sqrt(self.mixture_.weights_)[:, np.newaxis]
        members = memberships.mean(axis=0)[:, np.newaxis]
        first, second = memberships.T @ frames / len(frames), memberships.T @ frames**2 / len(frames)
        from_means = (first - members * means) / deviations / root
        spread = (second - 2 * first * means + members * means**2) / deviations**2
        return np.stack([from_means, (spread - members) / root / np.sqrt(2)])
