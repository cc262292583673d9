"""The confusion explorer: click a cell of the matrix, hear the clips behind it (notebook 04).

The matrix is an anywidget (`explorer.js`). Two lists do the same with core widgets alone: they stay when a browser can't load it.
"""

import html
from pathlib import Path

import anywidget
import ipywidgets
import matplotlib
import numpy as np
import pandas as pd
import traitlets

from helpers.base.artifacts import Artifacts
from helpers.display.clip_panel import ROW, ClipPanel, Network
from helpers.display.compare import ComparisonPanel
from helpers.display.figures import SEQUENTIAL
from helpers.display.widgets import step_buttons, with_predictions
from helpers.evaluation.scores import confusion_counts, most_confused
from helpers.recordings.labels import class_order, gender_groups

LISTED = 40  # names of clips shown at most
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

    _esm = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
    names, ticks, groups, counts = (traitlets.List().tag(sync=True) for _ in range(4))
    chosen = traitlets.List([0, 0, 0]).tag(sync=True)
    ramp = traitlets.List(RAMP).tag(sync=True)


class CellChoice:
    """Which cell of a confusion matrix is open, and which of its clips is shown.

    Parameters
    ----------
    clips : pd.DataFrame
        Columns `clip`, `label`, `predicted`, `confidence`.
    classes : list of str
        In the order of rows and columns.

    Attributes
    ----------
    row, column : int
        Of the open cell: the true and the predicted class. At first the pair of classes that is confused most.
    index : int
        Of the clip that is shown, among those of the cell.
    """

    def __init__(self, clips: pd.DataFrame, classes: list[str]) -> None:
        self.clips = clips.sort_values("confidence", ascending=False, kind="stable")
        self.classes = classes
        worst = most_confused(clips.rename(columns={"label": "true"}), most=1)
        self.open(*(classes.index(label) for label in worst.iloc[0, :2]) if len(worst) else (0, 0))

    @property
    def members(self) -> pd.DataFrame:
        """The clips of the open cell, the most confident first."""
        true, predicted = self.classes[self.row], self.classes[self.column]
        return self.clips[(self.clips["label"] == true) & (self.clips["predicted"] == predicted)]

    def open(self, row: int, column: int) -> None:
        """Open a cell at its first clip."""
        self.row, self.column, self.index = row, column, 0

    def step(self, by: int) -> None:
        """Show the clip so many further on, round and round."""
        self.index = (self.index + by) % max(len(self.members), 1)


def explore(
    manifest: pd.DataFrame,
    artifacts: Artifacts,
    *,
    predictions: pd.DataFrame,
    classes: list[str],
    split: str = "test",
    network: Network | None = None,
) -> ipywidgets.Widget:
    """The confusion matrix of a split, and the clips of one of its cells at a time.

    Parameters
    ----------
    manifest, artifacts, network
        As for `helpers.display.widgets.listen`.
    predictions : pd.DataFrame
        Of all splits: the clip to compare by ear may come from any.
    classes : list of str
    split : str
    """
    order = class_order(classes)
    clips = with_predictions(manifest, predictions)
    choice = CellChoice(clips[clips["split"] == split], order)
    ticks, groups = gender_groups(order)
    panel = ClipPanel(artifacts, predictions=predictions, network=network)  # first: it readies Colab for widgets
    matrix = ConfusionMatrix(
        names=order,
        ticks=ticks,
        groups=[list(group) for group in groups],
        counts=confusion_counts(predictions[predictions["split"] == split], order).to_numpy().tolist(),
    )
    true, predicted = (ipywidgets.Dropdown(options=order, description=name) for name in ("true", "predicted"))
    listing, compared = ipywidgets.HTML(), ComparisonPanel(clips, artifacts, network=network)

    def show() -> None:
        rows = choice.members
        listing.value = cell_html(rows, choice.index, true=order[choice.row], predicted=order[choice.column])
        row = rows.iloc[choice.index] if len(rows) else None
        panel.show(row)
        compared.show(row)

    def open_cell(row: int, column: int) -> None:
        choice.open(row, column)
        true.index, predicted.index, matrix.chosen = row, column, [row, column, 0]
        show()

    def from_matrix(change) -> None:
        row, column, clicked = change["new"]
        if clicked:  # else the matrix follows the choice
            open_cell(row, column)

    def from_lists(row: int, column: int) -> None:
        if (row, column) != (choice.row, choice.column):  # else the list follows the choice
            open_cell(row, column)

    matrix.observe(from_matrix, "chosen")
    true.observe(lambda change: from_lists(change["new"], choice.column), "index")
    predicted.observe(lambda change: from_lists(choice.row, change["new"]), "index")
    open_cell(choice.row, choice.column)
    buttons = ipywidgets.HBox(step_buttons(choice.step, show))
    side = ipywidgets.VBox(
        [ipywidgets.HBox([true, predicted], layout=ROW), listing, buttons, panel.widget, compared.widget],
        layout=ipywidgets.Layout(flex="1 1 250px", min_width="240px", max_width="700px"),
    )
    matrix.layout = ipywidgets.Layout(flex="0 1 auto", max_width="100%", margin="0 12px 0 0")
    return ipywidgets.HBox([matrix, side], layout=ipywidgets.Layout(flex_flow="row wrap", align_items="flex-start"))


def cell_html(rows: pd.DataFrame, index: int, *, true: str, predicted: str) -> str:
    """The clips behind one cell (columns `clip`, `confidence`), the most confident first, the one at `index` in bold."""
    heading = f"<b>{html.escape(true)}</b> taken for <b>{html.escape(predicted)}</b>"
    if true == predicted:
        heading = f"<b>{html.escape(true)}</b>, predicted correctly"
    if not len(rows):
        return f"<p>{heading}: no clips</p>"
    first = max(0, min(index - LISTED // 2, len(rows) - LISTED))
    items = [
        f"<span>{'<b>' * (number == index)}{html.escape(row.clip)}{'</b>' * (number == index)} {row.confidence:.2f}</span>"
        for number, row in enumerate(rows.itertuples())
    ][first : first + LISTED]
    return (
        f'<div style="line-height:1.5">{heading}: clip {index + 1} of {len(rows)}, with its confidence<br>'
        f'<span class="clips">{" · ".join(items)}</span></div>'
    )
