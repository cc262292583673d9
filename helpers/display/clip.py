"""One clip as HTML: player, waveform, spectrogram, probabilities (notebooks 01 and 04). Names are escaped everywhere.

Sound and spectrogram travel inside the HTML when a clip is chosen, never before: a notebook of hundreds of clips stays light.
"""

import base64
import contextlib
import html
import io
import itertools
import math
from collections.abc import Callable
from typing import BinaryIO

import numpy as np
import pandas as pd
import soundfile
from PIL import Image

from helpers.base.artifacts import Artifacts, NoRecordingsError
from helpers.base.settings import SpectrogramSettings
from helpers.display.figures import BLUE, GREEN, ORANGE, envelope
from helpers.evaluation.scores import expected_age, gender_and_age
from helpers.recordings.containers import UnusableSoundError
from helpers.recordings.decoding import Sound
from helpers.recordings.sounds import read_sound
from helpers.spectrograms.mel import picture, resample

PLAYED_S = 30  # of a longer sound so much is sent at a time
PLAYED_RATE = 48_000  # Hz; what a loudspeaker plays, and browsers are sure to


class ClipParts:
    """The parts of a clip that are heard and seen one at a time: equally long, 30 s at most.

    Parameters
    ----------
    duration_s : float
        Of the clip.

    Attributes
    ----------
    names : list of str
        Such as "0:30 to 1:00", in their order.
    index : int
        Of the open part; the first one at first.
    """

    def __init__(self, duration_s: float) -> None:
        self.index = 0
        self.edges = np.linspace(0, duration_s, max(math.ceil(duration_s / PLAYED_S), 1) + 1)
        self.names = [f"{clock(start)} to {clock(end)}" for start, end in itertools.pairwise(self.edges)]

    @property
    def seconds(self) -> tuple[float, float]:
        """Where the open part begins and ends."""
        return self.edges[self.index], self.edges[self.index + 1]

    @property
    def fractions(self) -> tuple[float, float]:
        """The same, of the whole clip."""
        return self.index / len(self.names), (self.index + 1) / len(self.names)

    def open(self, index: int) -> bool:
        """Open a part; whether it is another one than before."""
        before, self.index = self.index, index
        return index != before


def clock(seconds: float) -> str:
    """Minutes and seconds, such as "4:05"."""
    return f"{round(seconds) // 60}:{round(seconds) % 60:02}"


def neighbours_html(rows: pd.DataFrame, artifacts: Artifacts) -> str:
    """Players of clips with what they are and how far away.

    Parameters
    ----------
    rows : pd.DataFrame
        Manifest rows with a column `distance`.
    artifacts : Artifacts
    """
    return "".join(
        f"<p style='line-height:1.6'><b>{html.escape(row['label'])}</b>, distance {row['distance']:.3f}: {html.escape(row['clip'])}"
        f"<br>{clip_player_html(row, artifacts, name=row['clip'])}</p>"
        for _, row in rows.iterrows()
    )


def clip_player_html(row: pd.Series, artifacts: Artifacts, *, name: str) -> str:
    """The player of a manifest row, see `audio_html`; a sentence where its sound can't be had. A screen reader says the name."""
    sound, problem = clip_sound(row, artifacts)
    return f"<p>{html.escape(problem)}</p>" if sound is None else audio_html(sound.samples, sound.sample_rate, name=name)


def audio_html(samples: np.ndarray, sample_rate: int, *, name: str) -> str:
    """An `<audio>` element that holds samples as 16-bit WAV, so that every browser plays it, or the first 30 s, which it says.

    They are played at their own level, or at full scale where they are louder.
    """
    more, played = "", samples[: PLAYED_S * sample_rate]
    if len(played) < len(samples):
        more = f"<br>the first {PLAYED_S} s of {clock(len(samples) / sample_rate)} minutes"
    played, rate = playable(played, sample_rate)
    source = data_uri("audio/wav", saved(lambda file: soundfile.write(file, played, rate, format="WAV", subtype="PCM_16")))
    return f'<audio controls preload="auto" style="max-width:100%" aria-label="{html.escape(name)}" src="{source}"></audio>{more}'


def playable(samples: np.ndarray, sample_rate: int) -> tuple[np.ndarray, int]:
    """Samples as a loudspeaker plays them, and their rate in Hz: at their own level, or at full scale where they are louder."""
    rate = min(sample_rate, PLAYED_RATE)
    played = resample(Sound(samples, sample_rate), sample_rate=rate)
    return played / max(1.0, float(np.abs(played).max(initial=0.0))), rate


