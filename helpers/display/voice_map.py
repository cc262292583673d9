"""The map of voices: a point for each clip, to hover, hear, circle and mark (notebooks 04 and 06).

The points are jupyter-scatter's; a list of core widgets does the same by keyboard, and where a browser can't draw them.
"""

import html
from pathlib import Path

import ipywidgets
import jscatter
import matplotlib
import numpy as np
import pandas as pd

from helpers.base.artifacts import Artifacts
from helpers.display.clip_panel import IN_NOTEBOOK, ROW, ClipPanel, Network, keep_marks, set_choice
from helpers.display.figures import BLUE, GENDER_COLOURS, GREEN, GREY, ORANGE, SEQUENTIAL
from helpers.display.widgets import step_buttons
from helpers.evaluation.voice_map import METHODS, lie_together, place, silhouettes
from helpers.recordings.labels import known_ages, middle
from helpers.recordings.review import MARKS

# Okabe & Ito's, told apart by the colour-blind.
CATEGORIES = (BLUE, ORANGE, GREEN, "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", GREY)
UNKNOWN, MOST_LISTED = "unknown", 500
EDGE = 1.05  # of the map; places are from -1 to 1
HEIGHT, BESIDE = 420, 44  # pixels of the map, and of the buttons beside it
EDGES = {"x_scale": (-EDGE, EDGE), "y_scale": (-EDGE, EDGE)}


