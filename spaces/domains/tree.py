"""The open tree: a trial configuration as nested data in which some values are domains."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from pydantic_core import PydanticUndefined

from spaces.config.fields import Place, discriminator, field_of, section_at
from spaces.config.settings import Settings
from spaces.domains.domain import NO_BASELINE, Branches, Choice, Domain, Int, Log, Scalar, Uniform
from spaces.problem import Path

OpenTree = Mapping[str, Any]
"""Nested mappings and tuples of scalars and domains, by the keys of a trial configuration."""

Suggest = Callable[[str, Domain], Scalar]
"""Answers with the value of an open value, given its full name and its domain."""


@dataclass(frozen=True, kw_only=True)
class OpenValue:
    """A domain and where it stands."""

    name: str
    """Its full name: the path below `trial`, a branch by its label."""
    path: Path
    """Its path as the file shows it, below `trial`."""
    domain: Domain
    under: Mapping[str, str]
    """The labels that must be taken for the value to exist, by the names of their branches."""


def open_items(
    tree: Any, *, name: str = "", path: Path = (), under: Mapping[str, str] | None = None
) -> Iterator[OpenValue]:
    """Every open value in file order, those inside branches after the branches' label."""
    under = under or {}
    if isinstance(tree, Domain):
        yield OpenValue(name=name, path=path, domain=tree, under=under)
    if isinstance(tree, Branches):
        for label, branch in tree.options.items():
            taken = {**under, name: label}
            yield from open_items(branch, name=joined(name, label), path=(*path, "choice", label), under=taken)
    for key, entry in entries(tree):
        yield from open_items(entry, name=joined(name, key), path=(*path, key), under=under)


def entries(tree: Any) -> Iterator[tuple[str | int, Any]]:
    """What stands directly below a mapping or a tuple, by key or position; nothing below anything else."""
    if isinstance(tree, Mapping):
        yield from tree.items()
    elif isinstance(tree, tuple):
        yield from enumerate(tree)


def joined(name: str, key: str | int) -> str:
    """The full name of what stands under ``key``."""
    return f"{name}.{key}" if name else str(key)


def settle(tree: Any, place: Place, suggest: Suggest, name: str = "") -> Any:
    """The tree with every open value that exists answered by ``suggest``.

    Asks in file order, except that a value on which others depend (`Settings.only_when`, the discriminator of a
    section) is asked before them. A field whose condition is not met is neither asked nor kept.
    """
    if isinstance(tree, Branches):
        label = suggest(name, tree)
        return settle(tree.options[str(label)], place, suggest, joined(name, str(label)))
    if isinstance(tree, Domain):
        return suggest(name, tree)
    if isinstance(tree, Mapping):
        return _settle_section(tree, place, suggest, name)
    if isinstance(tree, tuple):
        return tuple(settle(entry, None, suggest, joined(name, i)) for i, entry in enumerate(tree))
    return tree


def _settle_section(tree: OpenTree, place: Place, suggest: Suggest, name: str) -> dict[str, Any]:
    settled: dict[str, Any] = {}
    section: type[Settings] | None = None

    def visit(key: str) -> None:
        if key in tree and key not in settled:
            settled[key] = settle(tree[key], field_of(section, key), suggest, joined(name, key))

    tag = discriminator(place)
    if tag is not None:
        visit(tag)
    section = section_at(place, settled)
    for key in tree:
        for gate in gates(section, key):
            visit(gate)
        if exists(section, settled, key):
            visit(key)
    return {key: settled[key] for key in tree if key in settled}


def gates(section: type[Settings] | None, key: str) -> tuple[str, ...]:
    """The fields of a section on which another one depends (`Settings.only_when`)."""
    return section.only_when.get(key, ()) if section else ()


def exists(section: type[Settings] | None, data: Mapping[str, Any], key: str) -> bool:
    """Whether a field exists: it depends on none, or one of those that it depends on is met."""
    needed = gates(section, key)
    return not needed or any(is_met(section, data, gate) for gate in needed)


