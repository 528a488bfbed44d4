"""What W&B was told of each trial: a line in wandb/ledger.jsonl whenever a trial's W&B run was finished and whole.

What the journal says and the ledger does not is what W&B does not know yet.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from optuna.trial import TrialState

from search.history import read_history
from search.opened import Run, as_ended, best_trial, history_file, is_baseline
from search.record import TrialEnd
from search.wording import ending

LEDGER = Path("wandb", "ledger.jsonl")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """How a trial stands on W&B, or in an offline file."""

    trial: int
    epochs: int
    tags: tuple[str, ...]


def tags_of(end: TrialEnd | None, *, baseline: bool, best: bool) -> tuple[str, ...]:
    """What a trial was, how it ended (None: it was cut off), and whether it leads."""
    told = ending(end.state, end.reason) if end else "interrupted"
    return (*["baseline"] * baseline, told, *["best"] * best)


def note(directory: Path, entry: Entry, *, online: bool) -> None:
    """Adds a line: this was taken by W&B's server, or is whole in an offline file."""
    file = directory / LEDGER
    file.parent.mkdir(exist_ok=True)
    with file.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(asdict(entry) | {"online": online}) + "\n")


def untold(run: Run, *, online: bool) -> list[int]:
    """The trials of which W&B's server (or, where not ``online``, not even a file) does not have everything."""
    told = {entry.trial: entry for entry, at_server in _entries(run.directory) if at_server or not online}
    return [entry.trial for entry in entries_wanted(run) if told.get(entry.trial) != entry]


def entries_wanted(run: Run) -> list[Entry]:
    """How the trials should stand, by the journal and the histories."""
    best = best_trial(run)
    return [
        Entry(
            trial=trial.number,
            epochs=len(read_history(history_file(run.directory, trial.number))),
            tags=tags_of(as_ended(run, trial), baseline=is_baseline(trial), best=trial is best),
        )
        for trial in run.trials
        if trial.state != TrialState.WAITING and history_file(run.directory, trial.number).parent.is_dir()
    ]


def _entries(directory: Path) -> Iterator[tuple[Entry, bool]]:
    """The lines in order; one that a crash cut off is left out."""
    file = directory / LEDGER
    for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else ():
        try:
            read: dict[str, Any] = json.loads(line)
            entry = Entry(trial=int(read["trial"]), epochs=int(read["epochs"]), tags=tuple(read["tags"]))
        except (ValueError, KeyError, TypeError):
            continue
        yield entry, bool(read.get("online"))
