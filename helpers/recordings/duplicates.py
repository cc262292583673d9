"""One recording that is in a corpus more than once: the same samples, or the same sound in another format (notebook 01)."""

import filecmp
import functools
from collections.abc import Iterator
from functools import partial
from itertools import chain, compress
from pathlib import Path

import librosa
import numpy as np
import pandas as pd
import scipy.signal
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from helpers.base.machine import in_workers
from helpers.recordings.containers import UnusableSoundError
from helpers.recordings.sounds import read_sound

OUTLINE_RATE = 4000  # Hz; lossy formats hardly change what lies below 2000 Hz
LATER_S = 0.15  # decoders of lossy formats begin earlier or later, and add to the end
LOUDER_DB = 1.0  # nor do they change the level by more
# Correlation of two waveforms where they fit best: MP3, Opus and AAC of 16 to 32 kbit/s leave 0.93 and more of speech. Where
# neither the format nor the rate explains a difference, two takes of one sentence must not be taken for one.
ALIKE, EQUAL = 0.9, 0.99999
NEAREST = 3  # clips that each is compared with: in a corpus whose files all have one name the number of pairs must not explode
PAIRS_A_TASK = 64


def duplicate_reasons(clips: pd.DataFrame, *, longest_s: float) -> dict[str, str]:
    """Why clips are left out that hold the same recording as another one, by clip.

    Two clips hold the same recording if their samples are equal; or if their files have one name, speaker (or folder, where no
    speaker is known), duration and level, and their waveforms correlate: a WAV file and an MP3 made of it. Of those with one label
    one is kept, so that no recording can be in two splits: a lossless one before a lossy one, then by name. Of those with different
    labels none is kept, since it is unknown which label is right, unless one lies in a copy of the other's folder.

    Parameters
    ----------
    clips : pd.DataFrame
        `clip`, `path` (absolute), `label`, `speaker`, and the `SoundFacts`.
    longest_s : float
        As the facts were found with.
    """
    reasons = {}
    clips = clips.sort_values(["lossy", "clip"])
    for same in _groups(clips, longest_s=longest_s):
        rows = [*clips.loc[same].itertuples()]
        first = min(rows, key=lambda row: len(Path(row.path).parts)) if _nested(rows) else rows[0]
        for row in rows:
            other = next((other for other in rows if other.label != row.label), None)
            if other and not _nested(rows):
                told = f"holds the same sound as {other.clip!r}, which is labelled {other.label!r}"
                reasons[row.clip] = f"{told}{_speakers(other, row)}: one of the labels is wrong"
            elif row is not first:
                reasons[row.clip] = f"is a duplicate of {first.clip!r} ({_how_alike(first, row)})"
    return reasons


def copies_line(clips: pd.DataFrame) -> str:
    """A sentence on a corpus that holds much of itself twice; empty where it does not.

    Parameters
    ----------
    clips : pd.DataFrame
        `path` and `reason`.
    """
    copies = clips[clips["reason"].str.startswith("is a duplicate of")]
    if len(copies) < len(clips) / 4:
        return ""
    folder = copies["path"].map(lambda path: str(Path(path).parent)).value_counts()
    return f"{len(copies)} of {len(clips)} clips are copies of others and are left out, most of them in {folder.index[0]}."


def _groups(clips: pd.DataFrame, *, longest_s: float) -> Iterator[list]:
    """The index values of clips that hold one recording, in the order of `clips`."""
    position = pd.Series(range(len(clips)), clips.index)
    firsts = clips[~clips["digest"].duplicated()]
    pairs = [*zip(position, position.groupby(clips["digest"]).transform("min"), strict=True)]
    pairs += [(position[one], position[other]) for one, other in _alike(firsts, longest_s=longest_s)]
    edges = coo_array((np.ones(len(pairs)), np.array(pairs, int).reshape(-1, 2).T), shape=(len(clips), len(clips)))
    for _, members in position.groupby(connected_components(edges)[1]):
        if len(members) > 1:
            yield [*members.index]


