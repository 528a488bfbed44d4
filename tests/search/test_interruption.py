"""Asked to end, running trials stop within about a second, and `resume` goes on as if nothing had been."""

from __future__ import annotations

import csv
import signal
from pathlib import Path

from search.history import read_history
from tests.harm.doing import driven, ended, epochs, kill, kill_while_it_writes, trainers, until
from tests.harm.sound import assert_sound
from tests.harm.sweeps import LONG, RESUME, RUN, WIDE, written
from tests.search.commands import call


def test_an_interrupted_sweep_ends_in_order_and_resumes_without_gap_or_repetition(tmp_path: Path) -> None:
    run = written(tmp_path, LONG)
    history = run / "trials" / "0" / "history.csv"
    with driven(*RUN, cwd=tmp_path) as driver:
        until(lambda: len(epochs(run, 0)) >= 3, of=driver)
        driver.process.send_signal(signal.SIGINT)
        assert ended(driver, within_s=30) == 130
        assert driver.said.splitlines()[-1] == "Interrupted. Continue with: tunehound resume runs/one"
    assert list((run / "trials" / "0" / "checkpoint").iterdir())
    before = history.read_text()

    resumed = call(*RESUME, cwd=tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    assert history.read_text().startswith(before)
    assert epochs(run, 0) == list(range(1, 121))
    with (run / "leaderboard.csv").open() as lines:
        states = {row["trial"]: row["state"] for row in csv.DictReader(lines)}
    assert set(states) == {"0", "1", "2"}
    assert "unfinished" not in states.values()
    assert_sound(run, trials=3)


def test_a_trial_killed_in_training_and_while_it_writes_its_checkpoint_is_continued_by_others(tmp_path: Path) -> None:
    run = written(tmp_path, WIDE)
    history = run / "trials" / "0" / "history.csv"
    with driven(*RUN, cwd=tmp_path) as driver:
        until(lambda: len(epochs(run, 0)) >= 3, of=driver)
        victims = trainers(driver)
        assert victims
        kill(victims)
        first = read_history(history)[0]
        until(lambda: any(each.pid not in {one.pid for one in victims} for each in trainers(driver)), of=driver)
        kill_while_it_writes(run / "trials" / "0" / "checkpoint", driver)
        assert ended(driver) == 0, driver.said
    assert_sound(run, trials=3)
    assert epochs(run, 0) == list(range(1, 26))
    assert read_history(history)[0] == first, "the first epoch was trained again"
