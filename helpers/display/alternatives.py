"""A text alternative for every figure that a notebook shows, for those who listen to a page and do not see it."""

import IPython
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure


def alternative(figure: Figure) -> str:
    """What a figure shows: its own label if it has one, else the titles, axes and names that are written in it.

    Parameters
    ----------
    figure : Figure
        `figure.set_label("...")` gives it a text of its own.

    Examples
    --------
    >>> figure, ax = plt.subplots()
    >>> _ = ax.plot([1, 2], label="training")
    >>> _ = ax.set(title="Curve", xlabel="epoch", ylabel="loss")
    >>> _ = ax.legend()
    >>> alternative(figure)
    'Figure. Curve: loss over epoch (training)'
    >>> plt.close(figure)
    """
    if figure.get_label():
        return figure.get_label()
    shared = " over ".join(filter(None, (figure.get_supylabel(), figure.get_supxlabel())))
    texts = [figure.get_suptitle(), shared, *map(_of_axes, figure.axes), *map(_names, figure.legends)]
    return " ".join(f"Figure. {'; '.join(filter(None, texts))}".split())


def _of_axes(ax: Axes) -> str:
    shown = " over ".join(filter(None, (ax.get_ylabel(), ax.get_xlabel())))
    names = _names(ax.get_legend()) if ax.get_legend() else ""
    return ": ".join(filter(None, (ax.get_title(), " ".join(filter(None, (shown, names))))))


def _names(legend) -> str:
    return f"({', '.join(text.get_text() for text in legend.get_texts())})"


def show_alternatives() -> None:
    """Send each figure's text alternative with its picture; does nothing outside of a notebook."""
    shell = IPython.get_ipython()
    if shell is None or not hasattr(shell, "kernel"):
        return
    plt.switch_backend(plt.get_backend())  # loads it: it sets how figures are sent, which must come first
    pictures = shell.display_formatter.formatters["image/png"]
    try:
        draw = pictures.lookup_by_type(Figure)
    except KeyError:
        return
    if not getattr(draw, "with_alternative", False):

        def drawn(figure: Figure) -> tuple[bytes, dict]:
            picture = draw(figure)
            data, facts = picture if isinstance(picture, tuple) else (picture, {})
            return data, {**facts, "alt": alternative(figure)}

        drawn.with_alternative = True
        pictures.for_type(Figure, drawn)
