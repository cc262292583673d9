"""The real kagglehub against a loopback server (`kaggle_server`); nothing leaves this machine."""

import io
import logging
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from kaggle_server import SECRET, serve

from helpers.base.artifacts import SuiteError
from helpers.recordings import downloads

HANDLE = "owner/slug/versions/3"
CLIPS = 3


def archive_of(clips: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number in range(clips):
            archive.writestr(f"female_23/{number}.wav", np.random.default_rng(number).bytes(1_000_000))
    return buffer.getvalue()


@pytest.fixture
def kaggle(monkeypatch, tmp_path):
    from kagglesdk import kaggle_env

    with serve(archive_of(CLIPS)) as server:
        monkeypatch.setitem(kaggle_env._env_to_endpoint, kaggle_env.KaggleEnv.PROD, server.address)
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setenv("KAGGLE_USERNAME", "student")
        monkeypatch.setenv("KAGGLE_KEY", SECRET)
        monkeypatch.setenv("DISABLE_COLAB_CACHE", "")
        monkeypatch.delenv("TBE_RUNTIME_ADDR", raising=False)
        yield server


def download(**options):
    return downloads.download(HANDLE, **({"clips": CLIPS, "megabytes": 1} | options))


def assert_whole(folder):
    assert sorted(path.name for path in folder.rglob("*.wav")) == ["0.wav", "1.wav", "2.wav"]
    assert (folder / "female_23" / "1.wav").read_bytes() == np.random.default_rng(1).bytes(1_000_000)
    assert not list(folder.parents[1].glob("*.archive"))


def test_a_dataset_is_fetched_once_and_then_needs_no_network(kaggle):
    folder = download()
    assert_whole(folder)
    kaggle.asked.clear()
    assert download() == folder and kaggle.asked == []


def test_whether_kaggle_answers_is_known_before_a_download(kaggle, monkeypatch):
    from kagglesdk import kaggle_env

    assert downloads.can_be_fetched(HANDLE)
    folder = download()
    monkeypatch.setitem(kaggle_env._env_to_endpoint, kaggle_env.KaggleEnv.PROD, "http://127.0.0.1:9")
    assert downloads.can_be_fetched(HANDLE) and folder.exists()  # it is in the cache
    assert not downloads.can_be_fetched("other/dataset/versions/1")


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        (401, r"credentials are not valid; log in with `kagglehub\.login\(\)`, or remove them"),
        (403, r"open https://www\.kaggle\.com/datasets/owner/slug while logged in, accept the dataset's terms"),
        (404, r"look at https://www\.kaggle\.com/datasets/owner/slug whether the dataset or its version has gone"),
        (429, "too many have asked at once, wait some minutes"),
        (500, "the fault is at Kaggle, wait some minutes"),
    ],
)
def test_a_refusal_is_a_sentence_with_the_next_step(kaggle, status, advice):
    kaggle.status = status
    with pytest.raises(SuiteError, match=rf"^Kaggle answered {status} for {HANDLE}: .*{advice}.*set DATA_DIR.*DATASET=voices\.$"):
        download()


def test_no_network_is_a_sentence(kaggle, monkeypatch):
    from kagglesdk import kaggle_env

    monkeypatch.setitem(kaggle_env._env_to_endpoint, kaggle_env.KaggleEnv.PROD, "http://127.0.0.1:9")
    with pytest.raises(SuiteError, match=r"could not be reached for .*ConnectionError.*check the network.*DATASET=voices"):
        download()


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["cut", "stall"])
def test_a_lost_connection_is_taken_up_where_it_was_lost(kaggle, monkeypatch, capsys, fault):
    monkeypatch.setattr(downloads, "STALL_S", 3)
    kaggle.faults = [fault]
    assert_whole(download())
    assert kaggle.asked[-1] == f"GET bytes={1 << 20}-"  # kagglehub writes whole mebibytes
    assert "The connection was lost after 1 MB: going on from there." in capsys.readouterr().out


@pytest.mark.slow
def test_a_connection_that_is_always_lost_is_a_sentence_and_goes_on_later(kaggle):
    kaggle.faults = ["cut"] * 30
    with pytest.raises(SuiteError, match="it goes on where it stopped"):
        download()
    assert len(kaggle.faults) > 20  # it gave up
    kaggle.faults.clear()
    assert_whole(download())
    assert kaggle.asked[-1] == f"GET bytes={1 << 20}-"


def test_an_interrupted_download_goes_on_when_the_cell_runs_again(kaggle, monkeypatch):
    from kagglehub import clients

    class InterruptedBar(clients.tqdm):
        def update(self, n=1):
            raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(clients, "tqdm", InterruptedBar)
        download()
    assert_whole(download())
    assert kaggle.asked[-1] == f"GET bytes={1 << 20}-"


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["corrupt", "corrupt unhashed", "short unhashed", "page unhashed"])
def test_a_broken_archive_is_fetched_again_and_never_stays(kaggle, capsys, fault):
    kaggle.faults = [fault]
    assert_whole(download())
    assert "arrived broken: deleted, fetching it again" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["corrupt", "corrupt unhashed", "short unhashed", "page unhashed"])
def test_an_archive_broken_twice_is_a_sentence_and_never_stays(kaggle, tmp_path, fault):
    kaggle.faults = [fault, fault]
    with pytest.raises(SuiteError, match=r"arrived broken twice \(\w+\) and was deleted: wait some minutes.*set DATA_DIR"):
        download()
    assert not list(tmp_path.rglob("*.archive"))
    assert_whole(download())


