"""A clip beside others to compare it with by ear: the same place of the sentence in turn (notebook 04)."""

import html
from pathlib import Path

import anywidget
import ipywidgets
import pandas as pd
import traitlets
from PIL import Image

from helpers.base.artifacts import Artifacts
from helpers.display.clip import ClipParts, clip_pixels, clip_player_html, clip_sound, columns_of, part_of, png
from helpers.display.clip_panel import ROW, Network, problems_in
from helpers.display.player import SOUND, SpectrogramPlayer, flac


class ClipsInTurn(anywidget.AnyWidget):
    """Up to three clips side by side, each with its sound and picture.

    Attributes
    ----------
    ready : bool
        Whether a browser has loaded it; until then it holds nothing.
    player : SpectrogramPlayer
        Holds the sound and the picture of the clip that it shows, so that they travel once.
    clips : list of dict
        `letter`, `name`, `label` (for a screen reader), `words`; and, but for the player's, `sound` (FLAC), its `rate` in Hz and
        `picture` (PNG, empty for none).
    """

    _esm = SOUND + Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
    ready = traitlets.Bool(False).tag(sync=True)
    player = traitlets.Instance(SpectrogramPlayer).tag(sync=True, **ipywidgets.widget_serialization)
    clips = traitlets.List().tag(sync=True)


class ComparisonPanel:
    """A clip, a clip of the class that it was taken for, and on demand the training clip that is nearest for the network.

    Parameters
    ----------
    clips : pd.DataFrame
        Manifest rows with `predicted` and `confidence`, of all splits.
    artifacts : Artifacts
    player : SpectrogramPlayer
        Which shows the clip that is compared.
    network : Network, optional
        Adds the nearest training clip.

    Attributes
    ----------
    widget : ipywidgets.Widget
    """

    def __init__(
        self, clips: pd.DataFrame, artifacts: Artifacts, *, player: SpectrogramPlayer, network: Network | None = None
    ) -> None:
        self.clips, self.artifacts, self.network, self.row = clips, artifacts, network, None
        self.plain, self.status, self.in_turn = ipywidgets.HTML(), ipywidgets.HTML(), ClipsInTurn(player=player)
        tooltip = "Add the training clip that is most alike for the network: what it thought that this was"
        self.nearest = ipywidgets.ToggleButton(description="nearest training clip", tooltip=tooltip, layout={"width": "auto"})
        asking = [] if network is None else [self.nearest]
        heading = ipywidgets.HTML("<b>Compare by ear</b>")
        self.widget = ipywidgets.VBox([ipywidgets.HBox([heading, *asking, self.status], layout=ROW), self.plain, self.in_turn])
        self.in_turn.observe(lambda _: self.draw(), "ready")
        self.nearest.observe(lambda _: self.draw(), "value")

    def show(self, row: pd.Series | None) -> None:
        """Compare another clip, or none."""
        self.row = row
        self.draw()

    def draw(self) -> None:
        """Show the clip and what there is to compare it with anew."""
        self.status.value = self.plain.value = ""
        others = [] if self.row is None else self._others()
        if self.row is not None and not others:
            self.plain.value = "<p>There is no other clip of the predicted class to compare with.</p>"
        elif not self.in_turn.ready:
            self.plain.value = "".join(plain_html(words, other, self.artifacts) for words, other in others)
        if not others or not self.in_turn.ready:
            self.in_turn.clips = []
            return
        # One that can't be heard is left out, and its reason is shown.
        states = [self._state(letter, *clip) for letter, clip in zip("BC", others, strict=False)]
        self.in_turn.clips = [self._facts("A", "this clip", self.row), *filter(None, states)]

    def _others(self) -> list[tuple[str, pd.Series]]:
        other = clip_to_compare(self.clips, self.row)
        found = [] if other is None else [("of the predicted class", other)]
        if self.nearest.value:
            with problems_in(self.status):
                name = self.network.nearest(self.row)
                found.append(("nearest in training", self.clips[self.clips["clip"] == name].iloc[0]))
        return found

    def _facts(self, letter: str, words: str, row: pd.Series) -> dict[str, str]:
        said = f"{words}: {row['clip']}, {row['label']} ({row['split']}, confidence {row['confidence']:.2f})"
        return {"letter": letter, "name": row["clip"], "label": f"to compare: {row['clip']}", "words": said}

    def _state(self, letter: str, words: str, row: pd.Series) -> dict | None:
        sound, problem = clip_sound(row, self.artifacts)
        if sound is None:
            self.status.value = html.escape(problem)
            return None
        parts, pixels = ClipParts(row["duration_s"]), clip_pixels(row, self.artifacts, sound=sound)
        picture = b"" if pixels is None else png(Image.fromarray(columns_of(pixels, parts.fractions)))
        encoded, rate = flac(part_of(sound, parts), sound.sample_rate)
        return self._facts(letter, words, row) | {"sound": encoded, "rate": rate, "picture": picture}


def clip_to_compare(clips: pd.DataFrame, row: pd.Series) -> pd.Series | None:
    """The clip of the class that the network took this one for, of which it is most confident; a right one if there is one."""
    others = clips[(clips["label"] == row["predicted"]) & (clips["clip"] != row["clip"])]
    right = others[others["predicted"] == others["label"]]
    others = others if right.empty else right
    return None if others.empty else others.nlargest(1, "confidence").iloc[0]


def plain_html(words: str, row: pd.Series, artifacts: Artifacts) -> str:
    """A plain player of a clip to compare with, and what it is."""
    facts = f"<b>{html.escape(row['clip'])}</b>, {html.escape(row['label'])} ({html.escape(row['split'])}, "
    facts += f"confidence {row['confidence']:.2f})"
    return f"<p>{words[0].upper()}{words[1:]}: {facts}</p>" + clip_player_html(row, artifacts, name=f"to compare: {row['clip']}")
