import pytest

from helpers.base.artifacts import SuiteError
from helpers.base.settings import NETWORKS, PROFILES, Profile, choose_profile, describe


def test_paper_has_the_settings_that_the_study_gives():
    paper = PROFILES["paper"]
    assert (paper.network, paper.weights) == ("resnet50", "imagenet")
    assert (paper.epochs, paper.batch_size, paper.optimizer, paper.learning_rate) == (40, 32, "adam", 1e-4)


def test_overrides_reach_every_part_and_keep_their_kind():
    profile = choose_profile(
        "quick", overrides="epochs=3, learning_rate=1e-3 mel_bins=64,speakers=2 image_size=64 colour=true compare=plain_cnn+vgg16"
    )
    assert (profile.epochs, profile.learning_rate, profile.compare) == (3, 1e-3, ("plain_cnn", "vgg16"))
    assert (profile.spectrogram.mel_bins, profile.spectrogram.image_size, profile.spectrogram.colour) == (64, 64, True)
    assert profile.corpus.speakers == 2
    assert choose_profile("paper", overrides="image_size=none").spectrogram.image_size is None
    assert PROFILES["quick"].epochs != 3


@pytest.mark.parametrize(
    ("name", "overrides", "message"),
    [
        ("fast", "", "no profile 'fast': choose one of quick, paper"),
        ("quick", "epoch=3", "no setting 'epoch'; write name=value with one of: .*epochs"),
        ("quick", "epochs", "epochs takes a whole number, but ''"),
        ("quick", "epochs=many", "epochs takes a whole number, but 'many'"),
        ("quick", "colour=maybe", "colour takes true or false, but 'maybe'"),
        ("quick", "name=mine", "no setting 'name'"),
        ("quick", "epochs=0", "epochs must be at least 1"),
        ("quick", "batch_size=-2", "batch_size must be at least 1"),
        ("quick", "dropout=2", "dropout must be at least 0 and at most 0.95, but is 2.0"),
        ("quick", "label_smoothing=3", "label_smoothing must be at least 0 and at most 0.95, but is 3.0"),
        ("quick", "learning_rate=-1", "learning_rate must be at least 1e-15 and at most 10, but is -1.0"),
        ("quick", "learning_rate=nan", "learning_rate must be at least 1e-15 and at most 10, but is nan"),
        ("quick", "dynamic_range_db=-5", "dynamic_range_db must be at least 1 and at most 200, but is -5.0"),
        ("quick", "weights=foo", "weights takes one of imagenet, voices, none or the path of a file .* .h5, but 'foo' was given"),
        ("quick", 'weights="/My Drive/a.h5', 'a quote is not closed: weights="/My Drive'),
        ("quick", "head=average", "head takes one of max_pooling, flatten, average_pooling, but 'average' was given"),
        ("quick", "network=resnet50_flatten", "resnet50_flatten is now network=resnet50 head=flatten: write that"),
        ("quick", "compare=vgg16+resnet50_flatten", "resnet50_flatten is now network=resnet50 head=flatten: write that"),
        ("quick", "network=resnet18", "network takes one of small_resnet, plain_cnn, .*, but 'resnet18' was given"),
        ("quick", "compare=plain_cnn+lenet", "compare takes one of small_resnet, plain_cnn, .*, but 'lenet' was given"),
        ("quick", "optimizer=sgd", "optimizer takes one of adam, adamw, adamw_steady, but 'sgd' was given"),
        ("quick", "kept_epoch=first", "kept_epoch takes one of best, last, but 'first' was given"),
        ("quick", "mixed_precision=maybe", "mixed_precision takes one of auto, on, off, but 'maybe' was given"),
        ("quick", "fmin=9000", "fmax must be more than fmin"),
        ("quick", "window_frames=-1", "window_frames must be at least 1"),
        ("quick", "window_frames=wide", "window_frames takes a whole number or none, but 'wide'"),
    ],
)
def test_what_does_not_fit_is_one_sentence(name, overrides, message):
    with pytest.raises(SuiteError, match=message):
        choose_profile(name, overrides=overrides)


def test_a_quoted_path_may_hold_spaces_and_commas():
    profile = choose_profile("paper", overrides="network=mobilenet, weights='/My Drive/a, b.weights.h5', head=flatten")
    assert (profile.network, profile.head, profile.weights) == ("mobilenet", "flatten", "/My Drive/a, b.weights.h5")
    assert profile.weights_file.name == "a, b.weights.h5" and PROFILES["paper"].weights_file is None


def test_overrides_are_checked_together_and_a_setting_that_is_made_by_hand_too():
    assert choose_profile("quick", overrides="fmin=9000 fmax=10000").spectrogram.fmin == 9000
    with pytest.raises(SuiteError, match="dropout must be"):
        Profile("mine", dropout=1.0)


def test_every_network_that_may_be_chosen_is_one_that_can_be_built():
    from helpers.network.networks import PRETRAINED

    assert ("small_resnet", "plain_cnn", "small_vgg", *PRETRAINED) == NETWORKS


def test_a_profile_reads_as_one_flat_list():
    flat = describe(PROFILES["quick"])
    assert {"epochs", "mel_bins", "speakers", "seed"} <= set(flat) and not any(isinstance(value, dict) for value in flat.values())
