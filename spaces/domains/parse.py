"""Plain data → open tree: find the domains and check each on its own."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from spaces.config.fields import known_names
from spaces.config.trial import TrialConfig
from spaces.domains.bounds import EXAMPLES, parse_int, parse_log, parse_uniform
from spaces.domains.domain import DOMAIN_KEYS, Branches, Choice, Domain, Log, NoBaseline, Uniform, contains, describe
from spaces.domains.tree import OpenTree
from spaces.problem import InvalidValueError, Path, Problem, did_you_mean, nearest, reject

OPTIONS = {
    "uniform": ("step", "baseline"),
    "log": ("baseline",),
    "int": ("step", "log", "baseline"),
    "choice": ("baseline",),
}
"""The further keys that each kind of domain may have."""


MOST_OPTIONS = 1_000
"""Every option is checked, as one corner of the space."""


class InvalidDomain:
    """The type of `INVALID`, which replaces a domain that could not be parsed."""

    def __repr__(self) -> str:
        return "invalid"


INVALID = InvalidDomain()


def is_domain(raw: Any) -> bool:
    """Whether plain data is meant as a domain: a mapping with a key such as `uniform`."""
    return isinstance(raw, Mapping) and not DOMAIN_KEYS.isdisjoint(raw)


def parse_tree(raw: Any, path: Path) -> tuple[Any, list[Problem]]:
    """Parse plain data into an open tree, with `INVALID` in place of every domain that breaks a rule.

    ``path`` is the position of the data in the file.
    """
    problems: list[Problem] = []
    return _parse(raw, path, problems), problems


def parse_trial(raw: Mapping[str, Any], path: Path) -> tuple[OpenTree, list[Problem]]:
    """Parse the open tree of a trial, whose horizon (`training.epochs`) is never open."""
    tree, problems = parse_tree(raw, path)
    for horizon in ((), ("training",), ("training", "epochs")):
        tree = _closed_at(tree, horizon, path=path, problems=problems)
    return (dict.fromkeys(TrialConfig.model_fields, INVALID) if tree is INVALID else tree), problems


def _closed_at(tree: Any, below: Path, *, path: Path, problems: list[Problem]) -> Any:
    """Return the tree with `INVALID` in place of a domain that would leave the horizon open."""
    if below and isinstance(tree, Mapping) and below[0] in tree:
        key = str(below[0])
        return {**tree, key: _closed_at(tree[key], below[1:], path=(*path, key), problems=problems)}
    if below or not isinstance(tree, Domain):
        return tree
    rule = "training.epochs, the horizon, must be one number for all trials, not a domain"
    remedy = "give one number of epochs; leave the other values of the section open one by one"
    problems.append(Problem(path=path, rule=rule, given=describe(tree), remedy=remedy))
    return INVALID


def _parse(raw: Any, path: Path, problems: list[Problem]) -> Any:
    if isinstance(raw, tuple):
        return tuple(_parse(entry, (*path, i), problems) for i, entry in enumerate(raw))
    if not isinstance(raw, Mapping):
        return raw
    try:
        _check_spelling(raw, path)
        if is_domain(raw):
            return _parse_domain(raw, path, problems)
    except InvalidValueError as refused:
        problems.append(refused.problem)
        return INVALID
    return {key: _parse(entry, (*path, key), problems) for key, entry in raw.items()}


def _check_spelling(raw: Mapping[str, Any], path: Path) -> None:
    """Reject a mapping that is a domain with a misspelt key, or without its key."""
    if is_domain(raw) or not raw:
        return
    others = [key for key in raw if key not in ("step", "baseline")]
    meant = nearest(others[0], DOMAIN_KEYS) if len(others) == 1 else None
    if meant and others[0] not in known_names(TrialConfig) and isinstance(raw[others[0]], (tuple, Mapping)):
        reject((*path, others[0]), f"{others[0]} is not a domain", given=raw, remedy=f"did you mean {meant}?")
    if not others:
        remedy = f"write it like {EXAMPLES['uniform']}"
        reject(path, "a domain needs one of the keys uniform, log, int and choice", given=raw, remedy=remedy)


def _parse_domain(raw: Mapping[str, Any], path: Path, problems: list[Problem]) -> Domain:
    key = _domain_key(raw, path)
    for other in raw:
        if other != key and other not in OPTIONS[key]:
            known = [key, *OPTIONS[key]]
            reject((*path, other), f"{key} takes no {other}", given=raw[other], remedy=did_you_mean(other, known))
    domain: Domain
    if key == "choice":
        domain = _choice(raw[key], (*path, key), problems)
    elif key == "int":
        domain = parse_int(raw, path)
    else:
        domain = parse_uniform(raw, path) if key == "uniform" else parse_log(raw, path)
    return replace(domain, baseline=_baseline(domain, raw["baseline"], path)) if "baseline" in raw else domain


def _domain_key(raw: Mapping[str, Any], path: Path) -> str:
    keys = [key for key in raw if key in DOMAIN_KEYS]
    if "int" in keys and not isinstance(raw.get("log", ()), (tuple, Mapping)):
        keys.remove("log")
    if len(keys) > 1:
        reject(path, "a mapping can hold only one domain", given=raw, remedy=f"keep either {' or '.join(keys)}")
    return keys[0]


def _choice(given: Any, path: Path, problems: list[Problem]) -> Choice | Branches:
    if not isinstance(given, (tuple, Mapping)):
        remedy = "write [a, b] for scalars, {label: …} for anything else"
        reject(path, "choice takes a list of values or a mapping of labels to values", given=given, remedy=remedy)
    if not given:
        reject(path, "a choice must offer at least one value", given=given, remedy="list the values to choose from")
    if isinstance(given, Mapping):
        for label in given:
            if not label.strip() or "." in label:
                remedy = "name each branch, such as small or wide"
                reject(path, "a label must be a name without dots", given=label, remedy=remedy)
        return Branches(options={label: _parse(entry, (*path, label), problems) for label, entry in given.items()})
    return Choice(options=_scalars(given, path))


def _scalars(given: tuple[Any, ...], path: Path) -> tuple[Any, ...]:
    if len(given) > MOST_OPTIONS:
        rule = f"a choice may offer {MOST_OPTIONS:,} values at most"
        reject(path, rule, given=f"{len(given):,} values", remedy="use {int: [a, b]} or {uniform: [a, b]} instead")
    for i, option in enumerate(given):
        if isinstance(option, (tuple, Mapping)):
            remedy = "label the values: {choice: {narrow: [32, 64], wide: [64, 128]}}"
            reject((*path, i), "a list of choices can hold only scalars", given=option, remedy=remedy)
        if isinstance(option, float) and not math.isfinite(option):
            reject((*path, i), "a number in a choice must be finite", given=option, remedy="give a finite number")
        if option in given[:i]:
            rule = "the values of a choice must differ (1, 1.0 and true count as equal)"
            reject((*path, i), rule, given=given, remedy="delete one of them")
    return given


def _baseline(domain: Domain, given: Any, path: Path) -> Any:
    """Return the baseline as a value of the domain."""
    if isinstance(domain, Branches) and given is False and "off" in domain.options:
        return "off"
    value = given
    if isinstance(domain, (Uniform, Log)) and isinstance(given, int) and not isinstance(given, bool):
        value = float(given) if abs(given) < 2**53 else given
    if contains(domain, value) and not isinstance(value, NoBaseline):
        return value
    rule = f"the baseline must be in its domain: {describe(domain)}"
    near = nearest(given, domain.options) if isinstance(domain, Branches) and isinstance(given, str) else None
    remedy = f"did you mean {near}?" if near else "choose a value in the domain, or widen it to include this one"
    reject((*path, "baseline"), rule, given=given, remedy=remedy)
