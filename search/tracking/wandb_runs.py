"""W&B runs, one for each trial and one for the leaderboard: opened, given epochs, finished; and their .wandb files."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import wandb

from search.formatting import ending
from search.run.events import TrialFinished, TrialInfo
from search.run.reader import Run
from search.tracking.client import Mode, run_settings, safe
from search.tracking.ledger import LedgerEntry
from spaces.file.sweep import Wandb
from trainables.features.policy import FEATURES

GAVE_UP = b"filestream: fatal error"
"""What W&B's own log says after a lasting refusal; `finish` then returns as if all were well."""
BOARD = "leaderboard"
"""The name and the job type of the run that shows the leaderboard of a sweep."""


class UploadError(Exception):
    """W&B's server has not taken everything."""


class TrialRun:
    """The open W&B run of a trial.

    Args:
        wandb_run: as W&B opened it.
        epochs: the last epoch that W&B has, or will have when the files of earlier sessions are uploaded.
        earlier: those files.
    """

    def __init__(self, wandb_run: Any, *, epochs: int, earlier: Sequence[Path]) -> None:
        self.wandb_run, self.earlier = wandb_run, earlier
        self.epochs = 0
        """Logged in this session."""
        self._last = epochs
        self._entry: LedgerEntry | None = None

    def update(self, entry: LedgerEntry, rows: Sequence[Mapping[str, float]], end: TrialFinished, metric: str) -> None:
        """Log the epochs that W&B lacks; set the summary and the tags if they changed."""
        for row in rows:
            if row["epoch"] > self._last:
                self._last = int(row["epoch"])
                self.wandb_run.log(logged(row), step=self._last, commit=True)
                self.epochs += 1
        if entry != self._entry:
            self.wandb_run.summary.update(_summary(entry, end, metric))
            self.wandb_run.tags = entry.tags
            self._entry = entry


def wandb_id(run: Run, which: int | str) -> str:
    """The id of the W&B run of a trial, or of the leaderboard: the same in every session."""
    return safe(f"{run.about['id']}-{which}")


def open_trial_run(run: Run, settings: Wandb, trial: TrialInfo, *, mode: Mode, home: Path, patient: bool) -> Any:
    """The W&B run of a trial, new or continued. ``home`` is the folder in which W&B makes its folder `wandb`."""
    return wandb.init(
        id=wandb_id(run, trial.number),
        name=f"{trial.number:04d}",  # sorts as it counts
        job_type="trial",
        tags=["baseline"] if trial.baseline else [],
        config={**config_names(trial.values), "trial": trial.config.model_dump(mode="json")},
        **_in_group(run, settings, mode=mode, home=home, patient=patient),
    )


def open_leaderboard_run(run: Run, settings: Wandb, *, mode: Mode, home: Path, patient: bool) -> Any:
    """The W&B run that shows the leaderboard, new or continued; its config is the sweep."""
    config = {"sweep": dict(run.sweep), "run": dict(run.about)}
    group = _in_group(run, settings, mode=mode, home=home, patient=patient)
    return wandb.init(id=wandb_id(run, BOARD), name=BOARD, job_type=BOARD, config=config, **group)


def _in_group(run: Run, settings: Wandb, *, mode: Mode, home: Path, patient: bool) -> dict[str, Any]:
    return {
        "project": settings.project,
        "entity": settings.entity,
        "group": safe(run.name),
        "dir": str(home),
        "mode": mode,
        "resume": "allow",
        "reinit": "create_new",
        "settings": run_settings(patient=patient),
    }


def config_names(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values under names by which W&B's table can sort and filter: it reads a dot as a level of nesting."""
    names = [name.replace(".", "_") for name in values]
    return dict(zip(names if _differ(names) else values, values.values(), strict=True))


def _differ(names: Sequence[str]) -> bool:
    return len(set(names)) == len(names) and "trial" not in names


def logged(row: Mapping[str, float]) -> dict[str, float]:
    """An epoch as W&B gets it: without the non-metric columns."""
    return {name: value for name, value in row.items() if name != FEATURES}


def _summary(entry: LedgerEntry, end: TrialFinished, metric: str) -> dict[str, Any]:
    known = {"best_epoch": end.best_epoch, f"best_{metric}": end.value, "epochs": end.epochs}
    if entry.confirmed:
        known |= {"mean": entry.confirmed.mean, "sd": entry.confirmed.sd, "seeds": entry.confirmed.seeds}
    state = ending(end.state, end.reason)
    ended = {"seconds": end.seconds, "state": state, "reason": end.reason} if state in entry.tags else {}
    return {key: value for key, value in known.items() if value is not None} | ended


def finish(wandb_run: Any, *, failed: bool = False) -> None:
    """Finish a W&B run and wait until the server has all of it; offline, until the file is complete.

    Raises:
        UploadError: the server has not taken everything in time, or refuses to.
    """
    log = Path(wandb_run.settings.log_internal)
    try:
        wandb_run.finish(exit_code=int(failed))
    except TimeoutError as error:
        raise UploadError("the server did not take everything in time") from error
    if log.exists() and GAVE_UP in log.read_bytes():
        raise UploadError("the server refused a part")


def session_files(directory: Path, wandb_id: str) -> list[Path]:
    """The .wandb files of one W&B run below a run's directory, online or offline: one for each session."""
    return sorted((directory / "wandb").glob(f"*run-*/run-{wandb_id}.wandb"))


def is_uploaded(file: Path) -> bool:
    """Whether W&B's server knows a .wandb file: it was written online, or uploaded since."""
    return file.parent.name.startswith("run-") or file.with_suffix(".wandb.synced").exists()


def settle(directory: Path, wandb_id: str, *, online: bool, earlier: Iterable[Path]) -> None:
    """Mark or remove the files of a finished W&B run that are not needed any more.

    Online, mark them as W&B does itself, so that `wandb sync` skips them. Offline, remove those of ``earlier``
    sessions: the newest has all of their rows. Those that were uploaded stay.
    """
    if online:
        for file in session_files(directory, wandb_id):
            file.with_suffix(".wandb.synced").touch()
        return
    for file in earlier:
        if not is_uploaded(file):
            shutil.rmtree(file.parent)
