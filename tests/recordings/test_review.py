import pytest
from conftest import write_corpus

from helpers.base.artifacts import SuiteError, write_table
from helpers.recordings import review
from helpers.recordings.manifest import build_manifest, read_manifest
from helpers.recordings.review import error_table, hear, mark_clips, read_heard, read_review, without_marked


def mark_clip(artifacts, clip, *, mark="", note=""):
    mark_clips(artifacts, {clip: {"mark": mark, "note": note}})


def test_a_mark_is_kept_changed_and_taken_back(artifacts):
    assert read_review(artifacts).empty
    mark_clip(artifacts, "b", mark="noisy")
    mark_clip(artifacts, "a", note="two  dogs\nbark")
    mark_clip(artifacts, "b", mark="silent", note="007")
    assert read_review(artifacts).to_numpy().tolist() == [["a", "", "two dogs bark"], ["b", "silent", "007"]]
    mark_clip(artifacts, "a")
    assert read_review(artifacts)["clip"].tolist() == ["b"]
    with pytest.raises(ValueError, match="is none of the marks"):
        mark_clip(artifacts, "a", mark="ugly")


def test_many_clips_are_marked_in_one_go_and_keep_their_notes(artifacts, monkeypatch):
    mark_clip(artifacts, "b", mark="noisy", note="a dog")
    mark_clip(artifacts, "c", note="=cough")
    written = []
    monkeypatch.setattr(review, "write_table", lambda path, table: (written.append(path), write_table(path, table)))
    assert mark_clips(artifacts, {clip: {"mark": "silent"} for clip in "abc"}) == 3
    assert written == [artifacts.review]
    assert read_review(artifacts).to_numpy().tolist() == [["a", "silent", ""], ["b", "silent", "a dog"], ["c", "silent", "=cough"]]
    assert mark_clips(artifacts, {"a": {"mark": ""}, "b": {"mark": ""}}) == 2  # what has a note stays
    assert read_review(artifacts)["clip"].tolist() == ["b", "c"]


@pytest.mark.parametrize(
    "note", ['=HYPERLINK("http://x")', "+1", "-", "@sum", "'quoted", 'a, "b"; c', "<b>", "NA", "nan", "ümläut"]
)
def test_any_note_comes_back_as_it_was_and_none_is_a_formula(artifacts, note):
    mark_clip(artifacts, "=c", note=note)
    assert read_review(artifacts).to_numpy().tolist() == [["=c", "", note]]
    mark_clip(artifacts, "other", mark="noisy")
    assert read_review(artifacts)["note"].tolist() == [note, ""]
    kept = artifacts.review.read_text().splitlines()[1].split(",", 2)[2]
    assert kept.strip('"')[0] not in "=+-@"


def saved_by(program, text):
    """The bytes of a table after a spreadsheet opened and saved it."""
    lines = text.replace("\n", "\r\n")
    return {
        "Excel, CSV UTF-8": ("\ufeff" + lines).encode(),
        "Excel, CSV": lines.encode("cp1252"),
        "Excel, German": ("\ufeff" + lines.replace(",", ";").replace('"a dog; far away"', "a dog, far away")).encode(),
        "Excel, Unicode text": lines.replace(",", "\t").replace('"a dog\t far away"', "a dog, far away").encode("utf-16"),
        "LibreOffice": lines.encode(),
        "an old Mac": text.replace("\n", "\r").encode(),
        "a column more": lines.replace("\r\n", ",\r\n").encode(),
        "capitals": lines.replace("clip,mark,note", "Clip, MARK ,Note").replace("noisy", "Noisy ").encode(),
    }[program]


