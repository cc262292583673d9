"""The cells "Earlier stages" and "Keep the results": what a notebook builds on is brought or made, and saved (all notebooks)."""

import fnmatch
import html
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from IPython.display import display

from helpers.base import drive, machine
from helpers.base.archive import READY, archive_facts, archive_json, archive_names, archive_path, restore_archive
from helpers.base.artifacts import Artifacts, NoRecordingsError, SuiteError, read_table
from helpers.base.device import TRAINING_NOTEBOOKS
from helpers.base.settings import choose_profile, describe
from helpers.images import images_fit, make_images
from helpers.recordings import catalogue, voices
from helpers.recordings.manifest import build_manifest, read_manifest
from helpers.recordings.review import without_marked
from helpers.recordings.sounds import inspect_sound
from helpers.session import SHOWS_READY, Session, setting

RECORDINGS, IMAGES, NETWORK = "recordings", "spectrogram images", "trained network"
NEEDED = {0: (RECORDINGS, NETWORK), 1: (), 2: (RECORDINGS,), 3: (RECORDINGS, IMAGES)}  # by notebook; all others need all three
WAYS = ("auto", "make here", "from Drive", "ready-made")
READY_PROFILE = "quick"  # of all ready-made results
# What notebook 1's cell takes where nobody chooses.
CHOICES = {"labels": "exact", "split_method": "random", "small_classes": "leave out", "file_pattern": ""}
# Seconds a clip, and for each step of the small ResNet, on two cores without a GPU (docs/results.md).
SYNTHESIS_S, READING_S, CONVERSION_S, STEP_S = 0.03, 0.007, 0.01, 0.1
TICK = "tick USE_DRIVE in the settings cell, and run it again"
TABLES_ALONE = "What needs tables alone works all the same; what needs the sound says so."
COMPARED = 5  # clips that are read again to see whether the sound is the one that results were made from


def bring(session: Session, *, how: str = "auto") -> Session:
    """Show the stages before a notebook, then bring or make those that lack.

    Parameters
    ----------
    session : Session
    how : {"auto", "make here", "from Drive", "ready-made"}
        Where from; an environment variable `EARLIER_STAGES` wins. "auto" takes Drive, where it is used and holds this dataset, else
        what is ready-made, in notebooks that show results, and makes the rest.

    Returns
    -------
    Session
        With the profile of what was brought, if it is "auto".

    Raises
    ------
    SuiteError
        What this notebook can't begin without can't be made.
    """
    how = setting("EARLIER_STAGES", how)
    if how not in WAYS:
        raise SuiteError(f"EARLIER_STAGES={how!r} is no choice: take one of {', '.join(WAYS)}.")
    needed = NEEDED.get(session.notebook, (RECORDINGS, IMAGES, NETWORK))
    here = [stage for stage in needed if _is_here(session, stage)]
    archive, place = _archive(session, how, lacking=[stage for stage in needed if stage not in here])
    names = archive_names(archive) if archive is not None else set()  # asked once: Drive is slow
    if needed:
        places = {stage: "here" if stage in here else place if _holds(names, session, stage) else "" for stage in needed}
        display(StageTable(tuple(_row(session, stage, where) for stage, where in places.items())))
    else:
        print("This is the first notebook: there are no earlier stages.")
    restored = 0
    if archive is not None:
        try:
            restored = restore_archive(session.artifacts, archive)
            print(f"{restored} files brought back, {place}." if restored else f"What is {place} is here already.")
        except SuiteError as error:
            print(f"{error} The notebook goes on without it.")
        before = session.profile.name
        session = _as_ready(session) if place == "ready-made" else session.reopened()
        if session.profile.name != before:
            print(f"The profile is {session.profile.name} from here on, as in what was brought back.")
    if RECORDINGS in needed:
        _locate(session, compare=restored > 0)
    if session.notebook == 0 and not _is_here(session, NETWORK):  # then it must be trained, from images
        needed = (RECORDINGS, IMAGES, NETWORK)
    for stage in needed:
        if not _is_here(session, stage):
            MAKERS[stage](session)
            session = session.reopened() if stage == RECORDINGS else session
    return session


def save(session: Session) -> None:
    """Save all results of the dataset on Drive, where the settings ask for it; else say how to keep them."""
    if session.drive is not None:
        drive.save(session.artifacts, session.drive)
    elif machine.on_colab():
        print(
            "These results are lost with this machine. To keep them: tick USE_DRIVE in the settings cell, run it, then this cell."
        )
    else:
        print(f"The results stay in {session.artifacts.folder}.")


