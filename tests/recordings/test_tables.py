"""Tables as spreadsheets, scripts and people save them: read rightly, or refused with the line that is wrong."""

import os
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.base.artifacts import SuiteError
from helpers.recordings.catalogue import list_clips
from helpers.recordings.tables import Finder, read_people_table, tidy

KNOWN = ("path", "label", "speaker", "note")
PLAIN = "path,label,speaker\na.wav,female_23,Zoë\nb.wav,male_41,s2\n"
ROWS = [["a.wav", "female_23", "Zoë"], ["b.wav", "male_41", "s2"]]


def read(folder, content, **options):
    path = folder / "clips.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_people_table(path, columns=KNOWN, required=["path"], verbatim=["path"], **options)


@pytest.mark.parametrize(
    "content",
    [
        PLAIN,
        PLAIN.replace(",", ";"),
        PLAIN.replace(",", "\t"),
        "sep=;\r\n" + PLAIN.replace(",", ";"),
        '"sep=|"\n' + PLAIN.replace(",", "|"),
        "\ufeff" + PLAIN,
        "\ufeffsep=,\n" + PLAIN,
        PLAIN.encode("cp1252"),
        PLAIN.encode("utf-16"),
        PLAIN.encode("utf-32"),
        "\ufeff".encode("utf-16-be") + PLAIN.encode("utf-16-be"),
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace("\n", "\r"),
        PLAIN.rstrip("\n"),
        PLAIN.replace("\n", ",\n"),
        PLAIN.replace("Zoë\n", "Zoë,,\n").replace("s2\n", "s2,\n"),
        "\n" + PLAIN.replace("\n", "\n\n") + ",,\n",
        PLAIN.replace("path,label,speaker", " Path,LABEL\u00a0, speaker "),
        PLAIN.replace("female_23", " female_23 ").replace("male_41", "male_41\u00a0").replace("s2", "s2\u200b"),
        PLAIN.replace("Zoë", "Zoe\u0308"),
        PLAIN.replace("a.wav", '"a.wav"').replace(",female_23", ', "female_23"'),
        ",path,label,speaker\n0,a.wav,female_23,Zoë\n1,b.wav,male_41,s2\n",
        "comment;path;label;speaker\nsmall, loud, far;a.wav;female_23;Zoë\n;b.wav;male_41;s2\n",
    ],
)
def test_all_ways_to_save_a_table_are_one_table(tmp_path, content):
    assert read(tmp_path, content).to_numpy().tolist() == ROWS


def test_rows_know_their_line_and_may_have_quoted_line_breaks(tmp_path):
    table = read(tmp_path, 'path,label,note\n\n"a.wav",f,"one, ""two"",\nthree, four, five"\nb.wav,"m, old",\nc.wav,x\n')
    assert table.index.tolist() == [3, 5, 6]
    assert table.to_numpy().tolist() == [
        ["a.wav", "f", 'one, "two", three, four, five'],
        ["b.wav", "m, old", ""],
        ["c.wav", "x", ""],
    ]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ('path,label\na.wav,"female\nb.wav,male\nc.wav,male\n', 2),
        ('path,label\na.wav,male\nb.wav,"female\nc.wav,male"\nd.wav,male\n', 3),
        ('path,label\na.wav,"female\nb.wav,male\nc.wav,"male"\n', 2),
        ('path,label\n"a.wav,female\nb.wav,male"\nc.wav,male\n', 2),
        ('path,label\na.wav,female"\nb.wav,male\n', 2),
        ('path,label\na.wav,"fe"male\nb.wav,male\n', 2),
        ('path,label,note\na.wav,f,"two\nlines"\nb.wav,f,"one\nc.wav,f,x\n', 4),
        ('path,label,note\na.wav,f,"x\ny","z\nb.wav,m,q\n', 3),
        ('path;label\na.wav;"female\nb.wav;male\nc.wav;male"\n', 2),
        ('path,label\na,"female\nb,male\nc,male"\n', 2),
        ('sep=,\n\npath,label\na.wav,"female\nb.wav,male', 4),
    ],
)
def test_a_quotation_without_its_pair_refuses_the_whole_table(tmp_path, content, line):
    with pytest.raises(SuiteError, match=rf"quotation mark without its pair: the quotation that opens on line {line} "):
        read(tmp_path, content)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("path,label\na.wav,female, young\n", r"line 2 has more values than the table has columns \(2\)"),
        ("path,label,\na.wav,f,\nb.wav,m, young\n", "line 3 has more values"),
        ("path,label,Label \na.wav,f,m\n", "two columns called label"),
        ("name,colour\na.wav,red\n", "has no column path: its first line names name, colour"),
        (b"PK\x03\x04rest", "is a workbook .* save it as CSV"),
        (b"\xd0\xcf\x11\xe0rest", "is a workbook"),
        ("version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS pointer, not the table: run `git lfs pull`"),
        ("<!DOCTYPE html><html></html>", "is a web page"),
        (b"RIFF\x00\x00\x00\x00WAVE", "is not text"),
        (PLAIN.encode("utf-16-le"), "is not text"),
        (b"path,label\n\x81\x8d.wav,f\n", "neither in UTF-8 nor in Windows-1252"),
        ("", "is empty"),
        ("\ufeff \n\n", "is empty"),
    ],
)
def test_what_is_no_table_says_so(tmp_path, content, message):
    with pytest.raises(SuiteError, match=message):
        read(tmp_path, content)


def test_where_quotation_marks_are_letters(tmp_path):
    table = read(tmp_path, 'path\tnote\na.wav\t"Well\nb.wav\tsaid "he"\n', quotes=False)
    assert table["note"].tolist() == ['"Well', 'said "he"']


