"""The quizzes: what their files must be, and the widget without a browser (with one: test_quiz_browser.py)."""

import json
import re
import shutil

import nbformat
import pytest
from ipywidgets.embed import dependency_state

from helpers.base.artifacts import SuiteError
from helpers.base.machine import PROJECT
from helpers.display.quiz import FOLDER, Answers, quiz, read_quiz, read_words
from helpers.suite.report import WIDGET_STATE, WIDGET_VIEW, freeze_widgets

LESSONS = sorted((PROJECT / "notebooks").glob("0[1-6]_*.ipynb"))
LANGUAGES = sorted(path.name for path in FOLDER.iterdir() if path.is_dir())
MARKUP = "<img src=x onerror=alert(1)>"
QUIZ = f"""# Quiz

What stands here is not read.

## Question 1

How much is
2 + 2 {MARKUP}?

- A) Three,
  or a little less {MARKUP}
- B) Four
- C) Five

<details><summary>Answer</summary>

- A) ✗ That is one
  too few {MARKUP}.
- B) ✓ Two and two.
- C) ✗ That is one too many.

</details>

## Question 2

And 3 + 3?

- A) Six
- B) Seven
- C) Eight
- D) Nine

<details><summary>Answer</summary>

- A) ✓ Three and three.
- B) ✗ One too many.
- C) ✗ Two too many.
- D) ✗ Three too many.

</details>
"""


@pytest.fixture
def folder(tmp_path):
    """Two questions as the quiz of notebook 9, in each language there is."""
    for language in LANGUAGES:
        (tmp_path / language).mkdir()
        shutil.copy(FOLDER / language / "words.json", tmp_path / language)
        (tmp_path / language / "09.md").write_text(QUIZ, encoding="utf-8")
    return tmp_path


class Asked:
    """The widget, and the words of a student for what is done in it."""

    def __init__(self, folder, language="en"):
        self.widget = quiz(9, language=language, folder=folder)
        self.page, self.head, self.choices, further, self.status = self.widget.children
        self.back, self.further = further.children

    def press(self, letter: str) -> str:
        """What stands beside a choice once its button was pressed."""
        button, text = next(row.children for row in self.choices.children if row.children[0].description == letter)
        button.click()
        return words(text.value)

    def shown(self) -> list[str]:
        return [words(row.children[1].value) for row in self.choices.children]