@dataclass(frozen=True)
class StageTable:
    """The stages before a notebook as a small table: what, where, what it takes.

    Attributes
    ----------
    rows : tuple of tuple of str
    """

    rows: tuple[tuple[str, str, str], ...]

    def __repr__(self) -> str:
        return "\n".join(f"{stage}: {where}{f' ({takes})' if takes else ''}" for stage, where, takes in self.rows)

    def _repr_html_(self) -> str:
        columns = 3 if any(takes for *_, takes in self.rows) else 2  # an empty one says nothing
        cells = (row[:columns] for row in (("earlier stage", "where", "what it takes"), *self.rows))
        lines = ["".join(f"<td style='text-align:left'>{html.escape(cell)}</td>" for cell in row) for row in cells]
        head, *body = (f"<tr>{line}</tr>" for line in lines)
        return f"<table><thead>{head.replace('td', 'th')}</thead><tbody>{''.join(body)}</tbody></table>"


def _is_here(session: Session, stage: str) -> bool:
    """Whether the results of a stage are on this disk, whole and of each other."""
    artifacts, profile = session.artifacts, session.profile
    try:
        manifest = read_manifest(artifacts)
        if stage == IMAGES:
            # What shows the results of a network takes its images as they are.
            shown = (
                session.notebook not in TRAINING_NOTEBOOKS
                and artifacts.spectrogram_settings.exists()
                and _is_here(session, NETWORK)
            )
            fits = shown or images_fit(artifacts, profile=profile)
            return fits and all(artifacts.image(clip).exists() for clip in manifest["clip"])
        if stage == NETWORK:
            from helpers.network.run import read_run

            files = artifacts.run(profile.network)
            read_run(artifacts, profile.network)
            return files.history.exists() and (session.notebook == 4 or files.model.exists())
        return True
    except SuiteError:
        return False


def _archive(session: Session, how: str, *, lacking: list[str]) -> tuple[Path | None, str]:
    """The archive to restore from and where it is, in words; None, and a sentence where one was asked for, if there is none."""
    if how in ("auto", "from Drive"):
        there = session.drive and archive_path(session.artifacts, session.drive)
        if there and there.exists():
            return there, "on Drive"
        if how == "from Drive":
            print(f"{there} is not there: nothing of this dataset was saved yet." if there else f"Drive is not mounted: {TICK}.")
    ready = READY / f"{session.dataset}.zip"
    if how == "ready-made" or (how == "auto" and session.notebook in SHOWS_READY and NETWORK in lacking):
        reason = "" if ready.exists() else f"there are none for {session.dataset}"
        reason = reason or _misfit(_as_ready(session), ready)
        if not reason:
            return ready, "ready-made"
        if how == "ready-made":
            known = ", ".join(sorted(path.stem for path in READY.glob("*.zip"))) or "no dataset"
            print(f"Ready-made results can't be taken, because {reason}. They exist for {known}, with the profile {READY_PROFILE}.")
    return None, ""


def _as_ready(session: Session) -> Session:
    """The session for ready-made results, whose profile "auto" follows on a GPU as well: to look at them takes no training."""
    if session.asked != "auto":
        return session
    return replace(session, profile=choose_profile(READY_PROFILE, overrides=session.overrides))


def _misfit(session: Session, ready: Path) -> str:
    """Why ready-made results are not of what this session asks for; empty where they are."""
    from helpers.network.run import NOT_OF_RESULTS, changed_settings

    try:
        facts = archive_facts(ready)
    except SuiteError as error:
        return f"{error}".rstrip(".")
    if changed := [name.upper() for name, value in _choices().items() if facts.get(name, value) != value]:
        return f"they have other choices for {', '.join(changed)}"
    made = archive_json(ready, f"models/{session.profile.network}/run.json").get("settings", {})
    changed = [*changed_settings(made, describe(session.profile), ignored=NOT_OF_RESULTS)]
    return f"they have other settings ({', '.join(changed[:3])})" if changed else ""


def _choices() -> dict[str, str]:
    return {name: setting(name.upper(), value) for name, value in CHOICES.items()}


def _holds(names: set[str], session: Session, stage: str) -> bool:
    """Whether an archive with files of these names holds a stage."""
    runs = "models/*/run.json" if session.asked == "auto" else f"models/{session.profile.network}/run.json"
    mark = {RECORDINGS: "manifest.csv", IMAGES: "spectrograms/*.png", NETWORK: runs}[stage]
    return bool(fnmatch.filter(names, mark))


