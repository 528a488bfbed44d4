"""Optuna's proposals for Ray Tune, and Ray Tune's results for the record."""

from __future__ import annotations

import errno
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from ray.tune import Callback, Stopper
from ray.tune.search import Searcher

from search.run.events import Reason
from search.run.reader import Run
from search.study.recorder import RunningTrial
from search.study.study import Proposal
from search.tuner.scheduler import Asha
from search.tuner.stopping import EXHAUSTED, Stopping
from trainables.training.history import Row
from trainables.trial.task import OUTCOME, TASK, Outcome, TrialTask

FINISHED: str = Searcher.FINISHED
HOPELESS_ERRORS = 3
"""The sweep is stopped if its first trials, this many, all fail in the same way."""


class Proposals(Protocol):
    """Where proposals come from: a study, or the trainings of the confirmation."""

    def next(self) -> Proposal | None:
        """Return what to train next; None if nothing is left."""

    def complete(self) -> bool:
        """Return whether all that was asked for was proposed; if not, there was nothing left to propose."""

    def requeue(self, proposal: Proposal) -> None:
        """Take a proposal back, to be returned by `next` once more: its process was lost."""


class Record(Protocol):
    """Keeps the record of what is trained."""

    run: Run
    running: dict[int, RunningTrial]
    """The trials in training, by the number of their proposals."""
    epochs: int
    """Number of epochs that the whole sweep has trained so far."""

    def start(self, proposal: Proposal) -> RunningTrial:
        """Start a trial, or continue it."""

    def ready(self) -> None:
        """Note that a process trains from now on."""

    def epoch(self, number: int, row: Row) -> None:
        """Record an epoch of a trial."""

    def end(self, outcome: Outcome, *, reason: Reason) -> None:
        """Record the end of a trial."""


class StudySearcher(Searcher):
    """Proposes trials to Ray Tune, as many at a time as there are slots.

    Args:
        study: where proposals come from.
        recorder: keeps the record of trials.
        scheduler: knows which trials it stopped.
        stopping: whether, and why, no more trials are started.
        task: returns what the process of a started trial must know.
        slots: returns how many trials can train at once; called at every suggestion, so that a growing cluster is used.
        max_failures: how often a trial is restarted after its process was lost.
    """

    def __init__(
        self,
        study: Proposals,
        *,
        recorder: Record,
        scheduler: Asha,
        stopping: Stopping,
        task: Callable[[RunningTrial], TrialTask],
        slots: Callable[[], int],
        max_failures: int,
    ) -> None:
        super().__init__()
        self._max_failures = max_failures
        self._failures: Counter[int] = Counter()
        self._ended: Counter[str] = Counter()
        """Number of trials by reason and kind of error."""
        self._study, self._recorder, self._scheduler, self._stopping = study, recorder, scheduler, stopping
        self._task, self._slots = task, slots
        self._numbers: dict[str, int] = {}
        """Ray's id of each trial in training → its number."""

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """Return the next trial; None while every slot is taken; `Searcher.FINISHED` if there is none left."""
        with self._stopping.at_failure():
            return self._suggest(trial_id)
        return FINISHED

    def _suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        if self._stopping.early:
            return FINISHED
        if len(self._numbers) >= self._slots():
            return None
        proposal = self._study.next()
        if proposal is None:
            return self._nothing_left()
        if proposal.baseline:
            self._scheduler.protect(proposal.number)
        running = self._recorder.start(proposal)
        self._numbers[trial_id] = proposal.number
        return {TASK: self._task(running)}

    def on_trial_complete(self, trial_id: str, result: Mapping[str, Any] | None = None, error: bool = False) -> None:
        """Record that a trial ended; if ``error``, its process was lost."""
        number = self._numbers.pop(trial_id, None)
        if number is None:
            return
        with self._stopping.at_failure():
            if error:
                self._lost(number, oom_killed=trial_id in self._scheduler.oom_killed)
            else:
                self._end((result or {}).get(OUTCOME) or Outcome(number=number))

    def _end(self, outcome: Outcome) -> None:
        reason = self._reason(outcome)
        if reason == "lost":
            self._lost(outcome.number, oom_killed=False)
            return
        if reason == "interrupted" and not self._stopping.early:  # its node goes away: another one continues it
            self._requeue(outcome.number)
            return
        self._recorder.end(outcome, reason=reason)
        if reason == "disk full":
            raise OSError(errno.ENOSPC, outcome.message)
        self._stop_if_hopeless(reason, outcome.message)

    def _stop_if_hopeless(self, reason: Reason, message: str) -> None:
        """Stop a sweep whose first trials all fail in the same way: the others would too, and each costs time."""
        self._ended[f"{reason}: {message.partition(':')[0]}"] += 1
        alike = self._ended.total() == max(self._ended.values()) == HOPELESS_ERRORS
        if alike and reason == "error":
            self._stopping.now(f"the first {HOPELESS_ERRORS} trials all failed: {message}")

    def _nothing_left(self) -> str | None:
        if not self._study.complete():
            self._stopping.no_more(EXHAUSTED)
        # A lost trial may come back as long as others run, so the search is over only when none does.
        return None if self._numbers else FINISHED

    def save(self, checkpoint_path: str) -> None:
        """Do nothing: the journal is the state."""

    def restore(self, checkpoint_path: str) -> None:
        """Do nothing: the journal is the state."""

    def _reason(self, outcome: Outcome) -> Reason:
        return outcome.reason or ("asha" if outcome.number in self._scheduler.stopped else "interrupted")

    def _lost(self, number: int, *, oom_killed: bool) -> None:
        """Handle a trial whose process died: another one continues it from its checkpoint, up to a limit.

        Unless the process was killed for lack of memory (``oom_killed``): that is a result of its configuration.
        """
        self._failures[number] += 1
        if oom_killed:
            message = self._task(self._recorder.running[number]).size()
            self._recorder.end(Outcome(number=number, message=message), reason="out of memory")
        elif self._failures[number] > self._max_failures:
            self._recorder.end(Outcome(number=number), reason="lost")
        else:
            self._requeue(number)

    def _requeue(self, number: int) -> None:
        self._study.requeue(self._recorder.running.pop(number).proposal)