def is_met(section: type[Settings] | None, data: Mapping[str, Any], gate: str) -> bool:
    """Whether the field on which others depend is neither zero nor absent. An open one counts as met."""
    field = field_of(section, gate)
    default = None if field is None else field.get_default(call_default_factory=True)
    value = data.get(gate, default)
    return value is PydanticUndefined or not (value is None or value is False or value in (0, "off"))


def fill(tree: Any, place: Place) -> Any:
    """The tree with every default of the settings written out, after what the file says."""
    if isinstance(tree, Branches):
        return replace(tree, options={label: fill(branch, place) for label, branch in tree.options.items()})
    if not isinstance(tree, Mapping):
        return tree
    section = section_at(place, tree)
    filled = {key: fill(entry, field_of(section, key)) for key, entry in tree.items()}
    for key, field in section.model_fields.items() if section else ():
        if key not in tree and not field.is_required() and exists(section, tree, key):
            default = field.get_default(call_default_factory=True)
            filled[key] = default.model_dump() if isinstance(default, Settings) else default
    return filled


Edit = Callable[[Any, Place, Path], Any]


def edited(tree: Any, place: Place, edit: Edit, path: Path = ()) -> Any:
    """The tree with ``edit`` applied to every leaf: scalar, list, or domain of scalars."""
    if isinstance(tree, Branches):
        branches = tree.options.items()
        options = {label: edited(branch, place, edit, (*path, "choice", label)) for label, branch in branches}
        return replace(tree, options=options)
    if isinstance(tree, Mapping):
        section = section_at(place, tree)
        return {key: edited(entry, field_of(section, key), edit, (*path, key)) for key, entry in tree.items()}
    return edit(tree, place, path)


def as_written(tree: Any) -> Any:
    """The tree as a file would say it: domains as mappings, lists as lists."""
    if isinstance(tree, Domain):
        return _domain_as_written(tree)
    if isinstance(tree, Mapping):
        return {key: as_written(entry) for key, entry in tree.items()}
    return [as_written(entry) for entry in tree] if isinstance(tree, tuple) else tree


def _domain_as_written(domain: Domain) -> dict[str, Any]:
    written: dict[str, Any]
    if isinstance(domain, Choice):
        written = {"choice": list(domain.options)}
    elif isinstance(domain, Branches):
        written = {"choice": as_written(domain.options)}
    else:
        key = {Uniform: "uniform", Log: "log", Int: "int"}[type(domain)]
        written = {key: [domain.low, domain.high], **_options_as_written(domain)}
    return written if domain.baseline is NO_BASELINE else {**written, "baseline": domain.baseline}


def _options_as_written(domain: Uniform | Log | Int) -> dict[str, Any]:
    """Step and log, where they are not what they would be anyway."""
    plain = {field.name: field.default for field in fields(domain)}
    options = {name: getattr(domain, name) for name in ("step", "log") if name in plain}
    return {name: value for name, value in options.items() if value != plain[name]}


def value_at(data: Any, path: Path) -> Any:
    """What stands at a path of nested mappings and tuples; None where nothing does."""
    for key in path:
        data = dict(entries(data)).get(key)
    return data


def node_at(tree: Any, path: Path, values: Mapping[str, Scalar]) -> tuple[Path, Any]:
    """Where a path of the closed configuration leads in the open tree: its path there, and what stands there.

    ``values`` tells which branches were taken. Stops at a domain, or where the tree says nothing.
    """
    name = ""
    written: Path = ()
    for step in range(len(path) + 1):
        while isinstance(tree, Branches) and name in values:
            label = str(values[name])
            tree, name, written = tree.options[label], joined(name, label), (*written, "choice", label)
        if step == len(path) or isinstance(tree, Domain):
            return written, tree
        key = path[step]
        tree, name, written = dict(entries(tree)).get(key), joined(name, key), (*written, key)
    return written, tree
