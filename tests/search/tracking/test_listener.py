"""What W&B is given, read back from the files it writes."""

from __future__ import annotations

import logging
import math
import socket
import time
from pathlib import Path

import pytest
import wandb
from optuna.trial import TrialState

from search.run.events import Reason, State, TrialEnd, TrialInfo
from search.tracking import client
from search.tracking.client import chosen_mode, safe
from search.tracking.listener import Tracking
from spaces.file.sweep import Wandb
from tests.search.runs import Told, config, make_run, row, run_info
from tests.search.tracking.wandb_files import files, read, shown

KEY = "0123456789" * 4


pytestmark = pytest.mark.usefixtures("no_account")


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    directory = tmp_path / "digits-1"
    directory.mkdir()
    return directory


def tracking(directory: Path, *, project: str = "digits", close_timeout_s: float = 60.0) -> Tracking:
    return Tracking(run_info(directory), Wandb(project=project), close_timeout_s=close_timeout_s)


def close(listener: Tracking, *, best: int | None) -> None:
    """Closes, and waits for W&B's own process, which writes the last bytes as it ends."""
    listener.close(best)
    wandb.teardown()


def info(number: int, *, baseline: bool = False) -> TrialInfo:
    return TrialInfo(number=number, values={"dropout": 0.3, "l2": "off"}, config=config(), baseline=baseline)


def end(
    number: int, value: float | None, state: State = "complete", reason: Reason = "finished", epochs: int = 3
) -> TrialEnd:
    return TrialEnd(
        number=number, state=state, reason=reason, best_epoch=None if value is None else 1, value=value,
        epochs=epochs, seconds=1.5,
    )  # fmt: skip


def sweep_of_four(directory: Path) -> None:
    listener = tracking(directory)
    for number in range(4):
        listener.started(info(number, baseline=number == 0))
    for epoch in (1, 2, 3):
        for number in range(4):
            if number != 2 or epoch == 1:
                listener.epoch(number, row(epoch, math.nan if number == 3 and epoch == 3 else 0.5 + 0.1 * number))
    listener.ended(end(0, 0.5))
    listener.ended(end(2, 0.7, "pruned", "asha", epochs=1))
    listener.ended(end(3, 0.8, "pruned", "diverged"))
    listener.ended(end(1, 0.6))
    close(listener, best=2)


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
    told = shown(run_dir)[1].config
    assert (told["dropout"], told["l2"]) == (0.3, "off")
    assert told["trial"] == config().model_dump(mode="json")


def test_the_summary_tells_the_best_epoch_and_the_end(run_dir: Path) -> None:
    sweep_of_four(run_dir)
    told = shown(run_dir)[2].summary
    wanted = {"best_epoch": 1, "best_val_accuracy": 0.7, "epochs": 1, "seconds": 1.5, "state": "stopped-early"}
    assert {key: told[key] for key in wanted} == wanted


def test_nothing_is_printed(run_dir: Path, capfd: pytest.CaptureFixture[str]) -> None:
    sweep_of_four(run_dir)
    assert capfd.readouterr() == ("", "")


def test_a_beaten_trial_is_finished_while_the_sweep_goes_on(run_dir: Path) -> None:
    listener = tracking(run_dir)
    for number, value in ((0, 0.5), (1, 0.9), (2, 0.7)):
        listener.started(info(number))
        listener.epoch(number, row(1, value))
        listener.ended(end(number, value, epochs=1))
    deadline = time.monotonic() + 20
    while sum(read(file).exit_code == 0 for file in files(run_dir)) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [run.exit_code for run in shown(run_dir).values()] == [0, None, 0]
    close(listener, best=1)
    assert shown(run_dir)[1].exit_code == 0


def test_trials_that_still_run_at_the_end_are_finished_as_interrupted(run_dir: Path) -> None:
    listener = tracking(run_dir)
    listener.started(info(0, baseline=True))
    listener.epoch(0, row(1, 0.5))
    close(listener, best=None)
    close(listener, best=None)
    assert shown(run_dir)[0].exit_code == 1
    assert set(shown(run_dir)[0].tags) == {"baseline", "interrupted"}


def test_a_resumed_trial_is_one_file_with_every_epoch_once(tmp_path: Path) -> None:
    directory = make_run(tmp_path / "digits-1", [Told(curve=[0.5, 0.6], state=TrialState.RUNNING, reason="")])
    first = tracking(directory)
    first.started(info(0))
    first.ended(end(0, 0.6, "interrupted", "interrupted", epochs=2))
    close(first, best=0)
    assert set(shown(directory)[0].tags) == {"interrupted", "best"}
    second = tracking(directory)
    second.started(info(0))
    for epoch in (2, 3):
        second.epoch(0, row(epoch, 0.7))
    second.ended(end(0, 0.7))
    close(second, best=0)
    run = shown(directory)[0]
    assert [(point["_step"], point["val_accuracy"]) for point in run.rows] == [(1, 0.5), (2, 0.6), (3, 0.7)]
    assert set(run.tags) == {"complete", "best"}


def test_a_resumed_sweep_takes_the_tag_from_the_earlier_best(tmp_path: Path) -> None:
    directory = make_run(tmp_path / "digits-1", [Told(curve=[0.5, 0.6], baseline=True)])
    first = tracking(directory)
    first.started(info(0, baseline=True))
    first.ended(end(0, 0.6, epochs=2))
    close(first, best=0)
    assert set(shown(directory)[0].tags) == {"baseline", "complete", "best"}
    second = tracking(directory)
    second.started(info(1))
    second.epoch(1, row(1, 0.9))
    second.ended(end(1, 0.9, epochs=1))
    close(second, best=1)
    runs = shown(directory)
    assert set(runs[0].tags) == {"baseline", "complete"}
    assert set(runs[1].tags) == {"complete", "best"}
    assert [point["_step"] for point in runs[0].rows] == [1, 2]


def test_an_uploaded_file_is_continued_and_never_replaced(tmp_path: Path) -> None:
    directory = make_run(tmp_path / "digits-1", [Told(curve=[0.5] * 3, state=TrialState.RUNNING, reason="")])
    first = tracking(directory)
    first.started(info(0))
    close(first, best=None)
    (uploaded,) = files(directory)
    uploaded.with_suffix(".wandb.synced").touch()
    second = tracking(directory)
    second.started(info(0))
    second.epoch(0, row(4, 0.9))
    close(second, best=None)
    (later,) = (file for file in files(directory) if file != uploaded)
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


def test_closing_waits_no_longer_than_it_may(run_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "INIT_TIMEOUT_S", 8.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setenv("WANDB_API_KEY", KEY)
        listener = tracking(run_dir, close_timeout_s=0.3)
        listener.started(info(0))
        began = time.monotonic()
        listener.close(best=None)
        assert time.monotonic() - began < 6  # far below what W&B would take to give up
        listener._worker.join()


def test_a_refusal_by_wandb_is_logged_and_the_sweep_goes_on(run_dir: Path, caplog: pytest.LogCaptureFixture) -> None:
    listener = tracking(run_dir, project="no/slashes")
    listener.started(info(0))
    listener.epoch(0, row(1, 0.5))
    listener.ended(end(0, 0.5))
    listener.close(best=0)
    assert "Invalid project name" in caplog.text


def test_disabled_by_the_environment_nothing_is_written(run_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "disabled")
    sweep_of_four(run_dir)
    assert list(run_dir.iterdir()) == []


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
