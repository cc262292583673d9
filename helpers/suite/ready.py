"""`make ready`: the ready-made results of `voices`, one archive in `notebooks/ready/` (command line).

python -m helpers.suite.ready    packs artifacts/voices (or ARTIFACTS=/path), after making what is lacking there (minutes)

They are those of notebooks 1 to 3 with the profile `quick`: tables, network and predictions, without sounds and images, which any
machine makes again. The same results give the same bytes. `tests/suite/test_ready.py` says when they are out of date.
"""

import sys
import zipfile
from pathlib import Path

from helpers.base import machine
from helpers.base.archive import READY, archive_path
from helpers.base.artifacts import Artifacts, SuiteError, atomic_path, read_json, require
from helpers.base.settings import PROFILES, describe
from helpers.images import make_images
from helpers.network.run import NOT_OF_RESULTS, changed_settings
from helpers.recordings import catalogue, voices
from helpers.recordings.manifest import build_manifest, read_manifest

DATASET, PROFILE = "voices", PROFILES["quick"]
MOST_BYTES = 4_000_000
EARLIEST = (1980, 1, 1, 0, 0, 0)  # a ZIP archive knows no earlier time


def main() -> int:
    """Make and pack the results; exit code 1 and a sentence where that fails."""
    try:
        artifacts = Artifacts(machine.artifacts_root() / DATASET)
        make(artifacts)
        archive = pack(artifacts, READY)
    except SuiteError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{archive}: {archive.stat().st_size / 1e6:.2f} MB")
    return 0


def make(artifacts: Artifacts) -> None:
    """What notebooks 1 to 3 make, unless it is there."""
    source = catalogue.locate(DATASET, artifacts=artifacts, corpus=PROFILE.corpus)
    build_manifest(DATASET, source, artifacts, seed=PROFILE.seed, longest_s=PROFILE.spectrogram.longest_s)
    make_images(artifacts, profile=PROFILE)
    machine.check_gpu()  # loads TensorFlow without its log lines, so before what needs it
    from helpers.network.training import train

    train(PROFILE.network, read_manifest(artifacts), artifacts, profile=PROFILE)


def members(artifacts: Artifacts) -> list[Path]:
    """The files of the archive."""
    run = artifacts.run(PROFILE.network)
    tables = [artifacts.dataset, artifacts.classes, artifacts.manifest, artifacts.rejected, artifacts.corrected]
    return [*tables, artifacts.spectrogram_settings, run.facts, run.history, run.predictions, run.metrics, run.model]


def pack(artifacts: Artifacts, folder: Path) -> Path:
    """Write the archive, which `helpers.base.archive.restore_archive` reads, and return it.

    Raises
    ------
    SuiteError
        A file is missing, the results are not those of today's settings, or the archive is too large.
    """
    files = {path.relative_to(artifacts.folder).as_posix(): require(path) for path in members(artifacts)}
    if reasons := out_of_date(artifacts):
        raise SuiteError(f"{artifacts.folder} can't be packed: {', '.join(reasons)}. Delete that folder, and run this again.")
    archive = archive_path(artifacts, folder)
    with atomic_path(archive) as temporary, zipfile.ZipFile(temporary, "w") as packed:
        for name, path in sorted(files.items()):
            member = zipfile.ZipInfo(name, EARLIEST)
            member.external_attr, member.create_system = 0o100644 << 16, 3  # a plain file, on whatever system it is packed
            packed.writestr(member, path.read_bytes(), zipfile.ZIP_DEFLATED, 9)
        packed.close()
        if (size := temporary.stat().st_size) > MOST_BYTES:
            raise SuiteError(
                f"{archive} would have {size / 1e6:.1f} MB, and {MOST_BYTES / 1e6:.0f} MB are the most: nothing is written."
            )
    return archive


def out_of_date(artifacts: Artifacts) -> list[str]:
    """In what the results differ from what `make ready` would make today; the network's layers are compared where it is loaded."""
    artifacts.require_layout()
    run = read_json(artifacts.run(PROFILE.network).facts)
    changed = changed_settings(run["settings"], describe(PROFILE), ignored=NOT_OF_RESULTS)
    reasons = [f"{name} was {was!r} and is {now!r}" for name, (was, now) in changed.items()]
    reasons += [f"{name} is no setting any more" for name in run["settings"].keys() - describe(PROFILE).keys() - NOT_OF_RESULTS]
    categories = sorted(f"{gender}_{age}" for gender, age in voices.CATEGORIES)
    if read_json(artifacts.classes) != categories:
        reasons.append("the corpus has other classes")
    pictures = read_json(artifacts.spectrogram_settings)["settings"]
    if pictures != vars(PROFILE.spectrogram):
        reasons.append("the spectrograms were made with other settings")
    return reasons


if __name__ == "__main__":
    sys.exit(main())