def test_a_leftover_archive_of_full_size_is_not_trusted(kaggle, tmp_path):
    archive = tmp_path / "cache" / "datasets" / "owner" / "slug" / "3.archive"
    archive.parent.mkdir(parents=True)
    archive.write_bytes(bytes(len(kaggle.archive)))
    assert_whole(download())


@pytest.mark.slow
@pytest.mark.parametrize("left", [0, 2])
def test_a_marker_beside_missing_files_is_not_trusted(kaggle, left):
    folder = download()
    for path in sorted(folder.rglob("*.wav"))[left:]:
        path.unlink()
    assert_whole(download())


def test_the_space_for_an_incomplete_copy_is_checked_too(kaggle):
    shutil.rmtree(next(download().rglob("*.wav")).parent)
    with pytest.raises(SuiteError, match=r"needs 2,000,000,000,000 MB until it is unpacked, but .* MB free: make room"):
        download(megabytes=10**12)


def test_a_copy_that_stays_too_small_is_a_sentence(kaggle):
    with pytest.raises(SuiteError, match=r"holds 3 sound files, but 7 belong to it: delete that folder"):
        download(clips=7)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_a_sentence(kaggle, tmp_path):
    archive = tmp_path / "cache" / "datasets" / "owner" / "slug" / "3.archive"
    archive.parent.mkdir(parents=True)
    archive.symlink_to("/dev/full")
    with pytest.raises(SuiteError, match="The disk is full: free some space and run this cell again"):
        download()


def test_too_little_space_is_said_before_the_download(kaggle):
    with pytest.raises(SuiteError, match=r"needs 2,000,000,000,000 MB until it is unpacked, but .* MB free: make room"):
        download(megabytes=10**12)
    assert kaggle.asked == []


def test_broken_credentials_are_a_sentence(kaggle, monkeypatch, tmp_path):
    from kagglehub import config

    monkeypatch.delenv("KAGGLE_KEY")
    (tmp_path / "kaggle.json").write_text(SECRET)
    monkeypatch.setattr(config, "_get_kaggle_credentials_file", lambda: str(tmp_path / "kaggle.json"))
    with pytest.raises(SuiteError, match=r"kaggle\.json can't be read: delete it") as caught:
        download()
    assert SECRET not in str(caught.value)


@pytest.fixture
def colab(kaggle, monkeypatch, tmp_path):
    """Colab's service for read-only mounts, with the dataset in it."""
    monkeypatch.setenv("TBE_RUNTIME_ADDR", kaggle.address.removeprefix("http://"))
    monkeypatch.setenv("COLAB_CACHE_MOUNT_FOLDER", str(tmp_path / "mount"))
    with zipfile.ZipFile(io.BytesIO(kaggle.archive)) as archive:
        archive.extractall(tmp_path / "mount" / "slug")
    return tmp_path / "mount" / "slug"


def test_colabs_mount_is_used_and_only_read(kaggle, colab):
    before = {path: path.stat().st_mtime_ns for path in colab.rglob("*")}
    assert download(megabytes=10**12) == colab
    assert {path: path.stat().st_mtime_ns for path in colab.rglob("*")} == before
    assert not any(asked.startswith("GET") for asked in kaggle.asked)


def test_an_incomplete_mount_is_passed_over(kaggle, colab):
    (colab / "female_23" / "1.wav").unlink()
    folder = download()
    assert_whole(folder)
    assert folder != colab and (colab / "female_23" / "0.wav").exists()


@pytest.mark.parametrize("status", [403, 500])
def test_a_mount_that_fails_is_passed_over(kaggle, colab, status):
    kaggle.mount_status = status
    assert download() != colab


def test_a_mount_that_stops_answering_is_passed_over(colab, monkeypatch):
    from kagglehub import colab_cache_resolver

    # The first call asks whether there is a mount, the second for its folder.
    answers = iter([{"slug": "slug"}, None])
    monkeypatch.setattr(colab_cache_resolver.ColabClient, "post", lambda *_: next(answers))
    folder = download()
    assert_whole(folder)
    assert folder != colab


def test_another_fault_is_no_broken_archive(kaggle, tmp_path, monkeypatch):
    import kagglehub

    def fail(handle, **_):
        raise ValueError("a fault in a program")

    monkeypatch.setattr(kagglehub, "dataset_download", fail)
    archive = tmp_path / "cache" / "datasets" / "owner" / "slug" / "3.archive"
    archive.parent.mkdir(parents=True)
    archive.write_bytes(b"half of it")
    with pytest.raises(ValueError, match="a fault in a program"):
        download()
    assert archive.read_bytes() == b"half of it"


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["", "cut", "corrupt", "status"])
def test_credentials_reach_no_output_no_file_and_no_log(kaggle, tmp_path, capfd, caplog, fault):
    caplog.set_level(logging.DEBUG)
    logging.getLogger("kagglehub").propagate = True
    kaggle.faults, kaggle.status = [fault] * 30, 500 if fault == "status" else 200
    try:
        download()
        said = ""
    except SuiteError as error:
        said = f"{error} {error.__context__!r}" if not error.__suppress_context__ else str(error)
    finally:
        logging.getLogger("kagglehub").propagate = False
    output = capfd.readouterr()
    own = "\n".join(record.getMessage() for record in caplog.records if not record.name.startswith("urllib3"))
    assert SECRET not in said + output.out + output.err + own
    assert not any(SECRET.encode() in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
