import dataclasses
import multiprocessing
import os
import random
import signal
import struct
import time
import zlib

import joblib
import librosa
import numpy as np
import pandas as pd
import pytest
import soundfile
from conftest import RATE, TINY, voice
from PIL import Image

from helpers.base.artifacts import Artifacts, NoRecordingsError, SuiteError, read_json, read_table
from helpers.base.settings import PROFILES, SpectrogramSettings
from helpers.evaluation.scores import read_classes
from helpers.recordings.manifest import build_manifest, reject
from helpers.spectrograms.batches import pictures
from helpers.spectrograms.convert import convert, read_note
from helpers.spectrograms.mel import from_image, load_audio, load_excerpt, mel_spectrogram_db, to_image

SETTINGS = SpectrogramSettings(sample_rate=RATE, mel_bins=64)


@pytest.fixture
def converted(corpus, artifacts):
    manifest, _ = build_manifest("folder", corpus, artifacts, seed=0)
    assert convert(manifest, artifacts, settings=SETTINGS, profile="quick").empty
    return manifest


def stamps(artifacts):
    return {path: path.stat().st_mtime_ns for path in artifacts.spectrograms.rglob("*.png")}


def librosas(samples, settings):
    power = librosa.feature.melspectrogram(
        y=samples, sr=settings.sample_rate, n_fft=settings.n_fft, hop_length=settings.hop_length, n_mels=settings.mel_bins,
        fmin=settings.fmin, fmax=settings.fmax,
    )  # fmt: skip
    return librosa.power_to_db(power, ref=np.max, top_db=settings.dynamic_range_db)


ALL_KINDS = [
    PROFILES["quick"].spectrogram,
    PROFILES["paper"].spectrogram,
    SpectrogramSettings(sample_rate=8000, n_fft=255, hop_length=300, mel_bins=20, fmin=300.0, fmax=3400.0, dynamic_range_db=60.0),
]


