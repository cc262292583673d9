"""Which address the set-up cell fetches the project from, and what it refuses: on Colab, by the answer of Colab's own server."""

import itertools
import json
import os
import shutil
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import pytest
from conftest import cell_source

from helpers.suite import stamp
from suite.colab_sessions import NOWHERE, from_github, listed, serve

STAMPED = "https://github.com/teacher/class"
UNSTAMPED = "https://github.com/OWNER/voice-age-gender"
NOTEBOOK = "notebooks/01_download.ipynb"
QUOTED = """it's/50%25-"é"#1&a=$(touch${IFS}hacked);c++"""
BRANCHES = ["feature/new-voices", QUOTED]
FETCHED_STAMPED = f"Fetching {STAMPED} (REPOSITORY here: nothing says where this notebook is from).\n"


def commit(folder: Path, branches: list[str]) -> None:
    """A repository with a project in it whose file `branch.txt` names the branch."""
    git = ["git", "-C", str(folder), "-c", "user.name=test", "-c", "user.email=test@example.org"]
    (folder / "helpers").mkdir(parents=True)
    (folder / "helpers" / "session.py").touch()
    subprocess.run([*git, "init", "--quiet", "--initial-branch", "main"], check=True)
    for branch in ["main", *branches]:
        subprocess.run([*git, "checkout", "--quiet", *(["-b", branch] if branch != "main" else ["--orphan", branch])], check=True)
        (folder / "branch.txt").write_text(branch, encoding="utf-8")
        subprocess.run([*git, "add", "--all"], check=True)
        subprocess.run([*git, "commit", "--quiet", "--message", branch], check=True)
    subprocess.run([*git, "checkout", "--quiet", "main"], check=True)


@pytest.fixture(scope="module")
def github(tmp_path_factory) -> Path:
    """A folder that stands for github.com."""
    folder = tmp_path_factory.mktemp("github")
    commit(folder / "teacher" / "class", [])
    commit(folder / "me" / "fork", BRANCHES)
    return folder


class Cell:
    """The set-up cell on a machine with an empty disk, a `git` that writes down its arguments, and no network but a fake GitHub."""

    def __init__(self, disk: Path, calls: Path):
        self.disk, self.calls = disk, calls

    def run(self, repository: str = STAMPED) -> None:
        exec(cell_source("01-02").replace(f'"{stamp.repository(stamp.PROJECT)}"', f'"{repository}"'), {})

    def cloned(self) -> list[list[str]]:
        """The options and the address of each clone."""
        calls = [json.loads(line) for line in self.calls.read_text(encoding="utf-8").splitlines()] if self.calls.exists() else []
        assert all(call[:3] == ["clone", "--quiet", "--depth=1"] and call[-3] == "--" for call in calls), calls
        return [[*call[3:-3], call[-2]] for call in calls]

    def branch(self) -> str:
        return (self.disk / "voice-age-gender" / "branch.txt").read_text(encoding="utf-8")


@pytest.fixture
def cell(tmp_path, monkeypatch, github) -> Cell:
    calls, git = tmp_path / "calls.txt", tmp_path / "bin" / "git"
    git.parent.mkdir()
    git.write_text(
        f"#!{sys.executable}\nimport json, os, sys\n"
        f"open({str(calls)!r}, 'a', encoding='utf-8').write(json.dumps(sys.argv[1:]) + chr(10))\n"
        f"os.execv({shutil.which('git')!r}, ['git', *sys.argv[1:]])\n"
    )
    git.chmod(0o755)
    environment = {
        "PATH": f"{git.parent}{os.pathsep}{os.environ['PATH']}",
        "GIT_ALLOW_PROTOCOL": "file",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.file://{github}/.insteadOf",
        "GIT_CONFIG_VALUE_0": "https://github.com/",
        "http_proxy": NOWHERE,
        "no_proxy": "",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(urllib.request, "_opener", None)  # it would keep the proxies of its first call
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "executable", shutil.which("true"))  # there is nothing to install
    disk = tmp_path / "content"
    disk.mkdir()
    monkeypatch.chdir(disk)
    return Cell(disk, calls)


@pytest.fixture
def colab(cell, fake_colab) -> Cell:
    return cell


