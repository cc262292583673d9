"""Guess a few voices' age and gender, and see who was closer, you or the network: core ipywidgets only (notebook 00)."""

import html

import ipywidgets
import pandas as pd

from helpers.base.artifacts import Artifacts, SuiteError
from helpers.display.clip import clip_player_html
from helpers.display.figures import BLUE, GREEN, ORANGE
from helpers.evaluation.guesses import COLUMNS, compare_guesses, sum_up, write_guesses

PEOPLE = {"female": "woman", "male": "man"}
YOUNGEST, OLDEST, FIRST_AGE = 15, 80, 45  # of the slider, and where it stands at first
ROW = ipywidgets.Layout(flex_flow="row wrap", align_items="center")
CLOSER = {"you": "You were closer", "network": "The network was closer", "both": "A draw"}


class Game:
    """Which voice is open, what was guessed of each, and how that compares with the network's answers.

    Parameters
    ----------
    clips : pd.DataFrame
        Rows of the manifest, in the order in which they are heard.
    answers : pd.DataFrame
        As `helpers.evaluation.guesses.network_answers` gives them.

    Attributes
    ----------
    index : int
        Of the open voice.
    said : dict
        Gender and age by clip, of the voices that were guessed.
    """

    def __init__(self, clips: pd.DataFrame, answers: pd.DataFrame) -> None:
        self.clips, self.answers = clips, answers
        self.index, self.said = 0, {}

    @property
    def row(self) -> pd.Series:
        """The open voice's row of the manifest."""
        return self.clips.iloc[self.index]

    @property
    def is_guessed(self) -> bool:
        """Whether the open voice was guessed; then its truth is shown."""
        return self.row["clip"] in self.said

    @property
    def is_last(self) -> bool:
        """Whether the open voice is the last one."""
        return self.index == len(self.clips) - 1

    @property
    def guesses(self) -> pd.DataFrame:
        """All guesses so far, as `helpers.evaluation.guesses.write_guesses` keeps them."""
        true = self.clips.set_index("clip")
        rows = [[clip, *said, true.at[clip, "gender"], int(true.at[clip, "age"])] for clip, said in self.said.items()]
        return pd.DataFrame(rows, columns=COLUMNS)

    @property
    def compared(self) -> pd.DataFrame:
        """The guesses beside the network's answers, a row a voice."""
        return compare_guesses(self.guesses, self.answers)

    def guess(self, gender: str, age: int) -> bool:
        """Guess the open voice; only the first guess counts. Returns whether it was the first."""
        if self.is_guessed:
            return False
        self.said[self.row["clip"]] = (gender, age)
        return True

    def go_on(self) -> None:
        """Open the next voice, if the open one was guessed and is not the last."""
        if self.is_guessed and not self.is_last:
            self.index += 1


def guess_voices(clips: pd.DataFrame, artifacts: Artifacts, *, answers: pd.DataFrame) -> ipywidgets.Widget:
    """Hear voices one after another, guess the age with a slider and the gender with a button, and see who was closer.

    Each guess is written to `you.csv` at once.

    Parameters
    ----------
    clips : pd.DataFrame
        Rows of the manifest with a gender and an age, such as `helpers.evaluation.guesses.choose_clips` chooses.
    artifacts : Artifacts
    answers : pd.DataFrame
        The network's, as `helpers.evaluation.guesses.network_answers` gives them.
    """
    game = Game(clips, answers)
    head, result, status = (ipywidgets.HTML(layout=ipywidgets.Layout(width="100%")) for _ in range(3))
    age = ipywidgets.IntSlider(
        FIRST_AGE,
        YOUNGEST,
        OLDEST,
        description="age",
        style={"description_width": "40px"},
        layout=ipywidgets.Layout(width="100%", max_width="400px"),
    )
    width = ipywidgets.Layout(width="145px")
    people = {gender: ipywidgets.Button(layout=width, tooltip=f"Guess: a {word} of this age") for gender, word in PEOPLE.items()}
    further = ipywidgets.Button(description="next voice", button_style="primary", layout=width)
    choice, controls = ipywidgets.HBox([*people.values()], layout=ROW), ipywidgets.VBox()

    def name_buttons(_=None) -> None:
        for gender, button in people.items():
            button.description = f"a {PEOPLE[gender]} of {age.value}"

    def show() -> None:
        head.value = head_html(game, artifacts)
        if game.is_guessed:
            result.value = result_html(game) + (final_html(game) if game.is_last else "")
            controls.children = [] if game.is_last else [further]
        else:
            result.value = ""
            controls.children = [age, choice]

    def guess(gender: str) -> None:
        if game.guess(gender, age.value):
            status.value = save(game, artifacts)
            show()

    def go_on(_) -> None:
        game.go_on()
        age.value = FIRST_AGE
        show()

    age.observe(name_buttons, "value")
    further.on_click(go_on)
    for gender, button in people.items():
        button.on_click(lambda _, gender=gender: guess(gender))
    name_buttons()
    show()
    return ipywidgets.VBox([head, result, controls, status], layout=ipywidgets.Layout(max_width="560px"))


def save(game: Game, artifacts: Artifacts) -> str:
    """Keep all guesses so far; what became of it as HTML."""
    name = artifacts.guesses.name
    try:
        write_guesses(artifacts, game.guesses)
    except (OSError, SuiteError) as error:
        return f"<p>The guesses could not be saved in {name}: {html.escape(str(error))}</p>"
    return f"<p>Saved in <code>{name}</code> for notebook 4.</p>" if game.is_last else ""


