"""The confusion explorer in headless Chromium: Colab's classic notebook with ipywidgets 7, and JupyterLab 4 with ipywidgets 8."""

import contextlib
import csv
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
import soundfile
from conftest import RATE, voice
from PIL import Image

from helpers.base.artifacts import Artifacts, write_json, write_table
from helpers.base.machine import PROJECT
from helpers.evaluation.scores import predictions_table
from helpers.recordings.voices import CATEGORIES

pytestmark = pytest.mark.slow
playwright = pytest.importorskip("playwright.sync_api")

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
CLASSES = sorted(f"{gender}_{age}" for gender, age in CATEGORIES)
LONG, LONG_S = "male_48_2", 3.0
LONGEST, LONGEST_S, BEEP_S = "male_66_2", 300.0, 245.0  # five minutes, silent but for a second at BEEP_S
MARKUP = "<img src=x onerror=alert(1)>"
SERVERS = {
    "classic": ["notebook", "--NotebookApp.token=", "--NotebookApp.disable_check_xsrf=True"],
    "lab": ["jupyterlab", "--IdentityProvider.token=", "--ServerApp.disable_check_xsrf=True", "--expose-app-in-browser"],
}
READY = {
    "classic": "window.Jupyter && Jupyter.notebook && Jupyter.notebook.kernel && Jupyter.notebook.kernel.is_connected()"
    " && Jupyter.notebook.kernel.widget_manager",
    "lab": "window.jupyterapp && jupyterapp.shell.currentWidget && jupyterapp.shell.currentWidget.sessionContext"
    " && jupyterapp.shell.currentWidget.sessionContext.session"
    " && jupyterapp.shell.currentWidget.sessionContext.session.kernel.status == 'idle'",
}
RUN = {
    "classic": "number => Jupyter.notebook.execute_cells([number])",
    "lab": "() => jupyterapp.commands.execute('notebook:run-cell-and-select-next')",
}
WIDGETS = {"classic": r"^'7\.7\.1'$", "lab": r"^'8\.\d+\.\d+'$"}  # the version of ipywidgets
WAIT = 180_000  # ms; generous, since a loaded machine is no failure


def write_stage(folder: Path) -> Artifacts:
    """Tables, sounds and pictures of 39 classes with 3 clips each; every third clip is taken for the next class."""
    artifacts = Artifacts(folder)
    artifacts.locate_corpus(folder)
    rows = []
    for place, label in enumerate(CLASSES):
        for number in range(3):
            clip = MARKUP if (place, number) == (1, 2) else f"{label}_{number}"
            seconds = {LONG: LONG_S, LONGEST: LONGEST_S}.get(clip, 0.5)
            rows.append([clip, f"audio/{clip}.wav", label, "test", f"{label}_s{number}", seconds, place + (number == 2)])
    columns = ["clip", "path", "label", "split", "speaker", "duration_s", "predicted"]
    manifest = pd.DataFrame(rows, columns=columns).assign(sample_rate=RATE)
    manifest[["gender", "age"]] = manifest["label"].str.split("_", expand=True)
    rng = np.random.default_rng(0)
    for place, row in manifest.iterrows():
        artifacts.audio(row["path"]).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(artifacts.audio(row["path"]), samples_of(row, hertz=100 + place), RATE)
        artifacts.image(row["clip"]).parent.mkdir(parents=True, exist_ok=True)
        columns = int(row["duration_s"] * 100)
        Image.fromarray(rng.integers(0, 255, (96, columns), dtype=np.uint8)).save(artifacts.image(row["clip"]))
    probabilities = rng.dirichlet(np.ones(len(CLASSES)), len(manifest)) * 0.5
    probabilities[np.arange(len(manifest)), manifest.pop("predicted") % len(CLASSES)] += 0.5
    write_table(artifacts.manifest, manifest)
    write_table(artifacts.rejected, pd.DataFrame(columns=["clip", "path", "label", "reason"]))
    write_json(artifacts.classes, CLASSES)
    write_table(artifacts.model("net") / "predictions.csv", predictions_table(manifest, probabilities, CLASSES))
    return artifacts


