"""Real sweeps against a W&B server that is harmed: none waits, none stops, and later every epoch is there once."""

from __future__ import annotations

import csv
import re
import secrets
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from tests.search.commands import TINY, call, command, environment
from tests.search.tracking.wandb_files import shown
from tests.search.tracking.wandb_server import Mode, WandbServer

LONGEST_END_S = 60.0
"""Between the last word of the last trial and the end of the command: W&B may cost 10 s of it, on a quiet machine."""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "tiny.yaml").write_text(TINY)
    return tmp_path


def started(*arguments: str, home: Path, more: Mapping[str, str]) -> subprocess.Popen[str]:
    """A running command, its output piped."""
    pipe = subprocess.PIPE
    env = environment(home, more)
    return subprocess.Popen(command(*arguments), cwd=home, env=env, stdout=pipe, stderr=pipe, text=True)


def epochs(run: Path) -> dict[int, list[int]]:
    """The epochs of every trial, by the run directory."""
    found = {}
    for file in run.glob("trials/*/history.csv"):
        with file.open() as lines:
            found[int(file.parent.name)] = [int(float(row["epoch"])) for row in csv.DictReader(lines)]
    return dict(sorted(found.items()))


def swept(home: Path, server: WandbServer) -> Path:
    """A sweep to its end; it must not be impressed by what the server does."""
    run = home / "runs" / "tiny"
    ended = call("run", "tiny.yaml", "--name", "tiny", cwd=home, more=server.environment)
    assert ended.returncode == 0, ended.stderr
    assert time.time() - (run / "study.journal").stat().st_mtime < LONGEST_END_S
    assert len(epochs(run)) == 6
    return run


def delivered(home: Path, run: Path, server: WandbServer) -> None:
    """`tunehound sync` brings what is missing, and a second one nothing."""
    first = call("sync", "tiny", cwd=home, more=server.environment)
    assert first.returncode == 0, first.stderr
    assert {number: steps for number, steps in server.steps().items() if steps} == epochs(run)
    asked = len(server.asked)
    second = call("sync", "tiny", cwd=home, more=server.environment)
    assert second.returncode == 0, second.stderr
    assert "Nothing to upload" in second.stderr
    assert len(server.asked) == asked


@pytest.mark.parametrize("mode", ["healthy", "hangs", "answers 500", "refuses rows"])
def test_a_sweep_ends_as_ever_whatever_the_server_answers(home: Path, mode: Mode) -> None:
    with WandbServer(mode=mode) as server:
        run = swept(home, server)
        server.mode = "healthy"
    with server:
        delivered(home, run, server)


def test_a_sweep_ends_as_ever_where_nobody_listens(home: Path) -> None:
    server = WandbServer()
    run = swept(home, server)
    with server:
        delivered(home, run, server)


@pytest.mark.parametrize("rows", [1, 4, 9])
def test_a_sweep_ends_as_ever_when_the_server_dies_in_the_middle(home: Path, rows: int) -> None:
    with WandbServer(dies_after_rows=rows) as server:
        run = swept(home, server)
        assert server.steps() != epochs(run)
    with server:
        delivered(home, run, server)


@pytest.mark.parametrize("after_s", [4.0, 12.0])
def test_a_sweep_ends_as_ever_when_the_server_stops_answering(home: Path, after_s: float) -> None:
    with WandbServer() as server:

        def go_silent() -> None:
            while not server.asked:
                time.sleep(0.1)
            time.sleep(after_s)
            server.mode = "hangs"

        threading.Thread(target=go_silent, daemon=True).start()
        run = swept(home, server)
    server.mode = "healthy"
    with server:
        delivered(home, run, server)


def test_ctrl_c_ends_a_sweep_in_order_while_the_server_hangs(home: Path) -> None:
    (home / "tiny.yaml").write_text(TINY.replace("epochs: 4,", "epochs: 60,").replace("trials: 6", "trials: 3"))
    run = home / "runs" / "tiny"
    with WandbServer(mode="hangs") as server:
        driver = started("run", "tiny.yaml", "--name", "tiny", home=home, more=server.environment)
        while sum(map(len, epochs(run).values())) < 3:
            assert driver.poll() is None
            time.sleep(0.05)
        began = time.monotonic()
        driver.send_signal(signal.SIGINT)
        _, told = driver.communicate(timeout=60)
        assert time.monotonic() - began < 30
        assert driver.returncode == 130, told
    assert "Not on W&B: " in told
    assert told.splitlines()[-1] == "Interrupted. Continue with: tunehound resume runs/tiny"
    server.mode = "healthy"
    with server:
        delivered(home, run, server)


