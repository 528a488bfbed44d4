"""One trial's W&B run: opened, told of the trial, finished."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import wandb

from search.record import RunInfo, TrialEnd, TrialInfo
from search.tracking.client import Mode, quiet, safe
from search.wording import ending
from spaces.sweep import Wandb

GAVE_UP = b"filestream: fatal error"
"""What W&B's own log says once it was refused for good; `finish` then returns as if all were well."""


class NotTakenError(Exception):
    """W&B's server has not taken everything."""


def wandb_id(run: RunInfo, number: int) -> str:
    """The id of a trial's W&B run: the same in every session."""
    return safe(f"{run.id}-{number}")


def opened(run: RunInfo, settings: Wandb, trial: TrialInfo, *, mode: Mode, home: Path, patient: bool = False) -> Any:
    """The W&B run of a trial, new or continued. ``home`` is the folder in which W&B makes its folder `wandb`."""
    return wandb.init(
        project=settings.project,
        entity=settings.entity,
        group=safe(run.name),
        id=wandb_id(run, trial.number),
        name=str(trial.number),
        tags=["baseline"] if trial.baseline else [],
        config={**trial.values, "trial": trial.config.model_dump(mode="json")},
        dir=str(home),
        mode=mode,
        resume="allow",
        reinit="create_new",
        settings=quiet(patient=patient),
    )


def known_epochs(wandb_run: Any) -> int:
    """How many epochs the server has of a W&B run that was opened online."""
    return max(int(wandb_run.starting_step) - 1, 0)


def summarise(wandb_run: Any, end: TrialEnd, metric: str) -> None:
    """Writes what came of the trial."""
    summary = {"best_epoch": end.best_epoch, f"best_{metric}": end.value, "epochs": end.epochs}
    told = {"seconds": end.seconds, "state": ending(end.state, end.reason), "reason": end.reason}
    wandb_run.summary.update({key: value for key, value in summary.items() if value is not None} | told)


def finish(wandb_run: Any, *, failed: bool) -> None:
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
