"""The winner as one file: its closed configuration and provenance. `retrain` needs nothing else."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from optuna.trial import FrozenTrial

from search.formatting import uncapitalised
from search.run.confirmation import trainings
from search.run.directory import BEST
from search.run.history import HISTORY, read_history
from search.run.reader import Run, open_run
from search.run.trials import (
    best_epoch,
    best_value,
    describe_missing_result,
    is_baseline,
    ranked,
    remedy_for_missing_result,
)
from spaces.file.load import load_config
from spaces.file.write import write_yaml
from spaces.problem import InputError, Problem
from spaces.shell import PROGRAM, command_line


def header(file: Path) -> str:
    """Return the comment at the start of a file with a configuration."""
    retrain = command_line("retrain", Path(file.name), program=PROGRAM)
    return f"A trial configuration and where it comes from.\n    {retrain}"


def best_config(run_dir: str | os.PathLike[str] | Run, rank: int = 1) -> dict[str, Any]:
    """Return the closed configuration of a rank of a run's leaderboard, with its `provenance`.

    The provenance: run, run_id, trial, rank, metric, value, baseline_value, epochs (the best epoch: what retraining
    replays; of a confirmed trial the median over its seeds), learning_rates (of epochs 1 to that one),
    data_fingerprint, versions, git_commit, created (UTC); of a confirmed trial also mean, sd, seeds, and
    baseline_mean, baseline_sd.

    Raises:
        InputError: there is no run in ``run_dir``, or no trial of that rank that reported a finite metric.
    """
    run = open_run(run_dir)
    trial = of_rank(run, rank)
    config, _ = load_config(run.directory / "trials" / str(trial.number) / "config.yaml", check_files=False)
    return {**config.model_dump(mode="json"), "provenance": provenance(run, trial, rank=rank)}


def write_best(run_dir: str | os.PathLike[str] | Run, destination: str | os.PathLike[str], rank: int = 1) -> Path:
    """Write `best_config` as YAML, atomically, and return its path.

    Raises:
        InputError: as `best_config`; or the folder of ``destination`` does not exist.
    """
    target = Path(destination)
    config = best_config(run_dir, rank)
    if not target.absolute().parent.is_dir():
        problem = Problem(rule="the folder of the file must exist", given=str(target.parent), remedy="create it first")
        raise InputError([problem], str(target))
    write_yaml(target, config, header=header(target))
    return target


@contextmanager
def as_file(config: Mapping[str, Any]) -> Iterator[Path]:
    """A configuration, such as `best_config` gives, as a file that is there for as long as it is needed."""
    with TemporaryDirectory() as folder:
        write_yaml(Path(folder, BEST), config)
        yield Path(folder, BEST)


def of_rank(run: Run, rank: int) -> FrozenTrial:
    """Return the trial of a rank, counted from 1.

    Raises:
        InputError: no trial has that rank with a finite metric.
    """
    known = [trial for trial in ranked(run) if best_value(run, trial) is not None]
    show = command_line("leaderboard", run.directory)
    if not known:
        rule = f"only a trial that reported a finite {run.metric} can be exported"
        given, remedy = describe_missing_result(run), remedy_for_missing_result(run, run.directory)
        problem = Problem(rule=rule, given=uncapitalised(given), remedy=uncapitalised(remedy))
    elif not 1 <= rank <= len(known):
        rule = f"the rank must be between 1 and {len(known)}, the number of trials that reported a finite {run.metric}"
        problem = Problem(rule=rule, given=str(rank), remedy=f"{show} shows the ranks")
    else:
        return known[rank - 1]
    raise InputError([problem], str(run.directory))


def provenance(run: Run, trial: FrozenTrial, *, rank: int) -> dict[str, Any]:
    """Return the provenance of a configuration, as plain data."""
    baseline = next((each for each in run.trials if is_baseline(each)), None)
    epochs, folder = replayed_training(run, trial)
    return {
        "run": run.name,
        "run_id": run.about.get("id"),
        "trial": trial.number,
        "rank": rank,
        "metric": run.metric,
        "value": best_value(run, trial),
        **_confirmed(run, trial, baseline),
        "baseline_value": None if baseline is None else best_value(run, baseline),
        "epochs": epochs,
        "learning_rates": learning_rates(folder, epochs=epochs or 0),
        "data_fingerprint": run.about.get("data_fingerprint"),
        **({"skipped_images": skipped} if (skipped := run.about.get("skipped_images")) else {}),
        "versions": run.about.get("versions"),
        "git_commit": run.about.get("git_commit"),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def replayed_training(run: Run, trial: FrozenTrial) -> tuple[int | None, Path]:
    """Return how many epochs retraining replays, and the folder of the training that they come from.

    For a confirmed trial this is the training with the median best epoch (the lower of two).
    """
    folder = run.directory / "trials" / str(trial.number)
    score = run.scores.get(trial.number)
    best = {each.seed: each.best_epoch for each in trainings(run.notes) if each.trial == trial.number}
    confirmed = sorted((epoch, seed) for seed in (score.by_seed if score else ()) if (epoch := best[seed]) is not None)
    if not confirmed:
        return best_epoch(run, trial), folder
    epoch, seed = confirmed[(len(confirmed) - 1) // 2]
    return epoch, folder / "confirm" / str(seed)


def _confirmed(run: Run, trial: FrozenTrial, baseline: FrozenTrial | None) -> dict[str, Any]:
    score = run.scores.get(trial.number)
    if score is None or not score.by_seed:
        return {}
    base = None if baseline is None else run.scores.get(baseline.number)
    baseline_scores = {"baseline_mean": base.mean, "baseline_sd": base.sd} if base and len(base.by_seed) > 1 else {}
    sd = {"sd": score.sd} if len(score.by_seed) > 1 else {}
    return {"mean": score.mean, **sd, "seeds": sorted(score.by_seed), **baseline_scores}


def learning_rates(folder: Path, *, epochs: int) -> list[float]:
    """Return the learning rate of each epoch from 1 to ``epochs`` of the training in ``folder``.

    Raises:
        InputError: its history lacks one of them, so it cannot be replayed.
    """
    rows = read_history(folder / HISTORY)
    by_epoch = {int(row["epoch"]): row["learning_rate"] for row in rows if "learning_rate" in row}
    rates = [float(by_epoch.get(epoch, math.nan)) for epoch in range(1, epochs + 1)]
    if any(math.isnan(rate) for rate in rates):
        missing = next(epoch for epoch, rate in enumerate(rates, start=1) if math.isnan(rate))
        rule = f"the history must contain the learning rate of every epoch up to the best one, {epochs}"
        remedy = "restore the file, or export another rank"
        problem = Problem(rule=rule, given=f"no learning rate for epoch {missing}", remedy=remedy)
        raise InputError([problem], str(folder / HISTORY))
    return rates
