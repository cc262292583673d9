"""Who speaks in a clip: read from the file's name, from a table beside the clips, or from the folder (notebook 01).

A dataset's `clip_facts` takes the source and its sound files, and yields for each path a dictionary of its facts, as texts
(`speaker`, `gender`, `age`, `emotion`, `sentence`, `label`), or of the `reason` why the file is not part of the dataset.
"""

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pandas as pd

from helpers.base.artifacts import SuiteError
from helpers.recordings.files import is_sound, printable
from helpers.recordings.labels import label_span, parse_label, read_age, read_gender, span_text
from helpers.recordings.reasons import NOT_IN_TABLE, NOT_NAMED
from helpers.recordings.tables import Finder, read_people_table, tidy

FACTS = ("label", "gender", "age", "speaker", "emotion", "sentence")
GENDERS = ("female", "male")
Facts = dict[str, str]
ClipFacts = Callable[[Path, Iterable[Path]], Iterator[tuple[Path, Facts]]]
Speakers = dict[str, tuple[str, str]]  # gender and age of each speaker, as the dataset gives them

# From the corpus' documentation (Burkhardt et al., 2005).
EMODB_SPEAKERS: Speakers = {
    "03": ("male", "31"), "08": ("female", "34"), "09": ("female", "21"), "10": ("male", "32"), "11": ("male", "26"),
    "12": ("male", "30"), "13": ("female", "32"), "14": ("female", "35"), "15": ("male", "25"), "16": ("female", "31"),
}  # fmt: skip


def crema_d_speakers(source: Path) -> Speakers:
    """CREMA-D's actors: the copy on Kaggle is without their table, so this project brings it."""
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
            found = match.groupdict() if match else {"reason": NOT_NAMED}
            if match and speakers:
                speaker = found["speaker"]
                known = table.get(speaker)
                found |= {"gender": known[0], "age": known[1]} if known else {"reason": f"speaker {speaker} is not in the table"}
            if "emotion" in found:
                found["emotion"] = (emotions or {}).get(found["emotion"], found["emotion"])
            yield path, found

    return facts


def by_table(tables: str, *, clip: str, machine_voices: str = "", otherwise: ClipFacts | None = None, **columns: str) -> ClipFacts:
    """Facts from CSV or TSV tables of the dataset.

    Parameters
    ----------
    tables : str
        Pattern of their file names.
    clip, **columns : str
        Their columns: `clip`, a file's name, with or without its folder and its ending; `gender`, `age` and `speaker`, if known.
    machine_voices : str
        Regular expression for the names of clips in which nobody speaks.
    otherwise : ClipFacts, optional
        Takes over where there is no such table.
    """
    known = (clip, *columns.values())

    def facts(source: Path, paths: Iterable[Path]) -> Iterator[tuple[Path, Facts]]:
        found = sorted(source.rglob(tables))
        if otherwise and not found:
            yield from otherwise(source, paths)
            return
        table = pd.concat(
            # Tabs never stand in the texts of a TSV table, and its quotation marks are letters.
            read_people_table(path, columns=known, required=known, verbatim=(clip,), quotes=path.suffix.lower() != ".tsv")
            for path in found or [_only(source, tables)]
        )
        facts_of = table[list(columns.values())].set_axis(list(columns), axis=1).to_dict("records")
        facts_by_name = {}
        for name, row in zip(table[clip].map(_without_ending), facts_of, strict=True):
            if facts_by_name.setdefault(name, row) != row:
                facts_by_name[name] = {"reason": f"its rows in {tables} contradict each other"}
        for path in paths:
            names = _without_ending(path.name), f"{path.parent.name}/{_without_ending(path.name)}"
            own = next((facts_by_name[name] for name in names if name in facts_by_name), None)
            if machine_voices and re.fullmatch(machine_voices, path.stem):
                own = {"reason": "is a machine's voice, not a person's"}
            yield path, own or {"reason": f"{NOT_IN_TABLE} {tables}"}

    return facts


def by_folder(source: Path, paths: Iterable[Path]) -> Iterator[tuple[Path, Facts]]:
    """Facts of the user's own recordings: from the name of their folder, nested ones joined with `/`, or from a CSV or TSV table.

    The table has a column `path` (absolute, or relative to the table), and `label` or `gender` and `age`; `speaker`, `emotion` and
    `sentence` are optional. Only the files that it names are looked at, and each row is listed, with a file or without.
    """
    if not source.is_dir():
        yield from _by_own_table(source)
        return
    for path in paths:
        label = path.parent.relative_to(source).as_posix()
        yield path, {"reason": "lies in no class folder"} if label == "." else label_facts(tidy(printable(label)))


