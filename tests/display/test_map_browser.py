"""The map of voices in headless Chromium, in both stacks: hover, click, lasso, marks."""

import re
import time

import nbformat
import pandas as pd
import pytest

from display.test_browser import CHROMIUM, MARKUP, READY, RUN, SERVERS, WAIT, WIDGETS, Explorer, playwright, serve, write_stage
from helpers.base.machine import PROJECT
from helpers.display.voice_map import EDGE

pytestmark = pytest.mark.slow
IMPORTS = """import ipywidgets
import numpy as np
import pandas as pd
from pathlib import Path
from helpers.base.artifacts import Artifacts
from helpers.display import voice_map
from helpers.evaluation.scores import with_predictions
from helpers.evaluation.scores import read_classes, read_predictions
from helpers.recordings.manifest import read_manifest
ipywidgets.__version__"""
CODE = """artifacts = Artifacts(Path({folder!r}))
manifest, classes = read_manifest(artifacts), read_classes(artifacts)
predictions = read_predictions(artifacts.model("net") / "predictions.csv", classes)
clips = with_predictions(manifest, predictions)
features = pd.DataFrame(np.random.default_rng(0).normal(size=(len(clips), 8)), index=clips["clip"])
def place(features, **options):  # in a grid of 13 columns and 9 rows
    numbers = np.arange(len(features))
    return pd.DataFrame({{"x": numbers % 13 / 6 - 1, "y": 0.8 - numbers // 13 / 5}}, index=features.index)
voice_map.place = place
voice_map.VoiceMap(clips, features, artifacts, predictions=predictions).widget"""


class Map:
    """The page with the map, where each clip's place is known."""

    def __init__(self, stack, page, artifacts):
        self.stack, self.page, self.artifacts, self.errors = stack, page, artifacts, []
        self.clips = pd.read_csv(artifacts.manifest)["clip"].tolist()
        self.sound = Explorer(page, artifacts).wait_for_sound_of
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        page.on("dialog", lambda dialog: (self.errors.append(dialog.message), dialog.dismiss()))

    def pixel(self, clip: str) -> tuple[float, float]:
        box, number = self.page.locator("canvas").first.bounding_box(), self.clips.index(clip)
        x, y = (number % 13 / 6 - 1) / EDGE, (0.8 - number // 13 / 5) / EDGE
        return box["x"] + box["width"] / 2 + x * box["height"] / 2, box["y"] + box["height"] / 2 - y * box["height"] / 2

    def point_at(self, x: float, y: float) -> None:
        """Move the mouse there, and let the page see that: the map is dragged by a button that is down in the frame of the move."""
        self.page.mouse.move(x, y)
        self.page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def click(self, clip: str) -> None:
        self.point_at(*self.pixel(clip))
        self.page.mouse.click(*self.pixel(clip))

    def lasso(self, clips: list[str]) -> None:
        corners = [self.pixel(clip) for clip in clips]
        left, right, top, bottom = (choose(corner[axis] for corner in corners) for axis in (0, 1) for choose in (min, max))
        self.page.locator("button[title*=asso]").first.click()
        mouse, around = self.page.mouse, [(-9, -9), (9, -9), (9, 9), (-9, 9), (-9, -8)]
        path = [((left if dx < 0 else right) + dx, (top if dy < 0 else bottom) + dy) for dx, dy in around]
        self.point_at(*path[0])
        mouse.down()
        for corner in path[1:]:
            mouse.move(*corner, steps=8)
        mouse.up()

    def listed(self) -> list[str]:
        texts = self.page.locator(".widget-select option").all_inner_texts()
        return [text.replace("\xa0", " ").split(" · ")[0] for text in texts]


@pytest.fixture(scope="module", params=list(SERVERS))
def voice_map(request, tmp_path_factory):
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine: `apt-get install chromium`, as .ci/run does")
    stack, folder = request.param, tmp_path_factory.mktemp(f"map-{request.param}")
    artifacts = write_stage(folder / "artifacts")
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    cells = [nbformat.v4.new_code_cell(source) for source in (IMPORTS, CODE.format(folder=str(artifacts.folder)))]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), folder / "map.ipynb")
    flags = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--disable-sync"]
    with serve(stack, folder) as address, playwright.sync_playwright() as browsers:
        browser = browsers.chromium.launch(executable_path=CHROMIUM, args=flags)
        page = browser.new_page(viewport={"width": 1280, "height": 1500})
        opened = Map(stack, page, artifacts)
        try:
            page.goto(f"{address}/{'notebooks' if stack == 'classic' else 'lab/tree'}/map.ipynb")
            page.wait_for_function(READY[stack], timeout=WAIT)
            page.evaluate(RUN[stack], 0)
            page.get_by_text(re.compile(WIDGETS[stack])).wait_for(timeout=WAIT)
            page.evaluate(RUN[stack], 1)
            page.get_by_text("all 117 clips, the wrong ones first").wait_for(timeout=WAIT)
            opened.sound("female_18_2")
            yield opened
        finally:
            (PROJECT / "artifacts" / "screenshots").mkdir(parents=True, exist_ok=True)
            page.screenshot(path=PROJECT / "artifacts" / "screenshots" / f"map-{stack}.png")
            browser.close()


