"""`make seeds`: the same training with several seeds, for how far a score depends on chance (command line).

python -m helpers.suite.seeds    as the environment says: SEEDS=0,1,2,3,4 and DATASET, DATA_DIR, PROFILE, OVERRIDES, ARTIFACTS

Each seed draws its own split, weights and augmentation; the clips, the classes and their pictures are the same for all.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy import stats

from helpers.base import machine
from helpers.base.artifacts import Artifacts, SuiteError, read_json, require, write_json
from helpers.base.settings import Profile
from helpers.recordings.manifest import read_manifest
from helpers.recordings.splits import split_clips
from helpers.session import start
from helpers.suite.run import main as run_notebooks


def train_seeds(artifacts: Artifacts, seeds: list[int], *, profile: Profile) -> dict[str, float]:
    """Train once for each seed and write the test accuracies to `seeds.json`; a seed that is done is not trained again.

    Parameters
    ----------
    artifacts : Artifacts
        With the manifest and the pictures.
    seeds : list of int
    profile : Profile

    Returns
    -------
    dict
        Test accuracy, a fraction of 1, by seed.
    """
    machine.check_gpu()  # loads TensorFlow without its log lines, so before what needs it
    from helpers.network.training import train

    manifest = read_manifest(artifacts)
    method = read_json(artifacts.dataset)["split_method"]
    accuracies = {}
    for seed in seeds:
        split = split_clips(manifest, method=method, seed=seed)
        folder = artifacts.folder / "seeds" / str(seed)
        run = train(profile.network, manifest.assign(split=split), artifacts, profile=replace(profile, seed=seed), folder=folder)
        scores = read_json(folder / "metrics.json")
        accuracies[str(seed)] = scores["test"]["accuracy"]
        write_json(artifacts.folder / "seeds.json", accuracies)
        print(
            f"seed {seed}: test accuracy {scores['test']['accuracy']:.4f}, validation {scores['validation']['accuracy']:.4f}, "
            f"best epoch {run['best_epoch']}, {run['seconds']:.0f} s",
            flush=True,
        )
    return accuracies


def interval(values: list[float]) -> tuple[float, float]:
    """95% confidence interval of the mean, from Student's t distribution: seeds are few, and their spread is estimated.

    Examples
    --------
    >>> low, high = interval([0.9, 0.9, 1.0])
    >>> round(low, 3), round(high, 3)
    (0.79, 1.077)
    """
    half = stats.t.ppf(0.975, len(values) - 1) * stats.sem(values)
    return float(np.mean(values) - half), float(np.mean(values) + half)


def main() -> int:
    """Make the clips and pictures where they are not there yet, train, and print mean, worst and 95% interval.

    Returns
    -------
    int
        Exit code: 0, or 1 where something failed.
    """
    try:
        seeds = [int(seed) for seed in os.environ.get("SEEDS", "0,1,2,3,4").split(",")]
    except ValueError:
        print(f"SEEDS={os.environ['SEEDS']!r} can't be read: write whole numbers, as in SEEDS=0,1,2,3,4.", file=sys.stderr)
        return 1
    if run_notebooks(["01_download", "02_spectrograms"]):
        return 1
    try:
        session = start()
        accuracies = train_seeds(session.artifacts, seeds, profile=session.profile)
    except SuiteError as error:
        print(error, file=sys.stderr)
        return 1
    values = list(accuracies.values())
    print(f"\n{pd.Series(accuracies, name='test accuracy').rename_axis('seed').to_string()}")
    print(f"\nmean {np.mean(values):.4f}, worst {min(values):.4f}", end="")
    if len(values) > 1:
        low, high = interval(values)
        print(f", 95% interval of the mean {max(low, 0):.4f} to {min(high, 1):.4f}", end="")
    print(f"\n{require(session.artifacts.folder / 'seeds.json')}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("\nstopped; the next run goes on from what is there")
