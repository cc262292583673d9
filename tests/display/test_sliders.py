"""The sliders of notebook 02, without a browser: what they show for what is chosen."""

import base64
import io
import re

import numpy as np
import pytest
from conftest import voice
from PIL import Image

from helpers.base.settings import PROFILES
from helpers.display.sliders import spectrogram_sliders


@pytest.fixture
def box():
    return spectrogram_sliders(voice(200), settings=PROFILES["quick"].spectrogram, name="a")


def picture(panel):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(re.search(r"src=\"data:image/png;base64,([^\"]+)", panel.value)[1]))))


def test_it_starts_with_the_profiles_settings_and_a_player(box):
    row, player, panel = box.children
    assert [slider.value for slider in row.children] == [1024, 160, 96]
    assert "<audio controls" in player.value
    assert "windows of 64 ms, frequencies 16 Hz apart" in panel.value and "96 x 101 points" in panel.value
    assert 'overflow-x:auto"><img' in panel.value and "min-width" in panel.value  # on a telephone it scrolls


def test_each_slider_redraws(box):
    row, player, panel = box.children
    sound, before = player.value, picture(panel)
    for slider, value, said in zip(row.children, (256, 320, 32), ("windows of 16 ms", "every 20.0 ms", "32 x 51"), strict=True):
        slider.value = value
        assert said in panel.value and not np.array_equal(picture(panel), before)
        before = picture(panel)
    assert player.value == sound  # what plays goes on playing


def test_too_many_bands_for_the_window_are_counted(box):
    row, _, panel = box.children
    assert "stay black" not in panel.value
    row.children[0].value, row.children[2].value = 128, 192
    assert re.search(r"[1-9]\d* bands are narrower than that and stay black", panel.value)


@pytest.mark.parametrize("profile", list(PROFILES))
def test_every_profile_starts_where_it_is(profile):
    settings = PROFILES[profile].spectrogram
    samples = voice(200, rate=settings.sample_rate)
    row = spectrogram_sliders(samples, settings=settings, name="a").children[0]
    assert [slider.value for slider in row.children] == [settings.n_fft, settings.hop_length, settings.mel_bins]
