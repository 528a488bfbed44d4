"""W&B runs: a trial's is opened, told of the trial, finished; the leaderboard's likewise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import wandb

from search.formatting import ending
from search.run.events import RunInfo, TrialEnd, TrialInfo
from search.tracking.client import Mode, quiet, safe
from search.tracking.fragments import uploaded
from search.tracking.ledger import Confirmed, Entry, tags_of
from spaces.file.sweep import Wandb
from trainables.features.policy import FEATURES

GAVE_UP = b"filestream: fatal error"
"""What W&B's own log says once it was refused for good; `finish` then returns as if all were well."""
BOARD = "leaderboard"
"""The name and the kind of the run that shows the leaderboard of a sweep."""


class NotTakenError(Exception):
    """W&B's server has not taken everything."""


@dataclass(kw_only=True)
class Shown:
    """A trial whose W&B run is open."""

    wandb_run: Any
    baseline: bool
    epochs: int
    """The last one logged."""
    confirmed: Confirmed | None = None
    end: TrialEnd | None = None

    def entry(self, number: int, *, best: bool) -> Entry:
        """How the trial stands on W&B."""
        tags = tags_of(self.end, baseline=self.baseline, best=best, confirmed=self.confirmed)
        return Entry(trial=number, epochs=self.epochs, tags=tags, confirmed=self.confirmed)


def wandb_id(run: RunInfo, which: int | str) -> str:
    """The id of the W&B run of a trial, or of the leaderboard: the same in every session."""
    return safe(f"{run.id}-{which}")


def opened(run: RunInfo, settings: Wandb, trial: TrialInfo, *, mode: Mode, home: Path, patient: bool = False) -> Any:
    """The W&B run of a trial, new or continued. ``home`` is the folder in which W&B makes its folder `wandb`."""
    return wandb.init(
        id=wandb_id(run, trial.number),
        name=f"{trial.number:04d}",  # sorts as it counts
        job_type="trial",
        tags=["baseline"] if trial.baseline else [],
        config={**for_the_grid(trial.values), "trial": trial.config.model_dump(mode="json")},
        **_in_its_group(run, settings, mode=mode, home=home, patient=patient),
    )


def opened_board(
    run: RunInfo, settings: Wandb, config: Mapping[str, Any], *, mode: Mode, home: Path, patient: bool
) -> Any:
    """The W&B run that shows the leaderboard, new or continued; ``config`` is the sweep."""
    where = _in_its_group(run, settings, mode=mode, home=home, patient=patient)
    return wandb.init(id=wandb_id(run, BOARD), name=BOARD, job_type=BOARD, config=dict(config), **where)


def _in_its_group(run: RunInfo, settings: Wandb, *, mode: Mode, home: Path, patient: bool) -> dict[str, Any]:
    return {
        "project": settings.project,
        "entity": settings.entity,
        "group": safe(run.name),
        "dir": str(home),
        "mode": mode,
        "resume": "allow",
        "reinit": "create_new",
        "settings": quiet(patient=patient),
    }


def for_the_grid(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values under names that W&B's grid can sort and filter by: it takes a dot for a level of nesting."""
    names = [name.replace(".", "_") for name in values]
    return dict(zip(names if _differ(names) else values, values.values(), strict=True))


def _differ(names: Iterable[str]) -> bool:
    listed = list(names)
    return len(set(listed)) == len(listed) and "trial" not in listed


def logged(row: Mapping[str, float]) -> dict[str, float]:
    """An epoch as W&B is told of it: without what is no measurement."""
    return {name: value for name, value in row.items() if name != FEATURES}


def epochs_there(wandb_run: Any, rows: Sequence[Mapping[str, float]], earlier: Iterable[Path]) -> int:
    """The last epoch that W&B has of a trial, or will have once the files of ``earlier`` sessions are uploaded."""
    if not wandb_run.offline:
        return max(int(wandb_run.starting_step) - 1, 0)
    return int(rows[-1]["epoch"]) if rows and any(map(uploaded, earlier)) else 0


def summarise(wandb_run: Any, end: TrialEnd, metric: str, confirmed: Confirmed | None = None) -> None:
    """Writes what came of the trial; ``confirmed``: and of its trainings from other seeds."""
    summary = {"best_epoch": end.best_epoch, f"best_{metric}": end.value, "epochs": end.epochs}
    if confirmed:
        summary |= {"mean": confirmed.mean, "sd": confirmed.sd, "seeds": confirmed.seeds}
    told = {"seconds": end.seconds, "state": ending(end.state, end.reason), "reason": end.reason}
    wandb_run.summary.update({key: value for key, value in summary.items() if value is not None} | told)


def finish(wandb_run: Any, *, failed: bool = False) -> None:
    """Finishes a W&B run and waits until the server has all of it; offline, until the file is whole.

    Raises:
        NotTakenError: the server has not taken everything in time, or refuses to.
    """
    log = Path(wandb_run.settings.log_internal)
    try:
        wandb_run.finish(exit_code=int(failed))
    except TimeoutError as error:
        raise NotTakenError("the server did not take everything in time") from error
    if log.exists() and GAVE_UP in log.read_bytes():
        raise NotTakenError("the server refused a part")
