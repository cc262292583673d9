"""Sliders for the settings of a spectrogram, its picture and its sound: core ipywidgets only (notebook 02)."""

from __future__ import annotations

import base64
import io
import warnings
from dataclasses import replace
from pathlib import Path

import ipywidgets
from matplotlib.figure import Figure

from helpers import figures
from helpers.clip_html import player_html
from helpers.mel import SpectrogramSettings, load_audio, mel_spectrogram_db

CHOICES = {
    "n_fft": ("FFT size", (128, 256, 512, 1024, 2048, 4096)),
    "hop_length": ("hop", (40, 80, 160, 320, 640)),
    "mel_bins": ("mel bins", (16, 32, 64, 96, 128, 192)),
}


def spectrogram_sliders(path: Path, *, settings: SpectrogramSettings) -> ipywidgets.Widget:
    """Hear a clip, and see what FFT size, hop and number of mel bins do to its spectrogram.

    Parameters
    ----------
    path : Path
        Of the sound file.
    settings : SpectrogramSettings
        Where the sliders start, and all that they do not change.

    Returns
    -------
    ipywidgets.Widget
    """
    samples = load_audio(path, sample_rate=settings.sample_rate)
    sliders = {
        name: ipywidgets.SelectionSlider(
            options=sorted({*choices, getattr(settings, name)}),
            value=getattr(settings, name),
            description=title,
            continuous_update=False,  # draws when the slider is let go
        )
        for name, (title, choices) in CHOICES.items()
    }
    panel = ipywidgets.HTML()

    def show(_=None) -> None:
        chosen = replace(settings, **{name: slider.value for name, slider in sliders.items()})
        panel.value = spectrogram_html(samples, settings=chosen)

    for slider in sliders.values():
        slider.observe(show, "value")
    show()
    row = ipywidgets.HBox(list(sliders.values()), layout=ipywidgets.Layout(flex_flow="row wrap"))
    return ipywidgets.VBox([row, ipywidgets.HTML(player_html(path)), panel])


def spectrogram_html(samples, *, settings: SpectrogramSettings) -> str:
    """The spectrogram as an `<img>`, below a sentence that says what its settings mean in time and frequency.

    Parameters
    ----------
    samples : np.ndarray [shape=(n,)]
    settings : SpectrogramSettings

    Returns
    -------
    str
    """
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
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=90)
    source = f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
    picture = f'<img alt="spectrogram" style="max-width:100%;margin-top:4px" src="{source}">'
    return f'<p style="line-height:1.5">{" · ".join(facts)}</p>{picture}'
