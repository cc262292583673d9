"""One reader of sound: every format that a folder of recordings may hold gives its samples, or the true reason."""

import io
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
import soundfile
from conftest import RATE, voice
from scipy.signal import correlate

from helpers.recordings import containers, decoding
from helpers.recordings.containers import UnusableSoundError
from helpers.recordings.sounds import inspect_sound, read_sound

SPEECH = voice(150, seconds=3).astype(np.float32)
needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not on the path: apt-get install ffmpeg")


def content(samples=SPEECH, *, rate=RATE, **options) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, **({"format": "WAV"} | options))
    return buffer.getvalue()


def alike(samples, other) -> float:
    """Correlation where the two fit best: lossy formats begin a little earlier or later."""
    return correlate(samples, other, method="fft").max() / np.sqrt((samples**2).sum() * (other**2).sum())


WAV_SUBTYPES = sorted(set(soundfile.available_subtypes("WAV")) - {"MPEG_LAYER_III"})  # which libsndfile writes and can't read
FORMATS = [("WAV", subtype) for subtype in WAV_SUBTYPES]
FORMATS += [("RF64", "PCM_16"), ("W64", "PCM_24"), ("WAVEX", "FLOAT"), ("FLAC", "PCM_16"), ("FLAC", "PCM_24"), ("OGG", "VORBIS")]
FORMATS += [("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III"), ("AIFF", "PCM_16"), ("AIFF", "FLOAT"), ("AU", "ULAW"), ("AU", "PCM_16")]
FORMATS += [("CAF", "PCM_16"), ("CAF", "ALAC_16"), ("NIST", "PCM_16")]


@pytest.mark.parametrize(("form", "subtype"), FORMATS)
def test_every_format_gives_the_same_sound_from_a_file_of_any_name_and_from_memory(tmp_path, form, subtype):
    rate = 8000 if subtype in ("GSM610", "G721_32") or subtype.startswith("NMS") else RATE
    speech = voice(150, seconds=3, rate=rate)
    path = tmp_path / "a.txt"
    path.write_bytes(content(speech, rate=rate, format=form, subtype=subtype))
    sound = read_sound(path)
    assert sound.sample_rate == rate and sound.duration_s == pytest.approx(3, abs=0.1) and sound.note == ""
    assert alike(sound.samples, speech.astype(np.float32)) > 0.95
    assert np.array_equal(read_sound(path.read_bytes()).samples, sound.samples)
    assert inspect_sound(path).reason == ""


def test_reading_on_gives_the_samples_that_reading_at_once_gives():
    for options in ({"format": "MP3"}, {"format": "OGG", "subtype": "VORBIS"}, {"format": "FLAC"}):
        whole, _ = soundfile.read(io.BytesIO(content(**options)), dtype="float32")
        assert np.allclose(read_sound(content(**options)).samples, whole, atol=1e-6), options


def without_length(flac: bytes) -> bytes:
    """A FLAC file as an encoder writes it into a pipe: STREAMINFO's 36 bits of the number of samples are 0 (RFC 9639, 8.2)."""
    return flac[:21] + bytes([flac[21] & 0xF0]) + bytes(4) + flac[26:]


MP3 = content(format="MP3")
TAG = b"ID3\x04\0\0\0\0\x10\0" + bytes(2048)


@pytest.mark.parametrize(
    "given",
    [
        without_length(content(format="FLAC")), bytes(2000) + MP3, TAG + MP3, TAG + TAG + MP3, TAG + bytes(3000) + MP3,
        MP3 + b"TAG" + bytes(125), np.random.default_rng(1).bytes(500) + MP3,
    ],
    ids=["FLAC without length", "zeros before", "tag", "two tags", "tag and zeros", "tag behind", "other bytes before"],
)  # fmt: skip
def test_what_stands_around_a_sound_does_not_matter(given):
    sound = read_sound(given)
    assert sound.duration_s == pytest.approx(3, abs=0.05) and alike(sound.samples, SPEECH) > 0.99 and sound.note == ""


