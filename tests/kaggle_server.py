"""A loopback server that answers, fails and breaks off as Kaggle does, for the real kagglehub; nothing leaves this machine."""

import base64
import contextlib
import hashlib
import http.server
import io
import json
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import soundfile
from conftest import RATE, voice

from helpers.recordings.speakers import crema_d_speakers

SECRET = "s3cr3t-k3y-of-a-user"
SENTENCES = ("DFA", "IEO", "IOM", "ITH", "ITS", "IWL")
EMOTIONS = ("ANG", "DIS", "FEA", "HAP", "NEU", "SAD")


class Kaggle(http.server.BaseHTTPRequestHandler):
    """Kaggle's two steps, the call that redirects and the file it redirects to, and Colab's service for mounts."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.server.asked.append(self.path)
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path.startswith("/kagglehub/datasets/"):
            self.answer(self.server.mount_status, json.dumps({"slug": "slug"}).encode())
        elif self.server.status != 200:
            self.answer(self.server.status, json.dumps({"code": self.server.status, "message": "refused"}).encode())
        else:
            self.answer(302, b"", Location=f"{self.server.address}/archive.zip?X-Goog-Signature={self.server.secret}")

    def do_GET(self):
        self.server.asked.append(f"GET {self.headers.get('Range')}")
        content, fault = self.server.archive, self.server.faults.pop(0) if self.server.faults else ""
        headers = {"Accept-Ranges": "bytes", "x-goog-hash": "md5=" + base64.b64encode(hashlib.md5(content).digest()).decode()}
        if "unhashed" in fault:
            del headers["x-goog-hash"]
        if "corrupt" in fault:
            content = content[:50_000] + bytes(1000) + content[51_000:]
        if "short" in fault:
            content = content[: len(content) // 2]
        if "page" in fault:
            content = b"<html>sign in</html>"
        begin = self.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-")
        body = content[int(begin) :]
        half = fault in ("cut", "stall")
        self.answer(206 if "Range" in self.headers else 200, body, sent=len(body) // 2 if half else len(body), **headers)
        if fault == "stall":
            self.rfile.read(1)  # until the client gives up
        self.close_connection |= half

    def answer(self, status, body, *, sent=None, **headers):
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[:sent])
        self.wfile.flush()

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def serve(archive: bytes) -> Iterator[http.server.ThreadingHTTPServer]:
    """A server with one dataset. `status` makes it refuse, each of its `faults` spoils one transfer, `asked` lists the requests."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Kaggle)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # of connections that the client gave up
    server.status, server.mount_status, server.archive, server.faults, server.asked = 200, 200, archive, [], []
    server.address, server.secret = f"http://127.0.0.1:{server.server_port}", SECRET
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def crema_d(actors: int = 40) -> bytes:
    """An archive with CREMA-D's names and six clips of each of its first actors, whose sound is synthetic."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number, (actor, (gender, _)) in enumerate(list(crema_d_speakers(Path()).items())[:actors]):
            pitch = (110 if gender == "male" else 210) * (1 + 0.01 * (number % 7))
            for take, (sentence, emotion) in enumerate(zip(SENTENCES, EMOTIONS, strict=True)):
                sound = io.BytesIO()
                samples = voice(pitch * (1 + 0.02 * take), seconds=0.7 + 0.05 * take, seed=6 * number + take)
                soundfile.write(sound, samples, RATE, format="WAV")
                archive.writestr(f"AudioWAV/{actor}_{sentence}_{emotion}_XX.wav", sound.getvalue())
    return buffer.getvalue()
