"""How fast explorer, map and player are in a browser: the last rows of `make bench` (command line).

PYTHONPATH=.:tests python tests/bench_display.py

It shows 1000 clips of the results of `make run`, and a map of 10,000 points, while one other process is busy, and needs Chromium.
What is measured goes to `bench.json` in the artifacts folder as `display`.
"""

import contextlib
import json
import statistics
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from conftest import GIVEN
from display.test_browser import CHROMIUM, READY, RUN, SERVERS, WAIT, playwright, serve

from helpers.base.artifacts import read_json, write_json
from helpers.base.machine import PROJECT

CLIPS, POINTS, ROUNDS = 1000, 10_000, 5
CELLS = (
    """from pathlib import Path
import json, time
import ipywidgets
import numpy as np
import pandas as pd
from helpers.base.artifacts import Artifacts
from helpers.base.settings import choose_profile
from helpers.display.explorer import Explorer
from helpers.display.voice_map import VoiceMap
from helpers.evaluation.scores import read_classes, read_predictions, with_predictions
from helpers.network.questions import Questions
from helpers.recordings.manifest import read_manifest
from helpers.recordings.splits import sample_clips
artifacts, profile = Artifacts(Path({folder!r})), choose_profile("quick")
classes = read_classes(artifacts)
manifest = sample_clips(read_manifest(artifacts), {clips}, seed=0)
run = artifacts.run(profile.network)
predictions = read_predictions(run.predictions, classes)
network = Questions(artifacts, classes=classes, profile=profile)
features = network.features
print("the stage is", "ready")""",  # in two words, as the page shows this source, too
    """given = dict(predictions=predictions, network=network)
explorer = Explorer(manifest, artifacts, classes=classes, split="test", **given)
explorer.widget""",
    """voice_map = VoiceMap(with_predictions(manifest, predictions), features, artifacts, kept=run.map, **given)
voice_map.widget""",
    """seconds = []
for _ in range({rounds}):
    started = time.perf_counter()
    explorer.panel.ask_about(0.2, 0.7)
    seconds.append(time.perf_counter() - started)
megabytes = len(json.dumps(ipywidgets.Widget.get_manager_state(), default=str)) / 1e6
print("measured", json.dumps({{"stretch_ms": 1000 * sorted(seconds)[{rounds} // 2], "state_mb": megabytes}}))""",
    """rng = np.random.default_rng(0)
copies = {points} // len(manifest) + 1
many = pd.concat([manifest.assign(clip=manifest["clip"] + f" {{copy}}") for copy in range(copies)]).head({points})
near = np.tile(features.loc[manifest["clip"]], (copies, 1))[:{points}]
near = pd.DataFrame(near + rng.normal(0, 0.02, near.shape), index=many["clip"])
large = VoiceMap(many, near, artifacts)
large.widget""",
)
# Timed in the page, frame by frame: Playwright's locators look every 0.5 s after the first tries, and its click waits first.
TIME = """() => {{
    const started = performance.now(), drawn = {drawn};
    const look = () => {{ if (drawn()) window.taken = performance.now() - started; else requestAnimationFrame(look); }};
    window.taken = 0;
    ({run})({cell});
    look();
}}"""
MATRIX = "() => document.querySelector('canvas[role=application][data-cell]')"
MAPS = "canvas:not([role]):has(+ canvas:not([role]))"  # below what a lasso draws; the player's lies under one with a role
# The list, and the points: pixels that differ from each other.
MAP = """() => {{
    const map = document.querySelectorAll({maps!r})[{number}];
    const listed = [...document.querySelectorAll('p')].filter(one => /^all \\d+ clips/.test(one.innerText)).length;
    if (listed <= {number} || !map || !map.width) return false;
    const pen = new OffscreenCanvas(64, 64).getContext('2d', {{ willReadFrequently: true }});
    pen.drawImage(map, 0, 0, 64, 64);
    const seen = pen.getImageData(0, 0, 64, 64).data;
    return seen.some((value, place) => value != seen[place % 4]);
}}"""
CLICKED = """() => {
    const audio = document.querySelector('audio');
    window.taken = 0;
    document.addEventListener('click', event => {
        audio.addEventListener('canplay', () => { window.taken = performance.now() - event.timeStamp; }, { once: true });
    }, { capture: true, once: true });
}"""
FRAMES = """() => {
    window.times = [];
    const note = time => { times.push(time); requestAnimationFrame(note); };
    requestAnimationFrame(note);
}"""


@contextlib.contextmanager
def opened(stack: str, folder: Path, artifacts: Path, *, viewport: dict[str, int], server: str = "lab"):
    """A page with `CELLS` in a notebook, of which the first has run."""
    facts = {"folder": str(artifacts), "clips": CLIPS, "rounds": ROUNDS, "points": POINTS}
    cells = [nbformat.v4.new_code_cell(cell.format(**facts)) for cell in CELLS]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), folder / "bench.ipynb")
    flags = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
    with serve(stack, folder) as address, playwright.sync_playwright() as browsers:
        browser = browsers.chromium.launch(executable_path=CHROMIUM, args=flags)
        page = browser.new_page(viewport=viewport)
        page.goto(f"{address}/{'notebooks' if stack == 'classic' else f'{server}/tree'}/bench.ipynb")
        page.wait_for_function(READY[stack], timeout=WAIT)
        page.evaluate(RUN[stack], 0)
        page.get_by_text("the stage is ready").last.wait_for(timeout=10 * WAIT)
        yield page
        browser.close()


