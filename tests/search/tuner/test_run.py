"""A sweep from end to end, as a user runs it."""

from __future__ import annotations

import csv
import json
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from PIL import Image
from ruamel.yaml import YAML
from sklearn.datasets import load_digits

from tests.search.commands import TINY, call

Done = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("user")
    (folder / "tiny.yaml").write_text(TINY)
    return folder


@pytest.fixture(scope="module")
def finished(home: Path) -> Done:
    return call("run", "tiny.yaml", "--name", "first", cwd=home)


@pytest.fixture(scope="module")
def run(home: Path, finished: Done) -> Path:
    assert finished.returncode == 0, finished.stderr
    return home / "runs" / "first"


@pytest.fixture(scope="module")
def retrained(home: Path, run: Path) -> tuple[Path, Done]:
    done = call("retrain", run / "best.yaml", "-o", "model", cwd=home)
    assert done.returncode == 0, done.stderr
    return home / "model", done


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


def test_the_end_shows_leaderboard_winner_against_baseline_and_the_next_command(finished: Done, run: Path) -> None:
    assert "val" in finished.stdout
    assert "baseline" in finished.stdout
    assert "above the baseline's" in finished.stdout or "baseline leads" in finished.stdout.lower()
    assert "tunehound retrain runs/first/best.yaml" in finished.stderr


def test_every_trial_is_told_once_and_chatter_stays_in_the_log(finished: Done, run: Path) -> None:
    lines = finished.stderr.splitlines()
    assert sum(line.startswith("trial ") for line in lines) == 6
    for noise in ("tensorflow", "Warning", "ray::", "wandb:", "INFO"):
        assert noise not in finished.stderr
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


def test_the_leaderboard_agrees_with_the_journal(home: Path, run: Path) -> None:
    board = rows(run / "leaderboard.csv")
    best = max(value for trial in trials(run) for value in trial.intermediate_values.values())
    assert [int(row["rank"]) for row in board] == list(range(1, 7))
    assert float(board[0]["val_accuracy"]) == best
    assert {"filters", "dropout", "l2", "strength", "learning_rate"} <= set(board[0])
    told = json.loads(call("leaderboard", "first", "--format", "json", cwd=home).stdout)
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


def test_an_existing_run_is_refused_with_the_two_ways_out(home: Path, run: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*") if path.is_file()}
    again = call("run", "tiny.yaml", "--name", "first", cwd=home)
    assert again.returncode == 2
    assert "tunehound resume" in again.stderr
    assert "--name" in again.stderr
    assert before == {path: path.stat().st_mtime_ns for path in run.rglob("*") if path.is_file()}


def test_a_finished_run_says_so_when_resumed(home: Path, run: Path) -> None:
    again = call("resume", "latest", cwd=home)
    assert again.returncode == 0
    assert "finished" in again.stderr
    assert "search.trials=" in again.stderr


def test_export_writes_any_rank_and_refuses_what_is_not_there(home: Path, run: Path) -> None:
    second = call("export", "first", "--rank", "2", cwd=home)
    assert second.returncode == 0
    board = rows(run / "leaderboard.csv")
    assert YAML(typ="safe").load(second.stdout)["provenance"]["trial"] == int(board[1]["trial"])
    assert call("export", "first", "--rank", "7", cwd=home).returncode == 2


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


def test_predictions_name_the_class_of_image_files(home: Path, retrained: tuple[Path, Done], tmp_path: Path) -> None:
    images, labels = load_digits(return_X_y=True)
    for position in range(20):
        pixels = np.round(images[position].reshape(8, 8) * 255 / 16).astype("uint8")
        Image.fromarray(pixels).save(tmp_path / f"{position:02d}.png")
    (tmp_path / "20.png").write_bytes(b"no image")
    done = call("predict", retrained[0], tmp_path, "--top", "2", cwd=home)
    told = list(csv.DictReader(done.stdout.splitlines()))
    assert done.returncode == 1
    assert "20.png" in done.stderr
    assert len(told) == 40
    right = sum(row["class"] == str(labels[int(Path(row["file"]).stem)]) for row in told if row["rank"] == "1")
    assert right >= 10
    names = "\n".join(str(tmp_path / f"{position:02d}.png") for position in range(3))
    assert len(call("predict", retrained[0], "-", cwd=home, given=names).stdout.splitlines()) == 4


def test_a_finished_run_is_extended_and_keeps_its_trials(home: Path, run: Path) -> None:
    before = [(trial.number, trial.params, trial.value) for trial in trials(run)]
    done = call("resume", "first", "--set", "search.trials=8", "--set", "tracking=off", cwd=home)
    assert done.returncode == 0, done.stderr
    after = [(trial.number, trial.params, trial.value) for trial in trials(run)]
    assert after[:6] == before
    assert len(after) == 8


FAILING = """
import sys

import keras


def build(values, image_shape, classes):
    if "ray" in sys.modules:
        raise RuntimeError("no licence on this machine")
    return keras.Sequential([keras.Input(image_shape), keras.layers.Flatten(), keras.layers.Dense(classes, "softmax")])
"""
"""A model that can be built where the sweep is checked, and not where its trials run."""


def test_a_sweep_whose_first_trials_all_fail_stops_early_and_says_why(home: Path) -> None:
    (home / "failing.py").write_text(FAILING)
    (home / "wrong.yaml").write_text(
        "trial:\n  data: {source: digits}\n  model: {kind: custom, build: 'failing:build'}\n"
        "  optimizer: {learning_rate: {log: [1.0e-4, 1.0e-2], baseline: 1.0e-3}}\n  training: {epochs: 2}\n"
        "search: {trials: 20, scheduler: none}\nconfirm: off\ntracking: off\nresources: {cpus: 2}\n"
    )
    done = call("run", "wrong.yaml", "--name", "wrong", "--trust", "failing", cwd=home)
    run = home / "runs" / "wrong"
    assert done.returncode == 1
    assert "the first 3 trials all failed" in done.stderr
    assert "error.txt" in done.stderr
    assert len(trials(run)) < 8
    assert "no licence" in (run / "trials" / "0" / "error.txt").read_text()
    assert trials(run)[0].state.name == "FAIL"
