"""Asking a trained network, whatever is asked first."""

import subprocess
import sys
import textwrap

import pytest

from helpers.base import machine


@pytest.mark.slow
def test_tensorflow_is_loaded_quietly_whatever_is_asked_first(tmp_path):
    """What imports it by the way would let through the log lines that `load_tensorflow` keeps back."""
    code = textwrap.dedent("""
        import sys
        from pathlib import Path
        from helpers.base import machine
        from helpers.base.artifacts import Artifacts
        from helpers.base.settings import PROFILES
        from helpers.network.questions import Questions

        def load():
            raise KeyError("asked for")

        machine.load_tensorflow = load
        questions, row = Questions(Artifacts(Path(sys.argv[1])), classes=["a"], profile=PROFILES["quick"]), {"clip": "x"}
        by_row = [lambda ask=ask: ask(row) for ask in (questions.nearest, questions.image, questions.along)]
        for ask in (lambda: questions.features, *by_row):
            try:
                ask()
            except KeyError as error:
                print(error, "tensorflow" in sys.modules)
    """)
    command = [sys.executable, "-c", code, str(tmp_path)]
    said = subprocess.run(command, cwd=machine.PROJECT, capture_output=True, text=True, check=True).stdout
    assert said.splitlines() == ["'asked for' False"] * 4
