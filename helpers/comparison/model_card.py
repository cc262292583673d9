"""The model card, written from the tables (notebook 05).

After Mitchell et al. (2019), "Model cards for model reporting", Proc. FAT* '19, 220-229.
"""

import html
import re

import pandas as pd

from helpers.base.artifacts import Artifacts, read_json, read_table, write_text
from helpers.base.machine import PROJECT
from helpers.base.settings import Profile
from helpers.evaluation.intervals import accuracy_by, bootstrap
from helpers.evaluation.scores import clip_scores, errors_of, read_classes, with_predictions
from helpers.network.run import read_run
from helpers.recordings.labels import known_age_groups
from helpers.recordings.manifest import read_manifest
from helpers.recordings.review import error_table
from helpers.recordings.splits import SPLITS, leakage

NOT_FOR = PROJECT / "notebooks" / "not_for.md"
SCORES = ["accuracy", "macro_f1", "gender_accuracy", "age_group_accuracy", "age_mae_years"]
COMPARED = [
    "model", "asked_about", "clips", "speakers", "accuracy", "accuracy_low", "accuracy_high", "gender_accuracy", "age_mae_years",
    "converged",
]  # fmt: skip
NAMES = {"macro_f1": "macro F1", "age_mae_years": "age error (years)"}  # other names lose their underscores alone
NO_STRANGERS = "\n\n**Here there is no test of strangers**: the clips were split one by one, so nothing is said about new people."
GROUP_INTERVALS = {
    "speaker": "resampled by speaker, too, and no narrower than Wilson's; a group of one speaker has none.",
    "clip": "reckoned from its clips, as who speaks is not known for all: if some clips share a speaker, it is too narrow.",
}
CARD = """# Model card: {profile.network} on {dataset[title]}

Written by notebook 5 from the tables of this results folder; every figure comes from them.{synthetic}

## The model

| fact | value |
|---|---|
| network | {profile.network}, {run[parameters]:,} parameters, {start} weights at the start |
| input | mel spectrograms of speech ({profile.spectrogram.sample_rate} Hz, {profile.spectrogram.mel_bins} mel bins) |
| output | a probability for each of {classes} classes, such as {examples} |
| trained | {run[settings][epochs]} epochs (kept: {run[best_epoch]}), seed {run[seed]}, {run[seconds]:.0f} s on {run[device]} |
| versions | {versions} |

## Intended use

Teaching: how such a model is made, tested and questioned. Not for decisions about people; see
[what it should not be used for](not_for.md).

## Data

{dataset[title]}. Licence: {dataset[licence]}. Citation: {dataset[citation]}.
{clips} clips of {speakers} speakers, {dataset[rejected]} left out (`rejected.csv`).
Labels: {dataset[labels]}; the split, `{dataset[split_method]}`, has {splits}.
{leaked}

## Scores on the test clips

95% intervals by bootstrap, resampled by {resampled}.

{scores}

## By gender and age

{groups}

Each group's interval of the accuracy, `low` to `high`, is {group_intervals}
Where two groups' intervals lie apart, the model serves one of them worse; where they overlap, they alone cannot tell.

## Errors that somebody heard

{heard}

## Known voices and strangers, beside other models

From the race (`comparison.csv`): there each network was trained anew, on some sentences of some of the speakers, until it had
converged or for {profile.compare_epochs} epochs. Then it was asked about other sentences of these `known` voices, and about
`strangers`: only the second says what to expect of new people. The baseline `no_audio` always answers the most frequent class and
the median age. Intervals are those of the accuracy.{no_strangers}

{comparison}

## Limits

- Two genders and ages in years, as the dataset's tables give them; nobody was asked here.
- One corpus, its language, its microphones, its way of speaking. On another corpus the scores are lower as a rule.
- The expected age is drawn to the middle of the ages in training.
- The intervals tell how the scores would move with other test speakers of the same kind, not with other corpora.
"""


def group_scores(test: pd.DataFrame, manifest: pd.DataFrame, classes: list[str]) -> pd.DataFrame:
    """Scores of the test clips by the speakers' gender and age group, where the manifest knows them.

    Returns
    -------
    pd.DataFrame
        One row a `group`: `clips`, `speakers` (where known), `accuracy` with its 95% interval `low` to `high`, and
        `gender_accuracy` and `age_mae_years` where the class names give them.
    """
    facts = manifest.set_index("clip").loc[test["clip"]]
    groups = {"gender": facts["gender"].where(facts["gender"] != ""), "age": known_age_groups(facts)}
    each = clip_scores(test, classes).set_index(test["clip"])
    more = each.columns.intersection(["gender_accuracy", "age_mae_years"], sort=False)
    tables = []
    for name, values in groups.items():
        group = (f"{name} " + values.dropna().astype(str)).rename("group")
        table = accuracy_by(test, group, manifest=manifest).drop(columns="errors")
        tables.append(table.join(each[more].groupby(group).mean()))
    return pd.concat(tables)


def _start(run: dict) -> str:
    """Which weights a network started from, in words."""
    if "weights_file" in run:
        return f"{verbatim(run['weights_file']['name'])}'s"
    if run.get("start"):
        return "the synthetic voices'"
    return "ImageNet" if run["settings"].get("weights") == "imagenet" else "random"


