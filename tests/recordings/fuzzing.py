"""Sound files of every format, their mutants, and the process that reads these: `python fuzzing.py FOLDER FIRST LAST`.

It prints the number of each mutant before it is read, and its facts behind it: so the last line names the one that ended it.
"""

import contextlib
import csv
import io
import json
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile

SECONDS, RATE = 0.6, 16_000
MEMORY, CPU_S = 4 << 30, 300  # limits of a process
LONGEST_S = 5
LENGTHS = [0, 1, 0xFFFF, 0xFFFFFFFF, 0x7FFFFFFF, 0x80000000, 0x7FFFFFF0, 0xFFFFFFFE]  # as damaged headers hold them
PLAIN = "-flags:a +bitexact -fflags +bitexact"  # without the time and random numbers
FFMPEG_FORMATS = {
    "a.m4a": "", "a.aac": "", "a.wma": "", "a.webm": "-c:a libopus", "a.3gp": "-c:a aac", "a.mka": "-c:a flac", "a.spx": "",
    "stereo.mp3": "-ac 2", "variable.mp3": "-q:a 4 -id3v2_version 3 -metadata title=A", "layer2.mp2": "", "stereo.opus": "-ac 2",
    "without_length.mp3": "-q:a 4 -write_xing 0 -id3v2_version 0", "flac.oga": "-c:a flac", "sowt.aifc": "-c:a pcm_s16le -f aiff",
    "broadcast.wav": "-write_bext 1 -metadata description=A",
}  # fmt: skip
# Raw samples have no header; the others need a second file, or are written wrongly.
NOT_READ = {"RAW", "SD2", "SDS", "XI"}


def write_formats(folder: Path) -> list[Path]:
    """One short sound in each format that can be written here."""
    folder.mkdir(exist_ok=True)
    time = np.arange(int(SECONDS * RATE)) / RATE
    voice = sum(np.sin(2 * np.pi * 150 * k * time) / k for k in range(1, 12)) / 4
    voice += np.random.default_rng(0).normal(0, 0.01, len(voice))
    for form in sorted(set(soundfile.available_formats()) - NOT_READ):
        for subtype in soundfile.available_subtypes(form):
            for channels in (1, 2) if subtype in ("PCM_16", "VORBIS", "OPUS", "MPEG_LAYER_III", "IMA_ADPCM") else (1,):
                path = folder / f"{form}-{subtype}-{channels}".lower()
                with contextlib.suppress(soundfile.LibsndfileError):  # listed, but can't be written
                    soundfile.write(path, np.column_stack([voice] * channels), RATE, format=form, subtype=subtype)
    flac, mp3 = (folder / "flac-pcm_16-1").read_bytes(), (folder / "mp3-mpeg_layer_iii-1").read_bytes()
    (folder / "flac-without-length").write_bytes(flac[:21] + bytes([flac[21] & 0xF0]) + bytes(4) + flac[26:])
    (folder / "mp3-tagged").write_bytes(b"ID3\x04\0\0\0\0\x02\0" + bytes(256) + mp3)
    (folder / "mp3-padded").write_bytes(bytes(300) + mp3)
    for name, coding in FFMPEG_FORMATS.items() if shutil.which("ffmpeg") else ():
        command = ["ffmpeg", "-v", "error", "-i", folder / "wav-pcm_16-1", *PLAIN.split(), *coding.split(), folder / name]
        subprocess.run(command, capture_output=True, check=False)
    for path in [path for path in folder.iterdir() if path.stat().st_size < 100]:
        path.unlink()
    return sorted(folder.iterdir())


def mutant(seeds: list[bytes], number: int) -> bytes:
    """The mutant of a number: always the same one."""
    rng = np.random.default_rng([0, number])
    content = bytearray(seeds[number % len(seeds)])
    for _ in range(rng.integers(1, 4)):
        content = bytearray(content or b"0")
        size = len(content)
        near = int(rng.integers(min(size, 200) if rng.random() < 0.6 else size))
        far = int(rng.integers(size))
        kind = int(rng.integers(10))
        if kind <= 2:
            for index in [near, *rng.integers(min(size, 200) if kind else size, size=rng.integers(8))]:
                content[index] ^= 1 << int(rng.integers(8))
        elif kind == 3:
            content[near : near + 4] = rng.bytes(4)
        elif kind == 4:
            width = int(rng.choice([1, 2, 4, 8]))
            value = LENGTHS[int(rng.integers(len(LENGTHS)))] & (1 << 8 * width) - 1
            content[near : near + width] = value.to_bytes(width, "big" if rng.random() < 0.5 else "little")
        elif kind == 5:
            content = content[:near] if rng.random() < 0.5 else content[:far]
        elif kind == 6:
            other = seeds[int(rng.integers(len(seeds)))]
            content = content[:near] + other[int(rng.integers(len(other))) :]
        elif kind == 7:
            del content[near : near + int(rng.integers(1, 400))]
        elif kind == 8:
            content[near:near] = content[far : far + int(rng.integers(1, 4000))]
        else:
            content[near:near] = bytes(int(rng.integers(1, 3000)))
    return bytes(content)


