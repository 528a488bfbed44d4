"""What earlier runs found out, for the sampler of a new one: `search.warm_start`."""

from __future__ import annotations

import itertools
from collections import ChainMap
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from search.run.reader import Run, open_run
from spaces.config.trial import TrialConfig
from spaces.domains.close import answers, validated
from spaces.domains.domain import Branches, Domain, Scalar, contains
from spaces.domains.tree import entries, joined, value_at
from spaces.file.load import load_config
from spaces.file.sweep import Sweep
from spaces.problem import InputError, Problem

LEARNED = (TrialState.COMPLETE, TrialState.PRUNED)
APART: Any = {"data": True, "training": {"epochs", "seed"}}
"""What may differ between two configurations whose results say something about each other."""


def earlier_trials(sweep: Sweep) -> list[dict[str, Any]]:
    """The trials of `search.warm_start` that this sweep could have proposed, as plain data.

    Each has ``values`` by full name, ``curve`` (the metric by epoch), ``state`` and ``value`` as Optuna means them. A
    trial fits where its whole configuration, data, horizon and seed apart, is one of this sweep's space.

    Raises:
        InputError: there is no such run, it is about another metric, or none of its trials fits.
    """
    return [record for folder in sweep.search.warm_start for record in _fitting(sweep, _found(sweep, folder))]


def _found(sweep: Sweep, folder: str) -> Run:
    path = Path(folder)
    known = next((each for each in (path, path.parent / "runs" / path.name) if (each / "sweep.yaml").is_file()), path)
    try:
        run = open_run(known)
    except InputError as error:
        raise sweep.refusal([_problem(folder, error.problems[0].rule, error.problems[0].remedy)]) from error
    if run.metric != sweep.search.metric:
        rule = f"an earlier run must be about the same metric; this sweep is about {sweep.search.metric}"
        raise sweep.refusal([_problem(f"{folder}, about {run.metric}", rule, "leave it out, or change search.metric")])
    return run


def _fitting(sweep: Sweep, run: Run) -> list[dict[str, Any]]:
    ended = [trial for trial in run.trials if trial.state in LEARNED and trial.intermediate_values]
    records = [record for trial in ended if (record := _record(sweep, run, trial))]
    if not records:
        rule = f"of an earlier run at least one trial must fit the space; of its {len(ended)} that ended none does"
        remedy = "widen the space, take over the values that the earlier sweep had fixed, or leave the run out"
        raise sweep.refusal([_problem(str(run.directory), rule, remedy)])
    return records


def _record(sweep: Sweep, run: Run, trial: FrozenTrial) -> dict[str, Any] | None:
    file = run.directory / "trials" / str(trial.number) / "config.yaml"
    values = fitting_values(sweep, load_config(file, check_files=False)[0])
    if values is None:
        return None
    curve = {str(epoch): value for epoch, value in trial.intermediate_values.items()}
    return {"values": values, "curve": curve, "state": trial.state.name, "value": trial.value}


def fitting_values(sweep: Sweep, config: TrialConfig) -> dict[str, Scalar] | None:
    """The open values, by full name, at which a sweep closes to ``config``, data, horizon and seed apart; else None."""
    wanted = config.model_dump(exclude=APART)
    for candidate in _candidates(sweep.trial, config.model_dump()):
        try:
            values, data = answers(sweep.trial, partial(_given, candidate))
        except KeyError:
            continue
        closed = validated(data)
        if isinstance(closed, TrialConfig) and closed.model_dump(exclude=APART) == wanted:
            return values
    return None


def _given(values: Mapping[str, Scalar], name: str, _: Domain) -> Scalar:
    return values[name]


def _candidates(node: Any, value: Any, name: str = "") -> Iterator[dict[str, Scalar]]:
    """The values with which an open tree may close to ``value``: one way for every combination of branches."""
    if isinstance(node, Branches):
        for label, branch in node.options.items():
            yield from ({name: label, **below} for below in _candidates(branch, value, joined(name, label)))
    elif isinstance(node, Domain):
        yield {name: value} if contains(node, value) else {}
    else:
        ways = (list(_candidates(child, value_at(value, (key,)), joined(name, key))) for key, child in entries(node))
        yield from (dict(ChainMap(*way)) for way in itertools.product(*ways))


def _problem(given: str, rule: str, remedy: str) -> Problem:
    return Problem(path=("search", "warm_start"), rule=rule, given=given, remedy=remedy)
