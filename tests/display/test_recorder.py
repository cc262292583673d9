"""A recording from the panel, a file or a test clip; and the panel itself in headless Chromium, whose microphone beeps."""

import base64
import contextlib
import io
import re
import shutil

import nbformat
import numpy as np
import pytest
import soundfile
from conftest import RATE, voice

from helpers.base.artifacts import Artifacts, SuiteError
from helpers.display.recorder import (
    RecorderPanel,
    Recording,
    advice,
    choose_recording,
    clip_stand_in,
    keep_recording,
    open_recorder,
)
from helpers.recordings.decoding import Sound
from helpers.spectrograms.voice import median_pitch

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PITCH = 150.0


def content_of(samples, rate=RATE, **options) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, **({"format": "WAV"} | options))
    return buffer.getvalue()


@pytest.fixture
def clip(tmp_path):
    (tmp_path / "test_clip.wav").write_bytes(content_of(voice(PITCH)))
    return tmp_path / "test_clip.wav"


def test_the_panel_comes_first_then_the_file_then_the_stand_in(clip, tmp_path):
    (tmp_path / "me.flac").write_bytes(content_of(voice(200, seconds=2), format="FLAC"))
    panel = RecorderPanel()
    options = {"path": str(tmp_path / "me.flac"), "stand_in": clip}
    assert "test_clip, which stands in" in choose_recording(panel, stand_in=clip).source
    assert choose_recording(panel, **options).source == "the file me.flac"
    panel.wav = base64.b64encode(content_of(voice(PITCH, seconds=3))).decode()
    taken = choose_recording(panel, **options)
    assert taken.source == "your recording" and taken.sound.duration_s == 3
    assert taken.samples(sample_rate=8000).shape == (24_000,)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"RIFF", r"Your recording can't be read as sound .*: record again, or give a sound file"),
        (content_of(np.zeros(RATE)), "Your recording is silent"),
        (content_of(voice(PITCH, seconds=0.05)), "Your recording is too short"),
    ],
)
def test_a_recording_of_no_use_is_one_sentence(content, message, clip):
    with pytest.raises(SuiteError, match=message):
        choose_recording(RecorderPanel(wav=base64.b64encode(content).decode()), stand_in=clip)
    with pytest.raises(SuiteError, match=r"There is no sound file .*gone.wav: check RECORDING"):
        choose_recording(path="/gone.wav", stand_in=clip)


@pytest.mark.parametrize(
    ("samples", "words"),
    [
        (voice(PITCH, seconds=4), []),
        (voice(PITCH, seconds=0.7), ["Only 0.7 s long"]),
        (np.r_[0.002 * voice(PITCH, seconds=3.92), np.ones(RATE * 8 // 100)], ["2.0% of the samples"]),
        (0.002 * voice(PITCH, seconds=4), ["Very quiet (-6"]),
    ],
)
def test_advice_names_each_fault(samples, words):
    found = advice(Recording(Sound(samples.astype(np.float32), RATE), "a file"))
    assert len(found) == len(words) and all(word in sentence for word, sentence in zip(words, found, strict=True))


def test_nothing_is_written_unless_it_is_kept(clip, tmp_path):
    artifacts = Artifacts(tmp_path / "results")
    recording = choose_recording(stand_in=clip)
    assert not artifacts.folder.exists()
    path = keep_recording(recording, artifacts)
    assert [item.name for item in artifacts.folder.iterdir()] == [path.name] == ["own_voice.wav"]
    assert np.allclose(soundfile.read(path)[0], recording.samples(sample_rate=RATE), atol=1e-4)


@contextlib.contextmanager
def chromium():
    """A page of Chromium with a microphone that beeps."""
    playwright = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine: `apt-get install chromium`, as .ci/run does")
    flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync"]
    flags += ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    with playwright.sync_playwright() as browsers:
        browser = browsers.chromium.launch(executable_path=CHROMIUM, args=flags)
        try:
            yield browser.new_page()
        finally:
            browser.close()


@pytest.fixture
def page():
    """An address that counts as secure, as Colab's does: elsewhere browsers give no microphone."""
    with chromium() as page:
        page.route("http://localhost/**", lambda route: route.fulfill(body="<div id=output-area></div>", content_type="text/html"))
        page.goto("http://localhost/")
        yield page


@pytest.fixture
def colab(page, fake_colab, monkeypatch):
    """`google.colab.output`, whose `eval_js` runs in the page; `act` is what the student does there."""

    def eval_js(script):
        page.evaluate(f"() => {{ window.answer = {script}; }}")
        fake_colab.output.act()
        return page.evaluate("() => window.answer")

    monkeypatch.setattr(fake_colab.output, "eval_js", eval_js)
    return fake_colab.output


@pytest.mark.slow
def test_the_microphone_gives_a_wav_of_its_length(page, colab, clip):
    colab.act = lambda: page.get_by_role("button", name="Record").click()
    recording = choose_recording(open_recorder(seconds=2), stand_in=clip)
    assert recording.source == "your recording" and recording.sound.sample_rate == 48_000
    assert 1.5 < recording.sound.duration_s < 6 and recording.facts["level_db"] > -60
    assert page.get_by_role("button", name="Record again").is_visible()
    assert "Recording: done" in page.get_by_role("status").inner_text()


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["wav", "mp3", "ogg"])
def test_a_chosen_file_is_decoded_by_the_browser(page, colab, clip, ending):
    stereo = np.stack([voice(PITCH, seconds=2)] * 2, axis=1)
    file = {"name": f"me.{ending}", "mimeType": f"audio/{ending}", "buffer": content_of(stereo, format=ending.upper())}
    colab.act = lambda: page.locator("input[type=file]").set_input_files(file)
    samples = choose_recording(open_recorder(seconds=2), stand_in=clip).samples(sample_rate=RATE)
    assert len(samples) == pytest.approx(2 * RATE, rel=0.06)
    assert median_pitch(samples, sample_rate=RATE) == pytest.approx(PITCH, rel=0.03)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (
            "NotAllowedError",
            "The microphone can't be used (NotAllowedError): allow it beside the page's address, or choose a sound file.",
        ),
        (
            "NotReadableError",
            "The microphone can't be used (NotReadableError): close the program that uses it, or choose a sound file.",
        ),
        ("AbortError", "The microphone can't be used (AbortError): choose a sound file."),
        (None, "A browser gives a microphone to addresses with https or localhost alone: choose a sound file."),
    ],
)
def test_without_a_microphone_the_panel_says_why_and_one_may_go_on_without(page, colab, clip, name, sentence):
    if name is None:  # as at an address that does not count as secure
        page.evaluate("() => Object.defineProperty(navigator, 'mediaDevices', { value: undefined })")
    else:
        page.evaluate(
            "(name) => { navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', name); }; }", name
        )

    def act():
        page.get_by_role("button", name="Record").click()
        page.get_by_text(sentence, exact=True).wait_for()
        broken = {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"no sound"}
        page.locator("input[type=file]").set_input_files(broken)
        page.get_by_text(re.compile(r"notes.txt can't be read as sound")).wait_for()
        page.get_by_role("button", name="Go on without").click()

    colab.act = act
    assert "stands in" in choose_recording(open_recorder(seconds=2), stand_in=clip).source


