"""The slides of the course."""

import re

from helpers.suite.slides import FOLDER, page


def test_the_committed_page_is_that_of_the_text_and_needs_no_network():
    text = page(FOLDER / "course.md")
    assert (FOLDER / "course.html").read_text(encoding="utf-8") == text, "run `make slides`"
    assert not re.findall(r'(?:src|href)="(?!data:|#)[^"]*"', text)
    assert len(re.findall("<section", text)) == (FOLDER / "course.md").read_text().count("\n---\n") + 1


def test_each_slide_is_short():
    for slide in (FOLDER / "course.md").read_text(encoding="utf-8").split("\n---\n"):
        assert len(slide.split()) <= 90, slide