def samples_of(row, *, hertz: float) -> np.ndarray:
    """The sound of a clip of the stage."""
    if row["clip"] != LONGEST:
        return voice(hertz, seconds=row["duration_s"])
    samples = np.zeros(int(LONGEST_S * RATE))
    samples[int(BEEP_S * RATE) : int((BEEP_S + 1) * RATE)] = voice(hertz, seconds=1)[:RATE]
    return samples


@contextlib.contextmanager
def serve(stack: str, folder: Path):
    """A Jupyter server of one stack in `folder`; gives its address."""
    python = Path(sys.prefix) / "stacks" / stack / "bin" / "python"
    if not python.exists():
        pytest.fail(f"{python} is missing: `make test` installs both stacks from tests/stacks/, or says why it cannot")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # Nothing of this user's own Jupyter may reach the test.
    private = {f"JUPYTER_{name}_DIR": str(folder / ".jupyter" / name) for name in ("CONFIG", "DATA", "RUNTIME")}
    common = ["--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}"]
    with open(folder / "server.log", "w") as log:
        process = subprocess.Popen(
            [python, "-m", *SERVERS[stack], *common],
            cwd=folder,
            env=os.environ | private | {"IPYTHONDIR": str(folder / ".ipython"), "PYTHONPATH": str(PROJECT)},
            stdout=log,
            stderr=log,
        )
        try:
            deadline = time.monotonic() + WAIT / 1000
            while True:
                if process.poll() is not None or time.monotonic() > deadline:
                    pytest.fail(f"{stack}: the server did not start:\n" + (folder / "server.log").read_text()[-2000:])
                with contextlib.suppress(OSError):
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/api", timeout=5).close()
                    break
                time.sleep(0.2)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(20)


