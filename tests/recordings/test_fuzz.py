"""Damaged files: each is accepted or refused with a reason, none ends a process, and none is lost."""

import json
import math
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from helpers.base.artifacts import SuiteError, read_json
from helpers.recordings.catalogue import list_clips
from helpers.recordings.files import SOUND_ENDINGS, is_sound
from helpers.recordings.manifest import build_manifest
from helpers.recordings.review import MARKS, read_review
from helpers.recordings.tables import tidy
from recordings import fuzzing

MUTANTS, A_PROCESS = 5000, 500
HANGS_S = 1800  # a process that takes 10 s where nothing else runs
UNTRUE = re.compile(r"Traceback|\w+Error\b|Exception|@ 0x|/tmp/|<class|<_io|\n")


def read(folder: Path, first: int, last: int) -> tuple[dict[int, dict], str]:
    """Facts of mutants, and how their process ended if one of them ended it, or what it said."""
    command = [sys.executable, fuzzing.__file__, str(folder), str(first), str(last)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=HANGS_S, check=False)
    rows = (line.split(" ", 1) for line in done.stdout.splitlines())
    facts = {int(number): json.loads(found) for number, found in rows if found}
    return facts, f"after {max(facts, default=first)}: {done.returncode} {done.stderr}" if done.returncode or done.stderr else ""


@pytest.mark.long
def test_5000_damaged_sound_files_are_read_or_refused_with_a_reason(tmp_path):
    formats = fuzzing.write_formats(tmp_path)
    assert len(formats) > 100
    with ThreadPoolExecutor(2) as pool:
        parts = [*pool.map(lambda first: read(tmp_path, first, first + A_PROCESS), range(0, MUTANTS, A_PROCESS))]
    assert [ending for _, ending in parts if ending] == []
    found = {number: facts for part, _ in parts for number, facts in part.items()}
    assert [*found] == [*range(MUTANTS)]
    for number, facts in found.items():
        said = facts["reason"] + facts["note"]
        assert not UNTRUE.search(said) and len(facts["reason"]) < 200 and len(facts["note"]) < 300, (number, said)
        assert facts["grown"] < 64, number  # MiB; each file is below 100 KiB
        if not facts["reason"]:
            assert 0.1 <= facts["duration_s"] <= fuzzing.LONGEST_S and math.isfinite(facts["level_db"]), (number, facts)
            assert 4000 <= facts["sample_rate"] <= 400_000 and 0 <= facts["clipped"] <= 1, (number, facts)
    accepted = sum(not facts["reason"] for facts in found.values())
    assert MUTANTS / 4 < accepted < 3 * MUTANTS / 4
    again, _ = read(tmp_path, 100, 300)
    assert all(facts | {"grown": 0} == found[number] | {"grown": 0} for number, facts in again.items()) and len(again) == 200


def lines_of(content: bytes) -> set[str]:
    """A table's lines in whatever encoding it may be, without the marks between their values."""
    texts = (content.decode(encoding, errors="replace") for encoding in ("utf-8-sig", "cp1252", "utf-16"))
    return {tidy(line.replace('"', "")) for text in texts for line in text.split("\n" if "\n" in text else "\r")}


@pytest.mark.long
def test_of_2000_damaged_tables_none_gives_a_clip_what_its_own_line_does_not_say(tmp_path):
    tables = fuzzing.write_tables(tmp_path)
    known = {str(path) for path in tmp_path.rglob("*.wav")}
    path, read, refused = tmp_path / "table.csv", 0, 0
    for number in range(2000):
        content = fuzzing.table_mutant(tables, number)
        path.write_bytes(content)
        try:
            clips, *_ = list_clips("folder", path)
        except SuiteError as error:
            refused += 1
            assert str(path) in str(error) and "\n" not in str(error) and len(str(error)) < 600, (number, error)
            continue
        read += 1
        lines = lines_of(content)
        for clip in clips.to_dict("records"):
            assert "\n" not in clip["reason"] and len(clip["reason"]) < 400, (number, clip)
            name = tidy(Path(clip["path"]).name)
            if clip["reason"] or clip["path"] not in known:
                continue
            said = [clip[fact] for fact in ("label", "speaker", "age_given", "gender_given") if clip[fact]]
            assert any(name in line and all(tidy(fact.replace('"', "")) in line for fact in said) for line in lines), (number, clip)
    assert read > 200 and refused > 200


def test_a_table_with_two_kinds_of_line_ends_loses_no_row(tmp_path):
    tables, path = fuzzing.write_tables(tmp_path), tmp_path / "table.csv"
    rows = tables[0].split(b"\n")
    path.write_bytes(b"\n".join(rows[:5]) + b"\n" + b"\r".join(rows[5:8]))
    with pytest.raises(SuiteError, match=r"table.csv, line 6 holds a carriage return that ends no line"):
        list_clips("folder", path)
    path.write_bytes(b"\n".join(rows[:5]) + b'\n"carriage\rreturn.wav",label\n')
    clips, *_ = list_clips("folder", path)
    assert len(clips) == 5 and clips["path"].iloc[-1].endswith("carriage\rreturn.wav")


@pytest.mark.long
def test_a_damaged_error_diary_is_refused_or_says_of_each_clip_what_its_own_line_says(tmp_path, artifacts):
    rows = [["clip", "mark", "note"]]
    rows += [[f"clip {number}.", MARKS[number % 4], f'a note, "{number}"'] for number in range(20)]
    tables = [fuzzing.as_table(rows, ",", "utf-8", "\n"), fuzzing.as_table(rows, ";", "cp1252", "\r\n")]
    artifacts.folder.mkdir(parents=True)
    read = 0
    for number in range(500):
        content = fuzzing.table_mutant(tables, number)
        artifacts.review.write_bytes(content)
        try:
            review = read_review(artifacts)
        except SuiteError as error:
            assert str(artifacts.review) in str(error) and "\n" not in str(error), (number, error)
            continue
        read += 1
        lines = {line.lower() for line in lines_of(content)}
        for clip, mark, _ in review.itertuples(index=False):
            assert any(tidy(clip.replace('"', "")).lower() in line and mark in line for line in lines), (number, clip, mark)
    assert 50 < read < 450


@pytest.mark.slow
def test_what_is_found_is_accepted_rejected_or_passed_over(tmp_path, artifacts):
    """Files of all kinds, damaged and whole, under endings of all kinds, in two classes."""
    formats = [path.read_bytes() for path in fuzzing.write_formats(tmp_path / "formats")]
    endings = [*SOUND_ENDINGS, ".txt", ".jpg", "", ".WAV", ".Mp3", ".wav.part"]
    for number in range(120):
        path = tmp_path / "recordings" / f"label_{number % 2}" / f"{number}{endings[number % len(endings)]}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(fuzzing.mutant(formats, number) if number % 3 else formats[number])
    files = [path for path in (tmp_path / "recordings").rglob("*") if path.is_file()]
    manifest, rejected = build_manifest("folder", tmp_path / "recordings", artifacts, seed=0)
    counts = read_json(artifacts.dataset)
    assert (
        counts["found"] == counts["accepted"] + counts["rejected"] and counts["found"] + counts["passed_over"] == len(files) == 120
    )
    assert len(manifest) == counts["accepted"] > 20 and len(rejected) == counts["rejected"] > 5 and (rejected["reason"] != "").all()
    assert sorted([*manifest["path"], *rejected["path"]]) == sorted(
        path.relative_to(tmp_path / "recordings").as_posix() for path in files if is_sound(path.name)
    )
