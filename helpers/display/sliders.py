"""Sliders for a spectrogram's settings, and for the pitch and formants of a voice: core ipywidgets only (notebooks 02 and 06)."""

import warnings
from collections.abc import Callable
from dataclasses import replace

import ipywidgets
import numpy as np
from matplotlib.figure import Figure

from helpers.base.settings import SpectrogramSettings
from helpers.display import figures
from helpers.display.clip import audio_html, data_uri, saved
from helpers.spectrograms.mel import mel_spectrogram_db
from helpers.spectrograms.voice import change_voice

CHOICES = {
    "n_fft": ("FFT size", (128, 256, 512, 1024, 2048, 4096)),
    "hop_length": ("hop", (40, 80, 160, 320, 640)),
    "mel_bins": ("mel bins", (16, 32, 64, 96, 128, 192)),
}
NARROWEST = 520  # pixels of a spectrogram with axes, of 900


def spectrogram_sliders(samples: np.ndarray, *, settings: SpectrogramSettings, name: str) -> ipywidgets.Widget:
    """Hear a clip, and see what FFT size, hop and mel bins do to its spectrogram.

    Parameters
    ----------
    samples : np.ndarray [shape=(n,)]
        Mono, at `settings.sample_rate`.
    settings : SpectrogramSettings
        Where the sliders start, and all that they do not change.
    name : str
        Of the clip, for a screen reader.
    """
    sliders = {
        key: ipywidgets.SelectionSlider(
            options=sorted({*choices, getattr(settings, key)}), value=getattr(settings, key), description=title
        )
        for key, (title, choices) in CHOICES.items()
    }
    row, panel = _panel(sliders, lambda chosen: _spectrogram_html(samples, settings=replace(settings, **chosen)))
    return ipywidgets.VBox([row, ipywidgets.HTML(audio_html(samples, settings.sample_rate, name=name)), panel])


def _spectrogram_html(samples: np.ndarray, *, settings: SpectrogramSettings) -> str:
    """The spectrogram as an `<img>`, below a sentence that says what its settings mean in time and frequency."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Empty filters")  # said in the sentence
        decibels = mel_spectrogram_db(samples, settings=settings)
    empty = int((decibels <= -settings.dynamic_range_db).all(axis=1).sum())
    rate = settings.sample_rate
    facts = [
        f"<b>FFT size {settings.n_fft}</b>: windows of {1000 * settings.n_fft / rate:.0f} ms, frequencies "
        f"{rate / settings.n_fft:.0f} Hz apart",
        f"<b>hop {settings.hop_length}</b>: a column every {1000 * settings.hop_length / rate:.1f} ms",
        f"<b>{settings.mel_bins} mel bins</b>: {decibels.shape[0]} x {decibels.shape[1]} points for the network",
    ]
    if empty:
        facts.append(f"<b>{empty} bands are narrower than that and stay black</b>")
    figure = Figure(figsize=(10, 4), layout="constrained")
    figures.spectrogram(decibels, settings=settings, ax=figure.subplots())
    source = data_uri("image/png", saved(lambda file: figure.savefig(file, format="png", dpi=90)))
    # On a telephone it scrolls, no smaller than its letters can be read.
    picture = f'<img alt="spectrogram" style="max-width:100%;min-width:{NARROWEST}px;margin-top:4px" src="{source}">'
    return f'<p style="line-height:1.5">{" · ".join(facts)}</p><div style="overflow-x:auto">{picture}</div>'


def voice_sliders(samples: np.ndarray, *, sample_rate: int, answer: Callable[[np.ndarray], str]) -> ipywidgets.Widget:
    """Move the pitch and the formants of a voice, hear it, and see what the network makes of it.

    Parameters
    ----------
    samples : np.ndarray [shape=(n,)]
    sample_rate : int
        In Hz.
    answer : callable
        From changed samples to HTML.
    """
    sliders = {
        name: ipywidgets.SelectionSlider(
            options=[(f"{step:+d} semitones" if step else "as recorded", step) for step in range(-most, most + 1)],
            value=0,
            description=name,
            layout=ipywidgets.Layout(width="400px", max_width="100%"),
        )
        for name, most in (("pitch", 12), ("formants", 6))  # semitones to either side
    }

    def voice_html(steps: dict[str, int]) -> str:
        changed = change_voice(samples, sample_rate=sample_rate, **steps)
        words = ", ".join(f"{name} {step:+d}" for name, step in steps.items())
        return f"<p style='line-height:1.6'>{answer(changed)}</p>{audio_html(changed, sample_rate, name=words)}"

    return ipywidgets.VBox(_panel(sliders, voice_html))


def _panel(sliders: dict[str, ipywidgets.SelectionSlider], draw: Callable[[dict], str]) -> list[ipywidgets.Widget]:
    """A row of sliders, and the HTML that `draw` makes of their values, now and when one of them is let go."""
    row = ipywidgets.HBox(list(sliders.values()), layout=ipywidgets.Layout(flex_flow="row wrap"))
    panel = ipywidgets.HTML()

    def show(_=None) -> None:
        panel.value = draw({name: slider.value for name, slider in sliders.items()})

    for slider in row.children:
        slider.continuous_update = False
        slider.observe(show, "value")
    show()
    return [row, panel]