@pytest.mark.parametrize("repository", [STAMPED, UNSTAMPED])
@pytest.mark.parametrize(("branch", "times"), [(BRANCHES[0], 2), (BRANCHES[0], 1), (BRANCHES[0], 0), (QUOTED, 2)])
def test_the_fork_and_the_branch_that_the_notebook_was_opened_from_are_fetched_once(
    colab, monkeypatch, capfd, branch, times, repository
):
    monkeypatch.setenv("http_proxy", serve(from_github(f"me/fork/blob/{branch}/{NOTEBOOK}", times=times)))
    colab.run(repository)
    told = f"Fetching https://github.com/me/fork (branch {branch}: this notebook was opened from there).\n"
    assert capfd.readouterr() == (told, "")
    assert colab.branch() == branch and colab.cloned() == [[f"--branch={branch}", "https://github.com/me/fork"]]
    assert [path.name for path in colab.disk.iterdir()] == ["voice-age-gender"] and sys.path[0] == str(
        Path("voice-age-gender").resolve()
    )
    colab.run(repository)
    assert capfd.readouterr() == ("", "") and len(colab.cloned()) == 1


def test_a_translation_in_a_folder_of_its_own_is_opened_from_the_same_branch(colab, monkeypatch):
    page = f"me/fork/blob/{BRANCHES[0]}/notebooks/ar/00_start.ipynb"
    monkeypatch.setenv("http_proxy", serve(from_github(page)))
    colab.run()
    assert colab.cloned() == [[f"--branch={BRANCHES[0]}", "https://github.com/me/fork"]]


def test_a_translation_on_this_machine_finds_the_project_above_it(cell, monkeypatch):
    monkeypatch.chdir(stamp.PROJECT / "notebooks" / "ar")
    cell.run()
    assert sys.path[0] == str(stamp.PROJECT) and cell.cloned() == []


def test_an_older_machine_answers_at_the_second_address(colab, monkeypatch):
    monkeypatch.setenv("http_proxy", serve(from_github(f"me/fork/blob/main/{NOTEBOOK}"), host="172.28.0.2"))
    colab.run()
    assert colab.cloned() == [["--branch=main", "https://github.com/me/fork"]]


WRONG = {
    "a copy in Drive": listed("fileId=1AbCdEfGhIjKlMnOpQrStUvWxYz"),
    "an empty list": b"[]",
    "an empty answer": b"",
    "a page": b"<html>fileId=https://github.com/me/fork/blob/main/notebooks/01_download.ipynb</html>",
    "no text": b"\xff\xfe\x00",
    "no list": from_github(f"me/fork/blob/main/{NOTEBOOK}")[1:-1],
    "an entry without a path": b'[{"name": "01_download.ipynb"}]',
    "a number for a path": listed(3),
    "nested too deep": b"[" * 99_999,
    "longer than any list": b"[" + b" " * 200_000 + from_github(f"me/fork/blob/main/{NOTEBOOK}")[1:],
    "another host": listed(f"fileId=https://evil.example/me/fork/blob/main/{NOTEBOOK}"),
    "a host that begins as GitHub's": listed(f"fileId=https://github.com.evil.example/me/fork/blob/main/{NOTEBOOK}"),
    "GitHub as a user's name": listed(f"fileId=https://github.com@evil.example/me/fork/blob/main/{NOTEBOOK}"),
    "GitHub within another address": listed(f"fileId=https://evil.example/https://github.com/me/fork/blob/main/{NOTEBOOK}"),
    "no https": listed(f"fileId=http://github.com/me/fork/blob/main/{NOTEBOOK}"),
    "another program": listed(f"fileId=ext::https://github.com/me/fork/blob/main/{NOTEBOOK}"),
    "an owner in another script": from_github(f"mе/fork/blob/main/{NOTEBOOK}"),
    "a gist": listed("fileId=https://gist.github.com/me/0123456789abcdef"),
    "another folder": from_github("me/fork/blob/main/elsewhere/01_download.ipynb"),
    "no notebook": from_github("me/fork/blob/main/notebooks/run.py"),
    "a folder above": from_github("me/fork/blob/main/notebooks/../run.ipynb"),
    "more behind the notebook": from_github(f"me/fork/blob/main/{NOTEBOOK}/more"),
    "more before the address": listed(f"elsewhere?fileId=https://github.com/me/fork/blob/main/{NOTEBOOK}"),
    "no branch": from_github("me/fork/blob//notebooks/01_download.ipynb"),
    "an option for a branch": from_github(f"me/fork/blob/--upload-pack=touch/{NOTEBOOK}"),
    "a short option for a branch": from_github(f"me/fork/blob/-u/{NOTEBOOK}"),
    "an end of text in a branch": from_github(f"me/fork/blob/ma\0in/{NOTEBOOK}"),
    "a new line in a branch": from_github(f"me/fork/blob/main\n--x/{NOTEBOOK}"),
    "half a character in a branch": listed(f"fileId=https://github.com/me/fork/blob/\ud800/{NOTEBOOK}"),
}


