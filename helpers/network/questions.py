"""What a listener asks a network about a clip: its evidence, its answer for a stretch, its answer along time (notebook 04)."""

from functools import cached_property

import numpy as np
import pandas as pd

from helpers.base import machine
from helpers.base.artifacts import Artifacts, RunFiles, SuiteError, require
from helpers.base.settings import Profile
from helpers.recordings.manifest import read_manifest

MOST_WINDOWS = 120  # of a clip, in its answer along time


class Questions:
    """A network that can be asked; it and TensorFlow are loaded at the first question.

    Parameters
    ----------
    artifacts : Artifacts
    classes : list of str
    profile : Profile
        Whose network it is.
    files : RunFiles, optional
        Of another run of that profile, such as one of the race.

    Attributes
    ----------
    window_s : float or None
        How much of a clip the network sees at once; None where that is always the whole clip.
    """

    def __init__(self, artifacts: Artifacts, *, classes: list[str], profile: Profile, files: RunFiles | None = None) -> None:
        self.artifacts, self.classes, self.profile = artifacts, classes, profile
        self.files = files or artifacts.run(profile.network)
        settings, frames = profile.spectrogram, profile.window_frames
        self.window_s = frames * settings.hop_length / settings.sample_rate if frames else None

    @cached_property
    def model(self):
        """The trained model; SuiteError where it, or TensorFlow, is missing."""
        try:
            machine.load_tensorflow()
            from helpers.network.model_files import load_model
        except ImportError as error:
            raise SuiteError(f"This needs TensorFlow ({error}): without it, everything else here still works.") from None
        return load_model(self.files.model, classes=self.classes)

    def image(self, row: pd.Series) -> np.ndarray:
        """The spectrogram image of a clip, np.ndarray [shape=(height, width, channels), dtype=uint8]."""
        channels = self.model.network.input_shape[3]  # the model first: it loads TensorFlow without its log lines
        from helpers.spectrograms.batches import read_image

        return read_image(str(require(self.artifacts.image(row["clip"]))), channels=channels).numpy()

    def heat(self, row: pd.Series) -> np.ndarray:
        """Grad-CAM of a whole clip for its predicted class.

        Parameters
        ----------
        row : pd.Series
            A clip's row, with `predicted`.

        Returns
        -------
        np.ndarray [shape=(height, width)]
            From 0 to 1, as wide as its picture.

        Raises
        ------
        SuiteError
            Model, picture or TensorFlow are missing; so for the others.
        """
        return self.model.heat(self.image(row), row["predicted"])

    def stretch(self, row: pd.Series, start: float, end: float) -> pd.Series:
        """The probabilities of the classes for a stretch from `start` to `end` in s, as of a file that holds nothing else."""
        samples, rate = self.model.samples(self.artifacts.audio(row["path"])), self.model.settings.sample_rate
        return self.model.predict(samples[round(start * rate) : round(end * rate)]).probabilities

    def along(self, row: pd.Series) -> pd.DataFrame:
        """The probabilities of the classes in windows that slide over a clip.

        Returns
        -------
        pd.DataFrame [shape=(windows, classes)]
            By the time in s in the middle of each window.
        """
        if self.window_s is None:
            raise SuiteError("This network sees the whole clip as one picture: it has no answer along time.")
        image, width, settings = self.image(row), self.model.network.input_shape[2], self.model.settings
        from helpers.spectrograms.batches import even_windows

        number = min(max(image.shape[1] - width, 0) + 1, MOST_WINDOWS)
        windows, starts = (part.numpy() for part in even_windows(image, width=width, windows=number))
        found = self.model.predict_windows(windows)
        seconds = (starts + width / 2) * settings.hop_length / settings.sample_rate
        return pd.DataFrame(found, index=pd.Index(seconds, name="seconds"), columns=self.model.classes)

    def nearest(self, row: pd.Series) -> str:
        """The name of the training clip whose features are nearest to those of a clip; another one than it."""
        own = self.model.clip_features(row.to_frame().T, self.artifacts)
        from helpers.network.model import distances

        trained = self._manifest.loc[self._manifest["split"] == "train", "clip"]
        training = self.features.loc[self.features.index.isin(trained)]
        return distances(own.to_numpy(), training).iloc[0].drop(row["clip"], errors="ignore").idxmin()

    @cached_property
    def features(self) -> pd.DataFrame:
        """What the network's last layer reads of each clip, see `helpers.network.features.kept_features`."""
        model = self.model
        from helpers.network.features import kept_features

        return kept_features(model, self._manifest, self.artifacts, files=self.files)

    @cached_property
    def _manifest(self) -> pd.DataFrame:
        return read_manifest(self.artifacts)
