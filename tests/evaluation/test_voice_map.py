import numpy as np
import pandas as pd
import pytest

from helpers.evaluation import voice_map
from helpers.evaluation.voice_map import lie_together, place, same_errors, silhouettes


@pytest.fixture
def clips():
    """Four people with six clips each: two women of 20 and 60, two men of 20 and 60."""
    rows = [
        {"clip": f"{gender}_{age}_{n}", "gender": gender, "age": age, "speaker": f"{gender}_{age}_s", "label": f"{gender}_{age}"}
        for gender in ("female", "male")
        for age in (20, 60)
        for n in range(6)
    ]
    return pd.DataFrame(rows)


@pytest.fixture
def features(clips, rng):
    """Genders lie far apart, the people of one gender nearer; each list of length 1."""
    centres = {"female": np.eye(8)[0], "male": np.eye(8)[1]}
    people = {name: 0.3 * rng.normal(size=8) for name in clips["speaker"].unique()}
    rows = [centres[row.gender] + people[row.speaker] + 0.02 * rng.normal(size=8) for row in clips.itertuples()]
    table = pd.DataFrame(rows, index=clips["clip"])
    return table.div(np.linalg.norm(table, axis=1), axis=0)


@pytest.mark.parametrize("method", voice_map.METHODS)
def test_clips_that_are_alike_lie_together(clips, features, method):
    places = place(features, method=method)
    assert list(places.columns) == ["x", "y"] and list(places.index) == list(features.index)
    assert places.abs().max().max() == pytest.approx(1)
    assert (place(features, method=method) == places).all(axis=None)
    for _, own in places.groupby(clips.set_index("clip")["speaker"]):
        middle, others = own.mean(), places.drop(own.index)
        assert np.linalg.norm(own - middle, axis=1).max() < np.linalg.norm(others - middle, axis=1).min()


@pytest.mark.parametrize("number", [1, 2, 4])
def test_a_few_clips_have_places_too(features, number):
    assert np.isfinite(place(features.head(number), method="t-SNE")).all(axis=None)


def test_places_by_t_sne_are_kept_with_what_they_are_of(features, tmp_path, monkeypatch):
    kept = tmp_path / "map.csv"
    before = place(features, method="t-SNE", kept=kept)
    made = []
    monkeypatch.setattr(voice_map.TSNE, "fit_transform", lambda self, table: made.append(len(table)) or np.eye(len(table))[:, :2])
    assert np.allclose(place(features, method="t-SNE", kept=kept), before, atol=1e-4) and not made
    place(features.head(20), method="t-SNE", kept=kept)
    assert made == [20]
    kept.write_text("no table\n\x00")
    place(features.head(20), method="t-SNE", kept=kept)
    assert made == [20, 20]


def test_silhouettes_say_by_what_clips_lie_together(clips, features):
    found = silhouettes(features, clips)
    assert set(found.index) == {"person", "gender", "age", "class"} and found["person"] > found["age"]
    # By hand: of one clip, the mean distance to its own group and to the other one.
    far = 1 - features @ features.T
    women = clips.loc[clips["gender"] == "female", "clip"]
    values = []
    for clip in features.index:
        own = women if clip in set(women) else features.index.difference(women)
        inside, outside = far.loc[clip, own.drop(own[own == clip].index) if hasattr(own, "iloc") else own.drop(clip)], far.loc[clip]
        a, b = inside.mean(), outside[~outside.index.isin(own)].mean()
        values.append((b - a) / max(a, b))
    assert found["gender"] == pytest.approx(np.mean(values), abs=1e-5)


def test_facts_that_are_not_known_are_left_out(clips, features):
    found = silhouettes(features, clips.assign(speaker="", gender="female", age=np.nan, label="one"))
    assert found.empty and "No fact is known" in lie_together(found)
    assert silhouettes(features.head(1), clips).empty


def test_what_lies_together_is_one_sentence():
    both = pd.Series({"person": 0.3, "gender": 0.2, "age": 0.01})
    assert lie_together(both) == ("Clips lie together by person first (silhouette 0.30), then by gender (0.20), and not by age.")
    assert lie_together(both.drop(["gender", "age"])) == "Clips lie together by person (silhouette 0.30)."


def test_the_same_error_elsewhere_is_near_and_of_the_same_kind(clips, features):
    predicted = clips.assign(predicted=clips["label"]).set_index("clip")
    predicted.loc["female_20_0", "predicted"] = "male_60"
    predicted.loc["female_20_4", "predicted"] = "male_23"  # also too old a man
    predicted.loc["female_60_2", "predicted"] = "male_20"  # a man, but too young
    predicted.loc["male_20_1", "predicted"] = "female_60"
    found = same_errors("female_20_0", features, predicted.reset_index())
    assert list(found.index) == ["female_20_4"]
    assert found.iloc[0] == pytest.approx(1 - features.loc["female_20_0"] @ features.loc["female_20_4"])
