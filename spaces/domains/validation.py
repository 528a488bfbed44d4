"""Pydantic's validation errors as problems: in plain words, at the path in the file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from spaces.config.fields import Place, demand, discriminator, field_of, schema_of, section_at, tags
from spaces.config.settings import IncompatibleError, Settings
from spaces.domains.domain import Domain, Scalar, Uniform, describe
from spaces.domains.parse import INVALID, is_domain
from spaces.domains.tree import OpenTree, node_at, value_at
from spaces.problem import Path, Problem, did_you_mean, is_number, shown


def problems_of(error: ValidationError, data: Any, root: type[Settings]) -> list[Problem]:
    """Return one problem for every mistake that pydantic found in ``data``, at its path in ``data``.

    Mistakes that only follow from a domain that could not be parsed are left out.
    """
    details = error.errors(include_url=False)
    errors = [(_path(detail, data, root), detail) for detail in details]
    deepest = [(path, detail) for path, detail in errors if _is_own(path, detail, errors)]
    problems = {path: _problem(path, detail, data, root) for path, detail in reversed(deepest)}
    return [problem for path, problem in reversed(problems.items()) if not _has_invalid(value_at(data, path))]


def locate_in_tree(problem: Problem, tree: OpenTree, values: Mapping[str, Scalar]) -> Problem:
    """Translate a problem of a closed configuration to the open tree that it came from."""
    written, node = node_at(tree, problem.path, values)
    given, remedy = problem.given, problem.remedy
    if isinstance(node, Domain) and given is not None:
        given = f"{given} from the domain ({describe(node)})"
        remedy = remedy if remedy.startswith("did you mean") else _domain_remedy(problem.rule, node)
    return Problem(path=written, rule=problem.rule, given=given, remedy=remedy)


def _domain_remedy(rule: str, domain: Domain) -> str:
    if "section" in rule:
        return "to leave a whole section open, use a labelled choice: {choice: {small: {…}, large: {…}}}"
    if isinstance(domain, Uniform) and "whole number" in rule:
        return f"write {{int: [{domain.low:.0f}, {domain.high:.0f}]}}"
    return "change the domain so that all its values satisfy this rule"


def _path(detail: ErrorDetails, data: Any, root: type[Settings]) -> Path:
    """Return the position of a mistake in the data: pydantic's location without the names of union members."""
    path: list[str | int] = []
    place: Place = root
    value, section, tagged = data, _section(root, data), False
    for part in detail["loc"]:
        if not tagged and isinstance(value, Mapping) and part == _tag(place, value):
            tagged = True
            continue
        known = isinstance(value, Mapping) and part in value
        if known or (isinstance(value, (tuple, list)) and isinstance(part, int) and part < len(value)):
            path.append(part)
            place = field_of(section, str(part))
            value = value[part]
            section, tagged = _section(place, value), False
        elif detail["type"] == "missing" and part == detail["loc"][-1]:
            path.append(part)
    if detail["type"] in ("union_tag_invalid", "union_tag_not_found"):
        path.append(str(discriminator(place)))
    if detail["type"] == "value_error" and isinstance(clash := detail["ctx"]["error"], IncompatibleError):
        path.extend(clash.at)
    return tuple(path)


def _section(place: Place, value: Any) -> type[Settings] | None:
    return section_at(place, value) if isinstance(value, Mapping) else None


def _tag(place: Place, value: Mapping[str, Any]) -> Any:
    key = discriminator(place)
    return None if key is None else value.get(key)


def _is_own(path: Path, detail: ErrorDetails, errors: list[tuple[Path, ErrorDetails]]) -> bool:
    """Whether a mistake is one in itself, not merely a member of a union that rejects a value of another member."""
    if detail["type"] in ("missing", "extra_forbidden", "value_error"):
        return True
    return not any(len(other) > len(path) and other[: len(path)] == path for other, _ in errors)


def _has_invalid(value: Any) -> bool:
    return value is INVALID or (isinstance(value, tuple) and any(map(_has_invalid, value)))


def _owner(data: Any, path: Path, root: type[Settings]) -> tuple[Place, type[Settings] | None, Path]:
    """Return the innermost section around a path: its field, the section itself, and the rest of the path."""
    place: Place = root
    section = _section(root, data)
    while path and (field := field_of(section, str(path[0]))) is not None:
        inner = _section(field, value_at(data, path[:1]))
        if len(path) == 1 or (inner is None and not (discriminator(field) and len(path) == 2)):
            break
        data, path, place, section = value_at(data, path[:1]), path[1:], field, inner
    return place, section, path


def _problem(path: Path, detail: ErrorDetails, data: Any, root: type[Settings]) -> Problem:
    place, section, rest = _owner(data, path, root)
    key, value = str(rest[0]) if rest else "", value_at(data, path)
    if detail["type"] == "value_error":
        return _clash(path, detail)
    if detail["type"] == "extra_forbidden":
        return _unknown(path, section)
    if detail["type"] in ("union_tag_invalid", "union_tag_not_found"):
        return _wrong_tag(path, value, place)
    schema = schema_of(section, rest) if section and rest else {}
    if detail["type"] == "missing":
        return Problem(path=path, rule=f"{key} is required: {_wanted(schema)}", remedy=f"add `{key}: …` here")
    return Problem(path=path, rule=f"must be {demand(schema)}", given=shown(value), remedy=_remedy(schema, value))


def _wanted(schema: Mapping[str, Any]) -> str:
    description = schema.get("description", "").rstrip(".")
    return f"{demand(schema)} ({description})" if description else demand(schema)


def _clash(path: Path, detail: ErrorDetails) -> Problem:
    clash = detail["ctx"]["error"]
    remedy = clash.remedy if isinstance(clash, IncompatibleError) else "change one of the two"
    return Problem(path=path, rule=str(clash), remedy=remedy)


def _unknown(path: Path, section: type[Settings] | None) -> Problem:
    known = list(section.model_fields) if section else []
    name = str(path[-1])
    return Problem(path=path, rule="there is no such key here", given=name, remedy=did_you_mean(name, known))


def _wrong_tag(path: Path, value: Any, place: Place) -> Problem:
    known, key = list(tags(place)), path[-1]
    if value is None:
        rule = f"{key} is required: it determines which section this is"
        return Problem(path=path, rule=rule, remedy="add " + " or ".join(f"`{key}: {tag}`" for tag in known))
    remedy = did_you_mean(value, known) if isinstance(value, str) else f"use one of: {', '.join(known)}"
    return Problem(path=path, rule=f"must be one of {', '.join(known)}", given=shown(value), remedy=remedy)


def _remedy(schema: Mapping[str, Any], value: Any) -> str:
    variants = schema.get("anyOf", [schema])
    if is_domain(value):
        return "give one value here; only values below `trial` can be left open"
    if isinstance(value, str):
        options = [str(option) for each in variants for option in each.get("enum", [each.get("const")]) if option]
        if options:
            return did_you_mean(value, options)
        if is_number(value) and any(each.get("type") in ("number", "integer") for each in variants):
            return "write it without quotes, as a plain number"
        if is_number(value.replace(",", ".")):
            return f"write decimals with a point: {value.replace(',', '.')}"
    return f"give {demand(schema)}"
