"""Widgets to hear clips, look at them and mark them: core ipywidgets, for Colab and JupyterLab alike (notebooks 01 and 04)."""

import html
import itertools
from collections.abc import Callable

import ipywidgets
import numpy as np
import pandas as pd

from helpers.base.artifacts import Artifacts, SuiteError
from helpers.display.clip import ClipParts, clip_html
from helpers.recordings.labels import known_ages, span_text
from helpers.recordings.review import MARKS, mark_clip, read_review

ALL = "all"
ROW = ipywidgets.Layout(flex_flow="row wrap", align_items="center")
GradCam = Callable[[pd.Series], np.ndarray]  # from a clip's row to what is laid over its spectrogram, or a SuiteError


class ClipChoice:
    """Which clips fit what was chosen of their facts, and which of them is picked.

    Parameters
    ----------
    names : pd.DataFrame
        The facts as texts, one column each, indexed by clip.

    Attributes
    ----------
    fitting : list of str
        The clips that fit; all at first.
    index : int or None
        Of the picked clip among them; None where no clip fits.
    """

    def __init__(self, names: pd.DataFrame) -> None:
        self.names = names
        self.choose({})

    @property
    def clip(self) -> str | None:
        """The picked clip."""
        return None if self.index is None else self.fitting[self.index]

    def options(self) -> dict[str, list[str]]:
        """What can be chosen of each fact in which clips differ; `ALL` first, ages in order of their size."""
        return {
            column: [ALL, *sorted(set(texts) - {""}, key=lambda text: (len(text), text) if column == "age" else text)]
            for column, texts in self.names.items()
            if texts.nunique() > 1
        }

    def choose(self, chosen: dict[str, str]) -> None:
        """Keep the clips that have the chosen facts, of which `ALL` fits every clip, and pick the first."""
        wanted = {column: text for column, text in chosen.items() if text != ALL}
        self.fitting = list(self.names.index[(self.names[list(wanted)] == pd.Series(wanted, dtype=object)).all(axis=1)])
        self.index = 0 if self.fitting else None

    def pick(self, clip: str) -> None:
        """Pick one of the clips that fit."""
        self.index = self.fitting.index(clip)

    def step(self, by: int) -> None:
        """Pick the clip so many further on, round and round."""
        if self.fitting:
            self.index = (self.index + by) % len(self.fitting)


class MarkedClip:
    """The clip that is shown, and what its listener says of it, which is written to `review.csv` at once.

    Parameters
    ----------
    artifacts : Artifacts

    Attributes
    ----------
    row : pd.Series or None
        The clip's row of the manifest.
    said : dict of str
        Its `mark` and its `note`, empty where there is none.
    problem : str
        Why what was kept can't be read, a sentence; empty if it can.
    """

    def __init__(self, artifacts: Artifacts) -> None:
        self.artifacts = artifacts
        self.show(None)

    def show(self, row: pd.Series | None) -> None:
        """Turn to another clip, with the mark and the note that were kept of it."""
        self.row, self.said, self.problem = row, {"mark": "", "note": ""}, ""
        try:
            kept = read_review(self.artifacts).set_index("clip")
        except SuiteError as error:
            self.problem = f"The marks can't be read: {error}"
            return
        if row is not None and row["clip"] in kept.index:
            self.said = kept.loc[row["clip"]].to_dict()

    def say(self, **said: str) -> str:
        """Keep a new mark or note; return what became of it as a sentence, empty where it is not new."""
        if self.row is None or said.items() <= self.said.items():
            return ""
        self.said |= said
        name = self.artifacts.review.name
        try:
            mark_clip(self.artifacts, self.row["clip"], **self.said)
            return f"{len(read_review(self.artifacts))} clips marked, saved in {name}"
        except OSError as error:
            return f"The mark could not be saved in {name}: {error.strerror}."
        except SuiteError as error:
            return f"The mark could not be saved: {error}"


