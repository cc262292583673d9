"""The quiz at the end of a lesson: core ipywidgets only (all lessons), and what it asks, from a text that a teacher can edit.

The questions of notebook 3 stand in `notebooks/quiz/en/03.md`, the widget's own words in `words.json` beside it; another language
is another folder. A page without Python shows all questions, with their answers folded. docs/translation.md has their form.
"""

import html
import json
import re
from dataclasses import dataclass
from pathlib import Path

import ipywidgets

from helpers.base.artifacts import SuiteError
from helpers.base.machine import PROJECT

FOLDER = PROJECT / "notebooks" / "quiz"
HELP = "docs/translation.md says how a quiz is written"
WORDS = ("direction", "question", "previous", "next", "answer", "so far", "score")
MARKS = {True: "✓", False: "✗"}
LINE = re.compile(r"- (\S+)\) (?:(✓|✗) )?(.+)", re.DOTALL)  # of a choice, or of what is said about it
# Where there are widgets, one question is shown at a time; a page without them (`helpers.suite.report`) shows them all instead.
STYLE = (
    "<style>.quiz-live { display: none } .jupyter-widgets .quiz-live { display: block; line-height: 1.5 } "
    ".jupyter-widgets .quiz-page { display: none } .quiz-ltr { direction: ltr } .quiz-rtl { direction: rtl }</style>"
)


@dataclass(frozen=True)
class Choice:
    """One answer to choose.

    Attributes
    ----------
    letter, text, explanation : str
        What it is called, what it says, and why it is right or what the mistake is.
    is_right : bool
    """

    letter: str
    text: str
    explanation: str
    is_right: bool


@dataclass(frozen=True)
class Question:
    """What is asked, and the choices, of which one is right."""

    text: str
    choices: tuple[Choice, ...]


