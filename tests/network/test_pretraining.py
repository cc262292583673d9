"""Where a network for recordings of people starts: from the ready-made one, which has learnt the synthetic voices."""

import zipfile
from dataclasses import replace

import numpy as np
import pytest
from conftest import TINY

from helpers.base.artifacts import read_json, write_json
from helpers.base.settings import PROFILES
from helpers.comparison.race import run_folders
from helpers.evaluation.scores import read_classes
from helpers.network import networks, pretraining
from helpers.network.model_files import load_model, save_model
from helpers.network.run import Run
from helpers.network.training import build, train

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("shallow")]
PROFILE = replace(TINY, weights="voices")


@pytest.fixture
def ready(manifest, artifacts, tmp_path, monkeypatch):
    """Ready-made results with a network that was trained for a moment, on four classes."""
    train("small_resnet", manifest, artifacts, profile=TINY)
    monkeypatch.setattr(pretraining, "READY", tmp_path)
    return pack(artifacts, tmp_path / "voices.zip")


def pack(artifacts, archive):
    with zipfile.ZipFile(archive, "w") as packed:
        packed.write(artifacts.run("small_resnet").model, pretraining.MEMBER)
    return archive


def asked(manifest, artifacts, name="small_resnet", profile=PROFILE):
    """The weights that a network would start from."""
    run = Run.of(name, manifest, artifacts, profile=profile)
    plan = build(name, artifacts.image(manifest["clip"][0]), classes=run.classes[:2], profile=replace(profile, weights="none"))
    return pretraining.starting_weights(run, plan)


def test_a_network_for_other_classes_starts_from_all_layers_but_the_last(manifest, artifacts, ready):
    weights = asked(manifest, artifacts)
    made = load_model(artifacts.run("small_resnet").model).network
    model = networks.build("small_resnet", shape=made.input_shape[1:], classes=2, base_channels=PROFILE.base_channels)
    last = model.layers[-1].get_weights()
    pretraining.start_from(model, weights)
    for mine, theirs in zip(model.layers[:-1], made.layers[:-1], strict=True):
        assert all(np.array_equal(*pair) for pair in zip(mine.get_weights(), theirs.get_weights(), strict=True))
    assert all(np.array_equal(*pair) for pair in zip(model.layers[-1].get_weights(), last, strict=True))
    assert len(weights) > 10 and pretraining.fingerprint(weights) != pretraining.fingerprint(weights[::-1])


def test_a_training_says_where_it_starts_and_is_made_again_from_other_weights(manifest, artifacts, ready, capsys):
    run = train("small_resnet", manifest, artifacts, profile=PROFILE)
    assert run["start"] and run["settings"]["weights"] == "voices"
    assert "starts from the weights that have learnt the synthetic voices" in capsys.readouterr().out
    train("small_resnet", manifest, artifacts, profile=PROFILE)
    assert "already trained" in capsys.readouterr().out
    pack(artifacts, ready)
    assert train("small_resnet", manifest, artifacts, profile=PROFILE)["start"] != run["start"]
    assert "because the weights that it starts from have changed" in capsys.readouterr().out


def test_the_voices_themselves_and_other_networks_start_from_random_weights(manifest, artifacts, ready, capsys):
    assert asked(manifest, artifacts, name="plain_cnn") == [] == asked(manifest, artifacts, profile=TINY)
    write_json(artifacts.dataset, read_json(artifacts.dataset) | {"dataset": "voices"})
    assert asked(manifest, artifacts) == [] and "random" not in capsys.readouterr().out


def test_weights_that_do_not_fit_are_not_taken_and_a_line_says_why(manifest, artifacts, ready, capsys):
    start = "small_resnet: starts from random weights. Those of the synthetic voices can't be taken: "
    assert asked(manifest, artifacts, profile=replace(PROFILE, base_channels=6)) == []
    assert capsys.readouterr().out == f"{start}they are of a network of another size.\n"
    assert asked(manifest, artifacts, profile=replace(PROFILE, spectrogram=replace(PROFILE.spectrogram, fmin=20.0))) == []
    assert capsys.readouterr().out == f"{start}they are of other spectrograms.\n"
    model = load_model(artifacts.run("small_resnet").model)
    save_model(artifacts.run("small_resnet").model, model.network, {"network": "small_resnet"})
    pack(artifacts, ready)
    assert asked(manifest, artifacts) == [] and "is damaged, or of another version of this project" in capsys.readouterr().out
    ready.write_bytes(b"no archive")
    assert asked(manifest, artifacts) == [] and f"{ready} can't be read" in capsys.readouterr().out
    ready.unlink()
    assert asked(manifest, artifacts) == [] and "No such file" in capsys.readouterr().out


def test_no_network_of_the_race_starts_from_them(artifacts):
    for profile, weights in (("quick", "none"), ("paper", "imagenet")):
        for _, settings in run_folders("small_resnet", artifacts, profile=PROFILES[profile]):
            assert settings.weights == weights


def test_the_ready_made_network_fits_the_profile(manifest, artifacts, monkeypatch):
    monkeypatch.undo()  # all its blocks
    run = Run.of("small_resnet", manifest, artifacts, profile=PROFILES["quick"])
    profile = run.profile
    plan = networks.build("small_resnet", shape=(profile.spectrogram.mel_bins, profile.window_frames, 1),
                          classes=len(read_classes(artifacts)), base_channels=profile.base_channels)  # fmt: skip
    assert pretraining.starting_weights(run, plan)
