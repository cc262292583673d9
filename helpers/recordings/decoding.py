"""From the bytes of a sound file to its samples, by libsndfile, and by ffmpeg where that is needed (notebook 01).

A file is opened by its content, never by its ending, and read once, from start to end.
"""

import contextlib
import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile

from helpers.base.machine import standard_error
from helpers.recordings.containers import (
    UnusableSoundError,
    ffmpeg_kind,
    kind_in_words,
    mp3_start,
    ogg_streams,
    rare_kind,
    with_length,
    write_wav,
)
from helpers.recordings.files import other_content

BLOCK = 4096  # frames of 8 channels, fewer of more; where a file breaks off with an error, less than a block is lost
LOWEST_RATE, HIGHEST_RATE = 4000, 400_000  # Hz; below, nothing of speech is left; above, a header is wrong
CANCEL_DB = 10  # a mean that lies so far below the loudest channel has lost the voice
UNKNOWN_LENGTH = 0x7FFFFFF0  # headers of streams hold this size, or a larger one
MOST_BYTES = 64 << 20  # searched for a frame or a page: more than the longest clip has
LOSSY = ("VORBIS", "OPUS", "MPEG_LAYER_I", "MPEG_LAYER_II", "MPEG_LAYER_III")
# What libsndfile says of damaged headers and of files in memory; it would mislead.
VAGUE = re.compile("Unspecified internal error|Internal error|File does not exist|unknown error")


@dataclass(frozen=True, eq=False)
class Sound:
    """A sound, mixed to one channel.

    Attributes
    ----------
    samples : np.ndarray [shape=(n,), dtype=float32]
        From -1 to 1, where 1 is full scale.
    sample_rate : int
        In Hz.
    note : str
        What to know about it: which channel it is, what is missing, what the decoder said; empty if nothing.
    lossy : bool
        Whether its format discards what is hardly audible.
    """

    samples: np.ndarray
    sample_rate: int
    note: str = ""
    lossy: bool = False

    @property
    def duration_s(self) -> float:
        return len(self.samples) / self.sample_rate