def head_html(game: Game, artifacts: Artifacts) -> str:
    """Which voice of how many, and its player."""
    number, clips = game.index + 1, len(game.clips)
    player = clip_player_html(game.row, artifacts, name=f"voice {number}")  # the clip's own name would tell
    asked = "" if game.is_guessed else "<br>How old is this speaker? Set the age, then press who speaks: that is your guess."
    return f'<p style="line-height:1.5"><b>Voice {number} of {clips}</b>{asked}</p>{player}'


def result_html(game: Game) -> str:
    """The truth of the open voice, both guesses on a scale of years, and who was closer."""
    row = game.compared.iloc[-1]
    people = [
        ("Really", row["true_gender"], row["true_age"], GREEN, ""),
        ("You", row["gender"], row["age"], BLUE, _off(row, "your")),
        ("The network", row["network_gender"], row["network_age"], ORANGE, _off(row, "network")),
    ]
    lines = "".join(
        f'<div style="line-height:1.5">{who}: <b>{PEOPLE[gender]}, {age:.0f}</b>{off}</div>{_scale(age, row["true_age"], colour)}'
        for who, gender, age, colour, off in people
    )
    return f'<div style="max-width:400px">{lines}<p style="line-height:1.5"><b>{CLOSER[row["closer"]]} in age.</b></p></div>'


def _off(row: pd.Series, whose: str) -> str:
    years = round(row[f"{whose}_error"])
    age = _years_off(years) if years else "the right age"
    return f" ({age}{'' if row[f'{whose}_gender_right'] else ', wrong gender'})"


def _years_off(years: int) -> str:
    return f"{years} year{'' if years == 1 else 's'} off"


def _scale(age: float, true_age: float, colour: str) -> str:
    """A dot at an age on a line of years, which a mark at the true age crosses; the text above it says it all."""
    left, true = (f"{100 * (min(max(years, YOUNGEST), OLDEST) - YOUNGEST) / (OLDEST - YOUNGEST):.1f}%" for years in (age, true_age))
    place = "position:absolute"
    return (
        '<div aria-hidden="true" style="position:relative;height:16px;margin:0 8px 6px">'
        f'<div style="{place};left:0;right:0;top:7px;height:2px;background:#BBBBBB"></div>'
        f'<div style="{place};left:{true};top:0;width:2px;height:16px;margin-left:-1px;background:{GREEN}"></div>'
        f'<div style="{place};left:{left};top:1px;width:14px;height:14px;margin-left:-7px;border-radius:7px;background:{colour}">'
        "</div></div>"
    )


def final_html(game: Game) -> str:
    """All voices in a table, and both sums in a sentence each."""
    compared, mark = game.compared, {True: "", False: " ✗"}
    cell, closer = 'style="padding:2px 5px;text-align:left;white-space:nowrap"', {"both": "draw"}
    head = "".join(f"<th scope='col' {cell}>{name}</th>" for name in ("", "really", "you", "network", "closer"))
    rows = "".join(
        f"<tr><th scope='row' {cell}>{number}</th>"
        f"<td {cell}>{PEOPLE[row['true_gender']]}, {row['true_age']}</td>"
        f"<td {cell}>{row['age']}{mark[row['your_gender_right']]}</td>"
        f"<td {cell}>{row['network_age']:.0f}{mark[row['network_gender_right']]}</td>"
        f"<td {cell}>{closer.get(row['closer'], row['closer'])}</td></tr>"
        for number, (_, row) in enumerate(compared.iterrows(), start=1)
    )
    table = f'<table aria-label="all voices" style="border-collapse:collapse;line-height:1.5"><tr>{head}</tr>{rows}</table>'
    all_right = compared[["your_gender_right", "network_gender_right"]].all(axis=None)
    legend = "" if all_right else "✗ wrong gender<br>"
    return f'{table}<p style="line-height:1.5">{legend}{_sentence(compared)}</p>'


def _sentence(compared: pd.DataFrame) -> str:
    summed, clips = sum_up(compared), len(compared)
    said = []
    for who, (name, was) in {"you": ("You", "were"), "network": ("The network", "was")}.items():
        row = summed.loc[who]
        right = round(row["gender_accuracy"] * clips)
        said.append(f"<b>{name} {was} {row['age_mae_years']:.1f} years off on average</b>, gender right {right} of {clips} times.")
    you, network = summed["closer"]
    winner = (
        "It is a draw" if you == network else "You were closer more often" if you > network else "The network was closer more often"
    )
    return "<br>".join([*said, f"{winner}, {max(you, network)} to {min(you, network)}."])


def answer_html(true: tuple[str, int], heard: tuple[str, float], *, usual_error: float) -> str:
    """What the network makes of a stranger, folded until the listener has guessed too.

    Parameters
    ----------
    true, heard : tuple
        Gender and age, of the speaker and as the network hears them.
    usual_error : float
        The network's mean absolute error in years for speakers that it knows.
    """
    off = abs(heard[1] - true[1])
    if off > 2 * usual_error or heard[0] != true[0]:
        verdict = "It had learnt to recognise its speakers, and that helps little with a stranger. Were you closer?"
    else:
        verdict = "This time it did well. One voice may be luck: notebook 5 asks about many strangers."
    return (
        '<details><summary style="display:list-item;cursor:pointer"><b>Open the answer</b></summary><p style="line-height:1.5">'
        f"Really it is a {PEOPLE[true[0]]} of {true[1]}. The network took the voice for that of a {PEOPLE[heard[0]]} of "
        f"{heard[1]:.0f}: {_years_off(round(off))}. For the speakers that it knew, it is {usual_error:.1f} years off on average. "
        f"{verdict}</p></details>"
    )