def by_pattern(pattern: str) -> ClipFacts:
    """Facts of the user's own recordings from the names of their files, see `by_folder` for what else is known of them.

    Parameters
    ----------
    pattern : str
        Regular expression for a file's whole name without its ending; with a slash in the pattern, for its path below the folder.
        Its named groups are the facts: `label`, `gender`, `age`, `speaker`, `emotion`, `sentence`; `female` and `male` say the
        gender where they match. Where it has no group for the class, the name of the folder is the label, as without a pattern.

    Raises
    ------
    SuiteError
        It is no regular expression, or has no group of these names, or another one.
    """
    try:
        compiled = re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise SuiteError(f"FILE_PATTERN={pattern!r} is not a regular expression: {error}.") from None
    groups, known = set(compiled.groupindex), {*FACTS, *GENDERS}
    if not groups or groups - known:
        has = f"has a group {min(groups - known)!r}" if groups else "has no named group, such as (?P<speaker>...)"
        raise SuiteError(f"FILE_PATTERN={pattern!r} {has}: the groups can be {', '.join(sorted(known))}.")

    def facts(source: Path, paths: Iterable[Path]) -> Iterator[tuple[Path, Facts]]:
        folder = source if source.is_dir() else source.parent
        for path, own in by_folder(source, paths):
            name = Path(os.path.relpath(path, folder)).as_posix() if "/" in pattern else path.name
            match = compiled.fullmatch(_without_ending(printable(name)))
            named = _named_facts(match) if match else {}
            if not source.is_dir():  # a table knows better
                yield path, named | {fact: text for fact, text in own.items() if text}
            elif not match:
                yield path, {"reason": "its name does not match FILE_PATTERN"}
            elif groups & {"label", "gender", "age", *GENDERS}:
                yield path, label_facts(named.get("label", "")) | named
            else:
                yield path, own | named

    return facts


def _named_facts(match: re.Match) -> Facts:
    """The groups that matched; `female` and `male` as the gender."""
    genders = [gender for gender in GENDERS if match.groupdict().get(gender) is not None]
    found = {"gender": genders[0]} if len(genders) == 1 else {}
    return found | {fact: tidy(text) for fact, text in match.groupdict().items() if text and fact not in GENDERS}


def label_facts(label: str) -> Facts:
    """A label, and the gender and the age in it."""
    return {"label": label, "gender": parse_label(label)[0] or "", "age": span_text(label_span(label))}


def _by_own_table(source: Path) -> Iterator[tuple[Path, Facts]]:
    rows = read_people_table(source, columns=("path", *FACTS), required={"path"}, verbatim={"path"})
    if not {"label", "gender", "age"} & set(rows):
        raise SuiteError(f"{source} has no column label, gender or age: add one, so that each clip has a class.")
    finder, named = Finder(source.parent), {}
    for line, row in zip(rows.index, rows.to_dict("records"), strict=True):
        name = row.pop("path")
        given = {fact: text for fact, text in row.items() if text}
        if not tidy(name):
            yield source.parent / f"line {line} of {source.name}", given | {"reason": f"line {line} of {source.name} names no file"}
            continue
        path, same = finder.find(name)
        named.setdefault(same, []).append((line, path, given))
    for same, entries in named.items():
        yield from _settle(source.name, same, entries)


def _settle(table: str, same: str, entries: list[tuple[int, Path, Facts]]) -> Iterator[tuple[Path, Facts]]:
    """The facts of a file that a table names once or more: one row where its lines agree, else each line with the reason."""
    lines = [line for line, _, _ in entries]
    for fact in FACTS:
        said = {_meaning(fact, given[fact]): given[fact] for _, _, given in entries if fact in given}
        if len(said) > 1:
            numbers = f"{', '.join(map(str, lines[:-1]))} and {lines[-1]}"
            words = " and ".join(map(repr, said.values()))
            reason = f"is named in {table} with different {fact}s, {words}, on lines {numbers}: which one is right is unknown"
            yield from ((path, given | {"reason": reason}) for _, path, given in entries)
            return
    line, path, _ = entries[0]
    given = {fact: text for _, _, given in reversed(entries) for fact, text in given.items()}
    if not os.path.lexists(path):
        given["reason"] = f"is named in {table}, line {line}, but is not there"
    elif os.path.isdir(path):
        given["reason"] = f"is named in {table}, line {line}, but is a folder"
    yield path, label_facts(given.get("label", "")) | given


def _meaning(fact: str, text: str) -> object:
    """What a value says, however it is spelt."""
    return ({"gender": read_gender, "age": read_age}.get(fact, str)(text)) or text.casefold()


def _without_ending(name: str) -> str:
    """A clip's name as it is compared; the table may leave the ending out."""
    name = tidy(name.replace("\\", "/"))
    return name.rpartition(".")[0] if is_sound(name) else name


def _only(source: Path, name: str) -> Path:
    found = next(source.rglob(name), None)
    if found is None:
        raise SuiteError(f"{source} has no {name}, which says who speaks: use the complete dataset, with its tables.")
    return found
