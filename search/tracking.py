"""Trials on Weights & Biases: one process, one W&B run a trial, offline first.

Everything is sent from one background thread, so the sweep never waits for a network. A trial's W&B run is finished
when the trial ends — except the leader's, which stays open until it is beaten, so that `best` needs no second file.
"""

from __future__ import annotations

import logging
import queue
import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import wandb

from search.history import read_history
from search.opened import Run, as_ended, as_started, best_value, history_file, open_run, ranked
from search.record import RunInfo, TrialEnd, TrialInfo
from search.wandb_setup import chosen_mode, quiet, safe
from search.wording import ENDINGS, ending
from spaces.sweep import Wandb

logger = logging.getLogger(__name__)

MAX_FINISHING = 8
"""Ended trials may still be uploading while the sweep goes on, but no more than this many."""


@dataclass(frozen=True, kw_only=True)
class Past:
    """What an earlier session told of a trial."""

    info: TrialInfo
    rows: Sequence[Mapping[str, float]]
    end: TrialEnd


class Tracking:
    """The listener that shows every trial on W&B.

    Online where a key is found in the environment or netrc, else offline; WANDB_MODE has the last word. W&B's failures
    are logged and never reach the sweep. `tracking: {wandb: off}` means: make no Tracking. A directory that an earlier
    session left is taken up: its leader may yet lose the tag `best`.
    """

    def __init__(self, run: RunInfo, settings: Wandb, *, close_timeout_s: float = 60.0) -> None:
        self._run = run
        self._settings = settings
        self._home = run.directory / "wandb"
        self._close_timeout_s = close_timeout_s
        self._mode = "offline"
        self._open: dict[int, Any] = {}
        self._logged: dict[int, int] = {}
        self._leader: TrialEnd | None = None
        self._finishing: dict[int, threading.Thread] = {}
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._worker = threading.Thread(target=self._work, name="wandb", daemon=True)
        self._worker.start()
        earlier = leader_of(run.directory) if self._home.is_dir() else None
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

    def close(self, best: int | None) -> None:
        """Tags the best trial and finishes every W&B run; waits ``close_timeout_s`` at the most."""
        if self._worker.is_alive():
            self._jobs.put(lambda: self._close(best))
            self._jobs.put(None)
            self._worker.join(self._close_timeout_s)
        if self._worker.is_alive():
            logger.warning("W&B is not done after %.0f s; what it holds stays in %s", self._close_timeout_s, self._home)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                job()
            except Exception as error:
                logger.warning("W&B: %s", error)

    def _set_up(self, earlier: Past | None) -> None:
        self._mode = chosen_mode()
        if earlier is not None and self._mode != "disabled":
            self._take_up(earlier)
            self._leader = earlier.end

    def _take_up(self, past: Past) -> None:
        """Reopens the W&B run of a trial that ended earlier, as it was before it was finished."""
        self._start(past.info, past.rows)
        self._summarise(past.end)

    def _start(self, trial: TrialInfo, rows: Sequence[Mapping[str, float]]) -> None:
        if self._mode == "disabled" or trial.number in self._open:
            return
        if trial.number in self._finishing:
            self._finishing.pop(trial.number).join()
        earlier = fragments(self._home, self._id(trial.number))
        wandb_run = self._opened(trial, earlier)
        self._open[trial.number] = wandb_run
        self._logged[trial.number] = self._known(wandb_run, rows, earlier)
        for row in rows:
            self._log(trial.number, row)
        remove_replaced(earlier)

    def _known(self, wandb_run: Any, rows: Sequence[Mapping[str, float]], earlier: list[Path]) -> int:
        """The last epoch that W&B has, or will have once the files of ``earlier`` sessions are uploaded."""
        if self._mode == "online":
            return max(int(wandb_run.starting_step) - 1, 0)
        return int(rows[-1]["epoch"]) if rows and any(map(uploaded, earlier)) else 0

    def _opened(self, trial: TrialInfo, earlier: list[Path]) -> Any:
        try:
            return wandb.init(**self._arguments(trial))
        except Exception as error:
            if self._mode == "offline":
                raise
            logger.warning("W&B cannot be reached; the trials are kept offline in %s (%s)", self._home, error)
            self._mode = "offline"
            if self._open or wandb.run is not None:
                raise
            wandb.teardown()  # the failed attempt still holds the trial's id
            for file in set(fragments(self._home, self._id(trial.number))) - set(earlier):
                shutil.rmtree(file.parent)
            return wandb.init(**self._arguments(trial))

    def _arguments(self, trial: TrialInfo) -> dict[str, Any]:
        return {
            "project": self._settings.project,
            "entity": self._settings.entity,
            "group": safe(self._run.name),
            "id": self._id(trial.number),
            "name": str(trial.number),
            "tags": ["baseline"] if trial.baseline else [],
            "config": {**trial.values, "trial": trial.config.model_dump(mode="json")},
            "dir": str(self._run.directory),
            "mode": self._mode,
            "resume": "allow",
            "reinit": "create_new",
            "settings": quiet(),
        }

    def _id(self, number: int) -> str:
        return safe(f"{self._run.id}-{number}")

    def _log(self, number: int, row: Mapping[str, float]) -> None:
        epoch = int(row["epoch"])
        if number in self._open and epoch > self._logged[number]:
            self._open[number].log(dict(row), step=epoch, commit=True)
            self._logged[number] = epoch

    def _end(self, end: TrialEnd) -> None:
        if end.number not in self._open:
            return
        self._summarise(end)
        beaten: TrialEnd | None = end
        if leads(end, self._leader, self._run):
            beaten, self._leader = self._leader, end
        if beaten is not None:
            self._finish(beaten.number, failed=beaten.state in ("fail", "interrupted"))

    def _summarise(self, end: TrialEnd) -> None:
        wandb_run = self._open[end.number]
        wandb_run.tags = (*(tag for tag in wandb_run.tags if tag == "baseline"), ending(end.state, end.reason))
        summary = {"best_epoch": end.best_epoch, f"best_{self._run.metric}": end.value, "epochs": end.epochs}
        told = {"seconds": end.seconds, "state": ending(end.state, end.reason), "reason": end.reason}
        wandb_run.summary.update({key: value for key, value in summary.items() if value is not None} | told)

    def _close(self, best: int | None) -> None:
        try:
            if best is not None and best not in self._open and self._mode != "disabled":
                self._take_up(past_of(open_run(self._run.directory), best))
        finally:
            for number, wandb_run in list(self._open.items()):
                cut_off = not set(ENDINGS) & set(wandb_run.tags)
                wandb_run.tags = (*wandb_run.tags, *["interrupted"] * cut_off, *["best"] * (number == best))
                self._finish(number, failed=bool({"failed", "interrupted"} & set(wandb_run.tags)))
            for thread in self._finishing.values():
                thread.join()

    def _finish(self, number: int, *, failed: bool) -> None:
        wandb_run = self._open.pop(number)
        self._finishing = {other: thread for other, thread in self._finishing.items() if thread.is_alive()}
        if len(self._finishing) >= MAX_FINISHING:
            next(iter(self._finishing.values())).join()
        thread = threading.Thread(target=wandb_run.finish, kwargs={"exit_code": int(failed)}, daemon=True)
        thread.start()
        self._finishing[number] = thread


