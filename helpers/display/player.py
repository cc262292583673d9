"""The spectrogram player: waveform and spectrogram on one time axis, and the sound; click to jump, drag to select a stretch.

It is an anywidget (`player.js`), which gets one part of one clip at a time, of 30 s at most: the sound as FLAC, the picture as PNG.
Until a browser says that it has loaded it, it holds nothing, and a plain player stands in for it (`helpers.display.clip`).
"""

import importlib
import math
from pathlib import Path

import anywidget
import ipywidgets
import numpy as np
import pandas as pd
import soundfile
import traitlets
from PIL import Image

from helpers.base import machine
from helpers.base.artifacts import Artifacts, SuiteError, read_json
from helpers.base.settings import SpectrogramSettings
from helpers.display.clip import (
    ClipParts,
    audio_html,
    clip_pixels,
    clip_sound,
    columns_of,
    heat_image,
    outline,
    part_of,
    playable,
    png,
    saved,
)
from helpers.display.figures import GREEN, ORANGE, mel_marks
from helpers.recordings.decoding import Sound
from helpers.spectrograms.mel import picture, resample
from helpers.spectrograms.voice import median_pitch

SOUND = Path(__file__).with_name("sound.js").read_text(encoding="utf-8")
POINTS = 640  # of the waveform


class SpectrogramPlayer(anywidget.AnyWidget):
    """The player on two canvases.

    Attributes
    ----------
    ready : bool
        Whether a browser has loaded it.
    facts : dict
        Of the part of the clip that is shown, see `show`; empty for none.
    sound, picture, heat : bytes
        FLAC, PNG, and PNG with transparency; empty for none.
    along : dict
        `seconds`, and `lines`: name, colour and probabilities of each; empty for none.
    heard : str
        The clip that was played last.
    width : int
        How wide the page lets it be, in CSS pixels; 0 as long as that is not known.
    voice : str
        How long the part is that is shown, and at what pitch it is spoken: for whoever does not hear it.
    stretch : list of float
        What is selected: start and end in seconds of the clip, and the browser's time in ms; both 0 where nothing is.
    """

    _esm = SOUND + Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
    ready = traitlets.Bool(False).tag(sync=True)
    facts = traitlets.Dict().tag(sync=True)
    sound, picture, heat = (traitlets.Bytes(b"").tag(sync=True) for _ in range(3))
    along = traitlets.Dict().tag(sync=True)
    stretch = traitlets.List([0, 0, 0]).tag(sync=True)
    heard, voice = (traitlets.Unicode("").tag(sync=True) for _ in range(2))
    width = traitlets.Int(0).tag(sync=True)

    def __init__(self) -> None:
        if machine.on_colab():  # anywidget asks Colab for its widget manager where this module is loaded
            importlib.import_module("google.colab.output")
        super().__init__()

    def show(
        self,
        row: pd.Series | None,
        artifacts: Artifacts,
        *,
        parts: ClipParts | None = None,
        heat: np.ndarray | None = None,
        along: pd.DataFrame | None = None,
        play: bool = False,
    ) -> None:
        """Show the open part of a clip, or nothing.

        Parameters
        ----------
        row : pd.Series or None
            A manifest row.
        artifacts : Artifacts
        parts : ClipParts, optional
            The first part if not given.
        heat : np.ndarray [shape=(height, width)], optional
            Laid over the spectrogram; of the whole clip.
        along : pd.DataFrame, optional
            The probabilities of the classes, by time in s, drawn below the spectrogram: of the true class and of the predicted one.
        play : bool
            Start playing at once; a browser may refuse before anything was clicked.
        """
        state = {}
        if row is not None:
            parts = parts or ClipParts(row["duration_s"])
            state = clip_state(row, artifacts, parts=parts, heat=heat)
            state["facts"]["play"] = play
            state["along"] = {} if along is None else lines_along(along, row, parts=parts)
        self.receive(state)

    def receive(self, state: dict) -> None:
        """Take what `clip_state` or `part_state` give; all that it lacks is empty."""
        state = {"facts": {}, "sound": b"", "picture": b"", "heat": b"", "along": {}, "part": None} | state
        is_new = state["sound"] != self.sound  # and not the same with another layer
        with self.hold_sync():
            # The facts come last: they tell the browser that everything is there.
            for name in ("sound", "picture", "heat", "along", "facts"):
                setattr(self, name, state[name])
        # After the sound, as the first pitch of a session waits for what librosa then loads.
        if is_new:
            self.voice = "" if state["part"] is None else voice_text(state["part"])


def clip_state(row: pd.Series, artifacts: Artifacts, *, parts: ClipParts, heat: np.ndarray | None) -> dict:
    """What the browser gets of a part of a clip; what cannot be read is empty, and `facts["problem"]` says why."""
    sound, problem = clip_sound(row, artifacts)
    pixels = clip_pixels(row, artifacts, sound=sound)
    state = part_state(sound, pixels, parts=parts, name=row["clip"], settings=picture_settings(artifacts), words=row["label"])
    state["facts"]["problem"] = problem
    if pixels is not None and heat is not None:
        shown = columns_of(pixels, parts.fractions)
        state["heat"] = png(heat_image(heat, parts.fractions, width=shown.shape[1]))
    return state


