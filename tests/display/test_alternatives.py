import matplotlib.pyplot as plt
import pytest
from IPython.core.formatters import DisplayFormatter
from matplotlib.figure import Figure

from helpers.display import alternatives


@pytest.fixture
def figure():
    figure, ax = plt.subplots()
    ax.plot([1, 2], label="training")
    ax.set(title="Curve", xlabel="epoch", ylabel="loss")
    figure.legend()
    yield figure
    plt.close(figure)


def test_a_figure_without_a_text_of_its_own_is_described_by_what_is_written_in_it(figure):
    assert alternatives.alternative(figure) == "Figure. Curve: loss over epoch; (training)"
    figure.set_label("A curve that falls.")
    assert alternatives.alternative(figure) == "A curve that falls."


@pytest.mark.parametrize("facts", [None, {"width": 100}])
def test_the_alternative_goes_with_the_picture_once(figure, facts, monkeypatch):
    class Shell:
        kernel = True
        display_formatter = DisplayFormatter()

    pictures = Shell.display_formatter.formatters["image/png"]
    pictures.enabled = True
    pictures.for_type(Figure, lambda _: (b"png", facts) if facts else b"png")
    monkeypatch.setattr(alternatives.IPython, "get_ipython", lambda: Shell)
    monkeypatch.setattr(alternatives.plt, "switch_backend", lambda _: None)
    alternatives.show_alternatives()
    drawn = pictures.lookup_by_type(Figure)
    alternatives.show_alternatives()
    assert pictures.lookup_by_type(Figure) is drawn
    assert drawn(figure) == (b"png", {**(facts or {}), "alt": "Figure. Curve: loss over epoch; (training)"})
