import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from helpers import batches
from helpers.errors import SuiteError
from helpers.profiles import Profile

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
    steps = batches.steps_per_epoch(7, profile=PROFILE)
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
    assert [batches.windows_per_clip(clips, profile=profile) for clips in (14, 321, 561, 5028)] == [46, 2, 1, 1]


def test_the_same_seed_gives_the_same_batches_and_another_does_not(paths):
    one, two = training(paths), training(paths)
    assert all(np.array_equal(a[0], b[0]) and np.array_equal(a[1], b[1]) for a, b in zip(one, two, strict=True))
    other = training(paths, Profile("test", window_frames=40, epoch_windows=14, batch_size=4, epochs=2, seed=1))
    assert not np.array_equal(one[0][0], other[0][0])


def test_epochs_differ(paths):
    found = training(paths)
    assert not np.array_equal(found[0][0], found[4][0])


def test_masks_blacken_whole_rows_and_columns_and_nothing_else():
    image = tf.fill([24, 40, 1], tf.constant(200, tf.uint8))
    hidden = []
    for number in range(40):
        masked = batches.mask(image, rows=5, columns=9, seed=tf.constant([3, number], tf.int64)).numpy()[..., 0]
        assert set(np.unique(masked)) <= {0, 200}
        rows, columns = (masked == 0).all(axis=1), (masked == 0).all(axis=0)
        assert np.array_equal(masked == 0, rows[:, None] | columns[None])
        assert rows.sum() <= 10 and columns.sum() <= 18
        hidden.append((rows.sum(), columns.sum()))
    assert len(set(hidden)) > 10
    assert np.array_equal(batches.mask(image, rows=0, columns=0, seed=tf.constant([0, 0], tf.int64)), image)


def test_windows_reach_both_ends_of_a_clip():
    image = tf.reshape(tf.range(100, dtype=tf.int32), [1, 100, 1])
    starts = {int(batches.random_window(image, width=90, seed=tf.constant([0, n], tf.int64))[0, 0, 0]) for n in range(300)}
    assert starts == set(range(11))


def test_evaluation_takes_evenly_spaced_windows_of_each_clip_in_order(paths):
    found = list(batches.evaluation_batches(paths, np.arange(7), classes=7, profile=PROFILE, windows=3).as_numpy_iterator())
    images, labels = (np.concatenate(part) for part in zip(*found, strict=True))
    assert images.shape == (21, 24, 40, 1) and labels.argmax(axis=1).tolist() == np.repeat(np.arange(7), 3).tolist()
    assert images[-3:, 0, 0, 0].tolist() == [20, 45, 70]  # a clip of 90 columns, from 0, 25 and 50 on
    assert (images[:3, 0, 30:] == 0).all() and (images[:3, 0, :30] > 0).all()  # one of 30 columns, padded with silence


def test_a_picture_that_cannot_be_read_is_one_sentence(tmp_path):
    (tmp_path / "a.png").write_bytes(b"no picture")
    for name in ("a.png", "b.png"):
        with pytest.raises(SuiteError, match=r"run notebooks/02_spectrograms.ipynb again"):
            batches.image_shape(tmp_path / name, profile=PROFILE)
