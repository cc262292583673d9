"""All clips from sound to picture: log-mel spectrograms as PNG files, on all cores, restartable (notebook 02).

A clip becomes a mel spectrogram in dB below its own loudest point, cut off at a fixed range and rounded to 8 bits. Each PNG
carries, as text, the clip, the settings and a fingerprint of the sound file: what is up to date is read from the
picture itself, so a run that was stopped goes on where it was.
"""

import io
import json
import sys
from dataclasses import asdict
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from tqdm import tqdm

from helpers.base.artifacts import Artifacts, SuiteError, atomic_path, fingerprint, write_json
from helpers.base.machine import in_workers
from helpers.base.settings import SpectrogramSettings
from helpers.recordings.containers import UnusableSoundError
from helpers.recordings.sounds import read_sound
from helpers.spectrograms.mel import picture, resample

CLIPS_A_TASK = 16  # few enough for a smooth progress bar, many enough that handing them out costs little


def read_note(path: Path) -> dict:
    """What a picture says of itself: clip, settings, fingerprint of its sound; empty if it is absent or damaged."""
    try:
        with Image.open(path, formats=["PNG"]) as image:
            note = image.info["note"]
            image.verify()  # every checksum of the file
        note = json.loads(note)
        return note if isinstance(note, dict) else {}
    # Pillow says SyntaxError of a broken picture; a bomb is one that would need far too much memory.
    except (OSError, SyntaxError, KeyError, ValueError, TypeError, RecursionError, Image.DecompressionBombError):
        return {}


def encode(image: np.ndarray, *, note: str = "") -> bytes:
    """A picture as the content of a PNG file with a text inside; the same picture and text give the same bytes."""
    text, buffer = PngInfo(), io.BytesIO()
    text.add_text("note", note)
    # Repeated bytes alone (zlib's Z_RLE): as small as Pillow's default in two thirds of its time.
    Image.fromarray(image).save(buffer, "PNG", pnginfo=text, compress_type=3)
    return buffer.getvalue()


def convert_clip(sound: Path, target: Path, *, clip: str, settings: SpectrogramSettings) -> tuple[str, str]:
    """Convert one clip unless its picture is up to date.

    Returns
    -------
    fingerprint, reason : str
        Of the picture; or empty, and why the clip could not be converted.
    """
    try:
        note = {"clip": clip, "settings": vars(settings), "sound": fingerprint(sound)}
        if read_note(target) == note:
            return fingerprint(target), ""
        samples = resample(read_sound(sound, longest_s=settings.longest_s), sample_rate=settings.sample_rate)
        image = picture(samples, settings=settings)
    except UnusableSoundError as error:  # gone or changed since the audit
        return "", str(error)
    except Exception as error:  # what nobody thought of: one clip must not stop the run, and the reason stands in rejected.csv
        return "", f"could not be converted ({type(error).__name__}: {' '.join(str(error).split())[:150]})"
    content = encode(image, note=json.dumps(note))
    with atomic_path(target) as temporary:
        temporary.write_bytes(content)
    return fingerprint(content), ""


def convert(
    manifest: pd.DataFrame, artifacts: Artifacts, *, settings: SpectrogramSettings, profile: str, workers: int = -1
) -> pd.DataFrame:
    """Make the picture of every clip of a manifest, on all cores or on whatever joblib has been told to use.

    Pictures that are up to date stay. Pictures of clips that are no longer in the manifest are removed, and so is whatever a
    killed run left half-written.

    Parameters
    ----------
    manifest : pd.DataFrame
        Columns `clip`, `path`, `label`.
    artifacts : Artifacts
    settings : SpectrogramSettings
    profile : str
        Name of the profile, noted in `spectrograms.json`.
    workers : int
        As joblib's `n_jobs`: -1 takes all cores, or all workers of the cluster that `joblib.parallel_config` names.

    Returns
    -------
    pd.DataFrame
        One row for each clip that failed: `clip`, `path`, `label`, `reason`; `helpers.recordings.manifest.reject` takes it.

    Raises
    ------
    SuiteError
        There is no clip, or not a single one could be converted.
    """
    if manifest.empty:
        raise SuiteError(f"There is no clip to convert in {artifacts.folder}: look at the reasons in {artifacts.rejected}.")
    targets = [artifacts.image(clip) for clip in manifest["clip"]]
    clips = list(zip(artifacts.sounds(manifest["path"]), targets, manifest["clip"], strict=True))
    tasks = (clips[start : start + CLIPS_A_TASK] for start in range(0, len(clips), CLIPS_A_TASK))
    done = in_workers(partial(_convert_clips, settings=settings), tasks, workers=workers)
    outcomes = list(tqdm(chain.from_iterable(done), total=len(clips), desc="converting", unit="clip", file=sys.stdout))
    fingerprints, reasons = zip(*outcomes, strict=True)

    failed = manifest.assign(reason=reasons).loc[np.array(reasons) != "", ["clip", "path", "label", "reason"]]
    if len(failed) == len(manifest):
        raise SuiteError(f"Not one of {len(manifest)} clips could be converted; the first: {reasons[0]}.")
    made = dict(sorted((target, mark) for target, mark in zip(targets, fingerprints, strict=True) if mark))
    _clear_strays(artifacts.spectrograms, keep={*made, artifacts.spectrogram_settings})
    note = {"profile": profile, "settings": asdict(settings), "clips": len(made)}
    write_json(artifacts.spectrogram_settings, note | {"pictures": fingerprint("".join(made.values()).encode())})
    return failed.reset_index(drop=True)


def _convert_clips(clips: list[tuple[Path, Path, str]], *, settings: SpectrogramSettings) -> list[tuple[str, str]]:
    # Linux's C library gives arrays back to the system and fetches them anew, page by page, unless it has once seen a larger one
    # freed: a third of the time (mallopt(3), M_MMAP_THRESHOLD).
    np.empty(16 << 20, np.uint8)
    return [convert_clip(sound, target, clip=clip, settings=settings) for sound, target, clip in clips]


def _clear_strays(folder: Path, *, keep: set[Path]) -> None:
    """Remove every other file below a folder, and the folders that this empties."""
    for path in sorted(folder.rglob("*"), reverse=True):  # a folder comes after what it holds
        if path.is_dir():
            if not any(path.iterdir()):
                path.rmdir()
        elif path not in keep:
            path.unlink()
