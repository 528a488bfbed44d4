"""ASHA with one bracket and best-so-far scores; it never stops the baseline, and refills its rungs on resume.

The method is asynchronous successive halving (Li et al., "A System for Massively Parallel Hyperparameter Tuning",
MLSys 2020) in the stopping variant that Ray Tune implements; differences are described where they occur.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from ray.exceptions import OutOfMemoryError
from ray.tune.schedulers import FIFOScheduler, TrialScheduler

from search.halving.rungs import Rungs
from search.run.events import EpochReported, TrialCreated, TrialEnded
from search.tuner.ray_internals import reuse_process
from spaces.config.metric import maximised
from trainables.trial.task import OUTCOME, Outcome

CONTINUE: str = TrialScheduler.CONTINUE
STOP: str = TrialScheduler.STOP


class Asha(FIFOScheduler):
    """The scheduler that stops a trial which falls behind at a rung.

    Args:
        rungs: None lets every trial train to its end.
        metric: that the sweep optimises.
    """

    def __init__(self, rungs: Rungs | None, *, metric: str) -> None:
        super().__init__()
        self.rungs, self._metric = rungs, metric
        self._sign = 1 if maximised(metric) else -1
        self._best: dict[int, float] = {}
        self._epochs: dict[int, int] = {}
        """The last epoch received, by trial."""
        self._protected: set[int] = set()
        self.stopped: set[int] = set()
        """Numbers of the trials that were stopped."""
        self.oom_killed: set[str] = set()
        """Ray's ids of the trials whose processes were killed for lack of memory."""

    def protect(self, number: int) -> None:
        """Never stop this trial (the baseline); it still counts at the rungs."""
        self._protected.add(number)

    def replay(self, events: Iterable[TrialCreated | EpochReported | TrialEnded]) -> None:
        """Rebuild rungs and decisions from the journal, in its order: the same journal gives the same decisions."""
        for event in events:
            match event:
                case TrialCreated(baseline=True):
                    self.protect(event.number)
                case EpochReported():
                    self.judge(event.number, epoch=event.epoch, value=event.value)
                case TrialEnded(reason="patience"):
                    self._finish(event.number)

    def judge(self, number: int, *, epoch: int, value: float) -> bool:
        """Enter an epoch as it enters the journal, and return whether the trial may continue.

        A diverged trial counts nowhere. If a trial repeats an epoch after an accident, its first report stands.
        """
        if self.rungs is None or not math.isfinite(value) or epoch <= self._epochs.get(number, 0):
            return number not in self.stopped
        self._epochs[number] = epoch
        self._best[number] = max(self._best.get(number, -math.inf), self._sign * value)
        if not self.rungs.judge(number, epoch=epoch, score=self._best[number]) and number not in self._protected:
            self.stopped.add(number)
        return number not in self.stopped

    def on_trial_result(self, tune_controller: Any, trial: Any, result: Mapping[str, Any]) -> str:
        """Judge an epoch; Ray asks only about trials that did not end by themselves (see `RecordResults`)."""
        outcome: Outcome = result[OUTCOME]
        if outcome.row is None:
            return CONTINUE
        ahead = self.judge(outcome.number, epoch=int(outcome.row["epoch"]), value=outcome.row[self._metric])
        return CONTINUE if ahead else STOP

    def on_trial_complete(self, tune_controller: Any, trial: Any, result: Mapping[str, Any]) -> None:
        """Choose whether the process is reused; let a trial that ran out of patience count at every higher rung."""
        outcome: Outcome | None = result.get(OUTCOME)
        reuse_process(tune_controller, reuse=outcome is None or not outcome.should_recycle)
        if outcome is not None and outcome.reason == "patience":
            self._finish(outcome.number)

    def on_trial_error(self, tune_controller: Any, trial: Any) -> None:
        """Note whose process Ray killed for lack of memory: the searcher only learns that the trial failed."""
        if isinstance(trial.get_pickled_error(), OutOfMemoryError):
            self.oom_killed.add(trial.trial_id)

    def _finish(self, number: int) -> None:
        if self.rungs is not None and number in self._best:
            self.rungs.finish(number, score=self._best[number])
