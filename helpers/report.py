"""The report of a run: each executed notebook as one self-contained page, and an index (command line).

The pages need no network: widgets are replaced by what they showed last, and nothing is loaded from elsewhere.
"""

from __future__ import annotations

import base64
import copy
import html
import io

import matplotlib
import matplotlib.pyplot as plt
import nbformat
from nbconvert import HTMLExporter

from helpers import figures, score_figures
from helpers.artifacts import Artifacts, read_json, read_table, write_text
from helpers.labels import class_order
from helpers.manifest import read_manifest
from helpers.profiles import Profile
from helpers.runs import read_history, read_run
from helpers.scores import confusion_counts, read_classes

WIDGET_VIEW, WIDGET_STATE = "application/vnd.jupyter.widget-view+json", "application/vnd.jupyter.widget-state+json"
TITLES = {
    "01_download": "Get the recordings, look at them, split them",
    "02_spectrograms": "From sound to picture",
    "03_train_resnet": "Train a ResNet",
    "04_evaluate": "See the errors, hear the errors",
    "05_compare_cnns": "Compare with other models",
    "06_your_voice": "Your own voice",
}


def notebook_page(notebook: nbformat.NotebookNode, title: str) -> str:
    """An executed notebook as one HTML page that needs nothing else.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        With its outputs.
    title : str

    Returns
    -------
    str
    """
    notebook = freeze_widgets(notebook)
    exporter = HTMLExporter(template_name="lab", mathjax_url="", require_js_url="", jquery_url="", embed_images=True)
    body, _ = exporter.from_notebook_node(notebook, {"metadata": {"name": title}})
    return body


def freeze_widgets(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """A copy of a notebook in which each widget is replaced by the HTML that it showed last."""
    notebook = copy.deepcopy(notebook)
    states = notebook.metadata.pop("widgets", {}).get(WIDGET_STATE, {}).get("state", {})
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            view = output.get("data", {}).pop(WIDGET_VIEW, None)
            if view is not None:
                output["data"]["text/html"] = _frozen(view["model_id"], states)
    return notebook


def _frozen(model_id: str, states: dict) -> str:
    state = states.get(model_id.removeprefix("IPY_MODEL_"), {}).get("state", {})
    kind = state.get("_model_name")
    if kind == "HTMLModel":
        return f"<div>{state.get('value', '')}</div>"
    if kind in ("DropdownModel", "SelectionSliderModel"):
        options, index = state.get("_options_labels", []), state.get("index")
        chosen = options[index] if index is not None else ""
        return f"<span style='margin-right:1.5em'>{html.escape(state.get('description', ''))}: <b>{html.escape(chosen)}</b></span>"
    return "".join(_frozen(child, states) for child in state.get("children", []))


def summary(artifacts: Artifacts, *, profile: Profile, seconds: dict[str, float]) -> dict[str, str]:
    """The last lines of `make run`: dataset, classes, clips, model, scores, seconds of each stage."""
    manifest, classes = read_manifest(artifacts), read_classes(artifacts)
    _, metrics, _ = read_run(artifacts, profile.network)
    facts = {
        "dataset": read_json(artifacts.dataset)["dataset"],
        "classes": str(len(classes)),
        "clips": f"{len(manifest)} ({len(read_table(artifacts.rejected))} left out)",
        "model": f"{profile.network} (profile {profile.name})",
        "test accuracy": f"{metrics['test']['accuracy']:.3f}",
        "macro F1": f"{metrics['test']['macro_f1']:.3f}",
    }
    return facts | {f"seconds {name}": f"{value:.0f}" for name, value in seconds.items()}


def write_index(artifacts: Artifacts, facts: dict[str, str], notebooks: list[str]):
    """Write `report/index.html`: the summary, the key figures and links to the notebooks' pages; return its path."""
    network = facts["model"].split()[0]
    _, _, predictions = read_run(artifacts, network)
    history, comparison = read_history(artifacts, network), read_table(artifacts.comparison)
    counts = confusion_counts(predictions[predictions["split"] == "test"], class_order(read_classes(artifacts)))

    matplotlib.use("Agg")
    figures.set_style()
    curves, axes = plt.subplots(1, 2, figsize=(13, 4.5))
    figures.training_curve(history, "loss", ax=axes[0])
    figures.training_curve(history, "accuracy", ax=axes[1])
    pictures = [
        ("Loss and accuracy while training", curves),
        ("Test accuracy and macro F1 of each model", figures.comparison_bars(comparison).figure),
        ("Confusion matrix of the test clips", score_figures.confusion_matrix(counts).figure),
    ]
    rows = "".join(f"<tr><th>{html.escape(name)}</th><td>{html.escape(value)}</td></tr>" for name, value in facts.items())
    links = "".join(f'<li><a href="{name}.html">{name}</a>: {TITLES.get(name, "")}</li>' for name in notebooks)
    shown = "".join(
        f'<figure><img alt="{caption}" src="{_embed(figure)}"><figcaption>{caption}</figcaption></figure>'
        for caption, figure in pictures
    )
    title = f"Age and gender from voice: {html.escape(facts['dataset'])}"
    synthetic = (
        "<p class='note'>These voices are synthetic (eSpeak NG), made for teaching: the scores say nothing about people.</p>"
        if facts["dataset"] == "voices" else ""
    )  # fmt: skip
    page = artifacts.report / "index.html"
    write_text(
        page,
        f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 17px/1.5 system-ui, sans-serif; max-width: 1000px; margin: 2rem auto; padding: 0 1rem; color: #222 }}
h1 {{ line-height: 1.2 }} figure {{ margin: 2rem 0 }} img {{ max-width: 100% }} figcaption {{ color: #555 }}
th {{ text-align: left; padding-right: 2rem; font-weight: 600 }} th, td {{ padding-block: .15rem; vertical-align: top }}
.note {{ border-left: 4px solid #E69F00; padding-left: 1rem }}
</style></head><body>
<h1>{title}</h1>{synthetic}
<table>{rows}</table>
<h2>Notebooks</h2><ol>{links}</ol>
<h2>Key figures</h2>{shown}
</body></html>
""",
    )
    return page


def _embed(figure) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=90)
    plt.close(figure)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
