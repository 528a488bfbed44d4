"""Open tree → trial configuration, and the corners where a space is checked before anything starts."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from spaces.config.trial import TrialConfig
from spaces.domains.domain import NO_BASELINE, Branches, Choice, Domain, NoBaseline, Scalar, extremes
from spaces.domains.tree import OpenTree, OpenValue, Suggest, open_items, resolve
from spaces.domains.validation import locate_in_tree, problems_of
from spaces.problem import InputError, Problem

MAX_PRODUCT = 64
"""A space with at most this many combinations of extremes is checked at all of them."""

Pick = Callable[[Domain], Scalar]


def close(tree: OpenTree, suggest: Suggest) -> TrialConfig:
    """Return the trial configuration with a value from ``suggest`` for every open value that exists.

    Values are suggested in file order, only for the branches taken, and for a field that depends on others
    (`Settings.only_when`) only if one of those is neither zero nor absent.

    Raises:
        InputError: the values are incompatible.
    """
    values, data = answers(tree, suggest)
    config = validated(data)
    if isinstance(config, TrialConfig):
        return config
    raise InputError([locate_in_tree(problem, tree, values) for problem in config], "a trial")


def close_values(tree: OpenTree, values: Mapping[str, Scalar]) -> TrialConfig:
    """Return the trial configuration with these values, by full name; values of branches not taken are ignored.

    Raises:
        InputError: a value is missing, or the values are incompatible.
    """

    def given(name: str, _: Domain) -> Scalar:
        if name not in values:
            rule = f"every open value needs a value; {name} has none"
            raise InputError([Problem(rule=rule, remedy=f"give a value for {name}")], "a trial")
        return values[name]

    return close(tree, given)


def answers(tree: OpenTree, suggest: Suggest) -> tuple[dict[str, Scalar], dict[str, Any]]:
    """Return the suggested values, by full name in the order of suggestion, and the closed data, not validated."""
    values: dict[str, Scalar] = {}

    def asked(name: str, domain: Domain) -> Scalar:
        values[name] = suggest(name, domain)
        return values[name]

    return values, resolve(tree, TrialConfig, asked)


def closed_data(tree: OpenTree, values: Mapping[str, Scalar]) -> dict[str, Any]:
    """Return the closed data, not validated; ``values`` must hold every open value that exists."""
    return answers(tree, lambda name, _: values[name])[1]


def validated(data: Mapping[str, Any]) -> TrialConfig | list[Problem]:
    """Return the configuration, or what is wrong with it, at paths in the closed data."""
    try:
        return TrialConfig.model_validate(data)
    except ValidationError as error:
        return problems_of(error, data, TrialConfig)


def baseline(tree: OpenTree) -> dict[str, Scalar] | None:
    """Return the baselines of the branches taken, by full name; None if one is not given."""
    values, _ = answers(tree, lambda _, domain: _baseline_or_low(domain))
    domains = {item.name: item.domain for item in open_items(tree)}
    given = all(not isinstance(domains[name].baseline, NoBaseline) for name in values)
    return values if values and given else None


def without_baseline(tree: OpenTree) -> list[OpenValue]:
    """Return the open values without a baseline although others have one, in the branches that the baselines take."""
    items = {item.name: item for item in open_items(tree)}
    if all(item.domain.baseline is NO_BASELINE for item in items.values()):
        return []
    values, _ = answers(tree, lambda _, domain: _baseline_or_low(domain))
    lacking = [items[name] for name in values if items[name].domain.baseline is NO_BASELINE]
    names = {item.name for item in lacking}
    return [item for item in lacking if names.isdisjoint(item.under)]


def corners(tree: OpenTree) -> Iterator[dict[str, Scalar]]:
    """Yield the points where a space is checked before anything starts, each a mapping from full name to value.

    The baseline; everything low; everything high; each open value at its extremes with the others at the
    baseline, in every branch; and all combinations of extremes if there are at most 64. No point is repeated.
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
    """Yield all combinations of extremes, or none if there are more than `MAX_PRODUCT`.

    Counts like an odometer: ``turns`` numbers the extremes of the first values, the others are at their first extreme,
    and the last value that has a next extreme is advanced. So values that exist only in some branches need no special
    treatment.
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
    """Return the values at the extremes that ``turns`` numbers, and how many extremes each value has."""
    sizes: list[int] = []

    def turned(_: str, domain: Domain) -> Scalar:
        options = extremes(domain)
        turn = turns[len(sizes)] if len(sizes) < len(turns) else 0
        sizes.append(len(options))
        return options[turn]

    return answers(tree, turned)[0], sizes
