"""Fifty files that a folder of recordings may really hold: each ends accepted or in `rejected.csv`, and none ends the run."""

import os
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import RATE, voice, write_corpus

from helpers.base.artifacts import read_table
from helpers.recordings.files import find_sounds
from helpers.recordings.manifest import build_manifest


def riff(data: bytes, *, length: int | None = None, bits: int = 16, channels: int = 1, tag: int = 1) -> bytes:
    """A WAV file by hand, so that its header can lie."""
    block = channels * bits // 8
    form = struct.pack("<HHIIHH", tag, channels, RATE, RATE * block, block, bits)
    size = len(data) if length is None else length
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", size) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


def pcm(samples) -> bytes:
    return (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()


def sound(name, number, *, samples=None, rate=RATE, **options):
    samples = voice(150 + number, rate=rate, seed=number) if samples is None else samples
    return name, lambda path: soundfile.write(path, samples, rate, **options)


def raw(name, content):
    return name, lambda path: path.write_bytes(content)


SPEECH = voice(190, seed=99)
GOOD = [
    sound("eight_bit.wav", 0, subtype="PCM_U8"),
    sound("sixteen_bit.wav", 1, subtype="PCM_16"),
    sound("twenty_four_bit.wav", 2, subtype="PCM_24"),
    sound("thirty_two_bit.wav", 3, subtype="PCM_32"),
    sound("float.wav", 4, subtype="FLOAT"),
    sound("double.wav", 5, subtype="DOUBLE"),
    sound("a_law.wav", 6, subtype="ALAW"),
    sound("adpcm.wav", 7, subtype="IMA_ADPCM"),
    sound("rate_96000.wav", 8, rate=96_000),
    sound("rate_8000.wav", 9, rate=8_000),
    sound("rate_11025.wav", 10, rate=11_025),
    sound("six_channels.wav", 11, samples=np.stack([voice(140 + k) for k in range(6)], axis=1)),
    sound("wave64.wav", 12, format="W64"),
    sound("flac_named_wav.wav", 13, format="FLAC"),
    sound("mp3_named_wav.wav", 14, format="MP3"),
    sound("wav_named_mp3.mp3", 15, format="WAV"),
    sound("aiff_named_wav.wav", 16, format="AIFF"),
    sound("capitals.WAV", 17, format="WAV"),
    sound("louder_than_full_scale.wav", 18, samples=4 * voice(168), subtype="FLOAT"),
    sound("with space.wav", 19),
    sound("quote'd \"twice\".wav", 20),
    sound("comma, semicolon; tab\t.wav", 21),
    sound("two\nlines.wav", 22),
    sound("carriage\rreturn.wav", 23),
    sound("emoji_🎤.wav", 24),
    sound("<img src=x onerror=alert(1)>.wav", 25),
    sound("=1+1.wav", 26),
    sound("nan.wav", 27),
    sound("日本語.wav", 28),
    sound("x" * 246 + ".wav", 29),
    sound("many.dots.in.a.name.wav", 30),
    sound("back\\slash.wav", 31),
    sound("percent%20and$HOME.wav", 32),
    raw("length_of_data_too_large.wav", riff(pcm(voice(171)), length=10_000_000)),
    raw("data_cut_in_the_middle.wav", riff(pcm(voice(172)))[:20_000]),
    raw("streamed_without_length.wav", riff(pcm(voice(173)), length=0xFFFFFFFF)),
]  # fmt: skip
BAD = [
    raw("zero_bytes.wav", b""),
    raw("one_byte.wav", b"R"),
    raw("header_cut.wav", riff(pcm(SPEECH))[:20]),
    raw("header_alone.wav", riff(b"")),
    raw("text.wav", b"this is no sound"),
    raw("web_page.mp3", b"<html><body>log in</body></html>"),
    raw("random_bytes.ogg", np.random.default_rng(0).bytes(5000)),
    raw("unknown_coding.wav", riff(pcm(SPEECH), tag=0x4242)),
    raw("no_channels.wav", riff(pcm(SPEECH), channels=0)),
    raw("picture.flac", b"\x89PNG\r\n\x1a\n" + bytes(100)),
    sound("silent.wav", 0, samples=np.zeros(RATE)),
    sound("nearly_silent.wav", 0, samples=np.full(RATE, 0.0005), subtype="FLOAT"),
    sound("not_a_number.wav", 0, samples=np.full(RATE, np.nan), subtype="FLOAT"),
    sound("infinite.wav", 0, samples=np.where(np.arange(RATE) == 77, np.inf, voice(180)), subtype="FLOAT"),
    sound("fifty_milliseconds.wav", 0, samples=voice(180, seconds=0.05)),
    sound("no_samples.wav", 0, samples=np.zeros(0)),
    ("link_to_itself.wav", lambda path: path.symlink_to(path.name)),
    ("link_to_nothing.wav", lambda path: path.symlink_to("gone.wav")),
    ("pipe.wav", os.mkfifo),
]


def test_each_ends_in_one_of_two_tables(tmp_path, artifacts):
    source = write_corpus(tmp_path / "recordings")
    for name, make in [*GOOD, *BAD]:
        make(source / "female_60" / name)
    Path(os.fsdecode(bytes(source / "female_60") + b"/latin1_\xe9.wav")).write_bytes(riff(pcm(voice(174))))
    (source / "male_41" / "loop").symlink_to(source, target_is_directory=True)
    found, _ = find_sounds(source)

    manifest, rejected = build_manifest("folder", source, artifacts, seed=0)

    assert len(manifest) + len(rejected) == len(found) == 18 + len(GOOD) + len(BAD) + 1
    for table, written in ((manifest, artifacts.manifest), (rejected, artifacts.rejected)):
        again = read_table(written)
        assert again["clip"].tolist() == table["clip"].tolist() and again["path"].tolist() == table["path"].tolist()
    accepted = {Path(path).name for path in manifest["path"]}
    assert {name for name, _ in GOOD} <= accepted
    reasons = {Path(path).name: reason for path, reason in zip(rejected["path"], rejected["reason"], strict=True)}
    assert set(reasons) == {name for name, _ in BAD} | {"latin1_\\xe9.wav"}
    assert all(len(reason) < 200 and "\n" not in reason and "Traceback" not in reason for reason in reasons.values()), reasons
    assert "not valid UTF-8" in reasons["latin1_\\xe9.wav"] and "no regular file" in reasons["pipe.wav"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_without_permission_is_listed(corpus, artifacts):
    (corpus / "female_23" / "0.wav").chmod(0)
    (corpus / "closed").mkdir(mode=0)
    _, rejected = build_manifest("folder", corpus, artifacts, seed=0)
    (corpus / "closed").chmod(0o700)
    assert sorted(rejected["reason"]) == ["can't be read (Permission denied)", "is a folder that can't be opened"]