@needs_ffmpeg
def test_an_mp3_of_variable_bitrate_without_its_length_is_read_to_its_end(tmp_path):
    time = np.arange(3 * RATE) / RATE
    (tmp_path / "a.wav").write_bytes(content((SPEECH * (time > 1)).astype(np.float32)))  # frames of silence come first
    for options in (["-id3v2_version", "0"], ["-id3v2_version", "3", "-metadata", "title=A"], ["-ac", "2"], ["-ar", "44100"]):
        path = tmp_path / "a.mp3"
        command = ["ffmpeg", "-v", "error", "-y", "-i", tmp_path / "a.wav", "-q:a", "4", "-write_xing", "0", *options, path]
        subprocess.run(command, check=True)
        sound = read_sound(path)
        assert sound.duration_s == pytest.approx(3.05, abs=0.06) and sound.note == "", options
        middle = path.stat().st_size // 2
        path.write_bytes(path.read_bytes()[:middle] + bytes(100) + path.read_bytes()[middle + 100 :])
        assert "the MP3 decoder says" in read_sound(path).note


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_a_short_ogg_file_does_not_break_off(subtype):
    for seconds in (0.15, 0.3, 0.6, 1.1, 2):
        given = content(voice(150, seconds=seconds), format="OGG", subtype=subtype)
        assert inspect_sound(given).note == "" and inspect_sound(given + b"TAG" + bytes(125)).note == ""
        assert inspect_sound(given[:-10]).note.endswith("its end is missing") or inspect_sound(given[:-10]).reason


def half(given: bytes) -> bytes:
    return given[: len(given) // 2]


def damaged(given: bytes, *, zeros: int = 300) -> bytes:
    middle = len(given) // 2
    return given[:middle] + bytes(zeros) + given[middle + zeros :]


@pytest.mark.parametrize(
    ("given", "note"),
    [
        (content()[:48_000], "breaks off after 1.50 s: its header promises more"),
        (content(format="AIFF")[:48_000], "breaks off after 1.50 s: its header promises more"),
        (content(format="AU")[:48_000], "breaks off after 1.50 s: its header promises more"),
        (content(format="W64")[:48_000], "breaks off after 1.50 s: its header promises more"),
        (content(format="RF64")[:48_000], "breaks off after 1.50 s: its header promises more"),
        (damaged(content(format="FLAC")), r"breaks off: 1.\d\d of 3.00 s can be read \(flac decoder lost sync\)"),
        (content(format="FLAC")[:20_000], r"breaks off: 0.\d\d of 3.00 s can be read \(flac decoder lost sync\)"),
        (half(MP3), "breaks off: 1.4. of 3.00 s can be read; the MP3 decoder says: Xing stream size off"),
        (damaged(MP3), "the MP3 decoder says: "),
        (half(content(format="OGG", subtype="OPUS")), "breaks off after"),
        (damaged(content(format="OGG", subtype="OPUS"), zeros=50), "breaks off: .* of 3.00 s can be read"),
        (2 * content(format="OGG", subtype="VORBIS"), "holds several streams: only the first is used"),
    ],
)
def test_a_short_read_is_never_taken_for_a_full_one(given, note):
    facts = inspect_sound(given)
    assert facts.reason == "" and re.match(note, facts.note), facts
    assert 0 < facts.duration_s <= 3.01 and "0x7f" not in facts.note and "libmpg123" not in facts.note


def test_what_the_mp3_decoder_says_does_not_reach_the_screen(capfd):
    assert "MP3 decoder says" in read_sound(damaged(MP3)).note
    assert capfd.readouterr() == ("", "")


def stereo(left, right, *others):
    return content(np.stack([left, right, *others], axis=1), subtype="FLOAT")


def test_the_mean_of_the_channels_is_used_unless_it_has_lost_the_voice():
    quiet = np.zeros_like(SPEECH)
    assert np.allclose(read_sound(stereo(SPEECH, 0.5 * SPEECH)).samples, 0.75 * SPEECH)
    one_sided = read_sound(stereo(SPEECH, quiet))  # 6 dB
    assert np.allclose(one_sided.samples, SPEECH / 2) and one_sided.note == ""
    opposite = read_sound(stereo(0.5 * SPEECH, -0.6 * SPEECH))
    assert np.allclose(opposite.samples, -0.6 * SPEECH)
    assert opposite.note == "channel 2 of 2 alone: the mean of all is at least 10 dB quieter"
    six = read_sound(stereo(quiet, quiet, SPEECH, quiet, quiet, quiet))  # 15.6 dB
    assert np.allclose(six.samples, SPEECH) and six.note.startswith("channel 3 of 6 alone")
    shifted = read_sound(stereo(SPEECH, quiet + 0.9))  # a constant is no sound, however large
    assert np.allclose(shifted.samples, (SPEECH + 0.9) / 2, atol=1e-6) and shifted.note == ""


def test_a_mean_10_db_below_the_louder_channel_is_where_that_channel_is_taken():
    for balance, note in ((0.30, True), (0.38, False)):  # (1 - b) / 2 against 1: 9.1 dB and 10.2 dB below
        mean = 20 * np.log10((1 - balance) / 2)
        assert (read_sound(stereo(SPEECH, -balance * SPEECH)).note != "") == (mean <= -10) != note


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (b"", "is empty (0 bytes)"),
        (content(np.zeros(0)), "is empty (no samples)"),
        (content(np.zeros(RATE)), "is silent (no sample is louder than a thousandth of full scale)"),
        (content(np.full(RATE, 0.5)), "is a constant (0.5 of full scale), without any sound"),
        (content(voice(150, rate=2000), rate=2000), "has a sample rate of 2000 Hz; a recording of speech has at least 4000"),
        (content(voice(150, seconds=0.09)), "is too short (0.090 s; at least 0.1 s are needed)"),
        (content(np.full(RATE, np.nan), subtype="FLOAT"), "has samples that are not numbers"),
        (content(1e20 * SPEECH, subtype="FLOAT"), "times full scale"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "is a Git LFS pointer, not the sound: run"),
        (b"<!DOCTYPE html><html>", "is a web page, not a sound"),
        (b"\x89PNG\r\n\x1a\n" + bytes(99), "is a picture, not a sound"),
        (b"PK\x03\x04" + bytes(99), "is a packed archive, not a sound: unpack it"),
        (bytes(5000), "holds nothing but zeros: copy or download it again"),
        (b"this is no sound", "can't be read as sound (Format not recognised)"),
    ],
)
def test_what_is_no_speech_is_refused_with_its_reason(given, reason):
    assert reason in inspect_sound(given).reason
    with pytest.raises(UnusableSoundError):
        read_sound(given)


