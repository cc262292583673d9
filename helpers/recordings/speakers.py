"""Who speaks in a clip: read from the file's name, from a table beside the clips, or from the folder (notebook 01).

A dataset's `clip_facts` takes the source and its sound files, and yields for each path a dictionary of its facts, as texts
(`speaker`, `gender`, `age`, `emotion`, `sentence`, `label`), or of the `reason` why the file is not part of the dataset.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pandas as pd

from helpers.base.artifacts import SuiteError
from helpers.recordings.files import SOUND_ENDINGS
from helpers.recordings.labels import parse_label

Facts = dict[str, str]
ClipFacts = Callable[[Path, Iterable[Path]], Iterator[tuple[Path, Facts]]]
Speakers = dict[str, tuple[str, str]]  # gender and age of each speaker, as the dataset gives them

# From the corpus' documentation (Burkhardt et al., 2005).
EMODB_SPEAKERS: Speakers = {
    "03": ("male", "31"), "08": ("female", "34"), "09": ("female", "21"), "10": ("male", "32"), "11": ("male", "26"),
    "12": ("male", "30"), "13": ("female", "32"), "14": ("female", "35"), "15": ("male", "25"), "16": ("female", "31"),
}  # fmt: skip


def crema_d_speakers(source: Path) -> Speakers:
    """CREMA-D's actors: the copy on Kaggle lacks their table, so the facts come with this project."""
    actors = pd.read_csv(Path(__file__).with_name("crema_d_speakers.csv"), comment="#", dtype=str)
    return {actor: (gender, age) for actor, gender, age in actors[["actor", "gender", "age"]].itertuples(index=False)}


def audiomnist_speakers(source: Path) -> Speakers:
    """AudioMNIST's speakers, from the JSON file of the corpus."""
    path = _only(source, "audioMNIST_meta.txt")
    try:
        return {name: (str(facts["gender"]), str(facts["age"])) for name, facts in json.loads(path.read_text("utf-8")).items()}
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise SuiteError(f"The speakers in {path} can't be read ({type(error).__name__}): fetch the dataset again.") from None


def by_name(
    pattern: str, *, speakers: Callable[[Path], Speakers] | None = None, emotions: dict[str, str] | None = None
) -> ClipFacts:
    """Facts from the file's name.

    Parameters
    ----------
    pattern : str
        Regular expression for the whole name without its ending; its named groups are the facts.
    speakers : callable, optional
        From the source folder to gender and age of each speaker, where the name holds the speaker alone.
    emotions : dict, optional
        Words for the codes of the group `emotion`.
    """

    def facts(source: Path, paths: Iterable[Path]) -> Iterator[tuple[Path, Facts]]:
        table = speakers(source) if speakers else {}
        for path in paths:
            match = re.fullmatch(pattern, path.stem)
            found = match.groupdict() if match else {}
            if speakers and found.get("speaker") in table:
                found["gender"], found["age"] = table[found["speaker"]]
            if "emotion" in found:
                found["emotion"] = (emotions or {}).get(found["emotion"], found["emotion"])
            if "gender" not in found:
                found = {"reason": "its name is not that of a clip by one of this dataset's speakers"}
            yield path, found

    return facts


def by_table(tables: str, *, clip: str, **columns: str) -> ClipFacts:
    """Facts from CSV tables of the dataset.

    Parameters
    ----------
    tables : str
        Pattern of their file names.
    clip, **columns : str
        Their columns: `clip`, a file's name, with or without its folder and its ending; `gender`, `age` and `speaker`, if known.
    """

    def facts(source: Path, paths: Iterable[Path]) -> Iterator[tuple[Path, Facts]]:
        _only(source, tables)
        rows = pd.concat([_read(path, columns={clip, *columns.values()}) for path in sorted(source.rglob(tables))])
        facts_of = rows[list(columns.values())].set_axis(list(columns), axis=1).to_dict("records")
        names = rows[clip].str.replace(rf"({'|'.join(map(re.escape, SOUND_ENDINGS))})$", "", case=False, regex=True)
        facts_by_name = dict(zip(names, facts_of, strict=True))
        for path in paths:
            known = facts_by_name.get(path.stem) or facts_by_name.get(f"{path.parent.name}/{path.stem}")
            yield path, known or {"reason": f"is not in the dataset's table {tables}"}

    return facts


def by_folder(source: Path, paths: Iterable[Path]) -> Iterator[tuple[Path, Facts]]:
    """Facts of the user's own recordings: the name of their folder, nested ones joined with `/`; or a CSV table.

    The table has a column `path` (relative to itself), and `label` or `gender` and `age`; `speaker`, `emotion` and `sentence` are
    optional. A missing file that the table names is listed, too.
    """
    if source.suffix.lower() != ".csv":
        for path in paths:
            label = path.parent.relative_to(source).as_posix()
            yield path, {"reason": "lies in no class folder"} if label == "." else _label_facts(label)
        return
    rows = _read(source, columns={"path"})
    if "label" not in rows and not {"gender", "age"} & set(rows):
        raise SuiteError(f"{source} has no column label, gender or age: add one, so that each clip has a class.")
    row_of = {(source.parent / row.pop("path")).resolve(): row for row in rows.to_dict("records")}
    for path in paths:
        if path.resolve() not in row_of:
            yield path, {"reason": f"is not in {source.name}"}
    for path, row in row_of.items():
        yield path, _label_facts(row.get("label", "")) | {fact: text for fact, text in row.items() if text and fact != "reason"}


def _label_facts(label: str) -> dict[str, str]:
    gender, age = parse_label(label)
    return {"label": label, "gender": gender or "", "age": "" if age is None else str(age)}


def _only(source: Path, name: str) -> Path:
    found = next(source.rglob(name), None)
    if found is None:
        raise SuiteError(f"{source} has no {name}, which says who speaks: take the whole dataset, with its tables.")
    return found


def _read(path: Path, *, columns: set[str]) -> pd.DataFrame:
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (ValueError, pd.errors.ParserError) as error:
        raise SuiteError(
            f"{path} can't be read as a CSV table ({' '.join(str(error).split())}): save it as CSV in UTF-8."
        ) from None
    if columns - set(table):
        raise SuiteError(f"{path} has no column {' and no column '.join(sorted(columns - set(table)))}: name the columns so.")
    return table
