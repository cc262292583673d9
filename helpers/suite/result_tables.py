"""The tables of docs/, the README and notebook 3, made of the published runs and of the rows of the search for a recipe."""

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import nbformat
import pandas as pd

from helpers.base import machine
from helpers.base.artifacts import read_json, read_table, write_text
from helpers.recordings.splits import SPLITS
from helpers.suite import recipe
from helpers.suite.published import (
    BENCH,
    EMOTIONS,
    OTHER,
    PUBLISHED,
    RUNS,
    SUITE_RUN,
    SYNTHETIC,
    profile_of,
    read_published,
    read_suite,
)  # fmt: skip
from helpers.suite.run_tables import lesson_lines, letter_lines, question_lines, run_lines, statistics_lines, table

PAGES = (
    machine.PROJECT / "README.md",
    machine.PROJECT / "docs" / "results.md",
    machine.PROJECT / "docs" / "scale.md",
    machine.PROJECT / "notebooks" / "03_train_resnet.ipynb",
)
# Which rows of the search, on test clips, are results, and of which tries.
CORPORA = {
    "emodb": "EmoDB, which of ten people, by clip",
    "baved, gender": "BAVED, gender, by clip",
    "baved, gender, strangers": "BAVED, gender of strangers, mean over speakers",
}
MODELS = {"quick": "small ResNet, started from `voices`", "fisher vector": "Fisher vector with a linear classifier"}
ASKED_ABOUT = {"known": "39 classes of `voices`, asked of known voices", "strangers": "the same, asked of strangers"}


def write_tables() -> None:
    """Write the tables into the pages, between their marks."""
    changed = [(path, with_tables(path)) for path in PAGES]  # all of them, or none
    for path, text in changed:
        write_text(path, text)


def with_tables(path: Path) -> str:
    """A page or a notebook with its tables as they would be written now."""

    def filled(text: str) -> str:
        for mark, lines in TABLES.items():
            text = recipe.between(text, mark, "\n".join(lines())) if f"<!-- {mark} -->" in text else text
        return text

    if path.suffix != ".ipynb":
        return filled(path.read_text("utf-8"))
    notebook = nbformat.read(path, nbformat.NO_CONVERT)
    for cell in notebook.cells:
        cell.source = filled(cell.source)
    return nbformat.writes(notebook, nbformat.NO_CONVERT) + "\n"


@table("what is predicted, and for whom", "model", "accuracy", "macro F1")
def headline_lines() -> Iterator[tuple]:
    """The scores that say most."""
    test = read_published(SUITE_RUN)[2]["test"]
    what = "39 classes of `voices` (synthetic), as notebook 3 splits them: known voices"
    yield what, "small ResNet", f"**{test['accuracy']:.3f}**", f"{test['macro_f1']:.3f}"
    for what, model, scores in test_scores():
        yield f"{what}, mean of {len(scores)} seeds", model, f"**{scores.mean():.3f}**", ""
    race = read_suite()[0]
    network = race[race["model"] == profile_of(RUNS[SUITE_RUN]).network].set_index("asked_about")
    for asked, what in ASKED_ABOUT.items():
        yield what, "the race's small ResNet", f"**{network['accuracy'][asked]:.3f}**", f"{network['macro_f1'][asked]:.3f}"
    yield "strangers, their gender alone", "the same", f"{network['gender_accuracy']['strangers']:.3f}", ""
    yield "39 classes of the study's own data, as it reports", "ResNet50", "0.96", ""


def test_scores() -> Iterator[tuple[str, str, pd.Series]]:
    """Of each corpus and model: what is asked, the model, and its test scores by seed."""
    rows = read_table(recipe.ROWS)
    for task, what in CORPORA.items():
        for name, model in MODELS.items():
            scores = recipe.scores_of(rows, name, task, part="test_")
            if len(scores):
                yield what, model, scores


@table("recordings and question", "model", "seeds", "test scores", "mean")
def corpus_lines() -> Iterator[tuple]:
    """Test scores of real speech, each seed with a split and a training of its own."""
    for what, model, scores in test_scores():
        each = ", ".join(f"{score:.3f}" for score in scores)
        yield what, model, ", ".join(map(str, scores.index)), each, f"**{scores.mean():.3f}**"


@table("part", "clips", "accuracy", "macro F1", "top 3", "gender", "error of the age in years")
def small_lines() -> Iterator[tuple]:
    """The network of notebook 3 on `voices`, by part of the split."""
    metrics = read_published(SUITE_RUN)[2]
    for part in SPLITS:
        found = metrics[part]
        scores = (f"{found[score]:.3f}" for score in ("accuracy", "macro_f1", "top_3_accuracy", "gender_accuracy"))
        yield part, found["clips"], *scores, f"{found['age_mae_years']:.2f}"