def measure(stack: str, folder: Path, artifacts: Path) -> dict[str, float]:
    """Figures of one stack: first draws and a click in ms, the drawn position, an answer for a stretch, the state in MB, frames."""
    with opened(stack, folder, artifacts, viewport={"width": 1280, "height": 2600}) as page:

        def draw_ms(cell: int, drawn: str, **facts) -> float:
            page.evaluate(TIME.format(run=RUN[stack], cell=cell, drawn=drawn.format(maps=MAPS, **facts)))
            return taken(page)

        figures = {"explorer_draw_ms": draw_ms(1, MATRIX)}
        page.wait_for_function(
            "() => { const one = document.querySelector('audio'); return one && one.duration > 0; }", timeout=WAIT
        )
        figures["map_draw_ms"] = draw_ms(2, MAP, number=0)
        page.evaluate(RUN[stack], 3)
        told = page.get_by_text("measured {").last
        told.wait_for(timeout=WAIT)
        figures |= json.loads(told.inner_text().removeprefix("measured "))
        figures["click_to_sound_ms"] = statistics.median(click(page, number) for number in range(ROUNDS))
        figures["position_off_ms"] = position(page)
        if stack == "lab":  # which runs the cell that was clicked last
            page.evaluate("() => { jupyterapp.shell.currentWidget.content.activeCellIndex = 4; }")
        figures["large_map_draw_ms"] = draw_ms(4, MAP, number=1)
        figures |= frames(page)
    return {name: round(value, 2) for name, value in figures.items()}


def click(page, number: int) -> float:
    """From a click on another cell of the diagonal until its sound can be played, in ms."""
    canvas = page.locator("canvas[role=application][data-cell]")
    left, cell = (float(canvas.get_attribute(f"data-{name}")) for name in ("left", "cell"))
    page.evaluate(CLICKED)
    canvas.click(position={"x": left + (number + 0.5) * cell, "y": (number + 0.5) * cell})
    return taken(page)


def taken(page) -> float:
    """What the page has measured, in ms, once it has."""
    return page.wait_for_function("() => window.taken", timeout=WAIT).json_value()


def position(page) -> float:
    """While a clip plays: how far the drawn position is from the sound at the moment it is drawn, the median of twenty, in ms."""
    return page.evaluate("""async () => {
        const top = [...document.querySelectorAll('canvas[role=application]')].find(one => one.dataset.floor);
        const audio = document.querySelector('audio'), { left, right, start, end } = top.dataset, off = [];
        audio.muted = true;
        await audio.play();
        while (off.length < 20 && !audio.ended) {
            await new Promise(requestAnimationFrame);
            await new Promise(requestAnimationFrame);
            const heard = audio.currentTime, scale = top.width / top.clientWidth;
            const row = top.getContext('2d').getImageData(0, 10 * scale, top.width, 1).data, found = [];
            for (let x = 0; x < top.width; x++)
                if ([213, 94, 0].every((part, place) => Math.abs(row[4 * x + place] - part) < 9)) found.push(x / scale);
            const x = found.reduce((sum, one) => sum + one, 0) / found.length + 0.5;
            off.push(1000 * Math.abs((x - left) / (right - left) * (end - start) - heard));
        }
        audio.pause();
        return off.sort((one, other) => one - other)[Math.floor(off.length / 2)];
    }""")


def frames(page) -> dict[str, float]:
    """Frames per second while the map of 10,000 points is dragged and zoomed, beside those of the page at rest."""
    canvas = page.locator(MAPS).last
    canvas.scroll_into_view_if_needed()
    box, found = canvas.bounding_box(), {}
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.evaluate(FRAMES)

    def rate(act) -> float:
        page.mouse.move(*middle)
        page.evaluate("() => { times.length = 0; }")
        act()
        times = page.evaluate("() => times")
        return 1000 * (len(times) - 1) / (times[-1] - times[0])

    def drag() -> None:
        page.mouse.down()
        for step in range(60):
            page.mouse.move(middle[0] + step, middle[1] + step / 2)
        page.mouse.up()

    def zoom() -> None:
        for step in range(40):
            page.mouse.wheel(0, -20 if step < 20 else 20)
            page.wait_for_timeout(20)

    for name, act in {"rest": lambda: page.wait_for_timeout(2000), "drag": drag, "zoom": zoom}.items():
        found[f"frames_{name}"] = rate(act)
    return found


def main() -> None:
    """Measure both stacks and put the rows into `bench.json` beside the others."""
    root = Path(GIVEN["ARTIFACTS"] or PROJECT / "artifacts").expanduser().resolve()
    artifacts = root / "voices"
    if CHROMIUM is None or not (artifacts / "models").is_dir():
        print("display: left out, as it needs Chromium and the results of `make run`")
        return
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        found = {}
        for stack in SERVERS:
            with TemporaryDirectory() as folder:
                found |= {f"{stack}_{name}": value for name, value in measure(stack, Path(folder), artifacts).items()}
                print(found, flush=True)
    finally:
        busy.kill()
    path = root / "bench.json"
    write_json(path, (read_json(path) if path.exists() else {}) | {"display": found})


if __name__ == "__main__":
    main()
