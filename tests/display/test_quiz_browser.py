"""The quiz in headless Chromium, by keyboard alone, with ipywidgets 7 and 8, from left to right and from right to left."""

import nbformat
import pytest

from display.test_browser import CHROMIUM, READY, RUN, WAIT, playwright, serve
from display.test_quiz import LANGUAGES, QUIZ
from helpers.display.quiz import FOLDER

pytestmark = pytest.mark.slow
WIDTH = 420  # of a telephone


@pytest.mark.parametrize("stack", list(READY))
def test_two_questions_are_answered_by_keyboard_on_a_narrow_page(stack, tmp_path):
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine: `apt-get install chromium`, as .ci/run does")
    cells = []
    for language in LANGUAGES:
        (tmp_path / "quiz" / language).mkdir(parents=True)
        (tmp_path / "quiz" / language / "words.json").write_bytes((FOLDER / language / "words.json").read_bytes())
        (tmp_path / "quiz" / language / "09.md").write_text(QUIZ, encoding="utf-8")
        asked = f"quiz(9, language={language!r}, folder=Path({str(tmp_path / 'quiz')!r}))"
        cells.append(nbformat.v4.new_code_cell(f"from pathlib import Path\nfrom helpers.display.quiz import quiz\n{asked}"))
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), tmp_path / "quiz.ipynb")
    with serve(stack, tmp_path) as address, playwright.sync_playwright() as browsers:
        browser = browsers.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": WIDTH, "height": 1600})
        dialogs = []
        page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
        page.goto(f"{address}/{'notebooks' if stack == 'classic' else 'doc/tree'}/quiz.ipynb")
        page.wait_for_function(READY[stack], timeout=WAIT)
        for number, language in enumerate(LANGUAGES):
            page.evaluate(RUN[stack], number)
            live = page.locator(f".quiz-live[dir={'rtl' if language == 'ar' else 'ltr'}]")
            live.filter(has_text="How much is").wait_for(timeout=WAIT)
            button, text = page.get_by_role("button", name="C", exact=True).last, live.filter(has_text="Five")
            button.press("Enter", timeout=WAIT)
            live.filter(has_text="That is one too many.").wait_for(timeout=WAIT)
            boxes = button.bounding_box(), text.bounding_box()
            left, right = boxes[::-1] if language == "ar" else boxes
            assert left["x"] >= 0 and left["x"] + left["width"] <= right["x"] and right["x"] + right["width"] <= WIDTH
            page.get_by_role("button", name="السؤال التالي" if language == "ar" else "next question").press("Enter")
            live.filter(has_text="And 3 + 3?").wait_for(timeout=WAIT)
            page.get_by_role("button", name="A", exact=True).last.press("Enter")
            live.filter(has_text="Three and three.").wait_for(timeout=WAIT)
            live.filter(has_text="النتيجة: 1 من 2" if language == "ar" else "Your score: 1 of 2").wait_for(timeout=WAIT)
        assert page.locator(".quiz-page:visible").count() == 0 and dialogs == []
        browser.close()
