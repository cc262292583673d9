"""Cells of the lessons that make a claim, run by themselves."""

import json
import zipfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from conftest import cell_source, run_cell

from helpers.base.artifacts import Artifacts, SuiteError
from helpers.base.machine import PROJECT
from helpers.base.settings import Corpus, choose_profile
from helpers.display import figures
from helpers.recordings import manifest as manifests
from helpers.recordings.voices import speakers, spoken_pitch, synthesise
from helpers.spectrograms import voice
from helpers.spectrograms.example import clip_samples, harmonic_contrast, steady_piece


@pytest.mark.slow
@pytest.mark.usefixtures("style")
def test_the_gradient_vanishes_with_glorots_start_alone():
    import keras
    import tensorflow as tf
    from keras import layers

    rng = np.random.default_rng(0)
    known = {"keras": keras, "layers": layers, "profile": choose_profile("quick"), "classes": list("abc"), "plt": plt}
    known |= {"images": tf.constant(rng.random((8, 24, 32, 1), np.float32) * 255), "labels": np.eye(3)[rng.integers(0, 3, 8)]}
    for name in ("03-21", "03-23", "03-25", "03-26"):
        known = run_cell(name, **known)
    plain, he, normalised, skips = known["arrives"].values()
    assert plain < 1e-4 and 1e-2 < he < 1e2 and normalised > 1 and skips > 1
    assert [len(values) for values in known["norms"].values()] == [20] * 4


def test_no_lesson_says_that_gradients_are_the_reason_for_skips():
    text = (PROJECT / "notebooks" / "03_train_resnet.ipynb").read_text(encoding="utf-8")
    assert "say why the network is residual" not in " ".join(text.split())
    told = " ".join("".join(cell["source"]) for cell in json.loads(text)["cells"] if cell["cell_type"] == "markdown")
    assert all(word in told for word in ("**degradation**", "*training* error", "unlikely to be caused by vanishing gradients"))


@pytest.mark.parametrize(
    ("pitches", "said", "kept"),
    [
        ({"c0": 100.0, "c1": 200.0, "c2": 100.0, "c4": 110.0}, "1.000 of 2 clips right", 1.0),  # c3 and c5 have no pitch
        ({"c4": 110.0}, "This baseline is left out. No threshold on the pitch", 0.5),  # one pitch alone, of a test clip
        ({}, "This baseline is left out. No threshold on the pitch", 0.5),
    ],
)
def test_the_pitch_baseline_leaves_out_what_was_not_measured(pitches, said, kept, monkeypatch, capsys):
    true = ["male", "female", "male", "female", "male", "female"]
    predictions = pd.DataFrame({"clip": [f"c{n}" for n in range(6)], "true": true, "split": ["train"] * 2 + ["test"] * 4})
    monkeypatch.setattr(voice, "pitch_table", lambda *_, **__: pd.Series(pitches, dtype=float))
    known = {"trivial": {"gender_accuracy": 0.5}, "manifest": None, "artifacts": None, "profile": choose_profile("quick")}
    known |= {"predictions": predictions, "test": predictions[predictions["split"] == "test"], "SuiteError": SuiteError}
    known["scores"] = pd.DataFrame({"value": {"gender_accuracy": 0.9}})
    known = run_cell("04-11", **known)
    assert said in capsys.readouterr().out and known["trivial"]["gender_accuracy"] == kept


def test_exercise_3_of_notebook_4_counts_what_chance_would_give(capsys):
    from helpers.recordings.labels import parse_label

    classes = [f"female_{age}" for age in (20, 23, 40, 60)] + ["male_20"]
    wrong = pd.DataFrame({"true": ["female_20", "female_20"], "predicted": ["female_60", "male_20"]})
    run_cell("04-e3s", wrong=wrong, classes=classes, parse_label=parse_label, np=np)
    printed = capsys.readouterr().out
    assert "1 of 2 wrong clips have the right gender" in printed
    # Of the other women one in three is within five years of 20; of the men, the only one is.
    assert "1 of 2 are off by at most five years; any class of the predicted gender would give 1.3" in printed


def test_the_curves_show_the_floor_of_the_loss():
    assert "floor=floor" in cell_source("03-16") and "lowest_loss(len(classes)" in cell_source("03-16")


@pytest.fixture(scope="module")
def voices(tmp_path_factory) -> dict:
    """What the first cells of a notebook know of the default corpus, and of each clip its effort and its true pitch in Hz."""
    folder = tmp_path_factory.mktemp("voices")
    artifacts = Artifacts(folder / "artifacts" / "voices")
    manifest, _ = manifests.build_manifest("voices", synthesise(folder / "audio", corpus=Corpus()), artifacts, seed=0)
    spoken = [(one, *pair) for one in speakers(Corpus()) for pair in zip(one.sentences, one.efforts, strict=True)]
    truth = {f"{one.name}_{number:02d}": (effort, spoken_pitch(one, effort)) for one, number, effort in spoken}
    known = {"artifacts": artifacts, "manifest": manifest, "truth": truth, "profile": choose_profile("quick")}
    return known | {"manifests": manifests, "figures": figures, "plt": plt, "np": np, "pd": pd, "SuiteError": SuiteError}