class Explorer:
    """The page with the explorer, and the words of a student for what is done in it."""

    def __init__(self, page, artifacts: Artifacts):
        self.page, self.artifacts, self.dialogs = page, artifacts, []
        self.canvas, self.player = (page.locator(f"canvas[role=application][data-{name}]") for name in ("cell", "floor"))
        page.on("dialog", lambda dialog: (self.dialogs.append(dialog.message), dialog.dismiss()))

    def place(self, true: str, predicted: str) -> dict[str, float]:
        """The middle of a cell, in pixels of the matrix."""
        left, cell = (float(self.canvas.get_attribute(f"data-{name}")) for name in ("left", "cell"))
        return {"x": left + (CLASSES.index(predicted) + 0.5) * cell, "y": (CLASSES.index(true) + 0.5) * cell}

    def click(self, true: str, predicted: str) -> None:
        self.canvas.click(position=self.place(true, predicted))

    def choose(self, name: str, label: str) -> None:
        chooser = self.page.locator(".widget-dropdown", has=self.page.locator("label", has_text=re.compile(f"^{name}$")))
        chooser.locator("select").select_option(label=label)

    def wait_for_sound_of(self, clip: str) -> float:
        """Duration in s of the sound of a clip, once the browser has decoded it, drawn the clip, and chosen it in the list."""
        duration = """clip => {
            const all = (selector) => [...document.querySelectorAll(selector)];
            const found = all('audio').find(audio => audio.getAttribute('aria-label') == clip);
            const drawn = all('canvas').some(canvas => canvas.dataset.clip == clip);
            const chosen = all('.widget-select option:checked').map(option => option.text.replaceAll('\\xa0', ' '));
            return found && drawn && chosen.some(text => text.startsWith(clip)) && found.duration > 0 && found.duration;
        }"""
        return self.page.wait_for_function(duration, arg=clip, timeout=WAIT).json_value()

    def open_long(self) -> None:
        """Show the clip that is long enough to be played in a test, from its beginning, without a selected stretch."""
        self.click("male_48", "male_51")
        assert self.wait_for_sound_of(LONG) == pytest.approx(LONG_S, abs=0.05)
        self.player.press("Escape")
        self.player.press("Home")
        self.page.wait_for_function("() => document.querySelector('audio').currentTime == 0", timeout=WAIT)

    def seconds_at(self, x: float) -> float:
        """What time of the clip lies at a pixel of the player."""
        left, right, start, end = (float(self.player.get_attribute(f"data-{name}")) for name in ("left", "right", "start", "end"))
        return start + (x - left) / (right - left) * (end - start)

    def pixel_of(self, seconds: float) -> float:
        low, high = 0.0, 2000.0
        while high - low > 0.1:
            middle = (low + high) / 2
            low, high = (middle, high) if self.seconds_at(middle) < seconds else (low, middle)
        return low

    def drawn(self) -> tuple[float, float]:
        """The time of the clip at which the position is drawn, read from the canvas, and that of the sound, at the same moment."""
        x, sound = self.page.evaluate("""() => {
            const canvas = [...document.querySelectorAll('canvas[role=application]')].find(one => one.dataset.floor);
            const scale = canvas.width / canvas.clientWidth;
            const row = canvas.getContext('2d').getImageData(0, 10 * scale, canvas.width, 1).data, found = [];
            for (let x = 0; x < canvas.width; x++)
                if ([213, 94, 0].every((part, place) => Math.abs(row[4 * x + place] - part) < 9)) found.push(x / scale);
            const middle = found.length ? found.reduce((sum, x) => sum + x, 0) / found.length + 0.5 : -1;
            return [middle, document.querySelector('audio').currentTime + Number(canvas.dataset.start)];
        }""")
        assert x >= 0, "no position is drawn"
        return self.seconds_at(x), sound

    def follows_the_sound(self, *, within: float) -> bool:
        """Whether, as it plays, the position is drawn where the sound is, and moves; a busy machine may draw some frames late."""
        near = []
        while not self.page.evaluate("() => document.querySelector('audio').paused"):
            drawn, sound = self.drawn()
            if abs(drawn - sound) < within:
                near.append(drawn)
            if near and near[-1] - near[0] > 0.2:
                return True
        return False

    def wave_at(self, seconds: float) -> int:
        """How many pixels high the waveform is drawn at a time of the clip."""
        return self.page.evaluate(
            """x => {
            const canvas = [...document.querySelectorAll('canvas[role=application]')].find(one => one.dataset.floor);
            const base = canvas.previousElementSibling, scale = base.width / base.clientWidth;
            const column = base.getContext('2d').getImageData(Math.round(x * scale), 0, 1, Math.round(64 * scale)).data;
            return column.filter((value, place) => place % 4 == 3 && value > 128).length / scale;
        }""",
            self.pixel_of(seconds),
        )

    def clips(self) -> list[str]:
        texts = self.page.locator(".widget-select option").all_inner_texts()  # with no-break spaces
        return [text.replace("\xa0", " ").rsplit(" ", 1)[0] for text in texts]


@pytest.fixture(scope="module", params=list(SERVERS))
def explorer(request, tmp_path_factory):
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine: `apt-get install chromium`, as .ci/run does")
    stack, folder = request.param, tmp_path_factory.mktemp(request.param)
    artifacts = write_stage(folder / "artifacts")
    imports = """from pathlib import Path
from helpers.base.artifacts import Artifacts
from helpers.display.explorer import Explorer
from helpers.recordings.manifest import read_manifest
from helpers.evaluation.scores import read_classes, read_predictions
import ipywidgets
import numpy as np
import pandas as pd
ipywidgets.__version__"""
    code = f"""artifacts = Artifacts(Path({str(artifacts.folder)!r}))
classes = read_classes(artifacts)
predictions = read_predictions(artifacts.model("net") / "predictions.csv", classes)
class Network:
    window_s = 0.64
    def heat(self, row):
        return np.tile(np.linspace(0, 1, 50), (96, 1))
    def stretch(self, row, start, end):
        return pd.Series([0.25, 0.75], index=["female_18", "male_18"])
    def nearest(self, row):
        return "female_75_0"
    def along(self, row):
        seconds = np.arange(0.32, row["duration_s"] - 0.32, 0.01)
        return pd.DataFrame({{name: np.full(len(seconds), 0.5) for name in classes}}, index=seconds)
Explorer(read_manifest(artifacts), artifacts, predictions=predictions, classes=classes, network=Network()).widget"""
    cells = [nbformat.v4.new_code_cell(source) for source in (imports, code)]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), folder / "explorer.ipynb")
    flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync"]
    shots = PROJECT / "artifacts" / "screenshots"
    with serve(stack, folder) as address, playwright.sync_playwright() as browsers:
        browser = browsers.chromium.launch(executable_path=CHROMIUM, args=flags)
        page = browser.new_page(viewport={"width": 1280, "height": 1300})
        try:
            page.goto(f"{address}/{'notebooks' if stack == 'classic' else 'lab/tree'}/explorer.ipynb")
            page.wait_for_function(READY[stack], timeout=WAIT)
            page.evaluate(RUN[stack], 0)
            page.get_by_text(re.compile(WIDGETS[stack])).wait_for(timeout=WAIT)
            opened = Explorer(page, artifacts)
            opened.stack = stack
            page.evaluate(RUN[stack], 1)
            opened.canvas.wait_for(timeout=WAIT)
            opened.wait_for_sound_of("female_18_2")  # of all pairs alike, the first one is open
            yield opened
        finally:
            shots.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=shots / f"explorer-{stack}.png")
            browser.close()


