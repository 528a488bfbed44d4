"""What a sweep came to, on W&B: one run for its leaderboard, its trials brought up to date, its best as artifacts."""

from __future__ import annotations

import json
import shutil
import sys
import time
from pathlib import Path

import pytest
import wandb

from search.results.export import write_best
from search.results.leaderboard import leaderboard
from search.run.reader import open_run
from search.tracking.listener import Tracking
from search.tracking.past import past_of
from spaces.file.load import load_config
from spaces.file.sweep import Wandb
from spaces.file.write import write_yaml
from tests.search.commands import called
from tests.search.runs import SMALL, Told, confirm, make_run, run_info
from tests.search.tracking.wandb_files import files, shown, shown_board
from tests.search.tracking.wandb_server import WandbServer

pytestmark = pytest.mark.usefixtures("no_account")


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wandb_workspaces", None)  # as if the extra were not installed


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return make_run(tmp_path / "digits-1", SMALL[:4])


def track(run: Path, *, best: int = 1) -> None:
    """Tells W&B of a whole sweep and of its end."""
    listener = Tracking(run_info(run), Wandb(), close_timeout_s=60)
    opened = open_run(run)
    for trial in opened.trials:
        past = past_of(opened, trial.number)
        listener.started(past.info)
        listener.ended(past.end)
    listener.close(best)
    listener.conclude()
    wandb.teardown()


