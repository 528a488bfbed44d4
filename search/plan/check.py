"""All checks of a sweep before it starts."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from spaces.config.fields import Place
from spaces.config.trial import Data, TrialConfig
from spaces.domains.close import close_values, corners
from spaces.domains.tree import edited
from spaces.file.sweep import Sweep
from spaces.problem import InputError, Path, Problem
from trainables.data.build import settled
from trainables.data.load import describe, notes_about
from trainables.data.unreadable import skipped_warning
from trainables.dataset import DataInfo
from trainables.preflight import compatibility
from trainables.preflight.compatibility import incompatibilities
from trainables.preflight.dry_build import dry_build
from trainables.sources.part import first_few

BY_BYTES = (
    "the decoded images have no room in the data cache, so they are decoded again in every epoch, copies are told by "
    "the bytes of their files instead of their pixels, and near-copies are not looked for"
)


def check(sweep: Sweep, *, describe: Callable[[Data], DataInfo] = describe) -> DataInfo:
    """Open the data and check the corners of the space against it; return what the data is.

    Custom models and files of weights are built in a separate process, which takes some seconds.
    ``describe`` stands in for data that is not on this machine.

    Raises:
        InputError: the data cannot be read, a corner of the space does not fit it or cannot be built, or an environment
            variable that the trials need is not set.
    """
    infos: dict[object, DataInfo] = {}
    problems = list(_unset(sweep))
    fitting: list[tuple[TrialConfig, DataInfo]] = []
    for config in closed_corners(sweep):
        if config.data not in infos:
            infos[config.data] = _described(sweep, config, describe)
        found = list(incompatibilities(config, infos[config.data], metric=sweep.search.metric))
        problems += found
        if not found:
            fitting.append((config, infos[config.data]))
    problems += dry_build(fitting, env=sweep.resources.env)
    if problems:
        raise sweep.as_error(_once(problems))
    return next(iter(infos.values()))


def _unset(sweep: Sweep) -> Iterator[Problem]:
    for place, name in enumerate(sweep.resources.env):
        if name not in os.environ:
            rule = "every environment variable that is passed to the trials must be set where the sweep is started"
            remedy = f"set it (export {name}=…) or remove it from the list"
            yield Problem(path=("resources", "env", place), rule=rule, given=f"{name}, which is not set", remedy=remedy)


def _once(problems: Iterable[Problem]) -> list[Problem]:
    """Keep the first of the problems that break the same rule at the same place."""
    first: dict[tuple[object, str], Problem] = {}
    for problem in problems:
        first.setdefault((problem.path, problem.rule), problem)
    return list(first.values())


def warnings_about(sweep: Sweep, data: DataInfo) -> list[str]:
    """Return warnings about what will train, but probably not as intended, one sentence each."""
    configs = list(closed_corners(sweep))
    models = dict.fromkeys(each for config in configs for each in compatibility.config_warnings(config))
    sources = {config.data: None for config in configs}
    return [*models, *(note for each in sources for note in notes_about(each)), *data_warnings(data)]


def data_warnings(data: DataInfo) -> list[str]:
    """Return what about the images will make scores misleading, one sentence each."""
    copied = "the same image is in two parts of the data, so memorised images inflate the scores: "
    alike = (
        "an image in one part of the data looks almost like one in another (resized or compressed again?), which may "
        "inflate the scores (data.near_copies: off silences this): "
    )
    labels = "the same image stands under two labels; correct one or remove both: "
    found = ((copied, data.leaks), (alike, data.near_copies or ()), (labels, data.two_labels))
    sentences = [rule + first_few([str(leak) for leak in leaks]) for rule, leaks in found if leaks]
    skipped = [skipped_warning(data.skipped)] if data.skipped else []
    return [*sentences, *([BY_BYTES] if data.streamed else []), *skipped]


def with_settled_copies(sweep: Sweep) -> Sweep:
    """Return the sweep with ``data.copies: auto`` replaced by what this machine does, so that all others do the same.

    If a set that is streamed compares bytes, all of a sweep with several sets do.
    """
    every = {config.data for config in closed_corners(sweep) if config.data.copies == "auto"}
    copies = "bytes" if any(settled(data).copies == "bytes" for data in every) else "pixels"

    def change(leaf: Any, _: Place, path: Path) -> Any:
        return copies if path[:1] == ("data",) and path[-1] == "copies" and leaf == "auto" else leaf

    return replace(sweep, trial=edited(sweep.trial, TrialConfig, change)) if every else sweep


def _described(sweep: Sweep, config: TrialConfig, describe: Callable[[Data], DataInfo]) -> DataInfo:
    try:
        return describe(config.data)
    except InputError as error:
        raise sweep.as_error(error.problems) from error


def closed_corners(sweep: Sweep) -> Iterator[TrialConfig]:
    """Yield the extreme configurations of the space, at which mistakes show first; the baseline first."""
    for values in corners(sweep.trial):
        yield close_values(sweep.trial, values)
