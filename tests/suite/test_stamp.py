"""What stamping writes, and that it needs nothing but a Python."""

import os
import shutil
import subprocess
import sys

import nbformat
import pytest

from helpers.base.machine import PROJECT
from helpers.suite import stamp

FORK = "https://github.com/teacher/class-2026"


@pytest.fixture
def copy(tmp_path):
    """A copy of all that is stamped, and of the command."""
    folder = tmp_path / "a copy"
    folder.mkdir()
    for name in ("pyproject.toml", "README.md", "CITATION.cff", "Makefile"):
        shutil.copy(PROJECT / name, folder / name)
    for name in ("notebooks", "docs"):
        shutil.copytree(PROJECT / name, folder / name, ignore=shutil.ignore_patterns(".*"))
    (folder / "helpers" / "suite").mkdir(parents=True)
    for name in ("__init__.py", "suite/__init__.py", "suite/stamp.py"):
        shutil.copy(PROJECT / "helpers" / name, folder / "helpers" / name)
    return folder


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts}


def test_stamping_writes_one_address_everywhere(copy):
    (copy / "docs" / "fork.md").write_text(f"git clone {stamp.repository(PROJECT)}\n")
    changed = stamp.stamp(copy, f"{FORK}.git/")
    stamped = {"pyproject.toml", "README.md", "CITATION.cff", "docs/fork.md"}
    notebooks = list((copy / "notebooks").rglob("*.ipynb"))
    assert {path.as_posix() for path in changed if path.suffix != ".ipynb"} == stamped
    assert len(changed) == len(stamped) + len(notebooks)
    for path in ("CITATION.cff", "docs/fork.md"):
        assert f"{FORK}\n" in (copy / path).read_text()
    for path in [copy / "README.md", *notebooks]:
        text = path.read_text()
        assert "github/teacher/class-2026/blob/main/notebooks/" in text and "github/OWNER" not in text
        assert stamp.repository(PROJECT) not in text
    for path in notebooks:
        content = nbformat.read(path, as_version=4)
        nbformat.validate(content)
        assert f'REPOSITORY = "{FORK}"' in content.cells[2].source
    assert stamp.stamp(copy) == []


def test_a_stamped_project_takes_another_address(copy):
    stamp.stamp(copy, FORK)
    (copy / "docs" / "fork.md").write_text(f"{FORK} and {FORK}-two and {stamp.UNSTAMPED}.")
    stamp.stamp(copy, "https://github.com/other/name")
    name = "https://github.com/other/name"
    assert (copy / "docs" / "fork.md").read_text() == f"{name} and {FORK}-two and {name}."
    assert not any(b"teacher/class-2026/blob" in content for content in contents(copy).values())


@pytest.mark.parametrize("written", [0, 1, 5])
def test_a_stamp_that_broke_off_is_ended_by_the_next(copy, monkeypatch, written):
    turns = iter(range(written))

    def write_some(path, text, write=stamp.write_whole):
        if next(turns, None) is None:
            raise OSError("disk full")
        write(path, text)

    monkeypatch.setattr(stamp, "write_whole", write_some)
    with pytest.raises(OSError, match="disk full"):
        stamp.stamp(copy, FORK)
    monkeypatch.undo()
    stamp.stamp(copy, FORK)
    assert not [path for path, content in contents(copy).items() if stamp.repository(PROJECT).encode() in content]


def test_line_endings_and_the_rights_of_a_file_stay(copy):
    readme = copy / "README.md"
    readme.write_bytes(readme.read_bytes().replace(b"\n", b"\r\n"))
    readme.chmod(0o640)
    lines = readme.read_bytes().count(b"\r\n")
    assert readme.relative_to(copy) in stamp.stamp(copy, FORK)
    assert (
        readme.read_bytes().count(b"\r\n") == readme.read_bytes().count(b"\n") == lines and readme.stat().st_mode & 0o777 == 0o640
    )


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("https://example.org/me/mine", "badges need https://github.com/owner/name"),
        ("https://github.com/me", "badges need https://github.com/owner/name"),
        ("https://github.com/me/..", "badges need https://github.com/owner/name"),
        ("https://github.com/me/my fork", "badges need https://github.com/owner/name"),
        ("https://github.com/me/mine/tree/main", "badges need https://github.com/owner/name"),
        ("git@github.com:me/mine.git", "badges need https://github.com/owner/name"),
        ("https://github.com/OWNER/voice-age-gender", "OWNER stands for the name of your account"),
    ],
)
def test_an_address_that_can_not_be_meant_is_refused_before_anything_is_written(copy, address, told):
    before = contents(copy)
    with pytest.raises(ValueError, match=told):
        stamp.stamp(copy, address)
    assert contents(copy) == before


def test_a_project_without_an_address_is_told(copy):
    (copy / "pyproject.toml").write_text("[project]\n")
    with pytest.raises(ValueError, match=r"has no line Repository = .*: add it"):
        stamp.stamp(copy, FORK)


@pytest.mark.parametrize("way", ["script", "script from elsewhere", "module", "make"])
def test_every_way_to_stamp_needs_the_standard_library_alone(copy, tmp_path, way):
    command, folder, environment = {
        # -S: without the packages of this environment
        "script": ([sys.executable, "-S", "helpers/suite/stamp.py", FORK], copy, {}),
        "script from elsewhere": ([sys.executable, "-S", copy / "helpers/suite/stamp.py", FORK], tmp_path, {}),
        "module": ([sys.executable, "-S", "-m", "helpers.suite.stamp"], copy, {"REPOSITORY": FORK}),
        "make": (["make", "--silent", "stamp", f"REPOSITORY={FORK}", f"PYTHON={sys.executable} -S"], copy, {}),
    }[way]
    result = subprocess.run(command, cwd=folder, env=os.environ | environment, capture_output=True, text=True)
    assert result.returncode == 0 and result.stdout.startswith(f"stamped {FORK} into "), result.stdout + result.stderr
    assert stamp.repository(copy) == FORK and not (copy / ".venv").exists()


@pytest.mark.parametrize("arguments", [["https://github.com/OWNER/x"], ["https://example.org"], ["one", "two"]])
def test_a_refusal_is_one_line_and_an_exit_code(copy, arguments):
    command = [sys.executable, "-S", copy / "helpers" / "suite" / "stamp.py", *arguments]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 1 and not result.stdout and len(result.stderr.splitlines()) == 1 and "https://" in result.stderr
