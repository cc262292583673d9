"""The confusion explorer: click a cell of the matrix, hear the clips behind it (notebook 04).

The matrix is an anywidget (`explorer.js`). Two lists do the same with core widgets alone: they stay when a browser can't load it.
"""

import html
from collections.abc import Callable
from pathlib import Path

import anywidget
import ipywidgets
import matplotlib
import numpy as np
import pandas as pd
import traitlets

from helpers.base.artifacts import Artifacts
from helpers.display.clip_panel import ROW, ClipPanel, Network, problems_in, set_choice
from helpers.display.compare import ComparisonPanel
from helpers.display.diary import ErrorDiary
from helpers.display.figures import SEQUENTIAL
from helpers.display.player import SOUND
from helpers.display.widgets import ALL, step_buttons
from helpers.evaluation.scores import confusion_counts, most_confused, with_predictions
from helpers.evaluation.voice_map import same_errors
from helpers.recordings.labels import class_order, gender_groups

FACTS = ("speaker", "sentence", "emotion", "duration")  # by which clips can be filtered
DURATIONS = ("short third", "middle third", "long third")
# The map of all matrices: six of its colours, between which the browser mixes.
RAMP = (matplotlib.colormaps[SEQUENTIAL](np.linspace(0, 1, 6))[:, :3] * 255).round().astype(int).tolist()


class ConfusionMatrix(anywidget.AnyWidget):
    """The matrix on a canvas.

    Attributes
    ----------
    names, ticks : list of str
        The classes, and what stands at the axes for them.
    groups : list
        As `helpers.recordings.labels.gender_groups` gives them.
    counts : list of list of int
        Rows are the true classes.
    chosen : list of int
        Row, column, and the browser's time in ms when it was clicked.
    ramp : list of list of int
        Colours from the smallest count to the largest: red, green and blue from 0 to 255.
    """

    _esm = SOUND + Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
    names, ticks, groups, counts = (traitlets.List().tag(sync=True) for _ in range(4))
    chosen = traitlets.List([0, 0, 0]).tag(sync=True)
    ramp = traitlets.List(RAMP).tag(sync=True)


class CellChoice:
    """Which cell of a confusion matrix is open, which of its clips is shown, and by what facts the clips are filtered.

    Parameters
    ----------
    clips : pd.DataFrame
        Columns `clip`, `label`, `predicted`, `confidence`, and the facts in `FACTS` that are known.
    classes : list of str
        In the order of rows and columns.

    Attributes
    ----------
    row, column : int
        Of the open cell: the true and the predicted class. At first the pair of classes that is confused most.
    index : int
        Of the clip that is shown, among those of the cell.
    kept : pd.DataFrame
        The clips that have the chosen facts, the most confident first; all at first.
    """

    def __init__(self, clips: pd.DataFrame, classes: list[str]) -> None:
        self.clips = clips.sort_values("confidence", ascending=False, kind="stable").assign(duration=durations(clips))
        self.classes, self.kept = classes, self.clips
        worst = most_confused(clips.rename(columns={"label": "true"}), most=1)
        self.open(*(classes.index(label) for label in worst.iloc[0, :2]) if len(worst) else (0, 0))

    @property
    def members(self) -> pd.DataFrame:
        """The clips of the open cell, the most confident first."""
        true, predicted = self.classes[self.row], self.classes[self.column]
        return self.kept[(self.kept["label"] == true) & (self.kept["predicted"] == predicted)]

    @property
    def counts(self) -> list[list[int]]:
        """How many clips each cell has; rows are the true classes."""
        return confusion_counts(self.kept.rename(columns={"label": "true"}), self.classes).to_numpy().tolist()

    def options(self) -> dict[str, list[str]]:
        """What can be chosen of each fact in which clips differ; `ALL` first."""
        known = {fact: self.clips[fact].astype("string").fillna("") for fact in FACTS if fact in self.clips}
        return {
            fact: [ALL, *(sorted(set(texts) - {""}) if fact != "duration" else dict.fromkeys(DURATIONS))]
            for fact, texts in known.items()
            if texts.nunique() > 1
        }

    def keep(self, chosen: dict[str, str]) -> None:
        """Keep the clips that have the chosen facts, of which `ALL` fits every clip; the open cell stays open."""
        self.kept, self.index = self.clips, 0
        for fact, text in chosen.items():
            if text != ALL:
                self.kept = self.kept[self.kept[fact] == text]

    def open(self, row: int, column: int, *, clip: str = "") -> None:
        """Open a cell at one of its clips, or at its first."""
        self.row, self.column, self.index = row, column, 0
        if clip:
            self.index = self.members["clip"].tolist().index(clip)

    def step(self, by: int) -> None:
        """Show the clip so many further on, round and round."""
        self.index = (self.index + by) % max(len(self.members), 1)


