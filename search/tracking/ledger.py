"""What W&B was told of each trial and of the leaderboard: a line in wandb/ledger.jsonl whenever it has taken something.

What the journal says and the ledger does not is what W&B does not know yet.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from optuna.trial import TrialState

from search.formatting import ending
from search.run.events import TrialEnd
from search.run.history import read_history
from search.run.reader import Run, as_ended, best_trial, history_file, is_baseline

LEDGER = Path("wandb", "ledger.jsonl")


@dataclass(frozen=True, kw_only=True)
class Confirmed:
    """What a trial came to when it was trained again from other seeds."""

    mean: float
    sd: float | None
    """None over a single seed."""
    seeds: int


@dataclass(frozen=True, kw_only=True)
class Entry:
    """How a trial stands on W&B, or in an offline file."""

    trial: int
    epochs: int
    tags: tuple[str, ...]
    confirmed: Confirmed | None = None

    @property
    def went_wrong(self) -> bool:
        """Whether W&B should show the trial's run as failed."""
        return bool({"failed", "interrupted"} & set(self.tags))


def tags_of(end: TrialEnd | None, *, baseline: bool, best: bool, confirmed: Confirmed | None = None) -> tuple[str, ...]:
    """What a trial was, how it ended (None: it was cut off), whether it was confirmed, and whether it leads."""
    told = ending(end.state, end.reason) if end else "interrupted"
    return (*["baseline"] * baseline, told, *["confirmed"] * (confirmed is not None), *["best"] * best)


def note(directory: Path, entry: Entry, *, online: bool) -> None:
    """Adds a line: this was taken by W&B's server, or is whole in an offline file."""
    _add(directory, asdict(entry) | {"online": online})


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
            tags=tags_of(
                as_ended(run, trial),
                baseline=is_baseline(trial),
                best=trial is best,
                confirmed=confirmed_of(run, trial.number),
            ),
            confirmed=confirmed_of(run, trial.number),
        )
        for trial in run.trials
        if trial.state != TrialState.WAITING and history_file(run.directory, trial.number).parent.is_dir()
    ]


def confirmed_of(run: Run, number: int) -> Confirmed | None:
    """What the confirmation of a trial came to; None where there was none."""
    score = run.scores.get(number)
    if score is None or not score.by_seed:
        return None
    return Confirmed(mean=score.mean, sd=None if math.isnan(score.sd) else score.sd, seeds=len(score.by_seed))


def note_part(directory: Path, name: str, digest: str, *, online: bool) -> None:
    """Adds a line: this part of the leaderboard's run stands on W&B, or in an offline file, as its digest says."""
    _add(directory, {"part": name, "digest": digest, "online": online})


def parts_told(directory: Path, *, online: bool) -> dict[str, str]:
    """The digests of the parts of the leaderboard's run that W&B's server (or, where not ``online``, a file) has."""
    lines = (read for read in _lines(directory) if "part" in read and (read.get("online") or not online))
    return {str(read["part"]): str(read.get("digest")) for read in lines}


def _add(directory: Path, line: dict[str, Any]) -> None:
    file = directory / LEDGER
    file.parent.mkdir(exist_ok=True)
    with file.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(line) + "\n")


def _entries(directory: Path) -> Iterator[tuple[Entry, bool]]:
    for read in _lines(directory):
        try:
            confirmed = Confirmed(**read["confirmed"]) if read.get("confirmed") else None
            tags = tuple(read["tags"])
            entry = Entry(trial=int(read["trial"]), epochs=int(read["epochs"]), tags=tags, confirmed=confirmed)
        except (ValueError, KeyError, TypeError):
            continue
        yield entry, bool(read.get("online"))


def _lines(directory: Path) -> Iterator[dict[str, Any]]:
    """The lines in order; one that a crash cut off is left out."""
    file = directory / LEDGER
    for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else ():
        try:
            read = json.loads(line)
        except ValueError:
            continue
        if isinstance(read, dict):
            yield read
