"""Cells of notebook 4 on the tables of the default run, and on odd ones: they agree with the helpers, and with the texts."""

import zipfile

import numpy as np
import pandas as pd
import pytest
from conftest import cell_source, run_cell

from helpers.base.artifacts import Artifacts
from helpers.base.machine import PROJECT
from helpers.base.settings import choose_profile
from helpers.display import figures
from helpers.evaluation.calibration import reliability
from helpers.evaluation.scores import predictions_table

SCORES = ("04-53", "04-55", "04-c1", "04-b1", "04-09")
CALIBRATION = ("04-27", "04-t0", "04-t2", "04-t3")
pytestmark = pytest.mark.usefixtures("style")


def run_cells(*names: str, **known) -> dict:
    for name in names:
        known = run_cell(name, **known)
    return known


@pytest.fixture(scope="module")
def lesson(tmp_path_factory) -> dict:
    """What the first section of notebook 4 leaves by name, on the default run's tables."""
    artifacts = Artifacts(tmp_path_factory.mktemp("ready") / "voices")
    with zipfile.ZipFile(PROJECT / "notebooks" / "ready" / "voices.zip") as ready:
        ready.extractall(artifacts.folder, [name for name in ready.namelist() if not name.endswith(".keras")])
    known = {"artifacts": artifacts, "profile": choose_profile("quick"), "figures": figures, "display": lambda *_: None}
    return run_cells("04-06", *SCORES, **known)


def test_the_scores_of_section_1_are_as_the_text_says(lesson):
    scores, metrics = lesson["scores"], lesson["metrics"]
    assert metrics["train"]["accuracy"] == max(part["accuracy"] for part in metrics.values())
    assert (scores["low"] <= scores["value"]).all() and lesson["unit"] == "speaker"
    macro, plain = (scores.loc[name, "value"] - scores.loc[name, ["low", "high"]].mean() for name in ("macro_f1", "accuracy"))
    assert macro > plain + 0.005  # a resample may lack a class
    without_errors = scores[scores["value"] == 1]
    assert len(without_errors) and (without_errors["low"] == without_errors["high"]).all()
    told = " ".join(cell_source("04-b3").split())
    assert "so macro intervals lie a little low" in told and "With no error to draw, an interval has no width" in told


def test_the_matrix_of_section_2_is_that_of_section_1(lesson):
    known = run_cells("04-16", **lesson)
    assert known["counts"].to_numpy().sum() == len(lesson["test"])


def test_expected_ages_are_pulled_to_the_middle_as_the_text_says(lesson):
    known = run_cells("04-27", **lesson)
    error = (known["expected_age"] - known["true_age"]).groupby(pd.qcut(known["true_age"], 3), observed=True).mean()
    assert (
        error.iloc[0] > 1
        and error.iloc[2] < -1
        and "the youngest are too high, those of the oldest too low" in cell_source("04-28")
    )


def test_the_calibration_is_as_the_text_says(lesson):
    known = run_cells("04-27", "04-a1", *CALIBRATION[1:], "04-41", **lesson)
    assert known["by_grid"] < 1 and known["temperature"] <= 1
    bins = reliability(lesson["test"]).query("clips >= 10")
    assert (bins["accuracy"] > bins["confidence"]).all()
    errors = [float(ax.get_title().split("calibration error ")[1]) for ax in known["axes"]]
    assert errors[1] < errors[0] / 2
    known = run_cells("04-43", "04-r1", "04-60", **known)
    assert known["risk"] < (known["told"]["true"] != known["told"]["predicted"]).mean() < known["right"].eq(False).mean()


