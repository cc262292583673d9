"""A recording of your own, from the browser's microphone or a file, held in memory alone (notebook 06)."""

import base64
import importlib
import io
from dataclasses import dataclass
from pathlib import Path

import anywidget
import numpy as np
import soundfile
import traitlets

from helpers.base import machine
from helpers.base.artifacts import Artifacts, SuiteError, atomic_path
from helpers.recordings.sounds import Sound, inspect_sound
from helpers.spectrograms.mel import load_audio

SOURCE = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Recording:
    """A sound in memory.

    Attributes
    ----------
    content : bytes
        Of a sound file, as it came.
    source : str
        Where it is from, as part of a sentence.
    sound : helpers.recordings.sounds.Sound
        Duration, level, fraction of samples at full scale.
    """

    content: bytes
    source: str
    sound: Sound

    def samples(self, *, sample_rate: int) -> np.ndarray:
        """Mono samples [shape=(n,), dtype=float32], resampled to a rate in Hz."""
        return load_audio(io.BytesIO(self.content), sample_rate=sample_rate)


class RecorderPanel(anywidget.AnyWidget):
    """The panel where there is no `google.colab`.

    Attributes
    ----------
    seconds : int
        Longest recording.
    wav : str
        The latest recording, a WAV file in base64; empty before there is one.
    """

    _esm = SOURCE + (
        "export default { render({ model, el }) { return voicePanel(el, model.get('seconds'), "
        "(wav) => { model.set('wav', wav); model.save_changes(); }); } };"
    )
    seconds = traitlets.Int(5).tag(sync=True)
    wav = traitlets.Unicode("").tag(sync=True)


def open_recorder(*, seconds: int) -> RecorderPanel:
    """A panel to record with the microphone or to choose a sound file.

    On Colab this shows the panel and waits for the recording, which comes through `google.colab.output`; elsewhere the panel is a
    widget to be shown, and the recording is there when a later cell runs.

    Parameters
    ----------
    seconds : int
        Longest recording.
    """
    panel = RecorderPanel(seconds=seconds)
    if machine.on_colab():
        output = importlib.import_module("google.colab.output")
        area = 'document.querySelector("#output-area") || document.body'
        call = f"new Promise((done) => voicePanel({area}, {panel.seconds}, done, {{ skip: true }}))"
        panel.wav = output.eval_js(f"(() => {{ {SOURCE}\nreturn {call}; }})()")
    return panel


def choose_recording(panel: RecorderPanel | None = None, *, path: str = "", stand_in: Path) -> Recording:
    """The recording of the panel, else the sound file at `path`, else one that stands in for it.

    Parameters
    ----------
    panel : RecorderPanel, optional
    path : str
        Of a sound file; empty for none.
    stand_in : Path
        Of the clip to take where there is no recording.

    Raises
    ------
    SuiteError
        It can't be read, or is empty, silent or too short.
    """
    file = Path(path).expanduser()
    if panel is not None and panel.wav:
        content, source = base64.b64decode(panel.wav), "your recording"
    elif path and not file.is_file():
        raise SuiteError(f"There is no sound file {file}: check RECORDING.")
    elif path:
        content, source = file.read_bytes(), f"the file {file.name}"
    else:
        content, source = stand_in.read_bytes(), f"the test clip {stand_in.stem}, which stands in for your recording"
    sound = inspect_sound(io.BytesIO(content))
    if sound.reason:
        hint = ": record again, or give a WAV, FLAC, OGG or MP3 file with a voice in it."
        raise SuiteError(source[0].upper() + source[1:] + " " + sound.reason + hint)
    return Recording(content, source, sound)


def advice(sound: Sound) -> list[str]:
    """What to do better in the next recording, one sentence for each fault; empty where it is good."""
    # Rules of thumb: what a phone or a headset gives at a hand's width lies well between.
    faults = {
        f"Only {sound.duration_s:.1f} s long: speak for at least 1.5 s.": sound.duration_s < 1.5,
        f"Very quiet ({sound.level_db:.0f} dB): come closer to the microphone.": sound.level_db < -45,
        f"Distorted, {sound.clipped:.1%} of the samples are cut off: go further away.": sound.clipped > 0.001,
    }
    return [sentence for sentence, found in faults.items() if found]


def keep_recording(recording: Recording, artifacts: Artifacts) -> Path:
    """Write the recording to the results folder as a WAV file, which nothing else does; returns its path."""
    path, rate = artifacts.own_voice, recording.sound.sample_rate
    with atomic_path(path) as temporary:
        soundfile.write(temporary, recording.samples(sample_rate=rate), rate, subtype="PCM_16")
    return path
