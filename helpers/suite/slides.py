"""`make slides`: the slides of the course, from Markdown to one page that needs no network (command line)."""

import base64
import re
from pathlib import Path
from string import Template

from nbconvert.filters import markdown2html

from helpers.base import machine
from helpers.base.artifacts import write_text

FOLDER = machine.PROJECT / "docs" / "slides"


def main() -> None:
    """Write `course.html` beside `course.md`."""
    write_text(FOLDER / "course.html", page(FOLDER / "course.md"))
    print(FOLDER / "course.html")


def page(source: Path) -> str:
    """The page of a text whose slides are divided by lines of three dashes; its pictures are in it."""
    slides = re.split(r"^---$", source.read_text(encoding="utf-8"), flags=re.MULTILINE)
    title = slides[0].strip().splitlines()[0].removeprefix("# ")
    sections = [
        f'<section id="s{number}">{_with_pictures(markdown2html(slide), source.parent)}{_turn(number, len(slides))}</section>'
        for number, slide in enumerate(slides, start=1)
    ]
    template = Template((source.parent / "template.html").read_text(encoding="utf-8"))
    return template.substitute(title=title, slides="\n".join(sections))


def _turn(number: int, pages: int) -> str:
    """Links to the slides before and after, for a finger."""
    before, after = (f'<a href="#s{min(max(number + step, 1), pages)}" aria-label="{name}">{sign}</a>'
                     for step, name, sign in ((-1, "back", "&larr;"), (1, "on", "&rarr;")))  # fmt: skip
    return f"<nav>{before}{number} / {pages}{after}</nav>"


def _with_pictures(text: str, folder: Path) -> str:
    def inside(found: re.Match) -> str:
        return f'src="data:image/png;base64,{base64.b64encode((folder / found[1]).read_bytes()).decode("ascii")}"'

    return re.sub(r'src="([^":]+\.png)"', inside, text)


if __name__ == "__main__":
    main()
