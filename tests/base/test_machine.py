import errno
import os
import platform
import subprocess
import sys
import textwrap
import types
from pathlib import Path

import pytest

from helpers import session as session_module
from helpers.base import machine
from helpers.base.artifacts import Artifacts, SuiteError, atomic_path, read_json, read_table, write_json, write_text
from helpers.recordings.manifest import read_manifest
from helpers.session import start


def test_the_settings_cell_decides_and_the_environment_wins(tmp_path, monkeypatch):
    session = start(dataset="folder", name="mine", profile="paper", artifacts=str(tmp_path), overrides="epochs=2")
    assert session.artifacts.folder == tmp_path / "mine" and session.profile.epochs == 2 and session.profile.name == "paper"
    monkeypatch.setenv("PROFILE", "quick")
    monkeypatch.setenv("DATASET", "emodb")
    session = start(dataset="folder", profile="paper", artifacts=str(tmp_path))
    assert session.artifacts.folder == tmp_path / "emodb" and session.profile.name == "quick"
    assert "batch_size=32" in repr(session.settings())


def test_auto_is_real_speech_on_colab_and_the_built_in_corpus_elsewhere(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(session_module, "can_be_fetched", lambda _: True)
    assert start(artifacts=str(tmp_path), notebook=1).dataset == "voices"
    monkeypatch.setitem(sys.modules, "google.colab", types.ModuleType("google.colab"))
    assert [start(artifacts=str(tmp_path), notebook=number).dataset for number in (1, 2, 3)] == ["crema-d"] * 3
    capsys.readouterr()
    assert [start(artifacts=str(tmp_path), notebook=number).dataset for number in (0, 4, 5, 6)] == ["voices"] * 4
    assert "no results of yours are here, so these are the ready-made ones of `voices`" in capsys.readouterr().out
    monkeypatch.setattr(session_module, "can_be_fetched", lambda _: False)
    assert start(artifacts=str(tmp_path), notebook=2).dataset == "voices"
    assert "Kaggle does not answer, so instead of CREMA-D" in capsys.readouterr().out
    assert start(dataset="emodb", artifacts=str(tmp_path)).dataset == "emodb"


def test_a_results_folder_of_an_earlier_layout_is_refused_and_left_as_it_is(tmp_path):
    old = tmp_path / "voices" / "dataset.json"
    write_json(old, {"dataset": "voices", "source": "somewhere"})
    before = old.read_bytes()
    with pytest.raises(SuiteError, match=r"voices holds results of an earlier version.*rename or delete.*NAME=") as refused:
        start(dataset="voices", artifacts=str(tmp_path))
    assert "\n" not in str(refused.value) and old.read_bytes() == before
    with pytest.raises(SuiteError, match="earlier version"):
        read_manifest(Artifacts(tmp_path / "voices"))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"dataset": "imagenet"}, "no dataset 'imagenet': choose one of voices, folder, crema-d, emodb"),
        ({"profile": "slow"}, "no profile 'slow': choose one of quick, paper"),
        ({"name": "../up"}, r"NAME='\.\./up' can't be the name of a folder"),
    ],
)
def test_unknown_settings_list_the_known(settings, message, tmp_path):
    with pytest.raises(SuiteError, match=message):
        start(**settings, artifacts=str(tmp_path))


def test_without_a_gpu_a_student_on_colab_is_told_how_to_get_one(monkeypatch, capsys):
    assert machine.check_gpu() is False and "processor cores" in capsys.readouterr().out
    monkeypatch.setitem(sys.modules, "google.colab", types.ModuleType("google.colab"))
    machine.check_gpu()
    assert "Change runtime type > T4 GPU" in capsys.readouterr().out


def test_a_sentence_is_all_that_a_notebook_shows_of_an_error():
    shown = SuiteError("Set DATA_DIR.")._render_traceback_()
    assert len(shown) == 1 and "Set DATA_DIR." in shown[0] and "Traceback" not in shown[0]


def test_a_write_that_fails_leaves_what_was_there(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("old")

    def fail():
        with atomic_path(path) as temporary:
            temporary.write_text("half of the n")
            raise OSError(28, "No space left on device")

    with pytest.raises(SuiteError, match=r"table\.csv could not be written \(No space left on device\): free some space, then run"):
        fail()
    assert path.read_text() == "old" and [item.name for item in tmp_path.iterdir()] == ["table.csv"]


@pytest.mark.parametrize(
    ("end", "how"),
    [("os.abort()", r"was ended by signal 6 \(SIGABRT\)"), ("os._exit(3)", "ended with exit code 3"),
     ("os.kill(os.getpid(), 9)", r"was ended by signal 9 \(SIGKILL\)")],
)  # fmt: skip
def test_a_worker_that_dies_says_how(end, how):
    with pytest.raises(SuiteError, match=rf"^A worker process {how}, so its clips are not done"):
        list(machine.in_workers(lambda number: exec(f"import os; {end}"), range(2), workers=2))


def test_only_what_the_system_counted_is_said_to_be_for_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "CONTROL_GROUPS", tmp_path)
    assert machine.memory_kills() == 0
    (tmp_path / "memory").mkdir()
    (tmp_path / "memory" / "memory.oom_control").write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 4\n")
    assert machine.memory_kills() == 4
    (tmp_path / "memory.events").write_text("low 0\noom 7\noom_kill 5\noom_group_kill 0\n")
    assert machine.memory_kills() == 5
    assert machine.ending(-9, memory=True).endswith("(SIGKILL) because the memory ran out")
    assert machine.ending(-11, memory=True).endswith("(SIGSEGV)") and machine.ending(-9).endswith("(SIGKILL)")


