"""optuna-dashboard on a run: it starts, shows the study, follows the driver, and changes nothing."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from optuna.storages import JournalStorage

from search.cli.dashboard import Server, serve
from search.run.journal import OwnJournal
from tests.search.runs import make_run


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return make_run(tmp_path / "run")


@pytest.fixture
def server(run: Path) -> Iterator[Server]:
    server = serve(run, port=0)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def asked(server: Server, path: str, method: str = "GET") -> str:
    # The address is the test's own.
    request = Request(f"http://127.0.0.1:{server.server_port}{path}", method=method, data=None)
    with urlopen(request, timeout=30) as answer:  # noqa: S310
        return str(answer.read().decode())


def test_it_serves_the_study_and_what_the_driver_adds_while_it_runs(server: Server, run: Path) -> None:
    assert "<html" in asked(server, "/dashboard/")
    [study] = json.loads(asked(server, "/api/studies"))["study_summaries"]
    assert study["study_name"] == "digits-1"
    JournalStorage(OwnJournal(run / "study.journal")).create_new_trial(0)  # the seventh
    assert len(json.loads(asked(server, "/api/studies/0"))["trials"]) == 7
    assert {file.name for file in run.iterdir()} == {"sweep.yaml", "study.journal", "trials"}  # no lock


@pytest.mark.parametrize(
    ("path", "method"), [("/api/studies/0", "DELETE"), ("/api/studies/0/note", "PUT"), ("/api/trials/5/tell", "POST")]
)
def test_it_changes_nothing(path: str, method: str, server: Server, run: Path) -> None:
    before = (run / "study.journal").read_bytes()
    with pytest.raises(HTTPError, match="403"):
        asked(server, path, method)
    assert (run / "study.journal").read_bytes() == before
