"""The settings table: five rows open, all settings in it, and nothing lost in plain text."""

import re

from helpers.base.settings import choose_profile, describe
from helpers.display.notes import MEANINGS, SettingsTable


def test_five_settings_are_open_and_the_others_folded():
    profile = choose_profile("quick", overrides="compare=plain_cnn+vgg16")
    shown = SettingsTable("voices", profile)._repr_html_()
    opened, _, folded = shown.partition("<details>")
    assert re.findall(r"<tr><td[^>]*>(\w+)</td>", opened) == list(MEANINGS) and len(MEANINGS) == 5
    assert all(value in opened for value in (">voices<", ">quick<", ">small_resnet<", ">34<", ">0<"))
    cells = re.findall(r">([^<>]*)</td>", folded)
    rest = dict(zip(cells[::2], cells[1::2], strict=True))
    assert set(rest) | set(MEANINGS) == (set(describe(profile)) - {"name"}) | {"dataset", "profile"} and not set(rest) & set(
        MEANINGS
    )
    assert rest["compare"] == "plain_cnn+vgg16" and f"All {len(rest)} other settings" in folded  # as OVERRIDES takes it


def test_plain_text_names_all_settings_too():
    profile = choose_profile("paper")
    text = repr(SettingsTable("crema-d", profile))
    first, *_ = lines = text.splitlines()
    assert first.split() == ["dataset", "crema-d", "where", "the", "recordings", "come", "from"]
    assert max(map(len, lines)) <= 132
    assert all(f"{name}=" in text or f"\n{name} " in text for name in describe(profile) if name != "name")


def test_what_a_setting_holds_is_no_markup():
    assert "<script>" not in SettingsTable("<script>", choose_profile("quick"))._repr_html_()
