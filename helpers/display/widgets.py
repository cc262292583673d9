"""The listener: choose clips by what they are, one at a time, for Colab and JupyterLab alike (notebooks 01 and 04)."""

from collections.abc import Callable

import ipywidgets
import numpy as np
import pandas as pd

from helpers.base.artifacts import Artifacts
from helpers.display.clip_panel import ROW, ClipPanel, Network, set_choice
from helpers.display.diary import ErrorDiary
from helpers.evaluation.scores import with_predictions
from helpers.recordings.labels import known_ages, span_text

ALL = "all"


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


def listen(
    manifest: pd.DataFrame, artifacts: Artifacts, *, predictions: pd.DataFrame | None = None, network: Network | None = None
) -> ipywidgets.Widget:
    """Choose a clip by split, gender, age, speaker and verdict; hear it, see it, mark it, ask a network about it.

    Parameters
    ----------
    manifest : pd.DataFrame
    artifacts : Artifacts
    predictions : pd.DataFrame, optional
        Adds what the model predicted, and a choice of right or wrong.
    network : Network, optional
        The one that made the predictions.
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
    panel = ClipPanel(artifacts, predictions=predictions, network=network)
    diary = [] if predictions is None else [ErrorDiary(clips[clips["split"] == "test"], artifacts, panel).widget]

    def show() -> None:
        set_choice(clip, choice.index)
        panel.show(None if choice.clip is None else clips.loc[choice.clip])

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
    return ipywidgets.VBox([*(ipywidgets.HBox(row, layout=ROW) for row in rows), panel.widget, *diary])


def step_buttons(step: Callable[[int], None], show: Callable[[], None]) -> list[ipywidgets.Button]:
    """The buttons "previous" and "next", which call `step` with -1 and 1, and then `show`."""
    buttons = [ipywidgets.Button(description=text, layout=ipywidgets.Layout(width="100px")) for text in ("previous", "next")]
    for button, by in zip(buttons, (-1, 1), strict=True):
        button.on_click(lambda _, by=by: step(by))
        button.on_click(lambda _: show())
    return buttons
