"""Widgets to hear clips and look at them: core ipywidgets only, so that they work in Colab and in JupyterLab (notebooks 01, 04).

Sound and picture travel inside one HTML widget when a clip is chosen, never before: a notebook of hundreds of clips stays light.
"""

from __future__ import annotations

import base64
import html
import io
from pathlib import Path

import ipywidgets
import pandas as pd
import soundfile

from helpers.artifacts import Artifacts
from helpers.spectrograms import image_path

ALL = "all"


def player_html(path: Path) -> str:
    """An `<audio>` element that holds a sound file, as 16-bit WAV so that every browser plays it.

    Parameters
    ----------
    path : Path

    Returns
    -------
    str
        The element, or a sentence where the file can't be read.
    """
    try:
        samples, rate = soundfile.read(path, dtype="int16")
    except (soundfile.LibsndfileError, OSError):
        return f"<p>The sound file {html.escape(str(path))} can't be read.</p>"
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format="WAV", subtype="PCM_16")
    return f'<audio controls preload="auto" src="data:audio/wav;base64,{_base64(buffer.getvalue())}"></audio>'


def picture_html(path: Path, *, alt: str) -> str:
    """An `<img>` element that holds a PNG file, three times as high as it is; nothing where the file is missing."""
    if not path.exists():
        return ""
    style = "display:block;image-rendering:pixelated;max-width:100%;min-height:192px;margin-top:8px"
    return f'<img alt="{html.escape(alt)}" style="{style}" src="data:image/png;base64,{_base64(path.read_bytes())}">'


def clip_html(row: pd.Series, artifacts: Artifacts) -> str:
    """What there is to know of one clip: its facts, its player, its spectrogram. Names are escaped.

    Parameters
    ----------
    row : pd.Series
        A manifest row, with `predicted` and `confidence` where a model has predicted it.
    artifacts : Artifacts

    Returns
    -------
    str
    """
    facts = [
        f"<b>{html.escape(row['clip'])}</b>",
        html.escape(row["label"]),
        f"{row['duration_s']:.1f} s",
        html.escape(row["split"]),
    ]
    if row.get("speaker"):
        facts.insert(2, f"speaker {html.escape(row['speaker'])}")
    if "predicted" in row:
        verdict = "right" if row["predicted"] == row["label"] else "WRONG"
        facts.append(f"predicted {html.escape(row['predicted'])} with confidence {row['confidence']:.2f}: <b>{verdict}</b>")
    picture = picture_html(image_path(artifacts, row), alt=f"spectrogram of {row['clip']}")
    return f'<p style="line-height:1.5">{" · ".join(facts)}</p>{player_html(artifacts.audio(row["path"]))}{picture}'


def listen(manifest: pd.DataFrame, artifacts: Artifacts, *, predictions: pd.DataFrame | None = None) -> ipywidgets.Widget:
    """Choose a clip by class, split and verdict; hear it, see its spectrogram.

    Parameters
    ----------
    manifest : pd.DataFrame
    artifacts : Artifacts
    predictions : pd.DataFrame, optional
        Adds what the model said, and a choice of right or wrong.

    Returns
    -------
    ipywidgets.Widget
    """
    clips = manifest
    if predictions is not None:
        clips = manifest.merge(predictions[["clip", "predicted", "confidence"]], on="clip", validate="one_to_one")
    clips = clips.set_index("clip", drop=False)

    choosers = {"label": _chooser("class", clips["label"]), "split": _chooser("split", clips["split"])}
    if predictions is not None:
        choosers["verdict"] = ipywidgets.Dropdown(options=[ALL, "right", "wrong"], description="verdict")
    clip = ipywidgets.Dropdown(description="clip", layout=ipywidgets.Layout(width="420px"))
    previous, following = (
        ipywidgets.Button(description=text, layout=ipywidgets.Layout(width="110px")) for text in ("previous", "next")
    )
    count, panel = ipywidgets.HTML(), ipywidgets.HTML()

    def choose(_=None) -> None:
        chosen = clips
        for column in ("label", "split"):
            if choosers[column].value != ALL:
                chosen = chosen[chosen[column] == choosers[column].value]
        if "verdict" in choosers and choosers["verdict"].value != ALL:
            chosen = chosen[(chosen["predicted"] == chosen["label"]) == (choosers["verdict"].value == "right")]
        count.value = f"{len(chosen)} clips"
        clip.options = list(chosen.index)
        clip.index = 0 if len(chosen) else None  # ipywidgets 8 leaves it at None after an empty list
        show()

    def show(_=None) -> None:
        fits = clip.value is not None
        panel.value = clip_html(clips.loc[clip.value], artifacts) if fits else "<p>No clip fits this choice.</p>"

    def step(by: int) -> None:
        if clip.options:
            clip.index = (clip.index + by) % len(clip.options)

    for chooser in choosers.values():
        chooser.observe(choose, "value")
    clip.observe(show, "value")
    previous.on_click(lambda _: step(-1))
    following.on_click(lambda _: step(1))
    choose()
    row = ipywidgets.Layout(flex_flow="row wrap", align_items="center")
    return ipywidgets.VBox(
        [
            ipywidgets.HBox([*choosers.values(), count], layout=row),
            ipywidgets.HBox([clip, previous, following], layout=row),
            panel,
        ]
    )


def _chooser(description: str, values: pd.Series) -> ipywidgets.Dropdown:
    return ipywidgets.Dropdown(options=[ALL, *sorted(values.unique())], description=description)


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
