"""`make bench`: how fast the suite is on this machine (command line).

python -m helpers.suite.bench                     all benchmarks
python -m helpers.suite.bench conversion          only these

Each benchmark is a function that gives one object of numbers; `bench.json` in the artifacts folder keeps the last of each.
A new one is a function named in `BENCHMARKS`. TensorFlow is imported by those that need it alone, when they run.
"""

import argparse
import contextlib
import io
import shutil
import tempfile
import time
from collections.abc import Callable
from functools import partial, reduce
from itertools import cycle, islice
from operator import or_
from pathlib import Path

import librosa
import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import scipy.fft
import soundfile
from PIL import Image

from helpers.base import machine
from helpers.base.artifacts import Artifacts, read_json, write_json
from helpers.base.settings import Corpus, SpectrogramSettings
from helpers.recordings.voices import synthesise
from helpers.spectrograms.convert import convert, encode
from helpers.spectrograms.mel import FRAMES_A_BLOCK, frames_of, load_audio, picture
from helpers.suite.bench_scale import in_own_process, scale
from helpers.suite.bench_training import batch_normalisation, input_wait, interleaved, onednn, pipeline, ratio, training

# Speech of 2.8 s at 16 kHz, 224 x 224 grey pictures of `quick`'s spectrogram.
SETTINGS = SpectrogramSettings(image_size=224)
SECONDS, CLIPS, ROUNDS = 2.8, 300, 5


def bench_clips(folder: Path) -> list[Path]:
    """Synthetic speech cut into clips of equal length, as 16-bit WAV."""
    spoken = synthesise(folder / "voices", corpus=Corpus(speakers=1, sentences=16))
    speech = np.concatenate([load_audio(path, sample_rate=SETTINGS.sample_rate) for path in sorted(spoken.rglob("*.wav"))])
    length = round(SECONDS * SETTINGS.sample_rate)
    paths = [folder / f"{number}.wav" for number in range(CLIPS)]
    for number, path in enumerate(paths):
        soundfile.write(path, speech[number * length : (number + 1) * length], SETTINGS.sample_rate, "PCM_16")
    return paths


def conversion() -> dict[str, float]:
    """Clips a second from sound to PNG, five ways, in turn, on the same clips: the median of five rounds, and ratios' spread.

    `tutorial` is what most tutorials do, `plain_loop` the same libraries without a figure, `one_core` and `all_cores` are
    `helpers.spectrograms.convert` with everything it checks and writes. `floor` is what cannot be left out: reading, a bare
    real FFT of the same frames, packing the finished picture with the fastest compressing PNG encoder that was found
    (`encode` of that module). Each way is run on a few clips first, so that imports and the start of workers are not counted.
    The files lie in memory where the system has a place for that (Linux's /dev/shm), so that no disk is measured.
    """
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        paths = bench_clips(Path(folder))
        pictures = [picture(load_audio(path, sample_rate=SETTINGS.sample_rate), settings=SETTINGS) for path in paths]
        ways: dict[str, Callable[[int, Path], None]] = {
            "tutorial": lambda clips, out: [tutorial(path, out / f"{path.stem}.png") for path in paths[:clips]],
            "plain_loop": lambda clips, out: [plain(path, out / f"{path.stem}.png") for path in paths[:clips]],
            "one_core": lambda clips, out: convert_paths(paths[:clips], out, workers=1),
            "all_cores": lambda clips, out: convert_paths(paths[:clips], out, workers=-1),
            "floor": lambda clips, _: [floor(*pair) for pair in zip(paths[:clips], pictures, strict=False)],
        }
        rates = interleaved({name: partial(clips_per_second, way, folder) for name, way in ways.items()}, rounds=ROUNDS)
    ratios = (ratio(rates, *pair) for pair in (("all_cores", "tutorial"), ("all_cores", "one_core"), ("one_core", "floor")))
    return reduce(or_, ratios, rates.median().round(1).to_dict())


def clips_per_second(way: Callable[[int, Path], None], folder: str) -> float:
    """Of a conversion, called the second time."""
    for clips in (40, CLIPS):
        out = Path(tempfile.mkdtemp(dir=folder))
        started = time.perf_counter()
        way(clips, out)
        seconds = time.perf_counter() - started
        shutil.rmtree(out)
    return CLIPS / seconds


