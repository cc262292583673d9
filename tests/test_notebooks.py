"""The notebooks as files: what a student opens and what `make stamp` writes."""

import json
import re
import shutil

import nbformat
import pytest

from helpers import stamp
from helpers.errors import SuiteError
from helpers.runtime import PROJECT

PATHS = sorted((PROJECT / "notebooks").glob("*.ipynb"))
NAMES = ["01_download", "02_spectrograms", "03_train_resnet", "04_evaluate", "05_compare_cnns", "06_your_voice"]


@pytest.fixture(params=PATHS, ids=lambda path: path.stem)
def notebook(request):
    content = nbformat.read(request.param, as_version=4)
    return request.param, content


def test_the_six_are_there():
    assert [path.stem for path in PATHS] == NAMES


def test_valid_without_outputs_and_with_short_cells(notebook):
    _, content = notebook
    nbformat.validate(content)
    for cell in content.cells:
        if cell.cell_type == "code":
            assert cell.outputs == [] and cell.execution_count is None
            assert len(cell.source.splitlines()) <= 25
            assert "text" not in cell.metadata
    ids = [cell.id for cell in content.cells]
    assert len(set(ids)) == len(ids)


def test_the_opening_has_title_badge_setup_and_settings(notebook):
    path, content = notebook
    address = stamp.repository(PROJECT)
    first, setup, settings = content.cells[0].source, content.cells[2].source, content.cells[4].source
    owner_name = address.removeprefix("https://github.com/")
    assert first.startswith("# ") and "**You will learn**" in first and "**Time:**" in first and "**You need:**" in first
    assert f"https://colab.research.google.com/github/{owner_name}/blob/main/notebooks/{path.name})" in first
    assert f'REPOSITORY = "{address}"' in setup and setup.startswith("# @title")
    for name in ("DATASET", "DATA_DIR", "NAME", "PROFILE", "OVERRIDES", "ARTIFACTS"):
        assert re.search(rf"^{name} = .*# @param", settings, re.MULTILINE)


def test_setup_and_settings_are_the_same_everywhere():
    openings = {json.dumps([cell.source for cell in nbformat.read(path, as_version=4).cells[1:5]]) for path in PATHS}
    assert len(openings) == 1


def test_the_training_notebooks_ask_colab_for_a_gpu(notebook):
    path, content = notebook
    assert (content.metadata.get("accelerator") == "GPU") == (path.stem in ("03_train_resnet", "05_compare_cnns"))


def test_a_recording_is_asked_for_after_the_consent_and_saved_with_no_notebook():
    content = nbformat.read(PROJECT / "notebooks" / "06_your_voice.ipynb", as_version=4)
    assert content.metadata.colab.private_outputs is True
    sources = [cell.source for cell in content.cells]
    consent, form, opened = (
        next(place for place, source in enumerate(sources) if words in source)
        for words in ("**Read this first.**", "I_AGREE = False", "open_recorder(")
    )
    assert consent < form < opened and "if I_AGREE" in sources[opened] and "KEEP = False" in sources[form]


def test_links_between_notebooks_resolve(notebook):
    path, content = notebook
    links = [link for cell in content.cells for link in re.findall(r"\]\(([\w.]+\.ipynb)\)", cell.source)]
    assert links and all((path.parent / link).exists() for link in links)


def test_the_dataset_form_lists_the_catalogue(notebook):
    from helpers.corpora import DATASETS

    _, content = notebook
    options = json.loads(re.search(r"DATASET = .*# @param (\[.*\])", content.cells[4].source)[1])
    assert options == ["auto", *DATASETS]


@pytest.fixture
def copy(tmp_path):
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(PROJECT / name, tmp_path / name)
    shutil.copytree(PROJECT / "notebooks", tmp_path / "notebooks", ignore=shutil.ignore_patterns(".*"))
    return tmp_path


def test_stamping_writes_one_address_everywhere(copy):
    changed = stamp.stamp(copy, "https://github.com/teacher/class-2026.git")
    assert len(changed) == 8
    for path in [copy / "README.md", *(copy / "notebooks").glob("*.ipynb")]:
        text = path.read_text()
        assert "github/teacher/class-2026/blob/main/notebooks/" in text and "github/OWNER" not in text
        assert stamp.repository(PROJECT) not in text
    for path in (copy / "notebooks").glob("*.ipynb"):
        content = nbformat.read(path, as_version=4)
        nbformat.validate(content)
        assert 'REPOSITORY = "https://github.com/teacher/class-2026"' in content.cells[2].source
    assert stamp.stamp(copy) == []


def test_an_address_that_colab_cannot_open_is_refused(copy):
    with pytest.raises(SuiteError, match=r"badges need https://github\.com/owner/name"):
        stamp.stamp(copy, "https://example.org/me")