def test_a_durable_file_is_on_the_disk_before_it_has_its_name_and_the_name_after(tmp_path, monkeypatch):
    events = []
    monkeypatch.setattr(os, "fsync", lambda handle: events.append(Path(os.readlink(f"/proc/self/fd/{handle}")).suffix or "folder"))
    replace = os.replace
    monkeypatch.setattr(os, "replace", lambda *paths: events.append("named") or replace(*paths))
    write_text(tmp_path / "run.json", "{}", durable=True)
    write_text(tmp_path / "image.png", "")
    assert events == [".json", "named", "folder", "named"] and (tmp_path / "run.json").read_text() == "{}"


def test_a_disk_that_is_gone_keeps_the_first_reason(tmp_path):
    def fail():
        with atomic_path(tmp_path / "folder" / "run.json"):
            (tmp_path / "folder").rmdir()
            (tmp_path / "folder").write_text("no folder any more, so that nothing below it can be removed")
            raise OSError(errno.ENOTCONN, "Transport endpoint is not connected")

    with pytest.raises(SuiteError, match=r"run\.json could not be written \(Transport endpoint is not connected\): .* mount Drive"):
        fail()


def test_an_error_of_another_file_is_not_said_to_be_of_this_one(tmp_path):
    def fail():
        with atomic_path(tmp_path / "copy.txt"):
            raise PermissionError(errno.EACCES, "Permission denied", "/elsewhere/original.txt")

    with pytest.raises(PermissionError, match=r"original\.txt"):
        fail()


def test_a_broken_table_names_its_notebook(tmp_path):
    (tmp_path / "classes.json").write_text("[")
    with pytest.raises(SuiteError, match=r"classes.json is not valid JSON .*run notebooks/01_download.ipynb"):
        read_json(tmp_path / "classes.json")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("classes.json", '{"a": 1}', r"classes.json does not hold what 01_download.ipynb writes there: delete it"),
        ("classes.json", '["a", 1]', "does not hold what"),
        ("dataset.json", "[]", "does not hold what"),
        ("run.json", "3", r"does not hold what 03_train_resnet.ipynb writes there"),
        ("run.json", "[" * 100_000, "is not valid JSON"),
        ("dataset.json", "\xff", "is not valid JSON"),
    ],
)
def test_json_of_another_kind_is_one_sentence(tmp_path, name, text, message):
    (tmp_path / name).write_bytes(text.encode("latin-1"))
    with pytest.raises(SuiteError, match=message):
        read_json(tmp_path / name)


def test_a_name_that_a_json_file_lacks_is_one_sentence(tmp_path):
    write_json(tmp_path / "metrics.json", {"test": {"clips": 3}})
    metrics = read_json(tmp_path / "metrics.json")
    assert metrics == {"test": {"clips": 3}} and metrics.get("train") is None
    for look in (lambda: metrics["train"], lambda: metrics["test"]["accuracy"]):
        with pytest.raises(SuiteError, match=r"metrics.json lacks '(train|accuracy)': delete it, then run notebooks/03"):
            look()


def test_versions_and_device_are_recorded():
    assert machine.versions()["python"] == ".".join(map(str, sys.version_info[:3]))
    assert "cores" in machine.device()
    assert Path(machine.PROJECT / "helpers").is_dir()


@pytest.mark.slow
@pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64"), reason="oneDNN is TensorFlow's choice on Intel's and AMD's alone"
)
def test_tensorflow_uses_onednn_on_old_processors_too():
    code = "from helpers.base import machine; machine.load_tensorflow(); "
    code += "from tensorflow.python.util import _pywrap_util_port as port; print(port.IsMklEnabled())"
    left = {name: value for name, value in os.environ.items() if name != "TF_ENABLE_ONEDNN_OPTS"}
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=machine.PROJECT, env=left, capture_output=True, text=True, check=True
    ).stdout
    assert said == "True\n"


def test_in_tables_texts_stay_texts_and_empty_numbers_are_not_a_number(tmp_path):
    (tmp_path / "table.csv").write_text("clip,speaker,reason,accuracy\n007,NA,,\nnan,,too short,0.5\n")
    table = read_table(tmp_path / "table.csv")
    assert table[["clip", "speaker", "reason"]].to_numpy().tolist() == [["007", "NA", ""], ["nan", "", "too short"]]
    assert table["accuracy"].isna().tolist() == [True, False] and table["accuracy"][1] == 0.5


@pytest.mark.slow
def test_what_librosa_compiles_is_compiled_before_several_processes_could_do_it():
    """Processes that write Numba's cache together can break it: the next call, and each after it, is a segmentation fault."""
    code = textwrap.dedent("""
        import sys
        from helpers.base import machine

        def started(**options):
            print("librosa.core.pitch" in sys.modules, "librosa.util.utils" in sys.modules, options["n_jobs"])
            return list  # of the calls, none of which is made

        machine.Parallel = started
        print("librosa.core.pitch" in sys.modules)
        list(machine.in_workers(abs, [-1], workers=2))
    """)
    said = subprocess.run([sys.executable, "-c", code], cwd=machine.PROJECT, capture_output=True, text=True, check=True).stdout
    assert said.splitlines() == ["False", "True True 2"]


def test_what_a_c_library_writes_is_caught_within_bounds(capfd):
    with machine.standard_error() as lines:
        for _ in range(300):
            os.write(2, b"x" * 999 + b"\n")
        assert lines == []
    assert set(lines[:-1]) == {"x" * 999} and len("\n".join(lines)) == 1 << 16  # of 300 kB
    assert capfd.readouterr().err == ""