def check_everyday(clip, *, gender, voices):
    """A clip shows what the lessons say of a voice: at an everyday effort, with a true pitch usual for its gender, and a comb."""
    effort, truth = voices["truth"][clip["clip"]]
    lowest, highest = {"male": (100, 130), "female": (180, 240)}[gender]
    assert clip["gender"] == gender and lowest <= truth <= highest and 0.1 < effort < 0.4 and clip["clipped"] == 0
    samples = clip_samples(clip, voices["artifacts"], sample_rate=16_000)
    assert voice.median_pitch(samples, sample_rate=16_000) == pytest.approx(truth, rel=0.05)
    piece = steady_piece(samples, sample_rate=16_000)
    pitch = voice.median_pitch(piece, sample_rate=16_000)
    assert pitch == pytest.approx(truth, rel=0.05)
    assert (harmonic_contrast(piece, sample_rate=16_000, pitch=pitch)[:5] >= 15).all()


@pytest.mark.slow
@pytest.mark.usefixtures("style")
def test_the_voices_that_lessons_show_speak_as_people_do(voices, capsys):
    for name in ("01-24", "05-15"):
        check_everyday(run_cell(name, **voices)["clip"], gender="male", voices=voices)
    known = run_cell("02-06", **voices | {"read_manifest": None})
    known = run_cell("02-51", **known)
    man, woman = known["rows"]
    check_everyday(man, gender="male", voices=voices)
    check_everyday(woman, gender="female", voices=voices)
    capsys.readouterr()
    known = run_cell("02-e4s", **known)
    truth = voices["truth"][man["clip"]][1]
    assert known["settings"].sample_rate / known["period"] == pytest.approx(truth, rel=0.05)
    told = float(capsys.readouterr().out.split("the median of the whole clip is ")[1].split()[0])
    assert told == pytest.approx(truth, rel=0.05)


@pytest.mark.slow
def test_the_threshold_on_the_pitch_of_voices_is_as_notebook_4_tells(voices, capsys):
    manifest = voices["manifest"]
    predictions = manifest.rename(columns={"label": "true"})
    test = predictions[predictions["split"] == "test"]
    scores = pd.DataFrame({"value": {"gender_accuracy": 0.9}})
    known = {"predictions": predictions, "test": test, "scores": scores, "trivial": {"gender_accuracy": 0.5}}
    known = run_cell("04-11", **voices, **known)
    assert round(known["threshold"]) == 158 and "158 Hz" in cell_source("04-49")
    assert round(known["by_pitch"], 2) == 0.96 and "0.958 of 312 clips right" in capsys.readouterr().out

    wrong = predictions.set_index("clip").loc[known["pitch"].index].assign(pitch=known["pitch"])
    wrong = wrong[(wrong["pitch"] > known["threshold"]) != (wrong["gender"] == "female")]
    efforts = pd.Series({clip: voices["truth"][clip][0] for clip in wrong.index})
    men, women = (efforts[wrong["gender"] == gender] for gender in ("male", "female"))
    assert len(men) > 3 * len(women) and men.median() > 0.45 and women.max() < 0.15
    everyday = {gender: [one.pitch for one in speakers(Corpus()) if one.gender == gender] for gender in ("male", "female")}
    assert max(everyday["male"]) < 160 and min(everyday["female"]) > 170


@pytest.mark.slow
@pytest.mark.long
def test_clips_of_voices_lie_together_by_person_as_notebook_4_tells(voices):
    from helpers.evaluation.voice_map import lie_together, silhouettes
    from helpers.network.model_files import load_model
    from helpers.spectrograms.convert import convert

    artifacts, manifest, profile = (voices[name] for name in ("artifacts", "manifest", "profile"))
    with zipfile.ZipFile(PROJECT / "notebooks" / "ready" / "voices.zip") as ready:
        name = next(name for name in ready.namelist() if name.endswith("small_resnet/model.keras"))
        model = load_model(Path(ready.extract(name, artifacts.folder)), classes=sorted(manifest["label"].unique()))
    convert(manifest, artifacts, settings=profile.spectrogram, profile="quick")
    found = silhouettes(model.clip_features(manifest, artifacts, most=len(manifest)), manifest)
    assert 0.6 < found["person"] < 0.75 and found["gender"] < 0.25 and found["age"] < 0.1, found
    assert lie_together(found).startswith("Clips lie together by person first")
    assert "by *person* first (a silhouette near 0.7), much less by gender, and hardly by age" in cell_source("04-m5")
