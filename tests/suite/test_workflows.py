"""What runs the tests: the workflows on GitHub, what they may, when, and what the stamp does to a clone; and two at once."""

import os
import re
import subprocess
import sys

import pytest
import yaml

from helpers.base.machine import PROJECT
from helpers.suite import stamp

FORK = "https://github.com/teacher/class"


def workflow(name: str) -> dict:
    content = yaml.safe_load((PROJECT / ".github" / "workflows" / f"{name}.yml").read_text(encoding="utf-8"))
    return content | {"on": content[True]}  # YAML 1.1 takes `on` for a truth value, GitHub does not


def shell(name: str) -> str:
    """All commands of a workflow's only job."""
    [job] = workflow(name)["jobs"].values()
    return "\n".join(step["run"] for step in job["steps"] if "run" in step)


def git(folder, *arguments: str) -> str:
    return subprocess.run(["git", "-C", folder, *arguments], check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def clone(tmp_path):
    """A clone of this project as it is now, and the fork that it pushes to."""
    seed, fork = tmp_path / "seed", tmp_path / "fork.git"
    seed.mkdir()
    for path in git(PROJECT, "ls-files", "--cached", "--others", "--exclude-standard", "-z").split("\0"):
        if path and (PROJECT / path).is_file():
            (seed / path).parent.mkdir(parents=True, exist_ok=True)
            (seed / path).write_bytes((PROJECT / path).read_bytes())
    stamp.stamp(seed, "https://github.com/somebody/else")  # also where this project is a fork
    git(seed, "init", "--quiet", "--initial-branch", "main")
    git(seed, "add", "--all")
    git(seed, "-c", "user.name=test", "-c", "user.email=test@example.org", "commit", "--quiet", "--message", "all")
    git(tmp_path, "clone", "--quiet", "--bare", seed, fork)
    git(tmp_path, "clone", "--quiet", fork, tmp_path / "clone")
    return tmp_path / "clone"


def run_stamp(clone, repository: str) -> subprocess.CompletedProcess:
    """The step as GitHub runs it: by `bash -e`, without anybody's settings of Git."""
    unset = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    environment = os.environ | unset | {"GITHUB_REPOSITORY": repository}
    return subprocess.run(["bash", "-e", "-c", shell("stamp")], cwd=clone, env=environment, capture_output=True, text=True)


def test_the_stamp_makes_one_commit_in_the_fork_and_a_second_run_none(clone):
    before = git(clone, "rev-list", "--count", "origin/main")
    for _ in range(2):
        result = run_stamp(clone, "teacher/class")
        assert result.returncode == 0, result.stdout + result.stderr
        assert int(git(clone, "ls-remote", "origin").count("refs/heads/main")) == 1
        git(clone, "fetch", "--quiet")
        assert int(git(clone, "rev-list", "--count", "origin/main")) == int(before) + 1
    assert git(clone, "status", "--porcelain") == "" and stamp.repository(clone) == FORK
    assert git(clone, "log", "-1", "--format=%an: %s") == "github-actions[bot]: Stamp the address of this fork"
    changed = git(clone, "diff", "--name-only", "HEAD~1").splitlines()
    assert "README.md" in changed and not any(path.startswith((".github", "helpers")) for path in changed)


def test_where_the_address_is_right_nothing_is_committed(clone):
    before = git(clone, "rev-parse", "HEAD")
    assert run_stamp(clone, "somebody/else").returncode == 0 and git(clone, "rev-parse", "HEAD") == before


def test_an_owner_that_can_not_be_stamped_commits_nothing(clone):
    before = git(clone, "rev-parse", "HEAD")
    result = run_stamp(clone, "OWNER/voice-age-gender")
    assert result.returncode == 1 and "OWNER stands for" in result.stderr and git(clone, "rev-parse", "HEAD") == before


@pytest.mark.slow
def test_the_commands_of_the_docs_take_up_a_later_version_in_a_class_s_fork(clone):
    upstream = clone.parent / "seed"
    commands = re.search(r"```bash\n(git remote add upstream.*?)```", (PROJECT / "docs" / "colab.md").read_text(), re.DOTALL)[1]
    commands = commands.replace("ADDRESS", str(upstream)).replace("https://github.com/you/your-fork", FORK)
    student = f"{sys.executable} -m helpers.suite.copies student notebooks"
    assert "make student TO=notebooks" in commands
    commands = commands.replace("make student TO=notebooks", student).replace("python helpers", f"{sys.executable} helpers")
    for name in ("name", "email"):
        git(clone, "config", f"user.{name}", "teacher@example.org")
    stamp.stamp(clone, FORK)
    subprocess.run(student, cwd=clone, shell=True, check=True, capture_output=True)
    git(clone, "commit", "--quiet", "--all", "--message", "For the class")
    git(clone, "push", "--quiet")

    later = upstream / "notebooks" / "01_download.ipynb"
    text = later.read_text(encoding="utf-8").replace("# @title Find the project", "# @title Look for the project")
    text = text.replace("[Open in Colab]", "[Open on Colab]").replace(
        "# @title Solution 1", '# @title Solution 1\\n",\n    "# later'
    )
    later.write_text(text, encoding="utf-8")
    new = upstream / "docs" / "new.md"
    new.write_text(f"[here]({stamp.UNSTAMPED}/blob/main/README.md)\n", encoding="utf-8")
    git(upstream, "add", "--all")
    git(upstream, "-c", "user.name=test", "-c", "user.email=test@example.org", "commit", "--quiet", "--message", "later")

    result = subprocess.run(["bash", "-e", "-c", commands], cwd=clone, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    text = (clone / "notebooks" / "01_download.ipynb").read_text(encoding="utf-8")
    assert "# @title Look for the project" in text and "[Open on Colab]" in text
    assert f'REPOSITORY = \\"{FORK}\\"' in text and "github/teacher/class/blob/main/notebooks/01_download.ipynb" in text
    assert "# later" not in text and '"solution"' not in text and '"answer"' in text
    assert (clone / "docs" / "new.md").read_text() == f"[here]({FORK}/blob/main/README.md)\n"
    assert git(clone, "status", "--porcelain") == "" and git(clone, "rev-parse", "HEAD") == git(clone, "rev-parse", "origin/main")
    assert git(clone, "show", "-s", "--format=%s", "HEAD~2") == "For the class"


def test_the_stamp_may_write_contents_alone_and_runs_on_the_default_branch():
    content = workflow("stamp")
    assert content["permissions"] == {"contents": "write"} and {"push", "workflow_dispatch"} == set(content["on"])
    [job] = content["jobs"].values()
    conditions = {condition.strip() for condition in job["if"].split("&&")}
    assert conditions == {
        "github.ref_name == github.event.repository.default_branch",
        f"github.repository_owner != '{stamp.PLACEHOLDER}'",
    }
    assert "actions/checkout@" in job["steps"][0]["uses"]
    # A token of somebody's own would start this workflow again with each of its pushes.
    assert "secrets." not in str(content) and "token" not in str(job["steps"])


def test_lint_and_tests_run_with_colabs_python_and_may_change_nothing():
    content = workflow("ci")
    assert content["permissions"] == {"contents": "read"} and {"push", "pull_request"} <= set(content["on"])
    assert shell("ci") == "bash .ci/run" and (PROJECT / ".ci" / "run").exists()
    [job] = content["jobs"].values()
    versions = [step["with"]["python-version"] for step in job["steps"] if "setup-python" in step.get("uses", "")]
    assert versions == ["3.13"] and "Python 3.13" in (PROJECT / ".ci" / "run").read_text(encoding="utf-8")


def test_of_tests_that_run_at_once_a_file_is_left_to_one_process(request):
    if "PYTEST_XDIST_WORKER" not in os.environ:
        pytest.skip("these tests run one after the other")
    # What files make once for all of their tests, such as a Jupyter server, would be made in each process.
    assert request.node.nodeid.endswith(f"@{request.node.path}"), "pytest-xdist does not know this pytest's groups"
