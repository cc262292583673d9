"""What a file is by its content: a sound for libsndfile, one for ffmpeg, an MP3 behind other bytes, or no sound (notebook 01)."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from helpers.base.machine import ending

FFMPEG_S = 600  # a decoder that takes longer hangs
# What ffmpeg must read: the kind, the endings that match it, and ffmpeg's name for the container.
FFMPEG_KINDS = {
    "M4A": ((".m4a", ".m4b", ".mp4"), "mov"), "MP4": ((".mp4", ".m4a", ".m4b", ".mov"), "mov"), "3GP": ((".3gp", ".3g2"), "mov"),
    "WEBM": ((".webm", ".weba"), "matroska"), "MKA": ((".mka", ".mkv"), "matroska"), "WMA": ((".wma", ".asf", ".wmv"), "asf"),
    "AAC": ((".aac",), "aac"), "AMR": ((".amr",), "amr"), "Speex": ((".spx", ".ogg", ".oga"), "ogg"),
    "FLAC in OGG": ((".ogg", ".oga", ".flac"), "ogg"), "CAF without a length": ((".caf",), "caf"),
}  # fmt: skip


class UnusableSoundError(Exception):
    """A file that can't be used; the message is the reason, such as "is empty (0 bytes)", to stand behind the file's name."""


def ffmpeg_kind(start: bytes) -> str:
    """The kind of a file that libsndfile can't read and ffmpeg can, by its first 64 bytes; empty for all others.

    Examples
    --------
    >>> ffmpeg_kind(b"0000ftypM4A 0000"), ffmpeg_kind(b"RIFF0000WAVE")
    ('M4A', '')
    """
    if start[4:8] == b"ftyp":
        return {b"M4A": "M4A", b"M4B": "M4A", b"3gp": "3GP", b"3g2": "3GP"}.get(start[8:11], "MP4")
    if start.startswith(b"\x1aE\xdf\xa3"):
        return "WEBM" if b"webm" in start else "MKA"
    if start.startswith(b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"):
        return "WMA"
    if start.startswith(b"ADIF") or (len(start) > 1 and start[0] == 0xFF and start[1] & 0xF6 == 0xF0):
        return "AAC"
    return "AMR" if start.startswith(b"#!AMR") else ""


def rare_kind(content: bytes) -> str:
    """The kind of a file that ffmpeg can read where libsndfile failed, though it is of a format that it knows; else empty."""
    if content.startswith(b"OggS"):
        return {b"Speex": "Speex", b"\x7fFLAC": "FLAC in OGG"}.get(content[28:33], "")
    endless = content.startswith(b"caff") and b"data" + b"\xff" * 8 in content[:8192]
    return "CAF without a length" if endless else ""


def kind_in_words(kind: str, ending: str) -> str:
    """What a file is, and what its ending says instead.

    Examples
    --------
    >>> kind_in_words("M4A", ".m4a"), kind_in_words("M4A", ".mp3"), kind_in_words("M4A", "")
    ('is M4A', 'is M4A, not MP3', 'is M4A')
    """
    return f"is {kind}, not {ending[1:].upper()}" if ending and ending not in FFMPEG_KINDS[kind][0] else f"is {kind}"


def write_wav(given: Path, wav: Path, *, kind: str, seconds: float) -> str:
    """Let ffmpeg write the start of a sound as a WAV file of floats.

    Parameters
    ----------
    given, wav : Path
        From and to.
    kind : str
        A key of `FFMPEG_KINDS`.
    seconds : float
        How much of it.

    Returns
    -------
    str
        The first line of what ffmpeg had to say, without file names and addresses in memory; empty if nothing.

    Raises
    ------
    UnusableSoundError
        The reason continues a sentence such as "is M4A".
    """
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        raise UnusableSoundError("which needs ffmpeg to be read: install ffmpeg, or save it as WAV")
    # Given the container, ffmpeg opens no playlist that names other files; given the protocol, no address.
    limits = ["-max_alloc", str(1 << 28), "-protocol_whitelist", "file", "-f", FFMPEG_KINDS[kind][1]]
    wanted = ["-map", "0:a:0", "-t", str(seconds), "-fs", str(1 << 31), "-c:a", "pcm_f32le", "-f", "wav"]
    command = [ffmpeg, "-nostdin", "-v", "error", *limits, "-i", f"file:{given}", *wanted, "-y", f"file:{wav}"]
    try:
        done = subprocess.run(command, capture_output=True, timeout=FFMPEG_S, check=False)
    except subprocess.TimeoutExpired:
        raise UnusableSoundError("and ffmpeg does not finish decoding it") from None
    said = done.stderr.decode("utf-8", errors="replace").replace(f"file:{given}: ", "").replace(f"file:{given}", "it")
    lines = [line for line in (re.sub(r"\[[^\]]*\] *", "", line).strip() for line in said.splitlines()) if line]
    if done.returncode < 0:
        lines.insert(0, ending(done.returncode))
    if any("matches no streams" in line for line in lines):
        raise UnusableSoundError("and holds no sound")
    if not wav.exists():
        raise UnusableSoundError(f"and ffmpeg can't decode it ({lines[0] if lines else 'no samples'})")
    return lines[0] if lines else ""


def ogg_streams(content: bytes) -> tuple[bool, bool]:
    """Whether a stream begins behind the pages of another one, and whether the last page is whole and the end (RFC 3533, 6)."""
    pages = [*re.finditer(rb"OggS\0(.).{20}(.)", content, re.DOTALL)]
    flags = [page[1][0] for page in pages]
    behind = next((index for index, flag in enumerate(flags) if not flag & 2), len(flags))
    if not pages:
        return False, False
    table = pages[-1].end()
    body = table + pages[-1][2][0]
    return any(flag & 2 for flag in flags[behind:]), bool(flags[-1] & 4) and body + sum(content[table:body]) <= len(content)


def mp3_start(content: bytes) -> int | None:
    """Where the first MPEG frame lies behind zeros, tags or other bytes, in the first MiB; None where there is none.

    A frame's header is checked by those of the next two, placed as ISO 11172-3, 2.4.2.3, says.
    """
    return next((start for start, _ in _frames(content[: 1 << 20], least=3)), None)


def with_length(content: bytes) -> bytes:
    """An MP3 of variable bitrate with the number of its frames in front (a Xing header), if that is missing.

    Without it libsndfile takes the length from the first frames' bitrate, and reads no further.
    """
    sound = content
    while sound.startswith(b"ID3") and len(sound) > 10:  # a tag's size is written in digits of 7 bits (ID3v2, 3.1)
        sound = sound[10 + sum(digit << 7 * power for power, digit in enumerate(reversed(sound[6:10]))) :]
    frames = [*_frames(sound, least=3)]
    if len({sound[start + 2] >> 4 for start, _ in frames}) < 2:
        return content
    sound = sound[frames[0][0] :]
    first = sound[: frames[0][1]]
    if b"Xing" in first or b"Info" in first or b"VBRI" in first:
        return content
    mpeg1, mono = first[1] & 8, first[3] >> 6 == 3
    side_information = (17 if mono else 32) if mpeg1 else (9 if mono else 17)
    headers = (bytes([0xFF, first[1] | 1, bitrate << 4 | first[2] & 15, first[3]]) for bitrate in range(1, 15))
    header = next(header for header in headers if _frame_length(header) > 64)
    frame = header + bytes(side_information) + b"Xing\0\0\0\1" + len(frames).to_bytes(4, "big")
    return frame.ljust(_frame_length(header), b"\0") + sound


def _frames(content: bytes, *, least: int) -> Iterator[tuple[int, int]]:
    """First byte and length of each MPEG frame, in runs of at least so many."""
    sync, begin = re.compile(rb"\xff[\xe2-\xff]"), 0
    while found := sync.search(content, begin):
        run, offset = [], found.start()
        while length := _frame_length(content[offset : offset + 4]):
            run.append((offset, length))
            offset += length
        if len(run) >= least:
            yield from run
        begin = offset if len(run) >= least else found.start() + 1


def _frame_length(header: bytes) -> int:
    """Bytes of an MPEG audio frame of layer III by its header; 0 if it is none."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE6 != 0xE2:
        return 0
    version, bitrate, rate = header[1] >> 3 & 3, header[2] >> 4, header[2] >> 2 & 3
    if version == 1 or bitrate in (0, 15) or rate == 3:
        return 0
    first = version == 3  # MPEG 1; MPEG 2 and 2.5 have half of its rates, and frames of half its samples
    kilobits = (
        (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320) if first
        else (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
    )[bitrate]  # fmt: skip
    hertz = (44_100, 48_000, 32_000)[rate] // {3: 1, 2: 2, 0: 4}[version]
    return (144 if first else 72) * 1000 * kilobits // hertz + (header[2] >> 1 & 1)
