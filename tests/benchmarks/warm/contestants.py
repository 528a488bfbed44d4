"""Who takes part: name → how to run it on a job."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from warm import ours, timeline
from warm.job import Job
from warm.process import Spent, spend
from warm.timeline import Timeline

OURS = "ours"
MODULES = {
    "ray": "warm.ray_tune",
    "ray-reuse": "warm.ray_tune",
    "optuna": "warm.optuna_loop",
    "keras-tuner": "warm.keras_tuner_search",
}
"""The others, in the order in which they run."""
ASHA = (OURS, "ray", "ray-reuse")
"""Those that stop trials early."""
TITLES = {
    OURS: "Tunehound",
    "ray": "Ray Tune",
    "ray-reuse": "Ray Tune, reuse_actors",
    "optuna": "Optuna + Keras, one process",
    "keras-tuner": "KerasTuner, one process",
}


@dataclass(frozen=True)
class Failure:
    """A contestant that did not come to an end, in words."""

    told: str


def contest(name: str, job: Job, *, limit_s: float) -> Timeline | Failure:
    """Runs one contestant in a folder of its own below the job's."""
    job = replace(job, folder=_folder(job, name), reuse_actors=name == "ray-reuse")
    if name == OURS:
        spent, first = ours.run(job, limit_s=limit_s)
        found = _failure(spent, job) or ours.read(job, spent, first)
    else:
        spent = _program(MODULES[name], job, limit_s=limit_s)
        found = _failure(spent, job) or timeline.logged(spent, job.log)
    if isinstance(found, Timeline) and not job.asha and found.epochs != job.trials * job.epochs:
        return Failure(f"{name} trained {found.epochs} epochs instead of {job.trials * job.epochs}:\n{_output(job)}")
    return found


def ideal(job: Job, *, name: str, limit_s: float) -> dict[str, Any]:
    """Seconds of a warm epoch: ``warm`` by architecture, ``ways`` by way and architecture."""
    job = replace(job, folder=_folder(job, name))
    out = Path(job.folder) / "ideal.json"
    _must(_program("warm.ideal", job, str(out), limit_s=limit_s), job)
    found: dict[str, Any] = json.loads(out.read_text())
    return found


def same_networks(job: Job, *, limit_s: float) -> None:
    """Refuses to compare networks that are not the same."""
    job = replace(job, folder=_folder(job, "same-networks"))
    _must(_program("warm.same_networks", job, limit_s=limit_s), job)


def _program(module: str, job: Job, *arguments: str, limit_s: float) -> Spent:
    command = [sys.executable, "-m", module, str(job.write()), *arguments]
    return spend(command, folder=Path(job.folder), limit_s=limit_s)


def _folder(job: Job, name: str) -> str:
    folder = Path(job.folder) / name
    folder.mkdir(parents=True)
    return str(folder)


def _must(spent: Spent, job: Job) -> None:
    if failure := _failure(spent, job):
        raise SystemExit(failure.told)


def _failure(spent: Spent, job: Job) -> Failure | None:
    if spent.exit_code == 0:
        return None
    seconds = spent.ended - spent.started
    how = f"was ended after {seconds:.0f} s" if spent.exit_code is None else f"ended with code {spent.exit_code}"
    return Failure(f"{Path(job.folder).name} {how}:\n{_output(job)}")


def _output(job: Job) -> str:
    """The last of what a contestant said."""
    return (Path(job.folder) / "output.txt").read_text(errors="replace")[-3000:]
