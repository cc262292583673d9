"""The report of a run: each executed notebook as one self-contained page, and an index (command line).

The pages need no network: widgets are replaced by what they showed last, and nothing is loaded from elsewhere.
"""

import base64
import copy
import html
from pathlib import Path
from string import Template

import nbformat
import pandas as pd
from nbconvert import HTMLExporter

from helpers.base.artifacts import Artifacts, atomic_path, read_json, read_table, write_text
from helpers.base.settings import Profile
from helpers.display.clip import data_uri
from helpers.evaluation.intervals import bootstrap
from helpers.evaluation.scores import no_audio_scores, read_classes
from helpers.network.run import read_run
from helpers.recordings.manifest import read_manifest
from helpers.recordings.splits import leakage
from helpers.suite.notebooks import KEY_FIGURE, tags

WIDGET_VIEW, WIDGET_STATE = "application/vnd.jupyter.widget-view+json", "application/vnd.jupyter.widget-state+json"
# nbconvert cuts off long lines of code; tables that are too wide for a telephone are scrolled, so few should be.
PAGE_STYLE = """
.jp-InputArea-editor pre, details pre { white-space: pre-wrap; overflow-wrap: anywhere }
@media (max-width: 700px) { .jp-RenderedHTMLCommon :is(td, th) { padding: 0.3em 0.2em } }
"""
PNG = "image/png"
# Of each notebook: its title, and what its key figure shows.
PAGES = {
    "01_download": ("Get the recordings, look at them, split them", "Clips of each class, by split"),
    "02_spectrograms": ("From sound to picture", "A clip as the network gets it"),
    "03_train_resnet": ("Train a ResNet", "Loss and accuracy while training"),
    "04_evaluate": ("See the errors, hear the errors", "Confusion matrix of the test clips"),
    "05_compare_cnns": ("Which network, and is the difference real?", "Test scores of each model"),
    "06_your_voice": ("Your own voice", "The answer, while pitch and formants of one voice are moved"),
}
# Of the scores on cards, and of the columns of the comparison: what they are called, and how they are written.
CARDS = {
    "accuracy": ("test accuracy", "{:.3f}"),
    "macro_f1": ("macro F1", "{:.3f}"),
    "gender_accuracy": ("gender predicted correctly", "{:.3f}"),
    "age_mae_years": ("mean error of the age", "{:.1f} years"),
}
COLUMNS = {
    "model": ("model", "{}"),
    "asked_about": ("asked about", "{}"),
    "accuracy": ("accuracy", "{:.3f}"),
    "macro_f1": ("macro F1", "{:.3f}"),
    "gender_accuracy": ("gender", "{:.3f}"),
    "age_mae_years": ("age error (years)", "{:.1f}"),
    "epochs": ("epochs", "{:.0f}"),
    "converged": ("converged", "{}"),
    "parameters": ("parameters", "{:,.0f}"),
    "seconds": ("training (s)", "{:.0f}"),
    "reason": ("why it is missing", "{}"),
}
INDEX = Template(Path(__file__).with_suffix(".html").read_text(encoding="utf-8"))


def notebook_page(notebook: nbformat.NotebookNode, title: str) -> str:
    """An executed notebook, with its outputs, as one HTML page that needs nothing else."""
    # With `embed_images` nbconvert would close each folded hint before its text; notebooks show no picture files anyway.
    exporter = HTMLExporter(template_name="lab", mathjax_url="", require_js_url="", jquery_url="")
    body, _ = exporter.from_notebook_node(fold_code(freeze_widgets(notebook)), {"metadata": {"name": title}})
    return body.replace("</head>", f"<style>{PAGE_STYLE}</style></head>", 1)


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