def write_model_card(artifacts: Artifacts, *, profile: Profile) -> str:
    """Write `model_card.md` of the profile's network from the tables, and the page `not_for.md` that it links; return the card."""
    manifest, classes, dataset = read_manifest(artifacts), read_classes(artifacts), read_json(artifacts.dataset)
    run, _, predictions = read_run(artifacts, profile.network)
    test = predictions[predictions["split"] == "test"].reset_index(drop=True)
    scores, groups = bootstrap(test, classes, manifest=manifest), group_scores(test, manifest, classes)
    shown = scores.loc[scores.index.intersection(SCORES, sort=False)].drop(columns="resampled")
    comparison = read_table(artifacts.comparison)
    compared = comparison[comparison["reason"] == ""].reindex(columns=COMPARED).set_index("model")
    compared["converged"] = compared["converged"].map({True: "yes", False: "no"})
    leaked, counts = leakage(manifest), manifest["split"].value_counts()
    synthetic = "\n\n**The voices are synthetic: no score in this card says anything about people.**"
    heard = f"**{leaked:.0%} of the test clips have a speaker who was heard in training.**"
    card = CARD.format(
        profile=profile,
        dataset={name: html.escape(str(value), quote=False) for name, value in dataset.items()},
        run=run,
        synthetic=synthetic if dataset["dataset"] == "voices" else "",
        start=_start(run),
        classes=len(classes),
        examples=f"{verbatim(classes[0])} and {verbatim(classes[-1])}",
        versions=", ".join(f"{name} {version}" for name, version in run["versions"].items()),
        clips=len(manifest),
        speakers=manifest["speaker"].replace("", None).nunique() or "unknown",
        splits=", ".join(f"{counts.get(part, 0)} clips for {part}" for part in SPLITS),
        leaked="Who speaks is not known." if pd.isna(leaked) else heard,
        resampled=scores["resampled"].iloc[0],
        group_intervals=GROUP_INTERVALS[scores["resampled"].iloc[0]],
        scores=markdown_table(shown.rename(index=in_words)),
        groups=markdown_table(groups) if len(groups) else "The dataset does not say.",
        heard=_heard(with_predictions(manifest, test), artifacts),
        no_strangers="" if "strangers" in set(compared["asked_about"]) else NO_STRANGERS,
        comparison=markdown_table(compared),
    )
    write_text(artifacts.not_for, NOT_FOR.read_text(encoding="utf-8"))
    write_text(artifacts.model_card, card)
    return card


def _heard(test: pd.DataFrame, artifacts: Artifacts) -> str:
    """How many of a network's errors were listened to, and what was found."""
    errors = error_table(errors_of(test), artifacts)
    marks = errors.loc[errors["mark"] != "", "mark"].value_counts()
    heard = f"{(errors['heard'] == 'yes').sum()} of the {len(errors)} errors among the test clips were played in notebook 4"
    found = "; ".join(f"{mark}: {number}" for mark, number in marks.items())
    return f"{heard}. Marks on them: {found or 'none'}. Notes on {(errors['note'] != '').sum()}."


def verbatim(name: str) -> str:
    """A name from the data as code in Markdown, so that nothing in it is a formula, HTML or other markup.

    Examples
    --------
    >>> print(verbatim("female_23"), verbatim("$5|$10"))
    `female_23` <code>&#36;5&#124;&#36;10</code>
    """
    if re.fullmatch("[^\\W_][\\w .-]*", name):
        return f"`{name}`"
    # Readers of Markdown differ in what they take for markup between backticks, and none looks into an entity.
    return f"<code>{re.sub('[^a-zA-Z0-9]', lambda sign: f'&#{ord(sign[0])};', ' '.join(name.split()))}</code>"


def in_words(name: str) -> str:
    """The name of a score or of a column, as the card writes it."""
    return NAMES.get(name, str(name).replace("_", " "))


def markdown_table(table: pd.DataFrame) -> str:
    """A table as Markdown, numbers but counts with three digits after the point, missing ones empty.

    Examples
    --------
    >>> print(markdown_table(pd.DataFrame({"clips": [12], "f1": [0.81254]}, index=pd.Index(["svm"], name="model"))))
    | model | clips | f1 |
    |---|---|---|
    | svm | 12 | 0.813 |
    """

    def cell(value, whole: bool) -> str:
        if pd.isna(value):
            return ""
        if not isinstance(value, float):
            return html.escape(" ".join(str(value).split()), quote=False)
        return f"{value:g}" if whole else f"{value:.3f}"

    table = table.reset_index()
    numbers = table.select_dtypes("number")
    counts = numbers.columns[(numbers.isna() | (numbers % 1 == 0)).all() & (numbers.max() > 1)]  # floats where one is missing
    cells = [[cell(value, name in counts) for value in column] for name, column in table.items()]
    texts = [[in_words(name) for name in table], *map(list, zip(*cells, strict=True))]
    # A `|` in a text does not end its cell.
    head, *body = ("| " + " | ".join(text.replace("|", r"\|") for text in row) + " |" for row in texts)
    return "\n".join([head, f"|{'---|' * len(table.columns)}", *body])