def listen(
    manifest: pd.DataFrame, artifacts: Artifacts, *, predictions: pd.DataFrame | None = None, grad_cam: GradCam | None = None
) -> ipywidgets.Widget:
    """Choose a clip by split, gender, age, speaker and verdict; hear it, see it, mark it.

    Parameters
    ----------
    manifest : pd.DataFrame
    artifacts : Artifacts
    predictions : pd.DataFrame, optional
        Adds what the model predicted, and a choice of right or wrong.
    grad_cam : callable, optional
        As `helpers.network.grad_cam.clip_heat` makes it.
    """
    clips = manifest if predictions is None else with_predictions(manifest, predictions)
    clips = clips.set_index("clip", drop=False)
    names = clips[["split", "label", "gender", "age", "speaker"]].rename(columns={"label": "class"})
    names = names.assign(age=[span_text(span) for span in known_ages(clips)]).astype("string").fillna("")
    if not (names[["gender", "age"]] == "").any(axis=None):
        names = names.drop(columns="class")  # gender and age say it all
    if predictions is not None:
        names["verdict"] = np.where(clips["predicted"] == clips["label"], "right", "wrong")
    choice = ClipChoice(names)
    choosers = {name: ipywidgets.Dropdown(options=options, description=name) for name, options in choice.options().items()}
    clip = ipywidgets.Dropdown(description="clip", layout=ipywidgets.Layout(width="420px"))
    count = ipywidgets.HTML()
    panel, show_clip = clip_panel(artifacts, predictions=predictions, grad_cam=grad_cam)

    def show() -> None:
        clip.index = choice.index
        show_clip(None if choice.clip is None else clips.loc[choice.clip])

    def choose(_=None) -> None:
        choice.choose({column: chooser.value for column, chooser in choosers.items()})
        count.value = f"{len(choice.fitting)} clips"
        clip.options = choice.fitting
        show()

    def pick(change) -> None:
        if change["new"] != choice.clip:  # else the list follows the choice: a clip is sent once
            choice.pick(change["new"])
            show()

    for chooser in choosers.values():
        chooser.observe(choose, "value")
    clip.observe(pick, "value")
    choose()
    rows = [*choosers.values(), count], [clip, *step_buttons(choice.step, show)]
    return ipywidgets.VBox([*(ipywidgets.HBox(row, layout=ROW) for row in rows), panel])


def clip_panel(
    artifacts: Artifacts, *, predictions: pd.DataFrame | None = None, grad_cam: GradCam | None = None
) -> tuple[ipywidgets.Widget, Callable[[pd.Series | None], None]]:
    """One clip to hear, see and mark, and the function that shows another one in it.

    A mark or a note is written to `review.csv` at once.

    Parameters
    ----------
    artifacts, predictions, grad_cam
        As for `listen`.

    Returns
    -------
    panel : ipywidgets.Widget
    show : callable
        Takes a manifest row, or None where no clip fits.
    """
    page, status, part = ipywidgets.HTML(), ipywidgets.HTML(), ipywidgets.Dropdown(description="part")
    tooltip = "Lay over the spectrogram where the network found its evidence"
    overlay = ipywidgets.ToggleButton(description="Grad-CAM", tooltip=tooltip)
    mark = ipywidgets.ToggleButtons(options=[("no mark", ""), *((text, text) for text in MARKS)], style={"button_width": "auto"})
    note = ipywidgets.Text(description="note", placeholder="your own words, then Enter", continuous_update=False)
    shown, parts = MarkedClip(artifacts), ClipParts(0)
    counter = itertools.count()
    chances = None if predictions is None else predictions.set_index("clip").filter(regex="^p:")

    def draw(_=None) -> None:
        if shown.row is None:
            page.value = "<p>No clip fits this choice.</p>"
            return
        heat, status.value = None, ""
        if overlay.value:
            try:
                heat = grad_cam(shown.row)
            except SuiteError as error:
                status.value = str(error)
        own = None if chances is None else chances.loc[shown.row["clip"]].rename(lambda name: name.removeprefix("p:"))
        # The counter makes each answer differ: a value that stays the same is not sent again.
        page.value = clip_html(shown.row, artifacts, parts=parts, chances=own, heat=heat) + f"<!-- {next(counter)} -->"

    def show(row: pd.Series | None) -> None:
        nonlocal parts
        shown.show(row)
        parts = ClipParts(0 if row is None else row["duration_s"])
        part.options, part.index = parts.names, 0  # the names stay the same from one clip to another as long
        panel.children = [choosing, page, marking] if len(parts.names) > 1 else [page, marking]
        mark.value, note.value = shown.said["mark"], shown.said["note"]
        draw()
        status.value = html.escape(shown.problem) or status.value

    def save(**said: str) -> None:
        status.value = html.escape(shown.say(**said)) or status.value

    def open_part(change) -> None:
        if change["new"] is not None and parts.open(change["new"]):  # else the list follows the clip
            draw()

    part.observe(open_part, "index")
    overlay.observe(draw, "value")
    mark.observe(lambda change: save(mark=change["new"]), "value")
    note.observe(lambda change: save(note=change["new"]), "value")
    tools = [mark, note, status] if grad_cam is None else [overlay, mark, note, status]
    choosing, marking = (ipywidgets.HBox(row, layout=ROW) for row in ([part], tools))
    panel = ipywidgets.VBox([page, marking])
    return panel, show


def with_predictions(manifest: pd.DataFrame, predictions: pd.DataFrame) -> pd.DataFrame:
    """The clips of a manifest that have a prediction, with `predicted` and `confidence`."""
    return manifest.merge(predictions[["clip", "predicted", "confidence"]], on="clip", validate="one_to_one")


def step_buttons(step: Callable[[int], None], show: Callable[[], None]) -> list[ipywidgets.Button]:
    """The buttons "previous" and "next", which call `step` with -1 and 1, and then `show`."""
    buttons = [ipywidgets.Button(description=text, layout=ipywidgets.Layout(width="100px")) for text in ("previous", "next")]
    for button, by in zip(buttons, (-1, 1), strict=True):
        button.on_click(lambda _, by=by: step(by))
        button.on_click(lambda _: show())
    return buttons