class VoiceMap:
    """Clips as points by a network's features, coloured by what they are.

    Parameters
    ----------
    clips : pd.DataFrame
        Manifest rows. With `predicted` and `confidence` also "right or wrong"; with `drawn`, see `draw_in`, these clips are larger,
        and told by colour.
    features : pd.DataFrame
        Indexed by clip; clips without features are left out.
    artifacts : Artifacts
    predictions : pd.DataFrame, optional
        Adds the network's probabilities to the clip that is shown.
    network : Network, optional
        Can be asked about the clip that is shown.
    kept : Path, optional
        Where the places by t-SNE are kept, see `helpers.evaluation.voice_map.place`.

    Attributes
    ----------
    widget : ipywidgets.Widget
    selected : list of str
        The clips that are circled or clicked.
    """

    def __init__(
        self, clips: pd.DataFrame, features: pd.DataFrame, artifacts: Artifacts, *, predictions: pd.DataFrame | None = None,
        network: Network | None = None, kept: Path | None = None,
    ) -> None:  # fmt: skip
        self.clips = clips[clips["clip"].isin(features.index)].reset_index(drop=True)
        self.features, self.artifacts, self.kept = features.loc[self.clips["clip"]], artifacts, kept
        self.selected, self._changing = [], False
        self.panel = ClipPanel(artifacts, predictions=predictions, network=network)  # first: it readies Colab for widgets
        self.facts = facts_to_colour_by(self.clips)
        self.colour = ipywidgets.Dropdown(options=[*self.facts, "speaker of the shown clip"], description="colour")
        self.method = ipywidgets.Dropdown(options=METHODS, description="places")
        self.legend, self.heading = ipywidgets.HTML(), ipywidgets.HTML()
        self.listing = ipywidgets.Select(rows=6, layout=ipywidgets.Layout(width="auto"))
        self.mark = ipywidgets.Dropdown(options=MARKS, description="mark")
        self.mark_all = ipywidgets.Button(description="mark them all")
        self.marked = ipywidgets.HTML()
        self.scatter = self._scatter()
        together = ipywidgets.HTML(f"<p>{html.escape(lie_together(silhouettes(self.features, self.clips)))}</p>")
        how = ipywidgets.HTML("<p>Click a point, or draw a ring around some with the lasso (hold the mouse button down).</p>")
        marking = [*step_buttons(self._step, lambda: None), self.mark, self.mark_all, self.marked]
        self.widget = ipywidgets.VBox(
            [
                ipywidgets.HBox([self.colour, self.method], layout=ROW),
                self.scatter.show(),
                self.legend,
                together,
                how.add_class(IN_NOTEBOOK),
                self.heading,
                self.listing,
                ipywidgets.HBox(marking, layout=ROW).add_class(IN_NOTEBOOK),
                self.panel.widget,
            ],
            layout=ipywidgets.Layout(max_width="760px"),
        )
        self._paint()
        self._observe()
        self.select([])

    def _scatter(self) -> jscatter.Scatter:
        # The tooltip takes what it shows for HTML.
        shown = ["clip", "label", "speaker", *(["predicted"] if "predicted" in self.clips else [])]
        data = self.clips[shown].fillna("").astype(str).map(html.escape).assign(**self._places())
        drawn = self.clips.get("drawn", pd.Series("", self.clips.index)) != ""
        sizes = {"size": 5}
        if drawn.any():
            sizes = {"size_by": drawn.astype(float).to_numpy(), "size_map": [5, 12], "size_norm": (0, 1)}
        look = EDGES | {"height": HEIGHT, "axes": False, "opacity": 0.8, "opacity_unselected": 0.25}
        scatter = jscatter.Scatter(data=data, x="x", y="y", **look, **sizes)
        scatter.tooltip(enable=True, properties=shown)
        return scatter

    def _places(self) -> dict[str, np.ndarray]:
        places = place(self.features, method=self.method.value, kept=self.kept)
        return {axis: places[axis].to_numpy() for axis in ("x", "y")}

    def _observe(self) -> None:
        self.scatter.widget.observe(lambda change: self._from_map(change["new"]), "selection")
        self.panel.player.observe(lambda change: self._fit(change["new"]), "width")
        self.colour.observe(lambda _: self._paint(), "value")
        self.method.observe(lambda _: self._move(), "value")
        self.listing.observe(lambda change: self._show(change["new"]), "index")
        self.mark_all.on_click(lambda _: self._mark())

    def _fit(self, width: int) -> None:
        """Make the map no higher than it is wide: it shows all places upwards, and sideways what there is room for."""
        height = min(max(width - BESIDE, 160), HEIGHT)
        self.scatter.height(height).options(regl_scatterplot_options={"height": height})  # of the frame, and of the picture in it

    def _from_map(self, places: np.ndarray | None) -> None:
        chosen = [] if places is None else list(self.clips["clip"].iloc[np.asarray(places, int)])
        if chosen != self.selected:
            self.select(chosen, play=len(chosen) == 1)

    def select(self, chosen: list[str], *, play: bool = False) -> None:
        """List clips, and show the first; with none, all are listed, the wrong ones first."""
        self.selected = chosen
        self.mark_all.disabled = not chosen
        found = self.clips[self.clips["clip"].isin(chosen)] if chosen else wrong_first(self.clips)
        self.listed = found.head(MOST_LISTED)
        several = f"<b>{len(chosen)}</b> clips chosen" if chosen else f"all <b>{len(self.clips)}</b> clips, the wrong ones first"
        fewer = f"; <b>{MOST_LISTED}</b> are listed" if len(found) > MOST_LISTED else ""
        self.heading.value = f"<p>{several}{fewer}</p>"
        self._changing = True  # the list chooses its first clip by itself in some versions of ipywidgets, and not in others
        options = [described(row) for row in self.listed.to_dict("records")]
        set_choice(self.listing, 0 if options else None, options=options)
        self._changing = False
        self._show(self.listing.index, play=play)

    def _show(self, index: int | None, *, play: bool = False) -> None:
        if index is None or self._changing:
            return
        row = self.listed.iloc[index]
        self.panel.show(row if row.get("predicted") else row.drop(["predicted", "confidence"], errors="ignore"), play=play)
        if self.colour.value not in self.facts:
            self._paint()

    def _step(self, by: int) -> None:
        if len(self.listed):
            set_choice(self.listing, ((self.listing.index or 0) + by) % len(self.listed))

    def _move(self) -> None:
        self.marked.value = "This takes some seconds." if self.method.value != METHODS[0] else ""
        self.scatter.xy(**self._places(), **EDGES)
        self.marked.value = ""

    def _paint(self) -> None:
        """Colour the points by the chosen fact, and say which colour is what."""
        if self.colour.value in self.facts:
            groups, colours = self.facts[self.colour.value]
        else:
            shown = self.listed.iloc[self.listing.index] if self.listing.index is not None else self.clips.iloc[0]
            same = (self.clips["speaker"] == shown["speaker"]) & (shown["speaker"] != "")
            own = f"speaker {shown['speaker']}"
            groups, colours = pd.Series(np.where(same, own, "others")), {own: ORANGE, "others": GREY}
        kinds = [name for name in colours if (groups == name).any()]
        codes = [f"{code:02d}" for code in pd.Categorical(groups, kinds).codes]  # whose order by name is that of the colours
        self.scatter.color(by=pd.Series(codes, dtype="category"), map=[colours[name] for name in kinds])
        self.legend.value = legend_html({name: (colours[name], int((groups == name).sum())) for name in kinds})

    def _mark(self) -> None:
        told = keep_marks(self.artifacts, {clip: {"mark": self.mark.value} for clip in self.selected})
        self.marked.value = html.escape(told)
        self.panel.show(self.panel.clip.row)


