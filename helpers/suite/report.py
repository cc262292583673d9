"""The report of a run: each executed notebook as one self-contained page (command line); `index_page` has their index.

The pages need no network: widgets are replaced by what they showed last, and nothing is loaded from elsewhere.
"""

import base64
import copy
import html
import re
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pandas as pd
from matplotlib.patches import Rectangle
from nbconvert import HTMLExporter

from helpers.base.artifacts import atomic_path
from helpers.base.machine import PROJECT
from helpers.display.alternatives import PNG, describe
from helpers.display.clip import saved
from helpers.display.clip_panel import IN_NOTEBOOK
from helpers.display.figures import LINE, confusion_matrix, set_style
from helpers.suite.copies import tags
from helpers.suite.notebooks import KEY_FIGURE
from helpers.suite.stamp import PLACEHOLDER

WIDGET_VIEW, WIDGET_STATE = "application/vnd.jupyter.widget-view+json", "application/vnd.jupyter.widget-state+json"
# nbconvert cuts off long lines of code; tables that are too wide for a telephone are scrolled, so few should be.
PAGE_STYLE = """
.jp-InputArea-editor pre, details pre { white-space: pre-wrap; overflow-wrap: anywhere }
.jp-RenderedHTMLCommon code { overflow-wrap: anywhere }
.jp-RenderedHTMLCommon :is(td, th) code { overflow-wrap: normal; white-space: nowrap }
.jp-OutputArea-output details pre { font-family: var(--jp-code-font-family); font-size: var(--jp-code-font-size) }
.jp-OutputArea-output pre { word-break: normal; overflow-wrap: anywhere }
.control { display: inline-block; margin-right: 1.5em }
details.solution > summary { margin: 0.5em 0 1em calc(var(--jp-cell-prompt-width) + 24px); cursor: pointer;
  font: var(--jp-content-font-size1) var(--jp-content-font-family) }
@media (max-width: 700px) {
  .jp-RenderedHTMLCommon :is(td, th) { padding: 0.3em 0.2em }
  details.solution > summary { margin-left: 10px }
  .jp-OutputArea-child, .jp-OutputArea-child > .jp-OutputArea-output { display: block; box-sizing: border-box; max-width: 100% }
  .jp-OutputArea-child > .jp-OutputArea-output { overflow-x: auto; width: auto; margin: 0 }
  .jp-RenderedMarkdown table { display: block; overflow-x: auto }
}
"""
# Says so where a table or figure is wider than the screen, which a telephone does not show by itself.
SCROLLS = """<style>
.scrolls::before { content: "more to the right: scroll \\2192"; position: sticky; left: 0; display: block; width: max-content;
  font-size: 0.8em; opacity: 0.7 }
</style><script>
const wide = ".jp-OutputArea-output, .jp-RenderedMarkdown table, .wide, details table, [style*=overflow-x]";
const mark = () => document.querySelectorAll(wide).forEach(
  (part) => part.classList.toggle("scrolls", part.scrollWidth > part.clientWidth + 2));
["load", "resize"].forEach((event) => addEventListener(event, mark));
document.addEventListener("toggle", mark, true);
</script>"""
SMALLEST = 0.55  # of a figure's size: below it, letters can't be read, and the figure scrolls
# nbconvert shows the outputs that JupyterLab hides, those of solutions: the page folds such a cell, with all that it shows.
PAGE_TEMPLATE = """{%- extends 'index.html.j2' -%}
{% block codecell %}
{%- if cell.metadata.get("jupyter", {}).get("outputs_hidden") -%}
<details class="solution"><summary>{{ cell.source.split("\\n")[0].removeprefix("# @title ") | e }}</summary>
{{ super() }}
</details>
{%- else -%}
{{ super() }}
{%- endif -%}
{% endblock codecell %}
"""
# A line that another has been written over, and of tqdm's lines the bar, on a page a row of black blocks.
PROGRESS = re.compile(r"[^\n]*\r(?=[^\n])|\s*\d+%\|[^|\n]*\|")
LISTED = 10  # of a list of clips, in a page
# Of a text: what is replaced, by what. A badge that no repository stands in yet leads nowhere.
LINKS = {
    rf"\[!\[[^\]]*\]\([^)]*\)\]\([^)]*/{PLACEHOLDER}/[^)]*\)\n*": "",
    r"!\[([^\]]*)\]\(https?://[^)]*\)": r"\1",
    r"\]\((0[1-6]_\w+)\.ipynb\)": r"](\1.html)",
    rf"(?<!!)\[([^\[\]]*)\]\((?:[^)]*/{PLACEHOLDER}/|(?!https?:|#|0[1-6]_\w+\.html))[^)]*\)": r"\1",
}
CONTROL = '<span class="control"'
POINTS = (
    "<p><small>Each point is a clip: in the notebook, a click on it plays the clip, and a ring around some lists them.</small></p>"
)
VALUES = {"valueA": 2, "valueB": 3}  # jupyter-scatter's columns of points, after x and y
STOOD = "<p><small>As it stood when the notebook ran: it can be changed in the notebook, not on this page.</small></p>"


