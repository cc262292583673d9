"""The benchmark `scale`: what 1,000, 10,000 and 30,000 clips cost, in notebooks 1 and 2 and in an epoch of notebook 3.

docs/scale.md has its figures, and what more clips would take.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import joblib
import numpy as np
import soundfile

from helpers.base import machine
from helpers.base.artifacts import Artifacts, SuiteError
from helpers.base.settings import PROFILES
from helpers.recordings.manifest import build_manifest, read_manifest, reject
from helpers.spectrograms.convert import convert

SIZES, SECONDS = (1000, 10_000, 30_000), 0.6
LABELS = ("female_23", "female_60", "male_41", "male_65")
PROFILE = replace(PROFILES["quick"], epochs=1, weights="none")


def scale() -> dict[str, float]:
    """Milliseconds a clip and peak memory in MiB of each stage, by number of clips (Linux).

    Every stage has a process of its own, whose start and imports count: some seconds, which 1,000 clips share. Memory is that of
    the process (`main`) and of the largest worker that joblib keeps (`worker`). `dask_images` converts the same clips on a local
    Dask cluster with as many workers as cores, where `distributed` is installed. `train_epoch` is an epoch alone, `train` also the
    prediction of every clip.
    """
    found = {}
    for clips in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            write_noise(Path(folder), clips)
            dask = ("dask_images",) if find_spec("distributed") else ()
            for stage in ("audit", "images", *dask, "train"):
                seconds, main, worker, said = in_own_process(f"{stage}({folder!r})")
                found[f"{stage}_{clips}_ms"] = round(1000 * seconds / clips, 2)
                found |= {f"{stage}_{clips}_main_mib": main, f"{stage}_{clips}_worker_mib": worker}
                if said:
                    found[f"{stage}_epoch_{clips}_ms"] = round(1000 * float(said) / clips, 2)
    return found


def write_noise(folder: Path, clips: int) -> None:
    """So many short recordings in four classes, each another one."""
    rate = PROFILE.spectrogram.sample_rate
    noise = np.random.default_rng(0).normal(0, 0.1, 60 * rate)
    length = round(SECONDS * rate)
    for number in range(clips):
        path = folder / "audio" / LABELS[number % len(LABELS)] / f"{number}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        start = 7 * number % (len(noise) - length)
        soundfile.write(path, noise[start : start + length] * (1 + number / clips), rate, "PCM_16")


def audit(folder: str) -> None:
    """What notebook 1 does with a folder of recordings."""
    build_manifest("folder", Path(folder, "audio"), Artifacts(Path(folder, "artifacts")), seed=0)


def images(folder: str) -> None:
    """What notebook 2 does with them, on all cores."""
    artifacts = Artifacts(Path(folder, "artifacts"))
    reject(artifacts, convert(read_manifest(artifacts), artifacts, settings=PROFILE.spectrogram, profile=PROFILE.name))


def dask_images(folder: str) -> None:
    """The same once more on a local Dask cluster, into another folder."""
    import distributed

    artifacts = Artifacts(Path(folder, "artifacts"))
    manifest = read_manifest(artifacts)
    for path in artifacts.spectrograms.glob("*.png"):
        path.unlink()
    with (
        distributed.LocalCluster(n_workers=os.cpu_count(), threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster),
        joblib.parallel_config(backend="dask"),
    ):
        convert(manifest, artifacts, settings=PROFILE.spectrogram, profile=PROFILE.name)


def train(folder: str) -> str:
    """One epoch of notebook 3, and the prediction of every clip; the seconds of the epoch alone."""
    from helpers.network.training import train as train_network

    artifacts = Artifacts(Path(folder, "artifacts"))
    return str(train_network("small_resnet", read_manifest(artifacts), artifacts, profile=PROFILE)["seconds"])


def in_own_process(
    call: str, *, module: str = "helpers.suite.bench_scale", variables: dict[str, str] | None = None
) -> tuple[float, float, float, str]:
    """Seconds of a call, the peak memory in MiB of its process and of the largest worker that joblib keeps, and what it returns.

    In a process of its own, so that it does not start with the peak of another one (Linux).
    """
    code = (
        "import time; started = time.perf_counter(); from helpers.suite.bench_scale import measured; "
        f"from {module} import *; said = {call}; print(*measured(started), said or '')"
    )
    environment = os.environ | (variables or {})
    result = subprocess.run([sys.executable, "-c", code], cwd=machine.PROJECT, env=environment, capture_output=True, text=True)
    if result.returncode:
        raise SuiteError(f"{call} failed: {result.stderr.strip().splitlines()[-1]}")
    seconds, main, worker, *said = result.stdout.splitlines()[-1].split()
    return float(seconds), float(main), float(worker), " ".join(said)


def measured(started: float) -> tuple[float, float, float]:
    """The seconds since a time, and the peaks of this process and of its largest worker, from Linux's own account of them."""
    seconds = round(time.perf_counter() - started, 1)
    workers = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    peaks = (re.search(r"VmHWM:\s*(\d+)", Path(f"/proc/{process}/status").read_text()) for process in ("self", *workers))
    main, *others = (round(int(peak[1]) / 1024, 1) for peak in peaks if peak)
    return seconds, main, max(others, default=0.0)
