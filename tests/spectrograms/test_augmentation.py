"""Each augmentation function does to a picture what its docstring says."""

import numpy as np
import pytest
import tensorflow as tf

from helpers.spectrograms import augmentation


def seed(number):
    return tf.constant([3, number], tf.int64)


def test_masks_blacken_whole_rows_and_columns_and_nothing_else():
    image = tf.fill([24, 40, 1], tf.constant(200, tf.uint8))
    hidden = []
    for number in range(40):
        masked = augmentation.mask(image, rows=5, columns=9, seed=seed(number)).numpy()[..., 0]
        assert set(np.unique(masked)) <= {0, 200}
        rows, columns = (masked == 0).all(axis=1), (masked == 0).all(axis=0)
        assert np.array_equal(masked == 0, rows[:, None] | columns[None])
        assert rows.sum() <= 10 and columns.sum() <= 18
        hidden.append((rows.sum(), columns.sum()))
    assert len(set(hidden)) > 10
    assert np.array_equal(augmentation.mask(image, rows=0, columns=0, seed=seed(0)), image)


def test_windows_reach_both_ends_of_a_clip():
    image = tf.reshape(tf.range(100, dtype=tf.int32), [1, 100, 1])
    starts = {int(augmentation.random_window(image, width=90, seed=seed(n))[0, 0, 0]) for n in range(300)}
    assert starts == set(range(11))


def test_a_shift_moves_both_ways_and_brings_in_silence():
    image = tf.tile(tf.range(1.0, 51.0)[tf.newaxis, :, tf.newaxis], [4, 1, 1])
    shifts = set()
    for number in range(200):
        moved = augmentation.time_shift(image, most=6, seed=seed(number)).numpy()[0, :, 0]
        shift = int(25 + 1 - moved[25])
        shifts.add(shift)
        expected = np.zeros(50)
        expected[max(shift, 0) : 50 + min(shift, 0)] = np.arange(1, 51)[max(-shift, 0) : 50 - max(shift, 0)]
        assert np.array_equal(moved, expected)
    assert shifts == set(range(-6, 7))


def test_gain_adds_the_same_decibels_everywhere_and_cuts_off():
    image = tf.reshape(tf.range(256.0), [16, 16, 1])
    changes = []
    for number in range(100):
        louder = augmentation.gain(image, most_db=10.0, dynamic_range_db=80.0, seed=seed(number)).numpy()
        change = louder[8, 0, 0] - 128
        assert np.allclose(louder, np.clip(image + change, 0, 255), atol=1e-3)
        changes.append(change * 80 / 255)
    assert -10 <= min(changes) < -8 and 8 < max(changes) <= 10


def test_the_equaliser_adds_one_smooth_curve_to_every_frame_within_its_limit():
    image = tf.fill([96, 20, 1], 128.0)
    curves = []
    for number in range(200):
        filtered = augmentation.equalise(image, most_db=12.0, dynamic_range_db=80.0, seed=seed(number)).numpy()[..., 0]
        assert np.ptp(filtered, axis=1).max() == 0
        curves.append((filtered[:, 0] - 128) * 80 / 255)
    assert np.abs(curves).max() <= 12 and np.abs(curves).max() > 8
    assert np.abs(np.mean(curves, axis=0)).max() < 1.5  # no frequency is favoured
    assert np.abs(np.diff(curves, axis=1)).max() < 1.0  # dB from one of 96 bands to the next


@pytest.mark.parametrize("snr_db", [0.0, 10.0, 30.0])
def test_noise_adds_the_power_that_the_ratio_asks_for(rng, snr_db):
    decibels = rng.uniform(-60, -20, (96, 400, 1)).astype(np.float32)
    image = tf.constant((decibels / 80 + 1) * 255)
    noisy = augmentation.add_noise(image, snr_db=snr_db, dynamic_range_db=80.0, seed=seed(1)).numpy()
    before, after = 10 ** (decibels / 10), 10 ** ((noisy / 255 - 1) * 8)
    assert 10 * np.log10(before.mean() / (after - before).mean()) == pytest.approx(snr_db, abs=0.2)
    assert (after >= before * 0.999).all()
    assert np.allclose(augmentation.add_noise(image, snr_db=np.inf, dynamic_range_db=80.0, seed=seed(1)), image, atol=1e-2)


def test_mixup_blends_pictures_and_labels_in_one_proportion():
    images = tf.reshape(tf.one_hot(tf.range(6), 6), [6, 2, 3, 1])
    fractions = []
    for number in range(50):
        mixed, labels = augmentation.mixup(images, tf.one_hot(tf.range(6), 6), alpha=0.3, seed=seed(number))
        assert np.allclose(tf.reshape(mixed, [6, 6]), labels) and np.allclose(labels.numpy().sum(axis=1), 1)
        assert (labels.numpy()[np.eye(6) + np.roll(np.eye(6), 1, axis=0) == 0] == 0).all()
        fractions.extend(np.diag(labels.numpy()))
    # Of Beta(a, a): mean a half, variance 1 / (8 a + 4).
    assert np.mean(fractions) == pytest.approx(0.5, abs=0.07) and np.var(fractions) == pytest.approx(1 / 6.4, abs=0.03)
    tiny, _ = augmentation.mixup(images, images[:, 0, :, 0], alpha=1e-3, seed=seed(0))
    assert np.isfinite(tiny).all()


def test_ways_are_drawn_independently():
    noise = augmentation.add_noise(tf.fill([1, 300, 1], 100.0), snr_db=0.0, dynamic_range_db=80.0, seed=seed(5)).numpy().ravel()
    shifts = [
        float(augmentation.gain(tf.fill([1, 1, 1], 100.0), most_db=10.0, dynamic_range_db=80.0, seed=seed(n))[0, 0, 0])
        for n in range(300)
    ]
    columns = tf.reshape(tf.range(200), [1, 200, 1])
    starts = [int(augmentation.random_window(columns, width=1, seed=seed(n))[0, 0, 0]) for n in range(300)]
    assert abs(np.corrcoef(shifts, starts)[0, 1]) < 0.2 and abs(np.corrcoef(noise[1:], noise[:-1])[0, 1]) < 0.2
