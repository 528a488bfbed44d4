"""Confirm a winner: train the best configurations of a search and the baseline again, each from the same new seeds.

This goes seed by seed, so that a sweep that ends early has trained all configurations from the same seeds.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Sequence

from search.run.confirmation import FINALISTS, finalists, note_of, remaining, trainings
from search.run.events import ConfirmationTraining, Listener, Reason, TrainingProgress
from search.run.history import HISTORY, write_history
from search.run.reader import Run
from search.study.candidates import candidates
from search.study.recorder import RunningTrial, best_of, epochs_trained, open_folder
from search.study.study import Proposal, Study
from spaces.config.trial import TrialConfig
from spaces.domains.close import close_values
from spaces.file.sweep import Confirm, Sweep
from spaces.file.write import write_text
from trainables.data.load import fresh_overlap
from trainables.training import checkpoint
from trainables.training.history import Row
from trainables.trial.task import Outcome

KEPT: frozenset[Reason] = frozenset({"finished", "patience", "diverged", "out of memory", "error"})
"""Reasons after which a training has a result; after any other it is continued."""


def select_finalists(run: Run, sweep: Sweep, confirm: Confirm, study: Study) -> None:
    """Note in the journal what to train again: the best trials of the search, the baseline, and earlier finalists."""
    run = run.as_of(study.journal)
    earlier, first = finalists(run.notes), first_seed(sweep)
    trials = list(dict.fromkeys([*candidates(run, confirm.top), *(earlier.trials if earlier else ())]))
    if not trials:
        return
    count = max(confirm.seeds, len(earlier.seeds) if earlier else 0)
    (params,) = (trial.params for trial in run.trials if trial.number == trials[0])
    overlap = fresh_overlap(close_values(sweep.trial, params).data)
    picked = {"trials": trials, "seeds": list(range(first, first + count)), "overlap": overlap}
    if picked != study.note(FINALISTS):
        study.keep_note(FINALISTS, picked)


def first_seed(sweep: Sweep) -> int:
    """Return the first seed of the confirmation: the next after that of the search, which chose the candidates."""
    used = sweep.trial["training"].get("seed", 0)
    return (used if type(used) is int else 0) + 1


class ConfirmationQueue:
    """The remaining trainings of a confirmation, proposed one by one, as a study proposes the trials of a search."""

    def __init__(self, run: Run) -> None:
        params = {trial.number: trial.params for trial in run.trials}
        self.done = len(trainings(run.notes))
        """Number of trainings that ended in earlier sessions."""
        self.jobs = dict(enumerate(remaining(run.notes)))
        """Trial and seed by the number of their proposal."""
        self._waiting = [
            Proposal(number=job, values=params[trial], baseline=False) for job, (trial, _) in self.jobs.items()
        ]

    def next(self) -> Proposal | None:
        """Return what to train next; None if nothing is left."""
        return self._waiting.pop(0) if self._waiting else None

    def complete(self) -> bool:
        """Return True: the list of trainings is fixed."""
        return True

    def requeue(self, proposal: Proposal) -> None:
        """Propose a training once more: its process was lost."""
        self._waiting.append(proposal)


class ConfirmationRecorder:
    """Records trainings: their histories in folders below those of the trials, their results in the journal."""

    def __init__(
        self, run: Run, sweep: Sweep, study: Study, queue: ConfirmationQueue, listeners: Sequence[Listener]
    ) -> None:
        self.running: dict[int, RunningTrial] = {}
        self.run, self._sweep, self._study, self._jobs = run, sweep, study, queue.jobs
        self._listeners = listeners
        self._done, self._remaining = queue.done, len(queue.jobs)
        self.epochs = epochs_trained(study)
        """Number of epochs trained so far, including those of the search."""
        self._notify(None)

    def start(self, proposal: Proposal) -> RunningTrial:
        """Start a training, or continue it."""
        trial, seed = self._jobs[proposal.number]
        config = _with_seed(close_values(self._sweep.trial, proposal.values), seed)
        folder = self.run.directory / "trials" / str(trial) / "confirm" / str(seed)
        checkpoint.remove_damaged(folder / "checkpoint")
        training = open_folder(proposal, config, folder, split_seed=seed)
        training.rows = checkpoint.rows(folder / "checkpoint")
        write_history(folder / HISTORY, training.rows)  # epochs after the checkpoint are trained again
        self.running[proposal.number] = training
        self._show(TrainingProgress(trial=trial, seed=seed, epoch=len(training.rows), value=math.nan))
        return training

    def ready(self) -> None:
        """Tell the listeners that a process trains from now on."""
        for listener in self._listeners:
            listener.ready()

    def epoch(self, number: int, row: Row) -> None:
        """Record an epoch of a training."""
        self.epochs += 1
        self.running[number].keep(row)
        trial, seed = self._jobs[number]
        value = row[self.run.metric]
        self._show(TrainingProgress(trial=trial, seed=seed, epoch=int(row["epoch"]), value=value))

    def end(self, outcome: Outcome, *, reason: Reason) -> None:
        """Record the end of a training."""
        job = self.running.pop(outcome.number)
        if reason not in KEPT:
            return
        if outcome.error:
            write_text(job.folder / "error.txt", outcome.error)
        trial, seed = self._jobs[outcome.number]
        epoch, value = best_of(job.rows, self.run.metric)
        training = ConfirmationTraining(
            trial=trial,
            seed=seed,
            value=value,
            best_epoch=epoch,
            epochs=len(job.rows),
            seconds=job.seconds,
            reason=reason,
            message=outcome.message,
        )
        self._study.keep_note(*note_of(training))
        self._done, self._remaining = self._done + 1, self._remaining - 1
        shutil.rmtree(job.folder / "checkpoint", ignore_errors=True)
        self._notify(training)

    def _show(self, training: TrainingProgress) -> None:
        for listener in self._listeners:
            listener.confirming(training)

    def _notify(self, training: ConfirmationTraining | None) -> None:
        for listener in self._listeners:
            listener.confirmed(training, done=self._done, total=self._done + self._remaining)


def _with_seed(config: TrialConfig, seed: int) -> TrialConfig:
    training = config.training.model_copy(update={"seed": seed})
    return config.model_copy(update={"training": training})
