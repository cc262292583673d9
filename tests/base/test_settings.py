import pytest

from helpers.base.artifacts import SuiteError
from helpers.base.settings import PROFILES, choose_profile, describe


def test_paper_is_the_study_to_the_letter():
    paper = PROFILES["paper"]
    assert (paper.network, paper.weights) == ("resnet50", "imagenet")
    assert (paper.epochs, paper.batch_size, paper.optimizer, paper.learning_rate) == (40, 32, "adam", 1e-4)


def test_overrides_reach_every_part_and_keep_their_kind():
    profile = choose_profile(
        "quick", overrides="epochs=3, learning_rate=1e-3 mel_bins=64,speakers=2 image_size=64 colour=true compare=a+b"
    )
    assert (profile.epochs, profile.learning_rate, profile.compare) == (3, 1e-3, ("a", "b"))
    assert (profile.spectrogram.mel_bins, profile.spectrogram.image_size, profile.spectrogram.colour) == (64, 64, True)
    assert profile.corpus.speakers == 2
    assert choose_profile("paper", overrides="image_size=none").spectrogram.image_size is None
    assert PROFILES["quick"].epochs != 3


@pytest.mark.parametrize(
    ("name", "overrides", "message"),
    [
        ("fast", "", "no profile 'fast': choose one of quick, paper"),
        ("quick", "epoch=3", "no setting 'epoch'; write name=value with one of: .*epochs"),
        ("quick", "epochs", "epochs takes int, but ''"),
        ("quick", "epochs=many", "epochs takes int, but 'many'"),
        ("quick", "colour=maybe", "colour takes bool, but 'maybe'"),
        ("quick", "name=mine", "no setting 'name'"),
        ("quick", "epochs=0", "epochs must be at least 1"),
        ("quick", "batch_size=-2", "batch_size must be at least 1"),
    ],
)
def test_what_does_not_fit_is_one_sentence(name, overrides, message):
    with pytest.raises(SuiteError, match=message):
        choose_profile(name, overrides=overrides)


def test_a_profile_reads_as_one_flat_list():
    flat = describe(PROFILES["quick"])
    assert {"epochs", "mel_bins", "speakers", "seed"} <= set(flat) and not any(isinstance(value, dict) for value in flat.values())
