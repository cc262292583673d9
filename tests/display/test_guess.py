"""The guessing game of notebook 00, without a browser: what it decides, shows and keeps."""

import re

import pandas as pd
import pytest
import soundfile
from conftest import RATE, voice

from helpers.base.artifacts import Artifacts
from helpers.display import guess
from helpers.display.guess import Game, answer_html, guess_voices
from helpers.evaluation.guesses import read_guesses

CLIPS = pd.DataFrame([["c1", "female", 63], ["c2", "male", 24]], columns=["clip", "gender", "age"]).assign(
    path=lambda table: table["clip"] + ".wav", duration_s=1.0
)
ANSWERS = pd.DataFrame({"gender": ["female", "female"], "age": [60.2, 44.0]}, index=pd.Index(["c1", "c2"], name="clip"))


def test_a_voice_is_guessed_once_and_the_next_one_opens_only_then():
    game = Game(CLIPS, ANSWERS)
    game.go_on()
    assert game.index == 0 and not game.is_guessed and game.guesses.empty
    assert game.guess("female", 50) and not game.guess("male", 63)
    assert game.is_guessed and game.compared["your_error"].tolist() == [13]
    game.go_on()
    assert game.row["clip"] == "c2" and not game.is_guessed and game.is_last
    game.guess("male", 30)
    game.go_on()
    assert game.index == 1
    assert game.guesses.to_numpy().tolist() == [["c1", "female", 50, "female", 63], ["c2", "male", 30, "male", 24]]
    assert game.compared["closer"].tolist() == ["network", "you"]


class Played:
    """The widget, and the words of a student for what is done in it."""

    def __init__(self, artifacts: Artifacts):
        self.artifacts = artifacts
        self.head, self.result, self.controls, self.status = guess_voices(CLIPS, artifacts, answers=ANSWERS).children

    @property
    def text(self) -> str:
        return " ".join(re.sub(r"<[^>]+>", " ", self.result.value).split())

    def buttons(self) -> dict:
        found = {}
        for child in self.controls.children:
            for widget in getattr(child, "children", [child]):
                found[widget.description] = widget
        return found

    def press(self, name: str) -> None:
        self.buttons()[name].click()


@pytest.fixture
def played(tmp_path) -> Played:
    artifacts = Artifacts(tmp_path / "voices")
    artifacts.synthesised.mkdir(parents=True)
    artifacts.locate_corpus(artifacts.synthesised)
    for clip in CLIPS["clip"]:
        soundfile.write(artifacts.synthesised / f"{clip}.wav", voice(200), RATE)
    return Played(artifacts)


def test_it_opens_with_a_player_and_tells_nothing(played):
    assert "Voice 1 of 2" in played.head.value and "<audio controls" in played.head.value
    assert "c1" not in played.head.value.replace("src=", "").split("base64")[0] and played.text == ""
    assert list(played.buttons()) == ["age", "a woman of 45", "a man of 45"]
    assert not played.artifacts.guesses.exists()


def test_the_slider_names_the_buttons_and_a_press_shows_who_was_closer(played):
    played.buttons()["age"].value = 61
    played.press("a woman of 61")
    assert "Really: woman, 63" in played.text and "You: woman, 61 (2 years off)" in played.text
    assert "The network: woman, 60 (3 years off) You were closer in age." in played.text
    assert list(played.buttons()) == ["next voice"] and "on average" not in played.text
    assert read_guesses(played.artifacts)["age"].tolist() == [61]


def test_after_the_last_voice_all_are_summed_up_and_kept(played):
    played.buttons()["age"].value = 61
    played.press("a woman of 61")
    played.press("next voice")
    assert "Voice 2 of 2" in played.head.value and played.text == ""
    played.press("a man of 45")
    assert "You: man, 45 (21 years off) The network: woman, 44 (20 years off, wrong gender)" in played.text
    assert "1 woman, 63 61 60 you 2 man, 24 45 44 ✗ network" in played.text
    assert "✗ wrong gender" in played.text
    assert "You were 11.5 years off on average , gender right 2 of 2 times." in played.text
    assert "The network was 11.4 years off on average , gender right 1 of 2 times. It is a draw, 1 to 1." in played.text
    assert played.buttons() == {} and "you.csv" in played.status.value
    assert read_guesses(played.artifacts)["gender"].tolist() == ["female", "male"]


def test_guesses_that_cannot_be_saved_are_a_sentence_and_the_game_goes_on(played, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on <device>")

    monkeypatch.setattr(guess, "write_guesses", full)
    played.press("a man of 45")
    assert "could not be saved in you.csv" in played.status.value and "&lt;device&gt;" in played.status.value
    assert "wrong gender" in played.text and list(played.buttons()) == ["next voice"]


def test_sound_that_is_missing_is_a_sentence_in_the_players_place(tmp_path):
    artifacts = Artifacts(tmp_path)
    for said in ("are not on this machine yet", "The sound file"):
        head = guess_voices(CLIPS, artifacts, answers=ANSWERS).children[0]
        assert said in head.value and "<audio" not in head.value
        artifacts.locate_corpus(tmp_path)


@pytest.mark.parametrize(
    ("heard", "said"),
    [
        (
            ("male", 45.2),
            "a man of 45: 24 years off. For the speakers that it knew, it is 2.5 years off on average. It had learnt to",
        ),
        (
            ("female", 22.0),
            "a woman of 22: 1 year off. For the speakers that it knew, it is 2.5 years off on average. It had learnt to",
        ),
        (
            ("male", 23.0),
            "a man of 23: 2 years off. For the speakers that it knew, it is 2.5 years off on average. This time it did well.",
        ),
    ],
)
def test_the_answer_about_a_stranger_follows_the_outcome(heard, said):
    html = answer_html(("male", 21), heard, usual_error=2.46)
    assert html.startswith("<details>") and "a man of 21" in html and said in html
