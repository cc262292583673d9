"""What a notebook shows of itself: its settings, and a notice in large letters (all notebooks)."""

import html
import textwrap
from dataclasses import dataclass
from typing import Any

from helpers.base.settings import Profile, describe

MEANINGS = {
    "dataset": "where the recordings come from",
    "profile": "a name for all settings: `quick` for a processor, `paper` as in the study, for a GPU",
    "network": "what notebook 3 trains",
    "epochs": "rounds through the training clips",
    "seed": "the same seed gives the same split, weights and pictures",
}
COLUMNS = 3  # of the folded table


@dataclass(frozen=True, repr=False)
class SettingsTable:
    """Five settings that matter most, with what they mean, and all others folded away.

    Attributes
    ----------
    dataset : str
    profile : Profile
    """

    dataset: str
    profile: Profile

    def values(self) -> dict[str, str]:
        """Each setting, the five first, and its value as OVERRIDES takes it."""
        named = {"dataset": self.dataset, "profile": self.profile.name}
        every = named | {name: _as_typed(value) for name, value in describe(self.profile).items() if name != "name"}
        return {name: every[name] for name in MEANINGS} | every

    def __repr__(self) -> str:
        values = self.values()
        lines = [f"{name:8} {values.pop(name):14} {meaning}" for name, meaning in MEANINGS.items()]
        rest = ", ".join(f"{name}={value}" for name, value in values.items())
        return "\n".join([*lines, *textwrap.wrap(f"Others: {rest}", 120, break_on_hyphens=False)])

    def _repr_html_(self) -> str:
        values = self.values()
        rows = [(name, values.pop(name), meaning.replace("`", "")) for name, meaning in MEANINGS.items()]
        others = list(values.items())
        height = -(-len(others) // COLUMNS)
        folded = [sum(others[start::height], ()) for start in range(height)]
        summary = f"<summary>All {len(others)} other settings, which OVERRIDES can replace, too</summary>"
        wide = f'<div style="overflow-x: auto">{_table(folded)}</div>'
        return f"{_table(rows)}<details>{summary}{wide}</details>"


@dataclass(frozen=True, repr=False)
class Notice:
    """Something that must not be overlooked: a heading, and a sentence or two below it."""

    title: str
    text: str

    def __repr__(self) -> str:
        return f"*** {self.title} ***\n{self.text}"

    def _repr_html_(self) -> str:
        return f"<h2>{html.escape(self.title)}</h2><p>{html.escape(self.text)}</p>"


def _as_typed(value: Any) -> str:
    return "+".join(value) if isinstance(value, tuple) else str(value)


def _table(rows: list[tuple[str, ...]]) -> str:
    lines = ("".join(f'<td style="text-align: left">{html.escape(cell)}</td>' for cell in row) for row in rows)
    return "<table>" + "".join(f"<tr>{line}</tr>" for line in lines) + "</table>"
