"""The notebooks as files: their forms (their other rules: test_notebooks.py)."""

import itertools
import json
import re

import nbformat
import pytest

from helpers.base.machine import PROJECT

PATHS = sorted((PROJECT / "notebooks").glob("*.ipynb"))


@pytest.fixture(params=PATHS, ids=lambda path: path.stem)
def notebook(request):
    content = nbformat.read(request.param, as_version=4)
    return request.param, content


def test_the_notebooks_are_numbered_without_a_gap_and_each_leads_to_the_next():
    numbers = [int(path.name[:2]) for path in PATHS]
    assert numbers == list(range(numbers[0], 7)) and numbers[0] in (0, 1)
    for path, after in itertools.pairwise(PATHS):
        assert f"]({after.name})" in nbformat.read(path, as_version=4).cells[-1].source, path.name
    readme = (PROJECT / "README.md").read_text()
    assert [path.name for path in PATHS if path.name not in readme] == []


def test_the_settings_cell_has_a_form(notebook):
    _, content = notebook
    assert content.cells[2].source.startswith("# @title")
    for name in ("DATASET", "DATA_DIR", "NAME", "PROFILE", "OVERRIDES", "ARTIFACTS"):
        assert re.search(rf"^{name} = .*# @param", content.cells[4].source, re.MULTILINE)


def test_a_recording_is_asked_for_after_the_consent_and_saved_with_no_notebook():
    content = nbformat.read(PROJECT / "notebooks" / "06_your_voice.ipynb", as_version=4)
    assert content.metadata.colab.private_outputs is True
    sources = [cell.source for cell in content.cells]
    consent, form, opened = (
        next(place for place, source in enumerate(sources) if words in source)
        for words in ("**Read this first.**", "I_AGREE = False", "open_recorder(")
    )
    assert consent < form < opened and "if I_AGREE" in sources[opened] and "KEEP = False" in sources[form]


def test_the_dataset_form_lists_the_catalogue(notebook):
    from helpers.recordings.catalogue import DATASETS

    _, content = notebook
    options = json.loads(re.search(r"DATASET = .*# @param (\[.*\])", content.cells[4].source)[1])
    assert options == ["auto", *DATASETS]