def tutorial(path: Path, target: Path) -> None:
    """librosa.load, melspectrogram, specshow, savefig: a picture of 224 x 224."""
    samples, rate = librosa.load(path, sr=None)
    power = librosa.feature.melspectrogram(y=samples, sr=rate, n_fft=1024, hop_length=160, n_mels=96, fmin=50, fmax=8000)
    figure = plt.figure(figsize=(2.24, 2.24), dpi=100)
    plt.axis("off")
    librosa.display.specshow(librosa.power_to_db(power, ref=np.max), sr=rate, hop_length=160, x_axis="time", y_axis="mel")
    plt.savefig(target)
    plt.close(figure)


def plain(path: Path, target: Path) -> None:
    """soundfile, librosa, Pillow with their defaults."""
    samples, rate = soundfile.read(path, dtype="float32")
    power = librosa.feature.melspectrogram(y=samples, sr=rate, n_fft=1024, hop_length=160, n_mels=96, fmin=50, fmax=8000)
    decibels = librosa.power_to_db(power, ref=np.max)
    grey = np.round((1 + decibels[::-1] / 80) * 255).astype(np.uint8)
    Image.fromarray(grey).resize((224, 224), Image.Resampling.BILINEAR).save(target)


def floor(path: Path, picture: np.ndarray) -> None:
    """Read, transform, pack: nothing of it is kept."""
    samples, _ = soundfile.read(path, dtype="float32")
    frames = frames_of(samples, settings=SETTINGS)
    for start in range(0, len(frames), FRAMES_A_BLOCK):
        scipy.fft.rfft(frames[start : start + FRAMES_A_BLOCK])
    encode(picture)


def convert_paths(paths: list[Path], folder: Path, *, workers: int) -> None:
    """Our conversion, of any files; the same file may come more than once."""
    clips = [f"{number}" for number in range(len(paths))]
    manifest = pd.DataFrame({"clip": clips, "path": [str(path) for path in paths], "label": "voice"})
    artifacts = Artifacts(folder)
    artifacts.locate_corpus(folder)  # the paths are whole ones
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        failed = convert(manifest, artifacts, settings=SETTINGS, profile="bench", workers=workers)
    assert failed.empty, failed


def conversion_memory_mib() -> dict[str, float]:
    """Peak memory in MiB of the process that converts and of its largest worker, by number of clips (Linux)."""
    with tempfile.TemporaryDirectory() as folder:
        bench_clips(Path(folder))
        found = {clips: in_own_process(f"convert_many({folder!r}, {clips})", module=__spec__.name) for clips in (500, 5000)}
    return {f"{name}_{clips}": found[clips][place] for clips in found for name, place in (("main", 1), ("worker", 2))}


def convert_many(folder: str, clips: int) -> None:
    """Convert the sounds in a folder again and again, until there are so many clips."""
    paths = islice(cycle(sorted(Path(folder).glob("*.wav"))), clips)
    convert_paths(list(paths), Path(folder) / f"memory-{clips}", workers=-1)


BENCHMARKS: dict[str, Callable[[], dict[str, float]]] = {
    benchmark.__name__: benchmark
    for benchmark in (conversion, conversion_memory_mib, scale, pipeline, input_wait, training, batch_normalisation, onednn)
}


def main(arguments: list[str] | None = None) -> None:
    """Run benchmarks, print each, and put it into `bench.json` beside what is there."""
    parser = argparse.ArgumentParser(description="Measure how fast the suite is here.")
    parser.add_argument("benchmarks", nargs="*", metavar="BENCHMARK", help=f"of {', '.join(BENCHMARKS)}; all if none is given")
    names = parser.parse_args(arguments).benchmarks or list(BENCHMARKS)
    if unknown := set(names) - set(BENCHMARKS):
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}: choose from {', '.join(BENCHMARKS)}")
    matplotlib.use("Agg")
    path = machine.artifacts_root() / "bench.json"
    for name in names:
        print(f"{name} ...", flush=True)
        figures = BENCHMARKS[name]()
        write_json(path, (read_json(path) if path.exists() else {}) | {name: figures})
        print("\n".join(f"  {key:<24} {value:>8}" for key, value in figures.items()), flush=True)
    print(f"written to {path}")


if __name__ == "__main__":
    main()
