"""Files on disk: where each stage writes, atomic writes, and the suite's one exception, a sentence with the next step.

All notebooks grow one folder, `artifacts/<dataset>/`; `Artifacts` and `RunFiles` are the only places that know its file names.
"""

import contextlib
import errno
import hashlib
import json
import os
import re
import secrets
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pandas as pd

# Of a results folder: 1 had spectrogram images in class folders, and classes as columns of predictions.csv; 2 had absolute paths.
LAYOUT = 3
# The notebook that makes a file, by its name or ending; all others are notebook 1's.
MADE_BY = {
    **dict.fromkeys((".png", "spectrograms.json"), "02_spectrograms"),
    **dict.fromkeys(("predictions.csv", "history.csv", "metrics.json", "run.json", "model.keras"), "03_train_resnet"),
    "comparison.csv": "05_compare_cnns",
}
# What to do about an error of a disk, or of Google Drive, which answers as a disk does.
REMEDIES = {
    **dict.fromkeys((errno.ENOSPC, errno.EFBIG, errno.EDQUOT), "free some space"),
    **dict.fromkeys((errno.EIO, errno.ETIMEDOUT), "wait a minute"),
    **dict.fromkeys(
        (errno.ENOTCONN, errno.ESTALE, errno.ENODEV), "connect it again (on Colab, mount Drive: the folder symbol on the left)"
    ),
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), "get permission to write there, or choose another folder"),
    errno.ENAMETOOLONG: "give it a shorter name",
}


def _in_folder(name: str, *, shared: bool = False) -> property:
    """A file or folder in `folder`, by its name; in `source`, if there is one, where the race shares it."""
    return property(lambda owner: ((owner.source if shared else None) or owner.folder) / name)


@dataclass(frozen=True)
class RunFiles:
    """The files of one run in its folder, such as `models/<name>/`."""

    folder: Path
    facts = _in_folder("run.json")
    predictions = _in_folder("predictions.csv")
    metrics = _in_folder("metrics.json")
    model = _in_folder("model.keras")
    history = _in_folder("history.csv")
    features = _in_folder("features.npz")
    map = _in_folder("map.csv")
    logs = _in_folder("logs")
    checkpoints = _in_folder("checkpoints")
    robustness = _in_folder("robustness.csv")
    failed = _in_folder("failed.json")


@dataclass(frozen=True)
class Artifacts:
    """The folder of one dataset, `artifacts/<dataset>/`, and the files in it.

    Attributes
    ----------
    folder : Path
    source : Path, optional
        For the race, which has a split, a class list and models of its own: the dataset's folder, which has the sounds and the
        pictures.
    """

    folder: Path
    source: Path | None = None

    manifest = _in_folder("manifest.csv")
    rejected = _in_folder("rejected.csv", shared=True)
    corrected = _in_folder("corrected.csv")
    classes = _in_folder("classes.json")
    dataset = _in_folder("dataset.json")
    location = _in_folder("source.json", shared=True)  # true on this machine alone, so that no archive takes it along
    pitch = _in_folder("pitch.csv")
    review = _in_folder("review.csv", shared=True)
    heard = _in_folder("heard.csv", shared=True)
    errors = _in_folder("errors.csv")
    guesses = _in_folder("you.csv")
    comparison = _in_folder("comparison.csv")
    seeds = _in_folder("seeds.json")
    own_voice = _in_folder("own_voice.wav")
    model_card = _in_folder("model_card.md")
    not_for = _in_folder("not_for.md")
    report = _in_folder("report")
    seconds = _in_folder("report/seconds.json")
    synthesised = _in_folder("audio")
    others = _in_folder("other")
    spectrograms = _in_folder("spectrograms", shared=True)
    spectrogram_settings = _in_folder("spectrograms/spectrograms.json", shared=True)

    def image(self, clip: str) -> Path:
        """Spectrogram image of a clip; its name holds no label, so that clips can be relabelled without making it again."""
        return self.spectrograms / f"{clip}.png"

    def race_part(self) -> Self:
        """What the race keeps, with a split of its own: `manifest.csv`, `classes.json` and `models/<name>/seed_<number>/`."""
        return Artifacts(self.folder / "comparison", source=self.folder)

    def other(self, name: str) -> Self:
        """What is kept of another corpus that a network of this one is asked about."""
        return Artifacts(self.others / name)

    def require_layout(self) -> None:
        """Refuse a results folder of an earlier layout (SuiteError), so that old and new results never mix."""
        if self.dataset.exists() and read_json(self.dataset).get("layout") != LAYOUT:
            raise SuiteError(
                f"{self.folder} holds results of an earlier version of this project, which this one can't go on with: rename or "
                "delete that folder (it is left as it is), or give new ones a name with NAME=..., then run this again."
            )

    def model(self, name: str) -> Path:
        """Folder of one trained model."""
        return self.folder / "models" / name

    def run(self, name: str) -> RunFiles:
        """The files of one trained model."""
        return RunFiles(self.model(name))

    def locate_corpus(self, folder: Path) -> None:
        """Note where the recordings lie on this machine; the paths of the manifest begin there."""
        write_json(self.location, {"folder": str(folder)})

    def corpus(self) -> Path:
        """The folder of the recordings on this machine.

        Raises
        ------
        NoRecordingsError
            Nobody has located them here, or the folder is gone.
        """
        name = (self.source or self.folder).name
        if not self.location.exists():
            raise NoRecordingsError(f"The recordings of {name} are not on this machine yet: {find_recordings()}.")
        folder = Path(read_json(self.location)["folder"])
        if not folder.is_dir():
            raise NoRecordingsError(
                f"The recordings of {name} are no longer on this machine ({folder} is gone): {find_recordings()}."
            )
        return folder

    def sounds(self, paths: Iterable[str]) -> list[Path]:
        """Sound files of manifest rows, by their column `path`, which is relative to `corpus`."""
        corpus = self.corpus()
        return [corpus / path for path in paths]

    def audio(self, path: str) -> Path:
        """Sound file of one manifest row, see `sounds`."""
        return self.sounds([path])[0]