def read_quiz(path: Path) -> list[Question]:
    """The questions of a file.

    Raises
    ------
    SuiteError
        The file is missing, or one of its questions has not the form that it must have.
    """
    place = "/".join(path.parts[-3:])
    try:
        blocks = re.split(r"^## .*$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    except FileNotFoundError as error:
        raise SuiteError(f"There is no quiz {place}: {HELP}.") from error
    except (OSError, ValueError) as error:
        raise SuiteError(f"{place} can't be read ({error}): {HELP}.") from error
    if not blocks:
        raise SuiteError(f"{place} has no question, which begins with a line such as '## Question 1': {HELP}.")
    try:
        return [_question(block, number) for number, block in enumerate(blocks, start=1)]
    except ValueError as error:
        raise SuiteError(f"{place}, question {error}: {HELP}.") from error


def _question(block: str, number: int) -> Question:
    asked, fold, answers = block.partition("<details>")
    said, end, rest = answers.partition("</details>")
    if not (fold and end) or rest.strip():
        raise ValueError(f"{number} needs its answers, and nothing else, between <details> and </details> at its end")
    text, *choices = _items(asked)
    summary, *explanations = _items(said)
    if not text or not re.fullmatch(r"<summary>[^<]*</summary>", summary):
        raise ValueError(f"{number} needs the question before its choices, and <summary>Answer</summary> after <details>")
    found = [LINE.fullmatch(item) for item in (*choices, *explanations)]
    if wrong := [item for item, line in zip((*choices, *explanations), found, strict=True) if not line]:
        raise ValueError(f"{number} has a line that is not of the form '- A) text': {wrong[0][:60]!r}")
    named = [line[1] for line in found]
    if not 3 <= len(choices) <= 4 or len({*named[: len(choices)]}) < len(choices):
        raise ValueError(f"{number} needs three or four choices with a letter each, not {len(choices)}")
    if named[: len(choices)] != named[len(choices) :]:
        raise ValueError(f"{number} needs an explanation for each choice, in the same order")
    marks = [line[2] for line in found]
    if any(marks[: len(choices)]) or not all(marks[len(choices) :]) or marks.count(MARKS[True]) != 1:
        raise ValueError(f"{number} needs '✓' before the explanation of the one right choice, and '✗' before all others")
    return Question(
        text,
        tuple(
            Choice(choice[1], choice[3], explanation[3], explanation[2] == MARKS[True])
            for choice, explanation in zip(found[: len(choices)], found[len(choices) :], strict=True)
        ),
    )


def _items(text: str) -> list[str]:
    """What stands before the first item of a list, then its items, each as one line."""
    return [" ".join(item.split()) for item in re.split(r"^(?=- )", text, flags=re.MULTILINE)]


def read_words(path: Path) -> dict[str, str]:
    """The widget's words in one language.

    Raises
    ------
    SuiteError
        The file is missing, or lacks a word.
    """
    place = "/".join(path.parts[-3:])
    try:
        words = json.loads(path.read_text(encoding="utf-8"))
        for name in WORDS:
            words[name].format(number=1, questions=1, answered=1, right=1)
        if words["direction"] not in ("ltr", "rtl"):
            raise ValueError("direction is neither ltr nor rtl")
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise SuiteError(f"{place} can't be used ({error}): it needs a text for each of {', '.join(WORDS)}; {HELP}.") from error
    return words


class Answers:
    """What was chosen so far; the first choice of a question counts, and others may be tried after it.

    Attributes
    ----------
    index : int
        Of the question that is open.
    chosen : list of list of Choice
        Of each question, in the order in which they were chosen.
    """

    def __init__(self, questions: list[Question]) -> None:
        self.questions, self.index = questions, 0
        self.chosen: list[list[Choice]] = [[] for _ in questions]

    @property
    def question(self) -> Question:
        """The one that is open."""
        return self.questions[self.index]

    @property
    def counts(self) -> dict[str, int]:
        """How many questions there are, how many are answered, and how many of these rightly at the first try."""
        first = [chosen[0] for chosen in self.chosen if chosen]
        return {"questions": len(self.questions), "answered": len(first), "right": sum(choice.is_right for choice in first)}

    def choose(self, choice: Choice) -> None:
        """Choose an answer to the open question."""
        if choice not in self.chosen[self.index]:
            self.chosen[self.index].append(choice)

    def step(self, by: int) -> None:
        """Open another question; there is none before the first and after the last."""
        self.index = min(max(self.index + by, 0), len(self.questions) - 1)


def quiz(notebook: int, *, language: str = "en", folder: Path = FOLDER) -> ipywidgets.Widget:
    """Questions about a notebook, one at a time; each choice is explained as soon as it is made, and the first one counts.

    Parameters
    ----------
    notebook : int
        Its number.
    language : str
        Folder of `notebooks/quiz/`.
    """
    words = read_words(folder / language / "words.json")
    answers = Answers(read_quiz(folder / language / f"{notebook:02}.md"))
    wide, narrow = ipywidgets.Layout(flex="1 1 0%", min_width="0", width="auto"), ipywidgets.Layout(width="44px", min_width="44px")
    # All are made with what they show: once, on a busy machine, a classic notebook missed what was sent right after that.
    head, status = (ipywidgets.HTML(draw(answers, words), layout={"width": "auto"}) for draw in (head_html, status_html))
    steps = {
        by: ipywidgets.Button(description=words[name], disabled=by < 0, layout={"width": "150px"})
        for by, name in ((-1, "previous"), (1, "next"))
    }
    rows: list[ipywidgets.HBox] = []

    def new_row(index: int, choice: Choice) -> ipywidgets.HBox:
        button = ipywidgets.Button(description=choice.letter, tooltip=choice.text, layout=narrow)
        button.on_click(lambda _: choose(index))
        return ipywidgets.HBox([button, ipywidgets.HTML(choice_html(choice, answers, words), layout=wide)])

    def open_rows() -> list[ipywidgets.HBox]:
        for choice in answers.question.choices[len(rows) :]:
            rows.append(new_row(len(rows), choice))
        return rows[: len(answers.question.choices)]

    def show() -> None:
        head.value, status.value = head_html(answers, words), status_html(answers, words)
        choices.children = open_rows()
        for row, choice in zip(choices.children, answers.question.choices, strict=True):
            button, text = row.children
            button.description, button.tooltip, text.value = choice.letter, choice.text, choice_html(choice, answers, words)
            button.button_style = ("success" if choice.is_right else "danger") if choice in answers.chosen[answers.index] else ""
        steps[-1].disabled, steps[1].disabled = answers.index == 0, answers.index == len(answers.questions) - 1

    def choose(index: int) -> None:
        answers.choose(answers.question.choices[index])
        show()

    def step(by: int) -> None:
        answers.step(by)
        show()

    for by, button in steps.items():
        button.on_click(lambda _, by=by: step(by))
    choices = ipywidgets.VBox(open_rows())
    page = ipywidgets.HTML(STYLE + page_html(answers.questions, words))
    box = ipywidgets.VBox([page, head, choices, ipywidgets.HBox([*steps.values()]), status], layout={"max_width": "800px"})
    box.add_class(f"quiz-{words['direction']}")  # so that a row begins on the side on which its text does
    return box


def _live(content: str, words: dict[str, str]) -> str:
    return f'<div class="quiz-live" dir="{words["direction"]}">{content}</div>'


def head_html(answers: Answers, words: dict[str, str]) -> str:
    """The number and the text of the open question."""
    title = words["question"].format(number=answers.index + 1, questions=len(answers.questions))
    return _live(f"<b>{html.escape(title)}</b><br>{html.escape(answers.question.text)}", words)


def status_html(answers: Answers, words: dict[str, str]) -> str:
    """How many questions were answered, and how many rightly at the first try."""
    counts = answers.counts
    said = words["score" if counts["answered"] == counts["questions"] else "so far"].format(**counts)
    return _live(f"<b>{html.escape(said)}</b>", words)


def choice_html(choice: Choice, answers: Answers, words: dict[str, str]) -> str:
    """A choice of the open question, with what is to be said about it once it was chosen."""
    explained = _explained(choice) if choice in answers.chosen[answers.index] else ""
    return _live(html.escape(choice.text) + explained, words)


def _explained(choice: Choice) -> str:
    colour = "#006B4E" if choice.is_right else "#A33B00"  # dark enough to read on white; the marks say the same without it
    return f'<div style="color:{colour}">{MARKS[choice.is_right]} {html.escape(choice.explanation)}</div>'


def page_html(questions: list[Question], words: dict[str, str]) -> str:
    """All questions with their choices, and each one's answers folded, as a page without widgets shows them."""
    blocks = []
    for number, question in enumerate(questions, start=1):
        title = html.escape(words["question"].format(number=number, questions=len(questions)))
        choices = "".join(f"<br>{html.escape(f'{choice.letter}) {choice.text}')}" for choice in question.choices)
        said = "<br>".join(
            html.escape(f"{choice.letter}) {MARKS[choice.is_right]} {choice.explanation}") for choice in question.choices
        )
        answer = f'<details><summary style="display:list-item">{html.escape(words["answer"])}</summary>{said}</details>'
        # No <p>, which JupyterLab sets flush left in every language.
        blocks.append(f'<div style="margin:1em 0"><b>{title}</b><br>{html.escape(question.text)}{choices}{answer}</div>')
    return f'<div class="quiz-page" dir="{words["direction"]}">{"".join(blocks)}</div>'
