"""The pages of a report: what of an executed notebook they show, and how."""

import base64
import io
import re

import ipywidgets
import matplotlib.colors
import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pandas as pd
import pytest
from display.test_browser import CHROMIUM, playwright

from helpers.base.machine import PROJECT
from helpers.display.alternatives import describe
from helpers.display.explorer import ConfusionMatrix
from helpers.display.figures import GENDER_COLOURS
from helpers.display.voice_map import VoiceMap
from helpers.suite.copies import FOLDED
from helpers.suite.report import PNG, freeze_widgets, notebook_page, on_a_page, write_key_figure


def test_the_key_figure_is_that_of_the_tagged_cell_or_the_notebooks_first(tmp_path):
    def cell(source, *pictures, **metadata):
        made = nbformat.v4.new_code_cell(source, metadata=metadata)
        made.outputs = [nbformat.v4.new_output("display_data", {"image/png": picture}) for picture in pictures]
        return made

    first, wanted, later = ("iVBORw0K", "iVBORw0L", "iVBORw0M")
    path = tmp_path / "01_download.png"
    for metadata, expected in (({"tags": ["other", "key-figure"]}, wanted), ({}, first)):
        cells = [cell("x"), cell("plot()", first), cell("plot()", wanted, later, **metadata), cell("plot()", later)]
        write_key_figure(nbformat.v4.new_notebook(cells=cells), path)
        assert path.read_bytes() == base64.b64decode(expected)
    write_key_figure(nbformat.v4.new_notebook(), path)
    assert not path.exists()


def test_a_frozen_widget_shows_what_it_showed_last():
    states = {
        "box": {"_model_name": "VBoxModel", "children": ["IPY_MODEL_matrix", "IPY_MODEL_list", "IPY_MODEL_panel"]},
        "matrix": ConfusionMatrix(names=["a", "<b>"], counts=[[1, 0], [2, 3]], chosen=[1, 0, 0]).get_state(),
        "list": {"_model_name": "DropdownModel", "description": "class", "_options_labels": ["a", "<b>"], "index": 1},
        "panel": {"_model_name": "HTMLModel", "value": "<audio></audio>"},
    }
    view = {"application/vnd.jupyter.widget-view+json": {"model_id": "box"}}
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("box")])
    notebook.cells[0].outputs = [nbformat.v4.new_output("display_data", view)]
    state = {"state": {name: {"state": content} for name, content in states.items()}}
    notebook.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": state}
    before = plt.rcParams["xtick.labelsize"], plt.rcParams["savefig.dpi"]
    frozen = freeze_widgets(notebook).cells[0].outputs[0].data
    assert (plt.rcParams["xtick.labelsize"], plt.rcParams["savefig.dpi"]) == before  # the notebooks' style is for the matrix alone
    assert "class: <b>&lt;b&gt;</b>" in frozen["text/html"] and "<audio></audio>" in frozen["text/html"]
    assert "application/vnd.jupyter.widget-view+json" not in frozen and "widgets" in notebook.metadata
    assert "it can be changed in the notebook" in frozen["text/html"]
    assert 'alt="Figure: framed: &lt;b&gt; taken for a (true class by predicted class)."' in frozen["text/html"]


