import numpy as np
import pytest
from PIL import Image

from helpers.base.artifacts import SuiteError
from helpers.base.settings import Profile, choose_profile
from helpers.spectrograms import batches

PROFILE = Profile("test", window_frames=40, epoch_windows=14, test_windows=3, batch_size=4, epochs=2)


@pytest.fixture
def paths(tmp_path, rng):
    """Seven pictures whose left half is their number and whose columns tell their place."""
    made = []
    for number in range(7):
        width = 30 + 10 * number
        columns = np.tile(np.arange(width) % 200 + 20, (24, 1)).astype(np.uint8)
        path = tmp_path / f"{number}.png"
        Image.fromarray(columns).save(path)
        made.append(path)
    return made


def training(paths, profile=PROFILE):
    return list(batches.training_batches(paths, np.arange(7), classes=7, profile=profile).as_numpy_iterator())


def test_each_epoch_shows_each_clip_as_often_as_the_profile_says(paths):
    found = training(paths)
    steps = PROFILE.steps_per_epoch(7)
    assert steps == 4 and len(found) == 2 * steps
    for epoch in range(2):
        labels = np.concatenate([labels for _, labels in found[epoch * steps : (epoch + 1) * steps]])
        assert labels.sum(axis=0).tolist() == [2] * 7
    assert all(images.shape[1:] == (24, 40, 1) and images.dtype == np.float32 for images, _ in found)


def test_every_epoch_is_well_mixed(tmp_path):
    """A clip's number says nothing about its place: batches of neighbours would be batches of one speaker."""
    Image.fromarray(np.zeros((1, 1), np.uint8)).save(tmp_path / "a.png")
    clips, epochs = 400, 20
    profile = Profile("test", window_frames=1, epoch_windows=1, batch_size=clips, epochs=epochs)
    found = batches.training_batches([tmp_path / "a.png"] * clips, np.arange(clips), classes=clips, profile=profile)
    orders = [labels.argmax(axis=1) for _, labels in found.as_numpy_iterator()]
    assert len(orders) == epochs and len({tuple(order) for order in orders}) == epochs
    for order in orders:
        assert sorted(order) == list(range(clips))
        assert abs(np.corrcoef(order, np.arange(clips))[0, 1]) < 0.2 and abs(np.corrcoef(order[1:], order[:-1])[0, 1]) < 0.2


def test_a_small_corpus_is_shown_more_than_once_and_a_large_one_once():
    profile = Profile("test", epoch_windows=640)
    assert [profile.windows_per_clip(clips) for clips in (14, 321, 561, 5028)] == [46, 2, 1, 1]


@pytest.mark.parametrize(
    ("training_clips", "clips", "windows"),
    [(936, 312, 1), (321, 107, 2), (80, 107, 3), (80, 20, 10), (5028, 1676, 1), (80, 3000, 1)],
)
def test_validation_takes_a_fifth_as_many_windows_as_training(training_clips, clips, windows):
    assert choose_profile("quick").validation_windows(clips, training_clips=training_clips) == windows


def test_the_same_seed_gives_the_same_batches_and_another_does_not(paths):
    one, two = training(paths), training(paths)
    assert all(np.array_equal(a[0], b[0]) and np.array_equal(a[1], b[1]) for a, b in zip(one, two, strict=True))
    other = training(paths, Profile("test", window_frames=40, epoch_windows=14, batch_size=4, epochs=2, seed=1))
    assert not np.array_equal(one[0][0], other[0][0])


def test_pictures_that_do_not_fit_into_memory_give_the_same_batches(paths, monkeypatch):
    kept = [images for images, _ in training(paths)]
    monkeypatch.setattr(batches, "MOST_BYTES", 1000)
    read_again = [images for images, _ in training(paths)]
    assert len(kept) > 1 and all(np.array_equal(*pair) for pair in zip(kept, read_again, strict=True))


def test_epochs_differ(paths):
    found = training(paths)
    assert not np.array_equal(found[0][0], found[4][0])


OFF = "time_shift=0 gain_db=0 noise_snr_db=none equaliser_db=0 mixup=0 frequency_mask=0 time_mask=0"
ON = ["time_shift=20", "gain_db=12", "noise_snr_db=5", "equaliser_db=12", "mixup=0.4", "frequency_mask=9", "time_mask=20"]


def with_settings(overrides):
    return choose_profile("quick", overrides=f"window_frames=40 epoch_windows=14 batch_size=4 epochs=2 {OFF} {overrides}")


def test_nothing_switched_on_leaves_plain_windows(paths):
    for images, labels in training(paths, with_settings("")):
        for image, label in zip(images, labels.argmax(axis=1), strict=True):
            whole = np.asarray(Image.open(paths[label]))
            plain = np.pad(whole, ((0, 0), (0, max(0, 40 - whole.shape[1]))))
            windows = np.lib.stride_tricks.sliding_window_view(plain, 40, axis=1)
            assert (windows == image[:, None, :, 0]).all(axis=(0, 2)).any()


@pytest.mark.slow
@pytest.mark.parametrize("setting", ON)
def test_each_augmentation_is_chosen_by_a_setting_and_follows_the_seed(paths, setting):
    plain, once, again, other = (training(paths, with_settings(text)) for text in ("", setting, setting, f"{setting} seed=1"))
    assert all(np.array_equal(a, b) for one, two in zip(once, again, strict=True) for a, b in zip(one, two, strict=True))
    assert not any(np.array_equal(one[0], two[0]) for one, two in zip(plain, once, strict=True))
    assert not np.array_equal(once[0][0], other[0][0])
    assert all(images.min() >= 0 and images.max() <= 255 and np.allclose(labels.sum(axis=1), 1) for images, labels in once)


def test_no_augmentation_reaches_validation_or_test(paths):
    found = []
    for overrides in ("", " ".join(ON)):
        profile = with_settings(overrides)
        batches_ = batches.evaluation_batches(paths, np.arange(7), classes=7, profile=profile, windows=3)
        found.append(np.concatenate([images for images, _ in batches_.as_numpy_iterator()]))
    assert np.array_equal(*found)


def test_decibels_of_colours_are_refused(tmp_path):
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / "a.png")
    for setting in ("gain_db=6", "noise_snr_db=10", "equaliser_db=10"):
        with pytest.raises(SuiteError, match="only grey pictures hold: add colour=false to OVERRIDES"):
            batches.training_batches([tmp_path / "a.png"], np.zeros(1, int), classes=1, profile=with_settings(setting))


def test_evaluation_takes_evenly_spaced_windows_of_each_clip_in_order(paths):
    found = list(batches.evaluation_batches(paths, np.arange(7), classes=7, profile=PROFILE, windows=3).as_numpy_iterator())
    images, labels = (np.concatenate(part) for part in zip(*found, strict=True))
    assert images.shape == (21, 24, 40, 1) and labels.argmax(axis=1).tolist() == np.repeat(np.arange(7), 3).tolist()
    assert images[-3:, 0, 0, 0].tolist() == [20, 45, 70]  # a clip of 90 columns, from 0, 25 and 50 on
    assert (images[:3, 0, 30:] == 0).all() and (images[:3, 0, :30] > 0).all()  # one of 30 columns, padded with silence


def test_a_picture_that_cannot_be_read_is_one_sentence(tmp_path):
    (tmp_path / "a.png").write_bytes(b"no picture")
    for name in ("a.png", "b.png"):
        with pytest.raises(SuiteError, match=r"run notebooks/02_spectrograms.ipynb"):
            batches.image_shape(tmp_path / name, profile=PROFILE)
