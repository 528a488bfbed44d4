"""Builds run directories as a sweep leaves them: a real journal, closed configurations, histories. Trains nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState, create_trial

from search.run.events import RunInfo
from search.run.history import write_history
from spaces.config.metric import direction_of
from spaces.config.trial import TrialConfig
from spaces.file.write import write_yaml

DISTRIBUTIONS: dict[str, BaseDistribution] = {
    "model.filters": IntDistribution(8, 32, step=8),
    "model.dropout": FloatDistribution(0.0, 0.6),
    "model.l2": CategoricalDistribution(("off", "on")),
    "model.l2.on": FloatDistribution(1e-6, 1e-2, log=True),
    "optimizer.learning_rate": FloatDistribution(1e-4, 1e-2, log=True),
}
OPEN = {
    "filters": {"int": [8, 32], "step": 8, "baseline": 16},
    "dropout": {"uniform": [0.0, 0.6], "baseline": 0.3},
    "l2": {"choice": {"off": 0.0, "on": {"log": [1e-6, 1e-2]}}, "baseline": "off"},
}
LEARNING_RATE = {"log": [1e-4, 1e-2], "baseline": 1e-3}
PARAMS = {"model.filters": 16, "model.dropout": 0.3, "model.l2": "off", "optimizer.learning_rate": 1e-3}


@dataclass(frozen=True, kw_only=True)
class Told:
    """A trial as the journal tells it: its curve, how it ended, and what it was."""

    curve: Sequence[float]
    state: TrialState = TrialState.COMPLETE
    reason: str = "finished"
    baseline: bool = False
    params: Mapping[str, Any] = field(default_factory=dict)


SMALL = (
    Told(curve=[0.70, 0.85, 0.90], baseline=True),
    Told(curve=[0.80, 0.95, 0.94], reason="patience", params={"model.filters": 32}),
    Told(curve=[0.50], state=TrialState.PRUNED, reason="asha", params={"model.dropout": 0.6}),
    Told(curve=[0.97, math.nan], state=TrialState.PRUNED, reason="diverged", params={"optimizer.learning_rate": 0.01}),
    Told(curve=[], state=TrialState.FAIL, reason="error"),
    Told(curve=[0.60, 0.65], state=TrialState.RUNNING, reason="", params={"model.l2": "on", "model.l2.on": 1e-4}),
)
"""One trial of every kind; number 1 leads."""


def run_info(directory: Path, *, name: str = "digits-1", trials: int = 6, metric: str = "val_accuracy") -> RunInfo:
    """The run that `make_run` builds."""
    direction = direction_of(metric)
    return RunInfo(
        id="ab12cd34", name=name, directory=directory, metric=metric, direction=direction, trials=trials, epochs=3
    )


def make_run(
    directory: Path, trials: Sequence[Told] = SMALL, *, metric: str = "val_accuracy", name: str = "digits-1"
) -> Path:
    """A run directory with these trials in it, numbered from 0."""
    directory.mkdir(parents=True, exist_ok=True)
    write_yaml(directory / "sweep.yaml", sweep_mapping(metric) | {"run": about(name)})
    storage = JournalStorage(JournalFileBackend(str(directory / "study.journal")))
    study = optuna.create_study(storage=storage, study_name=name, direction=direction_of(metric))
    for number, told in enumerate(trials):
        add_trial(study, directory, number=number, told=told, metric=metric)
    return directory


def add_trial(study: optuna.Study, directory: Path, *, number: int, told: Told, metric: str) -> None:
    """One trial: into the journal and into its folder."""
    params = {**PARAMS, **told.params}
    finite = {epoch: value for epoch, value in enumerate(told.curve, start=1) if math.isfinite(value)}
    best = (min if metric == "val_loss" else max)(finite, key=finite.__getitem__, default=None)
    ended: dict[str, Any] = {"reason": told.reason, "best_epoch": best, "epochs": len(told.curve), "seconds": 12.5}
    attributes = {"baseline": told.baseline} | (ended if told.state != TrialState.RUNNING else {})
    study.add_trial(
        create_trial(
            state=told.state,
            value=finite[best] if told.state == TrialState.COMPLETE and best else None,
            params=params,
            distributions={key: DISTRIBUTIONS[key] for key in params},
            user_attrs=attributes,
            intermediate_values=dict(enumerate(told.curve, start=1)),
        )
    )
    folder = directory / "trials" / str(number)
    folder.mkdir(parents=True)
    write_yaml(folder / "config.yaml", config(params).model_dump(mode="json"))
    if told.curve:
        write_history(folder / "history.csv", [row(epoch, value, metric) for epoch, value in enumerate(told.curve, 1)])


def confirm(
    directory: Path,
    scores: Mapping[int, Sequence[float | None]],
    *,
    best_epochs: Mapping[int, Sequence[int]] | None = None,
    overlap: float = 0.25,
) -> Path:
    """Adds a confirmation to a built run: scores by trial for seeds 1, 2, …; None where a training diverged."""
    [study] = JournalStorage(JournalFileBackend(str(directory / "study.journal"))).get_all_studies()
    storage = JournalStorage(JournalFileBackend(str(directory / "study.journal")))
    opened = optuna.load_study(study_name=study.study_name, storage=storage)
    seeds = list(range(1, max(map(len, scores.values())) + 1))
    trials = sorted(scores, key=lambda trial: (trial == 0, trial))
    opened.set_user_attr("confirming", {"trials": trials, "seeds": seeds, "overlap": overlap})
    for trial, values in scores.items():
        for seed, value in enumerate(values, start=1):
            epoch = best_epochs[trial][seed - 1] if best_epochs and trial in best_epochs else 1
            reason = "finished" if value is not None else "diverged"
            told = {"value": value, "best_epoch": epoch, "epochs": 3, "seconds": 9.5, "reason": reason, "told": ""}
            opened.set_user_attr(f"confirm:{trial}:{seed}", told)
            folder = directory / "trials" / str(trial) / "confirm" / str(seed)
            folder.mkdir(parents=True)
            write_history(folder / "history.csv", [row(epoch, value or 0.1) for epoch in (1, 2, 3)])
    return directory


def row(epoch: int, value: float, metric: str = "val_accuracy") -> dict[str, float]:
    """One epoch as a trial reports it."""
    other = {"loss": 1 / epoch, "accuracy": 0.5, "val_loss": 1 / epoch, "val_accuracy": 0.5}
    return {"epoch": epoch, **other, metric: value, "learning_rate": 1e-3 / epoch, "seconds": 4.0}


def config(params: Mapping[str, Any] = PARAMS) -> TrialConfig:
    """The closed configuration of these values."""
    l2 = params.get("model.l2.on", 0.0)
    model = {"kind": "cnn", "blocks": 1, "l2": l2} | {key: params[f"model.{key}"] for key in ("filters", "dropout")}
    optimizer = {"learning_rate": params["optimizer.learning_rate"]}
    sections = {"data": {"source": "digits"}, "model": model, "optimizer": optimizer, "training": {"epochs": 3}}
    return TrialConfig.model_validate(sections)


def sweep_mapping(metric: str = "val_accuracy") -> dict[str, Any]:
    """The sweep file of these runs."""
    return {
        "trial": {
            "data": {"source": "digits"},
            "model": {"kind": "cnn", "blocks": 1, **OPEN},
            "optimizer": {"learning_rate": LEARNING_RATE},
            "training": {"epochs": 3},
        },
        "search": {"metric": metric, "trials": 6},
    }


def about(name: str) -> dict[str, Any]:
    """The `run` section of their sweep.yaml."""
    return {
        "id": "ab12cd34",
        "name": name,
        "created": "2026-01-02T03:04:05+00:00",
        "versions": {"python": "3.11.7", "keras": "3.15.1"},
        "git_commit": "0123abc",
        "data_fingerprint": "f" * 16,
        "class_names": [str(digit) for digit in range(10)],
    }
