"""Compare what a run has with what W&B was given, and give W&B the difference: while a sweep runs, at its end, later.

What is given comes from the journal and the histories, not from W&B's offline files: those of a killed sweep are
incomplete, and W&B's own replay of a file repeats the rows of an attempt that broke off, and never ends while the
server is away. Here the server is asked which epochs of a trial it has, and gets those after them.
"""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import wandb
from optuna.trial import FrozenTrial

from search.run.confirmation import Score
from search.run.history import history_file, read_history
from search.run.reader import Run
from search.run.trials import as_ended, as_started, best_trial, epochs
from search.tracking.client import MAX_FINISHING, Mode
from search.tracking.ledger import LedgerEntry, note_trial, noted_trials, started_trials, wanted_entry
from search.tracking.wandb_runs import TrialRun, finish, is_uploaded, open_trial_run, session_files, settle, wandb_id
from spaces.file.sweep import Wandb

logger = logging.getLogger(__name__)

Snapshot = tuple[FrozenTrial, bool, Score | None]
"""A trial, whether it leads, and what the confirmation found."""
MAX_FAILURES = 2
"""After so many failures `sync` leaves the server alone."""


@dataclass(kw_only=True)
class UploadResult:
    """What W&B has taken."""

    trials: int = 0
    epochs: int = 0
    """Of these trials, taken now; the server may have had others."""
    parts: list[str] = field(default_factory=list)
    """Of the leaderboard's W&B run."""
    failures: list[str] = field(default_factory=list)
    """What was not taken, and why."""

    def failed(self, what: str, error: Exception) -> None:
        """Note a failure."""
        reason = str(error).partition("\n")[0] or type(error).__name__
        self.failures.append(f"{what}: {reason}")
        logger.warning("W&B does not have %s", self.failures[-1])


