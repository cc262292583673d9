"""`make stamp`: write the repository's address from `pyproject.toml` into every badge, set-up cell and text (command line).

make stamp                                        stamps the address that stands in pyproject.toml
make stamp REPOSITORY=https://github.com/me/mine  writes that address into pyproject.toml first
"""

import os
import re
import sys
import tomllib
from pathlib import Path

from helpers.base.artifacts import SuiteError, write_text
from helpers.base.machine import PROJECT

STAMPED = ("README.md", "CITATION.cff", "docs/*.md", "notebooks/*.ipynb")
ADDRESS = re.compile(r"https://github\.com/([\w.-]+/[\w.-]+)")


def main() -> int:
    """Stamp the project; exit code 1 and a sentence where the address is not one of GitHub's."""
    try:
        changed = stamp(PROJECT, os.environ.get("REPOSITORY", ""))
    except SuiteError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"stamped {repository(PROJECT)} into {len(changed)} files" + "".join(f"\n  {path}" for path in changed))
    return 0


def repository(project: Path) -> str:
    """The repository's address, from the one place that holds it."""
    return tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]["Repository"]


def stamp(project: Path, address: str = "") -> list[Path]:
    """Write an address into `pyproject.toml` if one is given, then that file's address into texts and notebooks.

    Parameters
    ----------
    project : Path
        Folder of `pyproject.toml`, `README.md`, `docs/` and `notebooks/`.
    address : str, optional
        ``https://github.com/owner/name``.

    Returns
    -------
    list of Path
        The files that changed.

    Raises
    ------
    SuiteError
        The address is not one of GitHub's, which Colab's badges need.
    """
    before = repository(project)
    address = (address or before).removesuffix(".git").rstrip("/")
    if not (found := ADDRESS.fullmatch(address)):
        raise SuiteError(f"REPOSITORY={address} can't be stamped: Colab's badges need https://github.com/owner/name.")
    changed = []
    texts = [path for pattern in STAMPED for path in sorted(project.glob(pattern))]
    for path in [project / "pyproject.toml", *texts]:
        text = path.read_text(encoding="utf-8")
        stamped = text.replace(before, address)
        stamped = re.sub(r"(?<=colab\.research\.google\.com/github/)[\w.-]+/[\w.-]+(?=/blob/)", found[1], stamped)
        # Set-up cells and `git clone` lines that hold another address, such as those of a fork.
        stamped = re.sub(r'(REPOSITORY = \\?")https://github\.com/[\w.-]+/[\w.-]+', rf"\g<1>{address}", stamped)
        if stamped != text:
            write_text(path, stamped)
            changed.append(path.relative_to(project))
    return changed


if __name__ == "__main__":
    sys.exit(main())
