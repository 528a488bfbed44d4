"""A W&B server for tests: keeps what W&B's own client sends to it, and fails in every way that a server can.

It answers what wandb 0.31 asks while a run is opened, continued, logged to and finished; of files nothing is kept.
"""

from __future__ import annotations

import gzip
import json
import socket
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

Mode = Literal["healthy", "hangs", "answers 500", "refuses rows"]
KEY = "0123456789abcdef" * 2 + "01234567"
"""Looks like one of W&B's."""


@dataclass
class Received:
    """One W&B run as the server has it."""

    name: str = ""
    group: str = ""
    project: str = ""
    tags: list[str] = field(default_factory=list)
    config: dict[str, Any] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    history: list[str] = field(default_factory=list)
    """Lines of JSON, at the places that the client gave them."""
    exit_code: int | None = None
    """None: it was not finished."""

    @property
    def steps(self) -> list[int]:
        """The epochs, in the order in which W&B would show them."""
        return [int(json.loads(line)["_step"]) for line in self.history]


class WandbServer:
    """Listens on a port of its own from `start` to `stop`; what it received stays when it starts again."""

    def __init__(self, *, mode: Mode = "healthy", dies_after_rows: int | None = None) -> None:
        self.mode: Mode = mode
        self.dies_after_rows = dies_after_rows
        """It closes its port, and every connection unanswered, once it has so many rows."""
        self.runs: dict[str, Received] = {}
        self.asked: list[str] = []
        """The name of every GraphQL operation, and every other path."""
        self.keys: set[str] = set()
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._http: ThreadingHTTPServer | None = None
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

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

    def steps(self) -> dict[int, list[int]]:
        """The epochs of every trial, by its number."""
        with self._lock:
            return {int(id.rsplit("-", 1)[1]): run.steps for id, run in sorted(self.runs.items())}

    def of(self, number: int) -> Received:
        """The W&B run of a trial."""
        (run,) = (run for id, run in self.runs.items() if id.endswith(f"-{number}"))
        return run

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
        if self.mode == "refuses rows" and request.path.endswith("/file_stream"):
            request.send_error(403)
            return
        with self._lock:
            reply = self._replied(request.path, body)
            rows = sum(len(run.history) for run in self.runs.values())
        if self.dies_after_rows is not None and rows >= self.dies_after_rows:
            self.dies_after_rows = None
            threading.Thread(target=self.stop).start()
            self._over.set()
            request.connection.close()
            return
        text = json.dumps(reply).encode()
        request.send_response(200)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(text)))
        request.end_headers()
        request.wfile.write(text)

    def _replied(self, path: str, body: bytes) -> dict[str, Any]:
        if path == "/graphql":
            asked = json.loads(body)
            name = asked.get("operationName") or str(asked.get("query", "")).split("(")[0].split()[-1]
            self.asked.append(name)
            return {"data": self._graphql(name, asked.get("variables") or {})}
        self.asked.append(path)
        if path.endswith("/file_stream"):
            self._stream(self.runs[path.split("/")[-2]], json.loads(body))
        return {}

    def _graphql(self, name: str, given: dict[str, Any]) -> dict[str, Any]:
        if name == "UpsertBucket":
            return {"upsertBucket": {"bucket": self._upserted(given), "inserted": True}}
        if name == "RunResumeStatus":
            run = self.runs.get(given["name"])
            return {"model": {"id": "p", "name": given["project"], "entity": ME, "bucket": run and _status(given, run)}}
        if name == "Viewer":
            return {"viewer": {**ME, "entity": "me", "username": "me", "email": "", "flags": "{}", "teams": NONE}}
        if name == "CreateRunFiles":
            files = [{"name": file, "uploadUrl": f"{self.url}/upload"} for file in given["files"]]
            return {"createRunFiles": {"runID": given["run"], "uploadHeaders": [], "files": files}}
        return {"ServerFeaturesQuery": {"serverInfo": {"features": []}}}.get(name, {})

    def _upserted(self, given: dict[str, Any]) -> dict[str, Any]:
        run = self.runs.setdefault(given["name"], Received())
        run.name, run.group = given.get("displayName") or run.name, given.get("groupName") or run.group
        run.project = given.get("project") or run.project
        run.tags = run.tags if given.get("tags") is None else given["tags"]
        run.config = json.loads(given["config"]) if given.get("config") else run.config
        project = {"id": "p", "name": run.project, "entity": ME}
        return {
            "id": f"id-{given['name']}", "name": given["name"], "displayName": run.name, "description": None,
            "config": json.dumps(run.config), "sweepName": None, "project": project,
            "historyLineCount": len(run.history),
        }  # fmt: skip

    @staticmethod
    def _stream(run: Received, sent: dict[str, Any]) -> None:
        for file, part in (sent.get("files") or {}).items():
            if file == "wandb-history.jsonl":
                run.history[part["offset"] : part["offset"] + len(part["content"])] = part["content"]
            elif file == "wandb-summary.json":
                run.summary = json.loads(part["content"][-1])
        run.exit_code = sent.get("exitcode", run.exit_code)


ME = {"id": "u", "name": "me"}
NONE: dict[str, Any] = {"edges": []}


def _status(given: dict[str, Any], run: Received) -> dict[str, Any]:
    """What the server says of a run that is to be continued."""
    told = run.config.get("_wandb", {}).get("value", {}).get("t", {})
    return {
        "id": f"id-{given['name']}", "name": given["name"], "summaryMetrics": json.dumps(run.summary),
        "displayName": run.name, "logLineCount": 0, "historyLineCount": len(run.history), "eventsLineCount": 0,
        "historyTail": json.dumps(run.history[-1:]), "eventsTail": "[]", "config": json.dumps(run.config),
        "tags": run.tags, "notes": None, "wandbConfig": json.dumps({"t": told}),
    }  # fmt: skip
