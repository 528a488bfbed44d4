"""A winner as one file: its closed configuration and where it comes from. `retrain` needs nothing else."""

from __future__ import annotations

import math
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from optuna.trial import FrozenTrial

from search.opened import Run, best_epoch, best_value, history, is_baseline, open_run, ranked
from spaces.load import load_config
from spaces.problem import InputError, Problem
from spaces.write import write_yaml

HEADER = """A trial configuration and where it comes from.
    tunehound retrain {name}"""


def best_config(run_dir: str | os.PathLike[str], rank: int = 1) -> dict[str, Any]:
    """The closed configuration of a rank of the leaderboard, with `provenance` beside its sections.

    The provenance: run, run_id, trial, rank, metric, value, baseline_value, epochs (the best epoch: what retraining
    replays), learning_rates (of epochs 1 to that one), data_fingerprint, versions, git_commit, created (UTC).

    Raises:
        InputError: there is no run in ``run_dir``, or no trial of that rank that reported a finite metric.
    """
    run = open_run(run_dir)
    trial = of_rank(run, rank)
    config, _ = load_config(run.directory / "trials" / str(trial.number) / "config.yaml", check_files=False)
    return {**config.model_dump(mode="json"), "provenance": provenance(run, trial, rank=rank)}


def write_best(run_dir: str | os.PathLike[str], destination: str | os.PathLike[str], rank: int = 1) -> Path:
    """Writes `best_config` as YAML, whole or not at all, and returns where.

    Raises:
        InputError: as `best_config`; or the folder of ``destination`` does not exist.
    """
    target = Path(destination)
    config = best_config(run_dir, rank)
    if not target.absolute().parent.is_dir():
        problem = Problem(rule="the folder of the file must exist", given=str(target.parent), remedy="create it first")
        raise InputError([problem], str(target))
    write_yaml(target, config, header=HEADER.format(name=target.name))
    return target


def of_rank(run: Run, rank: int) -> FrozenTrial:
    """The trial of a rank, counted from 1.

    Raises:
        InputError: no trial has that rank with a finite metric.
    """
    known = [trial for trial in ranked(run) if best_value(run, trial) is not None]
    if not known:
        rule = f"only a trial that reported a finite {run.metric} can be exported; this run has none"
        problem = Problem(rule=rule, remedy=f"let the sweep go on: tunehound resume {run.directory}")
    elif not 1 <= rank <= len(known):
        rule = f"the rank must lie in 1…{len(known)}, the trials that reported a finite {run.metric}"
        problem = Problem(rule=rule, given=str(rank), remedy=f"tunehound leaderboard {run.directory} shows the ranks")
    else:
        return known[rank - 1]
    raise InputError([problem], str(run.directory))


def provenance(run: Run, trial: FrozenTrial, *, rank: int) -> dict[str, Any]:
    """Where a configuration comes from, as plain data."""
    baseline = next((each for each in run.trials if is_baseline(each)), None)
    epochs = best_epoch(run, trial)
    return {
        "run": run.name,
        "run_id": run.about.get("id"),
        "trial": trial.number,
        "rank": rank,
        "metric": run.metric,
        "value": best_value(run, trial),
        "baseline_value": None if baseline is None else best_value(run, baseline),
        "epochs": epochs,
        "learning_rates": learning_rates(run.directory, trial.number, epochs=epochs or 0),
        "data_fingerprint": run.about.get("data_fingerprint"),
        "versions": run.about.get("versions"),
        "git_commit": run.about.get("git_commit"),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def learning_rates(directory: Path, number: int, *, epochs: int) -> list[float]:
    """The learning rate of each epoch from 1 to ``epochs``, as the trial trained.

    Raises:
        InputError: its history lacks one of them, so nothing could be replayed.
    """
    rows = history(directory, number)
    by_epoch = dict(zip(rows["epoch"], rows["learning_rate"], strict=True)) if "learning_rate" in rows else {}
    rates = [float(by_epoch.get(epoch, math.nan)) for epoch in range(1, epochs + 1)]
    if any(math.isnan(rate) for rate in rates):
        lacking = next(epoch for epoch, rate in enumerate(rates, start=1) if math.isnan(rate))
        rule = f"its history must tell the learning rate of every epoch up to its best, {epochs}"
        remedy = "restore the file, or export another rank"
        problem = Problem(rule=rule, given=f"nothing for epoch {lacking}", remedy=remedy)
        raise InputError([problem], str(directory / "trials" / str(number) / "history.csv"))
    return rates