def words(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*/*.md")), ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_quiz_has_six_to_eight_questions_each_with_one_right_choice_and_an_explanation_for_all(path):
    questions = read_quiz(path)
    assert 6 <= len(questions) <= 8 and len({question.text for question in questions}) == len(questions)
    for question in questions:
        assert 3 <= len(question.choices) <= 4 and sum(choice.is_right for choice in question.choices) == 1
        assert len({choice.text for choice in question.choices}) == len(question.choices)
        assert all(len(choice.explanation) > 20 for choice in question.choices), question.text


@pytest.mark.parametrize("path", sorted((FOLDER / "en").glob("*.md")), ids=lambda path: path.stem)
def test_the_right_choice_is_told_neither_by_its_letter_nor_by_its_length(path):
    questions = read_quiz(path)
    right = [next(choice for choice in question.choices if choice.is_right) for question in questions]
    longest = [max(question.choices, key=lambda choice: len(choice.text)) for question in questions]
    assert max(right.count(choice) for choice in right) == 1
    letters = [choice.letter for choice in right]
    assert len({*letters}) >= 3 and max(map(letters.count, letters)) <= len(letters) / 2
    assert sum(one is other for one, other in zip(right, longest, strict=True)) <= 0.6 * len(right)


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_each_lesson_asks_its_own_quiz_before_the_exercises_and_ends_with_questions_to_discuss(path):
    cells = nbformat.read(path, as_version=4).cells
    number, sources = int(path.name[:2]), [cell.source for cell in cells]
    (place,) = (index for index, source in enumerate(sources) if source.startswith("## Quiz\n"))
    assert sources[place + 1].endswith(f"\n\nquiz({number})")
    assert f"/notebooks/quiz/en/{number:02}.md)" in sources[place] and sources[place + 2].startswith("## Exercises")
    asked = sources[-1].partition("**To discuss**")[2]
    assert 2 <= len(re.findall(r"^\d\. ", asked, re.MULTILINE)) <= 3 and "?" in asked


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_has_the_widgets_words(language):
    assert read_words(FOLDER / language / "words.json")["direction"] == ("rtl" if language == "ar" else "ltr")


def test_the_text_of_a_file_is_read_as_its_lines_go_on(folder):
    first, second = read_quiz(folder / "en" / "09.md")
    assert first.text == f"How much is 2 + 2 {MARKUP}?" and len(second.choices) == 4
    assert first.choices[0].text == f"Three, or a little less {MARKUP}"
    assert first.choices[0].explanation == f"That is one too few {MARKUP}."
    assert [choice.is_right for choice in first.choices] == [False, True, False]


@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        ("## ", "### ", "has no question, which begins with a line such as '## Question 1'"),
        ("</details>", "", "question 1 needs its answers, and nothing else, between <details> and </details> at its end"),
        ("</details>\n\n##", "</details>\n\nOh!\n\n##", "question 1 needs its answers, and nothing else"),
        ("<summary>Answer</summary>", "", "question 1 needs the question before its choices, and <summary>Answer</summary>"),
        ("How much is\n2 + 2 " + MARKUP + "?", "", "question 1 needs the question before its choices"),
        ("- B) Four", "- B Four", "question 1 has a line that is not of the form '- A) text': '- B Four'"),
        ("- B) Four", "", "question 1 needs three or four choices with a letter each, not 2"),
        ("- B) Four", "- A) Four", "question 1 needs three or four choices with a letter each"),
        ("- C) ✗ That is one too many.", "", "question 1 needs an explanation for each choice, in the same order"),
        ("- B) ✓ Two and two.", "- C) ✓ Two and two.", "question 1 needs an explanation for each choice, in the same order"),
        ("✓ Two", "✗ Two", "question 1 needs '✓' before the explanation of the one right choice, and '✗' before all others"),
        ("✗ Three too many", "✓ Three too many", "question 2 needs '✓' before the explanation of the one right choice"),
        ("✗ Three too many", "Three too many", "question 2 needs '✓' before the explanation of the one right choice"),
        ("- B) Four", "- B) ✓ Four", "question 1 needs '✓' before the explanation of the one right choice"),
    ],
)
def test_what_is_wrong_with_a_file_is_one_sentence(folder, right, wrong, told):
    path = folder / "en" / "09.md"
    assert right in QUIZ
    path.write_text(QUIZ.replace(right, wrong, 1 if right != "## " else -1), encoding="utf-8")
    with pytest.raises(SuiteError, match=re.escape(told)) as error:
        read_quiz(path)
    said = str(error.value)
    assert "en/09.md" in said and said.endswith("docs/translation.md says how a quiz is written.") and "\n" not in said


def test_a_quiz_that_is_not_there_and_a_file_that_is_no_text_are_a_sentence_each(folder):
    with pytest.raises(SuiteError, match=r"There is no quiz .*en/08\.md: docs/translation\.md says how"):
        quiz(8, folder=folder)
    with pytest.raises(SuiteError, match=r"xx/words\.json can't be used"):
        quiz(9, language="xx", folder=folder)
    (folder / "en" / "09.md").write_bytes(b"\xff\xfe")
    with pytest.raises(SuiteError, match=r"en/09\.md can't be read"):
        quiz(9, folder=folder)


@pytest.mark.parametrize(
    "changed", [{"direction": "up"}, {"score": None}, {"score": "{points} points"}, {"next": 3}, {"question": "{"}, []]
)
def test_words_that_can_not_be_used_are_a_sentence(folder, changed):
    path = folder / "en" / "words.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changed if changed else changed))
    with pytest.raises(SuiteError, match=r"en/words\.json can't be used \(.*\): it needs a text for each of direction, question"):
        quiz(9, folder=folder)


def test_the_first_choice_counts_and_no_step_leads_out_of_the_quiz(folder):
    answers = Answers(read_quiz(folder / "en" / "09.md"))
    for choice in answers.question.choices[:2]:  # wrong, then right
        answers.choose(choice)
    answers.step(-1)
    assert answers.index == 0 and answers.counts == {"questions": 2, "answered": 1, "right": 0}
    answers.step(1)
    answers.step(1)
    answers.choose(answers.question.choices[0])
    answers.choose(answers.question.choices[0])
    assert answers.index == 1 and len(answers.chosen[1]) == 1
    assert answers.counts == {"questions": 2, "answered": 2, "right": 1}


def test_a_wrong_choice_is_explained_at_once_and_the_score_comes_at_the_end(folder):
    asked = Asked(folder)
    assert words(asked.head.value).startswith("Question 1 of 2 How much is 2 + 2") and asked.back.disabled
    assert "✗" not in "".join(asked.shown()) and words(asked.status.value) == "0 of 2 answered, 0 right at the first try."
    assert asked.press("C") == "Five ✗ That is one too many."
    assert "✓" not in "".join(asked.shown())  # the others stay closed, so that one can think again
    assert asked.press("B") == "Four ✓ Two and two."
    assert [row.children[0].button_style for row in asked.choices.children] == ["", "success", "danger"]
    assert words(asked.status.value) == "1 of 2 answered, 0 right at the first try."
    asked.further.click()
    assert words(asked.head.value) == "Question 2 of 2 And 3 + 3?" and asked.further.disabled and not asked.back.disabled
    assert asked.shown() == ["Six", "Seven", "Eight", "Nine"] and asked.choices.children[1].children[0].button_style == ""
    assert asked.press("A") == "Six ✓ Three and three."
    assert words(asked.status.value) == "Your score: 1 of 2 right at the first try."
    asked.back.click()
    assert asked.shown()[2] == "Five ✗ That is one too many." and len(asked.choices.children) == 3


def test_markup_stays_text(folder):
    asked = Asked(folder)
    asked.press("A")
    values = [asked.page.value, asked.head.value, *(row.children[1].value for row in asked.choices.children)]
    assert not any("<img" in value for value in values) and sum(value.count("&lt;img") for value in values) == 6


def test_a_language_from_right_to_left_turns_texts_and_rows(folder):
    asked = Asked(folder, "ar")
    assert "quiz-rtl" in asked.widget._dom_classes and ".quiz-rtl { direction: rtl }" in asked.page.value
    for part in (asked.page, asked.head, asked.status, asked.choices.children[0].children[1]):
        assert 'dir="rtl"' in part.value
    assert words(asked.head.value).startswith("السؤال 1 من 2")


def test_a_page_without_widgets_shows_all_questions_with_their_answers_folded(folder):
    asked = Asked(folder)
    asked.press("C")
    states = dependency_state([asked.widget], drop_defaults=False)
    data = {WIDGET_VIEW: {"model_id": asked.widget.model_id}, "text/plain": "VBox()"}
    cell = nbformat.v4.new_code_cell(outputs=[nbformat.v4.new_output("display_data", data)])
    notebook = nbformat.v4.new_notebook(cells=[cell], metadata={"widgets": {WIDGET_STATE: {"state": states}}})
    page = freeze_widgets(notebook).cells[0].outputs[0].data["text/html"]
    everything, live = page.split('<div class="quiz-live"', 1)
    assert "Question 1 of 2" in everything and "Question 2 of 2" in everything and everything.count("<details>") == 2
    assert "A) ✓ Three and three." in everything and "A) Six" in everything
    # What a student chose belongs to the widget alone: hidden on a page, where no element is within `.jupyter-widgets`.
    assert (
        "That is one too many." in live
        and ".quiz-live { display: none } .jupyter-widgets .quiz-live { display: block" in everything
    )
