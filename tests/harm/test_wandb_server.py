"""The end of a sweep waits for W&B's server no longer than it may, and every epoch arrives later."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest
import wandb

from search.tracking import client
from search.tracking.tracker import WandbTracker
from spaces.file.sweep import Wandb
from tests.search.conftest import no_account as no_account
from tests.search.tracking.live import LiveRun
from tests.search.tracking.test_sync import STEPS, log_in, sync, track
from tests.search.tracking.test_sync import _impatient as _impatient
from tests.search.tracking.test_sync import run as run
from tests.search.tracking.test_tracker import tracking
from tests.search.tracking.wandb_files import shown
from tests.search.tracking.wandb_server import KEY, Mode, WandbServer

pytestmark = pytest.mark.usefixtures("no_account")


@pytest.mark.parametrize("mode", ["hangs", "answers 500"])
def test_a_server_that_does_not_answer_costs_time_and_no_epoch(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], mode: Mode
) -> None:
    with WandbServer(mode=mode) as server:
        log_in(server, monkeypatch)
        began = time.monotonic()
        track(run)
        assert time.monotonic() - began < 20
    assert {number: len(told.rows) for number, told in shown(run).items()} == {0: 3, 1: 3, 2: 1}
    server.mode = "healthy"
    with server:
        assert sync(run, capsys)[0] == 0
        assert server.steps() == STEPS


def test_a_server_that_dies_while_the_sweep_runs_gets_the_rest_later(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with WandbServer(dies_after_rows=3) as server:
        log_in(server, monkeypatch)
        began = time.monotonic()
        track(run)
        assert time.monotonic() - began < 30
        assert server.steps() != STEPS
    with server:
        assert sync(run, capsys)[0] == 0
        assert server.steps() == STEPS


def test_the_end_waits_no_longer_for_the_leaderboard_than_for_the_trials(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with WandbServer() as server:
        log_in(server, monkeypatch)
        listener = WandbTracker(run, Wandb(), close_timeout_s=2.0)
        with listener:
            while len(server.steps()) < len(STEPS):
                time.sleep(0.05)
            server.mode = "hangs"
            began = time.monotonic()
        assert time.monotonic() - began < 6
    wandb.teardown()


def test_closing_waits_no_longer_than_it_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "INIT_TIMEOUT_S", 8.0)
    run = LiveRun(tmp_path / "digits-1")
    run.start(0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setenv("WANDB_API_KEY", KEY)
        at_work = tracking(tmp_path / "digits-1", close_timeout_s=0.3)
        began = time.monotonic()
        at_work.close()
        assert time.monotonic() - began < 6  # far below what W&B would take to give up
        at_work._worker.join()