class RecordResults(Callback):
    """Records every epoch that Ray receives, including the last one of a trial that is stopped."""

    def __init__(self, recorder: Record, *, scheduler: Asha, stopping: Stopping) -> None:
        super().__init__()
        self._recorder, self._scheduler, self._stopping = recorder, scheduler, stopping

    def on_trial_start(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
        """Note that the process of a trial is there, with TensorFlow imported."""
        self._recorder.ready()

    def on_trial_result(self, iteration: int, trials: Any, trial: Any, result: Mapping[str, Any], **info: Any) -> None:
        """Record an epoch, if the result is one."""
        outcome: Outcome = result[OUTCOME]
        if outcome.row is None:
            return
        with self._stopping.at_failure():
            self._recorder.epoch(outcome.number, outcome.row)
        if outcome.reason is not None:  # Ray does not ask the scheduler then
            value = outcome.row[self._recorder.run.metric]
            self._scheduler.judge(outcome.number, epoch=int(outcome.row["epoch"]), value=value)


class StopWhenIdle(Stopper):
    """Ends the experiment once the sweep must stop and its running trials have saved their state, or took too long.

    Args:
        stopping: whether the sweep must stop.
        recorder: shows what trains.
        watch: called in every iteration of Ray's loop; may stop the sweep.
    """

    def __init__(self, stopping: Stopping, recorder: Record, *, watch: Callable[[], None]) -> None:
        self._stopping, self._recorder, self._watch = stopping, recorder, watch

    def __call__(self, trial_id: str, result: Mapping[str, Any]) -> bool:
        """Return False: it never ends a single trial."""
        return False

    def __getstate__(self) -> dict[str, Any]:
        """Return nothing: Ray pickles its stopper now and then, and the state of this one is in the journal."""
        return {}

    def stop_all(self) -> bool:
        """Return whether the experiment ends now."""
        self._watch()
        return self._stopping.early and (not self._recorder.running or self._stopping.overdue())
