"""Small hand-made names of each notebook, as far as its checks look at them."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
from conftest import RATE, voice
from PIL import Image

from helpers.base.settings import SpectrogramSettings
from helpers.evaluation.scores import predictions_table
from helpers.network.history import verdict
from helpers.spectrograms.mel import mel_spectrogram_db, to_image

SETTINGS = SpectrogramSettings()
CLASSES = ["female_20", "female_24", "female_60", "male_20", "male_41"]


def clips() -> pd.DataFrame:
    """A manifest: six speakers a gender, three clips each, one to each set."""
    rows = [
        (gender, age, f"{gender}_{age}")
        for gender, ages in (("female", (20, 24, 25, 28, 60, 63)), ("male", (20, 41, 42, 43, 44, 70)))
        for age in ages
    ]
    table = pd.DataFrame(rows * 3, columns=["gender", "age", "speaker"])
    table = table.assign(
        label=table["speaker"], split=np.repeat(["train", "validation", "test"], len(rows)), sample_rate=RATE, clipped=0.0
    )
    table["clip"] = [f"{speaker}_{place}" for place, speaker in enumerate(table["speaker"])]
    rng = np.random.default_rng(0)
    return table.assign(duration_s=20 + 10 * rng.random(len(table)), level_db=-30 + rng.random(len(table)))


def notebook_1(folder) -> dict:
    manifest = clips()
    manifest["label"] = np.where(np.arange(len(manifest)) % 3, manifest["gender"], "male")
    return {"manifest": manifest, "samples": voice(120)}


def notebook_2(folder) -> dict:
    manifest = clips()
    for row in manifest.itertuples():
        samples = voice({"female": 210, "male": 105}[row.gender], seconds=0.3, seed=row.age)
        image = to_image(mel_spectrogram_db(samples, settings=SETTINGS), settings=SETTINGS)
        Image.fromarray(image).save(folder / f"{row.clip}.png")
    artifacts = SimpleNamespace(image=lambda clip: folder / f"{clip}.png")
    samples, clip = voice(120), {"clip": "a"}
    return {
        "settings": SETTINGS,
        "samples": samples,
        "pieces": {"a": samples[4000:5024]},
        "clip": clip,
        "manifest": manifest,
        "artifacts": artifacts,
    }


def notebook_3(folder) -> dict:
    manifest = clips().assign(emotion="")
    return {"block": SimpleNamespace(count_params=lambda: 4736), "verdict": verdict, "manifest": pd.concat([manifest] * 4)}


def predictions() -> pd.DataFrame:
    """Sixty clips a set of `CLASSES`, most of them right."""
    rng = np.random.default_rng(3)
    true = rng.integers(len(CLASSES), size=180)
    probabilities = rng.dirichlet(np.full(len(CLASSES), 0.7), size=180) + 0.45 * np.eye(len(CLASSES))[true]
    labels = [CLASSES[place] for place in true]
    manifest = pd.DataFrame(
        {"clip": [f"clip_{place}" for place in range(180)], "label": labels, "split": ["train", "validation", "test"] * 60}
    )
    return predictions_table(manifest, probabilities / probabilities.sum(axis=1, keepdims=True), CLASSES)


def notebook_4(folder) -> dict:
    return {"predictions": predictions(), "classes": CLASSES, "temperature": 1.5}


def notebook_5(folder) -> dict:
    scores = {
        "known": {"svm": 0.8, "small_resnet": 0.7, "no_audio": 0.1},
        "strangers": {"svm": 0.2, "small_resnet": 0.3, "no_audio": 0.1},
    }
    rows = [
        {"asked_about": asked, "model": model, "macro_f1": score}
        for asked, models in scores.items()
        for model, score in models.items()
    ]
    table = pd.DataFrame(
        {"clip": range(60), "split": ["train", "known", "strangers"] * 20, "speaker": [f"s{place % 30}" for place in range(60)]}
    )
    table.to_csv(folder / "race.csv", index=False)
    part = SimpleNamespace(manifest=folder / "race.csv")
    return {
        "comparison": pd.DataFrame(rows),
        "part": part,
        "right": pd.DataFrame(index=range(188)),
        "elsewhere": pd.DataFrame(index=range(50)),
    }


class Model:
    """Answers *b* about a second or more, *a* about less, and never hears a level."""

    def predict(self, samples, *, temperature=1.0):
        first, second = ("b", "a") if len(samples) >= RATE else ("a", "b")
        return SimpleNamespace(probabilities=pd.Series({first: 0.7, second: 0.3}))


def notebook_6(folder) -> dict:
    samples = voice(120, seconds=2.4)
    heard = Model().predict(samples)
    about = {"model": Model(), "heard": heard, "temperature": 1.5, "confident_from": 0.6}
    return about | {"samples": samples, "voice": samples, "rate": RATE, "predictions": predictions(), "classes": CLASSES}
