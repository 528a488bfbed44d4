"""Everything that can be found wrong with a sweep before it starts."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator

from spaces.config.trial import Data, TrialConfig
from spaces.domains.close import close_values, corners
from spaces.file.sweep import Sweep
from spaces.problem import InputError, Problem
from trainables.data.load import describe
from trainables.dataset import DataInfo
from trainables.preflight import compatibility
from trainables.preflight.compatibility import misfits
from trainables.preflight.dry_build import rehearse
from trainables.sources.part import first_few


def check(sweep: Sweep, *, describe: Callable[[Data], DataInfo] = describe) -> DataInfo:
    """Opens the data and holds the corners of the space against it; returns what the data is.

    Models of a user's own and files of weights are tried, in a process of its own, which takes some seconds.
    ``describe`` stands in for data that are not on this machine.

    Raises:
        InputError: the data cannot be read, a corner of the space does not fit it or cannot be built, or a variable
            that trials are to be given is not set.
    """
    infos: dict[object, DataInfo] = {}
    problems = list(_unset(sweep))
    fitting: list[tuple[TrialConfig, DataInfo]] = []
    for config in closed_corners(sweep):
        if config.data not in infos:
            infos[config.data] = _described(sweep, config, describe)
        found = list(misfits(config, infos[config.data], metric=sweep.search.metric))
        problems += found
        if not found:
            fitting.append((config, infos[config.data]))
    problems += rehearse(fitting, env=sweep.resources.env)
    if problems:
        raise sweep.refusal(_once(problems))
    return next(iter(infos.values()))


def _unset(sweep: Sweep) -> Iterator[Problem]:
    for place, name in enumerate(sweep.resources.env):
        if name not in os.environ:
            rule = "a variable of the environment that trials are given must be set where the sweep is started"
            remedy = f"set it (export {name}=…), or take it out of the list"
            yield Problem(path=("resources", "env", place), rule=rule, given=f"{name}, not set", remedy=remedy)


def _once(problems: Iterable[Problem]) -> list[Problem]:
    """The first of those that break the same rule at the same place."""
    first: dict[tuple[object, str], Problem] = {}
    for problem in problems:
        first.setdefault((problem.path, problem.rule), problem)
    return list(first.values())


def doubts(sweep: Sweep, data: DataInfo) -> list[str]:
    """What will train, but probably not as it was meant: a sentence each."""
    models = dict.fromkeys(doubt for config in closed_corners(sweep) for doubt in compatibility.doubts(config))
    return [*models, *_leaks(data)]


def _leaks(data: DataInfo) -> list[str]:
    if not data.leaks:
        return []
    rule = "the same image stands in two parts, so that what is learned by heart counts as known; "
    return [rule + first_few([str(leak) for leak in data.leaks])]


def _described(sweep: Sweep, config: TrialConfig, describe: Callable[[Data], DataInfo]) -> DataInfo:
    try:
        return describe(config.data)
    except InputError as error:
        raise sweep.refusal(error.problems) from error


def closed_corners(sweep: Sweep) -> Iterator[TrialConfig]:
    """The configurations at which a mistake in the space shows first; the baseline's comes first."""
    for values in corners(sweep.trial):
        yield close_values(sweep.trial, values)
