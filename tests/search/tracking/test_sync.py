"""What W&B was not told while the sweep ran is sent by `tunehound sync`: each epoch once, whatever the server does."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import wandb
from optuna.trial import TrialState

from search.run.lock import check_links
from search.tracking import client
from search.tracking.download import write_download
from search.tracking.tracker import WandbTracker
from spaces.file.sweep import Wandb
from tests.search.commands import called, environment
from tests.search.runs import TrialRecord, make_run
from tests.search.tracking.live import LiveRun
from tests.search.tracking.wandb_files import files, shown
from tests.search.tracking.wandb_server import KEY, WandbServer

TRIALS = (
    TrialRecord(curve=[0.5, 0.6, 0.7], baseline=True),
    TrialRecord(curve=[0.8, 0.9, 0.9]),
    TrialRecord(curve=[0.5], state=TrialState.PRUNED, reason="asha"),
)
STEPS = {0: [1, 2, 3], 1: [1, 2, 3], 2: [1]}

pytestmark = pytest.mark.usefixtures("no_account")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return make_run(tmp_path / "digits-1", TRIALS)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "INIT_TIMEOUT_S", 2.0)
    monkeypatch.setattr(client, "FINISH_TIMEOUT_S", 3.0)
    monkeypatch.setattr(client, "SYNC_TIMEOUT_S", 3.0)
    monkeypatch.setitem(sys.modules, "wandb_workspaces", None)  # as if the extra were not installed


def track(run: Path, *, close_timeout_s: float = 10.0) -> None:
    """Track a whole sweep."""
    with WandbTracker(run, Wandb(), close_timeout_s=close_timeout_s):
        pass
    wandb.teardown()


def sync(run: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Exit code and what the user is told."""
    code, out, told = called(capsys, "sync", str(run))
    wandb.teardown()
    assert not out
    return code, " ".join(told.split())


def log_in(server: WandbServer, patch: pytest.MonkeyPatch) -> None:
    for name, value in server.environment.items():
        patch.setenv(name, value)


