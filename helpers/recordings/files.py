"""Which files of a folder are sounds, by their ending; what else a file is by its content; a path as text (notebook 01)."""

import os
import re
from collections import Counter
from pathlib import Path

SOUND_ENDINGS = (
    # What libsndfile decodes, and what needs ffmpeg.
    ".wav", ".wave", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aiff", ".aif", ".aifc", ".au", ".snd", ".caf", ".w64",
    ".rf64", ".sph", ".m4a", ".m4b", ".mp4", ".aac", ".wma", ".webm", ".mka", ".3gp", ".amr",
)  # fmt: skip
NO_ENDING = "no ending"
MACS_OWN = "__MACOSX"  # beside the files in an archive made on a Mac: their Finder settings, under the same names

# What begins like this is no sound and no table.
OTHER_CONTENT = {
    rb"version https://git-lfs": "is a Git LFS pointer, not the {}: run `git lfs pull` in its folder",
    rb"\s*<(!doctype html|html|head|body)": "is a web page, not a {}: download the file itself",
    rb"\x89PNG|\xff\xd8\xff|GIF8|RIFF....WEBP|....ftyp(heic|mif1|avif)": "is a picture, not a {}",
    rb"PK\x03\x04|\x1f\x8b|7z\xbc\xaf|Rar!": "is a packed archive, not a {}: unpack it",
    rb"%PDF": "is a PDF document, not a {}",
    rb"\0\x05\x16\x07": "holds what macOS notes about a file, not a {}",
}


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


def other_content(start: bytes, *, wanted: str) -> str:
    """What a file is by its first 64 bytes, where it is something well known and not what is wanted; empty if nothing known."""
    reasons = (reason for pattern, reason in OTHER_CONTENT.items() if re.match(pattern, start, re.DOTALL | re.IGNORECASE))
    return next(reasons, "").format(wanted)


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
