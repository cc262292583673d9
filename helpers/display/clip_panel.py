"""One clip to hear, see, mark and ask a network about: what the listener and the confusion explorer have in common.

The spectrogram player is an anywidget, all else core ipywidgets: where a browser can't load the player, a plain one stays.
"""

import contextlib
import html
import itertools
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import ipywidgets
import numpy as np
import pandas as pd

from helpers.base.artifacts import Artifacts, SuiteError
from helpers.display.clip import ClipParts, clip_html, facts_html, probabilities_html, stretch_html
from helpers.display.player import SpectrogramPlayer
from helpers.recordings.review import MARKS, mark_clips, read_review

ROW = ipywidgets.Layout(flex_flow="row wrap", align_items="center")
IN_NOTEBOOK = "in-notebook"  # class of a widget that means nothing where no Python runs: the page of a report leaves it out


class Network(Protocol):
    """What a clip's row can be asked about, as `helpers.network.questions.Questions` answers it; a SuiteError where it can't."""

    window_s: float | None
    features: pd.DataFrame

    def heat(self, row: pd.Series) -> np.ndarray: ...  # noqa: D102
    def stretch(self, row: pd.Series, start: float, end: float) -> pd.Series: ...  # noqa: D102
    def along(self, row: pd.Series) -> pd.DataFrame: ...  # noqa: D102
    def nearest(self, row: pd.Series) -> str: ...  # noqa: D102


@contextlib.contextmanager
def problems_in(status: ipywidgets.HTML) -> Iterator[None]:
    """What can't be had within is left out, and `status` says why; the rest goes on."""
    try:
        yield
    except SuiteError as error:
        status.value = html.escape(str(error))


def set_choice(
    chooser: ipywidgets.Dropdown | ipywidgets.Select, index: int | None, *, options: Sequence[str] | None = None
) -> None:
    """Set what is chosen in a list, and tell the browser so even where nothing changes here.

    A message that was on its way when the list was used can have set it back there, which ipywidgets 7 would not mend. Nor would
    it show what is chosen in a list with new options, if the old one had the same index.
    """
    if options is not None and tuple(options) != tuple(chooser.options):
        chooser.index = None
        chooser.options = options
    chooser.index = index
    chooser.send_state("index")


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
        return keep_marks(self.artifacts, {self.row["clip"]: said})


def keep_marks(artifacts: Artifacts, said: dict[str, dict[str, str]]) -> str:
    """Keep a new mark or note of each clip, see `helpers.recordings.review.mark_clips`; what became of it, a sentence."""
    name = artifacts.review.name
    try:
        return f"{mark_clips(artifacts, said)} clips marked, saved in {name}"
    except OSError as error:
        return f"The mark could not be saved in {name}: {error.strerror}."
    except SuiteError as error:
        return f"The mark could not be saved: {error}"


