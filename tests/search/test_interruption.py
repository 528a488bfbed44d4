"""Ctrl-C once: running trials stop within about a second, and `resume` goes on as if nothing had been."""

from __future__ import annotations

import csv
import signal
import time
from pathlib import Path

import psutil
import pytest

from tests.search.commands import TINY, call, start

LONG = TINY.replace("epochs: 4,", "epochs: 25,").replace("trials: 6", "trials: 3") + "tracking: off\n"


def epochs(run: Path, trial: int) -> list[int]:
    file = run / "trials" / str(trial) / "history.csv"
    if not file.exists():
        return []
    with file.open() as lines:
        return [int(float(row["epoch"])) for row in csv.DictReader(lines)]


def wait_for(seconds: float, condition: object) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.parametrize("asked", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_sweep_ends_in_order_and_resumes_without_gap_or_repetition(
    tmp_path: Path, asked: signal.Signals
) -> None:
    (tmp_path / "long.yaml").write_text(LONG)
    run = tmp_path / "runs" / "long"
    driver = start("run", "long.yaml", "--name", "long", cwd=tmp_path)
    wait_for(120, lambda: len(epochs(run, 0)) >= 3)
    driver.send_signal(asked)
    began = time.monotonic()
    _, told = driver.communicate(timeout=60)
    assert time.monotonic() - began < 30
    assert driver.returncode == 130
    assert told.splitlines()[-1] == "Interrupted. Continue with: tunehound resume runs/long"
    assert list((run / "trials" / "0" / "checkpoint").iterdir())
    before = (run / "trials" / "0" / "history.csv").read_text()

    resumed = call("resume", "long", cwd=tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    after = (run / "trials" / "0" / "history.csv").read_text()
    assert after.startswith(before)
    assert epochs(run, 0) == list(range(1, 26))
    with (run / "leaderboard.csv").open() as lines:
        states = {row["trial"]: row["state"] for row in csv.DictReader(lines)}
    assert set(states) == {"0", "1", "2"}
    assert "unfinished" not in states.values()
    assert not list(run.glob("trials/*/checkpoint"))


def test_a_trial_whose_process_is_killed_is_continued_by_another(tmp_path: Path) -> None:
    (tmp_path / "long.yaml").write_text(LONG.replace("reduction_factor: 2", "scheduler: none"))
    run = tmp_path / "runs" / "long"
    driver = start("run", "long.yaml", "--name", "long", cwd=tmp_path)
    wait_for(120, lambda: len(epochs(run, 0)) >= 3)
    processes = psutil.Process(driver.pid).children(recursive=True)
    victims = [
        process for process in processes if "Trainable" in process.name() or "Trainable" in " ".join(process.cmdline())
    ]
    assert victims
    for victim in victims:
        victim.kill()
    _, told = driver.communicate(timeout=240)
    assert driver.returncode == 0, told
    assert [epochs(run, number) for number in range(3)] == [list(range(1, 26))] * 3
