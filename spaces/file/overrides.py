"""``--set PATH=VALUE``: values of a file replaced before it is checked."""

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
from spaces.problem import InputError, Path, Problem, RefusedError, did_you_mean, nearest, refuse, shown

_WORDS: Mapping[Path, tuple[Any, ...]] = {
    ("resources",): ("auto",),
    ("confirm",): ("off", False),
    ("tracking",): ("off", False),
    ("tracking", "wandb"): ("off", False),
}
"""Words that stand for a section, and give way to one when something below them is set."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """One override, read: what it said, where it leads, and what stood there before."""

    text: str
    path: Path
    before: Any


def overridden(document: Document, overrides: Sequence[str], *, closed: bool = False) -> Document:
    """The document with every override applied, in order; ``closed`` for a configuration, which has no `trial`.

    A path is what the file shows (`trial.` may be left out), a value is YAML. A domain set without a baseline
    keeps the one that stood there, where it can.

    Raises:
        InputError: an override is not PATH=VALUE, its value is not YAML, or its path leads nowhere.
    """
    problems: list[Problem] = []
    changes: list[Change] = []
    for text in overrides:
        source = f"--set {text}"
        try:
            document, change = _applied(document, text, closed=closed)
            changes.append(change)
        except RefusedError as refused:
            problems.append(replace(refused.problem, source=source))
        except InputError as error:
            problems.extend(replace(problem, line=None, source=source) for problem in error.problems)
    if problems:
        raise InputError(problems, document.source)
    for change in changes:
        document = _with_baseline(document, change)
    return document


def _applied(document: Document, text: str, *, closed: bool) -> tuple[Document, Change]:
    left, equals, right = text.partition("=")
    keys = [key.strip() for key in left.split(".")]
    if not equals or not all(keys):
        remedy = "write PATH=VALUE, such as model.dropout=0.3 or 'model.dropout={uniform: [0, 0.5]}'"
        refuse((), "an override is a path, =, and a value", given=text, remedy=remedy)
    value = parse_value(right, f"--set {text}")
    path, before = _route(document.data, _rooted(keys, closed=closed))
    marks = {place: mark for place, mark in document.marks.items() if place[: len(path)] != path}
    for end in range(1, len(path) + 1):
        if end == len(path) or path[:end] not in marks:
            marks[path[:end]] = f"--set {text}"
    data = _placed(document.data, path, value)
    return replace(document, data=data, marks=marks), Change(text=text, path=path, before=before)


def _rooted(keys: Sequence[str], *, closed: bool) -> list[str]:
    """The path from the top of the file, `trial.` added or taken away as the file wants it."""
    sections = list(TrialConfig.model_fields)
    if closed:
        keys = keys[1:] if keys[0] == "trial" and len(keys) > 1 else keys
        if keys[0] not in sections:
            refuse((), f"there is no section {keys[0]}", given=".".join(keys), remedy=did_you_mean(keys[0], sections))
        return list(keys)
    if keys[0] in sections:
        return ["trial", *keys]
    known = ["trial", *SECTIONS, *sections]
    if keys[0] not in known:
        refuse((), f"there is no section {keys[0]}", given=".".join(keys), remedy=did_you_mean(keys[0], known))
    return list(keys)


def _route(data: Any, keys: Sequence[str]) -> tuple[Path, Any]:
    """The path with list positions as numbers, and what stands there; None where nothing does."""
    path: Path = ()
    for key in keys:
        data = {} if _gives_way(path, data) else data
        step = _step(path, data, key)
        path = (*path, step)
        data = data.get(step) if isinstance(data, Mapping) else data[step]
    return path, data


def _gives_way(path: Path, data: Any) -> bool:
    """Whether a section is missing or a word stands in for it, so that one may be made here."""
    return data is None or (not isinstance(data, (Mapping, tuple)) and data in _WORDS.get(path, ()))


def _step(path: Path, data: Any, key: str) -> Any:
    """One key further down, if it may be there."""
    if isinstance(data, tuple):
        if not (key.isdecimal() and int(key) < len(data)):
            refuse(path, f"this list has positions 0 to {len(data) - 1}", given=key, remedy="name one of them")
        return int(key)
    if not isinstance(data, Mapping):
        remedy = "leave the last part of the path out, and set the value itself"
        refuse(path, f"this is a value, {shown(data)}, with nothing below it", given=key, remedy=remedy)
    if path and path[-1] == "choice" and key not in data:
        refuse(path, "there is no branch of this label", given=key, remedy=did_you_mean(key, data))
    if is_domain(data) and key not in data and not _fits(data, key):
        branches = data.get("choice")
        named = [f"choice.{label}" for label in branches] if isinstance(branches, Mapping) else []
        known = [*DOMAIN_KEYS.intersection(data), "baseline", "step", *named]
        near = f"choice.{key}" if f"choice.{key}" in named else nearest(key, known)
        remedy = f"did you mean {near}?" if near else f"known here: {', '.join(known)}"
        refuse(path, "this is a domain, not a section", given=key, remedy=remedy)
    return key


def _fits(domain: Mapping[str, Any], key: str) -> bool:
    return any(key in OPTIONS[kind] for kind in DOMAIN_KEYS.intersection(domain))


def _placed(data: Any, path: Path, value: Any) -> Any:
    """The data with ``value`` at the end of ``path``, and the sections on the way made where they are missing."""
    if not path:
        return value
    key, rest = path[0], path[1:]
    if isinstance(data, tuple) and isinstance(key, int):
        return (*data[:key], _placed(data[key], rest, value), *data[key + 1 :])
    section = data if isinstance(data, Mapping) else {}
    return {**section, str(key): _placed(section.get(str(key)), rest, value)}


def _with_baseline(document: Document, change: Change) -> Document:
    """The document with the baseline that stood where a domain was set, if the domain holds it and has none itself.

    What was one fixed value becomes a baseline only where others are given: else none are wanted.
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
