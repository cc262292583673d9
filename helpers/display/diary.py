"""How far a listener has come with a network's errors, and all of them as a table (notebook 04)."""

import html

import ipywidgets
import pandas as pd

from helpers.base.artifacts import Artifacts, write_table
from helpers.display.clip_panel import ROW, ClipPanel, problems_in
from helpers.evaluation.scores import errors_of
from helpers.recordings.review import error_table, hear, read_heard


class ErrorDiary:
    """Progress through the errors among some clips; a clip is heard once its spectrogram player has played it.

    Parameters
    ----------
    clips : pd.DataFrame
        Manifest rows with `predicted` and `confidence`.
    artifacts : Artifacts
    panel : ClipPanel
        Whose player is listened to.

    Attributes
    ----------
    widget : ipywidgets.Widget
    """

    def __init__(self, clips: pd.DataFrame, artifacts: Artifacts, panel: ClipPanel) -> None:
        self.errors, self.artifacts = errors_of(clips), artifacts
        self.progress, self.status = ipywidgets.HTML(), ipywidgets.HTML()
        save = ipywidgets.Button(description="save as a table", tooltip=f"Write all errors to {artifacts.errors.name}")
        self.widget = ipywidgets.HBox([self.progress, save, self.status], layout=ROW)
        panel.player.observe(lambda change: self._heard(change["new"]), "heard")
        save.on_click(lambda _: self._say(self._save))
        self._say(self._count)

    def _heard(self, clip: str) -> None:
        if clip:
            self._say(lambda: hear(self.artifacts, clip))
            self._say(self._count)

    def _count(self) -> None:
        heard = self.errors["clip"].isin(read_heard(self.artifacts)).sum()
        self.progress.value = f"<b>{heard} of {len(self.errors)}</b> errors heard" if len(self.errors) else "There is no error."

    def _save(self) -> str:
        path = self.artifacts.errors
        write_table(path, error_table(self.errors, self.artifacts))
        return f"saved as {path.name} in {path.parent.name}/"

    def _say(self, step) -> None:
        with problems_in(self.status):
            self.status.value = html.escape(step() or "")
