"""Sliders for the pitch and the formants of a recording, its sound and what the network says: core ipywidgets (notebook 06)."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets
import numpy as np

from helpers.clip_html import audio_html
from helpers.voice_change import change_voice

MOST = {"pitch": 12, "formants": 6}  # semitones to either side


def voice_sliders(samples: np.ndarray, *, sample_rate: int, answer: Callable[[np.ndarray], str]) -> ipywidgets.Widget:
    """Move the pitch and the formants of a voice, hear it, and see what the network makes of it.

    Parameters
    ----------
    samples : np.ndarray [shape=(n,)]
    sample_rate : int
        In Hz.
    answer : callable
        From changed samples to HTML.

    Returns
    -------
    ipywidgets.Widget
    """
    sliders = {
        name: ipywidgets.SelectionSlider(
            options=[(f"{step:+d} semitones" if step else "as recorded", step) for step in range(-most, most + 1)],
            value=0,
            description=name,
            continuous_update=False,  # computes when the slider is let go
            layout=ipywidgets.Layout(width="400px", max_width="100%"),
        )
        for name, most in MOST.items()
    }
    panel = ipywidgets.HTML()

    def show(_=None) -> None:
        steps = {name: slider.value for name, slider in sliders.items()}
        changed = change_voice(samples, sample_rate=sample_rate, **steps)
        words = ", ".join(f"{name} {step:+d}" for name, step in steps.items())
        panel.value = f"<p style='line-height:1.6'>{answer(changed)}</p>{audio_html(changed, sample_rate, name=words)}"

    for slider in sliders.values():
        slider.observe(show, "value")
    show()
    return ipywidgets.VBox([ipywidgets.HBox(list(sliders.values()), layout=ipywidgets.Layout(flex_flow="row wrap")), panel])
