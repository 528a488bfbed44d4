"""Open tree → trial configuration, and the corners at which a space is tried before anything starts."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from spaces.config.trial import TrialConfig
from spaces.domains.domain import NO_BASELINE, Branches, Choice, Domain, NoBaseline, Scalar, extremes
from spaces.domains.tree import OpenTree, OpenValue, Suggest, open_items, settle
from spaces.domains.validation import in_the_file, problems_of
from spaces.problem import InputError, Problem

MAX_PRODUCT = 64
"""A space with no more combinations of extremes than this is tried at all of them."""

Pick = Callable[[Domain], Scalar]


def close(tree: OpenTree, suggest: Suggest) -> TrialConfig:
    """The trial configuration in which ``suggest`` answered every open value that exists.

    Asks in file order, only for the values of the branches taken, and for a field that depends on others
    (`Settings.only_when`) only where one of those is neither zero nor absent.

    Raises:
        InputError: the values do not go together.
    """
    values, data = answers(tree, suggest)
    config = validated(data)
    if isinstance(config, TrialConfig):
        return config
    raise InputError([in_the_file(problem, tree, values) for problem in config], "a trial")


def close_values(tree: OpenTree, values: Mapping[str, Scalar]) -> TrialConfig:
    """The trial configuration with the given values, by full name; those of branches not taken are ignored.

    Raises:
        InputError: a value that exists is missing, or the values do not go together.
    """

    def given(name: str, _: Domain) -> Scalar:
        if name not in values:
            rule = f"every open value must be given; {name} is missing"
            raise InputError([Problem(rule=rule, remedy=f"give a value for {name}")], "a trial")
        return values[name]

    return close(tree, given)


def answers(tree: OpenTree, suggest: Suggest) -> tuple[dict[str, Scalar], dict[str, Any]]:
    """What ``suggest`` answered, by full name in the order asked, and the closed data, not validated."""
    values: dict[str, Scalar] = {}

    def asked(name: str, domain: Domain) -> Scalar:
        values[name] = suggest(name, domain)
        return values[name]

    return values, settle(tree, TrialConfig, asked)


def closed_data(tree: OpenTree, values: Mapping[str, Scalar]) -> dict[str, Any]:
    """The closed data, not validated, with the given values; there must be one for every open value that exists."""
    return answers(tree, lambda name, _: values[name])[1]


def validated(data: Mapping[str, Any]) -> TrialConfig | list[Problem]:
    """The configuration, or what is wrong with it, at paths in the closed data."""
    try:
        return TrialConfig.model_validate(data)
    except ValidationError as error:
        return problems_of(error, data, TrialConfig)


def baseline(tree: OpenTree) -> dict[str, Scalar] | None:
    """The baselines by full name, those of the branches taken; None where one of them is not given."""
    values, _ = answers(tree, lambda _, domain: _baseline_or_low(domain))
    domains = {item.name: item.domain for item in open_items(tree)}
    given = all(not isinstance(domains[name].baseline, NoBaseline) for name in values)
    return values if values and given else None


def without_baseline(tree: OpenTree) -> list[OpenValue]:
    """The open values that lack a baseline although others have one, of the branches that the baselines take."""
    items = {item.name: item for item in open_items(tree)}
    if all(item.domain.baseline is NO_BASELINE for item in items.values()):
        return []
    values, _ = answers(tree, lambda _, domain: _baseline_or_low(domain))
    lacking = [items[name] for name in values if items[name].domain.baseline is NO_BASELINE]
    names = {item.name for item in lacking}
    return [item for item in lacking if names.isdisjoint(item.under)]


def corners(tree: OpenTree) -> Iterator[dict[str, Scalar]]:
    """The values at which a space is tried before anything starts, each a mapping from full name to value.

    The baseline; everything low; everything high; each open value at its extremes with the others at the
    baseline, in every branch; and all combinations of extremes where these are at most 64. None comes twice.
    """
    seen: set[tuple[tuple[str, str], ...]] = set()
    for values in itertools.chain(_named_corners(tree), _single_corners(tree), _product(tree)):
        key = tuple((name, repr(value)) for name, value in values.items())
        if key not in seen:
            seen.add(key)
            yield values


def _low(domain: Domain) -> Scalar:
    return extremes(domain)[0]


def _high(domain: Domain) -> Scalar:
    return extremes(domain)[-1]


def _baseline_or_low(domain: Domain) -> Scalar:
    return _low(domain) if isinstance(domain.baseline, NoBaseline) else domain.baseline


def _corner(tree: OpenTree, pick: Pick, forced: Mapping[str, Scalar]) -> dict[str, Scalar]:
    return answers(tree, lambda name, domain: forced[name] if name in forced else pick(domain))[0]


def _named_corners(tree: OpenTree) -> Iterator[dict[str, Scalar]]:
    for pick in (_baseline_or_low, _low, _high):
        yield _corner(tree, pick, {})


def _single_corners(tree: OpenTree) -> Iterator[dict[str, Scalar]]:
    for item in open_items(tree):
        for value in extremes(item.domain):
            forced = {**item.under, item.name: value}
            tried = (_corner(tree, pick, forced) for pick in (_baseline_or_low, _high, _low))
            yield from itertools.islice((values for values in tried if item.name in values), 1)
            if isinstance(item.domain, (Branches, Choice)):
                yield from (_corner(tree, pick, forced) for pick in (_low, _high))


def _product(tree: OpenTree) -> Iterator[dict[str, Scalar]]:
    """All combinations of extremes, or none where there are more than `MAX_PRODUCT`.

    Counts like an odometer: answers as far as the turns say, with the first extreme beyond them, then moves on the
    last answer that has a next one. So values that exist only under some answers need no care.
    """
    found: list[dict[str, Scalar]] = []
    turns: list[int] = []
    while len(found) <= MAX_PRODUCT:
        values, sizes = _turned(tree, turns)
        found.append(values)
        turns = [*turns, *[0] * (len(sizes) - len(turns))]
        while turns and turns[-1] + 1 == sizes[len(turns) - 1]:
            turns.pop()
        if not turns:
            return iter(found)
        turns[-1] += 1
    return iter(())


def _turned(tree: OpenTree, turns: Sequence[int]) -> tuple[dict[str, Scalar], list[int]]:
    """The values at the extremes that ``turns`` number in the order asked, and how many extremes each had."""
    sizes: list[int] = []

    def turned(_: str, domain: Domain) -> Scalar:
        options = extremes(domain)
        turn = turns[len(sizes)] if len(sizes) < len(turns) else 0
        sizes.append(len(options))
        return options[turn]

    return answers(tree, turned)[0], sizes