def test_a_frozen_map_of_voices_shows_its_points_and_asks_for_no_click(manifest, artifacts, rng):
    features = pd.DataFrame(rng.normal(size=(len(manifest), 6)), index=manifest["clip"])
    clips = manifest.assign(drawn=["you", *[""] * (len(manifest) - 1)])
    voice_map = VoiceMap(clips, features / np.linalg.norm(features, axis=1, keepdims=True), artifacts)

    def page():
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("display(voice_map.widget)")])
        view = {"application/vnd.jupyter.widget-view+json": {"model_id": voice_map.widget.model_id}}
        notebook.cells[0].outputs = [nbformat.v4.new_output("display_data", view)]
        notebook.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": ipywidgets.Widget.get_manager_state()}
        return freeze_widgets(notebook).cells[0].outputs[0].data["text/html"]

    def points(colour):
        png = re.search(r'alt="Map of voices: 18 clips, each a point."[^>]*base64,([^"]+)"', page())[1]
        picture = plt.imread(io.BytesIO(base64.b64decode(png)))[..., :3]
        shown = 0.8 * np.array(matplotlib.colors.to_rgb(colour)) + 0.2  # on white
        return np.isclose(picture, shown, atol=0.005).all(axis=-1).sum()

    corpus, you = points("#666666"), points("#E69F00")
    assert you > corpus / 17 > 5  # one point, drawn larger than each of the others
    voice_map.colour.value = "gender"
    assert min(points(colour) for colour in GENDER_COLOURS.values()) > 20 and points("#666666") == 0
    told = page()
    assert "in the notebook, a click on it plays the clip" in told and "Click a point" not in told and "mark" not in told
    assert f"<b>{manifest['clip'][0]}</b>" in told and "it can be changed in the notebook" in told


def test_a_page_shows_the_counts_of_a_progress_bar_and_no_black_blocks():
    done = nbformat.v4.new_output("stream", text="converting:   0%|   | 0/9\rconverting: 100%|███| 9/9 [00:01<00:00, 7clip/s]\n")
    page = notebook_page(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x", outputs=[done])]), "page")
    assert "converting: 9/9 [00:01&lt;00:00, 7clip/s]" in page and "█" not in page and "0/9" not in page


def test_a_page_has_no_link_to_nowhere_no_picture_from_the_web_and_no_folder_of_the_machine():
    badge = "[![Open in Colab](https://web/badge.svg)](https://web/github/{}/suite/01.ipynb)"
    texts = (badge.format("OWNER"), badge.format("me"), "see [notebook 3](03_train_resnet.ipynb), [results](../docs/results.md)",
             "[a](https://web/a) and [this text](https://web/OWNER/x.md)")  # fmt: skip
    cells = [nbformat.v4.new_markdown_cell(text) for text in texts]
    where = nbformat.v4.new_output("stream", text=f"results in {PROJECT}/artifacts/voices\n")
    kept = on_a_page(nbformat.v4.new_notebook(cells=[*cells, nbformat.v4.new_code_cell("x", outputs=[where])])).cells
    assert [cell.source for cell in kept[:4]] == [
        "",
        "[Open in Colab](https://web/github/me/suite/01.ipynb)",
        "see [notebook 3](03_train_resnet.html), results",
        "[a](https://web/a) and this text",
    ]
    assert kept[4].outputs[0].text == "results in artifacts/voices\n"


def test_a_list_is_kept_in_a_page_up_to_ten_and_what_is_hidden_is_not():
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x")])
    view = {"application/vnd.jupyter.widget-view+json": {"model_id": "box"}}
    notebook.cells[0].outputs = [nbformat.v4.new_output("display_data", view)]
    names = [f"<clip {number}>" for number in range(12)]
    states = {
        "box": {"_model_name": "VBoxModel", "children": ["IPY_MODEL_list", "IPY_MODEL_hidden"]},
        "list": {"_model_name": "SelectModel", "_options_labels": names, "index": 1, "layout": "IPY_MODEL_plain"},
        "hidden": {"_model_name": "DropdownModel", "_options_labels": ["a"], "index": 0, "layout": "IPY_MODEL_none"},
        "plain": {"_model_name": "LayoutModel", "display": None},
        "none": {"_model_name": "LayoutModel", "display": "none"},
    }
    states = {name: {"state": state} for name, state in states.items()}
    notebook.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": states}}
    page = freeze_widgets(notebook).cells[0].outputs[0].data["text/html"]
    assert page.count("<li>") == 11 and "<b>&lt;clip 1&gt;</b>" in page and page.endswith("<li>and 2 more</li></ul>")


def test_a_page_folds_the_code_that_jupyter_hides():
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell("# @title Fetch\nx < 1"), nbformat.v4.new_code_cell("y = 2")]
    )
    notebook.cells[0].metadata["jupyter"] = {"source_hidden": True}
    page = notebook_page(notebook, "a title")
    assert "<details><summary>Show the code</summary><pre>x &lt; 1</pre></details>" in page and page.count("<details") == 1
    assert page.index("# @title Fetch") < page.index("<details") and notebook.cells[0].source.endswith("x < 1")


