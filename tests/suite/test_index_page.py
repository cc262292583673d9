"""The first page of a report: its headline, and errors that play without Python."""

import pandas as pd
import pytest
from display.test_browser import CHROMIUM, WAIT, playwright

from helpers.base.artifacts import write_json, write_table
from helpers.evaluation.scores import predictions_table
from helpers.suite import index_page
from helpers.suite.index_page import errors_html, headline, write_index


@pytest.fixture
def wrong(manifest):
    """The clips of the tiny corpus; the first three are taken for another class, the second most confidently."""
    table = manifest.assign(predicted=manifest["label"], confidence=0.9)
    table.loc[[0, 1, 2], "predicted"] = "<b>other"
    table.loc[[0, 1, 2], "confidence"] = 0.5, 0.8, 0.6
    return table


def test_the_most_confident_errors_come_first_with_picture_and_player(wrong, artifacts, monkeypatch):
    monkeypatch.setattr(index_page, "SHOWN_ERRORS", 2)
    page = errors_html(wrong, artifacts)
    second, third = wrong["clip"][1], wrong["clip"][2]
    assert page.index(f'aria-label="{second}"') < page.index(f'aria-label="{third}"') and wrong["clip"][0] not in page
    assert page.count("<audio") == page.count("<img") == 2 and "audio/flac" in page
    assert "taken for <b>&lt;b&gt;other</b>, confidence 0.80" in page
    artifacts.audio(wrong["path"][1]).unlink()
    page = errors_html(wrong, artifacts)
    assert page.count("<audio") == 1 and page.count("<img") == 2 and "The sound file" in page
    assert errors_html(wrong.tail(5), artifacts) == "<p>There is no error among the test clips.</p>"


def test_the_headline_is_of_this_network_and_says_where_nobody_asked_about_strangers():
    table = pd.DataFrame({"model": ["net", "svm"], "asked_about": "known", "accuracy": [0.5, 0.9], "reason": ""})
    assert headline(table, "net").endswith("gets 50 right. Nobody asked it about strangers.")
    assert headline(table, "other") == "" == headline(table.assign(reason="failed"), "net")


@pytest.mark.slow
def test_a_click_on_a_picture_plays_its_clip_from_there(wrong, artifacts, tmp_path):
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine: `apt-get install chromium`, as .ci/run does")
    classes = sorted({*wrong["label"], "<b>other"})
    probabilities = pd.get_dummies(wrong["predicted"])[classes].to_numpy(float) * 0.9 + 0.1 / len(classes)
    table = wrong.drop(columns=["predicted", "confidence"]).assign(split="test")
    write_table(artifacts.manifest, table)
    write_json(artifacts.classes, classes)
    write_table(artifacts.run("net").predictions, predictions_table(table, probabilities, classes))
    for path, content in (
        (artifacts.run("net").facts, {"seed": 0, "device": "cpu", "versions": {}}),
        (artifacts.run("net").metrics, {}),
    ):
        write_json(path, content)
    write_table(artifacts.comparison, pd.DataFrame(columns=["model", "asked_about", "accuracy", "reason", "converged"]))
    artifacts.model_card.write_text("# Model card\n\n| a | b |\n|---|---|\n| 1 | 2 |\n")
    path = write_index(artifacts, {"dataset": "folder"}, [], network="net")
    assert "The first line is of the race" not in path.read_text()
    raced = {"model": ["net"], "asked_about": "known", "accuracy": 0.5, "reason": "", "converged": True, "seconds": 0.05}
    write_table(artifacts.comparison, pd.DataFrame(raced))
    path = write_index(artifacts, {"dataset": "folder"}, [], network="net")
    assert "The first line is of the race" in path.read_text() and "<td>0.05</td>" in path.read_text()
    with playwright.sync_playwright() as browsers:
        browser = browsers.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
        )
        page = browser.new_page(viewport={"width": 420, "height": 900})
        errors = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(path.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        picture = page.locator(".error .picture").nth(1)
        box = picture.bounding_box()
        picture.click(position={"x": box["width"] / 2, "y": 30})
        page.wait_for_function(
            "() => { const a = document.querySelectorAll('audio')[1]; return a.currentTime > 0.4 * a.duration; }", timeout=WAIT
        )
        page.locator("summary").click()
        assert page.locator("details table td").all_inner_texts() == ["1", "2"] and not errors
        browser.close()