def test_of_a_long_sound_the_start_is_used_and_no_more_is_decoded(tmp_path, monkeypatch):
    path = tmp_path / "long.flac"
    with soundfile.SoundFile(path, "w", 8000, 1) as file:  # an hour in a megabyte
        for _ in range(360):
            file.write(0.5 * np.sin(np.arange(80_000) / 5))
    read = []
    real = decoding.Stream.read
    monkeypatch.setattr(
        decoding.Stream, "read", lambda stream, frames, **options: read.append(frames) or real(stream, frames, **options)
    )
    facts = inspect_sound(path)
    assert facts.duration_s == 300 and facts.note == "is longer than 300 s: the rest is not used"
    assert sum(read) == 300 * 8000
    assert inspect_sound(path, longest_s=10).duration_s == 10 and inspect_sound(path, longest_s=3600).note == ""


M4A = b"\0\0\0\x20ftypM4A \0\0\0\0M4A mp42isom\0\0\0\0" + bytes(range(256)) * 40


def test_without_ffmpeg_the_reason_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(containers.shutil, "which", lambda name: None)
    for name, kind in (("a.m4a", "is M4A,"), ("voice_memo.mp3", "is M4A, not MP3,")):
        (tmp_path / name).write_bytes(M4A)
        assert inspect_sound(tmp_path / name).reason == f"{kind} which needs ffmpeg to be read: install ffmpeg, or save it as WAV"


@needs_ffmpeg
def test_what_ffmpeg_can_not_decode_has_a_reason_that_is_the_same_each_time(tmp_path):
    (tmp_path / "voice_memo.mp3").write_bytes(M4A)
    reasons = {inspect_sound(tmp_path / "voice_memo.mp3").reason for _ in range(3)}
    (reason,) = reasons
    assert reason.startswith("is M4A, not MP3, and ffmpeg can't decode it (") and str(tmp_path) not in reason and "0x" not in reason


