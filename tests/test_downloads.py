"""kagglehub against a loopback server that answers as Kaggle does; nothing leaves this machine."""

import base64
import hashlib
import http.server
import io
import json
import threading
import zipfile

import pytest

from helpers import downloads
from helpers.errors import SuiteError

HANDLE = "owner/slug/versions/3"


@pytest.fixture
def kaggle(monkeypatch, tmp_path):
    """A server with one dataset; set its `status` to make it refuse, or its `archive` to send something else."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("female_23/a.wav", b"sound")

    class Kaggle(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if server.status != 200:
                self.answer(server.status, json.dumps({"code": server.status, "message": "refused"}).encode())
            else:
                self.send_response(302)
                self.send_header("Location", f"{server.address}/archive.zip")
                self.send_header("Content-Length", "0")
                self.end_headers()

        def do_GET(self):
            self.answer(200, server.archive)

        def answer(self, status, body):
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            if server.hashed:
                self.send_header("x-goog-hash", "md5=" + base64.b64encode(hashlib.md5(server.hashed).digest()).decode())
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Kaggle)
    server.status, server.archive, server.hashed = 200, buffer.getvalue(), buffer.getvalue()
    server.address = f"http://127.0.0.1:{server.server_port}"
    from kagglesdk import kaggle_env

    monkeypatch.setitem(kaggle_env._env_to_endpoint, kaggle_env.KaggleEnv.PROD, server.address)
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("DISABLE_COLAB_CACHE", "true")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def test_a_dataset_is_fetched_once_and_then_needs_no_network(kaggle):
    folder = downloads.download(HANDLE)
    assert (folder / "female_23" / "a.wav").read_bytes() == b"sound"
    kaggle.status = 500
    assert downloads.download(HANDLE) == folder


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        (401, r"kagglehub\.login"),
        (403, "accept the dataset's terms at https://www.kaggle.com/datasets/owner/slug"),
        (404, "still exists"),
        (429, "wait"),
    ],
)
def test_a_refusal_is_a_sentence_with_the_next_step(kaggle, status, advice):
    kaggle.status = status
    with pytest.raises(SuiteError, match=rf"Kaggle answered {status} for {HANDLE}: .*{advice}.*set DATA_DIR"):
        downloads.download(HANDLE)


def test_no_network_is_a_sentence(kaggle, monkeypatch):
    from kagglesdk import kaggle_env

    monkeypatch.setitem(kaggle_env._env_to_endpoint, kaggle_env.KaggleEnv.PROD, "http://127.0.0.1:9")
    with pytest.raises(SuiteError, match=r"could not be reached for .*ConnectionError.*check the network.*set DATA_DIR"):
        downloads.download(HANDLE)


@pytest.mark.parametrize("hashed", [True, False])
@pytest.mark.parametrize("archive", [b"<html>log in</html>", b"PK\x03\x04 broken"])
def test_wrong_bytes_are_a_sentence(kaggle, archive, hashed):
    kaggle.archive, kaggle.hashed = archive, kaggle.hashed if hashed else None
    with pytest.raises(SuiteError, match=r"The download of .* failed .*run this cell again"):
        downloads.download(HANDLE)


def test_an_emptied_cache_is_a_sentence(kaggle):
    folder = downloads.download(HANDLE)
    (folder / "female_23" / "a.wav").unlink()
    (folder / "female_23").rmdir()
    with pytest.raises(SuiteError, match="is empty: delete that folder"):
        downloads.download(HANDLE)
