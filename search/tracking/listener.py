"""Trials on Weights & Biases: one process, one W&B run a trial, offline first.

Everything is sent from one background thread, so the sweep never waits for a network. A trial's W&B run is finished
when the trial ends — except the leader's, which stays open until it is beaten, so that `best` needs no second file.
What was finished and whole is noted in the ledger; `tunehound sync` sends what is not. The leaderboard, and what a
confirmation adds to trials whose runs are finished, follow when the results are written.
"""

from __future__ import annotations

import logging
import queue
import shutil
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import wandb

from search.run.events import RunInfo, Training, TrialEnd, TrialInfo
from search.run.history import read_history
from search.run.reader import history_file, open_run
from search.tracking.client import MAX_FINISHING, Mode, chosen_mode, end_service, wait_for
from search.tracking.fragments import fragments, mark_uploaded, remove_replaced
from search.tracking.ledger import Confirmed, Entry, note
from search.tracking.past import Past, past_of, past_to_take_up
from search.tracking.wandb_runs import Shown, epochs_there, finish, logged, opened, summarise, wandb_id
from spaces.file.sweep import Wandb

logger = logging.getLogger(__name__)


class Tracking:
    """The listener that shows every trial on W&B.

    Online where a key is found in the environment or netrc, else offline; WANDB_MODE has the last word. W&B's failures
    are logged and never reach the sweep. `tracking: {wandb: off}` means: make no Tracking. A directory that an earlier
    session left is taken up: its leader may yet lose the tag `best`, and what was cut off is written anew.
    """

    def __init__(
        self,
        run: RunInfo,
        settings: Wandb,
        *,
        tell: Callable[[str], None] = logger.info,
        close_timeout_s: float = 10.0,
    ) -> None:
        self._run = run
        self._settings = settings
        self._home = run.directory / "wandb"
        self._tell = tell
        self._close_timeout_s = close_timeout_s
        self._mode: Mode = "offline"
        self._open: dict[int, Shown] = {}
        self._given_up = False
        """Whether nobody waits for the worker any more; it must not start W&B anew."""
        self._failed = False
        """Whether the server did not take something; W&B's process may then still be at it."""
        self._leader: TrialEnd | None = None
        self._finishing: dict[int, threading.Thread] = {}
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._worker = threading.Thread(target=self._work, name="wandb", daemon=True)
        self._worker.start()
        earlier = self._earlier() if self._home.is_dir() else []
        self._jobs.put(lambda: self._set_up(earlier))

    def started(self, trial: TrialInfo) -> None:
        """Opens the trial's W&B run, or goes on with it."""
        rows = read_history(history_file(self._run.directory, trial.number))  # now: the file grows with every epoch
        self._jobs.put(lambda: self._start(trial, rows))

    def epoch(self, number: int, row: Mapping[str, float]) -> None:
        """Logs one epoch, unless it was logged before."""
        kept = dict(row)
        self._jobs.put(lambda: self._log(number, kept))

    def ended(self, end: TrialEnd) -> None:
        """Writes the trial's summary and state; finishes its W&B run unless it leads."""
        self._jobs.put(lambda: self._end(end))

    def confirmed(self, training: Training | None, *, done: int, total: int) -> None:
        """Nothing: what the confirmation found is told at the end."""

    def close(self, best: int | None) -> None:
        """Tags the best trial and finishes every W&B run; waits ``close_timeout_s`` at the most."""
        if not self._worker.is_alive():
            return
        self._jobs.put(lambda: self._close(best))
        self._jobs.put(None)
        self._wait_for(self._worker)

    def conclude(self) -> None:
        """Tells W&B what the sweep came to: what was confirmed since the trials ended, and the leaderboard.

        To be called when the results are written, after `close`; waits for what that has left of ``close_timeout_s``.
        """
        if self._given_up or self._mode == "disabled" or (self._failed and self._mode == "online"):
            return
        from search.tracking.conclusion import conclude  # draws figures, which takes a second to import

        told = partial(conclude, self._run.directory, self._settings, mode=self._mode, over=lambda: self._given_up)
        worker = threading.Thread(target=told, name="wandb", daemon=True)
        worker.start()
        self._wait_for(worker)

    def _wait_for(self, worker: threading.Thread) -> None:
        began = time.monotonic()
        if not wait_for(worker, self._close_timeout_s, self._tell):
            self._given_up = True
            end_service()
        self._close_timeout_s = max(0.0, self._close_timeout_s - (time.monotonic() - began))

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None and not self._given_up:
            try:
                job()
            except Exception as error:
                logger.warning("W&B: %s", error)

    def _earlier(self) -> list[Past]:
        try:
            return past_to_take_up(self._run.directory)
        except Exception as error:
            logger.warning("W&B: what earlier sessions left cannot be read: %s", error)
            return []

    def _set_up(self, earlier: Sequence[Past]) -> None:
        self._mode = chosen_mode()
        if self._mode != "disabled":
            for past in earlier:
                self._start(past.info, past.rows, past.confirmed)
                self._end(past.end)

    def _start(self, trial: TrialInfo, rows: Sequence[Mapping[str, float]], confirmed: Confirmed | None = None) -> None:
        if self._mode == "disabled" or trial.number in self._open:
            return
        if trial.number in self._finishing:
            self._finishing.pop(trial.number).join()
        earlier = fragments(self._home, wandb_id(self._run, trial.number))
        wandb_run = self._opened(trial, earlier)
        self._open[trial.number] = Shown(
            wandb_run=wandb_run,
            baseline=trial.baseline,
            epochs=epochs_there(wandb_run, rows, earlier),
            confirmed=confirmed,
        )
        for row in rows:
            self._log(trial.number, row)
        remove_replaced(earlier)

    def _opened(self, trial: TrialInfo, earlier: list[Path]) -> Any:
        try:
            return self._init(trial)
        except Exception as error:
            if self._mode == "offline":
                raise
            logger.warning("W&B cannot be reached; from here on the trials are kept offline (%s)", error)
            self._mode, self._failed = "offline", True
            if (
                self._given_up
                or self._open
                or wandb.run
                or any(thread.is_alive() for thread in self._finishing.values())
            ):
                raise  # the failed attempt holds the trial's id as long as other runs are open: left to `sync`
            wandb.teardown()
            for file in set(fragments(self._home, wandb_id(self._run, trial.number))) - set(earlier):
                shutil.rmtree(file.parent)
            return self._init(trial)

    def _init(self, trial: TrialInfo) -> Any:
        return opened(self._run, self._settings, trial, mode=self._mode, home=self._run.directory)

    def _log(self, number: int, row: Mapping[str, float]) -> None:
        epoch = int(row["epoch"])
        if number in self._open and epoch > self._open[number].epochs:
            self._open[number].wandb_run.log(logged(row), step=epoch, commit=True)
            self._open[number].epochs = epoch

    def _end(self, end: TrialEnd) -> None:
        if end.number not in self._open:
            return
        self._tell_end(end)
        beaten: TrialEnd | None = end
        if leads(end, self._leader, self._run):
            beaten, self._leader = self._leader, end
        if beaten is not None:
            self._finish(beaten.number, best=False)

    def _tell_end(self, end: TrialEnd) -> None:
        trial = self._open[end.number]
        trial.end = end
        summarise(trial.wandb_run, end, self._run.metric, trial.confirmed)
        trial.wandb_run.tags = trial.entry(end.number, best=False).tags

    def _close(self, best: int | None) -> None:
        try:
            if best is not None and best not in self._open and self._mode != "disabled":
                past = past_of(open_run(self._run.directory), best)
                self._start(past.info, past.rows, past.confirmed)
                self._tell_end(past.end)
        finally:
            for number in list(self._open):
                self._finish(number, best=number == best)
            for thread in self._finishing.values():
                thread.join()

    def _finish(self, number: int, *, best: bool) -> None:
        trial = self._open.pop(number)
        entry = trial.entry(number, best=best)
        trial.wandb_run.tags = entry.tags
        self._finishing = {other: thread for other, thread in self._finishing.items() if thread.is_alive()}
        if len(self._finishing) >= MAX_FINISHING:
            next(iter(self._finishing.values())).join()
        thread = threading.Thread(target=self._finished, args=(trial.wandb_run, entry), daemon=True)
        thread.start()
        self._finishing[number] = thread

    def _finished(self, wandb_run: Any, entry: Entry) -> None:
        online = not wandb_run.offline
        try:
            finish(wandb_run, failed=entry.went_wrong)
        except Exception as error:
            self._failed = True
            logger.warning("W&B does not have all of trial %d: %s", entry.trial, error)
            return
        note(self._run.directory, entry, online=online)
        if online:
            mark_uploaded(self._home, wandb_id(self._run, entry.trial))


def leads(end: TrialEnd, leader: TrialEnd | None, run: RunInfo) -> bool:
    """Whether an ended trial takes the lead; a tie stays with the lower number."""
    if end.value is None or end.reason == "diverged" or end.state not in ("complete", "pruned"):
        return False
    if leader is None or leader.value is None:
        return True
    sign = 1 if run.direction == "maximize" else -1
    return (sign * end.value, -end.number) > (sign * leader.value, -leader.number)