@needs_ffmpeg
@pytest.mark.parametrize(
    ("name", "coding"),
    [
        ("a.m4a", []),
        ("a.mp4", []),
        ("a.3gp", ["-c:a", "aac"]),
        ("a.aac", []),
        ("a.wma", []),
        ("a.webm", ["-c:a", "libopus"]),
        ("a.mka", []),
        ("a.spx", []),
        ("a.oga", ["-c:a", "flac"]),
    ],
)  # fmt: skip
def test_ffmpeg_reads_what_libsndfile_can_not(tmp_path, name, coding):
    (tmp_path / "a.wav").write_bytes(content())
    path = tmp_path / name
    done = subprocess.run(["ffmpeg", "-v", "error", "-i", tmp_path / "a.wav", *coding, path], capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"this ffmpeg can't write {name}: {done.stderr.decode()[:100]}")
    sound = read_sound(path)
    assert sound.duration_s == pytest.approx(3, abs=0.15) and sound.note == "" and sound.lossy
    assert np.array_equal(read_sound(path.read_bytes()).samples, sound.samples)
    if sound.sample_rate == RATE:
        assert alike(sound.samples, SPEECH) > (0.5 if name == "a.spx" else 0.9)  # Speex keeps no waveform
    assert inspect_sound(path, longest_s=1).note == "is longer than 1 s: the rest is not used"
    odd = path.rename(tmp_path / "-i concat:a|b.wav")
    assert inspect_sound(odd).reason == ""
    path.write_bytes(odd.read_bytes()[: odd.stat().st_size // 2])
    cut = inspect_sound(path)
    assert cut.reason or cut.note or cut.duration_s < 2.5


@needs_ffmpeg
def test_a_film_without_sound_is_said_to_be_one(tmp_path):
    path = tmp_path / "a.mp4"
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=d=1:s=64x64", "-pix_fmt", "yuv420p", path], check=True)
    assert inspect_sound(path).reason == "is MP4, and holds no sound"


@needs_ffmpeg
def test_an_ffmpeg_that_dies_says_how(tmp_path, monkeypatch):
    (tmp_path / "ffmpeg").write_text("#!/bin/sh\nkill -SEGV $$\n")
    (tmp_path / "ffmpeg").chmod(0o755)
    monkeypatch.setattr(containers.shutil, "which", lambda name: str(tmp_path / "ffmpeg"))
    assert inspect_sound(M4A).reason == "is M4A, and ffmpeg can't decode it (was ended by signal 11 (SIGSEGV))"


def test_memory_that_is_lacking_is_a_reason(monkeypatch):
    def refuse(*arguments, **options):
        raise MemoryError

    monkeypatch.setattr(decoding.Stream, "read", refuse)
    assert inspect_sound(content()).reason == "needs more memory to be read than this machine has"


def test_a_thousand_channels_take_no_more_memory_than_one(monkeypatch):
    read, real = [], decoding.Stream.read

    def spy(stream, frames, **options):
        read.append(frames * stream.channels)
        return real(stream, frames, **options)

    monkeypatch.setattr(decoding.Stream, "read", spy)
    many = np.zeros((RATE // 2, 1024), np.float32)
    many[:, 5] = SPEECH[: RATE // 2]
    sound = read_sound(content(many, subtype="PCM_16"))
    assert sound.note.startswith("channel 6 of 1024 alone") and alike(sound.samples, SPEECH[: RATE // 2]) > 0.99
    assert max(read) <= 8 * decoding.BLOCK


def test_damaged_headers_and_floats_print_nothing(capfd, recwarn, monkeypatch):
    ignored = []
    monkeypatch.setattr(sys, "unraisablehook", ignored.append)  # Python's own prints a traceback
    floats = bytearray(content(np.stack([SPEECH, SPEECH], axis=1), subtype="DOUBLE"))
    floats[3007::4000] = b"\x7f" * len(floats[3007::4000])
    assert re.match("has samples (of|that are no)", inspect_sound(bytes(floats)).reason)
    given = content(SPEECH[:2000], format="AIFF")
    inspect_sound(given[:31] + b"\xff" * 8 + given[39:])  # libsndfile seeks to before its start
    assert capfd.readouterr() == ("", "") and not recwarn.list and not ignored
