"""The guessing game in headless Chromium, by keyboard alone, with ipywidgets 7 and 8 (the servers are test_browser's)."""

import re
import time

import nbformat
import pytest

from display.test_browser import CHROMIUM, READY, RUN, WAIT, WIDGETS, playwright, serve, write_stage
from helpers.evaluation.guesses import read_guesses

pytestmark = pytest.mark.slow
IMPORTS = """from pathlib import Path
from helpers.base.artifacts import Artifacts
from helpers.display.guess import guess_voices
from helpers.evaluation.guesses import choose_clips, network_answers
from helpers.recordings.manifest import read_manifest
from helpers.evaluation.scores import read_classes, read_predictions
import ipywidgets
ipywidgets.__version__"""
GAME = """classes = read_classes(artifacts)
predictions = read_predictions(artifacts.model("net") / "predictions.csv", classes)
clips = choose_clips(read_manifest(artifacts), clips=2, seed=0)
guess_voices(clips, artifacts, answers=network_answers(predictions, classes))"""


@pytest.mark.parametrize("stack", list(READY))
def test_two_voices_are_heard_and_guessed_by_keyboard_on_a_narrow_page(stack, tmp_path):
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine: `apt-get install chromium`, as .ci/run does")
    artifacts = write_stage(tmp_path / "artifacts")
    cells = [
        nbformat.v4.new_code_cell(text) for text in (IMPORTS, f"artifacts = Artifacts(Path({str(artifacts.folder)!r}))\n{GAME}")
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), tmp_path / "game.ipynb")
    with serve(stack, tmp_path) as address, playwright.sync_playwright() as browsers:
        browser = browsers.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 420, "height": 1300})
        page.goto(f"{address}/{'notebooks' if stack == 'classic' else 'doc/tree'}/game.ipynb")
        page.wait_for_function(READY[stack], timeout=WAIT)
        page.evaluate(RUN[stack], 0)
        page.get_by_text(re.compile(WIDGETS[stack])).wait_for(timeout=WAIT)
        page.evaluate(RUN[stack], 1)
        for voice, age in ((1, 47), (2, 45)):
            page.get_by_text(f"Voice {voice} of 2").wait_for(timeout=WAIT)
            page.wait_for_function("() => document.querySelector('audio').duration > 0", timeout=WAIT)
            page.locator("[role=slider], .ui-slider-handle").first.focus()
            for _ in range(age - 45):
                page.keyboard.press("ArrowRight")
            page.get_by_role("button", name=f"a woman of {age}").press("Enter", timeout=WAIT)
            page.get_by_text(re.compile(rf"You: woman, {age} \(")).wait_for(timeout=WAIT)
            if voice == 1:
                page.get_by_role("button", name="next voice").press("Enter")
        page.get_by_text(re.compile("off on average")).first.wait_for(timeout=WAIT)
        table, shown = (page.locator(what).first.bounding_box() for what in ("table[aria-label='all voices']", "audio"))
        assert shown["x"] >= 0 and table["x"] + table["width"] <= 420
        browser.close()
    deadline = time.monotonic() + WAIT / 1000
    while len(kept := read_guesses(artifacts)) < 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert kept[["gender", "age"]].to_numpy().tolist() == [["female", 47], ["female", 45]]
