import pytest
import soundfile
from conftest import RATE, voice

from helpers.base.artifacts import read_json
from helpers.recordings.files import SOUND_ENDINGS, find_sounds
from helpers.recordings.manifest import build_manifest


def test_links_to_folders_are_followed_once(corpus, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    soundfile.write(elsewhere / "linked.wav", voice(200), RATE)
    (corpus / "male_50").symlink_to(elsewhere, target_is_directory=True)
    (elsewhere / "back").symlink_to(corpus, target_is_directory=True)
    names = [path.relative_to(corpus).as_posix() for path in find_sounds(corpus)[0]]
    assert "male_50/linked.wav" in names and len(names) == len(set(names)) == 19


@pytest.mark.parametrize("ending", [*SOUND_ENDINGS, ".WAV", ".Mp3"])
def test_sounds_are_known_by_their_ending(tmp_path, ending):
    (tmp_path / f"a.b{ending}").touch()
    assert find_sounds(tmp_path) == ([tmp_path / f"a.b{ending}"], {})


def test_other_files_are_counted_and_hidden_ones_are_not(corpus, artifacts, capsys):
    for name in ("a.jpg", "b.JPG", "README", "notes.txt", "._0.wav", ".DS_Store", "__MACOSX/0.wav", ".git/x.wav", "wav"):
        (corpus / "female_23" / name).parent.mkdir(exist_ok=True)
        (corpus / "female_23" / name).touch()
    sounds, passed_over = find_sounds(corpus)
    assert len(sounds) == 18 and passed_over == {".jpg": 2, ".txt": 1, "no ending": 2}
    build_manifest("folder", corpus, artifacts, seed=0)
    assert "Passed over for their ending: 2 .jpg, 2 no ending, 1 .txt\n" in capsys.readouterr().out
    facts = read_json(artifacts.dataset)
    assert (facts["found"], facts["passed_over"]) == (18, 5)
