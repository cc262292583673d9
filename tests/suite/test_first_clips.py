"""Every notebook, with its solutions, on corpora whose first clip, or whose every clip, is one that no lesson expects."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from conftest import RATE, voice, write_corpus

from helpers.base.artifacts import Artifacts
from suite.conftest import OVERRIDES, run

pytestmark = pytest.mark.long
CLASSES = {"female_23": 220, "female_60": 180, "male_41": 110}
HOUR = 3600


def short(pitch: float, seed: int) -> np.ndarray:
    return voice(pitch, seconds=0.29, seed=seed)


def padded(pitch: float, seed: int) -> np.ndarray:
    spoken = voice(pitch, seconds=0.9, seed=seed)
    return np.pad(spoken, (0, 3 * RATE - len(spoken)))


def silent_at_its_ends(pitch: float, seed: int) -> np.ndarray:
    return np.pad(voice(pitch, seconds=0.6, seed=seed), (2 * RATE, 2 * RATE))


def one_pitch(pitch: float, seed: int) -> np.ndarray:
    """A pure tone, the same for all classes; its duration alone differs."""
    return 0.3 * np.sin(2 * np.pi * 150 * np.arange(RATE + 800 * seed) / RATE)


def write_an_hour(path: Path) -> None:
    """At 8000 samples a second, in blocks, silent in its first minute and from its sixth one on."""
    second = voice(220, seconds=1, rate=8000)
    with soundfile.SoundFile(path, "w", samplerate=8000, channels=1, format="FLAC") as file:
        for minute in range(HOUR // 60):
            file.write(np.tile(second, 60) if 0 < minute < 5 else np.zeros(60 * 8000))


def run_on(folder: Path, *notebooks: str) -> tuple[Artifacts, str]:
    """The results of these notebooks, or of all, on a corpus, and the text of their pages."""
    environment = {"DATASET": "folder", "DATA_DIR": folder / "sounds", "PROFILE": "quick", "ARTIFACTS": folder / "results"}
    result = run(*notebooks, **environment, OVERRIDES=f"{OVERRIDES} compare=plain_cnn")
    assert result.returncode == 0, result.stdout + result.stderr
    artifacts = Artifacts(folder / "results" / "folder")
    return artifacts, "".join(page.read_text() for page in artifacts.report.glob("0*.html"))


@pytest.mark.parametrize("kind", [short, padded, silent_at_its_ends, one_pitch])
def test_all_notebooks_run_where_every_clip_is(kind: Callable[[float, int], np.ndarray], tmp_path):
    for order, (label, pitch) in enumerate(CLASSES.items()):
        (tmp_path / "sounds" / label).mkdir(parents=True)
        for number in range(6):
            samples = kind(pitch * (1 + 0.02 * number), 3 * number + order)
            soundfile.write(tmp_path / "sounds" / label / f"{number}.wav", samples, RATE)
    artifacts, pages = run_on(tmp_path)
    assert len(pd.read_csv(artifacts.manifest)) == 18 and "RuntimeWarning" not in pages


def test_all_notebooks_run_where_the_first_clip_is_an_hour_long(tmp_path):
    write_corpus(tmp_path / "sounds", labels=CLASSES)
    write_an_hour(tmp_path / "sounds" / "female_23" / "-hour.flac")
    artifacts, pages = run_on(tmp_path)
    manifest = pd.read_csv(artifacts.manifest)
    assert manifest.iloc[0][["clip", "duration_s"]].tolist() == ["female_23__-hour", 300] and "RuntimeWarning" not in pages
    assert "part: <b>0:00 to 0:30</b>" in pages


def test_long_clips_are_shown_by_their_loudest_ten_seconds_and_heard_in_parts(tmp_path):
    for label, pitch in CLASSES.items():
        (tmp_path / "sounds" / label).mkdir(parents=True)
        for number in range(6):
            samples = np.pad(voice(pitch * (1 + 0.02 * number), seconds=22, seed=number), (15 * RATE, 0))
            soundfile.write(tmp_path / "sounds" / label / f"{number}.flac", samples, RATE)
    artifacts, pages = run_on(tmp_path, "01_download", "02_spectrograms")
    assert (pd.read_csv(artifacts.manifest)["duration_s"] == 37).all() and "RuntimeWarning" not in pages
    assert "part: <b>0:00 to 0:18</b>" in pages and "160000 samples, 10.0 s" in pages