@pytest.mark.parametrize("answer", WRONG.values(), ids=WRONG)
def test_any_other_answer_leads_to_the_stamped_address_alone(colab, monkeypatch, capfd, answer):
    monkeypatch.setenv("http_proxy", serve(answer))
    colab.run()
    assert capfd.readouterr() == (FETCHED_STAMPED, "")
    assert colab.cloned() == [[STAMPED]] and colab.branch() == "main"


def drip():
    good = from_github(f"me/fork/blob/main/{NOTEBOOK}")
    for byte in itertools.chain(b" " * 10_000, good):
        threading.Event().wait(0.2)
        yield bytes([byte])


def late():
    threading.Event().wait(20)
    yield from_github(f"me/fork/blob/main/{NOTEBOOK}")


@pytest.mark.slow
@pytest.mark.parametrize("slowly", [drip, late])
def test_a_slow_answer_is_not_waited_for(colab, monkeypatch, capfd, slowly):
    monkeypatch.setenv("http_proxy", serve(slowly()))
    colab.run()
    assert capfd.readouterr() == (FETCHED_STAMPED, "") and colab.cloned() == [[STAMPED]]


def test_no_answer_leads_to_the_stamped_address(colab, capfd):
    colab.run()
    assert capfd.readouterr() == (FETCHED_STAMPED, "") and colab.cloned() == [[STAMPED]]


def test_elsewhere_than_on_colab_nobody_is_asked(cell, monkeypatch, capfd):
    monkeypatch.setenv("http_proxy", serve(from_github(f"me/fork/blob/main/{NOTEBOOK}")))
    cell.run()
    assert capfd.readouterr() == (FETCHED_STAMPED, "") and cell.cloned() == [[STAMPED]]


@pytest.mark.parametrize("answer", [WRONG["a copy in Drive"], from_github(f"OWNER/voice-age-gender/blob/main/{NOTEBOOK}"), None])
def test_the_placeholder_is_refused_before_anything_is_asked_of_github(cell, monkeypatch, request, answer):
    if answer:  # without one: elsewhere than on Colab
        request.getfixturevalue("fake_colab")
        monkeypatch.setenv("http_proxy", serve(answer))
    with pytest.raises(RuntimeError, match=r"open this notebook from GitHub, ask your teacher for the link, or set REPOSITORY\.$"):
        cell.run(UNSTAMPED)
    assert cell.cloned() == [] and list(cell.disk.iterdir()) == []


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        ("me/gone/blob/main", "does not appear to be a git repository"),
        ("me/fork/blob/gone", "Remote branch gone not found in upstream origin"),
    ],
)
def test_what_cannot_be_cloned_is_one_sentence_with_gits_reason_and_leaves_nothing(colab, monkeypatch, page, reason):
    monkeypatch.setenv("http_proxy", serve(from_github(f"{page}/{NOTEBOOK}")))
    with pytest.raises(RuntimeError) as error:
        colab.run()
    assert str(error.value).startswith("https://github.com/me/") and "\n" not in str(error.value)
    assert f"{reason}. Is it public, and is the branch still there?" in str(error.value)
    assert len(colab.cloned()) == 1 and list(colab.disk.iterdir()) == []


def test_a_download_that_breaks_off_leaves_nothing(colab, tmp_path, monkeypatch):
    git = tmp_path / "bin" / "git"
    lines = ["#!/bin/sh", "for folder; do :; done", 'mkdir -p "$folder/helpers"', 'touch "$folder/helpers/session.py"']
    git.write_text("\n".join([*lines, 'echo "fatal: disk full" >&2', "exit 128"]))
    with pytest.raises(RuntimeError, match=r"could not be cloned: disk full\. Is it"):
        colab.run()
    assert list(colab.disk.iterdir()) == []


def test_a_folder_of_that_name_is_left_as_it_is(cell):
    kept = cell.disk / "voice-age-gender" / "artifacts" / "mine.csv"
    kept.parent.mkdir(parents=True)
    kept.write_text("1")
    with pytest.raises(
        RuntimeError, match=r"voice-age-gender is there, but the project is not in it: rename it, then run this cell again"
    ):
        cell.run()
    assert kept.read_text() == "1" and cell.cloned() == []