def test_what_was_kept_offline_is_sent_once(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    track(run)
    assert {number: len(told.rows) for number, told in shown(run).items()} == {0: 3, 1: 3, 2: 1}
    with WandbServer() as server:
        log_in(server, monkeypatch)
        assert sync(run, capsys) == (0, "Uploaded to W&B: 3 trials, 7 epochs, the leaderboard.")
        assert server.steps() == STEPS
        told = server.of(1)
        assert (told.group, told.project, told.tags, told.exit_code) == (
            "digits-1",
            "tunehound",
            ["complete", "best"],
            0,
        )
        assert told.summary["best_val_accuracy"] == 0.9
        assert told.config["dropout"]["value"] == 0.3
        assert all(file.with_suffix(".wandb.synced").exists() for file in files(run))
        before = list(server.asked)
        assert sync(run, capsys) == (0, f"Nothing to upload: W&B is up to date with {run}.")
        assert server.asked == before


def test_an_online_sweep_leaves_nothing_to_send(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with WandbServer() as server:
        log_in(server, monkeypatch)
        track(run, close_timeout_s=60)
        assert server.steps() == STEPS
        assert server.of(1).tags == ["complete", "best"]
        assert sync(run, capsys) == (0, f"Nothing to upload: W&B is up to date with {run}.")


def test_a_server_that_is_not_there_costs_no_epoch(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nor does one that hangs, answers with errors or dies, says tests/harm/test_wandb_server.py."""
    server = WandbServer()
    log_in(server, monkeypatch)
    track(run)
    assert {number: len(told.rows) for number, told in shown(run).items()} == {0: 3, 1: 3, 2: 1}
    with server:
        assert sync(run, capsys)[0] == 0
        assert server.steps() == STEPS


def test_a_server_that_dies_while_it_is_sent_to_gets_the_rest_next_time(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    track(run)
    with WandbServer(dies_after_rows=4) as server:
        log_in(server, monkeypatch)
        code, told = sync(run, capsys)
        assert code == 1
        assert "Not uploaded: " in told
        assert f"Try again with: tunehound sync {run}" in told
    with server:
        assert sync(run, capsys)[0] == 0
        assert server.steps() == STEPS
        assert {server.of(number).exit_code for number in STEPS} == {0}


def test_what_the_server_refuses_is_not_taken_for_sent(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    track(run)
    with WandbServer(mode="refuses rows") as server:
        log_in(server, monkeypatch)
        assert sync(run, capsys)[0] == 1
        server.mode = "healthy"
        assert sync(run, capsys)[0] == 0
        assert server.steps() == STEPS


def test_a_trial_that_went_on_after_it_was_sent_is_sent_from_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_run(tmp_path / "digits-1", [TrialRecord(curve=[0.5, 0.6], state=TrialState.RUNNING, reason="")])
    track(run)
    with WandbServer() as server:
        log_in(server, monkeypatch)
        assert sync(run, capsys)[0] == 0
        assert server.steps() == {0: [1, 2]}
        assert server.of(0).tags == ["interrupted", "best"]
        shutil.rmtree(run / "trials")
        (run / "study.journal").unlink()
        make_run(run, [TrialRecord(curve=[0.5, 0.6, 0.7])])
        assert sync(run, capsys) == (0, "Uploaded to W&B: 1 trial, 1 epoch, the leaderboard.")
        assert server.steps() == {0: [1, 2, 3]}
        assert server.of(0).tags == ["complete", "best"]


def test_without_a_key_nothing_is_sent_and_the_remedy_told(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    track(run)
    code, told = sync(run, capsys)
    assert code == 2
    assert "WANDB_API_KEY" in told


def test_a_sweep_that_is_not_tracked_has_nothing_to_send(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = run / "sweep.yaml"
    file.write_text(file.read_text() + "tracking: off\n")
    assert sync(run, capsys) == (0, f"Nothing to upload: the sweep of {run} has `tracking: off`.")


CUT_OFF = """
import sys, time
from pathlib import Path
from search.tracking.tracker import WandbTracker
from spaces.file.sweep import Wandb

with WandbTracker(Path(sys.argv[1]), Wandb()):
    time.sleep(60)
"""


def test_after_a_kill_the_offline_files_hold_every_epoch_once(tmp_path: Path) -> None:
    trials = (*TRIALS, TrialRecord(curve=[0.5, 0.6], state=TrialState.RUNNING, reason=""))
    run = make_run(tmp_path / "killed" / "digits-1", trials)
    with subprocess.Popen([sys.executable, "-c", CUT_OFF, str(run)], env=environment(tmp_path)) as first:
        while len(files(run)) < len(trials):
            assert first.poll() is None
            time.sleep(0.05)
        first.kill()
    with WandbTracker(run, Wandb()):
        LiveRun(run).epoch(3, 3, 0.7)
    wandb.teardown()
    steps = {number: [row["_step"] for row in told.rows] for number, told in shown(run).items()}
    assert steps == STEPS | {3: [1, 2, 3]}


def test_wandbs_own_links_do_not_keep_a_run_from_being_taken_up(run: Path) -> None:
    track(run)
    assert [path.name for path in run.rglob("*") if path.is_symlink()] == ["debug-core.log"] * 4
    check_links(run)


def test_the_key_reaches_no_file_no_process_list_and_nothing_that_is_sent(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with WandbServer() as server:
        monkeypatch.setenv("WANDB_BASE_URL", server.url)
        (tmp_path / "netrc").write_text(f"machine 127.0.0.1:{server.port} login user password {KEY}\n")
        track(run, close_timeout_s=60)
        assert server.steps() == STEPS
        write_download("wandb:me/tunehound/digits-1", tmp_path / "fetched.yaml")
        processes = [process.cmdline() for process in psutil.Process().children(recursive=True)]
        assert processes
        assert KEY not in str(processes)
        assert KEY not in str([server.runs, server.artifacts, server.asked])
    wandb.teardown()
    written = [file for file in tmp_path.rglob("*") if file.is_file() and file.name != "netrc"]
    assert written
    assert not [file for file in written if KEY.encode() in file.read_bytes()]
    assert KEY not in "".join(capfd.readouterr())
