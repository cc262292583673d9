"""What a figure says in words, in a notebook and in a report page."""

import matplotlib.pyplot as plt
import nbformat
import pytest
from bs4 import BeautifulSoup
from IPython.core.interactiveshell import InteractiveShell

from helpers.display.alternatives import PNG, describe, describe_figures
from helpers.suite.report import notebook_page

pytestmark = pytest.mark.usefixtures("style")


def test_a_figure_is_described_by_its_panels_without_its_colour_bar():
    figure, (left, right) = plt.subplots(1, 2)
    left.set(title="As\npower", ylabel="mel bin")
    right.axis("off")
    right.set_title("female_23")
    figure.colorbar(left.imshow([[0, 1]]), label="level (dB)")
    figure.suptitle("One clip")
    assert describe(figure) == "Figure of 2 panels: One clip: As power (mel bin); female_23."
    figure.set_label("Two pictures of one clip.")
    assert describe(figure) == "Two pictures of one clip."


def test_a_figure_without_words_is_still_one():
    figure, ax = plt.subplots()
    ax.axis("off")
    assert describe(figure) == "Figure."


def test_a_shell_keeps_the_description_and_the_page_shows_it():
    shell = InteractiveShell()
    describe_figures(shell)
    shell.display_formatter.formatters[PNG].for_type(plt.Figure, lambda figure: "iVBORw0KGgo=")
    figure, ax = plt.subplots()
    ax.set(title='A "vowel" <b>', ylabel="amplitude")
    data, metadata = shell.display_formatter.format(figure)
    assert data[PNG] and metadata[PNG]["alt"] == 'Figure: A "vowel" <b> (amplitude).'
    output = nbformat.v4.new_output("display_data", {PNG: data[PNG]}, metadata=metadata)
    page = notebook_page(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("ax", outputs=[output])]), "page")
    images = BeautifulSoup(page, "html.parser").select(".jp-RenderedImage img")
    assert [image["alt"] for image in images] == ['Figure: A "vowel" <b> (amplitude).']


def test_outside_of_a_notebook_there_is_nothing_to_do():
    describe_figures(None)
