"""One clip as HTML: player, waveform, spectrogram, probabilities (notebooks 01 and 04). Names are escaped everywhere.

Sound and spectrogram travel inside the HTML when a clip is chosen, never before: a notebook of hundreds of clips stays light.
"""

import base64
import html
import io
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pandas as pd
import soundfile
from PIL import Image

from helpers.base.artifacts import Artifacts
from helpers.base.settings import SpectrogramSettings
from helpers.display.figures import BLUE, GREEN, ORANGE
from helpers.recordings.containers import UnusableSoundError
from helpers.recordings.sounds import read_sound
from helpers.spectrograms.mel import picture, resample


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
        f"<br>{player_html(artifacts.audio(row['path']), name=row['clip'])}</p>"
        for _, row in rows.iterrows()
    )


def player_html(path: Path, *, name: str = "") -> str:
    """An `<audio>` element that holds a sound file, as 16-bit WAV so that every browser plays it; a sentence if it can't be read.

    Parameters
    ----------
    path : Path
    name : str
        What a screen reader says of it.
    """
    try:
        sound = read_sound(path)
    except UnusableSoundError as error:
        return f"<p>The sound file {html.escape(f'{path} {error}')}.</p>"
    return audio_html(sound.samples, sound.sample_rate, name=name or path.stem)


def audio_html(samples: np.ndarray, sample_rate: int, *, name: str) -> str:
    """The same of samples in memory, at their own level, or at full scale where they are louder."""
    samples = samples / max(1.0, float(np.abs(samples).max(initial=0.0)))
    source = data_uri("audio/wav", lambda file: soundfile.write(file, samples, sample_rate, format="WAV", subtype="PCM_16"))
    return f'<audio controls preload="auto" aria-label="{html.escape(name)}" src="{source}"></audio>'


def waveform_html(path: Path, *, points: int = 320) -> str:
    """The waveform as an inline SVG, as wide as the spectrogram, so that the times lie below each other; empty without a sound."""
    try:
        samples = read_sound(path).samples
    except UnusableSoundError:  # the player says so in a sentence
        return ""
    edges = np.linspace(0, len(samples), min(points, len(samples)) + 1).astype(int)[:-1]
    highest, lowest = np.maximum.reduceat(samples, edges), np.minimum.reduceat(samples, edges)
    scale = 38 / max(np.abs(samples).max(), 1e-4)  # to the clip's own loudest point: quiet clips show their shape too
    outline = [*enumerate(40 - scale * highest), *reversed(list(enumerate(40 - scale * lowest)))]
    polygon = " ".join(f"{x},{y:.1f}" for x, y in outline)
    return (
        f'<svg role="img" aria-label="waveform" viewBox="0 0 {len(edges) - 1} 80" preserveAspectRatio="none" '
        f'style="display:block;width:100%;height:64px">'
        f'<polygon points="{polygon}" fill="{BLUE}" stroke="{BLUE}" vector-effect="non-scaling-stroke"/></svg>'
    )


def picture_html(row: pd.Series, artifacts: Artifacts, *, heat: np.ndarray | None = None) -> str:
    """The spectrogram of a clip as the network sees it, made from the sound where there is no image of it; empty without either.

    Parameters
    ----------
    row : pd.Series
        A manifest row.
    artifacts : Artifacts
    heat : np.ndarray [shape=(height, width)], optional
        From 0 to 1, laid over the spectrogram.
    """
    path = artifacts.image(row["clip"])
    try:
        if path.exists():
            source = data_uri("image/png", lambda file: file.write(path.read_bytes()))
        else:
            settings = SpectrogramSettings()
            sound = read_sound(artifacts.audio(row["path"]))
            pixels = picture(resample(sound, sample_rate=settings.sample_rate), settings=settings)
            source = data_uri("image/png", lambda file: Image.fromarray(pixels).save(file, "PNG"))
    except (UnusableSoundError, OSError):  # the player says so in a sentence
        return ""
    style = "width:100%;height:192px;image-rendering:pixelated"
    alt = html.escape(f"spectrogram of {row['clip']}, low frequencies at the bottom")
    layers = f'<img alt="{alt}" style="display:block;{style}" src="{source}">'
    if heat is not None:
        cyan = np.full((*heat.shape, 3), (0, 229, 255), np.uint8)  # seen on grey and on magma
        overlay = Image.fromarray(np.dstack([cyan, (heat * 190).astype(np.uint8)]))
        layers += (
            f'<img alt="Grad-CAM: cyan where the network found its evidence" class="grad-cam" '
            f'style="position:absolute;left:0;top:0;{style.replace("pixelated", "auto")}" '
            f'src="{data_uri("image/png", lambda file: overlay.save(file, "PNG"))}">'
        )
    return f'<div style="position:relative;margin-top:4px">{layers}</div>'


def probabilities_html(chances: pd.Series, *, true: str) -> str:
    """The five likeliest classes as a list of bars, of probabilities that are indexed by class; the true class is marked."""
    bars = "".join(
        f'<tr><td style="text-align:right;padding-right:8px">{html.escape(label)}{" (true)" if label == true else ""}</td>'
        f'<td style="width:180px"><div style="background:{GREEN if label == true else ORANGE};height:12px;'
        f'width:{max(chance, 0.004):.1%}"></div></td><td style="padding-left:8px">{chance:.2f}</td></tr>'
        for label, chance in chances.sort_values(ascending=False, kind="stable").head(5).items()
    )
    return f'<table aria-label="likeliest classes" style="border-collapse:collapse;line-height:1.4">{bars}</table>'


def clip_html(row: pd.Series, artifacts: Artifacts, *, chances: pd.Series | None = None, heat: np.ndarray | None = None) -> str:
    """What there is to know of one clip: facts, player, waveform, spectrogram, and the probabilities where a model gave them.

    Parameters
    ----------
    row : pd.Series
        A manifest row, with `predicted` and `confidence` where a model has predicted it.
    artifacts : Artifacts
    chances : pd.Series, optional
        The model's probabilities, indexed by class.
    heat : np.ndarray [shape=(height, width)], optional
        Laid over the spectrogram.
    """
    facts = [f"<b>{html.escape(row['clip'])}</b>", html.escape(row["label"])]
    facts += [f"{name} {html.escape(row[name])}" for name in ("speaker", "emotion", "sentence") if row.get(name)]
    facts += [f"{row['duration_s']:.1f} s", html.escape(row["split"])]
    if "predicted" in row:
        verdict = "right" if row["predicted"] == row["label"] else "WRONG"
        facts.append(f"predicted {html.escape(row['predicted'])} with confidence {row['confidence']:.2f}: <b>{verdict}</b>")
    path = artifacts.audio(row["path"])
    seconds = "".join(f"<span>{fraction * row['duration_s']:.2f} s</span>" for fraction in (0, 0.5, 1))
    return (
        f'<div style="max-width:640px"><p style="line-height:1.5">{" · ".join(facts)}</p>'
        f"{player_html(path, name=row['clip'])}{waveform_html(path)}{picture_html(row, artifacts, heat=heat)}"
        f'<div style="display:flex;justify-content:space-between">{seconds}</div>'
        '<div style="text-align:center">time; in the spectrogram, frequency upwards (mel scale)</div></div>'
        + (probabilities_html(chances, true=row["label"]) if chances is not None else "")
    )


def data_uri(kind: str, save: Callable[[BinaryIO], None]) -> str:
    """What `save` writes into a file, as an address that holds it; `kind` is its MIME type."""
    file = io.BytesIO()
    save(file)
    return f"data:{kind};base64,{base64.b64encode(file.getvalue()).decode('ascii')}"