def test_a_click_lists_the_clips_of_its_cell_the_most_confident_first_and_plays(explorer):
    explorer.click("male_42", "male_42")
    predictions = pd.read_csv(explorer.artifacts.model("net") / "predictions.csv")
    fits = (predictions["true"] == "male_42") & (predictions["predicted"] == "male_42")
    expected = predictions[fits].sort_values("confidence", ascending=False)["clip"].tolist()
    assert explorer.wait_for_sound_of(expected[0]) == pytest.approx(0.5, abs=0.05)
    assert explorer.clips() == expected and len(expected) == 2
    told = "() => /^0.5 s, (median pitch [0-9]+ Hz|nothing in it is voiced)$/.test(document.querySelector('.voice').textContent)"
    explorer.page.wait_for_function(told, timeout=WAIT)
    explorer.page.evaluate("() => { const audio = document.querySelector('audio'); audio.muted = true; return audio.play(); }")
    explorer.page.wait_for_function("() => document.querySelector('audio').currentTime > 0", timeout=WAIT)


def test_while_it_plays_the_position_moves_as_far_as_the_sound(explorer):
    explorer.open_long()
    explorer.page.evaluate("() => { document.querySelector('audio').muted = true; }")
    explorer.player.press(" ")
    explorer.page.wait_for_function("() => document.querySelector('audio').currentTime > 0", timeout=WAIT)
    assert explorer.follows_the_sound(within=0.1)
    explorer.player.press(" ")
    assert explorer.page.evaluate("() => document.querySelector('audio').paused")
    deadline = time.monotonic() + WAIT / 1000
    while abs(drawn := explorer.drawn()[0] - explorer.drawn()[1]) > 0.02 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert abs(drawn) <= 0.02 and explorer.drawn()[1] > 0.2


def test_a_click_jumps_and_the_keys_move(explorer):
    explorer.open_long()
    explorer.player.click(position={"x": explorer.pixel_of(1.0), "y": 150})
    assert explorer.drawn() == pytest.approx((1.0, 1.0), abs=0.02)
    explorer.player.press("ArrowRight")
    explorer.page.wait_for_function("() => !document.querySelector('audio').seeking", timeout=WAIT)
    assert explorer.drawn() == pytest.approx((1.1, 1.1), abs=0.02)
    explorer.player.hover(position={"x": explorer.pixel_of(2.0), "y": 150})
    assert re.fullmatch(r"(1\.99|2\.0\d) s, \d+ Hz, -\d+ dB", explorer.page.locator(".under-pointer").inner_text())


def test_within_a_short_clip_a_place_is_found_too(explorer):
    explorer.click("male_33", "male_33")
    explorer.page.get_by_text("male_33, predicted correctly").wait_for(timeout=WAIT)
    explorer.wait_for_sound_of(explorer.clips()[0])
    explorer.player.click(position={"x": explorer.pixel_of(0.3), "y": 150})
    explorer.page.wait_for_function("() => !document.querySelector('audio').seeking", timeout=WAIT)
    assert explorer.drawn() == pytest.approx((0.3, 0.3), abs=0.01)


