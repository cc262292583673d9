"""The test clips again, as other microphones, rooms and channels would bring them (notebook 04)."""

import io
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import librosa
import numpy as np
import pandas as pd
import soundfile
from scipy.signal import butter, sosfiltfilt
from tqdm import tqdm

from helpers.base import machine
from helpers.base.artifacts import Artifacts, NoRecordingsError, find_recordings, fingerprint, read_table, write_table
from helpers.base.settings import Profile
from helpers.evaluation.intervals import bootstrap
from helpers.evaluation.scores import predictions_table
from helpers.recordings.splits import sample_clips
from helpers.spectrograms.mel import load_audio, picture

MOST_CLIPS = 200  # more would take minutes and narrow the intervals little


def noise(samples: np.ndarray, rate: int, rng: np.random.Generator, *, snr: float) -> np.ndarray:
    """White noise added, `snr` dB below the clip's own mean power."""
    power = np.mean(samples**2) / 10 ** (snr / 10)
    return samples + rng.normal(0, np.sqrt(power), len(samples)).astype(samples.dtype)


def telephone(samples: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
    """300 to 3400 Hz (ITU-T G.712) at 8000 samples a second, brought back to the rate it came with."""
    narrow = librosa.resample(samples, orig_sr=rate, target_sr=8000)
    band = sosfiltfilt(butter(4, (300.0, 3400.0), btype="bandpass", fs=8000, output="sos"), narrow)
    return librosa.resample(band.astype(samples.dtype), orig_sr=8000, target_sr=rate)


def mp3(samples: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
    """Coded as MP3 at a constant 32 kbit/s, and decoded."""
    # libsndfile spreads its compression level evenly over the bit rates that the sample rate allows.
    lowest, highest = (8, 64) if rate < 16_000 else (8, 160) if rate < 32_000 else (32, 320)
    level = min((highest - 32) / (highest - lowest), 0.99)
    loudest = max(np.abs(samples).max(), 1e-9)
    coded = {"format": "MP3", "subtype": "MPEG_LAYER_III", "bitrate_mode": "CONSTANT", "compression_level": level}
    buffer = io.BytesIO()
    soundfile.write(buffer, samples / loudest, rate, **coded)
    buffer.seek(0)
    return soundfile.read(buffer, dtype="float32")[0] * loudest


CONDITIONS: dict[str, Callable[[np.ndarray, int, np.random.Generator], np.ndarray]] = {
    "clean": lambda samples, rate, rng: samples,
    "gain +20 dB": lambda samples, rate, rng: samples * np.float32(10),  # without clipping
    "gain -20 dB": lambda samples, rate, rng: samples * np.float32(0.1),
    **{f"noise, SNR {snr} dB": partial(noise, snr=snr) for snr in (20, 10, 0)},
    "telephone": telephone,
    "MP3, 32 kbit/s": mp3,
    "first second": lambda samples, rate, rng: samples[:rate],
}


def degrade(samples: np.ndarray, condition: str, *, sample_rate: int, seed: int) -> np.ndarray:
    """A clip, np.ndarray [shape=(n,), dtype=float32], under one of `CONDITIONS`; the rate is in Hz, the seed that of the noise."""
    return CONDITIONS[condition](samples, sample_rate, np.random.default_rng(seed))


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
    NoRecordingsError
        None of the recordings is there; clips whose recording is gone are left out, and a sentence says so.
    """
    files = artifacts.run(profile.network)
    predictions, target = fingerprint(files.predictions), files.robustness
    if target.exists() and (kept := read_table(target))["predictions"].eq(predictions).all():
        return kept.set_index("condition").drop(columns="predictions")
    manifest = sample_clips(_recorded(manifest, artifacts), MOST_CLIPS, seed=profile.seed)
    machine.load_tensorflow()
    from helpers.network.model_files import load_model

    model = load_model(files.model, classes=classes)
    settings = model.settings

    sounds = artifacts.sounds(manifest["path"])

    def draw(clip: tuple[int, Path], condition: str) -> np.ndarray:
        seed, sound = clip
        samples = load_audio(sound, sample_rate=settings.sample_rate, longest_s=settings.longest_s)
        return picture(degrade(samples, condition, sample_rate=settings.sample_rate, seed=seed), settings=settings)

    rows = []
    for condition in tqdm(CONDITIONS, desc="conditions", file=sys.stdout):
        clips = enumerate(sounds, start=profile.seed)
        images = list(machine.in_workers(partial(draw, condition=condition), clips))
        found = predictions_table(manifest, model.predict_images(images), model.classes)
        accuracy = bootstrap(found, classes, manifest=manifest, seed=profile.seed).loc["accuracy"]
        rows.append([condition, len(manifest), *accuracy[["value", "low", "high"]].astype(float).round(6), predictions])
    table = pd.DataFrame(rows, columns=["condition", "clips", "accuracy", "low", "high", "predictions"])
    write_table(target, table)
    return table.set_index("condition").drop(columns="predictions")


def _recorded(manifest: pd.DataFrame, artifacts: Artifacts) -> pd.DataFrame:
    """The clips whose recording is on this machine."""
    there = [path.is_file() for path in artifacts.sounds(manifest["path"])]
    if not any(there):
        raise NoRecordingsError(f"Not one of {len(manifest)} recordings is left in {artifacts.corpus()}: {find_recordings()}.")
    if not all(there):
        print(f"{there.count(False)} of {len(there)} recordings are no longer in {artifacts.corpus()}: the others are tested.")
    return manifest[there]
