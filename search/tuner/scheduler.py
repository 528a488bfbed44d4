"""ASHA that judges fairly: one bracket, best-so-far, the baseline spared, patience rewarded, rungs refilled on resume.

The method is asynchronous successive halving (Li et al., "A System for Massively Parallel Hyperparameter Tuning",
MLSys 2020) in the stopping variant that Ray Tune implements; what differs is told at each place, and in `search.rungs`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from ray.exceptions import OutOfMemoryError
from ray.tune.schedulers import FIFOScheduler, TrialScheduler

from search.run.events import Begun, Ended, Reported
from search.study.rungs import Rungs
from spaces.config.metric import maximised
from trainables.trial.task import OUTCOME, Outcome

CONTINUE: str = TrialScheduler.CONTINUE
STOP: str = TrialScheduler.STOP


class FairAsha(FIFOScheduler):
    """Ray's side of `Rungs`: stops a trial that falls behind.

    Args:
        rungs: None lets every trial run to its end.
        metric: the one that the sweep is about.
    """

    def __init__(self, rungs: Rungs | None, *, metric: str) -> None:
        super().__init__()
        self.rungs, self._metric = rungs, metric
        self._sign = 1 if maximised(metric) else -1
        self._best: dict[int, float] = {}
        self._epochs: dict[int, int] = {}
        """The last epoch that was heard of, by trial."""
        self._spared: set[int] = set()
        self.stopped: set[int] = set()
        """Numbers of the trials that were stopped."""
        self.starved: set[str] = set()
        """Ray's ids of the trials whose machine had no memory left for them."""

    def spare(self, number: int) -> None:
        """Never stops this trial (the baseline), though it is compared with the others."""
        self._spared.add(number)

    def replay(self, events: Iterable[Begun | Reported | Ended]) -> None:
        """Rebuilds rungs and decisions from what the journal holds, in its order: the same journal, the same stops."""
        for event in events:
            match event:
                case Begun(baseline=True):
                    self.spare(event.number)
                case Reported():
                    self.judge(event.number, epoch=event.epoch, value=event.value)
                case Ended(reason="patience"):
                    self._finish(event.number)

    def judge(self, number: int, *, epoch: int, value: float) -> bool:
        """Enters an epoch as it enters the journal; true where the trial may go on.

        A diverged trial counts nowhere. Of an epoch that a trial repeats after an accident the first report stands.
        """
        if self.rungs is None or not math.isfinite(value) or epoch <= self._epochs.get(number, 0):
            return number not in self.stopped
        self._epochs[number] = epoch
        self._best[number] = max(self._best.get(number, -math.inf), self._sign * value)
        if not self.rungs.judge(number, epoch=epoch, score=self._best[number]) and number not in self._spared:
            self.stopped.add(number)
        return number not in self.stopped

    def on_trial_result(self, tune_controller: Any, trial: Any, result: Mapping[str, Any]) -> str:
        """Judges an epoch; Ray asks only about trials that did not end by themselves (see `RecordResults`)."""
        outcome: Outcome = result[OUTCOME]
        if outcome.row is None:
            return CONTINUE
        ahead = self.judge(outcome.number, epoch=int(outcome.row["epoch"]), value=outcome.row[self._metric])
        return CONTINUE if ahead else STOP

    def on_trial_complete(self, tune_controller: Any, trial: Any, result: Mapping[str, Any]) -> None:
        """Lets a trial that lost patience count at every higher rung."""
        outcome: Outcome | None = result.get(OUTCOME)
        # Whether the trial's process serves another one: Ray asks its controller right after this call, each time.
        tune_controller._reuse_actors = outcome is None or not outcome.spent
        if outcome is not None and outcome.reason == "patience":
            self._finish(outcome.number)

    def on_trial_error(self, tune_controller: Any, trial: Any) -> None:
        """Notes whose process Ray ended for want of memory: its searcher hears only that a trial failed."""
        if isinstance(trial.get_pickled_error(), OutOfMemoryError):
            self.starved.add(trial.trial_id)

    def _finish(self, number: int) -> None:
        if self.rungs is not None and number in self._best:
            self.rungs.finish(number, score=self._best[number])