def draw_in(clips: pd.DataFrame, drawn: pd.DataFrame) -> pd.DataFrame:
    """Sounds in memory, such as strangers and your own, and after them the clips of a corpus.

    Parameters
    ----------
    clips : pd.DataFrame
    drawn : pd.DataFrame
        Columns `clip`, `sound` (`helpers.recordings.decoding.Sound`) and `drawn`, what they are ("stranger"); perhaps `gender`,
        `age` and `speaker`.
    """
    durations = [len(sound.samples) / sound.sample_rate for sound in drawn["sound"]]
    table = pd.concat([drawn.assign(duration_s=durations), clips], ignore_index=True)
    texts = table.select_dtypes(object).columns.difference(["age", "sound"])
    return table.fillna(dict.fromkeys(texts, ""))


def facts_to_colour_by(clips: pd.DataFrame) -> dict[str, tuple[pd.Series, dict[str, str]]]:
    """By fact, each clip's group, and the colour of each group; a fact in which no clips differ is left out."""
    found = {}
    if "drawn" in clips:
        drawn = clips["drawn"].replace("", "the corpus")
        found["who"] = drawn, dict(zip(["the corpus", *sorted(set(drawn) - {"the corpus"})], [GREY, *CATEGORIES[1:]], strict=False))
    found["gender"] = clips["gender"].replace("", UNKNOWN), GENDER_COLOURS | {UNKNOWN: GREY}
    found["age"] = _by_age(clips)
    if "predicted" in clips:
        verdicts = np.where(clips["predicted"] == clips["label"], "right", "wrong")
        unknown = (clips[["label", "predicted"]] == "").any(axis=1)
        colours = {"right": BLUE, "wrong": "#D55E00", UNKNOWN: GREY}
        found["right or wrong"] = pd.Series(np.where(unknown, UNKNOWN, verdicts), clips.index), colours
    found["split"] = clips["split"].replace("", UNKNOWN), {"train": BLUE, "validation": ORANGE, "test": GREEN, UNKNOWN: GREY}
    return {name: (groups, colours) for name, (groups, colours) in found.items() if groups.nunique() > 1}


def _by_age(clips: pd.DataFrame) -> tuple[pd.Series, dict[str, str]]:
    """Decades, from dark to light."""
    years = [None if span is None else middle(span) // 10 * 10 for span in known_ages(clips)]
    decades = sorted({year for year in years if year is not None})
    shades = matplotlib.colormaps[SEQUENTIAL](np.linspace(0, 0.95, max(len(decades), 2)))
    colours = {f"{year} to {year + 9}": matplotlib.colors.to_hex(shade) for year, shade in zip(decades, shades, strict=False)}
    groups = [UNKNOWN if year is None else f"{year} to {year + 9}" for year in years]
    return pd.Series(groups, clips.index), colours | {UNKNOWN: GREY}


def wrong_first(clips: pd.DataFrame) -> pd.DataFrame:
    """Clips that were predicted wrongly, or whose label nobody knows, before others, each in the order they had."""
    if "predicted" not in clips:
        return clips
    right = (clips["predicted"] == clips["label"]) | (clips["predicted"] == "")
    return clips.assign(right=right).sort_values("right", kind="stable").drop(columns="right")


def described(row: dict[str, str]) -> str:
    """A clip in a list, by its row's columns."""
    verdict = row["label"]
    if (predicted := row.get("predicted")) and predicted != verdict:
        verdict = f"{verdict} taken for {predicted}" if verdict else f"predicted {predicted}"
    facts = [row["clip"], row.get("drawn", ""), verdict]
    return " · ".join(filter(None, facts))


def legend_html(groups: dict[str, tuple[str, int]]) -> str:
    """A dot, a name and a number of clips for each group."""
    dot = '<span aria-hidden="true" style="display:inline-block;width:10px;height:10px;border-radius:5px;background:{}"></span>'
    parts = [f"{dot.format(colour)} {html.escape(name)} ({number})" for name, (colour, number) in groups.items()]
    return f'<p style="line-height:1.6">{" &nbsp; ".join(parts)}</p>'
