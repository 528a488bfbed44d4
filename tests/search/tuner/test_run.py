"""A sweep from end to end, as a user runs it."""

from __future__ import annotations

import csv
import io
import json
import subprocess
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from PIL import Image
from ruamel.yaml import YAML
from sklearn.datasets import load_digits

import search.tuner.run as run_module
from search.run.directory import default_names
from search.tuner.run import run_sweep
from spaces.file.load import load_sweep, read_yaml
from spaces.problem import InputError
from tests.search.commands import call, called

Done = subprocess.CompletedProcess[str]
Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def run(shared_home: Path, first_run: Done) -> Path:
    return shared_home / "runs" / "first"


@pytest.fixture
def here(shared_home: Path, run: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's folder, with the finished run, as the working directory."""
    monkeypatch.chdir(shared_home)
    return shared_home


@pytest.fixture(scope="module")
def retrained(shared_home: Path, run: Path) -> tuple[Path, Done]:
    done = call("retrain", run / "best.yaml", "-o", "model", cwd=shared_home)
    assert done.returncode == 0, done.stderr
    return shared_home / "model", done


def test_sweeps_that_start_in_the_same_second_all_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_module, "drive", lambda directory, *_, **__: directory)  # their names are all that matters
    monkeypatch.setattr(run_module, "default_names", lambda name, _: default_names(name, datetime(2026, 11, 30)))
    sweep = load_sweep("digits")
    folders: list[Any] = [run_sweep(sweep, runs=tmp_path / "runs", warn=print) for _ in range(3)]
    assert [folder.name for folder in folders] == [f"digits-20261130-000000{end}" for end in ("", "-2", "-3")]
    assert all(read_yaml(folder / "sweep.yaml")["run"]["name"] == folder.name for folder in folders)
    with pytest.raises(InputError, match="this one exists"):
        run_sweep(sweep, runs=tmp_path / "runs", name=folders[0].name, warn=print)


def rows(file: Path) -> list[dict[str, str]]:
    with file.open() as lines:
        return list(csv.DictReader(lines))


def trials(run: Path) -> list[optuna.trial.FrozenTrial]:
    storage = JournalStorage(JournalFileBackend(str(run / "study.journal")))
    return optuna.load_study(study_name=None, storage=storage).trials


def test_the_run_directory_holds_what_is_promised_and_nothing_else(run: Path) -> None:
    names = {path.name for path in run.iterdir() if not path.name.startswith(".")}
    assert names == {"sweep.yaml", "study.journal", "trials", "wandb", "leaderboard.csv", "best.yaml", "report.html"}
    for trial in (run / "trials").iterdir():
        assert {path.name for path in trial.iterdir()} == {"config.yaml", "history.csv"}


def test_the_end_shows_leaderboard_winner_against_baseline_and_the_next_command(first_run: Done, run: Path) -> None:
    assert "val" in first_run.stdout
    assert "baseline" in first_run.stdout
    assert "above the baseline's" in first_run.stdout or "baseline leads" in first_run.stdout.lower()
    assert "tunehound retrain runs/first/best.yaml" in first_run.stderr


def test_every_trial_is_told_once_and_chatter_stays_in_the_log(first_run: Done, run: Path) -> None:
    lines = first_run.stderr.splitlines()
    assert sum(line.startswith("trial ") for line in lines) == 6
    for noise in ("tensorflow", "Warning", "ray::", "wandb:", "INFO"):
        assert noise not in first_run.stderr
    log = Path(next(line for line in lines if "Log: " in line).split("Log: ")[1])
    assert log.exists()
    assert not log.is_relative_to(run)


def test_the_journal_holds_every_epoch_of_every_trial(run: Path) -> None:
    told = trials(run)
    assert [trial.number for trial in told] == list(range(6))
    assert told[0].user_attrs["baseline"]
    for trial in told:
        history = rows(run / "trials" / str(trial.number) / "history.csv")
        assert [int(float(row["epoch"])) for row in history] == list(trial.intermediate_values)
        assert [float(row["val_accuracy"]) for row in history] == list(trial.intermediate_values.values())


def test_the_baseline_ran_first_and_to_its_end(run: Path) -> None:
    baseline = trials(run)[0]
    assert baseline.state.name == "COMPLETE"
    assert len(baseline.intermediate_values) == 4
    assert baseline.params["model.dropout"] == 0.2
    assert baseline.value == max(baseline.intermediate_values.values())