def outline(samples: np.ndarray, *, points: int) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest sample of each stretch, as fractions of its own loudest point: quiet clips show their shape too."""
    _, lowest, highest = envelope(samples, points=points)
    loudest = max(highest.max(), -lowest.min(), 1e-4)
    return lowest / loudest, highest / loudest


def waveform_html(samples: np.ndarray) -> str:
    """The waveform as an inline SVG, as wide as the spectrogram, so that the times lie below each other."""
    lowest, highest = outline(samples, points=320)
    edge = [*enumerate(40 - 38 * highest), *reversed(list(enumerate(40 - 38 * lowest)))]
    polygon = " ".join(f"{x},{y:.1f}" for x, y in edge)
    return (
        f'<svg role="img" aria-label="waveform" viewBox="0 0 {len(highest) - 1} 80" preserveAspectRatio="none" '
        f'style="display:block;width:100%;height:64px">'
        f'<polygon points="{polygon}" fill="{BLUE}" stroke="{BLUE}" vector-effect="non-scaling-stroke"/></svg>'
    )


def clip_sound(row: pd.Series, artifacts: Artifacts) -> tuple[Sound | None, str]:
    """The sound of a clip, from its column `sound` where it is in memory; where it can't be had, None and a sentence why."""
    if isinstance(row.get("sound"), Sound):
        return row["sound"], ""
    try:
        path = artifacts.audio(row["path"])
        return read_sound(path, longest_s=np.ceil(row["duration_s"])), ""
    except UnusableSoundError as error:
        return None, f"The sound file {path} {error}."
    except NoRecordingsError as error:
        return None, str(error)


def part_of(sound: Sound, parts: ClipParts) -> np.ndarray:
    """The samples of the open part."""
    first, last = (round(seconds * sound.sample_rate) for seconds in parts.seconds)
    return sound.samples[min(first, len(sound.samples) - 1) : last]  # it may have become shorter since the audit


def clip_pixels(row: pd.Series, artifacts: Artifacts, *, sound: Sound | None) -> np.ndarray | None:
    """The spectrogram of a clip as the network sees it, made from the sound where there is no image of it; None without either."""
    path = artifacts.image(row["clip"])
    if path.exists():
        with contextlib.suppress(OSError, SyntaxError, ValueError):  # raised for a broken image; notebook 02 makes it again
            return np.asarray(Image.open(path))
    if sound is None:
        return None
    settings = SpectrogramSettings()
    return picture(resample(sound, sample_rate=settings.sample_rate), settings=settings)


def picture_html(pixels: np.ndarray, *, name: str, stretch: tuple[float, float] = (0, 1), heat: np.ndarray | None = None) -> str:
    """A stretch of a clip's spectrogram.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width) or (height, width, 3), dtype=uint8]
    name : str
        Of the clip.
    stretch : tuple of float
        From where to where, as fractions of the width.
    heat : np.ndarray [shape=(height, width)], optional
        From 0 to 1, laid over the spectrogram.
    """
    shown = Image.fromarray(columns_of(pixels, stretch))
    source = data_uri("image/png", png(shown))
    style = "width:100%;height:192px;image-rendering:pixelated"
    alt = html.escape(f"spectrogram of {name}, low frequencies at the bottom")
    layers = f'<img alt="{alt}" style="display:block;{style}" src="{source}">'
    if heat is not None:
        layers += (
            f'<img alt="Grad-CAM: cyan where the network found its evidence" class="grad-cam" '
            f'style="position:absolute;left:0;top:0;{style.replace("pixelated", "auto")}" '
            f'src="{data_uri("image/png", png(heat_image(heat, stretch, width=shown.width)))}">'
        )
    return f'<div style="position:relative;margin-top:4px">{layers}</div>'


def columns_of(pixels: np.ndarray, stretch: tuple[float, float]) -> np.ndarray:
    """The columns of a picture from where to where, as fractions of its width; one at least."""
    start, end = (round(fraction * pixels.shape[1]) for fraction in stretch)
    return pixels[:, min(start, pixels.shape[1] - 1) : max(end, start + 1)]


def heat_image(heat: np.ndarray, stretch: tuple[float, float], *, width: int) -> Image.Image:
    """A stretch of a Grad-CAM as a layer, more opaque where there is more of it."""
    box = (stretch[0] * heat.shape[1], 0, stretch[1] * heat.shape[1], heat.shape[0])
    opacity = Image.fromarray((heat * 190).astype(np.uint8)).resize((width, heat.shape[0]), Image.Resampling.BILINEAR, box)
    layer = Image.new("RGB", opacity.size, (0, 229, 255))  # cyan, seen on grey and on magma
    layer.putalpha(opacity)
    return layer


