"""The command line of the benchmarks, and, slowly, the benchmarks themselves."""

import json

import pytest

from helpers.base.artifacts import SuiteError
from helpers.suite import bench, bench_scale, bench_training


@pytest.fixture
def stubbed(monkeypatch, tmp_path):
    """Benchmarks that give a number at once, and the file that they are written to."""
    monkeypatch.setattr(bench, "BENCHMARKS", {"one": lambda: {"rate": 1.5}, "two": lambda: {"seconds": 2.0}})
    monkeypatch.setenv("ARTIFACTS", str(tmp_path))
    return tmp_path / "bench.json"


def test_the_help_lists_all_benchmarks(capsys):
    with pytest.raises(SystemExit) as stopped:
        bench.main(["--help"])
    assert stopped.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    assert f"of {', '.join(bench.BENCHMARKS)}; all if none is given" in text and "input_wait" in text


def test_an_unknown_benchmark_is_refused_before_any_runs(stubbed, capsys):
    with pytest.raises(SystemExit) as stopped:
        bench.main(["one", "three"])
    assert stopped.value.code == 2 and not stubbed.exists()
    assert "there is no benchmark three: choose from one, two" in capsys.readouterr().err


def test_a_benchmark_replaces_its_own_row_alone(stubbed, capsys):
    stubbed.write_text(json.dumps({"one": {"rate": 1.0}, "other": {"rate": 3.0}}))
    bench.main(["one"])
    assert json.loads(stubbed.read_text()) == {"one": {"rate": 1.5}, "other": {"rate": 3.0}}
    bench.main([])
    assert json.loads(stubbed.read_text()) == {"one": {"rate": 1.5}, "two": {"seconds": 2.0}, "other": {"rate": 3.0}}
    assert f"written to {stubbed}" in capsys.readouterr().out


def test_in_every_round_each_way_has_its_turn():
    turns = []
    ways = {name: lambda name=name: turns.append(name) or float(len(turns)) for name in ("one", "two")}
    measured = bench_training.interleaved(ways, rounds=3)
    assert turns == ["one", "two"] * 3 and measured["two"].tolist() == [2.0, 4.0, 6.0]
    assert bench_training.ratio(measured, "two", "one") == {"two_to_one": 1.33, "two_to_one_lowest": 1.2, "two_to_one_highest": 2.0}


def test_a_stage_that_fails_says_why():
    with pytest.raises(SuiteError, match=r"audit.'/nowhere'. failed: .*/nowhere"):
        bench_scale.in_own_process("audit('/nowhere')")


@pytest.mark.slow
def test_our_pipeline_and_keras_own_are_measured_on_the_same_work(monkeypatch):
    shapes = []
    monkeypatch.setattr(bench_training, "images_per_second", lambda dataset, batches: shapes.append(dataset.element_spec) or 2.0)
    spread = {"speedup": 1.0, "speedup_lowest": 1.0, "speedup_highest": 1.0}
    assert bench.pipeline() == {"images_per_second": 2.0, "keras_images_per_second": 2.0} | spread
    assert shapes == shapes[:2] * 5  # in every round both, in turn
    (ours, our_classes), (theirs, their_classes) = (spec[:2] for spec in shapes[:2])
    assert ours.shape[1:] == theirs.shape[1:] and our_classes.shape[-1] == their_classes.shape[-1] == 39


@pytest.mark.slow
def test_the_conversion_is_measured_five_ways(monkeypatch):
    monkeypatch.setattr(bench, "CLIPS", 4)
    monkeypatch.setattr(bench, "ROUNDS", 1)
    figures = bench.conversion()
    assert {"tutorial", "plain_loop", "one_core", "all_cores", "floor"} < figures.keys() and min(figures.values()) > 0


@pytest.mark.long
@pytest.mark.slow
def test_every_benchmark_that_trains_or_measures_memory_gives_numbers(monkeypatch):
    monkeypatch.setattr(bench, "CLIPS", 20)
    monkeypatch.setattr(bench_training, "ROUNDS", 2)
    monkeypatch.setattr(bench_scale, "SIZES", (40,))
    for name in ("input_wait", "conversion", "conversion_memory_mib", "scale", "training", "batch_normalisation", "onednn"):
        figures = bench.BENCHMARKS[name]()
        assert figures and all(value >= 0 for value in figures.values()), name
