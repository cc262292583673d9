"""Which profile "auto" stands for on this machine, with these results, in this notebook (all notebooks)."""

from helpers.base import machine
from helpers.base.artifacts import Artifacts, read_json
from helpers.base.settings import PROFILES

TRAINING_NOTEBOOKS = (3, 5)


def automatic_profile(artifacts: Artifacts, *, notebook: int | None) -> str:
    """The profile that "auto" stands for.

    A notebook that trains takes `paper` where TensorFlow can use a GPU, else `quick`. The others load no TensorFlow: they take the
    profile of what is there, a trained network or spectrogram images; where there is nothing, they go by the GPU's driver.
    """
    if notebook in TRAINING_NOTEBOOKS:
        return made_for_device()
    made = read_json(artifacts.spectrogram_settings)["profile"] if artifacts.spectrogram_settings.exists() else ""
    trained = [name for name, profile in PROFILES.items() if artifacts.run(profile.network).facts.exists()]
    if trained and made not in trained:
        return max(trained, key=lambda name: artifacts.run(PROFILES[name].network).facts.stat().st_mtime)
    return made or ("paper" if machine.driver_lists_gpu() else "quick")


def made_for_device() -> str:
    """The profile for the device that trains; asks TensorFlow."""
    return "paper" if machine.training_devices() else "quick"
