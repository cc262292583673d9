"""The one reader of sound files, for all stages, and what is wrong with a file (notebook 01)."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from helpers.recordings.containers import UnusableSoundError
from helpers.recordings.decoding import Sound, decode

LONGEST_S = 300  # of a longer clip the start is used
SHORTEST_S = 0.1  # a shorter clip holds no syllable
SILENT_PEAK = 0.001  # 60 dB below full scale: nothing of speech is left in 16 bits
FULL_SCALE = 0.999  # a sample this large was clipped, or nearly
LARGEST = 2.0**32  # times full scale: beyond what whole numbers of 32 bits reach, where they are stored as floats by mistake


@dataclass(frozen=True)
class SoundFacts:
    """What the audit finds in a sound file.

    Attributes
    ----------
    duration_s : float
        In seconds, of the part that is used.
    sample_rate : int
        In Hz.
    level_db : float
        Root mean square, in dB relative to full scale.
    clipped : float
        Fraction of the samples at full scale.
    note : str
        What is unusual in a clip that is used, see `Sound`.
    lossy : bool
        Whether its format drops what is hardly heard.
    digest : str
        Fingerprint of the samples and their rate, whatever the format of the file.
    reason : str
        Why the file can't be used; empty if it can.
    """

    duration_s: float = 0.0
    sample_rate: int = 0
    level_db: float = 0.0
    clipped: float = 0.0
    note: str = ""
    lossy: bool = False
    digest: str = ""
    reason: str = ""


def read_sound(source: Path | bytes, *, longest_s: float = LONGEST_S) -> Sound:
    """The sound in a file, or in the bytes of one, as every stage uses it: the audit, the images, the player, a prediction.

    Parameters
    ----------
    source : Path or bytes
    longest_s : float
        Of a longer sound only so many seconds are read, from its start.

    Returns
    -------
    Sound

    Raises
    ------
    UnusableSoundError
        It can't be decoded, or can't be speech: silence, a constant, too short, too few samples a second.
    """
    sound = decode(source, longest_s=longest_s)
    if not np.isfinite(sound.samples).all():
        raise UnusableSoundError("has samples that are not numbers")
    if sound.duration_s < SHORTEST_S:
        raise UnusableSoundError(f"is too short ({sound.duration_s:.3f} s; at least {SHORTEST_S} s are needed)")
    lowest, highest = float(sound.samples.min()), float(sound.samples.max())
    if max(-lowest, highest) < SILENT_PEAK:
        raise UnusableSoundError("is silent (no sample is louder than a thousandth of full scale)")
    if highest - lowest < 2 * SILENT_PEAK:
        raise UnusableSoundError(f"is a constant ({highest:.3g} of full scale), without any sound")
    if max(-lowest, highest) > LARGEST:
        raise UnusableSoundError(f"has samples of {max(-lowest, highest):.0e} times full scale")
    return sound


def sound_facts(sound: Sound) -> SoundFacts:
    """What the audit finds in a sound."""
    samples, digest = sound.samples, hashlib.sha1(sound.samples, usedforsecurity=False)
    digest.update(str(sound.sample_rate).encode())
    power = np.einsum("i,i->", samples, samples, dtype=np.float64) / len(samples)  # without a copy of all samples
    return SoundFacts(
        duration_s=round(sound.duration_s, 4),
        sample_rate=sound.sample_rate,
        level_db=round(10 * float(np.log10(power)), 2),
        clipped=round(float((np.abs(samples) >= FULL_SCALE).mean()), 6),
        note=sound.note,
        lossy=sound.lossy,
        digest=digest.hexdigest(),
    )


def inspect_sound(source: Path | bytes, *, longest_s: float = LONGEST_S) -> SoundFacts:
    """What the audit finds in a sound file, or in the bytes of one; its `reason` says why it can't be used."""
    try:
        return sound_facts(read_sound(source, longest_s=longest_s))
    except UnusableSoundError as error:
        return SoundFacts(reason=str(error))
    except MemoryError:
        return SoundFacts(reason="needs more memory to be read than this machine has")