ANY = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")))


@given(st.lists(st.tuples(ANY, ANY), min_size=1), st.sampled_from(",;\t"), st.sampled_from(["\n", "\r\n"]), st.data())
def test_no_row_gets_what_another_states(tmp_path_factory, rows, separator, line_end, data):
    folder = tmp_path_factory.mktemp("table")

    def quoted(text):
        return '"' + text.replace('"', '""') + '"'

    lines = [separator.join([f"{n}.wav", *map(quoted, row)]) for n, row in enumerate(rows)]
    text = line_end.join([separator.join(["path", "label", "speaker"]), *lines, ""])
    assert read(folder, text)[["label", "speaker"]].to_numpy().tolist() == [[tidy(label), tidy(who)] for label, who in rows]
    marks = [index for index, letter in enumerate(text) if letter == '"']
    cut = data.draw(st.sampled_from(marks))
    try:
        table = read(folder, text[:cut] + text[cut + 1 :])
    except SuiteError:
        return
    raise AssertionError(f"with a mark missing it was read as {table}")


def make(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("a.wav", "a.wav"),
        ("./a.wav", "a.wav"),
        ("sub/../a.wav", "a.wav"),
        (" a.wav\u00a0", "a.wav"),
        ("sub\\b.wav", "sub/b.wav"),
        (".\\sub\\b.wav", "sub/b.wav"),
        ("C:\\data\\rec\\sub\\b.wav", "sub/b.wav"),
        ("/somewhere/else/sub/b.wav", "sub/b.wav"),
        ("back\\slash.wav", "back\\slash.wav"),
        ("Ma\u0308dchen.wav", "Mädchen.wav"),
        ("Grün/x.wav", "Gru\u0308n/x.wav"),
        ("link.wav", "a.wav"),
        ("links/b.wav", "sub/b.wav"),
    ],
)
def test_a_file_is_found_by_any_of_its_names(tmp_path, name, file):
    base = make(tmp_path, "a.wav", "sub/b.wav", "back\\slash.wav", "Mädchen.wav", "Gru\u0308n/x.wav")
    (base / "link.wav").symlink_to("a.wav")
    (base / "links").symlink_to("sub")
    path, same = Finder(base).find(name)
    assert path.exists() and same == str(base / file)


def test_names_of_another_machine_lose_one_and_the_same_start(tmp_path):
    finder = Finder(make(tmp_path, "1/a.wav", "2/a.wav", "a.wav"))
    found = [finder.find(f"D:\\x\\{name}")[0] for name in ("1\\a.wav", "2\\a.wav", "3\\a.wav")]
    assert [path.exists() for path in found] == [True, True, False]
    assert not finder.find("D:\\y\\2\\a.wav")[0].exists()


def clips_of(folder, content):
    (folder / "clips.csv").write_text(content, encoding="utf-8")
    clips, *_ = list_clips("folder", folder / "clips.csv")
    return clips.assign(path=clips["path"].str.removeprefix(f"{folder}{os.sep}"))


def test_a_file_named_twice_is_listed_once_if_its_lines_agree(tmp_path):
    make(tmp_path, "a.wav")
    clips = clips_of(tmp_path, "path,gender,age,speaker\na.wav,m,20s,\n./a.wav,Male,20-29,s1\n")
    assert clips[["path", "gender", "age_range", "speaker", "reason"]].to_numpy().tolist() == [["a.wav", "male", "20-29", "s1", ""]]


@pytest.mark.parametrize("other", ["a.wav", "./a.wav", "sub\\..\\a.wav", "link.wav"])
def test_a_file_named_twice_with_two_labels_gets_neither(tmp_path, other):
    make(tmp_path, "a.wav", "sub/b.wav")
    (tmp_path / "link.wav").symlink_to("a.wav")
    clips = clips_of(tmp_path, f"path,label\na.wav,female_23\nsub/b.wav,male_41\n{other},male_41\n")
    reason = "is named in clips.csv with different labels, 'female_23' and 'male_41', on lines 2 and 4: which one is right"
    left_out = clips[clips["reason"] != ""]
    assert len(clips) == 3 and left_out["reason"].tolist() == 2 * [f"{reason} is unknown"]
    assert set(left_out["label"]) == {"female_23", "male_41"}


def test_rows_without_a_file_are_listed_and_other_files_are_not_visited(tmp_path):
    make(tmp_path, "a.wav", "stray.wav", "sub/deep/stray.wav")
    (tmp_path / "closed").mkdir()
    clips = clips_of(tmp_path, "path,label\na.wav,x\ngone.wav,x\n ,x\nsub,x\n")
    assert clips["reason"].tolist() == [
        "line 4 of clips.csv names no file",
        "",
        "is named in clips.csv, line 3, but is not there",
        "is named in clips.csv, line 5, but is a folder",
    ]


def test_two_spellings_of_a_label_are_one(tmp_path):
    names = [f"{n}.wav" for n in range(5)]
    make(tmp_path, *names, "Mädchen 9/x.wav", "Ma\u0308dchen  9/y.wav")
    labels = ["Mädchen 9", "Ma\u0308dchen 9", "Mädchen\u00a09", " Mädchen  9 ", "\ufeffMädchen 9\u200b"]
    clips = clips_of(tmp_path, "path,label\n" + "".join(f"{name},{label}\n" for name, label in zip(names, labels, strict=True)))
    folders, *_ = list_clips("folder", tmp_path)
    assert set(clips["label"]) == {"Mädchen 9"} == set(folders["label"]) - {""}
    assert unicodedata.is_normalized("NFC", clips["label"][0])