@contextlib.contextmanager
def atomic_path(path: Path, *, durable: bool = False) -> Iterator[Path]:
    """Give a temporary name beside `path`, renamed to `path` only when the block ends well.

    A process killed in the block leaves at most a stray temporary file, never half a result.

    Parameters
    ----------
    path : Path
    durable : bool
        Whether the file must outlive a power cut as well: its content is on the disk before it gets its name. That takes
        milliseconds, too long for thousands of pictures, which are quickly made again.

    Raises
    ------
    SuiteError
        The disk is full, gone, or can't be written.
    """
    path = Path(path)
    # The ending is kept: writers such as Keras and Pillow choose the format by it.
    # Drawn, not the process number: two machines may write to one Drive.
    temporary = path.with_name(f".writing-{secrets.token_hex(8)}{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        if durable:
            _flush(temporary)
        os.replace(temporary, path)
        if durable:
            _flush(path.parent)
    except BaseException as error:
        with contextlib.suppress(OSError):  # where the disk is gone, only the first error says so
            temporary.unlink(missing_ok=True)
        about_this_file = getattr(error, "filename", None) in (None, str(temporary), str(path.parent))
        if isinstance(error, OSError) and error.errno in REMEDIES and about_this_file:
            reason, remedy = disk_error(error)
            raise SuiteError(f"{path} could not be written ({reason}): {remedy}, then run this again.") from error
        raise


def _flush(path: Path) -> None:
    """Wait until the content of a file, or the names in a folder, are on the disk."""
    if path.is_dir() and os.name == "nt":  # Windows opens no folder
        return
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some network drives know no such order
            raise
    finally:
        os.close(handle)


@contextlib.contextmanager
def disk_errors(what: str, *, then: str) -> Iterator[None]:
    """Make an error of a disk, or of Drive, in the block a sentence: `what` failed, why, what helps, and what to do `then`."""
    try:
        yield
    except (OSError, RuntimeError, SuiteError) as error:  # HDF5 raises a RuntimeError where the disk is full
        if isinstance(error, SuiteError) and not isinstance(error.__cause__, OSError):
            raise
        reason, remedy = disk_error(error)
        raise SuiteError(f"{what} ({reason}): {remedy}, then {then}.") from error


def disk_error(error: BaseException) -> tuple[str, str]:
    """Why a disk, or Drive, could not be read or written, and what to do about it; of a SuiteError, why it was raised.

    Examples
    --------
    >>> disk_error(OSError(errno.ENOSPC, "No space left on device"))
    ('No space left on device', 'free some space')
    """
    error = error.__cause__ or error
    reason = getattr(error, "strerror", None) or first_line(error)
    inner = re.search(r"errno = (\d+)", str(error))  # HDF5 says it in its message alone
    number = int(inner[1]) if inner else getattr(error, "errno", None)
    return reason, REMEDIES.get(number, "solve that")


def first_line(error: BaseException) -> str:
    """The first line of what an error says, or its class where it says nothing.

    Examples
    --------
    >>> first_line(ValueError("no shape" + chr(10) + "in a file")), first_line(MemoryError())
    ('no shape', 'MemoryError')
    """
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def write_text(path: Path, text: str, *, durable: bool = False) -> None:
    """Write a text file atomically, in UTF-8; `durable` as in `atomic_path`."""
    with atomic_path(path, durable=durable) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, content: Any, *, durable: bool = False) -> None:
    """Write a JSON file atomically, indented for people to read."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n", durable=durable)


def write_table(path: Path, table: pd.DataFrame, *, durable: bool = False) -> None:
    """Write a table as CSV atomically, without its index."""
    write_text(path, table.to_csv(index=False, lineterminator="\n"), durable=durable)


def require(path: Path) -> Path:
    """Return `path` if it is there; otherwise say which notebook makes it (SuiteError)."""
    if not path.exists():
        otherwise = "" if on_colab() else " first (or `make run`, which runs all of them)"
        raise SuiteError(f"{path} is not there yet: {next_step(_made_by(path))}{otherwise}.")
    return path


def next_step(notebook: str) -> str:
    """What to do where a file of a notebook, such as `01_download`, lacks or is of no use, as part of a sentence.

    On Colab each notebook has a machine of its own, so that running another one is of no help.
    """
    return 'run the cell "Earlier stages" and those below it again' if on_colab() else f"run notebooks/{notebook}.ipynb"


def find_recordings() -> str:
    """What to do where the recordings are not on this machine, as part of a sentence."""
    return f"{next_step('01_download')}, with DATA_DIR where they are in a folder of yours"


def on_colab() -> bool:
    """Whether this is Google Colab."""
    return "google.colab" in sys.modules


def _made_by(path: Path) -> str:
    return MADE_BY.get(path.name) or MADE_BY.get(path.suffix, "01_download")


def read_json(path: Path) -> Any:
    """Read a JSON file that an earlier stage wrote: `classes.json` holds a list of names, every other one a dictionary.

    Raises
    ------
    SuiteError
        It is not there, can't be read as JSON, or holds something else.
    """
    try:
        content = json.loads(require(path).read_text(encoding="utf-8"), object_hook=lambda facts: _Facts(facts, path))
    except (ValueError, RecursionError) as error:
        raise SuiteError(f"{path} is not valid JSON ({error}): delete it, then {next_step(_made_by(path))}.") from None
    if path.name == "classes.json":
        fits = isinstance(content, list) and all(isinstance(name, str) for name in content)
    else:
        fits = isinstance(content, dict)
    if not fits:
        raise SuiteError(
            f"{path} does not hold what {_made_by(path)}.ipynb writes there: delete it, then {next_step(_made_by(path))}."
        )
    return content


class _Facts(dict):
    """A dictionary from a JSON file; a name that it lacks is a sentence."""

    def __init__(self, facts: dict, path: Path):
        super().__init__(facts)
        self.path = path

    def __missing__(self, name: str) -> None:
        raise SuiteError(f"{self.path} lacks {name!r}: delete it, then {next_step(_made_by(self.path))}.")


def read_table(path: Path) -> pd.DataFrame:
    """Read a CSV table that an earlier stage wrote; texts stay texts, whatever they look like, and empty numbers become NaN."""
    texts = (
        "clip", "path", "gender", "age_range", "speaker", "label", "split", "true", "predicted", "model", "asked_about", "reason",
        "emotion", "sentence", "column", "was", "now", "sound", "mark", "note",
    )  # fmt: skip
    # A carriage return in a file's name ends no line.
    table = pd.read_csv(require(path), dtype=dict.fromkeys(texts, str), keep_default_na=False, na_values=[""], lineterminator="\n")
    return table.fillna({text: "" for text in texts if text in table})


def fingerprint(content: Path | bytes) -> str:
    """First 16 hexadecimal digits of the SHA-256 of a file, or of what one holds."""
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()[:16]
    with open(content, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


class SuiteError(Exception):
    """Something the user can mend; its message is a whole sentence with the next step.

    In a notebook it is shown as that sentence alone, without a traceback.
    """

    def _render_traceback_(self) -> list[str]:
        # IPython asks the exception for what to show; a student needs the sentence, not our call stack.
        return [f"\x1b[31m{self}\x1b[0m"]


class NoRecordingsError(SuiteError):
    """The recordings are not on this machine: what needs tables alone goes on, what needs sound says so."""