class ClipPanel:
    """A clip's facts, its player, what a network answers, and what its listener says of it.

    Parameters
    ----------
    artifacts : Artifacts
    predictions : pd.DataFrame, optional
        Adds the network's probabilities.
    network : Network, optional
        Adds its evidence, its answer along time, and its answer for a stretch that is selected.

    Attributes
    ----------
    widget : ipywidgets.Widget
    """

    def __init__(self, artifacts: Artifacts, *, predictions: pd.DataFrame | None = None, network: Network | None = None) -> None:
        self.artifacts, self.network, self.chances = artifacts, network, None
        if predictions is not None:
            self.chances = predictions.set_index("clip").filter(regex="^p:").rename(columns=lambda name: name.removeprefix("p:"))
        self.clip, self.parts, self.counter = MarkedClip(artifacts), ClipParts(0), itertools.count()
        self.player, self.part = SpectrogramPlayer(), ipywidgets.Dropdown(description="part")
        self.facts, self.plain, self.heard, self.answer, self.status = (ipywidgets.HTML() for _ in range(5))
        self.evidence, self.along = (
            ipywidgets.ToggleButton(description=text, tooltip=tooltip)
            for text, tooltip in (
                ("Grad-CAM", "Lay over the spectrogram where the network found its evidence"),
                ("along time", "Draw below the spectrogram what the network answers for each stretch as long as its window"),
            )
        )
        marks = [("no mark", ""), *((text, text) for text in MARKS)]
        self.mark = ipywidgets.ToggleButtons(options=marks, style={"button_width": "auto"})
        self.note = ipywidgets.Text(description="note", placeholder="your own words, then Enter", continuous_update=False)
        self.widget = ipywidgets.VBox(self._rows())
        self._observe()

    def _rows(self) -> list[ipywidgets.Widget]:
        asking = [ipywidgets.HBox([self.evidence, self.along], layout=ROW), self.heard] if self.network else []
        marking = ipywidgets.HBox([self.mark, self.note, self.status], layout=ROW)
        choosing = [ipywidgets.HBox([self.part], layout=ROW)] if len(self.parts.names) > 1 else []
        return [*choosing, self.facts, self.plain, self.player, *asking, self.answer, marking]

    def _observe(self) -> None:
        for widget, trait, follow in (
            (self.player, "ready", lambda _: self.draw()),
            (self.player, "stretch", lambda change: self.ask_about(*change["new"][:2])),
            (self.evidence, "value", lambda _: self.draw()),
            (self.along, "value", lambda _: self.draw()),
            (self.part, "index", lambda change: self.open_part(change["new"])),
            (self.mark, "value", lambda change: self.save(mark=change["new"])),
            (self.note, "value", lambda change: self.save(note=change["new"])),
        ):
            widget.observe(follow, trait)

    def show(self, row: pd.Series | None, *, play: bool = False) -> None:
        """Turn to a clip, a manifest row with `predicted` where a network predicted it, and by choice play it; or to none."""
        several = len(self.parts.names) > 1
        self.clip.show(row)
        self.parts = ClipParts(0 if row is None else row["duration_s"])
        set_choice(self.part, 0, options=self.parts.names)  # which stay the same from one clip to another as long
        if several or len(self.parts.names) > 1:
            self.widget.children = self._rows()
        self.draw(play=play)
        self.mark.value, self.note.value = self.clip.said["mark"], self.clip.said["note"]
        self.heard.value = ""
        self.status.value = html.escape(self.clip.problem) or self.status.value

    def draw(self, *, play: bool = False) -> None:
        """Show the open part of the clip anew."""
        row = self.clip.row
        self.status.value = ""
        if row is None:
            self.facts.value, self.plain.value, self.answer.value = "<p>No clip fits this choice.</p>", "", ""
            self.player.show(None, self.artifacts)
            return
        heat = self._ask("heat", self.evidence.value)
        if self.player.ready:
            self.player.show(
                row, self.artifacts, parts=self.parts, heat=heat, along=self._ask("along", self.along.value), play=play
            )
            self.plain.value = ""
        else:  # as long as no browser has loaded the player, and in a page that no kernel stands behind
            # The counter makes each answer differ: a value that stays the same is not sent again.
            self.plain.value = clip_html(row, self.artifacts, parts=self.parts, heat=heat) + f"<!-- {next(self.counter)} -->"
        # After the sound: messages arrive in their order, and each is drawn before the next one is read.
        self.facts.value = facts_html(row)
        chances = self._chances(row)
        self.answer.value = "" if chances is None else probabilities_html(chances, true=row["label"])

    def _ask(self, question: str, wanted: bool, *given: float) -> Any:
        if not wanted or self.network is None:
            return None
        with problems_in(self.status):
            return getattr(self.network, question)(self.clip.row, *given)
        return None

    def ask_about(self, start: float, end: float) -> None:
        """Show what the network answers for a stretch, in s of the clip, beside its answer for the whole clip."""
        found = self._ask("stretch", end > start and self.clip.row is not None, start, end)
        if found is None:
            self.heard.value = ""
            return
        whole = self._chances(self.clip.row)
        self.heard.value = stretch_html(found, start, end, whole=whole, window_s=self.network.window_s)

    def _chances(self, row: pd.Series) -> pd.Series | None:
        """The network's probabilities for a clip; None where it was not asked about it."""
        known = self.chances is not None and row["clip"] in self.chances.index
        return self.chances.loc[row["clip"]] if known else None

    def open_part(self, index: int | None) -> None:
        """Show another part of a long clip."""
        if index is not None and self.parts.open(index):  # else the list follows the clip
            self.heard.value = ""
            self.draw()

    def save(self, **said: str) -> None:
        """Keep a mark or a note in `review.csv`, at once."""
        self.status.value = html.escape(self.clip.say(**said)) or self.status.value