def probabilities_html(chances: pd.Series, *, true: str) -> str:
    """The five likeliest classes as a list of bars, of probabilities that are indexed by class; the true class is marked."""
    bars = "".join(
        f'<tr><td style="text-align:right;padding-right:8px">{html.escape(label)}{" (true)" if label == true else ""}</td>'
        f'<td style="width:180px"><div style="background:{GREEN if label == true else ORANGE};height:12px;'
        f'width:{max(chance, 0.004):.1%}"></div></td><td style="padding-left:8px">{chance:.2f}</td></tr>'
        for label, chance in chances.sort_values(ascending=False, kind="stable").head(5).items()
    )
    return f'<table aria-label="likeliest classes" style="border-collapse:collapse;line-height:1.4">{bars}</table>'


def stretch_html(found: pd.Series, start: float, end: float, *, whole: pd.Series | None, window_s: float | None) -> str:
    """What a network answers for a stretch of a clip alone, beside its answer for the whole clip.

    Parameters
    ----------
    found, whole : pd.Series
        Probabilities by class; `whole` is None where they are not known.
    start, end : float
        Of the stretch, in s.
    window_s : float or None
        How much of a clip the network sees at once; None where that is always the whole clip.
    """
    answers = {f"{start:.2f} to {end:.2f} s alone": found} | ({} if whole is None else {"whole clip": whole})
    rows = ""
    for what, chances in answers.items():
        gender, ages = gender_and_age(chances)
        cells = [f"{html.escape(chances.idxmax())} ({chances.max():.2f})"]
        cells.append("" if gender is None else f"{html.escape(gender.idxmax())} ({gender.max():.2f})")
        cells.append("" if ages is None else f"{expected_age(ages):.0f} years")
        inside = "".join(f"<td style='padding-left:12px'>{cell}</td>" for cell in cells)
        rows += f"<tr><th scope='row'>{what}</th>{inside}</tr>"
    head = "".join(f"<th scope='col' style='padding-left:12px'>{name}</th>" for name in ("class", "gender", "expected age"))
    short = ""
    if window_s is not None and end - start < window_s:
        short = f"<p>The stretch is shorter than the network's window of {window_s:.2f} s, of which the rest is silence.</p>"
    return f"<table style='text-align:left;line-height:1.5'><tr><td></td>{head}</tr>{rows}</table>{short}"


def clip_html(row: pd.Series, artifacts: Artifacts, *, parts: ClipParts | None = None, heat: np.ndarray | None = None) -> str:
    """A clip to hear and to see: plain player, waveform and spectrogram.

    Parameters
    ----------
    row : pd.Series
        A manifest row.
    artifacts : Artifacts
    parts : ClipParts, optional
        What is heard and seen is its open part; the first one if not given.
    heat : np.ndarray [shape=(height, width)], optional
        Laid over the spectrogram; of the whole clip.
    """
    parts = parts or ClipParts(row["duration_s"])
    sound, problem = clip_sound(row, artifacts)
    heard = f"<p>{html.escape(problem)}</p>"
    if sound is not None:
        samples = part_of(sound, parts)
        heard = audio_html(samples, sound.sample_rate, name=row["clip"]) + waveform_html(samples)
    pixels, seen = clip_pixels(row, artifacts, sound=sound), ""
    if pixels is not None:
        seen = picture_html(pixels, name=row["clip"], stretch=parts.fractions, heat=heat)
    start, end = parts.seconds
    times = "".join(f"<span>{seconds:.2f} s</span>" for seconds in (start, (start + end) / 2, end))
    return (
        f'<div style="max-width:640px">{heard}{seen}<div style="display:flex;justify-content:space-between">{times}</div>'
        '<div style="text-align:center">time; in the spectrogram, frequency upwards (mel scale)</div></div>'
    )


def facts_html(row: pd.Series) -> str:
    """A line with a clip's name, class, speaker, duration and split, and whether the prediction, where there is one, is right."""
    facts = [f"<b>{html.escape(row['clip'])}</b>", html.escape(row["label"])]
    facts += [f"{name} {html.escape(row[name])}" for name in ("speaker", "emotion", "sentence") if row.get(name)]
    facts += [f"{row['duration_s']:.1f} s", html.escape(row["split"])]
    if "predicted" in row:
        verdict = ": <b>right</b>" if row["predicted"] == row["label"] else ": <b>WRONG</b>"
        said = f"predicted {html.escape(row['predicted'])} with confidence {row['confidence']:.2f}"
        facts.append(said + (verdict if row["label"] else ""))
    return f"<p style='line-height:1.5;max-width:640px'>{' · '.join(filter(None, facts))}</p>"


def data_uri(kind: str, content: bytes) -> str:
    """An address that holds what a file does; `kind` is its MIME type."""
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def png(image: Image.Image) -> bytes:
    """An image as PNG."""
    return saved(lambda file: image.save(file, "PNG"))


def saved(save: Callable[[BinaryIO], None]) -> bytes:
    """What `save` writes into a file."""
    file = io.BytesIO()
    save(file)
    return file.getvalue()
