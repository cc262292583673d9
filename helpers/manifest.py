"""The manifest: one row a clip, its split, and the list of what was left out and why (notebook 01)."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile
from joblib import Parallel, delayed
from tqdm import tqdm

from helpers.artifacts import Artifacts, read_json, read_table, write_json, write_table
from helpers.corpora import choose_dataset
from helpers.errors import SuiteError
from helpers.splits import SMALLEST_CLASS, SPLITS, random_split

COLUMNS = ["clip", "path", "gender", "age", "speaker", "label", "duration_s", "sample_rate", "split"]
SHORTEST_S = 0.1  # a shorter clip holds no syllable
LONGEST_NAME = 200  # bytes; file systems allow 255, and an ending is added


@dataclass(frozen=True)
class Sound:
    """What was found in a sound file: duration in seconds, sample rate in Hz, or the reason it is of no use."""

    duration_s: float = 0.0
    sample_rate: int = 0
    reason: str = ""


def inspect_sound(path: Path) -> Sound:
    """Decode a sound file to its end and say what it holds."""
    try:
        if path.stat().st_size == 0:
            return Sound(reason="is empty (0 bytes)")
        with soundfile.SoundFile(path) as file:
            rate, frames, peak, finite = file.samplerate, 0, 0.0, True
            for block in file.blocks(blocksize=1 << 18, dtype="float32"):
                frames += len(block)
                finite &= bool(np.isfinite(block).all())
                peak = max(peak, float(np.max(np.abs(block), initial=0.0)))
    except (soundfile.LibsndfileError, OSError, RuntimeError) as error:
        return Sound(reason=f"can't be read as sound ({str(error).rpartition(': ')[2].rstrip('.')})")
    if not finite:
        return Sound(reason="has samples that are no numbers")
    if frames == 0:
        return Sound(reason="is empty (no samples)")
    if frames / rate < SHORTEST_S:
        return Sound(reason=f"is too short ({frames / rate:.3f} s; at least {SHORTEST_S} s are needed)")
    if peak == 0:
        return Sound(reason="is silent")
    return Sound(duration_s=round(frames / rate, 4), sample_rate=rate)


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
    relative = [path.relative_to(source) for path in paths]
    digests = [hashlib.sha256(path.as_posix().encode()).hexdigest()[:12] for path in relative]
    joined = ["__".join(path.with_suffix("").parts) for path in relative]
    schemes = (
        [path.stem for path in relative],
        joined,
        [f"{name}-{digest}" for name, digest in zip(joined, digests, strict=True)],
    )
    names = next(names for names in schemes if len({name.casefold() for name in names}) == len(names))
    return [
        name if len(name.encode()) <= LONGEST_NAME else f"{name.encode()[:LONGEST_NAME].decode(errors='ignore')}-{digest}"
        for name, digest in zip(names, digests, strict=True)
    ]


def build_manifest(name: str, source: Path, artifacts: Artifacts, *, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """List a dataset's clips, decode each, leave out what is of no use, split the rest, and write it all down.

    Writes `manifest.csv`, `rejected.csv`, `classes.json` and `dataset.json`; the same files and seed give the same bytes.

    Parameters
    ----------
    name : str
        A key of `helpers.corpora.DATASETS`.
    source : Path
        The folder with its sound files, which is only read.
    artifacts : Artifacts
    seed : int
        Of the split.

    Returns
    -------
    manifest, rejected : pd.DataFrame

    Raises
    ------
    SuiteError
        The artifacts folder holds the manifest of another folder, or there is nothing to classify.
    """
    dataset = choose_dataset(name)
    _refuse_other_source(name, source, artifacts)
    clips = dataset.list_clips(source)
    if clips.empty:
        raise SuiteError(f"There is no wav, flac, ogg or mp3 file in {source}: check the path, or look for a folder inside it.")
    if (clips["reason"] != "").all():
        raise SuiteError(
            f"None of the {len(clips)} sound files in {source} belongs to a class ({clips['reason'].iloc[0]}): "
            "put them into one folder a class, such as female_23/."
        )
    paths = [Path(path) for path in clips["path"]]
    clips["clip"] = clip_names(paths, source)
    clips["path"] = [_stored_path(path, artifacts) for path in paths]

    found = Parallel(n_jobs=-1, return_as="generator")(delayed(inspect_sound)(path) for path in paths)
    sounds = list(tqdm(found, total=len(paths), desc="reading", unit="clip", file=sys.stdout))
    clips["duration_s"] = [sound.duration_s for sound in sounds]
    clips["sample_rate"] = [sound.sample_rate for sound in sounds]
    clips["reason"] = np.where(clips["reason"] != "", clips["reason"], [sound.reason for sound in sounds])

    counts = clips.loc[clips["reason"] == "", "label"].value_counts()
    small = clips["label"].isin(counts[counts < SMALLEST_CLASS].index) & (clips["reason"] == "")
    clips.loc[small, "reason"] = [
        f"its class {label!r} has {counts[label]} usable clip{'s' if counts[label] > 1 else ''}; {SMALLEST_CLASS} are needed to "
        "train, validate and test"
        for label in clips.loc[small, "label"]
    ]
    manifest = clips[clips["reason"] == ""].sort_values("clip", ignore_index=True)
    rejected = clips.loc[clips["reason"] != "", ["clip", "path", "label", "reason"]].sort_values("clip", ignore_index=True)
    classes = sorted(manifest["label"].unique())
    if len(classes) < 2:
        raise SuiteError(
            f"{source} has {len(classes)} class{'' if len(classes) == 1 else 'es'} with at least {SMALLEST_CLASS} usable clips, "
            f"but two are needed to tell apart; {len(rejected)} of {len(clips)} clips are of no use"
            + (f", the first: {rejected['clip'][0]} {rejected['reason'][0]}." if len(rejected) else ".")
        )
    manifest["split"] = random_split(manifest["clip"].tolist(), manifest["label"].tolist(), seed=seed)
    manifest["age"] = manifest["age"].astype("Int64")

    write_table(artifacts.rejected, rejected)
    write_json(artifacts.classes, classes)
    write_json(artifacts.dataset, {
        "dataset": name, "title": dataset.title, "source": str(source), "licence": dataset.licence,
        "citation": dataset.citation, "seed": seed, "found": len(clips), "accepted": len(manifest), "rejected": len(rejected),
    })  # fmt: skip
    write_table(artifacts.manifest, manifest[COLUMNS])
    return manifest[COLUMNS], rejected


def read_manifest(artifacts: Artifacts) -> pd.DataFrame:
    """The manifest, without the clips that a later stage had to reject."""
    manifest = read_table(artifacts.manifest)
    return manifest[~manifest["clip"].isin(read_table(artifacts.rejected)["clip"])].reset_index(drop=True)


def reject(artifacts: Artifacts, failed: pd.DataFrame) -> None:
    """Add clips that a later stage could not use to `rejected.csv`; columns `clip`, `path`, `label`, `reason`."""
    if len(failed):
        rejected = pd.concat([read_table(artifacts.rejected), failed], ignore_index=True)
        write_table(artifacts.rejected, rejected.drop_duplicates("clip", keep="last"))


def samples_per_split(manifest: pd.DataFrame) -> pd.DataFrame:
    """The study's Table 1: number of samples in each split."""
    counts = manifest["split"].value_counts().reindex(SPLITS, fill_value=0)
    return pd.DataFrame({"samples": counts, "share": (counts / max(counts.sum(), 1)).round(3)}).rename_axis("dataset")


def samples_per_class(manifest: pd.DataFrame) -> pd.DataFrame:
    """The study's Table 2: number of samples of each class in each split."""
    table = pd.crosstab(manifest["label"], manifest["split"]).reindex(columns=SPLITS, fill_value=0)
    return table.assign(all=table.sum(axis=1)).rename_axis(index="class", columns=None)


def _stored_path(path: Path, artifacts: Artifacts) -> str:
    """Relative to the artifacts folder where the file lies in it, so that the folder can be moved; else absolute."""
    folder = artifacts.folder.resolve()
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else str(path)


def _refuse_other_source(name: str, source: Path, artifacts: Artifacts) -> None:
    if not artifacts.dataset.exists():
        return
    before = read_json(artifacts.dataset)
    if (before["dataset"], before["source"]) != (name, str(source)):
        raise SuiteError(
            f"{artifacts.folder} already holds the manifest of {before['dataset']} from {before['source']}, and you now point at "
            f"{name} from {source}: give this one a name of its own with NAME=..., or delete {artifacts.folder}."
        )