@pytest.mark.parametrize(
    "program",
    [
        "Excel, CSV UTF-8",
        "Excel, CSV",
        "Excel, German",
        "Excel, Unicode text",
        "LibreOffice",
        "an old Mac",
        "a column more",
        "capitals",
    ],
)
def test_a_table_saved_by_a_spreadsheet_is_read_again(artifacts, program):
    mark_clip(artifacts, "clip_1", mark="noisy", note="a dog, far away")
    mark_clip(artifacts, "clip_2", mark="silent", note="Tür")
    artifacts.review.write_bytes(saved_by(program, artifacts.review.read_text()))
    rows = [["clip_1", "noisy", "a dog, far away"], ["clip_2", "silent", "Tür"]]
    assert read_review(artifacts).to_numpy().tolist() == rows
    mark_clip(artifacts, "clip_3", mark="noisy")
    assert read_review(artifacts).to_numpy().tolist() == [*rows, ["clip_3", "noisy", ""]]


def test_a_table_that_is_none_is_a_sentence_and_stays(artifacts):
    artifacts.folder.mkdir(parents=True)
    artifacts.review.write_bytes(b"PK\x03\x04 a workbook")
    with pytest.raises(SuiteError, match=r"review\.csv is a workbook .* save it as CSV"):
        mark_clip(artifacts, "clip_1", mark="noisy")
    assert artifacts.review.read_bytes() == b"PK\x03\x04 a workbook"


def test_a_mark_of_ones_own_is_kept_in_the_note(artifacts):
    artifacts.folder.mkdir(parents=True)
    artifacts.review.write_text("clip,mark,note\na,cough,at the end\na b ,cough,\nc,noisy,x\nc,silent,y\n")
    rows = [["a", "", "cough: at the end"], ["a b ", "", "cough"], ["c", "silent", "y"]]
    assert read_review(artifacts).to_numpy().tolist() == rows


@pytest.mark.parametrize(
    "name", ["carriage\rreturn", "two\nlines", " spaces ", "comma, semicolon; tab\t", "Ma\u0308dchen", 'a "quoted" one']
)
def test_any_name_of_a_clip_is_found_again(artifacts, name):
    mark_clip(artifacts, name, mark="noisy")
    mark_clip(artifacts, "other", mark="noisy")
    assert set(read_review(artifacts)["clip"]) == {name, "other"}
    mark_clip(artifacts, name)
    assert read_review(artifacts)["clip"].tolist() == ["other"]


def test_marked_clips_are_left_out_and_survive_the_other_notebooks(corpus, artifacts, capsys):
    build_manifest("folder", corpus, artifacts, seed=0)
    manifest = read_manifest(artifacts)
    mark_clip(artifacts, manifest["clip"][4], mark="label looks wrong")
    write_corpus(corpus, clips=7)
    build_manifest("folder", corpus, artifacts, seed=0)  # notebook 1 again
    manifest = read_manifest(artifacts)
    kept = without_marked(manifest, artifacts)
    assert set(manifest["clip"]) - set(kept["clip"]) == set(read_review(artifacts)["clip"]) and kept.index[-1] == len(kept) - 1
    assert "1 of 21 clips are marked in review.csv and left out" in capsys.readouterr().out


def test_errors_are_a_table_with_what_was_heard_and_noted(manifest, artifacts):
    errors = manifest.head(3).assign(predicted="male_99", confidence=[0.2, 0.9, 0.5])
    first, second, third = errors["clip"]
    assert read_heard(artifacts) == set()
    hear(artifacts, second)
    hear(artifacts, second)
    hear(artifacts, "another")
    mark_clip(artifacts, third, mark="noisy", note="=1+1")
    table = error_table(errors, artifacts)
    assert table["clip"].tolist() == [second, third, first] and table["heard"].tolist() == ["yes", "no", "no"]
    assert table["note"].tolist() == ["", "'=1+1", ""] and table["mark"].tolist() == ["", "noisy", ""]
    assert read_heard(artifacts) == {second, "another"}


def test_a_list_of_what_was_heard_that_is_none_is_a_sentence(artifacts):
    hear(artifacts, "a")
    artifacts.heard.write_text("name\nx\n")
    with pytest.raises(SuiteError, match=r"heard\.csv"):
        hear(artifacts, "b")