def past_of(run: Run, number: int) -> Past:
    """What was told of trial ``number``."""
    (trial,) = (trial for trial in run.trials if trial.number == number)
    rows = read_history(history_file(run.directory, number))
    return Past(info=as_started(run, trial), rows=rows, end=as_ended(run, trial))


def leader_of(directory: Path) -> Past | None:
    """The best of the trials that have ended, if any."""
    run = open_run(directory)
    ended = (trial for trial in ranked(run) if trial.state.is_finished() and best_value(run, trial) is not None)
    leader = next(ended, None)
    return None if leader is None else past_of(run, leader.number)


def leads(end: TrialEnd, leader: TrialEnd | None, run: RunInfo) -> bool:
    """Whether an ended trial takes the lead; a tie stays with the lower number."""
    if end.value is None or end.reason == "diverged" or end.state not in ("complete", "pruned"):
        return False
    if leader is None or leader.value is None:
        return True
    sign = 1 if run.direction == "maximize" else -1
    return (sign * end.value, -end.number) > (sign * leader.value, -leader.number)


def fragments(home: Path, wandb_id: str) -> list[Path]:
    """The .wandb files of one W&B run, online or offline: one for each session."""
    return sorted(home.glob(f"*run-*/run-{wandb_id}.wandb"))


def uploaded(file: Path) -> bool:
    """Whether W&B's server knows a .wandb file: it was written online, or synchronised since."""
    return file.parent.name.startswith("run-") or file.with_suffix(".wandb.synced").exists()


def remove_replaced(earlier: list[Path]) -> None:
    """Deletes files whose every row was just written to a new one; what was uploaded stays."""
    for file in earlier:
        if not uploaded(file):
            shutil.rmtree(file.parent)
