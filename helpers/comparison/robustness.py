"""The test clips again, as other microphones, rooms and channels would bring them (notebook 04)."""

import io
import sys
from collections.abc import Callable

import librosa
import numpy as np
import pandas as pd
import soundfile
from joblib import Parallel, delayed
from scipy.signal import butter, sosfiltfilt
from tqdm import tqdm

from helpers.base import machine
from helpers.base.artifacts import Artifacts, fingerprint, read_table, write_table
from helpers.base.settings import Profile
from helpers.evaluation.intervals import bootstrap
from helpers.evaluation.scores import predictions_table
from helpers.recordings.splits import sample_clips
from helpers.spectrograms.mel import load_audio, picture

TELEPHONE_BAND = (300.0, 3400.0)  # Hz, ITU-T G.712
MOST_CLIPS = 200  # more would take minutes and narrow the intervals little


def gain(samples: np.ndarray, rate: int, rng: np.random.Generator, *, decibels: float) -> np.ndarray:
    """The same sound, louder or softer, without clipping."""
    return samples * np.float32(10 ** (decibels / 20))


def noise(samples: np.ndarray, rate: int, rng: np.random.Generator, *, snr: float) -> np.ndarray:
    """White noise added, `snr` dB below the clip's own mean power."""
    power = np.mean(samples**2) / 10 ** (snr / 10)
    return samples + rng.normal(0, np.sqrt(power), len(samples)).astype(samples.dtype)


def telephone(samples: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
    """300 to 3400 Hz at 8000 samples a second, brought back to the rate it came with."""
    narrow = librosa.resample(samples, orig_sr=rate, target_sr=8000)
    band = sosfiltfilt(butter(4, TELEPHONE_BAND, btype="bandpass", fs=8000, output="sos"), narrow)
    return librosa.resample(band.astype(samples.dtype), orig_sr=8000, target_sr=rate)


def mp3(samples: np.ndarray, rate: int, rng: np.random.Generator, *, kilobits: int = 32) -> np.ndarray:
    """Coded as MP3 at a constant bit rate, and decoded."""
    # libsndfile spreads its compression level evenly over the bit rates that the sample rate allows.
    lowest, highest = (8, 64) if rate < 16_000 else (8, 160) if rate < 32_000 else (32, 320)
    level = np.clip((highest - kilobits) / (highest - lowest), 0, 0.99)
    loudest = max(np.abs(samples).max(), 1e-9)
    buffer = io.BytesIO()
    soundfile.write(
        buffer, samples / loudest, rate, format="MP3", subtype="MPEG_LAYER_III", bitrate_mode="CONSTANT", compression_level=level
    )
    buffer.seek(0)
    return soundfile.read(buffer, dtype="float32")[0] * loudest


def beginning(samples: np.ndarray, rate: int, rng: np.random.Generator, *, seconds: float = 1.0) -> np.ndarray:
    """The first second alone."""
    return samples[: int(seconds * rate)]


CONDITIONS: dict[str, tuple[Callable, dict]] = {
    "clean": (gain, {"decibels": 0}),
    "gain +20 dB": (gain, {"decibels": 20}),
    "gain -20 dB": (gain, {"decibels": -20}),
    "noise, SNR 20 dB": (noise, {"snr": 20}),
    "noise, SNR 10 dB": (noise, {"snr": 10}),
    "noise, SNR 0 dB": (noise, {"snr": 0}),
    "telephone": (telephone, {}),
    "MP3, 32 kbit/s": (mp3, {"kilobits": 32}),
    "first second": (beginning, {"seconds": 1.0}),
}


def degrade(samples: np.ndarray, condition: str, *, sample_rate: int, seed: int) -> np.ndarray:
    """A clip under one of `CONDITIONS`.

    Parameters
    ----------
    samples : np.ndarray [shape=(n,), dtype=float32]
    condition : str
    sample_rate : int
        In Hz.
    seed : int
        Of the noise.

    Returns
    -------
    np.ndarray [shape=(m,)]
    """
    change, settings = CONDITIONS[condition]
    return change(samples, sample_rate, np.random.default_rng(seed), **settings)


def degraded_predictions(manifest: pd.DataFrame, artifacts: Artifacts, *, condition: str, model, seed: int) -> pd.DataFrame:
    """Predictions of a `helpers.network.model.TrainedModel` for clips under one of `CONDITIONS`; nothing of it is kept on disk."""
    settings = model.settings

    def draw(path: str, clip_seed: int) -> np.ndarray:
        samples = load_audio(artifacts.audio(path), sample_rate=settings.sample_rate)
        return picture(degrade(samples, condition, sample_rate=settings.sample_rate, seed=clip_seed), settings=settings)

    images = Parallel(n_jobs=-1)(delayed(draw)(path, seed + number) for number, path in enumerate(manifest["path"]))
    return predictions_table(manifest, model.predict_images(images), model.classes)


def robustness(manifest: pd.DataFrame, artifacts: Artifacts, *, classes: list[str], profile: Profile) -> pd.DataFrame:
    """Accuracy of the profile's network under all `CONDITIONS`; kept as `robustness.csv`, made again when the predictions change.

    Parameters
    ----------
    manifest : pd.DataFrame
        The test clips; of more than 200, a seeded fraction of each class is taken.
    artifacts : Artifacts
    classes : list of str
    profile : Profile

    Returns
    -------
    pd.DataFrame
        Indexed by condition: `clips`, `accuracy`, `low`, `high` (95% bootstrap intervals, by speaker where known).

    Raises
    ------
    SuiteError
        The model is not there.
    """
    files = artifacts.run(profile.network)
    predictions, target = fingerprint(files.predictions), files.robustness
    if target.exists() and (kept := read_table(target))["predictions"].eq(predictions).all():
        return kept.set_index("condition").drop(columns="predictions")
    machine.load_tensorflow()
    from helpers.network.model_files import load_model

    manifest = sample_clips(manifest, MOST_CLIPS, seed=profile.seed)
    model = load_model(files.model, classes=classes)
    rows = []
    for condition in tqdm(CONDITIONS, desc="conditions", file=sys.stdout):
        found = degraded_predictions(manifest, artifacts, condition=condition, model=model, seed=profile.seed)
        accuracy = bootstrap(found, classes, manifest=manifest, seed=profile.seed).loc["accuracy"]
        rows.append([condition, len(manifest), *accuracy[["value", "low", "high"]].astype(float).round(6), predictions])
    table = pd.DataFrame(rows, columns=["condition", "clips", "accuracy", "low", "high", "predictions"])
    write_table(target, table)
    return table.set_index("condition").drop(columns="predictions")