def test_a_page_folds_a_solution_with_all_that_it_shows():
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell("# @title Solution 3\nx < 1"), nbformat.v4.new_code_cell("y = 2")]
    )
    notebook.cells[0].metadata |= FOLDED
    notebook.cells[0].outputs = [nbformat.v4.new_output("stream", text="the outcome")]
    page = notebook_page(notebook, "a title")
    assert page.count("<details") == 1
    folded = page.split('<details class="solution"><summary>Solution 3</summary>')[1].split("</details>")[0]
    assert "the outcome" in folded and "# @title Solution 3" in folded and page.index("</details>") < page.index("2</span>")


def test_a_page_keeps_hints_folded_and_breaks_long_lines_of_code():
    hint = "<details><summary>Hint</summary>\n\nLook at `axes`.\n\n</details>"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(hint), nbformat.v4.new_code_cell("x = 1")])
    page = notebook_page(notebook, "a title")
    inside = page.split("<summary>Hint</summary>")[1].split("</details>")[0]
    assert "<code>axes</code>" in inside and "white-space: pre-wrap" in page.split("</head>")[0]


@pytest.mark.slow
def test_what_is_wider_than_a_telephone_scrolls_and_says_so(tmp_path, style):
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine: `apt-get install chromium`, as .ci/run does")
    figure, _ = plt.subplots(1, 2, figsize=(13, 4.5))
    figure.savefig(tmp_path / "figure.png", dpi=100)
    picture = base64.b64encode((tmp_path / "figure.png").read_bytes()).decode()
    names = [f"a_long_name_of_a_column_{number}" for number in range(5)]
    wide = pd.DataFrame({name: [1] for name in names}).to_html()
    markdown = "\n".join(f"| {' | '.join(row)} |" for row in (names, ["---"] * 5, ["1"] * 5))
    outputs = [
        nbformat.v4.new_output("display_data", {"text/html": wide}),
        nbformat.v4.new_output("execute_result", {"text/html": wide}, execution_count=1),
        nbformat.v4.new_output("display_data", {PNG: picture}, metadata={PNG: {"alt": describe(figure)}}),
        nbformat.v4.new_output("display_data", {"text/markdown": f"# A card\n\n{markdown}"}),
        nbformat.v4.new_output("stream", text="short"),
    ]
    codes = [f"`a_long_name_{number}`" for number in range(5)]
    table = nbformat.v4.new_markdown_cell("\n".join(["|" + "|".join(row) + "|" for row in (codes, ["-"] * 5, codes)]))
    cells = [nbformat.v4.new_code_cell("x", outputs=outputs), table]
    page = notebook_page(nbformat.v4.new_notebook(cells=cells), "page")
    (tmp_path / "page.html").write_text(page)
    with playwright.sync_playwright() as browsers:
        browser = browsers.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 420, "height": 900})
        page.goto((tmp_path / "page.html").as_uri())
        assert page.locator(".scrolls").count() == 5 and page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        scroll = "parts => parts.map((part) => { part.scrollLeft = 50; return part.scrollLeft; })"
        moved = page.locator(".scrolls").evaluate_all(scroll)
        assert moved == [50] * 5
        assert page.locator(".jp-RenderedMarkdown table.scrolls").count() == 2  # said at the table, not at the card's top
        assert page.locator("img").bounding_box()["width"] > 0.5 * 1300
        assert page.locator("td code").first.evaluate("code => code.getClientRects().length") == 1  # no name is broken
        page.set_viewport_size({"width": 1600, "height": 900})
        page.wait_for_function("document.querySelectorAll('.scrolls').length === 0")
        browser.close()
