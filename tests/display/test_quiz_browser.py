"""The quiz in headless Chromium, by keyboard alone, with ipywidgets 7 and 8, from left to right and from right to left."""

import re

import nbformat
import pytest

from display.test_browser import CHROMIUM, READY, RUN, WAIT, WIDGETS, playwright, serve
from display.test_quiz import LANGUAGES, QUIZ
from helpers.display.quiz import FOLDER

pytestmark = pytest.mark.slow
IMPORTS = """from pathlib import Path
from helpers.display.quiz import quiz
import ipywidgets
ipywidgets.__version__"""
WIDTH = 420  # of a telephone


def letter(latin: str, language: str) -> str:
    return "أبجد"["ABCD".index(latin)] if language == "ar" else latin


@pytest.mark.parametrize("stack", list(READY))
def test_two_questions_are_answered_by_keyboard_on_a_narrow_page(stack, tmp_path):
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine: `apt-get install chromium`, as .ci/run does")
    cells = [nbformat.v4.new_code_cell(IMPORTS)]
    for language in LANGUAGES:
        (tmp_path / "quiz" / language).mkdir(parents=True)
        (tmp_path / "quiz" / language / "words.json").write_bytes((FOLDER / language / "words.json").read_bytes())
        text = QUIZ
        for latin in "ABCD":
            text = text.replace(f"- {latin})", f"- {letter(latin, language)})")
        (tmp_path / "quiz" / language / "09.md").write_text(text, encoding="utf-8")
        asked = f"quiz(9, language={language!r}, folder=Path({str(tmp_path / 'quiz')!r}))"
        cells.append(nbformat.v4.new_code_cell(asked))
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), tmp_path / "quiz.ipynb")
    with serve(stack, tmp_path) as address, playwright.sync_playwright() as browsers:
        browser = browsers.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": WIDTH, "height": 1600})
        dialogs = []
        page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
        page.goto(f"{address}/{'notebooks' if stack == 'classic' else 'doc/tree'}/quiz.ipynb")
        page.wait_for_function(READY[stack], timeout=WAIT)
        page.evaluate(RUN[stack], 0)
        page.get_by_text(re.compile(WIDGETS[stack])).wait_for(timeout=WAIT)
        for number in range(len(LANGUAGES)):  # all before a button is pressed, which makes its cell the one that is run next
            page.evaluate(RUN[stack], number + 1)
            page.locator(".quiz-live").filter(has_text="How much is").nth(number).wait_for(timeout=WAIT)
        for language in LANGUAGES:
            live = page.locator(f".quiz-live[dir={'rtl' if language == 'ar' else 'ltr'}]")
            button, text = page.get_by_role("button", name=letter("C", language), exact=True), live.filter(has_text="Five")
            button.press("Enter", timeout=WAIT)
            live.filter(has_text="That is one too many.").wait_for(timeout=WAIT)
            boxes = button.bounding_box(), text.bounding_box()
            left, right = boxes[::-1] if language == "ar" else boxes
            assert left["x"] >= 0 and left["x"] + left["width"] <= right["x"] and right["x"] + right["width"] <= WIDTH
            page.get_by_role("button", name="السؤال التالي" if language == "ar" else "next question").press("Enter")
            live.filter(has_text="And 3 + 3?").wait_for(timeout=WAIT)
            page.get_by_role("button", name=letter("A", language), exact=True).press("Enter")
            live.filter(has_text="Three and three.").wait_for(timeout=WAIT)
            live.filter(has_text="النتيجة: 1 من 2" if language == "ar" else "Your score: 1 of 2").wait_for(timeout=WAIT)
        assert page.locator(".quiz-page:visible").count() == 0 and dialogs == []
        browser.close()
