"""`make predict`: a folder of recordings into a table of what a trained network hears in them (command line).

RECORDINGS=/folder MODEL=artifacts/voices/models/small_resnet/model.keras python -m helpers.suite.predict

The table goes to `predictions/<folder>.csv` in the artifacts folder, or to OUT=/path/table.csv.
"""

import os
import sys
from pathlib import Path

from helpers.base import machine
from helpers.base.artifacts import SuiteError, write_table


def main() -> int:
    """Predict each recording and write the table; exit code 1, and a sentence on stderr, where that fails."""
    try:
        recordings, path = (Path(given(name)).expanduser() for name in ("RECORDINGS", "MODEL"))
        machine.check_gpu()  # loads TensorFlow without its log lines, so before what needs it
        from helpers.network.model_files import load_model
        from helpers.network.unlabelled import limits_of, predict_folder

        model = load_model(path)
        table = predict_folder(recordings, model, limits=limits_of(path, model))
        table_path = machine.artifacts_root() / "predictions" / f"{recordings.resolve().name}.csv"
        out = Path(os.environ.get("OUT") or table_path).expanduser()
        write_table(out, table)
    except SuiteError as error:
        print(error, file=sys.stderr)
        return 1
    counts = table["unsure"].value_counts()
    said = ", ".join(f"{counts.get(answer, 0)} {words}" for answer, words in WORDS.items())
    print(f"{len(table)} recordings: {said}\n{out}")
    return 0


WORDS = {"no": "answered", "yes": "unsure", "not read": "not read"}


def given(name: str) -> str:
    """A variable that must be set."""
    if not os.environ.get(name):
        raise SuiteError(f"{name} is not set: write make predict RECORDINGS=/folder MODEL=artifacts/.../model.keras.")
    return os.environ[name]


if __name__ == "__main__":
    sys.exit(main())