def certain(rng, *, clips: int, speakers: int, strength: float = 6.0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Predictions that are more certain than they should be, of clips whose speakers are known if there are any; and a manifest."""
    classes = ["female_20", "female_40", "male_20", "male_40"]
    true = rng.integers(4, size=clips)
    logits = strength * (rng.normal(size=(clips, 4)) + 1.5 * np.eye(4)[true])
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    table = pd.DataFrame({"clip": [f"c{n}" for n in range(clips)], "label": np.array(classes)[true]})
    table["split"] = np.where(np.arange(clips) % 2, "validation", "test")
    table["speaker"] = [f"s{n % speakers}" for n in range(clips)] if speakers else ""
    return predictions_table(table, probabilities, classes), table


@pytest.mark.parametrize(("speakers", "unit"), [(20, "speaker"), (0, "clip"), (1, "clip")])
def test_the_cells_agree_with_their_helpers_whoever_speaks(speakers, unit, rng, capsys):
    predictions, manifest = certain(rng, clips=400, speakers=speakers)
    extra = predictions.head(8).assign(split="train")
    predictions = pd.concat([predictions, extra.assign(clip=[f"t{n}" for n in range(8)])], ignore_index=True)
    test = predictions[predictions["split"] == "test"]
    known = {
        "predictions": predictions,
        "manifest": manifest,
        "test": test,
        "classes": ["female_20", "female_40", "male_20", "male_40"],
    }
    known = run_cells(*SCORES, "04-16", *CALIBRATION, np=np, pd=pd, figures=figures, **known)
    assert known["unit"] == unit and known["temperature"] > 1 and known["by_grid"] > 1
    assert known["temperature"] == pytest.approx(known["by_grid"], rel=0.03)
    assert "stays 1" not in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize(("own", "said"), [(0.9, "of its own class: the last layer decided otherwise"), (0.1, "of another class")])
def test_one_error_is_told_by_its_outcome(own, said, capsys):
    """Of two training clips, the one of the error's own class is more or less like it than the one of the predicted class."""
    names = ["error", "own", "other"]
    vectors = np.array([[1, 0], [own, np.sqrt(1 - own**2)], [0.5, np.sqrt(0.75)]])
    manifest = pd.DataFrame({"clip": names, "label": ["a", "a", "b"], "split": ["test", "train", "train"]})
    wrong = pd.DataFrame({"clip": names[:1], "true": ["a"], "predicted": ["b"], "confidence": [0.9]})
    known = {"wrong": wrong, "features": pd.DataFrame(vectors, index=names), "manifest": manifest}
    known = run_cells("04-h2", **known)
    assert said in capsys.readouterr().out and sorted(known["nearest"]["label"]) == ["a", "b"]
    known = run_cells("04-h2", **known | {"wrong": wrong.head(0)})
    assert capsys.readouterr().out == ""


@pytest.mark.slow
def test_a_threshold_on_the_pitch_of_real_actors_is_as_notebook_4_tells(emodb):
    """EmoDB: in a file's name, the speaker, the text, and N for neutral or W for angry."""
    from helpers.spectrograms.mel import load_audio
    from helpers.spectrograms.voice import median_pitch

    files = sorted(emodb.rglob("*.wav"))
    pitch = np.array([median_pitch(load_audio(file, sample_rate=16_000), sample_rate=16_000) for file in files])
    man = np.array([file.stem[:2] in {"03", "10", "11", "12", "15"} for file in files])
    mood = np.array([file.stem[5] for file in files])

    def right(hertz: float, clips: np.ndarray) -> float:
        return ((pitch[clips] > hertz) != man[clips]).mean()

    def best(clips: np.ndarray) -> tuple[float, float]:
        return max((right(hertz, clips), hertz) for hertz in np.unique(pitch[clips]))

    told, every = cell_source("04-49"), np.ones(len(files), bool)
    assert right(150, mood == "N") == 1 and "150 Hz too" in told
    assert (pitch[man & (mood == "W")] > 150).all() and "it takes every man for a woman" in told
    share, border = best(mood == "W")
    assert round(share, 2) == 0.87 and border == pytest.approx(235, abs=3) and "near 235 Hz, right for 87 in 100" in told
    assert round(best(every)[0], 2) == 0.77 and "the best is right for 77 sentences in 100" in " ".join(told.split())