# Keeps what the panel opens in `streams` and `contexts`.
WATCH = """() => {
  window.streams = [];
  window.contexts = [];
  const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices), Context = window.AudioContext;
  navigator.mediaDevices.getUserMedia = async (wanted) => {
    const stream = await ask(wanted);
    streams.push(stream);
    return stream;
  };
  window.AudioContext = class extends Context {
    constructor() {
      super();
      contexts.push(this);
    }
  };
}"""
OPENED = "() => [streams.length, contexts.length]"
ALL_OFF = """() => streams.every((stream) => stream.getTracks().every((track) => track.readyState === "ended"))
  && contexts.every((context) => context.state === "closed")"""


@pytest.fixture
def errors(page):
    """What the page throws and nothing catches."""
    found = []
    page.on("pageerror", lambda error: found.append(str(error)))
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("failing", "opened"), [("AudioContext", [1, 0]), ("MediaRecorder", [1, 1]), ("MediaRecorder.prototype.start", [1, 1])]
)
def test_where_recording_fails_the_microphone_goes_off_and_the_reason_is_true(page, colab, clip, errors, failing, opened):
    page.evaluate(WATCH)
    page.evaluate(f"() => {{ {failing} = function () {{ throw new DOMException('', 'NotSupportedError'); }}; }}")

    def act():
        page.get_by_role("button", name="Record").click()
        page.get_by_text("This browser can't record (NotSupportedError): choose a sound file.", exact=True).wait_for()
        assert page.evaluate(OPENED) == opened
        page.wait_for_function(ALL_OFF)
        assert page.get_by_role("button", name="Record").is_enabled()
        page.get_by_role("button", name="Go on without").click()

    colab.act = act
    assert "stands in" in choose_recording(open_recorder(seconds=60), stand_in=clip).source
    assert errors == []


@pytest.mark.slow
def test_two_quick_clicks_on_stop_end_the_recording_once(page, colab, clip, errors):
    page.evaluate(WATCH)
    page.evaluate(  # a browser of an older standard
        """() => {
          const stop = MediaRecorder.prototype.stop;
          MediaRecorder.prototype.stop = function () {
            if (this.state === "inactive") throw new DOMException("", "InvalidStateError");
            stop.call(this);
          };
        }"""
    )

    def act():
        page.get_by_role("button", name="Record").click()
        page.get_by_text(re.compile(r"Recording: 5[0-8]")).wait_for()  # of 60 s
        page.get_by_role("button", name="Stop").evaluate("(button) => { button.click(); button.click(); }")

    colab.act = act
    recording = choose_recording(open_recorder(seconds=60), stand_in=clip)
    assert recording.source == "your recording" and recording.sound.duration_s > 0.5
    page.wait_for_function(ALL_OFF)
    assert page.evaluate(OPENED) == [1, 1] and errors == []