def write_tables(folder: Path) -> list[bytes]:
    """Small sounds with names as people give them, and tables of their speakers as spreadsheets and scripts write them."""
    names = [f"{'süß ' * (number % 5 == 0)}clip {number}.wav" if number % 3 else f"sub/clip_{number}.wav" for number in range(24)]
    (folder / "sub").mkdir()
    rows = []
    for number, name in enumerate(names):
        write_voice(folder / name, seed=number)
        said = f'say "{number}", please' if number % 7 == 0 else f"text {number}"
        rows.append([name, f"label{number % 4}x{number}", ("female", "male")[number % 2], f"{20 + number}", f"s{number}_", said])
    return [
        as_table([["path", "label", "gender", "age", "speaker", "sentence"], *rows], separator, encoding, end)
        for separator, encoding, end in (
            (",", "utf-8", "\n"), (";", "cp1252", "\r\n"), ("\t", "utf-8", "\n"), (",", "utf-8-sig", "\r\n"),
            (",", "utf-16", "\n"), (";", "utf-8", "\r"),
        )
    ]  # fmt: skip


def as_table(rows: list[list[str]], separator: str, encoding: str, end: str) -> bytes:
    """Rows as the bytes of a table."""
    text = io.StringIO()
    csv.writer(text, delimiter=separator, lineterminator=end).writerows(rows)
    return text.getvalue().encode(encoding)


def write_voice(path: Path, *, seed: int) -> None:
    """A short noise of its own."""
    soundfile.write(path, np.random.default_rng(seed).normal(0, 0.1, 2000), RATE)


def table_mutant(tables: list[bytes], number: int) -> bytes:
    """The mutant of a table of a number: always the same one."""
    rng = np.random.default_rng([1, number])
    content = bytearray(tables[number % len(tables)])
    for _ in range(rng.integers(1, 4)):
        content = bytearray(content or b"0")
        at, other = (int(index) for index in rng.integers(len(content), size=2))
        kind = int(rng.integers(10))
        if kind == 0:
            content[at] ^= 1 << int(rng.integers(8))
        elif kind == 1:
            content[at:at] = b'"'
        elif kind == 2 and b'"' in content[at:]:
            del content[content.index(b'"', at)]
        elif kind == 3:
            one, instead = rng.permutation([b",", b";", b"\t"])[:2]
            content = content.replace(one, instead, int(rng.integers(1, 200)))
        elif kind == 4:
            second = tables[int(rng.integers(len(tables)))]  # perhaps in another encoding
            content = content[:at] + second[int(rng.integers(len(second))) :]
        elif kind == 5:
            content = content[:at]
        elif kind == 6:
            del content[at : at + int(rng.integers(1, 60))]
        elif kind == 7:
            lines = content.split(b"\n")
            lines.insert(at % len(lines), lines[other % len(lines)])
            content = bytearray(b"\n".join(lines))
        elif kind == 8:
            signs = [b"\n", b"\r", b"\r\n", b"\0", b"\t", b",", b";", b"\xff", "ä".encode(), b" "]
            content[at:at] = signs[int(rng.integers(len(signs)))]
        else:
            content[at:at] = content[other : other + int(rng.integers(1, 300))]
    return bytes(content)


def read_mutants(folder: Path, first: int, last: int) -> None:
    """Print what the audit finds in mutants, and how the process' memory grew with each, in MiB."""
    from helpers.recordings.sounds import inspect_sound

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    seeds = [path.read_bytes() for path in sorted(folder.iterdir())]
    with tempfile.TemporaryDirectory() as place:
        path = Path(place, "a.wav")
        for number in range(first, last):
            print(number, end=" ", flush=True)
            content = mutant(seeds, number)
            path.write_bytes(content)
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            facts = vars(inspect_sound(path if number % 2 else content, longest_s=LONGEST_S))
            grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
            print(json.dumps(facts | {"grown": grown}), flush=True)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    read_mutants(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
