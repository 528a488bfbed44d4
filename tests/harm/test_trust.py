"""A run of a user's own model is extended where the model is trusted."""

from __future__ import annotations

from search.results.leaderboard import leaderboard
from search.run.reader import open_run
from tests.promises.own_model import LISTED, Ran
from tests.promises.own_model import ran as ran
from tests.promises.test_trust import EXTEND
from tests.search.commands import call


def test_a_finished_run_is_extended_and_keeps_its_trials(ran: Ran) -> None:
    run = ran.place / "runs" / "own"
    first = {trial.number: (trial.params, trial.value) for trial in open_run(run).trials}
    resumed = call(*EXTEND, "--trust", "my_models", cwd=ran.place, more={LISTED: "set"})
    assert resumed.returncode == 0, resumed.stderr
    extended = {trial.number: (trial.params, trial.value) for trial in open_run(run).trials}
    assert set(first) == {0, 1}
    assert set(extended) == {0, 1, 2}
    assert first.items() <= extended.items()
    assert len(leaderboard(run)) == 3