@pytest.mark.slow
def test_a_panel_that_goes_away_while_it_records_turns_the_microphone_off(page, colab, clip, errors):
    page.evaluate(WATCH)

    def act():
        page.get_by_role("button", name="Record").click()
        page.get_by_text(re.compile("Recording: 5")).wait_for()  # of 60 s
        page.get_by_role("button", name="Go on without").click()
        page.wait_for_function(ALL_OFF)

    colab.act = act
    assert "stands in" in choose_recording(open_recorder(seconds=60), stand_in=clip).source
    assert page.evaluate(OPENED) == [1, 1] and errors == []


@pytest.mark.slow
def test_the_widget_of_jupyter_draws_the_same_panel_and_syncs_its_wav(page):
    page.evaluate(
        """async (source) => {
          const module = await import(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
          const state = { seconds: 1 };
          const save_changes = () => { window.saved = state; };
          const model = { get: (name) => state[name], set: (name, value) => { state[name] = value; }, save_changes };
          module.default.render({ model, el: document.body });
        }""",
        str(RecorderPanel._esm),
    )
    page.get_by_role("button", name="Record").click()
    page.wait_for_function("() => window.saved && window.saved.wav.length > 1000")
    wav = base64.b64decode(page.evaluate("() => window.saved.wav"))
    assert soundfile.info(io.BytesIO(wav)).duration > 0.7


@contextlib.contextmanager
def notebook_page(stack, folder):
    """A notebook with the panel, whose first cell has run; gives the page and a function that runs a cell by its index."""
    browser_tests = pytest.importorskip("display.test_browser")
    sources = [
        "from helpers.display.recorder import RecorderPanel, choose_recording\nprint('ready')",
        "panel = RecorderPanel(seconds=1)\npanel",
        "print('heard', choose_recording(panel, stand_in=None).sound.sample_rate)",
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources], metadata=kernel)
    nbformat.write(notebook, folder / "panel.ipynb")
    with browser_tests.serve(stack, folder) as address, chromium() as page:
        page.set_default_timeout(browser_tests.WAIT)
        page.goto(f"{address}/{'notebooks' if stack == 'classic' else 'lab/tree'}/panel.ipynb")
        page.wait_for_function(browser_tests.READY[stack])
        page.evaluate(browser_tests.RUN[stack], 0)
        # The classic page asks a new kernel for the widgets that it has, and clears every widget that it shows when the answer
        # comes. The kernel answers between cells, so that a widget must not be in the first cell that runs.
        page.get_by_text("ready", exact=True).wait_for()
        yield page, lambda index: page.evaluate(browser_tests.RUN[stack], index)


@pytest.mark.slow
@pytest.mark.parametrize("stack", ["classic", "lab"])
def test_the_panel_records_in_jupyter_and_the_next_cell_has_it(stack, tmp_path):
    with notebook_page(stack, tmp_path) as (page, run):
        run(1)
        page.get_by_role("button", name="Record").click()
        page.get_by_text("Recording: done").wait_for()
        if stack == "lab":  # the click has chosen the panel's own cell
            page.evaluate("() => jupyterapp.commands.execute('notebook:move-cursor-down')")
        run(2)
        page.get_by_text("heard 48000").wait_for()


@pytest.mark.slow
def test_a_panel_that_the_classic_page_has_cleared_is_back_when_its_cell_runs_again(tmp_path):
    with notebook_page("classic", tmp_path) as (page, run):
        run(1)
        button = page.get_by_role("button", name="Record")
        button.wait_for()
        page.evaluate("() => Jupyter.notebook.render_cell_output(Jupyter.notebook.get_cell(1))")  # as when the answer is late
        button.wait_for(state="hidden")
        run(1)
        button.wait_for()


def test_a_clip_whose_recording_is_gone_is_rebuilt_only_where_it_is_needed(manifest, artifacts, clip, capsys):
    row = manifest.iloc[0]
    assert clip_stand_in(row, artifacts) == artifacts.audio(row["path"])
    artifacts.location.unlink()
    capsys.readouterr()
    stand_in = clip_stand_in(row, artifacts)
    assert choose_recording(path=str(clip), stand_in=stand_in).source == "the file test_clip.wav"
    assert not capsys.readouterr().out
    taken = choose_recording(stand_in=stand_in)
    assert taken.source == f"the test clip {row['clip']}, rebuilt from its image, which stands in for your recording"
    assert "recordings of folder are not on this machine yet" in capsys.readouterr().out
    assert taken.facts["level_db"] == pytest.approx(row["level_db"], abs=0.5) and taken.sound.sample_rate == RATE