class Reconciler:
    """Brings the W&B runs of trials up to date, round by round.

    A trial's W&B run stays open while the trial trains and while it leads, so that neither an epoch nor the loss of the
    tag `best` needs a second file; it is finished in a thread of its own. Only one may work on a run at a time.

    Args:
        directory: of the run.
        run: as it is when the session begins; None if it has no trial yet.
        settings: W&B's project and entity.
        mode: online; or offline, and W&B writes files only. A live sweep goes offline at the first failure.
        home: the folder in which W&B makes its folder `wandb`.
        patient: whether a user waits for the upload alone (`sync`).
        stopped: whether nobody waits any more; W&B's process must then not be started again.
    """

    def __init__(
        self,
        directory: Path,
        run: Run | None,
        settings: Wandb,
        *,
        mode: Mode,
        home: Path,
        patient: bool = False,
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        self.mode, self.result = mode, UploadResult()
        self._directory, self._settings, self._home = directory, settings, home
        self._patient, self._stopped = patient, stopped
        self._before = {trial.number: epochs(trial) for trial in run.trials} if run else {}
        """Epochs of each trial when the session began: none of them is in this session's files yet."""
        self._noted = noted_trials(directory, online=mode == "online")
        self._open: dict[int, TrialRun] = {}
        self._finishing: dict[int, threading.Thread] = {}
        self._left_to_sync: set[int] = set()
        """Trials of which W&B did not take something in this session."""
        self._settled: dict[int, Snapshot] = {}
        """What each trial was when W&B had everything: saves reading the history of every trial in every round."""

    def update(self, run: Run, *, last: bool) -> None:
        """Give W&B what it lacks of the trials; ``last``: none trains any more, and every W&B run is finished."""
        best = best_trial(run)
        for trial in started_trials(run):
            if self._gives_up():
                break
            try:
                self._update(run, trial, best=trial is best, last=last)
            except Exception as error:
                self._failed(trial.number, error)
        for thread in list(self._finishing.values()) if last else ():
            thread.join()

    def _gives_up(self) -> bool:
        return self._stopped() or (self._patient and len(self.result.failures) >= MAX_FAILURES)

    def _update(self, run: Run, trial: FrozenTrial, *, best: bool, last: bool) -> None:
        number, ended = trial.number, last or trial.state.is_finished()
        state = (trial, best, run.scores.get(number))
        if number in self._left_to_sync or _same(self._settled.get(number), state):
            return
        rows = read_history(history_file(self._directory, number))
        entry = wanted_entry(run, trial, epochs=len(rows), best=best, ended=ended)
        if self._is_finishing(number, wait=last):
            return
        if number not in self._open and self._noted.get(number) == entry:
            self._settled[number] = state
            return
        trial_run = self._open.get(number) or self._opened(run, trial)
        self._open[number] = trial_run
        trial_run.update(entry, rows, as_ended(run, trial), run.metric)
        if ended and (last or not best):
            self._finish(wandb_id(run, number), self._open.pop(number), entry)

    def _is_finishing(self, number: int, *, wait: bool) -> bool:
        thread = self._finishing.get(number)
        if thread and wait:
            thread.join()
        return thread is not None and thread.is_alive()

    def _opened(self, run: Run, trial: FrozenTrial) -> TrialRun:
        info = as_started(run, trial)
        earlier = session_files(self._directory, wandb_id(run, trial.number))

        def attempt() -> Any:
            return open_trial_run(run, self._settings, info, mode=self.mode, home=self._home, patient=self._patient)

        try:
            wandb_run = attempt()
        except Exception as error:
            if self._patient or self.mode == "offline":
                raise
            logger.warning("W&B cannot be reached; from now on the trials are kept offline (%s)", error)
            self._go_offline()
            if self._stopped() or self._is_busy():
                raise  # the failed attempt holds the trial's id as long as other runs are open: left to `sync`
            wandb.teardown()
            for file in set(session_files(self._directory, wandb_id(run, trial.number))) - set(earlier):
                shutil.rmtree(file.parent)
            wandb_run = attempt()
        return TrialRun(wandb_run, epochs=self._epochs_there(wandb_run, trial.number, earlier), earlier=earlier)

    def _is_busy(self) -> bool:
        """Return whether W&B runs are open or finishing, so that W&B's process is needed."""
        alive = any(thread.is_alive() for thread in self._finishing.values())
        return bool(self._open) or wandb.run is not None or alive

    def _epochs_there(self, wandb_run: Any, number: int, earlier: Sequence[Path]) -> int:
        """Return the last epoch that W&B has, or will have when the files of earlier sessions are uploaded."""
        if not wandb_run.offline:
            return max(int(wandb_run.starting_step) - 1, 0)
        return self._before.get(number, 0) if any(map(is_uploaded, earlier)) else 0

    def _finish(self, wandb_id: str, trial_run: TrialRun, entry: LedgerEntry) -> None:
        self._finishing = {number: thread for number, thread in self._finishing.items() if thread.is_alive()}
        if len(self._finishing) >= MAX_FINISHING:
            next(iter(self._finishing.values())).join()
        # A daemon, and not one of a pool: a pool's threads are waited for when this process exits.
        thread = threading.Thread(target=self._finished, args=(wandb_id, trial_run, entry), daemon=True)
        thread.start()
        self._finishing[entry.trial] = thread

    def _finished(self, wandb_id: str, trial_run: TrialRun, entry: LedgerEntry) -> None:
        online = not trial_run.wandb_run.offline
        try:
            finish(trial_run.wandb_run, failed=entry.failed)
        except Exception as error:
            self._failed(entry.trial, error)
            return
        note_trial(self._directory, entry, online=online)
        settle(self._directory, wandb_id, online=online, earlier=trial_run.earlier)
        self._noted[entry.trial] = entry
        self.result.trials += 1
        self.result.epochs += trial_run.epochs

    def _failed(self, number: int, error: Exception) -> None:
        self._left_to_sync.add(number)
        self.result.failed(f"trial {number}", error)
        if not self._patient:
            self._go_offline()

    def _go_offline(self) -> None:
        if self.mode == "online":
            self.mode, self._noted = "offline", noted_trials(self._directory, online=False)


def _same(one: Snapshot | None, other: Snapshot) -> bool:
    """Return whether nothing has changed; Optuna replaces the object of a trial that changes."""
    return one is not None and one[0] is other[0] and one[1:] == other[1:]
