"""A stand-in for the server that knows, on a Colab machine, which notebook is open.

The set-up cell asks it at a fixed address, which is nobody's here. Where `http_proxy` in the environment is what `serve` returns,
the question comes to this process instead.
"""

import json
import threading
import urllib.parse
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NOWHERE = "http://127.0.0.1:9"  # as `http_proxy`: nobody answers


def from_github(page: str, *, times: int = 2) -> bytes:
    """What Colab answers for a notebook opened from `owner/name/blob/branch/notebooks/file`, percent-encoded so many times."""
    address = f"https://github.com/{page}"
    if times > 1:
        address = urllib.parse.quote(address, safe="/:")
    return listed(f"fileId={urllib.parse.quote(address, safe='') if times else address}")


def listed(path: object) -> bytes:
    return json.dumps([{"name": "01_download.ipynb", "path": path, "type": "notebook", "kernel": {"id": "0"}}]).encode()


def serve(answer: bytes | Iterable[bytes], *, host: str = "172.28.0.12") -> str:
    """Answer each question to a host, at once or in pieces that come when they come; other hosts do not know."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path != f"http://{host}:9000/api/sessions":
                self.send_error(404)
                return
            self.send_response(200)
            self.end_headers()
            try:
                for piece in [answer] if isinstance(answer, bytes) else answer:
                    self.wfile.write(piece)
            except OSError:  # who asked has gone
                self.close_connection = True

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"
