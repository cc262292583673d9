"""A recording of your own, from the browser's microphone or a file, held in memory alone (notebook 06)."""

import base64
import contextlib
import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import anywidget
import numpy as np
import pandas as pd
import soundfile
import traitlets

from helpers.base import machine
from helpers.base.artifacts import Artifacts, NoRecordingsError, SuiteError, atomic_path
from helpers.recordings.containers import UnusableSoundError
from helpers.recordings.decoding import Sound
from helpers.recordings.sounds import read_sound, sound_facts
from helpers.spectrograms.example import clip_samples
from helpers.spectrograms.mel import resample

SOURCE = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Recording:
    """A sound in memory.

    Attributes
    ----------
    sound : helpers.recordings.decoding.Sound
    source : str
        Where it is from, as part of a sentence.
    """

    sound: Sound
    source: str

    @property
    def facts(self) -> dict[str, float]:
        """What the manifest holds of a clip: `duration_s`, `sample_rate` in Hz, `level_db`, and the fraction `clipped`."""
        facts = vars(sound_facts(self.sound))
        return {name: facts[name] for name in ("duration_s", "sample_rate", "level_db", "clipped")}

    def samples(self, *, sample_rate: int) -> np.ndarray:
        """Mono samples [shape=(n,), dtype=float32], resampled to a rate in Hz."""
        return resample(self.sound, sample_rate=sample_rate)


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


def choose_recording(panel: RecorderPanel | None = None, *, path: str = "", stand_in: Path | Callable[[], Recording]) -> Recording:
    """The recording of the panel, else the sound file at `path`, else one that stands in for it.

    Parameters
    ----------
    panel : RecorderPanel, optional
    path : str
        Of a sound file; empty for none.
    stand_in : Path or callable
        Of the clip to take where there is no recording; or what gives it, called only then.

    Raises
    ------
    SuiteError
        It can't be read, or is empty, silent or too short.
    """
    file = Path(path).expanduser()
    given: Path | bytes
    if panel is not None and panel.wav:
        given, source = base64.b64decode(panel.wav), "your recording"
    elif path and not file.is_file():
        raise SuiteError(f"There is no sound file {file}: check RECORDING.")
    elif path:
        given, source = file, f"the file {file.name}"
    elif callable(stand_in):
        return stand_in()
    else:
        given, source = stand_in, f"the test clip {stand_in.stem}, which stands in for your recording"
    try:
        return Recording(read_sound(given), source)
    except UnusableSoundError as error:
        hint = "record again, or give a sound file with a voice in it"
        raise SuiteError(f"{source[0].upper()}{source[1:]} {error}: {hint}.") from None


def clip_stand_in(row: pd.Series, artifacts: Artifacts) -> Path | Callable[[], Recording]:
    """What `choose_recording` takes for a stand-in: a clip's sound file; else what rebuilds its sound, see `clip_samples`."""
    with contextlib.suppress(NoRecordingsError):
        if (path := artifacts.audio(row["path"])).is_file():
            return path

    def rebuild() -> Recording:
        rate = int(row["sample_rate"])
        sound = Sound(clip_samples(row, artifacts, sample_rate=rate), rate)
        return Recording(sound, f"the test clip {row['clip']}, rebuilt from its image, which stands in for your recording")

    return rebuild


def advice(recording: Recording) -> list[str]:
    """What to do better in the next recording, one sentence for each fault; empty where it is good."""
    facts = recording.facts
    # Rules of thumb: what a phone or a headset gives at a hand's width lies well between.
    faults = {
        f"Only {facts['duration_s']:.1f} s long: speak for at least 1.5 s.": facts["duration_s"] < 1.5,
        f"Very quiet ({facts['level_db']:.0f} dB): come closer to the microphone.": facts["level_db"] < -45,
        f"Distorted, {facts['clipped']:.1%} of the samples are cut off: go further away.": facts["clipped"] > 0.001,
    }
    return [sentence for sentence, found in faults.items() if found]


def keep_recording(recording: Recording, artifacts: Artifacts) -> Path:
    """Write the recording to the results folder as a WAV file, which nothing else does; returns its path."""
    path, rate = artifacts.own_voice, recording.sound.sample_rate
    with atomic_path(path) as temporary:
        soundfile.write(temporary, recording.samples(sample_rate=rate), rate, subtype="PCM_16")
    return path
