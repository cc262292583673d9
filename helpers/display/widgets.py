"""Widgets to hear clips, look at them and mark them: core ipywidgets, for Colab and JupyterLab alike (notebooks 01 and 04)."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import ipywidgets
import numpy as np
import pandas as pd

from helpers.base.artifacts import Artifacts, SuiteError
from helpers.base.settings import SpectrogramSettings
from helpers.display.clip import clip_html
from helpers.recordings.review import MARKS, mark_clip, read_review

ALL = "all"
ROW = ipywidgets.Layout(flex_flow="row wrap", align_items="center")
GradCam = Callable[[pd.Series], np.ndarray]  # from a clip's row to what is laid over its picture, or a SuiteError


def listen(
    manifest: pd.DataFrame,
    artifacts: Artifacts,
    *,
    predictions: pd.DataFrame | None = None,
    settings: SpectrogramSettings | None = None,
    grad_cam: GradCam | None = None,
) -> ipywidgets.Widget:
    """Choose a clip by split, gender, age, speaker and verdict; hear it, see it, mark it.

    Parameters
    ----------
    manifest : pd.DataFrame
    artifacts : Artifacts
    predictions : pd.DataFrame, optional
        Adds what the model said, and a choice of right or wrong.
    settings : SpectrogramSettings, optional
        For spectrograms that notebook 02 has not made yet.
    grad_cam : callable, optional
        As `helpers.network.grad_cam.clip_heat` makes it.

    Returns
    -------
    ipywidgets.Widget
    """
    clips = manifest if predictions is None else with_predictions(manifest, predictions)
    clips = clips.set_index("clip", drop=False)
    names = pd.DataFrame({column: clips[column].map(_text) for column in ("split", "label", "gender", "age", "speaker")})
    if not (names[["gender", "age"]] == "").any(axis=None):
        names = names.drop(columns="label")  # gender and age say it all
    if predictions is not None:
        names["verdict"] = np.where(clips["predicted"] == clips["label"], "right", "wrong")
    choosers = {column: _chooser(column, names[column]) for column in names if names[column].nunique() > 1}

    clip = ipywidgets.Dropdown(description="clip", layout=ipywidgets.Layout(width="420px"))
    previous, following = step_buttons()
    count = ipywidgets.HTML()
    choosing = False  # a clip is sent once, not at every step of a new choice
    panel, show_clip = clip_panel(
        artifacts, chances=None if predictions is None else class_chances(predictions), settings=settings, grad_cam=grad_cam
    )

    def choose(_=None) -> None:
        nonlocal choosing
        fits = pd.Series(True, index=clips.index)
        for column, chooser in choosers.items():
            if chooser.value != ALL:
                fits &= names[column] == chooser.value
        count.value = f"{fits.sum()} clips"
        choosing = True
        clip.options = list(clips.index[fits])
        clip.index = 0 if fits.any() else None  # ipywidgets 8 leaves it at None after an empty list
        choosing = False
        show()

    def show(_=None) -> None:
        if not choosing:
            show_clip(None if clip.value is None else clips.loc[clip.value])

    def step(by: int) -> None:
        if clip.options:
            clip.index = (clip.index + by) % len(clip.options)

    for chooser in choosers.values():
        chooser.observe(choose, "value")
    clip.observe(show, "value")
    previous.on_click(lambda _: step(-1))
    following.on_click(lambda _: step(1))
    choose()
    return ipywidgets.VBox(
        [
            ipywidgets.HBox([*choosers.values(), count], layout=ROW),
            ipywidgets.HBox([clip, previous, following], layout=ROW),
            panel,
        ]
    )


def clip_panel(
    artifacts: Artifacts,
    *,
    chances: pd.DataFrame | None = None,
    settings: SpectrogramSettings | None = None,
    grad_cam: GradCam | None = None,
) -> tuple[ipywidgets.Widget, Callable[[pd.Series | None], None]]:
    """One clip to hear, see and mark, and the function that shows another one in it.

    A mark or a note is written to `review.csv` at once.

    Parameters
    ----------
    artifacts : Artifacts
    chances : pd.DataFrame, optional
        As `class_chances` gives it.
    settings, grad_cam
        As for `listen`.

    Returns
    -------
    panel : ipywidgets.Widget
    show : callable
        Takes a manifest row, or None where no clip fits.
    """
    page, status = ipywidgets.HTML(), ipywidgets.HTML()
    overlay = ipywidgets.ToggleButton(description="Grad-CAM", tooltip="Lay over the picture where the network found its evidence")
    mark = ipywidgets.ToggleButtons(options=[("no mark", ""), *((text, text) for text in MARKS)], style={"button_width": "auto"})
    note = ipywidgets.Text(description="note", placeholder="your own words, then Enter", continuous_update=False)
    shown: pd.Series | None = None
    counter = itertools.count()

    def draw(_=None) -> None:
        if shown is None:
            page.value = "<p>No clip fits this choice.</p>"
            return
        heat, hint = None, ""
        if overlay.value:
            try:
                heat = grad_cam(shown)
            except SuiteError as error:
                hint = str(error)
        own = None if chances is None else chances.loc[shown["clip"]]
        # The counter makes each answer differ: a value that stays the same is not sent again.
        page.value = clip_html(shown, artifacts, chances=own, settings=settings, heat=heat) + f"<!-- {next(counter)} -->"
        status.value = hint

    def show(row: pd.Series | None) -> None:
        nonlocal shown
        shown = None  # what is set now is no mark by the listener
        kept = read_review(artifacts).set_index("clip")
        known = row is not None and row["clip"] in kept.index
        mark.value, note.value = kept.loc[row["clip"], ["mark", "note"]] if known else ("", "")
        shown = row
        draw()

    def save(_) -> None:
        if shown is None:
            return
        try:
            mark_clip(artifacts, shown["clip"], mark=mark.value, note=note.value)
            status.value = f"{len(read_review(artifacts))} clips marked, saved in {artifacts.review.name}"
        except OSError as error:
            status.value = f"The mark could not be saved in {artifacts.review.name}: {error.strerror}."

    overlay.observe(draw, "value")
    mark.observe(save, "value")
    note.observe(save, "value")
    tools = [mark, note, status] if grad_cam is None else [overlay, mark, note, status]
    return ipywidgets.VBox([page, ipywidgets.HBox(tools, layout=ROW)]), show


def with_predictions(manifest: pd.DataFrame, predictions: pd.DataFrame) -> pd.DataFrame:
    """The clips of a manifest that have a prediction, with `predicted` and `confidence`."""
    return manifest.merge(predictions[["clip", "predicted", "confidence"]], on="clip", validate="one_to_one")


def class_chances(predictions: pd.DataFrame) -> pd.DataFrame:
    """The probability columns alone, named by their classes and indexed by clip."""
    return predictions.set_index("clip").filter(regex="^p:").rename(columns=lambda name: name.removeprefix("p:"))


def step_buttons() -> tuple[ipywidgets.Button, ipywidgets.Button]:
    """The buttons "previous" and "next"."""
    return tuple(ipywidgets.Button(description=text, layout=ipywidgets.Layout(width="100px")) for text in ("previous", "next"))


def _chooser(column: str, names: pd.Series) -> ipywidgets.Dropdown:
    known = sorted(set(names) - {""}, key=lambda name: (len(name), name) if column == "age" else name)
    return ipywidgets.Dropdown(options=[ALL, *known], description="class" if column == "label" else column)


def _text(value) -> str:
    return value if isinstance(value, str) else "" if pd.isna(value) else f"{value:g}"
