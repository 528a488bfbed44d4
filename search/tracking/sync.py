"""`tunehound sync`: W&B is told what it could not be told while the sweep ran.

What is sent comes from the journal and the histories, not from W&B's offline files: those of a killed sweep are not
whole, and W&B's own replay of a file repeats the rows of an attempt that broke off, and has no end while the server is
away. Here the server is asked how far it is with every trial, and gets the epochs after that.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import wandb

from search.changes import refuse_unknown
from search.lock import driving
from search.opened import Run, open_run
from search.quiet import chatter_to, log_file
from search.record import RunInfo
from search.tracking.client import has_key
from search.tracking.fragments import mark_uploaded
from search.tracking.ledger import Entry, entries_wanted, note, untold
from search.tracking.listener import MAX_FINISHING
from search.tracking.past import past_of
from search.tracking.runs import finish, known_epochs, opened, summarise, wandb_id
from spaces.load import load_sweep
from spaces.problem import InputError, Problem
from spaces.sweep import Sweep, Wandb

PATIENCE = 2
"""After so many trials that could not be opened the server is left alone."""


@dataclass(kw_only=True)
class Synced:
    """What `sync` did."""

    trials: int = 0
    epochs: int = 0
    """Sent now, of these trials; the server may have had others."""
    failures: list[str] = field(default_factory=list)
    """What kept trials from being sent."""
    left: int = 0
    """Trials that are still to be sent."""
    off: bool = False
    """The sweep says `tracking: off`."""


def sync(directory: Path) -> Synced:
    """Sends what W&B's server does not have of a run: each epoch once, however often it is called.

    Args:
        directory: of the run.

    Raises:
        InputError: there is no run or no key for W&B, or another process drives the run; nothing was sent.
    """
    sweep = load_sweep(directory / "sweep.yaml", check_files=False)
    if sweep.tracking.wandb == "off":
        return Synced(off=True)
    with driving(directory):
        run = open_run(directory)
        refuse_unknown(run.about, str(directory / "sweep.yaml"))
        numbers = untold(run, online=True)
        if not numbers:
            return Synced()
        with chatter_to(log_file(str(run.about["id"]))) as console:
            _refuse_without_key(directory)
            console.print(f"Sending {len(numbers)} of {len(run.trials)} trials to W&B …")
            synced = _Sending(run, sweep, sweep.tracking.wandb).send(numbers)
        synced.left = len(untold(run, online=True))
    return synced


class _Sending:
    """Tells W&B of some trials: opened one after the other, finished several at a time."""

    def __init__(self, run: Run, sweep: Sweep, settings: Wandb) -> None:
        self._run, self._settings = run, settings
        self._info = RunInfo(
            id=str(run.about["id"]),
            name=run.name,
            directory=run.directory,
            metric=run.metric,
            direction=run.direction,
            trials=sweep.search.trials,
            epochs=sweep.epochs,
        )
        self._wanted = {entry.trial: entry for entry in entries_wanted(run)}
        self._done = Synced()

    def send(self, numbers: Sequence[int]) -> Synced:
        finishing: set[Future[None]] = set()
        with tempfile.TemporaryDirectory() as home, ThreadPoolExecutor(MAX_FINISHING) as pool:
            for number in numbers:
                if len(self._done.failures) >= PATIENCE:
                    break
                try:
                    wandb_run, epochs = self._tell(number, Path(home))
                except Exception as error:
                    self._done.failures.append(f"trial {number}: {_first_line(error)}")
                    continue
                finishing.add(pool.submit(self._finish, wandb_run, self._wanted[number], epochs))
                if len(finishing) >= MAX_FINISHING:
                    _, finishing = wait(finishing, return_when=FIRST_COMPLETED)
        return self._done

    def _tell(self, number: int, home: Path) -> tuple[Any, int]:
        """Opens a trial's W&B run and gives it what the server lacks; returns it, and how many epochs that is."""
        past = past_of(self._run, number)
        wandb_run = opened(self._info, self._settings, past.info, mode="online", home=home, patient=True)
        rows = [row for row in past.rows if row["epoch"] > known_epochs(wandb_run)]
        for row in rows:
            wandb_run.log(dict(row), step=int(row["epoch"]), commit=True)
        summarise(wandb_run, past.end, self._run.metric)
        wandb_run.tags = self._wanted[number].tags
        return wandb_run, len(rows)

    def _finish(self, wandb_run: Any, entry: Entry, epochs: int) -> None:
        try:
            finish(wandb_run, failed=bool({"failed", "interrupted"} & set(entry.tags)))
        except Exception as error:
            self._done.failures.append(f"trial {entry.trial}: {_first_line(error)}")
            return
        note(self._run.directory, entry, online=True)
        mark_uploaded(self._run.directory / "wandb", wandb_id(self._info, entry.trial))
        self._done.trials += 1
        self._done.epochs += epochs


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__


def _refuse_without_key(directory: Path) -> None:
    if not has_key(wandb.setup(wandb.Settings(silent=True)).settings):
        rule = "sending to W&B needs a key, and neither the environment nor netrc has one"
        remedy = "run `wandb login`, or set WANDB_API_KEY; then call this again"
        raise InputError([Problem(rule=rule, remedy=remedy)], str(directory))
