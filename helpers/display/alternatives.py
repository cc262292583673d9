"""Figures for who can't see them: each picture in a notebook and in a report page says in words what it shows."""

from IPython.core.interactiveshell import InteractiveShell
from matplotlib.figure import Figure

PNG = "image/png"


def describe(figure: Figure) -> str:
    """The label of a figure (`Figure.set_label`); where it has none, the titles of its panels and of their axes.

    Examples
    --------
    >>> figure = Figure()
    >>> _ = figure.subplots().set(title="A vowel", xlabel="time (ms)", ylabel="amplitude")
    >>> describe(figure)
    'Figure: A vowel (amplitude by time (ms)).'
    """
    if figure.get_label():
        return str(figure.get_label())
    panels = [ax for ax in figure.axes if ax.get_label() != "<colorbar>" and (ax.axison or ax.get_title())]
    told = []
    for ax in panels:
        axes = " by ".join(filter(None, (ax.get_ylabel(), ax.get_xlabel())))
        title = " ".join(ax.get_title().split())
        told.append(f"{title} ({axes})" if title and axes else title or axes)
    whole = figure.get_suptitle()
    start = f"Figure of {len(panels)} panels" if len(panels) > 1 else "Figure"
    return ": ".join(filter(None, (start, whole, "; ".join(filter(None, told))))) + "."


def describe_figures(shell: InteractiveShell | None) -> None:
    """Let a notebook keep with every figure that it shows what `describe` says, as `alt` in its metadata."""
    if shell is not None:
        bundles = shell.display_formatter.mimebundle_formatter
        bundles.for_type(Figure, lambda figure, **_: ({}, {PNG: {"alt": describe(figure)}}))
