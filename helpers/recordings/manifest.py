"""The manifest: one row a clip, its split, and the list of what was left out and why (notebook 01)."""

import os
from functools import partial
from pathlib import Path

import pandas as pd

from helpers.base.artifacts import LAYOUT, Artifacts, SuiteError, fingerprint, read_json, read_table, write_json, write_table
from helpers.base.machine import on_all_cores
from helpers.recordings.catalogue import choose_dataset, list_clips
from helpers.recordings.classes import kind_that_fits, label_clips, name_speakers
from helpers.recordings.duplicates import copies_line, duplicate_reasons
from helpers.recordings.files import count_endings, printable
from helpers.recordings.labels import LABEL_KINDS
from helpers.recordings.reasons import nothing_to_label, summary
from helpers.recordings.sounds import LONGEST_S, SoundFacts, inspect_sound
from helpers.recordings.splits import SMALLEST_CLASS, SPLIT_METHODS, describe_split, merge_small_classes, split_clips

MEMBERS = {"random": "usable clips", "speaker": "speakers"}  # what a class needs enough of, in words
COLUMNS = ["clip", "path", "gender", "age", "age_range", "speaker", "label", "duration_s", "sample_rate", "split"]
COLUMNS += ["level_db", "clipped", "emotion", "sentence", "note"]
LONGEST_NAME = 200  # bytes; file systems allow 255, and an ending is added


def clip_names(paths: list[Path], source: Path) -> list[str]:
    """Names of clips, unique in the dataset and fit for a file's name.

    The file's name without its ending if that is unique for all, else the path below `source` with `/` made `__`, else
    that with a fingerprint of the path. A name too long for a file is cut and gets a fingerprint too.

    Examples
    --------
    >>> clip_names([Path("/d/f_23/a.wav"), Path("/d/f_23/b.wav")], Path("/d"))
    ['a', 'b']
    >>> clip_names([Path("/d/f_23/a.wav"), Path("/d/m_41/a.wav")], Path("/d"))
    ['f_23__a', 'm_41__a']
    """
    relative = {path: Path(os.path.relpath(path, source)) for path in paths}  # a path that is there twice has one name
    digests = [fingerprint(path.as_posix().encode())[:12] for path in relative.values()]
    joined = ["__".join(part for part in (path.parent / path.stem).parts if part != "..") for path in relative.values()]
    unique = [f"{name}-{digest}" for name, digest in zip(joined, digests, strict=True)]
    schemes = ([path.stem for path in relative.values()], joined, unique)
    names = next(names for names in schemes if len({name.casefold() for name in names}) == len(names))
    named = {
        path: name if len(name.encode()) <= LONGEST_NAME else f"{name.encode()[:LONGEST_NAME].decode(errors='ignore')}-{digest}"
        for path, name, digest in zip(relative, names, digests, strict=True)
    }
    return [named[path] for path in paths]


