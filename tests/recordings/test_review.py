import pytest
from conftest import write_corpus

from helpers.recordings.manifest import build_manifest, read_manifest
from helpers.recordings.review import mark_clip, read_review, without_marked


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
