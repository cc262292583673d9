"""Fisher vectors: how the sounds of a clip differ from the average of their own kind (notebook 03)."""

from __future__ import annotations

import warnings

import keras
import numpy as np
import scipy.fft
from keras import ops
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

from helpers.base.artifacts import SuiteError

CEPSTRA = 24  # enough for the shape of a vocal tract; more of them follow the pitch; chosen on EmoDB's validation clips
FRAMES = 20_000  # of the training clips, to learn the kinds of sounds from
ROUNDS = 15  # of expectation and maximisation; later ones hardly move the Gaussians


@keras.saving.register_keras_serializable("voices")
class FisherVector(keras.layers.Layer):
    """Compare each frame with the average frame of its own kind, and sum up the differences over the picture.

    An "a" and an "s" differ more than two voices do, so a mean over a whole clip says mostly *what* was spoken. Here a mixture of
    Gaussians, learnt from all training clips by `adapt`, sorts the frames into kinds of sounds; summed up is, for each kind, how
    far the picture's frames lie from the kind's mean and variance. A frame is described by its first cepstral coefficients (the
    cosine transform of the mel bins' dB), and the slope over time of the lower half of them, decorrelated and brought to one
    variance.

    J. Sánchez, F. Perronnin, T. Mensink & J. Verbeek (2013), "Image Classification with the Fisher Vector: Theory and Practice",
    International Journal of Computer Vision 105, 222-245: the gradients with respect to means and variances, then the signed square
    root and the division by the norm. The mixture of Gaussians over cepstra is that of D. Reynolds & R. Rose (1995), "Robust
    Text-Independent Speaker Identification Using Gaussian Mixture Speaker Models", IEEE Trans. Speech Audio Process. 3, 72-83.

    Parameters
    ----------
    kinds : int
        Number of Gaussians.
    cepstra : int
        Number of cepstral coefficients.

    Examples
    --------
    >>> layer = FisherVector(kinds=4, cepstra=8)
    >>> pictures = np.random.default_rng(0).uniform(0, 255, (10, 32, 50, 1))
    >>> layer.adapt(pictures)
    >>> layer(pictures).shape
    TensorShape([10, 96])
    """

    def __init__(self, *, kinds: int = 64, cepstra: int = CEPSTRA, **options):
        options |= {"trainable": False, "dtype": "float32"}  # sums over many frames lose too much in 16 bits
        super().__init__(**options)
        self.kinds, self.cepstra = kinds, cepstra

    def get_config(self):
        return super().get_config() | {"kinds": self.kinds, "cepstra": self.cepstra}

    @property
    def numbers(self) -> int:
        """How many numbers describe a frame."""
        return self.cepstra + self.cepstra // 2

    def build(self, shape):
        def weight(name: str, *shape: int, start: str) -> keras.Variable:
            return self.add_weight(name=name, shape=shape, initializer=start, trainable=False)

        kinds, numbers = self.kinds, self.numbers
        # Pictures show high frequencies at the top.
        self.cosines = scipy.fft.dct(np.eye(shape[1], dtype=np.float32), norm="ortho")[::-1, : self.cepstra]
        self.centre = weight("centre", numbers, start="zeros")
        self.whitening = weight("whitening", numbers, numbers, start="identity")
        self.shares = weight("shares", kinds, start=keras.initializers.Constant(1 / kinds))
        self.means = weight("means", kinds, numbers, start="zeros")
        self.deviations = weight("deviations", kinds, numbers, start="ones")
        self.built = True

    def adapt(self, pictures: np.ndarray, *, seed: int = 0) -> None:
        """Learn the decorrelation and the kinds of sounds; labels are not asked for.

        Parameters
        ----------
        pictures : np.ndarray [shape=(n, height, width, channels)]
            Of training clips, from 0 to 255.
        seed : int
            Of the choice of frames, and of where the Gaussians start.

        Raises
        ------
        SuiteError
            There are fewer frames than kinds.
        """
        if not self.built:
            self.build(pictures.shape)
        parts = np.array_split(pictures, -(-len(pictures) // 64))
        frames = np.concatenate([ops.convert_to_numpy(self._frames(part)).reshape(-1, self.numbers) for part in parts])
        if len(frames) < self.kinds:
            raise SuiteError(
                f"{self.kinds} kinds of sounds can't be learnt from {len(frames)} frames: take more training clips, or "
                'OVERRIDES = "network=small_resnet".'
            )
        frames = frames[np.random.default_rng(seed).permutation(len(frames))[:FRAMES]].astype(np.float64)
        centre = frames.mean(axis=0)
        variances, directions = np.linalg.eigh(np.cov(frames, rowvar=False))
        whitening = directions / np.sqrt(np.maximum(variances, max(1e-6 * variances.max(), 1e-12)))
        mixture = GaussianMixture(
            self.kinds, covariance_type="diag", max_iter=ROUNDS, init_params="k-means++", reg_covar=1e-2, random_state=seed
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # see ROUNDS
            mixture.fit((frames - centre) @ whitening)
        weights = (self.centre, self.whitening, self.shares, self.means, self.deviations)
        values = (centre, whitening, mixture.weights_, mixture.means_, np.sqrt(mixture.covariances_))
        for weight, value in zip(weights, values, strict=True):
            weight.assign(value.astype(np.float32))

    def sort(self, pictures: np.ndarray) -> np.ndarray:
        """How much each frame belongs to each kind of sounds, from 0 to 1, np.ndarray [shape=(n, kinds, frames)]."""
        return ops.convert_to_numpy(self._belonging(self._decorrelated(pictures)))

    def call(self, pictures):
        """Fisher vectors of length 1 [shape=(batch, 2 * kinds * numbers)]."""
        frames = self._decorrelated(pictures)
        kinds = self._belonging(frames) / ops.cast(ops.shape(frames)[1], "float32")
        part = ops.sum(kinds, axis=2, keepdims=True)
        first, second = ops.matmul(kinds, frames), ops.matmul(kinds, frames**2)
        root = ops.sqrt(self.shares)[:, None]
        from_mean = (first - part * self.means) / self.deviations / root
        spread = (second - 2 * first * self.means + part * self.means**2) / self.deviations**2
        from_variance = (spread - part) / root / np.sqrt(2)
        vector = ops.reshape(ops.stack([from_mean, from_variance], axis=1), (-1, 2 * self.kinds * self.numbers))
        vector = ops.sign(vector) * ops.sqrt(ops.abs(vector))
        return ops.normalize(vector, axis=-1)

    def _belonging(self, frames):
        precisions = ops.transpose(1 / self.deviations**2)
        # The logarithm of each Gaussian's density at each frame, but for what is the same in all.
        scores = ops.matmul(frames, ops.transpose(self.means) * precisions) - ops.matmul(frames**2, precisions) / 2
        scores += ops.log(self.shares) - ops.sum(ops.log(self.deviations) + (self.means / self.deviations) ** 2 / 2, axis=1)
        return ops.transpose(ops.softmax(scores), (0, 2, 1))

    def _decorrelated(self, pictures):
        return ops.matmul(self._frames(pictures) - self.centre, self.whitening)

    def _frames(self, pictures):
        mel = ops.transpose(ops.mean(ops.cast(pictures, "float32"), axis=-1), (0, 2, 1)) / 255
        cepstra = ops.matmul(mel, self.cosines)
        lower = cepstra[:, :, : self.cepstra // 2]
        before = ops.concatenate([lower[:, :1], lower[:, :-1]], axis=1)
        after = ops.concatenate([lower[:, 1:], lower[:, -1:]], axis=1)
        return ops.concatenate([cepstra, after - before], axis=-1)

    def compute_output_shape(self, shape):
        return (shape[0], 2 * self.kinds * self.numbers)
