"""Which files of a folder are sounds, by their ending, and how a path becomes text (notebook 01)."""

import os
from collections import Counter
from pathlib import Path

SOUND_ENDINGS = (
    # What libsndfile decodes, and what needs ffmpeg.
    ".wav", ".wave", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aiff", ".aif", ".aifc", ".au", ".snd", ".caf", ".w64",
    ".rf64", ".sph", ".m4a", ".m4b", ".mp4", ".aac", ".wma", ".webm", ".mka", ".3gp", ".amr",
)  # fmt: skip
NO_ENDING = "no ending"
MACS_OWN = "__MACOSX"  # beside the files in an archive made on a Mac: their Finder settings, under the same names


def find_sounds(folder: Path) -> tuple[list[Path], Counter[str]]:
    """All sound files below a folder, and how many other files were passed over; hidden files and folders are skipped.

    Links to folders are followed, each folder once. A folder that can't be opened is listed itself, so that it is not lost.

    Returns
    -------
    sounds : list of Path
        Sorted; chosen by their ending, in capitals or not.
    passed_over : Counter
        Number of other files by their ending in lower case, such as ``.jpg``, or `NO_ENDING`.
    """
    found, closed, seen, passed_over = [], [], set(), Counter()
    for parent, folders, files in os.walk(folder, followlinks=True, onerror=closed.append):
        if os.path.realpath(parent) in seen:
            folders.clear()  # a link back into a folder that was visited
            continue
        seen.add(os.path.realpath(parent))
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name != MACS_OWN)
        for name in files:
            if name.startswith("."):
                continue
            if is_sound(name):
                found.append(Path(parent, name))
            else:
                passed_over[printable(os.path.splitext(name)[1].lower()) or NO_ENDING] += 1
    return sorted([*found, *(Path(error.filename) for error in closed)]), passed_over


def is_sound(name: str) -> bool:
    """Whether a file's name has the ending of a sound file."""
    return name.lower().endswith(SOUND_ENDINGS)


def count_endings(passed_over: Counter[str]) -> str:
    """The files that were passed over, in words.

    Examples
    --------
    >>> count_endings(Counter({".txt": 3, ".jpg": 12}))
    '12 .jpg, 3 .txt'
    """
    return ", ".join(f"{number} {ending}" for ending, number in sorted(passed_over.items(), key=lambda item: (-item[1], item[0])))


def printable(path: str) -> str:
    r"""A path as text that any table can hold, with bytes that are no UTF-8 as `\xff`."""
    return os.fsencode(path).decode("utf-8", errors="backslashreplace")