def test_a_point_says_what_it_is_and_a_name_that_is_markup_is_text(voice_map):
    for clip in ("male_42_1", MARKUP):
        voice_map.page.mouse.move(*voice_map.pixel(clip))
        voice_map.page.locator("div:visible", has_text=clip).first.wait_for(timeout=WAIT)
    assert not voice_map.errors


def test_a_click_on_a_point_plays_its_clip(voice_map):
    voice_map.page.evaluate("() => document.addEventListener('play', event => { window.played = event.target; }, true)")
    voice_map.click("male_48_2")
    voice_map.sound("male_48_2")
    voice_map.page.wait_for_function(
        "() => window.played && window.played.getAttribute('aria-label') == 'male_48_2' && window.played.currentTime > 0",
        timeout=WAIT,
    )
    assert voice_map.listed() == ["male_48_2"]


def test_a_ring_lists_the_points_in_it_which_can_be_marked_together(voice_map):
    chosen = voice_map.clips[30:33]
    voice_map.lasso(chosen)
    voice_map.page.get_by_text(re.compile("^3 clips chosen")).wait_for(timeout=WAIT)
    assert sorted(voice_map.listed()) == sorted(chosen)
    voice_map.page.get_by_role("button", name="mark them all").click()
    voice_map.page.get_by_text("3 clips marked").first.wait_for(timeout=WAIT)
    assert sorted(pd.read_csv(voice_map.artifacts.review)["clip"]) == sorted(chosen)


def test_on_a_narrow_page_the_outermost_points_are_in_view(voice_map):
    if voice_map.stack == "lab":
        voice_map.page.evaluate("() => jupyterapp.commands.execute('application:toggle-left-area')")
    voice_map.page.set_viewport_size({"width": 420, "height": 1500})
    narrow = "() => { const { width, height } = document.querySelector('canvas').getBoundingClientRect(); return height <= width; }"
    voice_map.page.wait_for_function(narrow, timeout=WAIT)
    for clip in (voice_map.clips[26], voice_map.clips[38]):  # at the left and at the right edge
        for patience in (0.5, 1, 2, 4, 8, 16, 32):  # the points follow a moment later, on a busy machine much later
            voice_map.click(clip)
            deadline = time.monotonic() + patience
            while voice_map.listed() != [clip] and time.monotonic() < deadline:
                time.sleep(0.1)
            if voice_map.listed() == [clip]:
                break
        assert voice_map.listed() == [clip]
    voice_map.page.set_viewport_size({"width": 1280, "height": 1500})
    if voice_map.stack == "lab":
        voice_map.page.evaluate("() => jupyterapp.commands.execute('application:toggle-left-area')")
    voice_map.page.wait_for_function("() => document.querySelector('canvas').getBoundingClientRect().height == 420", timeout=WAIT)


def test_the_list_and_the_buttons_do_the_same(voice_map):
    chosen = voice_map.clips[30:33]
    voice_map.lasso(chosen)
    voice_map.page.get_by_text(re.compile("^3 clips chosen")).wait_for(timeout=WAIT)
    voice_map.page.locator(".widget-select select").select_option(index=1)
    voice_map.sound(voice_map.listed()[1])
    following = voice_map.page.get_by_role("button", name="next")
    following.press(" ") if voice_map.stack == "lab" else following.click()  # the classic notebook takes the key to scroll
    voice_map.sound(voice_map.listed()[2])
    assert not voice_map.errors
