"""From sound to picture: log-mel spectrograms as PNG files (notebook 02).

A clip becomes a mel spectrogram in dB below its own loudest point, cut off at a fixed range and rounded to 8 bits. Each PNG
carries, as text, the clip, the label, the settings and a fingerprint of the sound file: what is up to date is read from the
picture itself, so a run that was stopped goes on where it was.
"""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import librosa
import matplotlib
import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from PIL import Image, PngImagePlugin, UnidentifiedImageError
from tqdm import tqdm

from helpers.artifacts import Artifacts, atomic_path, fingerprint, write_json
from helpers.errors import SuiteError


@dataclass(frozen=True)
class SpectrogramSettings:
    """How a clip becomes a picture.

    Attributes
    ----------
    sample_rate : int
        Hz; clips are resampled to it.
    n_fft, hop_length : int
        Window of the short-time Fourier transform and the step between windows, in samples.
    mel_bins : int
        Frequency bands, equally wide on the mel scale.
    fmin, fmax : float
        Lowest and highest frequency in Hz.
    dynamic_range_db : float
        What lies further below the clip's loudest point becomes black.
    image_size : int or None
        Side of a square picture that the whole clip is squeezed into, as in the study; None keeps one column a frame
        and one row a mel bin.
    colour : bool
        Colour (the map "magma") or grey.
    """

    sample_rate: int = 16_000
    n_fft: int = 1024
    hop_length: int = 160
    mel_bins: int = 96
    fmin: float = 50.0
    fmax: float = 8_000.0
    dynamic_range_db: float = 80.0
    image_size: int | None = None
    colour: bool = False

    @property
    def channels(self) -> int:
        return 3 if self.colour else 1


def mel_spectrogram_db(samples: np.ndarray, *, settings: SpectrogramSettings) -> np.ndarray:
    """Mel spectrogram in dB relative to its loudest point.

    Parameters
    ----------
    samples : np.ndarray [shape=(n,)]
        Mono, at `settings.sample_rate`.
    settings : SpectrogramSettings

    Returns
    -------
    np.ndarray [shape=(mel_bins, 1 + n // hop_length)]
        From ``-settings.dynamic_range_db`` to 0 dB.
    """
    power = librosa.feature.melspectrogram(
        y=samples,
        sr=settings.sample_rate,
        n_fft=settings.n_fft,
        hop_length=settings.hop_length,
        n_mels=settings.mel_bins,
        fmin=settings.fmin,
        fmax=min(settings.fmax, settings.sample_rate / 2),
    )
    return librosa.power_to_db(power, ref=np.max, top_db=settings.dynamic_range_db)


def to_image(decibels: np.ndarray, *, settings: SpectrogramSettings) -> np.ndarray:
    """Picture of a spectrogram, low frequencies at the bottom.

    Parameters
    ----------
    decibels : np.ndarray [shape=(mel_bins, frames)]
        As `mel_spectrogram_db` gives them.
    settings : SpectrogramSettings

    Returns
    -------
    np.ndarray [shape=(height, width) or (height, width, 3), dtype=uint8]
    """
    loudness = np.clip(1 + decibels[::-1] / settings.dynamic_range_db, 0, 1)
    grey = np.round(loudness * 255).astype(np.uint8)
    if settings.image_size:
        size = (settings.image_size, settings.image_size)
        grey = np.asarray(Image.fromarray(grey).resize(size, Image.Resampling.BILINEAR))
    if settings.colour:
        return (matplotlib.colormaps["magma"](grey)[..., :3] * 255).round().astype(np.uint8)
    return grey


def load_audio(path: Path, *, sample_rate: int) -> np.ndarray:
    """Samples of a sound file, mono, resampled.

    Parameters
    ----------
    path : Path
        Any format that libsndfile reads (WAV, FLAC, OGG, MP3).
    sample_rate : int
        In Hz.

    Returns
    -------
    np.ndarray [shape=(n,), dtype=float32]
    """
    samples, _ = librosa.load(path, sr=sample_rate, mono=True)
    return samples


def image_path(artifacts: Artifacts, row: pd.Series) -> Path:
    """Where a manifest row's picture lies: `spectrograms/<label>/<clip>.png`."""
    return artifacts.spectrograms / row["label"] / f"{row['clip']}.png"


def read_note(path: Path) -> dict:
    """What a picture says of itself: clip, label, settings, fingerprint of its sound; empty if it can't be read."""
    try:
        with Image.open(path) as image:
            return json.loads(image.text["note"])
    except (FileNotFoundError, UnidentifiedImageError, AttributeError, KeyError, ValueError):
        return {}


def convert_clip(sound: Path, target: Path, *, clip: str, label: str, settings: SpectrogramSettings) -> str | None:
    """Convert one clip unless its picture is up to date.

    Returns
    -------
    str or None
        Why the clip could not be converted; None if it was, or did not need to be.
    """
    try:
        note = {"clip": clip, "label": label, "settings": asdict(settings), "sound": fingerprint(sound)}
        if read_note(target) == note:
            return None
        samples = load_audio(sound, sample_rate=settings.sample_rate)
        decibels = mel_spectrogram_db(samples, settings=settings)
    except Exception as error:  # any reader may fail in its own way, and one clip must not stop the run
        return f"could not be converted: {str(error).splitlines()[0] if str(error) else type(error).__name__}"
    texts = PngImagePlugin.PngInfo()
    texts.add_text("note", json.dumps(note))
    with atomic_path(target) as temporary:
        Image.fromarray(to_image(decibels, settings=settings)).save(temporary, pnginfo=texts)
    return None


def convert(manifest: pd.DataFrame, artifacts: Artifacts, *, settings: SpectrogramSettings, profile: str) -> pd.DataFrame:
    """Make the picture of every clip of a manifest, on all cores.

    Pictures of clips that are no longer in the manifest are removed; clips that can't be converted are added to
    `rejected.csv` with the reason and left out of the manifest.

    Parameters
    ----------
    manifest : pd.DataFrame
        Columns `clip`, `path`, `label`.
    artifacts : Artifacts
    settings : SpectrogramSettings
    profile : str
        Name of the profile, noted in `spectrograms.json`.

    Returns
    -------
    pd.DataFrame
        One row for each clip that failed: `clip`, `path`, `reason`.

    Raises
    ------
    SuiteError
        Not a single clip could be converted.
    """
    targets = [image_path(artifacts, row) for _, row in manifest.iterrows()]
    jobs = (
        delayed(convert_clip)(artifacts.audio(row.path), target, clip=row.clip, label=row.label, settings=settings)
        for row, target in zip(manifest.itertuples(), targets, strict=True)
    )
    outcome = Parallel(n_jobs=-1, return_as="generator")(jobs)
    reasons = list(tqdm(outcome, total=len(manifest), desc="converting", unit="clip", file=sys.stdout))

    failed = manifest.assign(reason=reasons).dropna(subset="reason")[["clip", "path", "reason"]]
    if len(failed) == len(manifest):
        raise SuiteError(f"Not one of {len(manifest)} clips could be converted; the first: {reasons[0]}.")
    wanted = {target for target, reason in zip(targets, reasons, strict=True) if reason is None}
    for stray in set(artifacts.spectrograms.rglob("*.png")) - wanted:
        stray.unlink()
    write_json(
        artifacts.spectrogram_settings,
        {
            "profile": profile,
            "settings": asdict(settings),
            "clips": len(wanted),
            "pictures": hashlib.sha256("".join(fingerprint(path) for path in sorted(wanted)).encode()).hexdigest()[:16],
        },
    )
    return failed.reset_index(drop=True)