def part_state(
    sound: Sound | None, pixels: np.ndarray | None, *, parts: ClipParts, name: str, settings: SpectrogramSettings, words: str = ""
) -> dict:
    """What the browser gets of a part of a sound and its spectrogram, either of which may lack."""
    start, end = parts.seconds
    facts = {"name": name, "start": start, "end": end, "problem": ""}
    facts["text"] = (
        f"Spectrogram of {', '.join(filter(None, (name, words)))}, {start:.2f} to {end:.2f} s, low frequencies at the bottom. "
        "Space plays and pauses, the arrow keys move, with Shift they select a stretch, Escape clears it."
    )
    state = {"facts": facts, "sound": b"", "picture": b"", "heat": b""}
    if sound is not None:
        samples = part_of(sound, parts)
        state["part"] = Sound(samples, sound.sample_rate)
        lowest, highest = (edge.round(3).tolist() for edge in outline(samples, points=POINTS))
        facts |= {"lowest": lowest, "highest": highest}
        state["sound"], facts["rate"] = flac(samples, sound.sample_rate)
    if pixels is not None:
        hertz, marks = mel_marks(settings)
        ticks = [[bins / settings.mel_bins, f"{mark:,}"] for mark, bins in marks.items()]
        facts |= {"hertz": np.round(hertz, 1).tolist(), "ticks": ticks}  # from the bottom; how far up, and what stands there
        facts["decibels"] = settings.dynamic_range_db if pixels.ndim == 2 else 0  # of a coloured picture no level can be read
        state["picture"] = png(Image.fromarray(columns_of(pixels, parts.fractions)))
    return state


def sound_player(sound: Sound, *, name: str, settings: SpectrogramSettings | None = None) -> ipywidgets.Widget:
    """The spectrogram player of a sound in memory; a plain one until a browser has loaded it.

    Parameters
    ----------
    sound : Sound
    name : str
    settings : SpectrogramSettings, optional
        Of the spectrogram; the default ones if not given.
    """
    player, plain, settings = SpectrogramPlayer(), ipywidgets.HTML(), settings or SpectrogramSettings()
    parts = ClipParts(len(sound.samples) / sound.sample_rate)
    choose = ipywidgets.Dropdown(options=parts.names, description="part")
    pixels = picture(resample(sound, sample_rate=settings.sample_rate), settings=settings)

    def draw(_=None) -> None:
        parts.open(choose.index)
        plain.value = "" if player.ready else audio_html(sound.samples, sound.sample_rate, name=name)
        player.receive(part_state(sound, pixels, parts=parts, name=name, settings=settings) if player.ready else {})

    player.observe(draw, "ready")
    choose.observe(draw, "index")
    draw()
    return ipywidgets.VBox([*([choose] if len(parts.names) > 1 else []), plain, player])


def voice_text(sound: Sound) -> str:
    """How long a sound is, and the median pitch of what is voiced in it."""
    hertz = median_pitch(sound.samples, sample_rate=sound.sample_rate)
    spoken = "nothing in it is voiced" if math.isnan(hertz) else f"median pitch {hertz:.0f} Hz"
    return f"{len(sound.samples) / sound.sample_rate:.1f} s, {spoken}"


def lines_along(along: pd.DataFrame, row: pd.Series, *, parts: ClipParts) -> dict:
    """The lines below the spectrogram: of the true class and, where it is another one, of the predicted class; of the open part."""
    start, end = parts.seconds
    found = along[(along.index >= start) & (along.index <= end)]
    colours = {row["label"]: GREEN} | ({row["predicted"]: ORANGE} if row["predicted"] != row["label"] else {})
    names = {row["predicted"]: f"{row['predicted']} (predicted)", row["label"]: f"{row['label']} (true)"}
    lines = [[names[label], colour, found[label].round(3).tolist()] for label, colour in colours.items() if label in found]
    return {"seconds": found.index.to_numpy().round(3).tolist(), "lines": lines}


def picture_settings(artifacts: Artifacts) -> SpectrogramSettings:
    """The settings that the pictures were made with; the default ones where none were made."""
    try:
        return SpectrogramSettings(**read_json(artifacts.spectrogram_settings)["settings"])
    except SuiteError:
        return SpectrogramSettings()


def flac(samples: np.ndarray, sample_rate: int) -> tuple[bytes, int]:
    """Samples as 16-bit FLAC, and its rate in Hz, see `helpers.display.clip.playable`."""
    played, rate = playable(samples, sample_rate)
    return saved(lambda file: soundfile.write(file, played, rate, format="FLAC", subtype="PCM_16")), rate