@pytest.mark.filterwarnings("ignore:n_fft=.* is too large")  # librosa of the shortest
@pytest.mark.parametrize("settings", ALL_KINDS)
@pytest.mark.parametrize("samples", [1, 100, 1024, 30_011])
def test_the_spectrogram_is_librosas_on_random_signals(rng, settings, samples):
    for signal_ in (rng.normal(size=samples), rng.uniform(-1, 1, samples) * np.linspace(0, 1, samples) ** 4):
        signal_ = signal_.astype(np.float32)
        ours = mel_spectrogram_db(signal_, settings=settings)
        assert ours.shape == (settings.mel_bins, 1 + samples // settings.hop_length)
        assert np.abs(ours - librosas(signal_, settings)).max() < 0.1


@pytest.mark.parametrize("settings", ALL_KINDS)
def test_the_spectrogram_is_librosas_on_speech(emodb, settings):
    for path in sorted((emodb / "wav").glob("*.wav"))[::40]:
        samples, _ = librosa.load(path, sr=settings.sample_rate)
        assert np.array_equal(load_audio(path, sample_rate=settings.sample_rate), samples)
        assert np.abs(mel_spectrogram_db(samples, settings=settings) - librosas(samples, settings)).max() < 0.1


def test_stereo_of_another_rate_is_read_as_librosa_reads_it(rng, tmp_path):
    soundfile.write(tmp_path / "a.flac", rng.uniform(-1, 1, (5000, 2)), 44_100)
    samples, _ = librosa.load(tmp_path / "a.flac", sr=RATE)
    assert np.allclose(load_audio(tmp_path / "a.flac", sample_rate=RATE), samples, atol=1e-6)


def test_a_lesson_shows_all_of_a_clip_or_its_loudest_ten_seconds(tmp_path):
    soundfile.write(tmp_path / "short.wav", voice(200, seconds=0.29), RATE)
    assert len(load_excerpt(tmp_path / "short.wav", sample_rate=RATE)) == int(0.29 * RATE)
    for start in (0, 33, 50):  # silent in its first half, or all but its end
        samples = np.zeros(60 * 8000)
        samples[start * 8000 : (start + 10) * 8000] = 0.1 * voice(200, seconds=10, rate=8000)
        soundfile.write(tmp_path / "long.flac", samples, 8000)
        shown = load_excerpt(tmp_path / "long.flac", sample_rate=RATE)
        assert len(shown) == 10 * RATE and np.std(shown) == pytest.approx(np.std(samples) * np.sqrt(6), rel=0.01)
    with pytest.raises(SuiteError, match=r"gone\.wav can't be read .*run notebooks/01_download"):
        load_excerpt(tmp_path / "gone.wav", sample_rate=RATE)


def test_the_picture_is_the_spectrogram_in_8_bits(converted, artifacts):
    row = converted.iloc[0]
    decibels = librosas(load_audio(artifacts.audio(row["path"]), sample_rate=RATE), SETTINGS)
    picture = np.asarray(Image.open(artifacts.image(row["clip"])))
    assert picture.shape == decibels.shape
    assert np.abs(picture[::-1] / 255 * 80 - 80 - decibels).max() < 0.5 * 80 / 255 + 0.1


@pytest.mark.parametrize("colour", [False, True])
def test_a_picture_turns_back_into_its_spectrogram(colour):
    settings = dataclasses.replace(SETTINGS, colour=colour)
    decibels = mel_spectrogram_db(voice(200), settings=settings)
    assert np.abs(from_image(to_image(decibels, settings=settings), settings=settings) - decibels).max() < 0.51 * 80 / 255
    squeezed = dataclasses.replace(settings, image_size=224)
    back = from_image(to_image(decibels, settings=squeezed), settings=squeezed, frames=decibels.shape[1])
    assert back.shape == decibels.shape and np.abs(back - decibels).mean() < 3  # stretched and shrunk


@pytest.mark.parametrize("gain", [0.01, 3.0])
def test_a_change_of_level_changes_nothing(gain):
    samples = voice(200).astype(np.float32)
    pictures = [
        to_image(mel_spectrogram_db(factor * samples, settings=SETTINGS), settings=SETTINGS).astype(int) for factor in (1, gain)
    ]
    assert np.abs(pictures[0] - pictures[1]).max() <= 1


def test_low_frequencies_are_at_the_bottom():
    tone = np.sin(2 * np.pi * 200 * np.arange(RATE) / RATE)
    picture = to_image(mel_spectrogram_db(tone, settings=SETTINGS), settings=SETTINGS)
    assert picture.mean(axis=1).argmax() > 0.8 * len(picture)


def test_paper_makes_square_colour_pictures():
    settings = PROFILES["paper"].spectrogram
    decibels = mel_spectrogram_db(voice(200, rate=settings.sample_rate), settings=settings)
    assert to_image(decibels, settings=settings).shape == (224, 224, 3)


def test_a_second_run_redoes_nothing(converted, artifacts):
    before = stamps(artifacts)
    convert(converted, artifacts, settings=SETTINGS, profile="quick")
    assert stamps(artifacts) == before and len(before) == 18


def test_what_changed_is_redone_and_nothing_else(converted, artifacts):
    before = stamps(artifacts)
    changed, cut, spoilt, gone = (artifacts.image(converted.iloc[number]["clip"]) for number in range(4))
    artifacts.audio(converted.iloc[0]["path"]).write_bytes(artifacts.audio(converted.iloc[4]["path"]).read_bytes())
    cut.write_bytes(cut.read_bytes()[:-20])
    middle = len(spoilt.read_bytes()) // 2
    spoilt.write_bytes(spoilt.read_bytes()[:middle] + b"?" + spoilt.read_bytes()[middle + 1 :])
    gone.unlink()
    convert(converted, artifacts, settings=SETTINGS, profile="quick")
    after = stamps(artifacts)
    assert {path for path in after if after[path] != before[path]} == {changed, cut, spoilt, gone}


def test_other_settings_redo_everything_and_a_clip_that_left_takes_its_picture_along(converted, artifacts):
    before = stamps(artifacts)
    other = dataclasses.replace(SETTINGS, hop_length=200)
    convert(converted.iloc[1:], artifacts, settings=other, profile="quick")
    after = stamps(artifacts)
    assert len(after) == 17 and all(after[path] != before[path] for path in after)
    assert read_json(artifacts.spectrogram_settings)["settings"]["hop_length"] == 200


def test_labelling_anew_makes_no_picture_again(converted, artifacts):
    before = stamps(artifacts)
    convert(converted.assign(label="../../escaped"), artifacts, settings=SETTINGS, profile="quick")
    assert stamps(artifacts) == before and not list(artifacts.folder.parent.rglob("escaped"))


def test_a_picture_says_what_it_is(converted, artifacts):
    row = converted.iloc[0]
    note = read_note(artifacts.image(row["clip"]))
    assert note["clip"] == row["clip"] and "label" not in note
    assert SpectrogramSettings(**note["settings"]) == SETTINGS


@pytest.mark.parametrize(
    ("samples", "reason"),
    [
        (None, "can't be read as sound (Format not recognised)"),
        ([], "is empty (no samples)"),
        ([0.1, float("nan")] * 5000, "has samples that are not numbers"),
    ],
)
def test_one_bad_clip_is_a_row_of_the_rejected_and_does_not_stop_the_rest(converted, artifacts, samples, reason):
    row = converted.iloc[5]
    if samples is None:
        artifacts.audio(row["path"]).write_bytes(b"no sound any more")
    else:
        soundfile.write(artifacts.audio(row["path"]), samples, RATE, subtype="FLOAT")
    failed = convert(converted, artifacts, settings=SETTINGS, profile="quick")
    assert len(stamps(artifacts)) == 17
    reject(artifacts, failed)
    rejected = read_table(artifacts.rejected)
    assert rejected[["clip", "path", "label"]].to_numpy().tolist() == [row[["clip", "path", "label"]].tolist()]
    assert rejected["reason"][0] == reason


def test_no_clip_at_all_is_one_sentence(converted, artifacts):
    for path in converted["path"]:
        artifacts.audio(path).unlink()
    with pytest.raises(SuiteError, match="Not one of 18 clips could be converted"):
        convert(converted, artifacts, settings=SETTINGS, profile="quick")
    with pytest.raises(SuiteError, match=r"no clip to convert in .*folder: look at the reasons in .*rejected\.csv"):
        convert(converted.iloc[:0], artifacts, settings=SETTINGS, profile="quick")


def test_without_recordings_the_images_stay(converted, artifacts, capsys):
    before, note = stamps(artifacts), read_json(artifacts.spectrogram_settings)
    artifacts.location.unlink()
    failed = convert(converted, artifacts, settings=SETTINGS, profile="quick")
    assert failed.empty and list(failed) == ["clip", "path", "label", "reason"]
    assert stamps(artifacts) == before and read_json(artifacts.spectrogram_settings) == note
    said = capsys.readouterr().out
    assert "The recordings of folder are not on this machine yet" in said and "The 18 spectrogram images stay as they are." in said


def test_without_recordings_no_other_images_can_be_made(converted, artifacts):
    before = stamps(artifacts)
    artifacts.location.unlink()
    other = dataclasses.replace(SETTINGS, mel_bins=32)
    with pytest.raises(
        NoRecordingsError, match=r"not on this machine yet.* 18 of 18 clips have no spectrogram image with these settings"
    ):
        convert(converted, artifacts, settings=other, profile="quick")
    artifacts.image(converted["clip"].iloc[0]).write_bytes(b"cut off")
    with pytest.raises(NoRecordingsError, match="1 of 18 clips have no spectrogram image"):
        convert(converted, artifacts, settings=SETTINGS, profile="quick")
    assert set(stamps(artifacts)) == set(before)


def test_real_speech_is_resampled_to_mono(emodb):
    path = sorted((emodb / "wav").glob("*.wav"))[0]
    samples = load_audio(path, sample_rate=8000)
    assert samples.ndim == 1 and samples.dtype == np.float32 and 0.5 * 8000 < len(samples) < 10 * 8000


def contents(artifacts):
    folder = artifacts.spectrograms
    return {path.relative_to(folder): path.is_file() and path.read_bytes() for path in folder.rglob("*")}


def test_what_a_killed_run_left_is_cleared(converted, artifacts):
    before = contents(artifacts)
    (artifacts.spectrograms / "female_99").mkdir()
    (artifacts.spectrograms / "female_99" / ".writing-1-abc.png").write_bytes(b"half")
    convert(converted, artifacts, settings=SETTINGS, profile="quick")
    assert contents(artifacts) == before


def written(artifacts):
    return sum(name.endswith(".png") for _, _, names in os.walk(artifacts.spectrograms) for name in names)


def run_in_a_child(started, *arguments, **settings):
    started.set()
    convert(*arguments, **settings)


@pytest.mark.long
def test_killed_twenty_times_at_random_moments_the_folder_ends_the_same(converted, artifacts, tmp_path):
    many = pd.concat([converted.assign(clip=converted["clip"] + f"-{number}") for number in range(20)])
    settings = {"settings": SETTINGS, "profile": "quick", "workers": 1}
    convert(many, artifacts, **settings)

    other, chance = Artifacts(tmp_path / "killed"), random.Random(0)
    other.locate_corpus(artifacts.corpus())
    context = multiprocessing.get_context("forkserver")  # children that have imported everything already
    context.set_forkserver_preload(
        ["helpers.spectrograms.convert", "helpers.recordings.manifest", "helpers.base.settings", "librosa.filters", "pytest"]
    )
    codes = []
    for _ in range(20):
        begun = context.Event()
        child = context.Process(target=run_in_a_child, args=(begun, many, other), kwargs=settings)
        child.start()
        begun.wait()
        enough = written(other) + chance.randint(0, len(many) // 25)  # after 20 children, 80% of all at most
        while written(other) < enough and child.is_alive():
            time.sleep(0.01)
        child.kill()
        child.join()
        codes.append(child.exitcode)
    assert codes.count(-signal.SIGKILL) >= 10
    convert(many, other, **settings)
    assert contents(other) == contents(artifacts)


@pytest.mark.slow
def test_a_dask_cluster_gives_the_same_folder_with_no_change_of_code(converted, artifacts, tmp_path):
    distributed = pytest.importorskip("distributed")
    other = Artifacts(tmp_path / "cluster")
    other.locate_corpus(artifacts.corpus())
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
        joblib.parallel_config(backend="dask"),
    ):
        assert convert(converted, other, settings=SETTINGS, profile="quick").empty
        workers = client.run(os.getpid)
    assert len(set(workers.values()) - {os.getpid()}) == 2
    assert contents(other) == contents(artifacts)


def bomb(width, height, text=b"note\0{}"):
    """A PNG that claims to be large, with a text; its few bytes hold no picture."""

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = [(b"IHDR", head), (b"tEXt", text), (b"IDAT", zlib.compress(b"")), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


@pytest.mark.parametrize(
    "content",
    [bomb(20_000, 20_000), bomb(2**31 - 1, 32), bomb(9, 9, b"note\0" + b"[" * 50_000), bomb(9, 9, b"note\0[1]"), b"", b"GIF89a"],
)
def test_a_picture_bomb_is_refused_in_training_and_made_anew(corpus, artifacts, content):
    manifest, _ = build_manifest("folder", corpus, artifacts, seed=0)
    convert(manifest, artifacts, settings=TINY.spectrogram, profile="quick", workers=1)
    image = artifacts.image(manifest["clip"].iloc[0])
    before = image.read_bytes()
    image.write_bytes(content)
    assert read_note(image) == {}
    with pytest.raises(SuiteError, match=r"\.png (can't be read|has height 9 instead of 32): delete it, then run notebooks/02"):
        pictures(manifest, artifacts, classes=read_classes(artifacts), profile=TINY)
    convert(manifest, artifacts, settings=TINY.spectrogram, profile="quick", workers=1)
    assert image.read_bytes() == before