def test_a_clip_of_five_minutes_is_heard_and_drawn_in_parts(explorer):
    explorer.click("male_66", "male_69")
    assert explorer.wait_for_sound_of(LONGEST) == pytest.approx(30, abs=0.05)  # of 300 s
    explorer.choose("part", "4:00 to 4:30")
    there = "() => [...document.querySelectorAll('canvas')].some(one => one.dataset.start == 240)"
    explorer.page.wait_for_function(there, timeout=WAIT)
    explorer.wait_for_sound_of(LONGEST)
    beep = explorer.page.evaluate("""async () => {
        const file = await (await fetch(document.querySelector('audio').src)).arrayBuffer(), sound = new DataView(file, 44);
        const loud = place => Math.abs(sound.getInt16(2 * place, true)) > 1000, rate = new DataView(file).getUint32(24, true);
        for (let place = 0; place < sound.byteLength / 2; place++) if (loud(place)) return place / rate;
    }""")
    assert beep == pytest.approx(BEEP_S - 240, abs=0.02)
    explorer.player.click(position={"x": explorer.pixel_of(BEEP_S + 0.5), "y": 150})
    explorer.page.wait_for_function("() => !document.querySelector('audio').seeking", timeout=WAIT)
    assert explorer.drawn() == pytest.approx((BEEP_S + 0.5,) * 2, abs=0.06)  # a pixel is 0.05 s
    assert explorer.wave_at(BEEP_S + 0.3) > 8 > explorer.wave_at(BEEP_S + 3)
    explorer.page.evaluate("() => { document.querySelector('audio').muted = true; }")
    explorer.player.press(" ")
    explorer.page.wait_for_function("() => document.querySelector('audio').currentTime > 6.5", timeout=WAIT)
    assert explorer.follows_the_sound(within=0.15)  # a pixel is 0.05 s
    explorer.player.press(" ")


def test_a_drag_selects_a_stretch_which_is_played_alone_and_slower_at_the_same_pitch(explorer):
    explorer.open_long()
    box = explorer.player.bounding_box()
    start, end = (box["x"] + explorer.pixel_of(seconds) for seconds in (1.0, 1.5))
    explorer.page.mouse.move(start, box["y"] + 100)
    explorer.page.mouse.down()
    explorer.page.mouse.move(end, box["y"] + 120, steps=5)
    explorer.page.mouse.up()
    explorer.page.get_by_text(re.compile(r"selected (0\.99|1\.0\d) s to 1\.(49|5\d?) ?s?")).wait_for(timeout=WAIT)
    explorer.page.get_by_text(re.compile(r"(0\.99|1\.0\d) to 1\.\d\d s alone")).wait_for(timeout=WAIT)  # the network's answer
    assert "shorter than the network's window" in explorer.page.inner_text("body")
    explorer.page.get_by_label("speed of playing").select_option("0.5")
    slow = "() => [document.querySelector('audio').playbackRate, document.querySelector('audio').preservesPitch]"
    assert explorer.page.evaluate(slow) == [0.5, True]
    explorer.page.evaluate("() => { document.querySelector('audio').muted = true; }")
    explorer.player.press(" ")
    explorer.page.wait_for_function("() => !document.querySelector('audio').paused", timeout=WAIT)
    explorer.page.wait_for_function("() => document.querySelector('audio').paused", timeout=WAIT)
    assert explorer.drawn() == pytest.approx((1.0, 1.0), abs=0.05)  # back at its beginning
    explorer.page.get_by_label("speed of playing").select_option("1")


def test_evidence_and_the_answer_along_time_are_drawn_into_the_same_picture(explorer):
    explorer.open_long()
    explorer.player.click(position={"x": explorer.pixel_of(1.5), "y": 150})
    floor, strength = float(explorer.player.get_attribute("data-floor")), explorer.page.get_by_label("strength of the Grad-CAM")
    assert strength.is_hidden()
    explorer.page.get_by_role("button", name="Grad-CAM").click()
    strength.wait_for(timeout=WAIT)
    explorer.page.get_by_role("button", name="along time").click()
    longer = "floor => [...document.querySelectorAll('canvas')].some(one => Number(one.dataset.floor) > floor + 50)"
    explorer.page.wait_for_function(longer, arg=floor, timeout=WAIT)
    assert explorer.drawn() == pytest.approx((1.5, 1.5), abs=0.02)  # the clip has not been loaded again
    for name in ("along time", "Grad-CAM"):
        explorer.page.get_by_role("button", name=name).click()
    explorer.page.wait_for_function(f"() => !({longer})({floor})", timeout=WAIT)


