import dataclasses
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from conftest import TINY
from scipy import stats

from helpers.base.artifacts import Artifacts, read_json
from helpers.suite import run


@pytest.mark.slow
def test_each_seed_has_its_own_split_and_is_trained_once(manifest, artifacts, shallow, capsys):
    profile = dataclasses.replace(TINY, epochs=1)
    found = run.train_seeds(artifacts, [0, 3], profile=profile)
    assert read_json(artifacts.folder / "seeds.json") == found and list(found) == ["0", "3"]
    tables = [(artifacts.folder / "seeds" / seed / "predictions.csv").read_text() for seed in found]
    splits = [[line.split(",")[1] for line in table.splitlines()[1:]] for table in tables]
    assert splits[0] == manifest["split"].tolist() != splits[1]
    assert run.train_seeds(artifacts, [0, 3], profile=profile) == found
    assert capsys.readouterr().out.count("already trained") == 2


def test_the_interval_is_students_where_the_scores_are_independent(rng):
    """Over many resamples of five seeds, 95% of the intervals hold the true mean."""
    resamples = rng.normal(0.9, 0.02, (2000, 5))
    held = [low <= 0.9 <= high for low, high in (run.interval(values, test_to_train=0) for values in resamples)]
    assert abs(np.mean(held) - 0.95) < 0.015
    expected = stats.ttest_1samp(resamples[0], 0).confidence_interval(0.95)
    assert np.allclose(run.interval(resamples[0], test_to_train=0), expected)


def test_the_interval_holds_the_mean_where_the_splits_share_their_clips(rng):
    """With the correlation that Nadeau and Bengio assume, test / (test + train), their interval is exact and Student's is not."""
    correlation = 0.2 / (0.2 + 0.6)
    shared, own = rng.normal(0, 0.02, (2000, 1)), rng.normal(0, 0.02, (2000, 5))
    scores = 0.9 + np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * own
    held = {
        ratio: np.mean([low <= 0.9 <= high for low, high in (run.interval(values, test_to_train=ratio) for values in scores)])
        for ratio in (0, 0.2 / 0.6)
    }
    assert abs(held[0.2 / 0.6] - 0.95) < 0.015 and held[0] < 0.9


@pytest.mark.parametrize("environment", [{}, {"SEEDS": ""}])  # make exports a variable that nobody set as ""
def test_without_seeds_there_are_five(monkeypatch, capsys, environment):
    asked = []
    monkeypatch.delenv("SEEDS", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    manifest = pd.DataFrame({"split": ["train", "train", "train", "test"]})
    monkeypatch.setattr(run, "run_notebooks", lambda names, known: 0)
    monkeypatch.setattr(run, "start", lambda: SimpleNamespace(artifacts=Artifacts(Path("results")), profile=TINY))
    monkeypatch.setattr(run, "read_manifest", lambda artifacts: manifest)
    monkeypatch.setattr(
        run, "train_seeds", lambda _, seeds, profile: asked.extend(seeds) or {str(seed): 0.9 + seed / 100 for seed in seeds}
    )
    assert run.main(["seeds"]) == 0 and asked == [0, 1, 2, 3, 4]
    # By hand: t is 2.776 for 4 degrees of freedom, the scores' variance 0.00025, and 2.776 * sqrt((1/5 + 1/3) * 0.00025) = 0.0321.
    printed = capsys.readouterr().out
    assert "from 0.9000 to 0.9400, mean 0.9200\n95% interval of the mean, corrected" in printed and "0.8879 to 0.9521" in printed
    assert all(f"{seed}    0.9{seed}" in printed for seed in range(5))  # each seed's own


def test_one_seed_has_no_interval(monkeypatch, capsys):
    monkeypatch.setenv("SEEDS", "7")
    monkeypatch.setattr(run, "run_notebooks", lambda names, known: 0)
    monkeypatch.setattr(run, "start", lambda: SimpleNamespace(artifacts=Artifacts(Path("results")), profile=TINY))
    monkeypatch.setattr(run, "train_seeds", lambda *_, **__: {"7": 0.9})
    assert run.main(["seeds"]) == 0
    printed = capsys.readouterr().out
    assert "from 0.9000 to 0.9000, mean 0.9000" in printed and "interval" not in printed


def test_seeds_that_are_no_numbers_are_one_sentence(monkeypatch, capsys):
    monkeypatch.setenv("SEEDS", "0-4")
    assert run.main(["seeds"]) == 1
    assert "SEEDS='0-4' can't be read: write whole numbers, as in SEEDS=0,1,2,3,4." in capsys.readouterr().err
