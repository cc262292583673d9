"""The pictures of explorer and map in docs/pictures, from the results of `make run` (command line).

PYTHONPATH=.:tests python tests/pictures.py

Chromium shows both widgets in JupyterLab: what is done in the explorer becomes `explorer.gif`, and the map `map.png`.
"""

import io
import re
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
from bench_display import opened
from conftest import GIVEN
from display.test_browser import RUN, WAIT, Explorer
from PIL import Image, ImageDraw, ImageFont

from helpers.base.artifacts import Artifacts
from helpers.base.machine import PROJECT
from helpers.display.figures import BLUE, GREEN, ORANGE

PICTURES = PROJECT / "docs" / "pictures"
WIDTH, COLOURS, CAPTION, STILL_MS, MOVING_MS = 900, 96, 36, 1900, 250
PAGE = {"width": 1240, "height": 2400}  # so high that nothing scrolls
KEPT = BLUE, ORANGE, GREEN, "#D55E00", "#00E5FF", "#B8D9EE"  # colours of small things, which would become those of large ones
STRETCH = 0.5, 1.1  # seconds of the clip


class Film:
    """Images of a part of a page, each with a caption, and a ring around the pointer."""

    def __init__(self, page, clip: dict[str, float]) -> None:
        self.page, self.clip, self.images, self.durations = page, clip, [], []

    def take(self, words: str, *, pointer: tuple[float, float] | None = None, milliseconds: int = STILL_MS) -> None:
        """One more image; the pointer is in pixels of the page."""
        shot = Image.open(io.BytesIO(self.page.screenshot(clip=self.clip))).convert("RGB")
        if pointer is not None:
            x, y = pointer[0] - self.clip["x"], pointer[1] - self.clip["y"]
            ImageDraw.Draw(shot).ellipse([x - 11, y - 11, x + 11, y + 11], outline="#D55E00", width=4)
        shot = shot.resize((WIDTH, round(shot.height * WIDTH / shot.width)), Image.Resampling.LANCZOS)
        image = Image.new("RGB", (WIDTH, shot.height + CAPTION), "white")
        image.paste(shot, (0, CAPTION))
        ImageDraw.Draw(image).text((10, 6), words, fill="black", font=ImageFont.load_default(20))
        self.images.append(image)
        self.durations.append(milliseconds)

    def save(self, path: Path) -> None:
        """An animated GIF that goes round and round, in colours that fit all of its images."""
        height = self.images[0].height
        together = Image.new("RGB", (WIDTH, height * (len(self.images) + 1)))
        for number, image in enumerate(self.images):
            together.paste(image, (0, number * height))
        for number, colour in enumerate(KEPT):
            together.paste(colour, (number * 150, height * len(self.images), (number + 1) * 150, together.height))
        palette = together.quantize(COLOURS)
        first, *others = (image.quantize(palette=palette, dither=Image.Dither.NONE) for image in self.images)
        first.save(path, save_all=True, append_images=others, duration=self.durations, loop=0, optimize=True)


def film_explorer(page, artifacts: Artifacts) -> None:
    """Click an error, hear it, select a stretch, ask for the answer along time, look for the evidence."""
    widget = page.locator(".jp-OutputArea-output", has=page.locator("canvas[data-cell]")).first
    box = widget.bounding_box()
    film, explorer = Film(page, box | {"height": min(box["height"], 1010)}), Explorer(page, artifacts)
    explorer.player = explorer.player.first  # the second one is that of the map
    film.take("The confusion matrix of 39 classes: a row is the true class, a column the predicted one")

    predictions = pd.read_csv(artifacts.run("small_resnet").predictions)
    errors = predictions[(predictions["split"] == "test") & (predictions["true"] != predictions["predicted"])]
    pairs = errors.sort_values("confidence", ascending=False)[["true", "predicted"]].drop_duplicates()
    shown = page.locator(".widget-select option").first.inner_text()
    true, predicted = next(pair for pair in pairs.itertuples(index=False) if pair.true not in shown)
    canvas = explorer.canvas.bounding_box()
    place = explorer.place(true, predicted)
    explorer.canvas.click(position=place)
    page.get_by_text(f"{true} taken for {predicted}").first.wait_for(timeout=WAIT)
    time.sleep(3)
    film.take("Click an error: its clip, as waveform and spectrogram", pointer=(canvas["x"] + place["x"], canvas["y"] + place["y"]))

    page.evaluate("() => { document.querySelector('audio').muted = true; }")
    explorer.player.press("Home")
    length = page.evaluate("() => document.querySelector('audio').duration")
    for step in range(6):
        page.evaluate("seconds => { document.querySelector('audio').currentTime = seconds; }", length * step / 6)
        time.sleep(0.6)
        film.take("Play it: the position moves with the sound", milliseconds=MOVING_MS)

    player = explorer.player.bounding_box()
    start, end = (player["x"] + explorer.pixel_of(seconds) for seconds in STRETCH)
    page.mouse.move(start, player["y"] + 150)
    page.mouse.down()
    page.mouse.move(end, player["y"] + 160, steps=5)
    page.mouse.up()
    page.get_by_text(re.compile(r"\d s alone")).first.wait_for(timeout=WAIT)
    time.sleep(1)
    film.take("Select a stretch: what does the network answer for it alone?", pointer=(end, player["y"] + 160))
    for name, words in (
        ("along time", "Along time: where was the true class lost?"),
        ("Grad-CAM", "Grad-CAM: where did the network find its evidence?"),
    ):
        page.get_by_role("button", name=name).first.click()
        time.sleep(5)
        film.take(words)
    film.save(PICTURES / "explorer.gif")


def picture_map(page) -> None:
    """The map with its legend and what lies together."""
    page.get_by_text("clips, the wrong ones first").first.wait_for(timeout=WAIT)
    time.sleep(3)
    widget = page.locator(".jp-OutputArea-output", has=page.get_by_text("the wrong ones first")).last
    widget.scroll_into_view_if_needed()
    time.sleep(2)
    box, last = widget.bounding_box(), page.get_by_role("button", name="mark them all").bounding_box()
    clip = box | {"width": min(box["width"], 780), "height": last["y"] + last["height"] + 8 - box["y"]}
    image = Image.open(io.BytesIO(page.screenshot(clip=clip))).convert("RGB")
    image.quantize(128, dither=Image.Dither.NONE).save(PICTURES / "map.png", optimize=True)


def main() -> None:
    """Show both widgets, and save what is seen."""
    root = Path(GIVEN["ARTIFACTS"] or PROJECT / "artifacts").expanduser().resolve()
    artifacts = Artifacts(root / "voices")
    with TemporaryDirectory() as folder, opened("lab", Path(folder), artifacts.folder, viewport=PAGE, server="doc") as page:
        page.evaluate(RUN["lab"], 1)
        page.locator("canvas[data-cell]").first.wait_for(timeout=WAIT)
        page.wait_for_function(
            "() => { const one = document.querySelector('audio'); return one && one.duration > 0; }", timeout=WAIT
        )
        page.evaluate(RUN["lab"], 2)  # now, as JupyterLab runs the cell that was clicked last
        picture_map(page)
        page.locator("canvas[data-cell]").first.scroll_into_view_if_needed()
        time.sleep(2)
        film_explorer(page, artifacts)


if __name__ == "__main__":
    main()