def test_a_sync_that_is_killed_is_taken_up_by_the_next(home: Path) -> None:
    server = WandbServer()
    run = swept(home, server)
    with server:
        sender = started("sync", "tiny", home=home, more=server.environment)
        while not any(server.steps().values()):
            time.sleep(0.05)
        sender.kill()
        sender.communicate(timeout=30)
        delivered(home, run, server)


@pytest.mark.parametrize("online", [False, True])
def test_after_a_kill_of_the_driver_every_epoch_is_told_once(home: Path, online: bool) -> None:
    server = WandbServer()
    more = server.environment if online else {}
    run = home / "runs" / "tiny"
    with server:
        driver = started("run", "tiny.yaml", "--name", "tiny", home=home, more=more)
        while sum(map(len, epochs(run).values())) < 6:
            assert driver.poll() is None
            time.sleep(0.05)
        descendants = psutil.Process(driver.pid).children(recursive=True)
        driver.send_signal(signal.SIGKILL)
        driver.communicate(timeout=60)
        _end(descendants)
        resumed = call("resume", "tiny", cwd=home, more=more)
        assert resumed.returncode == 0, resumed.stderr
        if online:
            assert server.steps() == epochs(run)
        else:
            steps = {number: [row["_step"] for row in told.rows] for number, told in shown(run).items()}
            assert dict(sorted(steps.items())) == epochs(run)
            delivered(home, run, server)


@pytest.mark.parametrize("online", [False, True])
@pytest.mark.parametrize("kept_in", ["environment", "netrc"])
def test_the_key_is_found_nowhere(home: Path, online: bool, kept_in: str) -> None:
    key = secrets.token_hex(20)
    with WandbServer() as server:
        more = {"WANDB_BASE_URL": server.url, "WANDB_MODE": "online" if online else "offline"}
        if kept_in == "environment":
            more["WANDB_API_KEY"] = key
        else:
            (home / ".netrc").write_text(f"machine 127.0.0.1:{server.port} login user password {key}\n")
            (home / ".netrc").chmod(0o600)
        driver = started("run", "tiny.yaml", "--name", "tiny", home=home, more=more)
        with _watched(driver.pid) as command_lines:
            out, told = driver.communicate(timeout=300)
        assert driver.returncode == 0, told
        assert bool(server.runs) == online
        sent = call("sync", "tiny", cwd=home, more=more)
        assert sent.returncode == 0, sent.stderr
        assert server.steps() == epochs(home / "runs" / "tiny")
    assert command_lines
    said = [out, told, sent.stdout, sent.stderr, *command_lines, repr(server.runs)]
    assert not [text for text in said if key in text]
    log = Path(re.findall(r"Log: (\S+)", told)[0])
    ray_logs = Path(re.findall(r"Ray's own logs.*: (\S+)", log.read_text())[0])
    places = (home, log.parent, ray_logs.parent)
    files = {file for place in places for file in place.rglob("*") if file.is_file() and file.name != ".netrc"}
    assert files
    assert not [file for file in files if _holds(file, key)]


def _end(processes: list[psutil.Process]) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(processes, timeout=20)


@contextmanager
def _watched(pid: int) -> Iterator[set[str]]:
    """Gathers the command lines of a process and its descendants while it runs."""
    seen: set[str] = set()
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.2):
            with suppress(psutil.Error):
                process = psutil.Process(pid)
                for each in (process, *process.children(recursive=True)):
                    with suppress(psutil.Error):
                        seen.add(" ".join(each.cmdline()))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield seen
    finally:
        over.set()
        watcher.join()


def _holds(file: Path, key: str) -> bool:
    try:
        return key.encode() in file.read_bytes()
    except OSError:
        return False