class Steady:
    """A file that ignores a seek to an impossible position, as damaged headers ask for.

    An exception raised inside libsndfile's callback would only print a traceback.
    """

    def __init__(self, file: BinaryIO):
        self.file, self.tell, self.readinto = file, file.tell, file.readinto

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go there, or stay."""
        with contextlib.suppress(OSError, ValueError, OverflowError):
            return self.file.seek(offset, whence)
        return self.tell()


class Stream(soundfile.SoundFile):
    """A sound file that is read from start to end.

    `SoundFile` seeks after each block, which GSM 6.10 and a FLAC file without its length refuse, and which changes what an MP3
    decoder gives, as a frame needs the bits of the one before it.
    """

    def seekable(self) -> bool:
        """Say no, so that nothing seeks."""
        return False


def decode(source: Path | bytes, *, longest_s: float) -> Sound:
    """Samples of a sound file, or of one in memory: the mean of its channels, or one of them where they cancel each other.

    Parameters
    ----------
    source : Path or bytes
    longest_s : float
        Of a longer sound only so many seconds are read, from its start.

    Raises
    ------
    UnusableSoundError
        It is no sound, can't be decoded, has no samples, or a sample rate that speech can't have.
    """
    with _binary(source) as file:
        start = file.read(64)
        file.seek(0)
        if reason := other_content(start, wanted="sound"):
            raise UnusableSoundError(reason)
        if kind := ffmpeg_kind(start):
            return _by_ffmpeg(source, kind, longest_s=longest_s)
        try:
            return _by_libsndfile(file, longest_s=longest_s)
        except soundfile.LibsndfileError as error:
            reason = _in_words(error)
        file.seek(0)
        content = file.read(MOST_BYTES)
    if kind := rare_kind(content):
        return _by_ffmpeg(source, kind, longest_s=longest_s)
    if not content.strip(b"\0"):
        raise UnusableSoundError("holds nothing but zeros: copy or download it again")
    if frame := mp3_start(content):
        with contextlib.suppress(soundfile.LibsndfileError):
            return _by_libsndfile(BytesIO(content[frame:]), longest_s=longest_s)
    raise UnusableSoundError(f"can't be read as sound ({reason})")


@contextlib.contextmanager
def _binary(source: Path | bytes) -> Iterator[BinaryIO]:
    if isinstance(source, bytes):
        if not source:
            raise UnusableSoundError("is empty (0 bytes)")
        yield BytesIO(source)
        return
    try:
        if source.is_dir():
            raise UnusableSoundError("is a folder that can't be opened")
        if source.exists() and not source.is_file():
            raise UnusableSoundError("is no regular file")
        if source.stat().st_size == 0:
            raise UnusableSoundError("is empty (0 bytes)")
        with open(source, "rb") as file:
            yield file
    except OSError as error:
        raise UnusableSoundError(f"can't be read ({error.strerror or type(error).__name__})") from None


def _by_ffmpeg(source: Path | bytes, kind: str, *, longest_s: float) -> Sound:
    named = kind_in_words(kind, source.suffix.lower() if isinstance(source, Path) else "")
    with tempfile.TemporaryDirectory() as folder:
        given, wav = Path(folder, "given"), Path(folder, "decoded.wav")
        if isinstance(source, bytes):
            given.write_bytes(source)
        else:
            given = source.absolute()
        try:
            said = write_wav(given, wav, kind=kind, seconds=longest_s + 1)  # one second more shows that it is longer
        except UnusableSoundError as error:
            raise UnusableSoundError(f"{named}, {error}") from None
        try:
            with open(wav, "rb") as file:
                sound = _by_libsndfile(file, longest_s=longest_s)
        except (soundfile.LibsndfileError, UnusableSoundError):
            raise UnusableSoundError(f"{named}, and ffmpeg can't decode it ({said or 'no samples'})") from None
    return replace(sound, lossy=True, note="; ".join(filter(None, [sound.note, said and f"ffmpeg says: {said}"])))


def _by_libsndfile(file: BinaryIO, *, longest_s: float) -> Sound:
    start = file.read(3)
    file.seek(0)
    mpeg = start == b"ID3" or start[:1] == b"\xff"
    if mpeg:
        file = BytesIO(with_length(file.read(MOST_BYTES)))
    with standard_error() if mpeg else contextlib.nullcontext([]) as said:
        sound, loudest = _mix(file, longest_s=longest_s)
        if loudest is not None:
            file.seek(0)
            sound, _ = _mix(file, longest_s=longest_s, channel=loudest)
    notes = [sound.note]
    # Without the places in the source of libmpg123.
    if lines := [*dict.fromkeys(re.sub(r"^(\[[^\]]*\])? *(error|warning|note): *", "", line.strip(), flags=re.I) for line in said)]:
        more = f" (and {len(lines) - 1} more)" if len(lines) > 1 else ""
        notes.append(f"the MP3 decoder says: {lines[0].rstrip('.')}{more}")
    return replace(sound, note="; ".join(filter(None, notes)))


def _mix(file: BinaryIO, *, longest_s: float, channel: int | None = None) -> tuple[Sound, int | None]:
    """The mean of the channels, or the one that is asked for; and the loudest one, where the mean has lost the voice."""
    with Stream(Steady(file)) as stream, np.errstate(over="ignore", invalid="ignore"):  # damaged floats: see `read_sound`
        rate, channels = stream.samplerate, stream.channels
        if not LOWEST_RATE <= rate <= HIGHEST_RATE:
            bound = f"at least {LOWEST_RATE}" if rate < LOWEST_RATE else f"at most {HIGHEST_RATE}"
            raise UnusableSoundError(f"has a sample rate of {rate} Hz; a recording of speech has {bound}")
        limit, blocks, error = max(int(longest_s * rate), 1), [], ""
        block_frames = max(8 * BLOCK // max(channels, 8), 1)
        frames, sums = 0, np.zeros((2, channels + 1))  # of the samples and their squares: each channel's, and the mean's
        try:
            while frames < limit and len(block := stream.read(min(block_frames, limit - frames), dtype="float32", always_2d=True)):
                # A copy also of a single channel: a view would keep the block.
                blocks.append(block.mean(axis=1) if channel is None else block[:, channel].copy())
                frames += len(block)
                if channels > 1:
                    both = np.column_stack([block, blocks[-1]]).astype(np.float64)
                    sums += both.sum(axis=0), (both**2).sum(axis=0)
        except soundfile.LibsndfileError as failure:
            error = _in_words(failure)
        if not frames:
            raise UnusableSoundError(f"can't be read as sound ({error})" if error else "is empty (no samples)")
        notes = [_length_note(stream, frames=frames, limit=limit, error=error)]
        if channel is not None:
            notes.insert(0, f"channel {channel + 1} of {channels} alone: the mean of all is at least {CANCEL_DB} dB quieter")
        if stream.format == "OGG":
            file.seek(0)
            several, ends = ogg_streams(file.read(MOST_BYTES))
            if not ends and not notes[-1] and frames < limit:
                notes.append(f"breaks off after {frames / rate:.2f} s: its end is missing")
            if several:
                notes.append("holds several streams: only the first is used")
        sound = Sound(np.concatenate(blocks), rate, "; ".join(filter(None, notes)), stream.subtype in LOSSY)
        powers = sums[1] / frames - (sums[0] / frames) ** 2  # around their means: a constant is no sound
    loudest = int(powers[:-1].argmax())
    lost = channels > 1 and channel is None and powers[-1] <= powers[loudest] * 10 ** (-CANCEL_DB / 10)
    return sound, loudest if lost else None


def _length_note(stream: Stream, *, frames: int, limit: int, error: str) -> str:
    """What is missing from a file that was read: its end, or what lies beyond the limit; empty if nothing."""
    rate, promised, log = stream.samplerate, stream.frames, stream.extra_info
    # Where a header promises more, libsndfile believes the size of the file, and says so in its log.
    sizes = re.findall(r"^ *(?:data|SSND|Data Size|RIFF|FORM|riff|Riff size) *: (\d+) \(should be (\d+)\)", log, re.MULTILINE)
    cut = any(int(there) + 1 < int(said) < UNKNOWN_LENGTH for said, there in sizes)
    cut |= "does not match value from 'ds64'" in log
    why = f" ({error})" if error else ""
    if frames < min(promised, limit) - 0.05 * rate and promised < 1 << 62:
        return f"breaks off: {frames / rate:.2f} of {promised / rate:.2f} s can be read{why}"
    if error or (cut and frames < limit):
        return f"breaks off after {frames / rate:.2f} s{why or ': its header promises more'}"
    return f"is longer than {limit / rate:g} s: the rest is not used" if frames >= limit and promised > limit else ""


def _in_words(error: soundfile.LibsndfileError) -> str:
    """What libsndfile says, where it says something."""
    return "the file is damaged" if VAGUE.search(error.error_string) else error.error_string.removeprefix("Error : ").rstrip(".")
