"""What W&B is given while a sweep runs, read back from the files it writes."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import wandb
from optuna.trial import TrialState

from search.run.reader import Run, RunReader
from search.tracking import client, tracker
from search.tracking.client import chosen_mode, safe
from search.tracking.tracker import WandbTracker
from spaces.file.sweep import Wandb
from tests.search.runs import PARAMS, TrialRecord, config, make_run
from tests.search.tracking.live import LiveRun
from tests.search.tracking.wandb_files import files, read, shown
from tests.search.tracking.wandb_server import KEY, WandbServer

pytestmark = pytest.mark.usefixtures("no_account")


@pytest.fixture(autouse=True)
def _short_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracker, "ROUND_S", 0.05)


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    return tmp_path / "digits-1"


def tracking(directory: Path, *, project: str = "digits", close_timeout_s: float = 60.0) -> WandbTracker:
    """A tracker at work."""
    return WandbTracker(directory, Wandb(project=project), close_timeout_s=close_timeout_s).__enter__()


def close(wandb_tracker: WandbTracker) -> None:
    """Close, and wait for W&B's own process, which writes the last bytes as it ends."""
    wandb_tracker.close()
    wandb.teardown()


def until(happened: Callable[[], bool]) -> None:
    """Wait until something has happened."""
    deadline = time.monotonic() + 30
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def sweep_of_four(directory: Path) -> None:
    run = LiveRun(directory)
    at_work = tracking(directory)
    for number in range(4):
        run.start(number, baseline=number == 0)
    for epoch in (1, 2, 3):
        for number in range(4):
            if number != 2 or epoch == 1:
                run.epoch(number, epoch, math.nan if number == 3 and epoch == 3 else 0.5 + 0.1 * number)
    run.end(0)
    run.end(2, state=TrialState.PRUNED, reason="asha")
    run.end(3, state=TrialState.PRUNED, reason="diverged")
    run.end(1)
    close(at_work)


def test_interleaved_trials_leave_one_whole_file_each(run_dir: Path) -> None:
    sweep_of_four(run_dir)
    runs = shown(run_dir)
    assert [runs[number].id for number in range(4)] == [f"ab12cd34-{number}" for number in range(4)]
    assert {(run.group, run.project, run.host) for run in runs.values()} == {("digits-1", "digits", "")}
    assert [run.exit_code for run in runs.values()] == [0, 0, 0, 0]
    assert min(file.stat().st_size for file in files(run_dir)) > 500


def test_every_epoch_is_one_point_at_its_own_step(run_dir: Path) -> None:
    sweep_of_four(run_dir)
    steps = {number: [point["_step"] for point in run.rows] for number, run in shown(run_dir).items()}
    assert steps == {0: [1, 2, 3], 1: [1, 2, 3], 2: [1], 3: [1, 2, 3]}
    assert shown(run_dir)[1].rows[0]["val_accuracy"] == pytest.approx(0.6)


def test_tags_tell_the_baseline_the_best_and_how_each_trial_ended(run_dir: Path) -> None:
    sweep_of_four(run_dir)
    tags = {number: set(run.tags) for number, run in shown(run_dir).items()}
    assert tags == {0: {"baseline", "complete"}, 1: {"complete"}, 2: {"best", "stopped-early"}, 3: {"diverged"}}


def test_the_config_has_open_values_on_top_and_the_closed_configuration_below(run_dir: Path) -> None:
    sweep_of_four(run_dir)
    shown_config = shown(run_dir)[1].config
    assert (shown_config["dropout"], shown_config["l2"]) == (0.3, "off")
    assert shown_config["trial"] == config(PARAMS).model_dump(mode="json")


def test_the_summary_has_the_best_epoch_and_the_end(run_dir: Path) -> None:
    sweep_of_four(run_dir)
    summary = shown(run_dir)[2].summary
    wanted = {"best_epoch": 1, "best_val_accuracy": 0.7, "epochs": 1, "seconds": 1.5, "state": "stopped-early"}
    assert {key: summary[key] for key in wanted} == pytest.approx(wanted)


def test_nothing_is_printed(run_dir: Path, capfd: pytest.CaptureFixture[str]) -> None:
    sweep_of_four(run_dir)
    assert capfd.readouterr() == ("", "")


