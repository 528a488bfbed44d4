"""What was told of a trial, read back from the journal and its history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from search.run.events import TrialEnd, TrialInfo
from search.run.history import read_history
from search.run.reader import Run, as_ended, as_started, best_value, history_file, open_run, ranked
from search.tracking.ledger import Confirmed, confirmed_of, untold


@dataclass(frozen=True, kw_only=True)
class Past:
    """A trial as W&B was, or should be, told of it."""

    info: TrialInfo
    rows: Sequence[Mapping[str, float]]
    end: TrialEnd
    confirmed: Confirmed | None = None


def past_to_take_up(directory: Path) -> list[Past]:
    """The best of the trials that have ended, and those whose W&B run an accident kept from being finished."""
    run = open_run(directory)
    numbers = set(untold(run, online=False))
    ended = [trial.number for trial in ranked(run) if trial.state.is_finished() and best_value(run, trial) is not None]
    chosen = {trial.number for trial in run.trials if trial.number in numbers and trial.state.is_finished()}
    return [past_of(run, number) for number in sorted({*ended[:1], *chosen})]


def past_of(run: Run, number: int) -> Past:
    """What was told of trial ``number``."""
    (trial,) = (trial for trial in run.trials if trial.number == number)
    rows = read_history(history_file(run.directory, number))
    return Past(info=as_started(run, trial), rows=rows, end=as_ended(run, trial), confirmed=confirmed_of(run, number))
