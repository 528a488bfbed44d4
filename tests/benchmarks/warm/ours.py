"""Our own contestant: a sweep file, `tunehound run`, and the run directory that it leaves."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from search.run.history import read_history
from spaces.file.load import load_config
from spaces.file.write import write_yaml
from warm.job import DENSE_UNITS, Job, label
from warm.process import Spent, spend
from warm.timeline import Epoch, Timeline, timeline

RUN = "run"


def sweep(job: Job) -> dict[str, Any]:
    """The job as a sweep file."""
    model = {name: _written(job.space[name]) for name in ("blocks", "filters", "dropout", "l2") if name in job.space}
    head = {"pooling": "flatten", "units": DENSE_UNITS}
    asha = {"scheduler": "asha", "grace_epochs": 1, "reduction_factor": 3}
    return {
        "trial": {
            "data": {"source": "npz", "path": job.data},
            "model": {"kind": "cnn", "batch_norm": "off", **model, "head": head},
            "optimizer": {"name": "adam", "learning_rate": _written(job.space["learning_rate"])},
            "training": {"epochs": job.epochs, "batch_size": job.batch_size, "seed": 0},
        },
        "search": {"trials": job.trials, "seed": 0, **(asha if job.asha else {"scheduler": "none"})},
        "confirm": "off",
        "resources": "auto",
        "tracking": "off",
    }


def run(job: Job, *, limit_s: float) -> tuple[Spent, _FirstEpoch]:
    """Runs the sweep; keeps an eye on which trial finishes an epoch first, and when."""
    folder = Path(job.folder)
    write_yaml(folder / "sweep.yaml", sweep(job))
    tunehound = str(Path(sys.executable).with_name("tunehound"))
    command = [tunehound, "run", str(folder / "sweep.yaml"), "--runs", str(folder), "--name", RUN]
    first = _FirstEpoch(folder / RUN / "trials")
    return spend(command, folder=folder, limit_s=limit_s, watch=first.look), first


def read(job: Job, spent: Spent, first: _FirstEpoch) -> Timeline:
    """The timeline of a run, from its trials' histories."""
    histories = sorted((Path(job.folder) / RUN / "trials").glob("*/history.csv"))
    epochs = [epoch for history in histories for epoch in _epochs(history)]
    return timeline(
        spent,
        epochs,
        first=next(epoch for epoch in epochs if epoch.trial == first.trial),
        first_ended=first.ended,
        last_ended=max(history.stat().st_mtime for history in histories),
    )


class _FirstEpoch:
    """Sees the first history appear, a few hundredths of a second after its epoch ended."""

    def __init__(self, trials: Path) -> None:
        self._trials = trials
        self.trial, self.ended = "", 0.0

    def look(self) -> None:
        """To be called often; looks no more once it has seen."""
        if self.trial:
            return
        written = {path.stat().st_mtime: path.parent.name for path in self._trials.glob("*/history.csv")}
        if written:
            self.ended = min(written)
            self.trial = written[self.ended]


def _epochs(history: Path) -> list[Epoch]:
    config, _ = load_config(history.parent / "config.yaml")
    return [
        Epoch(
            trial=history.parent.name,
            epoch=int(row["epoch"]),
            ended=None,
            seconds=row["seconds"],
            val_accuracy=row["val_accuracy"],
            architecture=label(config.model.model_dump()),
        )
        for row in read_history(history)
    ]


def _written(domain: Any) -> Any:
    """A domain as in a sweep file; a choice of one is that one."""
    if isinstance(domain, Mapping):
        return {kind: list(bounds) for kind, bounds in domain.items()}
    return domain[0] if len(domain) == 1 else {"choice": list(domain)}