def fold_code(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """A copy of a notebook in which the code that JupyterLab hides is folded below its first line."""
    notebook = copy.deepcopy(notebook)
    for cell in notebook.cells:
        title, _, code = cell.source.partition("\n")
        if cell.cell_type == "code" and code and cell.metadata.get("jupyter", {}).get("source_hidden"):
            folded = f"<details><summary>Show the code</summary><pre>{html.escape(code)}</pre></details>"
            cell.source = title
            cell.outputs.insert(0, nbformat.v4.new_output("display_data", {"text/html": folded}))
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


def write_key_figure(notebook: nbformat.NotebookNode, path: Path) -> None:
    """Write the figure of the cell that is tagged `key-figure`, or a notebook's first one; nothing where it has none."""
    cells = sorted(notebook.cells, key=lambda cell: KEY_FIGURE not in tags(cell))  # the tagged one first
    figures = [output.data[PNG] for cell in cells for output in cell.get("outputs", []) if PNG in output.get("data", {})]
    path.unlink(missing_ok=True)
    if figures:
        with atomic_path(path) as temporary:
            temporary.write_bytes(base64.b64decode(figures[0]))


def write_index(artifacts: Artifacts, facts: dict[str, str], notebooks: list[str], *, network: str) -> Path:
    """Write `report/index.html`: summary, key figures, what they say and do not say, and links; return its path.

    Parameters
    ----------
    artifacts : Artifacts
    facts : dict of str
        As `summary` gives them.
    notebooks : list of str
        Names of those whose pages are there.
    network : str
        Name of the run to sum up.
    """
    manifest, classes = read_manifest(artifacts), read_classes(artifacts)
    run, _, predictions = read_run(artifacts, network)
    test = predictions[predictions["split"] == "test"]
    scores = bootstrap(test, classes, manifest=manifest)
    no_audio = no_audio_scores(predictions, classes)
    cards = [
        f"<div>{name}<b>{written.format(scores['value'][score])}</b>by guessing: {written.format(no_audio[score])}</div>"
        for score, (name, written) in CARDS.items()
        if score in scores.index
    ]
    sentences = _sentences(facts["dataset"], scores.loc["accuracy"], clips=len(test), manifest=manifest, seed=run["seed"])
    page = artifacts.report / "index.html"
    with pd.option_context("display.max_colwidth", None):  # else sentences in tables are cut off
        text = INDEX.substitute(
            title=f"Age and gender from voice: {html.escape(facts['dataset'])}",
            classes=len(classes),
            example=html.escape(classes[0]),
            cards="".join(cards),
            sentences="".join(f"<li>{sentence}</li>" for sentence in sentences),
            notebooks="".join(_notebook_html(name, artifacts, facts) for name in notebooks),
            comparison=_comparison(read_table(artifacts.comparison)).to_html(border=0, index=False),
            run=pd.Series(facts | {"device": run["device"]} | run["versions"]).to_frame().to_html(border=0, header=False),
        )
    write_text(page, text)
    return page


def _comparison(comparison: pd.DataFrame) -> pd.DataFrame:
    filled = comparison.replace("", pd.NA).replace({"converged": {True: "yes", False: "no"}}).dropna(axis="columns", how="all")
    written = {
        heading: filled[name].map(text.format, na_action="ignore").fillna("")
        for name, (heading, text) in COLUMNS.items()
        if name in filled
    }
    return pd.DataFrame(written)


def _sentences(dataset: str, accuracy: pd.Series, *, clips: int, manifest: pd.DataFrame, seed: int) -> list[str]:
    leaked = leakage(manifest)
    if pd.isna(leaked):
        heard = "Nobody knows whether the speakers of the test clips were heard in training, too."
    elif leaked:
        heard = (
            f"{leaked:.0%} of the test clips have a speaker whom the network heard in training: the scores say how well "
            "<b>known</b> voices are classified, not how well age and gender are predicted for strangers."
        )
    else:
        heard = "No speaker of a test clip was heard in training: the scores speak of strangers, recorded as this dataset was."
    voices = "These voices are <b>synthetic</b> (eSpeak NG), made for teaching: the scores say nothing about people."
    return [
        f"{accuracy['value']:.1%} of {clips} test clips got the right class. Other {accuracy['resampled']}s of this kind would "
        f"give between {accuracy['low']:.1%} and {accuracy['high']:.1%} (95% bootstrap interval). <i>By guessing</i> is the "
        "no-audio baseline: what a model scores that hears nothing, and knows how often each class occurs.",
        heard,
        *([voices] if dataset == "voices" else []),
        f"This is one training with one seed ({seed}); <code>make seeds</code> shows how far others lie apart.",
        "Age and gender are what the dataset's labels say. Do not use such a model to decide about people.",
    ]


def _notebook_html(name: str, artifacts: Artifacts, facts: dict[str, str]) -> str:
    title, caption = PAGES.get(name, (name, ""))
    picture, figure = artifacts.report / f"{name}.png", ""
    if picture.exists():
        source = data_uri(PNG, lambda file: file.write(picture.read_bytes()))
        image = f'<div class="wide"><a href="{name}.html"><img alt="{caption}" src="{source}"></a></div>'
        figure = f"<figure>{image}<figcaption>{caption}</figcaption></figure>"
    return f'<h3><a href="{name}.html">{name}</a>: {title} ({facts[f"seconds {name}"]} s)</h3>{figure}'