def test_a_trial_in_training_is_shown_with_its_best_so_far(run_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with WandbServer() as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        run = LiveRun(run_dir)
        at_work = tracking(run_dir)
        run.start(0, baseline=True)
        run.epoch(0, 1, 0.5)
        until(lambda: server.steps().get(0) == [1] and server.of(0).summary.get("best_val_accuracy") == 0.5)
        assert "state" not in server.of(0).summary
        run.epoch(0, 2, 0.9)
        until(lambda: server.steps()[0] == [1, 2] and server.of(0).summary["best_val_accuracy"] == 0.9)
        assert set(server.of(0).tags) == {"baseline", "best"}
        run.end(0)
        close(at_work)
        assert server.steps() == {0: [1, 2]}
        assert set(server.of(0).tags) == {"baseline", "complete", "best"}


def test_a_beaten_trial_is_finished_while_the_sweep_goes_on(run_dir: Path) -> None:
    run = LiveRun(run_dir)
    at_work = tracking(run_dir)
    for number, value in ((0, 0.5), (1, 0.9), (2, 0.7)):
        run.start(number)
        run.epoch(number, 1, value)
        run.end(number)
    until(lambda: sum(read(file).exit_code == 0 for file in files(run_dir)) == 2)
    assert [run.exit_code for run in shown(run_dir).values()] == [0, None, 0]
    close(at_work)
    assert shown(run_dir)[1].exit_code == 0


def test_trials_that_still_run_at_the_end_are_finished_as_interrupted(run_dir: Path) -> None:
    run = LiveRun(run_dir)
    at_work = tracking(run_dir)
    run.start(0, baseline=True)
    run.epoch(0, 1, 0.5)
    close(at_work)
    close(at_work)
    assert shown(run_dir)[0].exit_code == 1
    assert set(shown(run_dir)[0].tags) == {"baseline", "interrupted", "best"}


def test_a_resumed_trial_is_one_file_with_every_epoch_once(tmp_path: Path) -> None:
    directory = make_run(tmp_path / "digits-1", [TrialRecord(curve=[0.5, 0.6], state=TrialState.RUNNING, reason="")])
    close(tracking(directory))
    assert set(shown(directory)[0].tags) == {"interrupted", "best"}
    run = LiveRun(directory)
    second = tracking(directory)
    run.epoch(0, 3, 0.7)
    run.end(0)
    close(second)
    shown_run = shown(directory)[0]
    assert [(point["_step"], point["val_accuracy"]) for point in shown_run.rows] == [(1, 0.5), (2, 0.6), (3, 0.7)]
    assert set(shown_run.tags) == {"complete", "best"}


def test_a_resumed_sweep_takes_the_tag_from_the_earlier_best(tmp_path: Path) -> None:
    directory = make_run(tmp_path / "digits-1", [TrialRecord(curve=[0.5, 0.6], baseline=True)])
    close(tracking(directory))
    assert set(shown(directory)[0].tags) == {"baseline", "complete", "best"}
    run = LiveRun(directory)
    second = tracking(directory)
    run.start(1)
    run.epoch(1, 1, 0.9)
    run.end(1)
    close(second)
    runs = shown(directory)
    assert set(runs[0].tags) == {"baseline", "complete"}
    assert set(runs[1].tags) == {"complete", "best"}
    assert [point["_step"] for point in runs[0].rows] == [1, 2]


def test_an_uploaded_file_is_continued_and_never_replaced(tmp_path: Path) -> None:
    directory = make_run(tmp_path / "digits-1", [TrialRecord(curve=[0.5] * 3, state=TrialState.RUNNING, reason="")])
    close(tracking(directory))
    (uploaded,) = [file for file in files(directory) if file.stem.endswith("-0")]
    uploaded.with_suffix(".wandb.synced").touch()
    run = LiveRun(directory)
    second = tracking(directory)
    run.epoch(0, 4, 0.9)
    close(second)
    (later,) = (file for file in files(directory) if file.stem == uploaded.stem and file != uploaded)
    assert uploaded.exists()
    assert [point["_step"] for point in read(later).rows] == [4]


def test_without_a_network_a_key_leads_to_offline_files_and_is_written_nowhere(
    run_dir: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(client, "INIT_TIMEOUT_S", 1.0)
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    with caplog.at_level(logging.WARNING):
        sweep_of_four(run_dir)
    assert "cannot be reached" in caplog.text
    assert [len(run.rows) for run in shown(run_dir).values()] == [3, 3, 1, 3]
    written = [file for file in run_dir.parent.rglob("*") if file.is_file()]
    assert not [file for file in written if KEY.encode() in file.read_bytes()]


def test_a_refusal_by_wandb_is_logged_and_the_sweep_goes_on(run_dir: Path, caplog: pytest.LogCaptureFixture) -> None:
    run = LiveRun(run_dir)
    at_work = tracking(run_dir, project="no/slashes")
    run.start(0)
    run.epoch(0, 1, 0.5)
    run.end(0)
    at_work.close()
    assert "Invalid project name" in caplog.text


def test_a_round_that_fails_does_not_end_the_tracking(run_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read, calls = RunReader.read, iter(range(10**6))

    def every_other_fails(reader: RunReader) -> Run | None:
        if next(calls) % 2 == 1:
            raise OSError("the disk is away")
        return read(reader)

    run = LiveRun(run_dir)
    run.start(0)
    run.epoch(0, 1, 0.5)
    monkeypatch.setattr(RunReader, "read", every_other_fails)
    at_work = tracking(run_dir)
    until(lambda: bool(files(run_dir)))
    run.end(0)
    monkeypatch.setattr(RunReader, "read", read)
    close(at_work)
    assert set(shown(run_dir)[0].tags) == {"complete", "best"}


def test_disabled_by_the_environment_nothing_is_written(run_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "disabled")
    sweep_of_four(run_dir)
    assert sorted(path.name for path in run_dir.iterdir()) == ["study.journal", "sweep.yaml", "trials"]


@pytest.mark.parametrize(
    ("environment", "netrc", "mode"),
    [
        ({}, "", "offline"),
        ({"WANDB_MODE": "online"}, "", "offline"),
        ({"WANDB_API_KEY": KEY}, "", "online"),
        ({"WANDB_API_KEY": KEY, "WANDB_MODE": "offline"}, "", "offline"),
        ({}, f"machine api.wandb.ai login user password {KEY}\n", "online"),
        ({}, f"machine example.com login user password {KEY}\n", "offline"),
    ],
)
def test_only_a_key_for_the_server_leads_online(
    environment: dict[str, str], netrc: str, mode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "netrc").write_text(netrc)
    assert chosen_mode() == mode


def test_ids_hold_nothing_that_wandb_refuses() -> None:
    assert safe("a b/c#1") == "a-b-c-1"