def _row(session: Session, stage: str, where: str) -> tuple[str, str, str]:
    """A stage, where it is (empty if nowhere), and what it takes to have it."""
    dataset = catalogue.choose_dataset(session.dataset)
    sound = ""
    if stage == RECORDINGS and not _has_corpus(session.artifacts):
        if session.dataset == "voices":
            sound = "seconds to synthesise the sound"
        elif dataset.kaggle and not session.data_dir:
            sound = f"{dataset.megabytes:,} MB to download, if not done yet"
    if where:
        return stage, where, sound
    return stage, "to be made now", "; ".join(filter(None, (_duration(session, stage), sound if dataset.kaggle else "")))


def _duration(session: Session, stage: str) -> str:
    """About how long a stage takes on two cores, as far as that is known before it begins."""
    profile, clips = session.profile, _clips(session)
    if not clips:
        return "depends on the number of clips"
    if stage == NETWORK:
        if profile.network != "small_resnet":
            return "minutes with a GPU, hours without: an estimate follows its first steps"
        training = max(round(0.6 * clips), 1)
        seconds = STEP_S * profile.epochs * training * profile.windows_per_clip(training) / profile.batch_size
    else:
        made = READING_S + (SYNTHESIS_S if session.dataset == "voices" else 0)
        seconds = clips * (made if stage == RECORDINGS else CONVERSION_S)
    return f"about {seconds / 60:.0f} min" if seconds > 90 else "about 1 min" if seconds > 30 else "seconds"


def _clips(session: Session) -> int:
    """How many clips there are, or will be; 0 where nobody knows."""
    if session.artifacts.manifest.exists():
        return len(read_table(session.artifacts.manifest))
    if session.dataset == "voices":
        return len(voices.CATEGORIES) * session.profile.corpus.speakers * session.profile.corpus.sentences
    return catalogue.choose_dataset(session.dataset).clips


def _locate(session: Session, *, compare: bool) -> None:
    """Find the sound that the tables are of, and say where some is missing or is other sound; without tables, it must be there."""
    artifacts = session.artifacts
    try:
        if not _has_corpus(artifacts):
            source = _source(session)
            artifacts.locate_corpus(source if source.is_dir() else source.parent)
        if not artifacts.manifest.exists():
            return
        manifest = read_table(artifacts.manifest)
        missing = sum(not artifacts.audio(path).exists() for path in manifest["path"])
    except SuiteError as error:
        if not artifacts.manifest.exists():
            raise
        print(f"{error} {TABLES_ALONE}")
        return
    if missing:
        print(f"{missing} of {len(manifest)} recordings are not in {artifacts.corpus()}. {TABLES_ALONE}")
    elif compare and (changed := _changed(session, manifest)):
        print(
            f"Warning: the sound here is not the one that these results were made from ({changed}), as with another version of the "
            "speech synthesiser. What was predicted stands as it was; what is computed anew may differ a little."
        )


def _has_corpus(artifacts: Artifacts) -> bool:
    try:
        return artifacts.corpus().is_dir()
    except NoRecordingsError:
        return False


def _source(session: Session) -> Path:
    corpus = session.profile.corpus
    return catalogue.locate(session.dataset, data_dir=session.data_dir, artifacts=session.artifacts, corpus=corpus)


def _changed(session: Session, manifest: pd.DataFrame) -> str:
    """The first of some clips whose duration or level is not the manifest's; empty if all are as they were."""
    for row in manifest.iloc[:: max(1, len(manifest) // COMPARED)].itertuples():
        found = inspect_sound(session.artifacts.audio(row.path), longest_s=session.profile.spectrogram.longest_s)
        if not np.isclose([found.duration_s, found.level_db], [row.duration_s, row.level_db], atol=0.05).all():
            return row.clip
    return ""


def _make_recordings(session: Session) -> None:
    profile = session.profile
    longest_s = profile.spectrogram.longest_s
    build_manifest(session.dataset, _source(session), session.artifacts, seed=profile.seed, longest_s=longest_s, **_choices())


def _make_images(session: Session) -> None:
    try:
        make_images(session.artifacts, profile=session.profile)
    except SuiteError as error:
        print(f"{error} Without spectrogram images, {TABLES_ALONE[0].lower()}{TABLES_ALONE[1:]}")


def _make_network(session: Session) -> None:
    machine.check_gpu()  # loads TensorFlow without its log lines, so before what needs it
    from helpers.network.training import train

    manifest = read_manifest(session.artifacts)
    if session.profile.leave_out_marked:
        manifest = without_marked(manifest, session.artifacts)
    train(session.profile.network, manifest, session.artifacts, profile=session.profile)
    if session.drive is not None:  # minutes of work: not only at the end of the notebook
        save(session)


MAKERS = {RECORDINGS: _make_recordings, IMAGES: _make_images, NETWORK: _make_network}
