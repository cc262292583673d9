"""Cells of the notebooks that once needed a clip of a certain kind, each on its own."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import soundfile
from conftest import RATE, run_cell, voice

from helpers.base.settings import SpectrogramSettings
from helpers.display import figures
from helpers.recordings import manifest as manifests
from helpers.spectrograms.mel import loudest_part, mel_spectrogram_db

pytestmark = [pytest.mark.usefixtures("style"), pytest.mark.filterwarnings("error::RuntimeWarning")]
ODD = {
    "a tenth of a second": voice(200, seconds=0.1),
    "a click at its very end": np.pad([0.5], (RATE, 0)),
    "padded": np.pad(voice(200, seconds=0.5), (0, 3 * RATE)),
    "a tone": 0.3 * np.sin(2 * np.pi * 150 * np.arange(RATE) / RATE),
    "a square wave": 0.5 * np.sign(np.sin(2 * np.pi * 100 * (np.arange(RATE) + 0.5) / RATE)),
    "8 bits": np.round(voice(200) * 100).clip(-128, 127) / 128,
}


@pytest.fixture(params=list(ODD))
def known(request):
    samples = ODD[request.param].astype(np.float32)
    settings = SpectrogramSettings()
    return {"samples": samples, "rate": RATE, "settings": settings, "figures": figures, "plt": plt, "np": np} | {
        "peak": np.abs(samples).max(),
        "decibels": mel_spectrogram_db(samples, settings=settings),
    }


def test_the_resolutions_and_the_formats_of_a_sound(known):
    known = run_cell("01-42", **known)
    run_cell("01-72", **known)
    known = run_cell("01-46", pd=pd, **known)
    run_cell("01-74", **known)
    assert known["formats"].set_index("format")["returns"][["WAV", "FLAC"]].tolist() == ["same samples"] * 2
    assert np.isfinite(run_cell("01-e2s", **known)["ratios"]).all()


def test_a_steady_piece_its_pitch_and_the_numbers_of_the_picture(known):
    odd = {"clip": {"clip": "odd"}, "example_voice": lambda *_, **__: {"clip": "odd"}, "training": None, "artifacts": None}
    known = run_cell("02-51", clip_samples=lambda *_, **__: known["samples"], **odd, **known)
    assert len(known["pieces"]["odd"]) == 1024 and known["pieces"]["odd"].any()
    run_cell("02-73", **known)
    run_cell("02-e4s", **known)
    known = run_cell("02-81", **run_cell("02-14", **known))
    assert 0 <= known["x0"] <= max(known["picture"].shape[1] - 8, 0)


def test_the_envelope_of_the_loudest_piece(known):
    known = run_cell("06-31", loudest_part=loudest_part, **known)
    assert np.abs(known["spectrum"]).max() > 0 and np.isfinite(known["period"])


def test_the_audit_is_fooled_without_a_clip_of_the_corpus(tmp_path, capsys):
    known = run_cell("01-e6s", np=np, soundfile=soundfile, manifests=manifests, Path=type(tmp_path))
    reasons = known["refused"].set_index("clip")["reason"]
    assert len(known["audited"]) == 7 and len(reasons) == 4 and "low__quieter" in set(known["audited"]["clip"])
    assert "is a duplicate of" in reasons["low__good_1"] and "is silent" in reasons["high__silent"]
