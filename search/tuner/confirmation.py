"""Confirms a winner: trains the best configurations of a search and the baseline again, each from the same new seeds.

Seed by seed, so that whatever ends the sweep early leaves all configurations trained from the same ones.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence

from search.run.confirmation import CHOSEN, chosen, left, note_of, trainings
from search.run.events import Listener, Reason, RunInfo, Training
from search.run.history import HISTORY, write_history
from search.run.reader import Run
from search.study.recorder import Running, best_of, epochs_trained, opened_folder
from search.study.study import Proposal, Study
from search.tuner.candidates import candidates
from spaces.config.trial import TrialConfig
from spaces.domains.close import close_values
from spaces.file.sweep import Confirm, Sweep
from trainables.data.load import fresh_overlap
from trainables.training import checkpoint
from trainables.training.history import Row
from trainables.trial.task import Outcome

KEPT: frozenset[Reason] = frozenset({"finished", "patience", "diverged", "out of memory", "error"})
"""Ways of ending that are results; after any other one the training is taken up again."""


def choose(run: RunInfo, sweep: Sweep, confirm: Confirm, study: Study) -> None:
    """Notes in the journal what is to be trained again: the best of the search, the baseline, and what was before."""
    opened = in_memory(run, sweep, study)
    earlier, first = chosen(opened.notes), first_seed(sweep)
    trials = list(dict.fromkeys([*candidates(opened, confirm.top), *(earlier.trials if earlier else ())]))
    if not trials:
        return
    count = max(confirm.seeds, len(earlier.seeds) if earlier else 0)
    (params,) = (trial.params for trial in opened.trials if trial.number == trials[0])
    overlap = fresh_overlap(close_values(sweep.trial, params).data)
    picked = {"trials": trials, "seeds": list(range(first, first + count)), "overlap": overlap}
    if picked != study.note(CHOSEN):
        study.keep_note(CHOSEN, picked)


def in_memory(run: RunInfo, sweep: Sweep, study: Study) -> Run:
    """The run as its driver knows it; nothing is read."""
    return Run(
        directory=run.directory,
        sweep=sweep.as_mapping(),
        about={"id": run.id, "name": run.name},
        direction=run.direction,
        study=study.journal,
        trials=tuple(study.trials()),
    )


def first_seed(sweep: Sweep) -> int:
    """The seeds of the confirmation begin after that of the search, whose scores chose the candidates."""
    used = sweep.trial["training"].get("seed", 0)
    return (used if type(used) is int else 0) + 1


class Again:
    """The trainings that are left, handed out one by one; stands where a study stands in a search."""

    def __init__(self, run: Run) -> None:
        params = {trial.number: trial.params for trial in run.trials}
        self.done = len(trainings(run.notes))
        """Trainings that ended in earlier sessions."""
        self.jobs = dict(enumerate(left(run.notes)))
        """Trial and seed by the number under which they are handed out."""
        self._waiting = [
            Proposal(number=job, values=params[trial], baseline=False) for job, (trial, _) in self.jobs.items()
        ]

    def next(self) -> Proposal | None:
        """What is trained next; None where nothing is left."""
        return self._waiting.pop(0) if self._waiting else None

    def complete(self) -> bool:
        """Never is there anything else to try."""
        return True

    def again(self, proposal: Proposal) -> None:
        """Hands a training out once more, because its process was lost."""
        self._waiting.append(proposal)


class ConfirmationRecorder:
    """Keeps the record of trainings: histories in folders below their trials', and in the journal what came of each."""

    def __init__(self, run: RunInfo, sweep: Sweep, study: Study, again: Again, listeners: Sequence[Listener]) -> None:
        self.running: dict[int, Running] = {}
        self.run, self._sweep, self._study, self._jobs = run, sweep, study, again.jobs
        self._listeners = listeners
        self._done, self._left = again.done, len(again.jobs)
        self.epochs = epochs_trained(study)
        """Epochs trained by now, those of the search among them."""
        self._tell(None)

    def start(self, proposal: Proposal) -> Running:
        """A training is handed out, new or continued."""
        trial, seed = self._jobs[proposal.number]
        config = _with_seed(close_values(self._sweep.trial, proposal.values), seed)
        folder = self.run.directory / "trials" / str(trial) / "confirm" / str(seed)
        checkpoint.remove_damaged(folder / "checkpoint")
        training = opened_folder(proposal, config, folder, split_seed=seed)
        training.rows = checkpoint.rows(folder / "checkpoint")
        write_history(folder / HISTORY, training.rows)  # what followed the checkpoint is trained again
        self.running[proposal.number] = training
        return training

    def epoch(self, number: int, row: Row) -> None:
        """A training finished an epoch."""
        self.epochs += 1
        self.running[number].keep(row)

    def end(self, outcome: Outcome, *, reason: Reason) -> None:
        """A training ended."""
        job = self.running.pop(outcome.number)
        if reason not in KEPT:
            return
        if outcome.error:
            (job.folder / "error.txt").write_text(outcome.error)
        trial, seed = self._jobs[outcome.number]
        epoch, value = best_of(job.rows, self.run.metric)
        training = Training(
            trial=trial,
            seed=seed,
            value=value,
            best_epoch=epoch,
            epochs=len(job.rows),
            seconds=job.seconds,
            reason=reason,
            told=outcome.told,
        )
        self._study.keep_note(*note_of(training))
        self._done, self._left = self._done + 1, self._left - 1
        shutil.rmtree(job.folder / "checkpoint", ignore_errors=True)
        self._tell(training)

    def _tell(self, training: Training | None) -> None:
        for listener in self._listeners:
            listener.confirmed(training, done=self._done, total=self._done + self._left)


def _with_seed(config: TrialConfig, seed: int) -> TrialConfig:
    training = config.training.model_copy(update={"seed": seed})
    return config.model_copy(update={"training": training})
