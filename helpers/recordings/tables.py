"""Tables that people made: CSV and TSV as spreadsheets and scripts save them, read correctly or refused (notebook 01).

Tables that only this project writes are read by `helpers.base.artifacts.read_table`.
"""

import codecs
import contextlib
import csv
import functools
import io
import itertools
import os
import re
import unicodedata
from collections.abc import Collection, Iterator
from pathlib import Path

import pandas as pd

from helpers.base.artifacts import SuiteError
from helpers.recordings.files import is_sound, other_content, printable

SEPARATORS = ",;\t"
LOOKED_AT = 20  # rows that choose the separator
WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # of today's programs, and of Excel before 2007
ENCODINGS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF32_LE: "utf-32"}  # the longer mark before the one that it begins with
ENCODINGS |= {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
INVISIBLE = re.compile(r"[\u200b\u2060\ufeff]|^[\u200c-\u200f]+|[\u200c-\u200f]+$")  # marks of no width
LONE_RETURN = "\0"  # stands for a carriage return that ends no line, while a table is parsed


def read_people_table(
    path: Path, *, columns: Collection[str], required: Collection[str] = (), verbatim: Collection[str] = (), quotes: bool = True
) -> pd.DataFrame:
    """Read the known columns of a table that people made.

    The separator is a comma, a semicolon or a tab; the encoding is UTF-8, UTF-16 or UTF-32 with its mark, or Windows-1252. Names of
    columns match in any case, with spaces for `_` and around them.

    Parameters
    ----------
    path : Path
    columns : collection of str
        Names of the columns that are read where they are there, in lower case.
    required : collection of str
        Those that must be there.
    verbatim : collection of str
        Those whose values stay as they are; of all others, the values are made `tidy`.
    quotes : bool
        Whether quotation marks enclose values; False for tables in which they are ordinary characters.

    Returns
    -------
    pd.DataFrame
        Texts, empty where a row has none. The index is the line of the file on which each row begins.

    Raises
    ------
    SuiteError
        The file is no table, lacks a column, or has a row that can't be read with certainty: no row ever gets another one's values.
    """
    text = _text(path)
    first = 1
    if named := re.match(r'"?sep=([,;\t|])"?\n', text, re.IGNORECASE):  # Excel's own mark
        text, first = text[named.end() :], 2
    separator = named[1] if named else _separator(text, columns)
    records = _records(path, text, separator, quotes=quotes, first=first)
    _, header = next(records, (0, []))
    names = _names(path, header, required=required)
    lines, rows = [], []
    for line, cells in records:
        if any(map(tidy, cells[len(names) :])):
            raise SuiteError(
                f"{path}, line {line} has more values than the table has columns ({len(names)}): put a value that holds "
                f"{separator!r} between quotation marks."
            )
        lines.append(line)
        rows.append(cells[: len(names)] + [""] * (len(names) - len(cells)))
    table = pd.DataFrame(rows, index=pd.Index(lines, name="line"), columns=names, dtype=str)
    table = table[[name for name in columns if name in names]]
    return table.apply(lambda values: values if values.name in verbatim else values.map(tidy))


def tidy(text: str) -> str:
    """A text normalised for comparison: letters composed, without marks of no width, and without spaces around it or twice in it.

    Examples
    --------
    >>> tidy(" female_23" + chr(160)), tidy("a" + chr(776)) == chr(228)
    ('female_23', True)
    """
    if not text.isascii():
        text = INVISIBLE.sub("", unicodedata.normalize("NFC", text))
    return " ".join(text.split())


def _text(path: Path) -> str:
    """What the file holds, with line feeds as its line ends."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SuiteError(f"{path} can't be read ({error.strerror}).") from None
    if content.startswith(WORKBOOKS):
        raise SuiteError(f"{path} is a workbook (Excel or LibreOffice), not a CSV table: open it and save it as CSV.")
    if other := other_content(content[:64], wanted="table"):
        raise SuiteError(f"{path} {other}.")
    text, encodings = None, [encoding for mark, encoding in ENCODINGS.items() if content.startswith(mark)]
    for encoding in encodings[:1] or ["cp1252", "utf-8"]:  # the last one that fits
        with contextlib.suppress(UnicodeDecodeError):
            text = content.decode(encoding)
    if text is None:
        raise SuiteError(f"{path} is text neither in UTF-8 nor in Windows-1252: save it as CSV in UTF-8.")
    if "\0" in text:
        raise SuiteError(f"{path} is not text (it contains zero bytes), so it is no CSV table: save it as CSV in UTF-8.")
    if not text.strip():
        raise SuiteError(f"{path} is empty.")
    text = text.replace("\r\n", "\n")
    return text.replace("\r", LONE_RETURN if "\n" in text else "\n")


def _separator(text: str, columns: Collection[str]) -> str:
    """The separator with which the header names most of the columns, and the first rows have as many values as the header."""
    start = list(itertools.islice(io.StringIO(text.lstrip("\n")), LOOKED_AT))

    def fit(separator: str) -> tuple[int, int, int]:
        rows = [row for row in csv.reader(start, delimiter=separator) if row]
        names = set(map(_name, rows[0]))
        return len(names & set(columns)), sum(len(row) == len(rows[0]) for row in rows) if len(names) > 1 else 0, len(names)

    return max(SEPARATORS, key=fit)


def _name(text: str) -> str:
    """Name of a column as it is compared."""
    return re.sub(r"[\s_]+", "_", tidy(text)).casefold()


def _names(path: Path, header: list[str], *, required: Collection[str]) -> list[str]:
    """The columns' names, without nameless columns behind the last one."""
    names = [_name(text) for text in header]
    names = names[: max((index for index, name in enumerate(names, start=1) if name), default=0)]
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise SuiteError(f"{path} has two columns called {twice[0]}: rename or delete one of them.")
    if missing := sorted(set(required) - set(names)):
        there = ", ".join(filter(None, names)) or "none"
        raise SuiteError(f"{path} has no column {' and no column '.join(missing)}: its first line names {there}.")
    return names


def _records(path: Path, text: str, separator: str, *, quotes: bool, first: int) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not blank: the line on which each begins, and its values."""
    lines = text.split("\n")
    lone_returns = LONE_RETURN in text
    options = {"strict": True} if quotes else {"quoting": csv.QUOTE_NONE}
    if re.search(rf'{re.escape(separator)} +"', text):
        options["skipinitialspace"] = True  # else a quotation behind a space would be none
    reader = csv.reader((line + "\n" for line in lines), delimiter=separator, **options)
    columns = None
    while (start := reader.line_num) < len(lines):
        try:
            cells = next(reader, [])
            problem = False
        except csv.Error:
            problem = True
        own = lines[start : reader.line_num]
        if quotes and (problem or _unbalanced(own, separator, columns=columns)):
            raise SuiteError(
                f"{path} has a quotation mark without its pair: the quotation that opens on line "
                f"{first + start + _where_opened(own, separator)} does not end where its value ends, so it is unknown where that "
                'row ends. Add or delete the mark (write " within a value as "").'
            )
        if problem:
            raise SuiteError(f"{path}, line {first + start} has a value that is too long for a table.")
        if lone_returns and _holds_a_row(own):
            raise SuiteError(
                f"{path}, line {first + start} holds a carriage return that ends no line (the other lines end differently), before "
                "the name of a sound file: give all lines the same ending, or delete it."
            )
        if any(cell.strip() for cell in cells):
            columns = columns or len(cells)
            yield first + start, [cell.replace(LONE_RETURN, "\r") for cell in cells] if lone_returns else cells


def _unbalanced(lines: list[str], separator: str, *, columns: int | None) -> bool:
    """Whether a row has half a pair of quotation marks, or its quotations swallowed other rows."""
    if sum(line.count('"') for line in lines) % 2:
        return True
    if len(lines) == 1:
        return False
    pieces = [line.split(separator) for line in lines]
    names_sound = [len(values) > 1 and any(is_sound(value.strip(' "')) for value in values) for values in pieces]
    return any(names_sound[1:]) or (not names_sound[0] and all(len(values) == columns for values in pieces))


def _holds_a_row(lines: list[str]) -> bool:
    """Whether a row names a sound file behind a lone carriage return outside of quotation marks: then it swallowed another one."""
    row = "\n".join(lines)
    ends = [index for index, sign in enumerate(row) if sign == LONE_RETURN and row.count('"', 0, index) % 2 == 0]
    return bool(ends) and any(is_sound(value.strip()) for value in re.split(rf'[{SEPARATORS}"\n{LONE_RETURN}]', row[ends[0] :]))


def _where_opened(lines: list[str], separator: str) -> int:
    """Index of the line, among those of a row, on which the first value that does not end properly begins."""
    row, end = "\n".join(lines), 0
    value = re.compile(rf'(?: *"(?:[^"]|"")*"|[^"{separator}\n][^{separator}\n]*|)(?:{re.escape(separator)}|\n|$)')
    while end < len(row) and (match := value.match(row, end)) and match[0].strip(separator).count('"') % 2 == 0:
        end = match.end()
    # Rows that a quotation swallowed end properly themselves: then it is the first one that goes over a line.
    return row.count("\n", 0, end) if end < len(row) else 0


class Finder:
    """Finds the files that a table names; only the folders that its names lead to are looked into.

    Parameters
    ----------
    base : Path
        The table's folder. Names are absolute or relative to it, with either slash, with composed or decomposed letters. Absolute
        names of another machine, such as `C:/data/a.wav`, are found by their ends; the folders cut off the first are cut off all.
    """

    def __init__(self, base: Path) -> None:
        self.base = base
        self.elsewhere: list[str] = []
        self.real = functools.cache(os.path.realpath)
        self.listing = functools.cache(_listing)

    def find(self, name: str) -> tuple[Path, str]:
        """The path that a name leads to, with or without a file, and that file's real path, which all its names and links share."""
        path = self._there(name) or self._moved(name) or self.base / name.strip().replace("\\", "/")
        if ".." in path.parts:
            path = Path(self.real(path.parent), path.name)
        own = os.path.join(self.real(path.parent), path.name)
        return path, os.path.realpath(own) if os.path.islink(own) else own

    def _there(self, name: str) -> Path | None:
        for spelling in dict.fromkeys((name, name.strip(), name.strip().replace("\\", "/"))):
            path = self.base / spelling
            if os.path.lexists(path) and spelling.strip(" ./"):
                return path
        found = Path(path.anchor)
        for part in path.parts[1:]:
            known = part if os.path.lexists(found / part) else self.listing(found).get(tidy(part))
            if known is None:
                return None
            found /= known
        return found

    def _moved(self, name: str) -> Path | None:
        """The file of an absolute path from another machine."""
        *folders, last = re.split(r"[\\/]+", name.strip())
        if not folders or not re.fullmatch(r"|[A-Za-z]:", folders[0]):
            return None
        for cut in [len(self.elsewhere)] if self.elsewhere else range(1, len(folders) + 1):
            path = self._there("/".join([*folders[cut:], last]))
            if path and folders[:cut] == (self.elsewhere or folders[:cut]):
                self.elsewhere = folders[:cut]
                return path
        return None


def _listing(folder: Path) -> dict[str, str]:
    """The names in a folder by their tidy spelling; none where it can't be opened."""
    try:
        return {tidy(printable(name)): name for name in os.listdir(folder)}
    except OSError:
        return {}