def test_two_clips_are_played_in_turn_at_the_same_place(explorer):
    explorer.open_long()
    explorer.page.locator(f"audio[aria-label='to compare: {LONG}']").wait_for(state="attached", timeout=WAIT)
    other = explorer.page.get_by_role("button", name="B: play to compare").get_attribute("aria-label").split()[-2]
    labels = [f"to compare: {LONG}", f"to compare: {other}"]
    find = "label => [...document.querySelectorAll('audio')].find(audio => audio.getAttribute('aria-label') == label)"
    explorer.page.evaluate("() => { document.querySelectorAll('audio').forEach(audio => { audio.muted = true; }); }")
    heard = f"""labels => {{ window.heard = []; labels.forEach(label => ({find})(label).addEventListener('play', event => {{
        window.heard.push([label, event.target.currentTime / event.target.duration]); }})); }}"""
    explorer.page.evaluate(heard, labels)
    explorer.page.get_by_role("button", name="play in turn").click()
    explorer.page.wait_for_function("() => window.heard.length >= 4", timeout=WAIT)
    turns = explorer.page.evaluate("() => window.heard")[:4]
    assert [label for label, _ in turns] == labels * 2
    assert [place for _, place in turns] == pytest.approx([0, 0, 1 / 3, 1 / 3], abs=0.03)  # three seconds: three turns
    explorer.page.get_by_role("button", name="pause").last.click()
    explorer.page.get_by_role("button", name="nearest training clip").click()
    explorer.page.get_by_role("button", name="C: play to compare: female_75_0 alone").click()
    alone = f"() => {{ const audio = ({find})('to compare: female_75_0'); return audio.currentTime > 0; }}"
    explorer.page.wait_for_function(alone, timeout=WAIT)
    explorer.page.get_by_role("button", name="nearest training clip").click()


def test_a_second_click_and_the_lists_give_the_same(explorer):
    explorer.click("male_45", "male_45")
    explorer.page.get_by_text("male_45, predicted correctly").wait_for(timeout=WAIT)
    first, second = explorer.clips()
    explorer.page.get_by_role("button", name="next").click()
    explorer.wait_for_sound_of(second)
    explorer.click("male_45", "male_45")  # opens the cell again, at its first clip
    explorer.wait_for_sound_of(first)
    explorer.click("male_18", "male_21")
    explorer.page.get_by_text("male_18 taken for male_21: clip 1 of 1").wait_for(timeout=WAIT)
    clicked = explorer.clips()
    explorer.choose("true", "female_75")
    explorer.page.get_by_text("female_75 taken for male_21: no clips").wait_for(timeout=WAIT)
    explorer.choose("true", "male_18")
    explorer.wait_for_sound_of("male_18_2")
    explorer.page.get_by_text("male_18 taken for male_21: clip 1 of 1").wait_for(timeout=WAIT)
    assert explorer.clips() == clicked == ["male_18_2"]


def test_a_clip_of_the_list_can_be_clicked_and_the_speaker_chosen(explorer):
    explorer.click("male_45", "male_45")
    explorer.page.get_by_text("male_45, predicted correctly").wait_for(timeout=WAIT)
    second = explorer.clips()[1]
    explorer.page.locator(".widget-select select").select_option(index=1)
    explorer.wait_for_sound_of(second)
    speaker = second.replace("_0", "_s0").replace("_1", "_s1")
    explorer.choose("speaker", speaker)
    explorer.page.get_by_text("male_45, predicted correctly: clip 1 of 1").wait_for(timeout=WAIT)
    assert explorer.clips() == [second]
    explorer.choose("speaker", "all")
    explorer.page.get_by_text("male_45, predicted correctly: clip 1 of 2").wait_for(timeout=WAIT)


