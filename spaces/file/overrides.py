"""``--set PATH=VALUE``: replaces values of a file before it is checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from spaces.config.trial import TrialConfig
from spaces.domains.domain import DOMAIN_KEYS
from spaces.domains.parse import OPTIONS, is_domain, parse_tree
from spaces.domains.tree import value_at
from spaces.file.document import Document, parse_value
from spaces.file.sweep import SECTIONS
from spaces.problem import InputError, InvalidValueError, Path, Problem, did_you_mean, nearest, reject, shown

MOST_SHOWN = 100
"""Longer overrides are cut in messages."""
_WORDS: Mapping[Path, tuple[Any, ...]] = {
    ("resources",): ("auto",),
    ("confirm",): ("off", False),
    ("tracking",): ("off", False),
    ("tracking", "wandb"): ("off", False),
}
"""Words that stand for a section, and are replaced by one when a value below them is set."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """One parsed override: its text, its path, and the previous value there."""

    text: str
    path: Path
    before: Any


def overridden(document: Document, overrides: Sequence[str], *, closed: bool = False) -> Document:
    """Return the document with every override applied, in order; ``closed`` for a configuration without `trial`.

    A path is as in the file (`trial.` may be omitted), a value is YAML. A domain without a baseline keeps the previous
    one if it can.

    Raises:
        InputError: an override is not PATH=VALUE, its value is not YAML, or its path leads nowhere.
    """
    problems: list[Problem] = []
    changes: list[Change] = []
    for text in overrides:
        source = _named(text)
        try:
            document, change = _applied(document, text, closed=closed)
            changes.append(change)
        except InvalidValueError as error:
            problems.append(replace(error.problem, source=source))
        except InputError as error:
            problems.extend(replace(problem, line=None, source=source) for problem in error.problems)
    if problems:
        raise InputError(problems, document.source)
    for change in changes:
        document = _with_baseline(document, change)
    return document


def _named(text: str) -> str:
    """Return an override as messages name it."""
    return f"--set {text}" if len(text) <= MOST_SHOWN else f"--set {text[: MOST_SHOWN - 1]}…"


def _applied(document: Document, text: str, *, closed: bool) -> tuple[Document, Change]:
    left, equals, right = text.partition("=")
    keys = [key.strip() for key in left.split(".")]
    if not equals or not all(keys):
        remedy = "for example model.dropout=0.3 or 'model.dropout={uniform: [0, 0.5]}'"
        reject((), "an override has the form PATH=VALUE", given=text, remedy=remedy)
    value = parse_value(right, _named(text))
    path, before = _route(document.data, _rooted(keys, closed=closed))
    marks = {place: mark for place, mark in document.marks.items() if place[: len(path)] != path}
    for end in range(1, len(path) + 1):
        if end == len(path) or path[:end] not in marks:
            marks[path[:end]] = _named(text)
    data = _placed(document.data, path, value)
    return replace(document, data=data, marks=marks), Change(text=text, path=path, before=before)


def _rooted(keys: Sequence[str], *, closed: bool) -> list[str]:
    """Return the path from the top of the file, with `trial.` added or removed as the file needs it."""
    sections = list(TrialConfig.model_fields)
    if closed:
        keys = keys[1:] if keys[0] == "trial" and len(keys) > 1 else keys
        if keys[0] not in sections:
            reject((), f"there is no section {keys[0]}", given=".".join(keys), remedy=did_you_mean(keys[0], sections))
        return list(keys)
    if keys[0] in sections:
        return ["trial", *keys]
    known = ["trial", *SECTIONS, *sections]
    if keys[0] not in known:
        reject((), f"there is no section {keys[0]}", given=".".join(keys), remedy=did_you_mean(keys[0], known))
    return list(keys)


def _route(data: Any, keys: Sequence[str]) -> tuple[Path, Any]:
    """Return the path with list positions as numbers, and the value there; None if there is none."""
    path: Path = ()
    for key in keys:
        data = {} if _is_replaceable(path, data) else data
        step = _step(path, data, key)
        path = (*path, step)
        data = data.get(step) if isinstance(data, Mapping) else data[step]
    return path, data


def _is_replaceable(path: Path, data: Any) -> bool:
    """Whether a section may be created here: there is none, or a word that stands for it."""
    return data is None or (not isinstance(data, (Mapping, tuple)) and data in _WORDS.get(path, ()))


def _step(path: Path, data: Any, key: str) -> Any:
    """Take one step down, if the key is possible there."""
    if isinstance(data, tuple):
        if not (key.isdecimal() and int(key) < len(data)):
            reject(path, f"this list has the positions 0 to {len(data) - 1}", given=key, remedy="use one of them")
        return int(key)
    if not isinstance(data, Mapping):
        remedy = "leave out the last part of the path, and set the value itself"
        reject(path, f"this is a value ({shown(data)}), with nothing below it", given=key, remedy=remedy)
    if path and path[-1] == "choice" and key not in data:
        reject(path, "there is no branch with this label", given=key, remedy=did_you_mean(key, data))
    if is_domain(data) and key not in data and not _fits(data, key):
        branches = data.get("choice")
        named = [f"choice.{label}" for label in branches] if isinstance(branches, Mapping) else []
        known = [*DOMAIN_KEYS.intersection(data), "baseline", "step", *named]
        near = f"choice.{key}" if f"choice.{key}" in named else nearest(key, known)
        remedy = f"did you mean {near}?" if near else f"use one of: {', '.join(known)}"
        reject(path, "this is a domain, not a section", given=key, remedy=remedy)
    return key


def _fits(domain: Mapping[str, Any], key: str) -> bool:
    return any(key in OPTIONS[kind] for kind in DOMAIN_KEYS.intersection(domain))


def _placed(data: Any, path: Path, value: Any) -> Any:
    """Return the data with ``value`` at ``path``, creating the missing sections on the way."""
    if not path:
        return value
    key, rest = path[0], path[1:]
    if isinstance(data, tuple) and isinstance(key, int):
        return (*data[:key], _placed(data[key], rest, value), *data[key + 1 :])
    section = data if isinstance(data, Mapping) else {}
    return {**section, str(key): _placed(section.get(str(key)), rest, value)}


def _with_baseline(document: Document, change: Change) -> Document:
    """Give a domain without a baseline the previous one, if the domain contains it.

    A previous fixed value becomes a baseline only if other baselines are given: all have one, or none.
    """
    now = value_at(document.data, change.path)
    if not is_domain(now) or "baseline" in now:
        return document
    was_domain = is_domain(change.before)
    old = change.before.get("baseline") if was_domain else change.before
    if old is None or isinstance(old, (Mapping, tuple)):
        return document
    if not was_domain and not _has_baseline(document.data.get("trial")):
        return document
    kept = {**now, "baseline": old}
    if parse_tree(kept, change.path)[1]:
        return document
    return replace(document, data=_placed(document.data, change.path, kept))


def _has_baseline(data: Any) -> bool:
    if isinstance(data, Mapping):
        return (is_domain(data) and "baseline" in data) or any(map(_has_baseline, data.values()))
    return isinstance(data, tuple) and any(map(_has_baseline, data))
