"""The first page of a report, which is made to be sent around: headline, key figures, errors that play, notebooks, model card.

It needs no network and no Python: sounds and pictures are in it.
"""

import html
from pathlib import Path
from string import Template

import pandas as pd
from nbconvert.filters import markdown2html

from helpers.base.artifacts import Artifacts, read_json, read_table, write_text
from helpers.base.settings import Profile
from helpers.display.alternatives import PNG
from helpers.display.clip import ClipParts, clip_pixels, clip_sound, data_uri, part_of, picture_html
from helpers.display.player import flac
from helpers.evaluation.intervals import bootstrap
from helpers.evaluation.scores import errors_of, no_audio_scores, read_classes, with_predictions
from helpers.network.run import read_run
from helpers.recordings.manifest import read_manifest
from helpers.recordings.splits import leakage
from helpers.suite.report import SCROLLS

SHOWN_ERRORS = 12
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
    "seconds": ("training (s)", "{:.2f}"),
    "reason": ("why it is missing", "{}"),
}
OF_RACE = (
    "The first line is of the race in notebook 5, which trains this network anew, on some sentences of some of the speakers; "
    "the boxes, and the errors below, are of the network of notebook 3."
)
INDEX = Template(Path(__file__).with_suffix(".html").read_text(encoding="utf-8"))


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


def write_index(artifacts: Artifacts, facts: dict[str, str], notebooks: list[str], *, network: str) -> Path:
    """Write `report/index.html`: headline, key figures, errors, links and the model card; return its path.

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
    page, comparison = artifacts.report / "index.html", read_table(artifacts.comparison)
    found = headline(comparison, network)
    with pd.option_context("display.max_colwidth", None):  # else sentences in tables are cut off
        text = INDEX.substitute(
            title=f"Age and gender from voice: {html.escape(facts['dataset'])}",
            classes=len(classes),
            example=html.escape(classes[0]),
            scrolls=SCROLLS,
            headline=found,
            cards="".join(cards),
            errors=errors_html(with_predictions(manifest, test), artifacts),
            sentences="".join(f"<li>{sentence}</li>" for sentence in [*([OF_RACE] if found else []), *sentences]),
            notebooks="".join(_notebook_html(name, artifacts, facts) for name in notebooks),
            comparison=_comparison(comparison).to_html(border=0, index=False),
            card=markdown2html(artifacts.model_card.read_text(encoding="utf-8")) if artifacts.model_card.exists() else "",
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
        source = data_uri(PNG, picture.read_bytes())
        image = f'<div class="wide"><a href="{name}.html"><img alt="{caption}" src="{source}"></a></div>'
        figure = f"<figure>{image}<figcaption>{caption}</figcaption></figure>"
    return f'<h3><a href="{name}.html">{name}</a>: {title} ({facts[f"seconds {name}"]} s)</h3>{figure}'


def headline(comparison: pd.DataFrame, network: str) -> str:
    """What the race found about known voices and about strangers, in a sentence; empty where a network was not in it.

    Examples
    --------
    >>> rows = [["net", "known", 0.95, ""], ["net", "strangers", 0.04, ""]]
    >>> headline(pd.DataFrame(rows, columns=["model", "asked_about", "accuracy", "reason"]), "net")
    'Of 100 clips of voices that it <b>knows</b>, the network gets 95 right; of 100 clips of <b>strangers</b>, 4.'
    """
    rows = comparison[(comparison["model"] == network) & (comparison["reason"] == "")].set_index("asked_about")["accuracy"]
    known, strangers = (f"{100 * rows[name]:.0f}" if name in rows else "" for name in ("known", "strangers"))
    if not known:
        return ""
    sentence = f"Of 100 clips of voices that it <b>knows</b>, the network gets {known} right"
    return sentence + (f"; of 100 clips of <b>strangers</b>, {strangers}." if strangers else ". Nobody asked it about strangers.")


def errors_html(test: pd.DataFrame, artifacts: Artifacts) -> str:
    """The errors that the network was most confident of, each with picture and player.

    Parameters
    ----------
    test : pd.DataFrame
        Manifest rows with `predicted` and `confidence`.
    """
    wrong = errors_of(test).nlargest(SHOWN_ERRORS, "confidence")
    return "".join(_error_html(row, artifacts) for _, row in wrong.iterrows()) or "<p>There is no error among the test clips.</p>"


def _error_html(row: pd.Series, artifacts: Artifacts) -> str:
    parts, (sound, problem) = ClipParts(row["duration_s"]), clip_sound(row, artifacts)
    pixels, heard, seen = clip_pixels(row, artifacts, sound=sound), f"<p>{html.escape(problem)}</p>", ""
    if sound is not None:
        encoded, _ = flac(part_of(sound, parts), sound.sample_rate)
        source = data_uri("audio/flac", encoded)
        heard = f'<audio controls preload="metadata" aria-label="{html.escape(row["clip"])}" src="{source}"></audio>'
    if pixels is not None:
        seen = f'<div class="picture">{picture_html(pixels, name=row["clip"], stretch=parts.fractions)}<i></i></div>'
    taken = f"<b>{html.escape(row['label'])}</b> taken for <b>{html.escape(row['predicted'])}</b>"
    return f'<div class="error">{seen}{heard}<p>{taken}, confidence {row["confidence"]:.2f}<br>{html.escape(row["clip"])}</p></div>'
