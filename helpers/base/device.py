"""Which profile "auto" stands for on this machine, with these results, in this notebook (all notebooks)."""

from helpers.base import machine
from helpers.base.artifacts import Artifacts, read_json, read_table
from helpers.base.settings import PROFILES

TRAINING_NOTEBOOKS = (3, 5)
FEWEST_CLIPS = 5029  # for training: with 5,028, as many as the study has, `quick` still does better (docs/results.md)


def automatic_profile(artifacts: Artifacts, *, notebook: int | None) -> str:
    """The profile that "auto" stands for.

    A notebook that trains takes `paper` where TensorFlow can use a GPU and the clips are enough for it, else `quick`. The others
    load no TensorFlow: they take the profile of what is there, a trained network or spectrogram images; where there is nothing,
    they go by the GPU's driver.
    """
    if notebook in TRAINING_NOTEBOOKS:
        return made_for(artifacts, gpu=has_gpu())
    made = read_json(artifacts.spectrogram_settings)["profile"] if artifacts.spectrogram_settings.exists() else ""
    trained = [name for name, profile in PROFILES.items() if artifacts.run(profile.network).facts.exists()]
    if trained and made not in trained:
        return max(trained, key=lambda name: artifacts.run(PROFILES[name].network).facts.stat().st_mtime)
    return made or made_for(artifacts, gpu=machine.driver_lists_gpu())


def made_for(artifacts: Artifacts, *, gpu: bool) -> str:
    """The profile for a device and a corpus."""
    return "paper" if gpu and not few_clips(artifacts) else "quick"


def has_gpu() -> bool:
    """Whether there is a GPU to train on; asks TensorFlow."""
    return bool(machine.training_devices())


def few_clips(artifacts: Artifacts) -> int:
    """How many training clips there are, where they are too few for the study's recipe; 0 where they suffice, or are not known."""
    if not artifacts.manifest.exists():
        return 0
    clips = int((read_table(artifacts.manifest)["split"] == "train").sum())
    return clips if clips < FEWEST_CLIPS else 0