def _alike(clips: pd.DataFrame, *, longest_s: float) -> Iterator[tuple]:
    """Pairs of clips, by index, that differ in their samples but sound like one recording."""
    paths = clips["path"].map(Path)
    owner = clips["speaker"].where(clips["speaker"] != "", paths.map(lambda path: path.parent.name))
    keys = pd.DataFrame({"name": paths.map(lambda path: path.stem.casefold()), "owner": owner})
    several = clips[keys.duplicated(keep=False)].sort_values("duration_s", kind="stable")
    groups = several.groupby([keys["name"], keys["owner"]], sort=False).indices.values()
    pairs = [(*several.index[[one, other]], least) for rows in groups for one, other, least in _candidates(several, rows)]
    tasks = [pairs[start : start + PAIRS_A_TASK] for start in range(0, len(pairs), PAIRS_A_TASK)]
    named = ([(paths[one], paths[other], least) for one, other, least in task] for task in tasks)
    same = chain.from_iterable(in_workers(partial(_same_recordings, longest_s=longest_s), named))
    return compress([(one, other) for one, other, _ in pairs], same)


def _candidates(clips: pd.DataFrame, rows: np.ndarray) -> Iterator[tuple[int, int, float]]:
    """Pairs of rows, sorted by duration, that may hold the same recording, and the correlation that they must have."""
    duration, level, rate, lossy = (clips[name].to_numpy()[rows] for name in ("duration_s", "level_db", "sample_rate", "lossy"))
    ends = np.searchsorted(duration, duration + LATER_S, side="right")
    for one in range(len(rows)):
        others = np.arange(one + 1, ends[one])
        later, louder = duration[others] - duration[one], np.abs(level[others] - level[one])
        explained = lossy[one] | lossy[others] | (rate[others] != rate[one])
        possible = np.where(explained, louder <= LOUDER_DB, (later <= 0.001) & (louder <= 0.01))
        distance = np.where(possible, later / LATER_S + louder / LOUDER_DB, np.inf)
        for index in np.argsort(distance, kind="stable")[: min(NEAREST, possible.sum())]:
            yield rows[one], rows[others[index]], ALIKE if explained[index] else EQUAL


def _same_recordings(pairs: list[tuple[Path, Path, float]], *, longest_s: float) -> list[bool]:
    """Whether the files of each pair correlate as they must."""
    outline = functools.lru_cache(maxsize=NEAREST + 1)(partial(_outline, longest_s=longest_s))
    return [correlation(outline(one), outline(other)) >= least for one, other, least in pairs]


def _outline(path: Path, *, longest_s: float) -> np.ndarray:
    """The waveform of a file below 2000 Hz, np.ndarray [shape=(n,)]."""
    try:
        sound = read_sound(path, longest_s=longest_s)
    except UnusableSoundError:  # gone since the audit
        return np.zeros(1, np.float32)
    return librosa.resample(sound.samples, orig_sr=sound.sample_rate, target_sr=OUTLINE_RATE)


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Correlation of two waveforms where they fit best, if one is moved by up to `LATER_S`; from -1 to 1."""
    products = scipy.signal.correlate(one - one.mean(), other - other.mean(), method="fft")
    near = np.abs(scipy.signal.correlation_lags(len(one), len(other))) <= LATER_S * OUTLINE_RATE
    energy = np.sqrt(one.var() * len(one) * other.var() * len(other))
    return float(products[near].max() / energy) if energy > 0 else 0.0


def _nested(rows: list) -> bool:
    """Whether files and their folders have one name each, such as Actor_01/a.wav and all/Actor_01/a.wav: a corpus inside itself."""
    return len({(Path(row.path).stem, Path(row.path).parent.name) for row in rows}) == 1


def _how_alike(first, row) -> str:
    if first.digest != row.digest:
        alike = "the same recording in another format"
    else:
        same = filecmp.cmp(first.path, row.path, shallow=False)
        alike = "byte for byte" if same else "the same sound in another file"
    return alike + _speakers(first, row)


def _speakers(other, row) -> str:
    two = other.speaker and row.speaker and other.speaker != row.speaker
    return f", there by speaker {other.speaker}, here by speaker {row.speaker}" if two else ""