def durations(clips: pd.DataFrame) -> pd.Series:
    """Of each clip, whether it is among the short, the middle or the long third; the same for all where they are equally long."""
    ranks = clips["duration_s"].rank(pct=True) if "duration_s" in clips else pd.Series(0.5, clips.index)
    return pd.cut(ranks, [0, 1 / 3, 2 / 3, 1], labels=DURATIONS).astype(str)


class Explorer:
    """The confusion matrix of a split, and the clips of one of its cells at a time.

    Parameters
    ----------
    manifest, artifacts, network
        As for `helpers.display.widgets.listen`.
    predictions : pd.DataFrame
        Of all splits: the clip to compare by ear may come from any.
    classes : list of str
    split : str

    Attributes
    ----------
    widget : ipywidgets.Widget
    """

    def __init__(
        self, manifest: pd.DataFrame, artifacts: Artifacts, *, predictions: pd.DataFrame, classes: list[str], split: str = "test",
        network: Network | None = None,
    ) -> None:  # fmt: skip
        order = class_order(classes)
        clips = with_predictions(manifest, predictions)
        self.choice = CellChoice(clips[clips["split"] == split], order)
        # Both panels come before the matrix: they ready Colab for widgets.
        self.panel = ClipPanel(artifacts, predictions=predictions, network=network)
        self.compared = ComparisonPanel(clips, artifacts, player=self.panel.player, network=network)
        ticks, groups = gender_groups(order)
        groups = [list(group) for group in groups]
        self.matrix = ConfusionMatrix(names=order, ticks=ticks, groups=groups, counts=self.choice.counts)
        self.true, self.predicted = (ipywidgets.Dropdown(options=order, description=name) for name in ("true", "predicted"))
        self.filters = {fact: ipywidgets.Dropdown(options=texts, description=fact) for fact, texts in self.choice.options().items()}
        self.heading, self.listing = ipywidgets.HTML(), ipywidgets.Select(rows=4, layout=ipywidgets.Layout(width="auto"))
        self.diary, self.network = ErrorDiary(self.choice.clips, artifacts, self.panel), network
        tooltip = "List clips whose features lie near this one's, and that are misclassified alike"
        self.elsewhere = ipywidgets.Button(description="same error elsewhere", tooltip=tooltip, layout={"width": "auto"})
        self.alike, self.told = ipywidgets.Dropdown(layout={"width": "auto", "display": "none"}), ipywidgets.HTML()
        self.widget, self._changing = self._layout(), False
        self._observe()
        self.show()

    def _layout(self) -> ipywidgets.Widget:
        lists = [ipywidgets.HBox(list(row), layout=ROW) for row in ([self.true, self.predicted], self.filters.values()) if row]
        asking = [] if self.network is None else [self.elsewhere, self.alike, self.told]
        buttons = ipywidgets.HBox([*step_buttons(self.choice.step, self.show), *asking], layout=ROW)
        side = ipywidgets.VBox(
            [*lists, self.heading, self.listing, buttons, self.panel.widget, self.diary.widget, self.compared.widget],
            layout=ipywidgets.Layout(flex="1 1 250px", min_width="240px", max_width="700px"),
        )
        self.matrix.layout = ipywidgets.Layout(flex="0 1 auto", max_width="100%", margin="0 12px 0 0")
        return ipywidgets.HBox([self.matrix, side], layout=ipywidgets.Layout(flex_flow="row wrap", align_items="flex-start"))

    def _observe(self) -> None:
        self.matrix.observe(lambda change: self._from_matrix(*change["new"]), "chosen")
        self.true.observe(lambda change: self._from_lists(change["new"], self.choice.column), "index")
        self.predicted.observe(lambda change: self._from_lists(self.choice.row, change["new"]), "index")
        self.listing.observe(lambda change: self._pick(change["new"]), "index")
        self.elsewhere.on_click(lambda _: self._list_alike())
        self.alike.observe(lambda change: self._open_alike(change["new"]), "value")
        for chooser in self.filters.values():
            chooser.observe(lambda _: self._filter(), "value")

    def show(self) -> None:
        """Show the clip of the open cell whose turn it is, or that there is none."""
        choice, rows = self.choice, self.choice.members
        row = rows.iloc[choice.index] if len(rows) else None
        self.panel.show(row)  # first: messages arrive in their order, and its sound is waited for
        set_choice(self.true, choice.row)
        set_choice(self.predicted, choice.column)
        self.matrix.chosen = [choice.row, choice.column, 0]
        options = [f"{row.clip} {row.confidence:.2f}" for row in rows.itertuples()]
        self._changing = True  # a new list chooses its first clip by itself
        set_choice(self.listing, choice.index if options else None, options=options)
        self._changing = False
        self.heading.value = cell_html(
            len(rows), choice.index, true=choice.classes[choice.row], predicted=choice.classes[choice.column]
        )
        self.elsewhere.disabled = row is None or row["predicted"] == row["label"]
        self.alike.layout.display, self.told.value = "none", ""
        self.compared.show(row)

    def open_cell(self, row: int, column: int, *, clip: str = "") -> None:
        """Open a cell of the matrix at one of its clips, or at its first."""
        self.choice.open(row, column, clip=clip)
        self.show()

    def _from_matrix(self, row: int, column: int, clicked: int) -> None:
        if clicked:  # else the matrix follows the choice
            self.open_cell(row, column)

    def _from_lists(self, row: int, column: int) -> None:
        if (row, column) != (self.choice.row, self.choice.column):  # else the list follows the choice
            self.open_cell(row, column)

    def _pick(self, index: int | None) -> None:
        if index is not None and not self._changing:  # else the list follows the choice
            self.choice.index = index
            self.show()

    def _list_alike(self) -> None:
        """Offer clips that lie near the one that is shown and are misclassified alike, the nearest first."""
        shown, found = self.choice.members.iloc[self.choice.index]["clip"], None
        with problems_in(self.told):
            found = same_errors(shown, self.network.features, self.choice.kept)
        if found is None:
            return
        rows = self.choice.kept.set_index("clip").loc[found.index]
        words = [
            f"{row.Index}: {row.label} taken for {row.predicted} ({distance:.2f} away)"
            for row, distance in zip(rows.itertuples(), found, strict=True)
        ]
        self.told.value = "" if words else "No other clip here is misclassified alike."
        self.alike.options = [("choose one", ""), *zip(words, found.index, strict=True)]
        self.alike.layout.display = "flex" if words else "none"

    def _open_alike(self, clip: str) -> None:
        if clip:  # else the list is made anew
            row = self.choice.kept.set_index("clip").loc[clip]
            self.open_cell(*(self.choice.classes.index(row[name]) for name in ("label", "predicted")), clip=clip)

    def _filter(self) -> None:
        self.choice.keep({fact: chooser.value for fact, chooser in self.filters.items()})
        self.matrix.counts = self.choice.counts
        self.show()


def choose_view(views: dict[str, Callable[[], Explorer]]) -> ipywidgets.Widget:
    """One of several explorers at a time, by its name: of another network, or about other voices.

    Parameters
    ----------
    views : dict
        From a name to what makes the explorer, which is called when it is chosen first.
    """
    chooser = ipywidgets.Dropdown(options=list(views), description="view", layout={"width": "auto"})
    shown, made = ipywidgets.VBox(), {}

    def show(_=None) -> None:
        if chooser.value not in made:
            made[chooser.value] = views[chooser.value]().widget
        shown.children = [made[chooser.value]]

    chooser.observe(show, "value")
    show()
    return ipywidgets.VBox([chooser, shown])


def cell_html(clips: int, index: int, *, true: str, predicted: str) -> str:
    """What the open cell is, how many clips it has, and which of them is shown."""
    heading = f"<b>{html.escape(true)}</b> taken for <b>{html.escape(predicted)}</b>"
    if true == predicted:
        heading = f"<b>{html.escape(true)}</b>, predicted correctly"
    if not clips:
        return f"<p>{heading}: no clips</p>"
    return f'<p style="line-height:1.5">{heading}: clip {index + 1} of {clips}, with its confidence</p>'