def build_manifest(
    name: str,
    source: Path,
    artifacts: Artifacts,
    *,
    seed: int,
    labels: str = "exact",
    split_method: str = "random",
    small_classes: str = "leave out",
    longest_s: float = LONGEST_S,
    file_pattern: str = "",
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """List a dataset's clips, decode each, leave out what can't be used, split the rest, and write the tables.

    Writes `manifest.csv`, `rejected.csv`, `corrected.csv`, `classes.json` and `dataset.json`; the same files, seed and choices
    give the same bytes.

    Parameters
    ----------
    name : str
        A key of `helpers.recordings.catalogue.DATASETS`.
    source : Path
        The folder with its sound files, which is only read.
    artifacts : Artifacts
    seed : int
        Of the split.
    labels : {"exact", "decade", "age group", "gender"}
        What a class is, see `helpers.recordings.labels.make_label`. With "exact", the dataset `folder` keeps the names of its
        folders, and ages that are known by the decade alone make decades.
    split_method : {"random", "speaker"}
        Clip by clip, as in the study, or with no speaker in two splits.
    small_classes : {"leave out", "merge"}
        What happens to classes that are too small for three splits.
    longest_s : float
        Of a longer clip the first so many seconds are used, as `SpectrogramSettings.longest_s` says.
    file_pattern : str
        For `folder`: a regular expression for the files' names, see `helpers.recordings.speakers.by_pattern`.

    Returns
    -------
    manifest, rejected : pd.DataFrame

    Raises
    ------
    SuiteError
        An unknown choice, the artifacts folder holds the manifest of another folder, or there is nothing to classify.
    """
    for value, known in ((labels, LABEL_KINDS), (split_method, SPLIT_METHODS), (small_classes, ("leave out", "merge"))):
        if value not in known:
            raise SuiteError(f"There is no choice {value!r}: take one of {', '.join(known)}.")
    dataset = choose_dataset(name)
    artifacts.require_layout()
    _refuse_other_source(name, source, artifacts, file_pattern=file_pattern)
    clips, corrected, passed_over = list_clips(name, source, file_pattern=file_pattern)
    if passed_over and name != "voices":  # whose list of speakers lies beside the sound
        print(f"Passed over for their ending: {count_endings(passed_over)}")
    if (clips["reason"] != "").all():
        raise SuiteError(nothing_to_label(clips, source, title=dataset.title, known_by=dataset.known_by))
    kind = kind_that_fits(clips, labels)

    clips = label_clips(clips, kind=kind)
    name_speakers(clips["label"])
    if split_method == "speaker":
        clips = _leave_out_unknown_speakers(clips)
    paths = clips["path"].map(printable)
    corpus = source if source.is_dir() else source.parent
    clips = clips.assign(clip=clip_names([*map(Path, paths)], corpus))
    clips = _leave_out(clips, (clips["path"] == paths).map({False: "has a name that is not valid UTF-8: rename it"}))
    clips = _inspect(clips, longest_s=longest_s)
    clips = _settle_small_classes(clips, split_method=split_method, merge=small_classes == "merge")

    stored = partial(_stored_path, corpus=corpus)
    clips, corrected = (table.assign(path=table["path"].map(stored)) for table in (clips, corrected))
    manifest = clips[clips["reason"] == ""].sort_values("clip", ignore_index=True)
    rejected = clips.loc[clips["reason"] != "", ["clip", "path", "label", "reason"]].sort_values("clip", ignore_index=True)
    if manifest["label"].nunique() < 2:
        raise SuiteError(_too_few_classes(manifest, rejected, source=source, split_method=split_method))
    split = split_clips(manifest, method=split_method, seed=seed)
    whole = {"age": "Int64", "sample_rate": "int64"}  # floats so far, as rejected clips have none
    manifest = manifest.assign(split=split).astype(whole)[COLUMNS]
    for sentence in describe_split(manifest, method=split_method):
        print(sentence)

    artifacts.locate_corpus(corpus)
    write_table(artifacts.rejected, rejected)
    write_table(artifacts.corrected, corrected)
    write_json(artifacts.classes, sorted(manifest["label"].unique()))
    write_json(artifacts.dataset, {
        "layout": LAYOUT, "dataset": name, "title": dataset.title,
        "licence": dataset.licence, "citation": dataset.citation,
        "labels": kind, "split_method": split_method, "small_classes": small_classes, "seed": seed,
        "file_pattern": file_pattern,
        "found": len(clips), "accepted": len(manifest), "rejected": len(rejected), "passed_over": passed_over.total(),
    })  # fmt: skip
    write_table(artifacts.manifest, manifest)
    return manifest, rejected


def read_manifest(artifacts: Artifacts) -> pd.DataFrame:
    """The manifest, without the clips that a later stage had to reject."""
    artifacts.require_layout()
    manifest = read_table(artifacts.manifest)
    return manifest[~manifest["clip"].isin(read_table(artifacts.rejected)["clip"])].reset_index(drop=True)


def typical_clip(clips: pd.DataFrame) -> pd.Series:
    """The row of a manifest for a lesson to show: its duration is nearest the median, of equals its level, of equals the first."""
    facts = clips[["duration_s", "level_db"]]
    off = (facts - facts.median()).abs().sort_values(["duration_s", "level_db"], kind="stable")
    return clips.loc[off.index[0]]


def reject(artifacts: Artifacts, failed: pd.DataFrame) -> None:
    """Add clips that a later stage could not use to `rejected.csv`; columns `clip`, `path`, `label`, `reason`."""
    if len(failed):
        rejected = pd.concat([read_table(artifacts.rejected), failed], ignore_index=True)
        write_table(artifacts.rejected, rejected.drop_duplicates("clip", keep="last"))


def _leave_out(clips: pd.DataFrame, reasons: pd.Series) -> pd.DataFrame:
    """Give clips that have no reason yet the one in `reasons`, if it has one for them."""
    reasons = reasons.astype(object).reindex(clips.index).fillna("")
    return clips.assign(reason=clips["reason"].mask(clips["reason"] == "", reasons))


def _leave_out_unknown_speakers(clips: pd.DataFrame) -> pd.DataFrame:
    if (clips["speaker"] == "").all() and (clips["reason"] == "").any():
        raise SuiteError(
            "This dataset does not say who speaks in its clips, so it can't be split by speaker: take the split `random`, or "
            "name the speakers in a CSV table with the columns path, label and speaker."
        )
    return _leave_out(clips, clips["speaker"].map({"": "nothing says who speaks in it, which a split by speaker needs"}))


def _inspect(clips: pd.DataFrame, *, longest_s: float) -> pd.DataFrame:
    """Decode the clips that belong to a class; find what can't be used, and duplicates."""
    in_class = clips.index[clips["reason"] == ""]
    read = partial(inspect_sound, longest_s=longest_s)
    paths = [*map(Path, clips.loc[in_class, "path"])]
    sounds = on_all_cores(read, paths, title="reading", dead=lambda how: SoundFacts(reason=f"can't be read: its decoder {how}"))
    sounds = pd.DataFrame(sounds, index=in_class, columns=[*vars(SoundFacts())])
    clips = _leave_out(clips, sounds.pop("reason")).join(sounds)
    clips = _leave_out(clips, clips["clip"].map(duplicate_reasons(clips[clips["reason"] == ""], longest_s=longest_s)))
    if line := copies_line(clips):
        print(line)
    return clips


def _settle_small_classes(clips: pd.DataFrame, *, split_method: str, merge: bool) -> pd.DataFrame:
    """Merge classes that can't be in all three splits if asked to, leave out those that still can't, and say so."""
    member, members = SPLIT_METHODS[split_method], MEMBERS[split_method]
    if merge:
        usable = clips[clips["reason"] == ""]
        merged = merge_small_classes(usable["label"], usable[member])
        joined = sorted(set(merged) - set(usable["label"]))
        if joined:
            gone = usable.loc[merged != usable["label"], "label"].nunique()
            print(f"{gone} classes with too few {members} were merged into {len(joined)}: {', '.join(joined)}.")
        clips = clips.assign(label=merged.reindex(clips.index).fillna(clips["label"]))
    counts = clips[clips["reason"] == ""].groupby("label")[member].nunique()
    small = counts[counts < SMALLEST_CLASS]
    if len(small):
        print(f"{len(small)} of {len(counts)} classes have fewer than {SMALLEST_CLASS} {members} and are left out.")
    reasons = {
        label: f"its class {label!r} has {count} {members if count > 1 else members.rstrip('s')}; {SMALLEST_CLASS} are needed to "
        "train, validate and test"
        for label, count in small.items()
    }
    return _leave_out(clips, clips["label"].map(reasons))


def _too_few_classes(manifest: pd.DataFrame, rejected: pd.DataFrame, *, source: Path, split_method: str) -> str:
    classes, found, members = manifest["label"].nunique(), len(manifest) + len(rejected), MEMBERS[split_method]
    why = f": {summary(rejected)}" if len(rejected) else ". Point DATA_DIR at a folder that holds one folder for each class."
    return (
        f"{source} has {classes} class{'' if classes == 1 else 'es'} with at least {SMALLEST_CLASS} {members}, but two are needed "
        f"to tell apart; {len(rejected)} of {found} clips can't be used{why}"
    )


def _stored_path(path: str, *, corpus: Path) -> str:
    """Relative to the corpus, so that the results hold on another machine; with ".." where a table names a file outside of it."""
    return Path(os.path.relpath(printable(path), corpus)).as_posix()


def _refuse_other_source(name: str, source: Path, artifacts: Artifacts, *, file_pattern: str) -> None:
    """Refuse to mix the results of two corpora; one that has been moved, or fetched again on another machine, is the same."""
    if not artifacts.dataset.exists():
        return
    before, corpus = read_json(artifacts.dataset), source if source.is_dir() else source.parent
    was = Path(read_json(artifacts.location)["folder"]) if artifacts.location.exists() else corpus
    if before["dataset"] != name or (was != corpus and was.is_dir()):
        raise SuiteError(
            f"{artifacts.folder} already holds the manifest of {before['dataset']} from {was}, and you now point at "
            f"{name} from {corpus}: give this one a name of its own with NAME=..., or delete {artifacts.folder}."
        )
    if before.get("file_pattern", file_pattern) != file_pattern:
        print("FILE_PATTERN has changed: all clips are labelled again.")
