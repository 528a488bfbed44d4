"""A W&B server for tests: keeps what W&B's own client sends to it, and fails in every way that a server can.

It answers what wandb 0.31 asks while a run is opened, continued, logged to and finished, artifacts are made and fetched
again, and a report is saved.
"""

from __future__ import annotations

import gzip
import json
import re
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

from tests.search.tracking.wandb_store import WandbStore

Mode = Literal["healthy", "hangs", "answers 500", "refuses rows", "refuses artifacts"]
KEY = "0123456789abcdef" * 2 + "01234567"
"""Looks like one of W&B's."""


class WandbServer(WandbStore):
    """Listens on a port of its own from `start` to `stop`; what it received stays when it starts again."""

    def __init__(self, *, mode: Mode = "healthy", dies_after_rows: int | None = None) -> None:
        self.mode: Mode = mode
        self.dies_after_rows = dies_after_rows
        """It closes its port, and every connection unanswered, once it has so many rows."""
        self.asked: list[str] = []
        """The name of every GraphQL operation, and every other path."""
        self._lock = threading.RLock()
        self._over = threading.Event()
        self._http: ThreadingHTTPServer | None = None
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        super().__init__(f"http://127.0.0.1:{self.port}")

    @property
    def environment(self) -> dict[str, str]:
        """What a user who has an account there sets."""
        return {"WANDB_BASE_URL": self.url, "WANDB_API_KEY": KEY}

    def start(self) -> None:
        server = self
        self._over.clear()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                server.answer(self)

            def do_PUT(self) -> None:
                server.answer(self)

            def do_GET(self) -> None:
                server.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._http.daemon_threads = True
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self) -> None:
        self._over.set()
        if self._http is not None:
            self._http.shutdown()
            self._http.server_close()
            self._http = None

    def __enter__(self) -> WandbServer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """Reads a request and answers it, or does what its mode says instead."""
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        if request.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        if self.mode == "hangs":
            self._over.wait(600)
        if self._over.is_set():
            request.connection.close()
            return
        if self.mode == "answers 500":
            request.send_error(500)
            return
        refused = {"refuses rows": "/file_stream", "refuses artifacts": "/best.yaml"}.get(self.mode)
        if refused and request.path.endswith(refused):
            request.send_error(403)
            return
        with self._lock:
            text = self._replied(request.command, request.path, body)
            rows = sum(len(run.history) for run in self.runs.values())
        if self.dies_after_rows is not None and rows >= self.dies_after_rows:
            self.dies_after_rows = None
            threading.Thread(target=self.stop).start()
            self._over.set()
            request.connection.close()
            return
        request.send_response(200)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(text)))
        request.end_headers()
        request.wfile.write(text)

    def _replied(self, command: str, path: str, body: bytes) -> bytes:
        if path == "/graphql":
            asked = json.loads(body)
            (name,) = re.findall(r"(?:query|mutation)\s+(\w+)", asked["query"])[:1]
            self.asked.append(name)
            return json.dumps({"data": self.graphql(name, asked.get("variables") or {})}).encode()
        self.asked.append(path)
        if path.endswith("/file_stream"):
            self.stream(path.split("/")[-2], json.loads(body))
        elif command == "PUT":
            self.uploaded(path.split("/")[1:], body)
        elif command == "GET":
            return self.downloaded(path.split("/")[1:])
        return b"{}"