def sync(run: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Exit code and what the user is told."""
    code, _, told = called(capsys, "sync", str(run))
    wandb.teardown()
    return code, " ".join(told.split())


def log_in(server: WandbServer, patch: pytest.MonkeyPatch) -> None:
    for name, value in server.environment.items():
        patch.setenv(name, value)


def retrained(run: Path) -> Path:
    """What `retrain` leaves in the run, with a model that is none."""
    folder = run / "retrained"
    folder.mkdir()
    config, provenance = load_config(write_best(run, folder / "config.yaml"), check_files=False)
    write_yaml(folder / "config.yaml", {**config.model_dump(mode="json"), "provenance": provenance})
    (folder / "model.keras").write_bytes(b"a model")
    (folder / "metrics.json").write_text(json.dumps({"accuracy": 0.9, "test_images": 100}))
    return folder


def test_the_leaderboard_is_one_run_with_table_figures_and_the_best_configuration(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with WandbServer() as server:
        log_in(server, monkeypatch)
        track(run)
        board = server.of("leaderboard")
        assert (board.id, board.name, board.group, board.job_type, board.exit_code) == (
            "ab12cd34-leaderboard", "leaderboard", "digits-1", "leaderboard", 0,
        )  # fmt: skip
        table = board.shown("leaderboard")
        assert table["columns"] == list(leaderboard(run).columns)
        assert [row[1] for row in table["data"]] == [1, 0, 2, 3]
        assert {"learning_curves", "parallel_coordinates"} <= set(board.rows[-1])
        assert len(board.shown("parallel_coordinates")["data"][0]["dimensions"]) == 5
        assert (board.summary["best_trial"], board.summary["best_val_accuracy"]) == (1, 0.95)
        assert board.summary["headline"].startswith("Trial 1 reaches val_accuracy 0.9500")
        (best,) = server.versions("configuration")
        assert set(best.aliases) == {"latest", "best"}
        arrived = run.parent / "best.yaml"
        arrived.write_bytes(best.files["best.yaml"])
        config, provenance = load_config(arrived, check_files=False)
        assert (config.model.filters, provenance["trial"]) == (32, 1)
        assert sync(run, capsys) == (0, f"Nothing to send: W&B has every trial of {run}.")


def test_trials_bear_grid_friendly_names_and_kinds(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with WandbServer() as server:
        log_in(server, monkeypatch)
        regularised = Told(curve=[0.5], params={"model.l2": "on", "model.l2.on": 1e-4})
        track(make_run(run.parent / "on" / "digits-1", [regularised]), best=0)
        trial = server.of(0)
    assert (trial.name, trial.job_type) == ("0000", "trial")
    assert {"filters", "dropout", "l2", "l2_on", "learning_rate", "trial"} <= set(trial.config)
    assert {key: trial.summary[key] for key in ("best_epoch", "best_val_accuracy", "epochs", "seconds", "state")} == {
        "best_epoch": 1, "best_val_accuracy": 0.5, "epochs": 1, "seconds": 12.5, "state": "complete",
    }  # fmt: skip


def test_offline_the_leaderboard_is_a_file_and_sync_sends_it(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    track(run)
    board = shown_board(run)
    assert (board.id, board.group, board.exit_code, len(board.rows)) == ("ab12cd34-leaderboard", "digits-1", 0, 1)
    assert board.artifacts["best-ab12cd34"] == ["best.yaml"]
    with WandbServer() as server:
        log_in(server, monkeypatch)
        assert sync(run, capsys) == (0, "Sent to W&B: 4 trials, 9 epochs, the leaderboard.")
        assert len(server.of("leaderboard").rows) == len(server.versions("configuration")) == 1
        assert all(file.with_suffix(".wandb.synced").exists() for file in files(run))


def test_a_longer_sweep_shows_its_new_leaderboard_in_the_same_run(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with WandbServer() as server:
        log_in(server, monkeypatch)
        track(run)
        lengthened(run)
        track(run, best=4)
        board = server.of("leaderboard")
        assert [row[1] for row in board.shown("leaderboard")["data"]][:2] == [4, 1]
        assert board.summary["best_trial"] == 4
        assert [set(kept.aliases) for kept in server.versions("configuration")] == [set(), {"latest", "best"}]
        assert ("best" in server.of(1).tags, "best" in server.of(4).tags) == (False, True)
        assert sync(run, capsys)[1].startswith("Nothing to send")


def lengthened(run: Path) -> None:
    """One more trial, which leads."""
    for part in ("trials", "study.journal"):
        path = run / part
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    make_run(run, [*SMALL[:4], Told(curve=[0.98])])


def test_the_retrained_model_is_sent_once_with_what_predict_needs(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with WandbServer() as server:
        log_in(server, monkeypatch)
        track(run)
        folder = retrained(run)
        assert sync(run, capsys) == (0, "Sent to W&B: the model.")
        (model,) = server.versions("model")
        assert model.files["model.keras"] == b"a model"
        assert set(model.files) == {"model.keras", "metrics.json", "config.yaml"}
        assert (set(model.aliases), model.run) == ({"latest", "best"}, "ab12cd34-leaderboard")
        assert server.links == {"digits-1": (model.id, ["best"])}
        before = list(server.asked)
        assert sync(run, capsys)[1].startswith("Nothing to send")
        assert server.asked == before
        assert len(server.of("leaderboard").rows) == 1
        (folder / "config.yaml").write_text((folder / "config.yaml").read_text().replace("ab12cd34", "another"))
        (folder / "model.keras").write_bytes(b"of another run")
        assert sync(run, capsys)[1].startswith("Nothing to send")


def test_what_the_server_has_by_its_own_account_is_not_sent_again(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with WandbServer() as server:
        log_in(server, monkeypatch)
        track(run)
        (run / "wandb" / "ledger.jsonl").unlink()
        assert sync(run, capsys)[0] == 0
        assert len(server.of("leaderboard").rows) == len(server.versions("configuration")) == 1


def test_an_artifact_that_is_refused_is_sent_later(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with WandbServer(mode="refuses artifacts") as server:
        log_in(server, monkeypatch)
        track(run)
        assert server.versions("configuration") == []
        code, told = sync(run, capsys)
        assert (code, "Not sent: the leaderboard (" in told) == (1, True)
        server.mode = "healthy"
        assert sync(run, capsys)[0] == 0
        assert len(server.versions("configuration")) == 1


def test_the_end_waits_no_longer_for_the_leaderboard_than_for_the_trials(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with WandbServer() as server:
        log_in(server, monkeypatch)
        listener = Tracking(run_info(run), Wandb(), close_timeout_s=2.0)
        listener.started(past_of(open_run(run), 0).info)
        listener.close(None)
        server.mode = "hangs"
        began = time.monotonic()
        listener.conclude()
        assert time.monotonic() - began < 6
    wandb.teardown()


@pytest.mark.parametrize("online", [True, False])
def test_a_confirmation_reaches_runs_that_were_finished(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], online: bool
) -> None:
    with WandbServer() as server:
        if online:
            log_in(server, monkeypatch)
        listener = Tracking(run_info(run), Wandb(), close_timeout_s=60)
        opened = open_run(run)
        for trial in opened.trials:
            past = past_of(opened, trial.number)
            listener.started(past.info)
            listener.ended(past.end)
        listener.close(1)
        confirm(run, {1: [0.90, 0.92], 0: [0.94, 0.96]})
        listener.conclude()
        wandb.teardown()
        if not online:
            assert {number: set(told.tags) for number, told in shown(run).items()} == CONFIRMED_TAGS
            assert shown(run)[0].summary["mean"] == pytest.approx(0.95)
            log_in(server, monkeypatch)
            assert sync(run, capsys)[0] == 0
        assert {number: set(server.of(number).tags) for number in range(4)} == CONFIRMED_TAGS
        told = server.of(0).summary
        assert (told["mean"], told["sd"], told["seeds"]) == (pytest.approx(0.95), pytest.approx(0.02 / 2**0.5), 2)
        assert server.steps() == {0: [1, 2, 3], 1: [1, 2, 3], 2: [1], 3: [1, 2]}
        assert server.of("leaderboard").summary["best_trial"] == 0
        assert sync(run, capsys)[1].startswith("Nothing to send")


CONFIRMED_TAGS = {
    0: {"baseline", "complete", "confirmed", "best"},
    1: {"complete", "confirmed"},
    2: {"stopped-early"},
    3: {"diverged"},
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of wandb-workspaces' own making
def test_with_the_extra_one_report_is_saved(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with WandbServer() as server:
        log_in(server, monkeypatch)
        track(run)
        assert server.reports == {}
        monkeypatch.delitem(sys.modules, "wandb_workspaces")
        assert sync(run, capsys) == (0, "Sent to W&B: the report.")
        assert sync(run, capsys)[1].startswith("Nothing to send")
    (report,) = server.reports.values()
    (grid,) = (block for block in report["spec"]["blocks"] if block["type"] == "panel-grid")
    (trials,) = grid["metadata"]["runSets"]
    (key,) = trials["sort"]["keys"]
    assert (report["displayName"], report["entityName"], report["projectName"]) == (
        "digits-1: val_accuracy", "me", "tunehound",
    )  # fmt: skip
    assert (key["key"], key["ascending"]) == ({"section": "summary", "name": "best_val_accuracy"}, False)
    assert "digits-1" in json.dumps(trials["filters"])
    panels = {panel["viewType"] for panel in grid["metadata"]["panelBankSectionConfig"]["panels"]}
    assert panels == {"Parameter Importance", "Parallel Coordinates Plot"}
