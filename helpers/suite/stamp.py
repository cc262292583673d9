"""Write the repository's address into every badge, set-up cell and text (command line; the standard library alone).

python helpers/suite/stamp.py https://github.com/me/mine   stamps that address, from any folder and without any package
make stamp REPOSITORY=https://github.com/me/mine           the same
make stamp                                                 stamps the address that stands in pyproject.toml
"""

import os
import re
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
PLACEHOLDER = "OWNER"  # stands for the owner until somebody stamps; it may be a stranger's account
UNSTAMPED = f"https://github.com/{PLACEHOLDER}/voice-age-gender"  # what a later version brings into a stamped fork
STAMPED = ("README.md", "CITATION.cff", "docs/*.md", "notebooks/*.ipynb", "notebooks/[a-z]*/*.ipynb")
ADDRESS = re.compile(r"https://github\.com/(([\w-]+)/[\w.-]+)", re.ASCII)
USAGE = "Give one address: python helpers/suite/stamp.py https://github.com/owner/name"


def main(arguments: list[str]) -> int:
    """Stamp the project; exit code 1 and a sentence where that can't be done."""
    try:
        if len(arguments) > 1:
            raise ValueError(USAGE)
        changed = stamp(PROJECT, arguments[0] if arguments else os.environ.get("REPOSITORY", ""))
        address = repository(PROJECT)
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"stamped {address} into {len(changed)} files" + "".join(f"\n  {path}" for path in changed))
    return 0


def repository(project: Path) -> str:
    """The repository's address, from the one place that holds it."""
    # Not by tomllib, which a teacher's Python may lack.
    found = re.search(r'^Repository = "(.*)"', _read(project / "pyproject.toml"), re.MULTILINE)
    if not found:
        raise ValueError(f'{project / "pyproject.toml"} has no line Repository = "https://github.com/owner/name": add it.')
    return found[1]


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
    ValueError
        The address is not one of GitHub's, which Colab's badges need, or is still the placeholder. Nothing was written.
    """
    before = repository(project)
    asked, address = address, (address or before).rstrip("/").removesuffix(".git")
    found = ADDRESS.fullmatch(address)
    if not found or found[1].endswith(("/.", "/..")):
        raise ValueError(f"REPOSITORY={address} can't be stamped: Colab's badges need https://github.com/owner/name.")
    if asked and found[2] == PLACEHOLDER:
        raise ValueError(f"REPOSITORY={address} can't be stamped: {PLACEHOLDER} stands for the name of your account on GitHub.")
    stamped = {}
    texts = [path for pattern in STAMPED for path in sorted(project.glob(pattern))]
    # The file that says which address the others hold is the last, so that a second call ends what a first one began.
    for path in [*texts, project / "pyproject.toml"]:
        text = _read(path)
        new = re.sub(rf"({re.escape(before)}|{re.escape(UNSTAMPED)})(?![\w-])", address, text)
        new = re.sub(r"(?<=colab\.research\.google\.com/github/)[\w.-]+/[\w.-]+(?=/blob/)", found[1], new)
        # Set-up cells and `git clone` lines that hold another address, such as those of a fork.
        new = re.sub(r'(REPOSITORY = \\?")https://github\.com/[\w.-]+/[\w.-]+', rf"\g<1>{address}", new)
        if new != text:
            stamped[path] = new
    for path, text in stamped.items():
        write_whole(path, text)
    return [path.relative_to(project) for path in stamped]


def _read(path: Path) -> str:
    return path.read_bytes().decode("utf-8")  # line endings as they are, also on Windows


def write_whole(path: Path, text: str) -> None:
    """Write the whole file or nothing; `helpers.base.artifacts` does the same, but needs packages."""
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(text.encode("utf-8"))
        if path.exists():
            part.chmod(path.stat().st_mode)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
