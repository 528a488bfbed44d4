"""Its processes killed and asked to end itself, a sweep stops in order, and `resume` goes on as if nothing had been."""

from __future__ import annotations

import csv
import signal
from pathlib import Path

from search.run.history import read_history
from tests.harm.doing import driven, ended, epochs, kill, trainers, until
from tests.harm.sound import assert_sound
from tests.harm.sweeps import LONG, RESUME, RUN, written
from tests.search.commands import call


def test_a_sweep_whose_processes_are_killed_and_that_is_interrupted_resumes_without_gap_or_repetition(
    tmp_path: Path,
) -> None:
    run = written(tmp_path, LONG.replace("epochs: 120", "epochs: 60").replace("trials: 3", "trials: 2"))
    history = run / "trials" / "0" / "history.csv"
    with driven(*RUN, cwd=tmp_path) as driver:
        until(lambda: len(epochs(run, 0)) >= 3, of=driver)
        victims, first = trainers(driver), read_history(history)[0]
        assert victims
        kill(victims)
        killed = {each.pid for each in victims}
        until(lambda: any(each.pid not in killed for each in trainers(driver)), of=driver)
        trained = len(epochs(run, 0))
        until(lambda: len(epochs(run, 0)) >= trained + 3, of=driver)
        driver.process.send_signal(signal.SIGINT)
        assert ended(driver) == 130
        assert driver.said.splitlines()[-1] == "Interrupted. Continue with: tunehound resume runs/one"
    assert list((run / "trials" / "0" / "checkpoint").iterdir())
    before = history.read_text()

    resumed = call(*RESUME, cwd=tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    assert history.read_text().startswith(before)
    assert read_history(history)[0] == first, "the first epoch was trained again"
    assert epochs(run, 0) == list(range(1, 61))
    with (run / "leaderboard.csv").open() as lines:
        states = {row["trial"]: row["state"] for row in csv.DictReader(lines)}
    assert set(states) == {"0", "1"}
    assert "unfinished" not in states.values()
    assert_sound(run, trials=2)
