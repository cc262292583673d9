import dataclasses

import numpy as np
import pytest
from conftest import TINY
from scipy import stats

from helpers.base.artifacts import read_json
from helpers.suite import seeds


@pytest.mark.slow
def test_each_seed_has_its_own_split_and_is_trained_once(manifest, artifacts, shallow, capsys):
    profile = dataclasses.replace(TINY, epochs=1)
    found = seeds.train_seeds(artifacts, [0, 3], profile=profile)
    assert read_json(artifacts.folder / "seeds.json") == found and list(found) == ["0", "3"]
    tables = [(artifacts.folder / "seeds" / seed / "predictions.csv").read_text() for seed in found]
    splits = [[line.split(",")[1] for line in table.splitlines()[1:]] for table in tables]
    assert splits[0] == manifest["split"].tolist() != splits[1]
    assert seeds.train_seeds(artifacts, [0, 3], profile=profile) == found
    assert capsys.readouterr().out.count("already trained") == 2


def test_the_interval_is_students(rng):
    """Over many draws of five seeds, 95% of the intervals hold the true mean."""
    draws = rng.normal(0.9, 0.02, (2000, 5))
    held = [low <= 0.9 <= high for low, high in map(seeds.interval, draws)]
    assert abs(np.mean(held) - 0.95) < 0.015
    assert np.allclose(seeds.interval(draws[0]), stats.ttest_1samp(draws[0], 0).confidence_interval(0.95))


def test_seeds_that_are_no_numbers_are_one_sentence(monkeypatch, capsys):
    monkeypatch.setenv("SEEDS", "0-4")
    assert seeds.main() == 1
    assert "SEEDS='0-4' can't be read: write whole numbers, as in SEEDS=0,1,2,3,4." in capsys.readouterr().err
