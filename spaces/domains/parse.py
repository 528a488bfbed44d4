"""Plain data → open tree: finds the domains in it and checks each by itself."""

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
from spaces.problem import Path, Problem, RefusedError, did_you_mean, nearest, refuse

OPTIONS = {
    "uniform": ("step", "baseline"),
    "log": ("baseline",),
    "int": ("step", "log", "baseline"),
    "choice": ("baseline",),
}
"""The keys that each domain may have beside its own."""


class Broken:
    """The type of `BROKEN`, which stands in an open tree where a domain could not be read."""

    def __repr__(self) -> str:
        return "broken"


BROKEN = Broken()


def is_domain(raw: Any) -> bool:
    """Whether plain data is meant as a domain: a mapping with the key of one."""
    return isinstance(raw, Mapping) and not DOMAIN_KEYS.isdisjoint(raw)


def parse_tree(raw: Any, path: Path) -> tuple[Any, list[Problem]]:
    """The open tree that plain data says, with `BROKEN` in the place of every domain that breaks a rule.

    ``path`` is where the data stands in the file.
    """
    problems: list[Problem] = []
    return _parse(raw, path, problems), problems


def parse_trial(raw: Mapping[str, Any], path: Path) -> tuple[OpenTree, list[Problem]]:
    """The open tree of a trial, whose horizon (`training.epochs`) is never open."""
    tree, problems = parse_tree(raw, path)
    for horizon in ((), ("training",), ("training", "epochs")):
        tree = _closed_at(tree, horizon, path=path, problems=problems)
    return (dict.fromkeys(TrialConfig.model_fields, BROKEN) if tree is BROKEN else tree), problems


def _closed_at(tree: Any, below: Path, *, path: Path, problems: list[Problem]) -> Any:
    """The tree with `BROKEN` where a domain would open the horizon."""
    if below and isinstance(tree, Mapping) and below[0] in tree:
        key = str(below[0])
        return {**tree, key: _closed_at(tree[key], below[1:], path=(*path, key), problems=problems)}
    if below or not isinstance(tree, Domain):
        return tree
    rule = "the horizon, training.epochs, is one number for all trials and never a domain"
    remedy = "give one number of epochs; leave the values around it open one by one"
    problems.append(Problem(path=path, rule=rule, given=describe(tree), remedy=remedy))
    return BROKEN


def _parse(raw: Any, path: Path, problems: list[Problem]) -> Any:
    if isinstance(raw, tuple):
        return tuple(_parse(entry, (*path, i), problems) for i, entry in enumerate(raw))
    if not isinstance(raw, Mapping):
        return raw
    try:
        _refuse_misspelt(raw, path)
        if is_domain(raw):
            return _parse_domain(raw, path, problems)
    except RefusedError as refused:
        problems.append(refused.problem)
        return BROKEN
    return {key: _parse(entry, (*path, key), problems) for key, entry in raw.items()}


def _refuse_misspelt(raw: Mapping[str, Any], path: Path) -> None:
    """A mapping that would be a domain but for one letter, or that has all of a domain except its key."""
    if is_domain(raw) or not raw:
        return
    others = [key for key in raw if key not in ("step", "baseline")]
    meant = nearest(others[0], DOMAIN_KEYS) if len(others) == 1 else None
    if meant and others[0] not in known_names(TrialConfig) and isinstance(raw[others[0]], (tuple, Mapping)):
        refuse((*path, others[0]), f"{others[0]} is not a domain", given=raw, remedy=f"did you mean {meant}?")
    if not others:
        remedy = f"write it like {EXAMPLES['uniform']}"
        refuse(path, "a domain needs one of uniform, log, int, choice", given=raw, remedy=remedy)


def _parse_domain(raw: Mapping[str, Any], path: Path, problems: list[Problem]) -> Domain:
    key = _domain_key(raw, path)
    for other in raw:
        if other != key and other not in OPTIONS[key]:
            known = [key, *OPTIONS[key]]
            refuse((*path, other), f"{key} takes no {other}", given=raw[other], remedy=did_you_mean(other, known))
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
        refuse(path, "a mapping holds one domain", given=raw, remedy=f"keep one of {' and '.join(keys)}")
    return keys[0]


def _choice(given: Any, path: Path, problems: list[Problem]) -> Choice | Branches:
    if not isinstance(given, (tuple, Mapping)):
        remedy = "write [a, b] for scalars, {label: …} for anything else"
        refuse(path, "choice takes a list of values or a mapping of labels", given=given, remedy=remedy)
    if not given:
        refuse(path, "a choice must offer at least one value", given=given, remedy="list the values to choose from")
    if isinstance(given, Mapping):
        for label in given:
            if not label.strip() or "." in label:
                remedy = "name each branch, such as small or wide"
                refuse(path, "a label must be a name without dots", given=label, remedy=remedy)
        return Branches(options={label: _parse(entry, (*path, label), problems) for label, entry in given.items()})
    return Choice(options=_scalars(given, path))


def _scalars(given: tuple[Any, ...], path: Path) -> tuple[Any, ...]:
    for i, option in enumerate(given):
        if isinstance(option, (tuple, Mapping)):
            remedy = "label them: {choice: {narrow: [32, 64], wide: [64, 128]}}"
            refuse((*path, i), "a list of choices holds scalars only", given=option, remedy=remedy)
        if isinstance(option, float) and not math.isfinite(option):
            refuse((*path, i), "a choice must be finite", given=option, remedy="give a finite number")
        if option in given[:i]:
            rule = "the values of a choice must differ (1, 1.0 and true count as equal)"
            refuse((*path, i), rule, given=given, remedy="delete one of them")
    return given


def _baseline(domain: Domain, given: Any, path: Path) -> Any:
    """The baseline as a value of the domain."""
    if isinstance(domain, Branches) and given is False and "off" in domain.options:
        return "off"
    value = given
    if isinstance(domain, (Uniform, Log)) and isinstance(given, int) and not isinstance(given, bool):
        value = float(given) if abs(given) < 2**53 else given
    if contains(domain, value) and not isinstance(value, NoBaseline):
        return value
    rule = f"the baseline must lie in its domain: {describe(domain)}"
    near = nearest(given, domain.options) if isinstance(domain, Branches) and isinstance(given, str) else None
    remedy = f"did you mean {near}?" if near else "choose a value of the domain, or widen the domain to hold this one"
    refuse((*path, "baseline"), rule, given=given, remedy=remedy)
