"""What W&B has of each trial and of the leaderboard: a line in wandb/ledger.jsonl whenever it has taken something.

What the journal says and the ledger does not is what W&B still lacks.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from optuna.trial import FrozenTrial
from pydantic import BaseModel, ConfigDict, NonNegativeInt, ValidationError

from search.formatting import ending
from search.run.history import history_file, read_history
from search.run.reader import Run
from search.run.trials import as_ended, best_trial, is_baseline
from spaces.file.content import content_of

LEDGER = Path("wandb", "ledger.jsonl")


MOST_BYTES = 500_000_000


class LedgerLine(BaseModel):
    """A line about a trial; of others, and of damaged ones, nothing is known, so it is sent again."""

    model_config = ConfigDict(strict=True)

    class Confirmed(BaseModel):
        """As `ConfirmedScore`."""

        mean: float
        sd: float | None
        seeds: int

    trial: NonNegativeInt
    epochs: NonNegativeInt
    tags: list[str]
    confirmed: Confirmed | None = None
    online: bool = False


@dataclass(frozen=True, kw_only=True)
class ConfirmedScore:
    """The score of a trial that was trained again from other seeds."""

    mean: float
    sd: float | None
    """None over a single seed."""
    seeds: int


@dataclass(frozen=True, kw_only=True)
class LedgerEntry:
    """How a trial stands on W&B, or in an offline file."""

    trial: int
    epochs: int
    tags: tuple[str, ...]
    confirmed: ConfirmedScore | None = None

    @property
    def failed(self) -> bool:
        """Whether W&B should show the trial's run as failed."""
        return bool({"failed", "interrupted"} & set(self.tags))


def wanted_entry(run: Run, trial: FrozenTrial, *, epochs: int, best: bool, ended: bool = True) -> LedgerEntry:
    """How a trial should stand; ``ended=False``: it is training, and its tags do not say how it ended."""
    confirmed = confirmed_score(run, trial.number)
    end = as_ended(run, trial)
    tags = (
        *["baseline"] * is_baseline(trial),
        *[ending(end.state, end.reason)] * ended,
        *["confirmed"] * (confirmed is not None),
        *["best"] * best,
    )
    return LedgerEntry(trial=trial.number, epochs=epochs, tags=tags, confirmed=confirmed)


def confirmed_score(run: Run, number: int) -> ConfirmedScore | None:
    """What the confirmation found for a trial; None if it was not confirmed."""
    score = run.scores.get(number)
    if score is None or not score.by_seed:
        return None
    return ConfirmedScore(mean=score.mean, sd=None if math.isnan(score.sd) else score.sd, seeds=len(score.by_seed))


def started_trials(run: Run) -> list[FrozenTrial]:
    """The trials that have a configuration in their folder."""
    return [trial for trial in run.trials if (run.directory / "trials" / str(trial.number) / "config.yaml").is_file()]


def missing_trials(run: Run, *, online: bool) -> list[int]:
    """The trials of which W&B's server (or, if not ``online``, not even a file) lacks something."""
    noted, best = noted_trials(run.directory, online=online), best_trial(run)
    missing = []
    for trial in started_trials(run):
        epochs = len(read_history(history_file(run.directory, trial.number)))
        if noted.get(trial.number) != wanted_entry(run, trial, epochs=epochs, best=trial is best):
            missing.append(trial.number)
    return missing


def note_trial(directory: Path, entry: LedgerEntry, *, online: bool) -> None:
    """Add a line: W&B's server has taken this, or it is complete in an offline file."""
    _add(directory, asdict(entry) | {"online": online})


def noted_trials(directory: Path, *, online: bool) -> dict[int, LedgerEntry]:
    """The last entry of each trial that W&B's server (or, if not ``online``, at least a file) has."""
    return {entry.trial: entry for entry, at_server in _entries(directory) if at_server or not online}


def note_part(directory: Path, name: str, digest: str, *, online: bool) -> None:
    """Add a line: this part of the leaderboard's run, with this digest, is on W&B or in an offline file."""
    _add(directory, {"part": name, "digest": digest, "online": online})


def noted_parts(directory: Path, *, online: bool) -> dict[str, str]:
    """The digests of the parts of the leaderboard's run that W&B's server (or, if not ``online``, a file) has."""
    lines = (line for line in _lines(directory) if "part" in line and (line.get("online") or not online))
    return {str(line["part"]): str(line.get("digest")) for line in lines}


def _add(directory: Path, line: dict[str, Any]) -> None:
    file = directory / LEDGER
    file.parent.mkdir(exist_ok=True)
    with file.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(line) + "\n")


def _entries(directory: Path) -> Iterator[tuple[LedgerEntry, bool]]:
    for line in _lines(directory):
        try:
            read = LedgerLine.model_validate(line)
        except ValidationError:
            continue
        confirmed = ConfirmedScore(**read.confirmed.model_dump()) if read.confirmed else None
        yield LedgerEntry(trial=read.trial, epochs=read.epochs, tags=tuple(read.tags), confirmed=confirmed), read.online


def _lines(directory: Path) -> Iterator[dict[str, Any]]:
    """The lines in order, without one that a crash cut off.

    Raises:
        InputError: the ledger is a folder or a pipe, or may not be read.
    """
    file = directory / LEDGER
    content = content_of(file, most_bytes=MOST_BYTES) if os.path.lexists(file) else b""
    for text in content.splitlines():
        try:
            line = json.loads(text)
        except (ValueError, RecursionError):
            continue
        if isinstance(line, dict):
            yield line