def test_the_colours_show_a_single_error_and_errors_can_be_seen_alone(explorer):
    left, cell = (float(explorer.canvas.get_attribute(f"data-{name}")) for name in ("left", "cell"))
    read = """([x, y]) => { const canvas = document.querySelector('canvas[data-cell]'), scale = canvas.width / canvas.clientWidth;
        return [...canvas.getContext('2d').getImageData(x * scale, y * scale, 1, 1).data.slice(0, 3)]; }"""

    def colour(true, predicted):
        row, column = CLASSES.index(true), CLASSES.index(predicted)
        return explorer.page.evaluate(read, [left + (column + 0.5) * cell, (row + 0.5) * cell])

    seen = set()
    for scaling in ("root", "log", "row"):
        explorer.page.get_by_label("what the colours of the matrix").select_option(scaling)
        empty, single, right = colour("male_30", "male_72"), colour("male_30", "male_33"), colour("male_30", "male_30")
        assert empty != single != right
        seen.add(tuple(single))
    assert len(seen) == 3
    explorer.page.get_by_label("errors alone").check()
    assert colour("male_30", "male_30") == [136, 136, 136]
    assert sum(colour("male_30", "male_33")) > sum(single)  # of what is left it is the most
    explorer.page.get_by_label("errors alone").uncheck()
    explorer.page.get_by_label("what the colours of the matrix").select_option("root")


def test_when_the_theme_turns_dark_what_is_drawn_is_drawn_anew(explorer):
    if explorer.stack == "classic":
        pytest.skip("the classic notebook has one theme")
    explorer.open_long()
    ink = """() => [...document.querySelectorAll('canvas')].filter(one => one.dataset.cell || one.nextElementSibling?.dataset.floor)
        .map(one => { const scale = one.width / parseFloat(one.style.width);
            const found = one.getContext('2d').getImageData(0, 0, 50 * scale, one.height).data;
            for (let at = 0; at < found.length; at += 4) if (found[at + 3] > 120) return found[at]; })"""
    before = explorer.page.evaluate(ink)
    assert len(before) == 2 and max(before) < 90
    explorer.page.evaluate("() => jupyterapp.commands.execute('apputils:change-theme', { theme: 'JupyterLab Dark' })")
    explorer.page.wait_for_function(f"() => Math.min(...({ink})()) > 160", timeout=WAIT)
    explorer.page.screenshot(path=PROJECT / "artifacts" / "screenshots" / "explorer-dark.png")
    explorer.page.evaluate("() => jupyterapp.commands.execute('apputils:change-theme', { theme: 'JupyterLab Light' })")
    explorer.page.wait_for_function(f"() => Math.max(...({ink})()) < 90", timeout=WAIT)


def test_the_arrow_keys_move_and_enter_shows(explorer):
    explorer.click("female_30", "female_30")
    explorer.page.get_by_text("female_30, predicted correctly").wait_for(timeout=WAIT)
    explorer.canvas.press("ArrowRight")
    assert "true female_30, predicted female_33: 1 clip" in explorer.page.locator("[role=status]").first.inner_text()
    explorer.canvas.press("Enter")
    explorer.wait_for_sound_of("female_30_2")
    assert explorer.clips() == ["female_30_2"]


def test_a_mark_is_in_the_table_at_once(explorer):
    explorer.click("female_60", "female_63")
    explorer.wait_for_sound_of("female_60_2")
    explorer.page.get_by_role("button", name="two voices").click()
    explorer.page.get_by_text("1 clips marked").wait_for(timeout=WAIT)
    note = explorer.page.get_by_placeholder("your own words")
    note.fill("=cough, at the end")
    note.press("Enter")
    wanted = [["clip", "mark", "note"], ["female_60_2", "two voices", "'=cough, at the end"]]
    deadline = time.monotonic() + WAIT / 1000
    while (kept := list(csv.reader(explorer.artifacts.review.open()))) != wanted and time.monotonic() < deadline:
        time.sleep(0.1)
    assert kept == wanted


def test_a_name_that_is_markup_is_shown_as_text(explorer):
    explorer.click("female_21", "female_24")
    assert explorer.wait_for_sound_of(MARKUP) > 0
    assert explorer.clips() == [MARKUP]
    assert explorer.page.locator('img[src="x"]').count() == 0 and explorer.dialogs == []
