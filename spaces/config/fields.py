"""What the settings declare about a value: its section, its marks, and what it must be."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, get_args

from pydantic.fields import FieldInfo

from spaces.config.settings import FileRef, Settings, words
from spaces.problem import Path

Place = FieldInfo | type[Settings] | None
"""The position of a value in the schema: a field, a section itself, or None if the schema has no such value."""


@cache
def sections_in(annotation: Any) -> tuple[type[Settings], ...]:
    """Return every section that an annotation allows."""
    if isinstance(annotation, type) and issubclass(annotation, Settings):
        return (annotation,)
    return tuple(section for part in get_args(annotation) for section in sections_in(part))


def candidates(place: Place) -> tuple[type[Settings], ...]:
    """Return the sections that are possible at a place."""
    annotation: Any = place.annotation if isinstance(place, FieldInfo) else place
    return sections_in(annotation)


def discriminator(place: Place) -> str | None:
    """Return the key whose value selects one of several sections; None if there is only one."""
    tag = place.discriminator if isinstance(place, FieldInfo) else None
    return tag if isinstance(tag, str) else None


def tags(place: Place) -> dict[str, type[Settings]]:
    """Return the values of the discriminator, each with its section."""
    key = discriminator(place)
    if key is None:
        return {}
    kinds: list[tuple[type[Settings], Any]] = [(each, each.model_fields[key].annotation) for each in candidates(place)]
    return {tag: section for section, kind in kinds for tag in words(kind)}


def section_at(place: Place, data: Mapping[str, Any]) -> type[Settings] | None:
    """Return the section that a mapping represents; None if its discriminator does not determine it."""
    key = discriminator(place)
    if key is not None:
        tag = data.get(key)
        return tags(place).get(tag) if isinstance(tag, str) else None
    sections = candidates(place)
    return sections[0] if len(sections) == 1 else None


def field_of(section: type[Settings] | None, key: str) -> FieldInfo | None:
    """Return the field of a section with this key; None if there is none."""
    return None if section is None else section.model_fields.get(key)


def file_ref(place: Place) -> FileRef | None:
    """Return the mark of a field that names a file; None for other fields."""
    return _file_ref((*place.metadata, place.annotation)) if isinstance(place, FieldInfo) else None


def _file_ref(parts: tuple[Any, ...]) -> FileRef | None:
    for part in parts:
        found = part if isinstance(part, FileRef) else _file_ref((*get_args(part), *getattr(part, "__metadata__", ())))
        if found is not None:
            return found
    return None


@cache
def _schema(section: type[Settings]) -> dict[str, Any]:
    return section.model_json_schema()


def schema_of(section: type[Settings], path: Path) -> dict[str, Any]:
    """Return the JSON Schema of a section's field, or of an entry of a list in that field."""
    schema: dict[str, Any] = _schema(section)["properties"].get(path[0], {})
    for _ in path[1:]:
        variants = schema.get("anyOf", [schema])
        schema = next((each["items"] for each in variants if "items" in each), {})
    return schema


def demand(schema: Mapping[str, Any]) -> str:
    """Describe in plain words what a JSON Schema requires: "a number ≥ 0 and < 1"."""
    variants = schema.get("anyOf") or schema.get("oneOf")
    if variants and "discriminator" not in schema:
        return ", or ".join(dict.fromkeys(demand(each) for each in variants))
    if "enum" in schema or "const" in schema:
        options = schema.get("enum", [schema.get("const")])
        return str(options[0]) if len(options) == 1 else "one of " + ", ".join(map(str, options))
    if schema.get("type") == "array":
        return f"a list, with each entry {demand(schema.get('items', {}))}"
    if "pattern" in schema:
        return f"text such as {schema['examples'][0]}"
    nouns = {"integer": "a whole number", "number": "a number", "string": "text", "boolean": "true or false"}
    noun = {**nouns, "null": "null"}.get(schema.get("type", ""), "a section (a mapping of keys to values)")
    return "text that is not empty" if schema.get("minLength") == 1 else noun + _limits(schema)


def _limits(schema: Mapping[str, Any]) -> str:
    signs = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    limits = [f"{sign} {_written(schema[key])}" for key, sign in signs.items() if key in schema]
    return f" {' and '.join(limits)}" if limits else ""


def _written(number: float) -> str:
    return f"{number:,.0f}" if abs(number) >= 1000 and number == int(number) else f"{number:g}"


@cache
def known_names(root: type[Settings]) -> frozenset[str]:
    """Return the names of all fields below a section, in any branch."""
    below = (section for field in root.model_fields.values() for section in candidates(field))
    return frozenset(root.model_fields).union(*(known_names(section) for section in below))
