"""Sound files: what each one holds, and what is wrong with it (notebook 01)."""

import filecmp
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pandas as pd
import soundfile

SHORTEST_S = 0.1  # a shorter clip holds no syllable
SILENT_PEAK = 0.001  # 60 dB below full scale: nothing of speech is left in 16 bits
FULL_SCALE = 0.999  # a sample this large was clipped, or nearly


@dataclass(frozen=True)
class Sound:
    """What was found in a sound file.

    Attributes
    ----------
    duration_s : float
        In seconds.
    sample_rate : int
        In Hz.
    level_db : float
        Root mean square, in dB relative to full scale.
    clipped : float
        Fraction of the samples at full scale.
    digest : str
        Fingerprint of the decoded samples and their rate, whatever the format of the file.
    reason : str
        Why the file can't be used; empty if it can.
    """

    duration_s: float = 0.0
    sample_rate: int = 0
    level_db: float = 0.0
    clipped: float = 0.0
    digest: str = ""
    reason: str = ""


def inspect_sound(path: Path | BinaryIO) -> Sound:
    """Decode a sound file, or one in memory, to its end; return what it holds, or why it can't be used."""
    try:
        if isinstance(path, Path):
            if path.is_dir():
                return Sound(reason="is a folder that can't be opened")
            if path.exists() and not path.is_file():
                return Sound(reason="is no regular file")
            if path.stat().st_size == 0:
                return Sound(reason="is empty (0 bytes)")
        return _decode(path)
    except soundfile.LibsndfileError as error:
        return Sound(reason=f"can't be read as sound ({error.error_string.rstrip('.')})")
    except (OSError, RuntimeError, ValueError) as error:
        return Sound(reason=f"can't be read ({getattr(error, 'strerror', None) or type(error).__name__})")


def _decode(path: Path | BinaryIO) -> Sound:
    frames, samples, clipped, peak, energy, finite = 0, 0, 0, 0.0, 0.0, True
    digest = hashlib.sha1(usedforsecurity=False)
    with soundfile.SoundFile(path) as file:
        rate = file.samplerate
        for block in file.blocks(blocksize=1 << 18, dtype="float32"):
            loudness = np.abs(block)
            frames, samples = frames + len(block), samples + block.size
            clipped += int((loudness >= FULL_SCALE).sum())
            peak = max(peak, float(loudness.max(initial=0.0)))
            energy += float(np.vdot(block, block))
            finite &= bool(np.isfinite(block).all())
            digest.update(block)
    if not finite:
        return Sound(reason="has samples that are no numbers")
    if frames == 0:
        return Sound(reason="is empty (no samples)")
    if frames / rate < SHORTEST_S:
        return Sound(reason=f"is too short ({frames / rate:.3f} s; at least {SHORTEST_S} s are needed)")
    if peak < SILENT_PEAK:
        return Sound(reason="is silent (no sample is louder than a thousandth of full scale)")
    digest.update(str(rate).encode())
    return Sound(
        duration_s=round(frames / rate, 4),
        sample_rate=rate,
        level_db=round(10 * float(np.log10(energy / samples)), 2),
        clipped=round(clipped / samples, 6),
        digest=digest.hexdigest(),
    )


def duplicate_reasons(clips: pd.DataFrame) -> dict[str, str]:
    """The reason for each clip to leave out that holds the same sound as another one, whatever the format of their files.

    Of duplicates with one label the first is kept, so that no sound can be in two splits. Of duplicates with different labels
    none is kept, since it is unknown which label is right.

    Parameters
    ----------
    clips : pd.DataFrame
        `clip`, `path` (absolute), `label`, and the `digest` of its `Sound`.
    """
    reasons = {}
    for _, same in clips[clips["digest"].duplicated(keep=False)].sort_values("clip").groupby("digest"):
        first, *_ = rows = [*same.itertuples()]
        for row in rows:
            if other := next((other for other in rows if other.label != row.label), None):
                reason = f"holds the same sound as {other.clip!r}, which is labelled {other.label!r}: one of the labels is wrong"
                reasons[row.clip] = reason
            elif row is not first:
                copy = "byte for byte" if filecmp.cmp(first.path, row.path, shallow=False) else "the same sound in another file"
                reasons[row.clip] = f"is a duplicate of {first.clip!r} ({copy})"
    return reasons