def test_the_sweep_is_written_with_every_default_and_where_it_comes_from(run: Path) -> None:
    written = YAML(typ="safe").load(run / "sweep.yaml")
    assert written["trial"]["model"]["kernel_size"] == 3
    assert written["search"]["sampler"] == "tpe"
    assert written["run"]["versions"]["keras"]
    assert len(written["run"]["data_fingerprint"]) == 16


def test_the_leaderboard_agrees_with_the_journal(here: Path, run: Path, capsys: Capture) -> None:
    board = rows(run / "leaderboard.csv")
    best = max(value for trial in trials(run) for value in trial.intermediate_values.values())
    assert [int(row["rank"]) for row in board] == list(range(1, 7))
    assert float(board[0]["val_accuracy"]) == best
    assert {"filters", "dropout", "l2", "strength", "learning_rate"} <= set(board[0])
    told = json.loads(called(capsys, "leaderboard", "first", "--format", "json")[1])
    assert [row["trial"] for row in told] == [int(row["trial"]) for row in board]


def test_every_trial_and_the_leaderboard_are_an_offline_wandb_run_each(run: Path) -> None:
    files = sorted((run / "wandb").glob("offline-run-*/run-*.wandb"))
    assert sorted(file.stem.rsplit("-", 1)[1] for file in files) == [*"012345", "leaderboard"]
    assert all(file.stat().st_size > 1000 for file in files)


def test_the_report_is_one_file_that_needs_no_network(run: Path) -> None:
    text = (run / "report.html").read_text()
    assert "<html" in text
    fetched: list[str] = []

    class Fetches(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            fetched.extend(f"{tag} {value}" for name, value in attrs if name in ("src", "href") and value)

    Fetches().feed(text)
    assert not [reference for reference in fetched if "//" in reference]


def test_an_existing_run_is_refused_with_the_two_ways_out(here: Path, run: Path, capsys: Capture) -> None:
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*") if path.is_file()}
    code, _, err = called(capsys, "run", "tiny.yaml", "--name", "first")
    assert code == 2
    assert "tunehound resume" in err
    assert "--name" in err
    assert before == {path: path.stat().st_mtime_ns for path in run.rglob("*") if path.is_file()}


def test_a_finished_run_says_so_when_resumed(here: Path, capsys: Capture) -> None:
    code, _, err = called(capsys, "resume", "first")
    assert code == 0
    assert "finished" in err
    assert "search.trials=" in err


def test_export_writes_any_rank_and_refuses_what_is_not_there(here: Path, run: Path, capsys: Capture) -> None:
    code, out, _ = called(capsys, "export", "first", "--rank", "2")
    assert code == 0
    board = rows(run / "leaderboard.csv")
    assert YAML(typ="safe").load(out)["provenance"]["trial"] == int(board[1]["trial"])
    assert called(capsys, "export", "first", "--rank", "7")[0] == 2


def test_retraining_scores_the_test_split_and_replays_the_winner(run: Path, retrained: tuple[Path, Done]) -> None:
    folder, done = retrained
    assert {path.name for path in folder.iterdir()} >= {
        "model.keras", "metrics.json", "confusion.csv", "history.csv", "preprocessing.json", "README.md"
    }  # fmt: skip
    winner = YAML(typ="safe").load(run / "best.yaml")["provenance"]
    history = rows(folder / "history.csv")
    assert len(history) == winner["epochs"]
    assert [float(row["learning_rate"]) for row in history] == winner["learning_rates"]
    scores = json.loads((folder / "metrics.json").read_text())
    assert scores["accuracy"] > 0.5
    assert f"{scores['accuracy']:.4f}" in done.stdout
    assert "tunehound predict" in done.stderr


def test_predictions_name_the_class_of_image_files(
    retrained: tuple[Path, Done], tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    images, labels = load_digits(return_X_y=True)
    for position in range(20):
        pixels = np.round(images[position].reshape(8, 8) * 255 / 16).astype("uint8")
        Image.fromarray(pixels).save(tmp_path / f"{position:02d}.png")
    (tmp_path / "20.png").write_bytes(b"no image")
    code, out, err = called(capsys, "predict", str(retrained[0]), str(tmp_path), "--top", "2")
    told = list(csv.DictReader(out.splitlines()))
    assert code == 1
    assert "20.png" in err
    assert len(told) == 40
    right = sum(row["class"] == str(labels[int(Path(row["file"]).stem)]) for row in told if row["rank"] == "1")
    assert right >= 10
    names = "\n".join(str(tmp_path / f"{position:02d}.png") for position in range(3))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(names.encode())))
    assert len(called(capsys, "predict", str(retrained[0]), "-")[1].splitlines()) == 4