def notebook_page(notebook: nbformat.NotebookNode, title: str) -> str:
    """An executed notebook, with its outputs, as one HTML page that needs nothing else."""
    # With `embed_images` nbconvert would close each folded hint before its text; notebooks show no picture files anyway.
    exporter = HTMLExporter(template_name="lab", raw_template=PAGE_TEMPLATE, mathjax_url="", require_js_url="", jquery_url="")
    body, _ = exporter.from_notebook_node(on_a_page(fold_code(freeze_widgets(notebook))), {"metadata": {"name": title}})
    return body.replace("</head>", f"<style>{PAGE_STYLE}</style>{SCROLLS}</head>", 1)


def freeze_widgets(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """A copy of a notebook in which each widget is the HTML that it showed last, and each figure has its text alternative."""
    notebook = copy.deepcopy(notebook)
    states = notebook.metadata.pop("widgets", {}).get(WIDGET_STATE, {}).get("state", {})
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            view = output.get("data", {}).pop(WIDGET_VIEW, None)
            if view is not None:
                shown = _frozen(view["model_id"], states)
                output["data"]["text/html"] = shown + (STOOD if CONTROL in shown else "")
            # nbconvert writes no `alt` of its own; see `helpers.display.alternatives`.
            if told := output.get("metadata", {}).get(PNG, {}).get("alt"):
                output["data"]["text/html"] = _image(output["data"].pop(PNG).strip(), told)
    return notebook


def on_a_page(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """A copy of a notebook without what holds on the machine that ran it alone.

    Links to other notebooks lead to their pages; those to nowhere, pictures from the web and the folder of the project go. Of a
    progress bar the last counts stay, not the bar.
    """
    notebook = copy.deepcopy(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for pattern, kept in LINKS.items():
                cell.source = re.sub(pattern, kept, cell.source)
        for output in cell.get("outputs", []):
            if "text" in output:  # of a stream
                output.text = PROGRESS.sub("", output.text)
            for holder, kind in ((output, "text"), *((output.get("data", {}), kind) for kind in ("text/plain", "text/html"))):
                if kind in holder:
                    holder[kind] = holder[kind].replace(f"{PROJECT}/", "")
    return notebook


def fold_code(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """A copy of a notebook in which the code that JupyterLab hides is folded below its first line, where its outputs are shown."""
    notebook = copy.deepcopy(notebook)
    for cell in notebook.cells:
        (title, _, code), hidden = cell.source.partition("\n"), cell.metadata.get("jupyter", {})
        if cell.cell_type == "code" and code and hidden.get("source_hidden") and not hidden.get("outputs_hidden"):
            folded = f"<details><summary>Show the code</summary><pre>{html.escape(code)}</pre></details>"
            cell.source = title
            cell.outputs.insert(0, nbformat.v4.new_output("display_data", {"text/html": folded}))
    return notebook


def _image(png: str, told: str) -> str:
    """A figure as PNG in Base64, with its text alternative; on a telephone no smaller than can be read."""
    width = int.from_bytes(base64.b64decode(png[:32])[16:20])  # in points, after the PNG's first 16 bytes
    style = f"min-width: {SMALLEST * width:.0f}px"
    image = f'<img alt="{html.escape(told)}" style="{style}" src="data:{PNG};base64,{png}">'
    return f'<div class="jp-RenderedImage">{image}</div>'


def _matrix(state: dict) -> str:
    """The explorer's matrix, with the frame of its open cell."""
    row, column, _ = state["chosen"]
    with plt.rc_context():
        set_style()  # that of a notebook's own figures
        ax = confusion_matrix(pd.DataFrame(state["counts"], state["names"], state["names"]))
        ax.add_patch(Rectangle((column, row), 1, 1, fill=False, edgecolor="#D55E00", linewidth=3))
        ax.set_title(f"framed: {state['names'][row]} taken for {state['names'][column]}")
        png = saved(lambda file: ax.figure.savefig(file, format="png", bbox_inches="tight"))
    plt.close(ax.figure)
    return _image(base64.b64encode(png).decode(), describe(ax.figure))


def _map(state: dict, packed: str) -> str:
    """The map of voices, with its points where they lay last, in their colours and sizes, and what they are."""
    points = np.frombuffer(base64.b64decode(packed), state["points"]["dtype"]).reshape(state["points"]["shape"])
    colours = np.array(state["color"])[points[:, VALUES[state["color_by"]]].astype(int)]
    kinds = np.atleast_1d(state["size"])
    larger = points[:, VALUES[state["size_by"]]] if state["size_by"] else np.zeros(len(points))  # 0: the first kind, 1: the last
    diameters = kinds[np.rint(larger * (len(kinds) - 1)).astype(int)]
    order = np.lexsort((-np.arange(len(points)), diameters))  # the large ones last, on top, and the first of them topmost
    figure, ax = plt.subplots(figsize=(6, 6))
    ax.scatter(*points[order, :2].T, s=(0.72 * diameters[order]) ** 2, c=colours[order], alpha=state["opacity"], linewidths=0)
    ax.set(xlim=state["x_scale_domain"], ylim=state["y_scale_domain"], xticks=[], yticks=[], aspect="equal")
    ax.spines[:].set_color(LINE)
    png = saved(lambda file: figure.savefig(file, format="png", dpi=100, bbox_inches="tight"))
    plt.close(figure)
    return _image(base64.b64encode(png).decode(), f"Map of voices: {len(points)} clips, each a point.") + POINTS


def _frozen(model_id: str, states: dict) -> str:
    widget = states.get(model_id.removeprefix("IPY_MODEL_"), {})
    state, buffers = widget.get("state", {}), {tuple(buffer["path"]): buffer["data"] for buffer in widget.get("buffers", [])}
    kind, layout = state.get("_model_name"), states.get(state.get("layout", "").removeprefix("IPY_MODEL_"), {}).get("state", {})
    if layout.get("display") == "none" or IN_NOTEBOOK in state.get("_dom_classes", ()):
        return ""
    if kind == "HTMLModel":
        return f"<div>{state.get('value', '')}</div>"
    options, index = state.get("_options_labels", []), state.get("index")
    if kind in ("DropdownModel", "SelectionSliderModel"):
        chosen = options[index] if index is not None else ""
        return f"{CONTROL}>{html.escape(state.get('description', ''))}: <b>{html.escape(chosen)}</b></span>"
    if kind == "SelectModel":
        shown = [f"<b>{html.escape(text)}</b>" if place == index else html.escape(text) for place, text in enumerate(options)]
        more = [f"and {len(shown) - LISTED} more"] if len(shown) > LISTED else []
        return f"<ul>{''.join(f'<li>{text}</li>' for text in shown[:LISTED] + more)}</ul>"
    if "chosen" in state and "counts" in state:
        return _matrix(state)
    if packed := buffers.get(("points", "view")):
        return _map(state, packed)
    return "".join(_frozen(child, states) for child in state.get("children", []))


def write_key_figure(notebook: nbformat.NotebookNode, path: Path) -> None:
    """Write the figure of the cell that is tagged `key-figure`, or a notebook's first one; nothing where it has none."""
    cells = sorted(notebook.cells, key=lambda cell: KEY_FIGURE not in tags(cell))  # the tagged one first
    figures = [output.data[PNG] for cell in cells for output in cell.get("outputs", []) if PNG in output.get("data", {})]
    path.unlink(missing_ok=True)
    if figures:
        with atomic_path(path) as temporary:
            temporary.write_bytes(base64.b64decode(figures[0]))
