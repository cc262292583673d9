"""Each notebook alone, by "Run all", on a Colab machine that has nothing yet; and all of them with only Drive in common.

A machine has an empty home and an empty working folder. The set-up cell clones the project from the address on GitHub that the
stand-in of Colab's sessions names; Git, in that home, leads it to a repository on this disk.
"""

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import kaggle_server
import pytest

from helpers.base.artifacts import Artifacts, read_json, read_table
from helpers.base.machine import PROJECT
from suite.colab_sessions import from_github, serve
from suite.test_colab import DRIVER, NO_NETWORK, Machine, code, repository, said

__all__ = ["repository"]  # a fixture
NAMES = [path.stem for path in sorted((PROJECT / "notebooks").glob("[0-9]*.ipynb"))]
TINY = "epochs=1 epoch_windows=1 base_channels=4 mel_bins=32 window_frames=48 test_windows=2 compare=plain_cnn compare_epochs=1"
ACTORS = 40
# What a student can't use: advice to run other notebooks or to type code, and what libraries say to their developers.
FOREIGN = re.compile(r"run notebooks/|make run|notebook \d first|restore_archive|save_archive|Passed over")
pytestmark = pytest.mark.long


class FreshMachine(Machine):
    """A machine whose home is empty but for Git's settings, with a notebook opened from a fork."""

    def __init__(self, disk: Path, repository: Path, name: str, *, branch: str = "main"):
        super().__init__(disk, repository)
        page = f"teacher/class/blob/{branch}/notebooks/{name}.ipynb"
        (disk / ".gitconfig").write_text(f'[url "file://{repository}"]\n\tinsteadOf = https://github.com/teacher/class\n')
        self.environment = {key: value for key, value in self.environment.items() if not key.startswith(("GIT_CONFIG", "KAGGLE"))}
        self.environment |= {"HOME": str(disk), "OVERRIDES": TINY, "http_proxy": serve(from_github(page))}
        self.name = name

    def run_all(self, **environment) -> str:
        """What a student reads of the whole notebook, which must end without an error."""
        result = self.run(code(self.name), **environment)
        assert result.returncode == 0, (result.stdout + result.stderr)[-4000:]
        shown = said(result)
        assert not FOREIGN.search(shown), FOREIGN.search(shown)
        return shown

    def artifacts(self, dataset: str) -> Artifacts:
        return Artifacts(self.project / "artifacts" / dataset)


@pytest.fixture(scope="module")
def kaggle():
    """What a machine needs in its environment to reach the stand-in of Kaggle."""
    with kaggle_server.serve(kaggle_server.crema_d(ACTORS)) as server:
        yield {"FAKE_KAGGLE": server.address, "FAKE_CLIPS": str(len(kaggle_server.SENTENCES) * ACTORS)}


@pytest.mark.parametrize("reachable", [True, False], ids=["with Kaggle", "without Kaggle"])
@pytest.mark.parametrize("name", NAMES)
def test_each_notebook_runs_whole_alone(repository, kaggle, tmp_path, name, reachable):
    machine = FreshMachine(tmp_path / "content", repository, name)
    makes_recordings = name[:2] in ("01", "02", "03")
    if not makes_recordings:  # these begin with results that are ready-made, of the profile as it is
        kaggle = kaggle | {"OVERRIDES": "compare_epochs=1"}
    shown = machine.run_all(**(kaggle if reachable else NO_NETWORK | {"OVERRIDES": kaggle.get("OVERRIDES", TINY)}))
    dataset = "crema-d" if makes_recordings and reachable else "voices"
    assert [path.name for path in (machine.project / "artifacts").iterdir()] == [dataset]
    manifest = read_table(machine.artifacts(dataset).manifest)
    assert all(sound.is_file() for sound in machine.artifacts(dataset).sounds(manifest["path"]))
    if makes_recordings and not reachable:
        assert "Kaggle does not answer, so instead of CREMA-D, real speech, this is `voices`" in shown
    if not makes_recordings:
        assert "ready-made" in shown and "trained again" not in shown


def test_results_go_from_machine_to_machine_with_only_drive_in_common(repository, kaggle, tmp_path):
    drive = tmp_path / "my drive"
    drive.mkdir()
    tables, shown = {}, ""
    for name in NAMES[1:]:
        machine = FreshMachine(tmp_path / name, repository, name)
        shown = machine.run_all(**kaggle, USE_DRIVE="1", FAKE_DRIVE=drive)
        artifacts = machine.artifacts("crema-d")
        assert re.search("(Saved|Already) on Drive: voice-age-gender/crema-d.zip", shown)
        if name != NAMES[1]:
            assert 'DATASET = "auto": the results on Drive, crema-d.' in shown and "files brought back" in shown
        manifest = read_table(artifacts.manifest)
        assert len(manifest) > 200 and not manifest["path"].str.startswith(("/", "..")).any()
        assert all(sound.is_file() for sound in artifacts.sounds(manifest["path"]))  # so the players have something to play
        now = {path.relative_to(artifacts.folder): path.read_bytes() for path in artifacts.folder.rglob("*.csv")}
        now |= {path.relative_to(artifacts.folder): path.read_bytes() for path in artifacts.folder.rglob("metrics.json")}
        assert {path: now.get(path) for path in tables} == tables, name
        tables |= now
    assert [path.name for path in drive.rglob("*.zip")] == ["crema-d.zip"]
    assert b"/content" not in next(drive.rglob("*.zip")).read_bytes()

    # Months later: kagglehub's cache is gone with its machine, and Kaggle can't be reached.
    for name in NAMES[4:]:
        machine = FreshMachine(tmp_path / f"{name} again", repository, name)
        shown = machine.run_all(**NO_NETWORK, USE_DRIVE="1", FAKE_DRIVE=drive)
        assert "What needs tables alone works all the same; what needs the sound says so." in shown
        assert machine.artifacts("crema-d").manifest.read_bytes() == tables[Path("manifest.csv")]


def test_a_training_that_was_killed_goes_on_on_another_machine(repository, kaggle, tmp_path):
    drive, settings = tmp_path / "my drive", {"USE_DRIVE": "1", "OVERRIDES": TINY.replace("epochs=1 ", "epochs=30 ", 1)}
    drive.mkdir()
    settings |= kaggle | {"FAKE_DRIVE": str(drive)}
    FreshMachine(tmp_path / "b", repository, NAMES[2]).run_all(**settings)
    machine = FreshMachine(tmp_path / "c", repository, NAMES[3])
    environment = machine.environment | settings
    with (tmp_path / "said").open("w+") as output:
        child = subprocess.Popen(
            [sys.executable, "-c", DRIVER], stdin=subprocess.PIPE, stdout=output, stderr=output, cwd=machine.disk, env=environment
        )
        child.stdin.write(json.dumps(code(NAMES[3])).encode())
        child.stdin.close()
        while child.poll() is None and len(list(drive.rglob("epoch-*.keras"))) < 1:
            time.sleep(0.05)
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert child.returncode == -signal.SIGKILL, (tmp_path / "said").read_text()[-3000:]
    assert not machine.artifacts("crema-d").run("small_resnet").facts.exists()

    other = FreshMachine(tmp_path / "d", repository, NAMES[3])
    shown = other.run_all(**settings)
    assert re.search(r"small_resnet: goes on after epoch \d+ of 30", shown)
    assert len(read_table(other.artifacts("crema-d").run("small_resnet").history)) == 30
    assert read_json(other.artifacts("crema-d").run("small_resnet").facts)["settings"]["epochs"] == 30
    assert not list(drive.rglob("epoch-*.keras"))  # a training that is over leaves none