@table(
    "model", "epochs", "class: known voices", "class: strangers", "gender: known, strangers",
    "error of the age in years: known, strangers",
)  # fmt: skip
def race_lines() -> Iterator[tuple]:
    """The race, a line a model, known voices beside strangers."""
    for model, found in read_suite()[0].groupby("model", sort=False):
        rows = found.set_index("asked_about").reindex(list(ASKED_ABOUT))
        epochs, converged = rows.iloc[0][["epochs", "converged"]]
        trained = "" if pd.isna(epochs) else f"{epochs:.0f}, {'' if converged else 'not '}converged"
        classes = (
            f"{row.accuracy:.3f} ({row.accuracy_low:.3f} to {row.accuracy_high:.3f})" if row.accuracy >= 0 else ""
            for row in rows.itertuples()
        )
        genders, ages = (", ".join(f"{value:.{digits}f}" for value in rows[score].dropna())
                         for score, digits in (("gender_accuracy", 3), ("age_mae_years", 1)))  # fmt: skip
        yield model, trained, *classes, genders, ages


@table("whose answer", "clips", "gender right (95% interval)")
def elsewhere_lines() -> Iterator[tuple]:
    """What a network that has heard no person says of people, beside what trivial rules reach."""
    read_published(SYNTHETIC)
    for row in read_table(PUBLISHED / SYNTHETIC / OTHER).query("question == 'gender'").itertuples():
        yield f"{row.answer}, {row.corpus}", f"{row.clips}, {row.part}", f"{row.accuracy:.3f} ({row.low:.3f} to {row.high:.3f})"


@table("emotion", "women right", "men right")
def emotion_lines() -> Iterator[tuple]:
    """The same network by emotion: the fraction that is right, and of how many clips."""
    for emotion, rows in read_table(PUBLISHED / SYNTHETIC / EMOTIONS).groupby("emotion"):
        by_gender = {row.gender: f"{row.accuracy:.2f} of {row.clips}" for row in rows.itertuples()}
        yield emotion, by_gender.get("female", ""), by_gender.get("male", "")


@table("notebook", "seconds", "of which networks were trained")
def seconds_lines() -> Iterator[tuple]:
    """The seconds that each notebook took in `make run`."""
    race, seconds = read_suite()
    networks = race[race["epochs"].notna() & (race["asked_about"] == "known")]
    trained = {"03": read_published(SUITE_RUN)[0]["seconds"], "05": (networks["seconds"] * networks["seeds"]).sum()}
    for name, value in seconds.items():
        yield name, f"{value:.0f}", f"{trained.get(name[:2], 0):.0f}"
    yield "all", f"{sum(seconds.values()):.0f}", f"{sum(trained.values()):.0f}"


@table("benchmark", "figure", "value", "lowest to highest")
def bench_lines() -> Iterator[tuple]:
    """The benchmarks but `scale`; of ratios also the lowest and the highest of the rounds."""
    for benchmark, figures in read_json(BENCH).items():
        for name, value in figures.items() if benchmark != "scale" else ():
            if not name.endswith(("_lowest", "_highest")):
                spread = f"{figures[f'{name}_lowest']} to {figures[f'{name}_highest']}" if f"{name}_lowest" in figures else ""
                yield benchmark, name, value, spread


def read_scale() -> pd.DataFrame:
    """The benchmark `scale`: `ms` a clip, and peak memory in MiB of the process (`main_mib`) and of its largest `worker_mib`."""
    rows: dict[tuple[str, int], dict[str, float]] = {}
    for name, value in read_json(BENCH)["scale"].items():
        stage, clips, what = re.fullmatch(r"(\w+?)_(\d+)_(\w+)", name).groups()
        rows.setdefault((stage, int(clips)), {})[what] = value
    return pd.DataFrame(rows).T.reindex(columns=["ms", "main_mib", "worker_mib"])


@table("stage", "clips", "ms a clip", "peak memory in MiB: process, largest worker")
def scale_lines() -> Iterator[tuple]:
    """What each stage costs, by number of clips."""
    for stage, found in read_scale().groupby(level=0, sort=False):
        for (_, clips), row in found.sort_index().iterrows():
            memory = ", ".join(f"{peak:.0f}" for peak in row[["main_mib", "worker_mib"]] if peak > 0)
            yield stage, f"{clips:,}", f"{row['ms']:.2f}", memory


@table("stage", "hours", "memory of the process in GiB")
def million_lines() -> Iterator[tuple]:
    """What 10^6 clips would take: each as long as among the most, and memory along the line of the last two sizes."""
    for stage, found in read_scale().groupby(level=0, sort=False):
        (fewer, before), (most, last) = ((clips, row) for (_, clips), row in found.sort_index().tail(2).iterrows())
        mib = last["main_mib"] + (last["main_mib"] - before["main_mib"]) / (most - fewer) * (1e6 - most)
        yield stage, f"{last['ms'] * 1e6 / 3.6e6:.1f}", "" if pd.isna(mib) else f"{mib / 1024:.1f}"


TABLES: dict[str, Callable[[], Iterable[str]]] = {
    "headline": headline_lines,
    "small": small_lines,
    "corpora": corpus_lines,
    "race": race_lines,
    "elsewhere": elsewhere_lines,
    "emotions": emotion_lines,
    "seconds": seconds_lines,
    "bench": bench_lines,
    "scale": scale_lines,
    "million": million_lines,
    "runs": run_lines,
    "questions": question_lines,
    "statistics": statistics_lines,
    "letter": letter_lines,
    "lesson": lesson_lines,
}
