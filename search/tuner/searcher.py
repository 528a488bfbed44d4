"""Optuna's proposals for Ray Tune, and Ray Tune's results for the record."""

from __future__ import annotations

import errno
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from ray.tune import Callback, Stopper
from ray.tune.search import Searcher

from search.run.events import Reason, RunInfo
from search.study.recorder import Running
from search.study.study import Proposal
from search.tuner.scheduler import FairAsha
from search.tuner.stopping import EXHAUSTED, Ending
from trainables.training.history import Row
from trainables.trial.task import OUTCOME, TASK, Outcome, TrialTask

FINISHED: str = Searcher.FINISHED
HOPELESS_ERRORS = 3
"""When so many trials fail before any other ends otherwise, the sweep is given up."""


class Proposals(Protocol):
    """What there is to train: a study, or the trainings of the confirmation."""

    def next(self) -> Proposal | None:
        """What is trained next; None where nothing is left."""

    def complete(self) -> bool:
        """Whether as much was handed out as was asked for; else there is nothing left to propose."""

    def again(self, proposal: Proposal) -> None:
        """Takes back what is to be handed out once more, because its process was lost."""


class Record(Protocol):
    """Who keeps the record of what is trained."""

    run: RunInfo
    running: dict[int, Running]
    """By the number under which each was handed out."""
    epochs: int
    """Trained by the whole sweep so far."""

    def start(self, proposal: Proposal) -> Running:
        """A trial is handed out, new or continued."""

    def epoch(self, number: int, row: Row) -> None:
        """It finished an epoch."""

    def end(self, outcome: Outcome, *, reason: Reason) -> None:
        """It ended."""


class StudySearcher(Searcher):
    """Hands out what there is to train, as much at a time as there are slots.

    Args:
        study: proposes.
        recorder: is told of starts and ends.
        scheduler: knows which trials it stopped.
        ending: whether, and why, no more trials are handed out.
        task: from a started trial to what its process must know.
        slots: how many trials can train at once; asked at every suggestion, so that a growing cluster is used.
        max_failures: how often a trial is started again after its process was lost.
    """

    def __init__(
        self,
        study: Proposals,
        *,
        recorder: Record,
        scheduler: FairAsha,
        ending: Ending,
        task: Callable[[Running], TrialTask],
        slots: Callable[[], int],
        max_failures: int,
    ) -> None:
        super().__init__()
        self._max_failures = max_failures
        self._failures: Counter[int] = Counter()
        self._ended: Counter[str] = Counter()
        """How many trials ended in which way."""
        self._study, self._recorder, self._scheduler, self._ending = study, recorder, scheduler, ending
        self._task, self._slots = task, slots
        self._numbers: dict[str, int] = {}
        """From Ray's id of a trial in training to its number."""

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """The next trial; None while every slot is taken; `Searcher.FINISHED` when there is no next one."""
        with self._ending.at_failure():
            return self._suggest(trial_id)
        return FINISHED

    def _suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        if self._ending.early:
            return FINISHED
        if len(self._numbers) >= self._slots():
            return None
        proposal = self._study.next()
        if proposal is None:
            return self._nothing_new()
        if proposal.baseline:
            self._scheduler.spare(proposal.number)
        running = self._recorder.start(proposal)
        self._numbers[trial_id] = proposal.number
        return {TASK: self._task(running)}

    def on_trial_complete(self, trial_id: str, result: Mapping[str, Any] | None = None, error: bool = False) -> None:
        """A trial ended; without a result its process was lost."""
        number = self._numbers.pop(trial_id, None)
        if number is None:
            return
        with self._ending.at_failure():
            if error:
                self._lost(number, starved=trial_id in self._scheduler.starved)
            else:
                self._end((result or {}).get(OUTCOME) or Outcome(number=number))

    def _end(self, outcome: Outcome) -> None:
        reason = self._reason(outcome)
        if reason == "lost":
            self._lost(outcome.number, starved=False)
            return
        if reason == "interrupted" and not self._ending.early:  # its node goes away: another one takes it up
            self._again(outcome.number)
            return
        self._recorder.end(outcome, reason=reason)
        if reason == "disk full":
            raise OSError(errno.ENOSPC, outcome.told)
        self._heed_errors(reason, outcome.told)

    def _heed_errors(self, reason: Reason, told: str) -> None:
        """Ends a sweep whose first trials all fail in the same way: the others would too, and each costs time."""
        self._ended[f"{reason}: {told.partition(':')[0]}"] += 1
        alike = self._ended.total() == max(self._ended.values()) == HOPELESS_ERRORS
        if alike and reason == "error":
            self._ending.now(f"the first {HOPELESS_ERRORS} trials all failed: {told}")

    def _nothing_new(self) -> str | None:
        if not self._study.complete():
            self._ending.no_more(EXHAUSTED)
        # A lost trial may come back as long as others run, so the search is over only when none does.
        return None if self._numbers else FINISHED

    def save(self, checkpoint_path: str) -> None:
        """Nothing: the journal is the state."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing: the journal is the state."""

    def _reason(self, outcome: Outcome) -> Reason:
        return outcome.reason or ("asha" if outcome.number in self._scheduler.stopped else "interrupted")

    def _lost(self, number: int, *, starved: bool) -> None:
        """The trial's process died: another one takes the trial up from its checkpoint, up to a limit.

        Not where its machine had no memory left for it (``starved``): that is a result of its configuration.
        """
        self._failures[number] += 1
        if starved:
            told = self._task(self._recorder.running[number]).size()
            self._recorder.end(Outcome(number=number, told=told), reason="out of memory")
        elif self._failures[number] > self._max_failures:
            self._recorder.end(Outcome(number=number), reason="lost")
        else:
            self._again(number)

    def _again(self, number: int) -> None:
        self._study.again(self._recorder.running.pop(number).proposal)


class RecordResults(Callback):
    """Passes every epoch that Ray hears of to the record, also the last one of a trial that is stopped."""

    def __init__(self, recorder: Record, *, scheduler: FairAsha, ending: Ending) -> None:
        super().__init__()
        self._recorder, self._scheduler, self._ending = recorder, scheduler, ending

    def on_trial_result(self, iteration: int, trials: Any, trial: Any, result: Mapping[str, Any], **info: Any) -> None:
        """An epoch, or the end of a trial."""
        outcome: Outcome = result[OUTCOME]
        if outcome.row is None:
            return
        with self._ending.at_failure():
            self._recorder.epoch(outcome.number, outcome.row)
        if outcome.reason is not None:  # then Ray does not ask the scheduler
            value = outcome.row[self._recorder.run.metric]
            self._scheduler.judge(outcome.number, epoch=int(outcome.row["epoch"]), value=value)


class StopWhenQuiet(Stopper):
    """Ends the experiment once the sweep is to stop and its running trials have saved their state, or took too long.

    Args:
        ending: whether it is to stop.
        recorder: knows what runs.
        watch: looks whether it should; called at every turn of Ray's loop.
    """

    def __init__(self, ending: Ending, recorder: Record, *, watch: Callable[[], None]) -> None:
        self._ending, self._recorder, self._watch = ending, recorder, watch

    def __call__(self, trial_id: str, result: Mapping[str, Any]) -> bool:
        """Never ends a single trial."""
        return False

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Ray pickles its stopper now and then, and what this one knows is in the journal."""
        return {}

    def stop_all(self) -> bool:
        """Whether the experiment ends now."""
        self._watch()
        return self._ending.early and (not self._recorder.running or self._ending.overdue())
