"""The JSON Schema of a sweep file, for editors that complete and check while one writes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spaces.config.trial import TrialConfig
from spaces.file.sweep import SECTIONS

DRAFT = "https://json-schema.org/draft/2020-12/schema"
Schema = dict[str, Any]

_NUMBERS: Schema = {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}
_WHOLES: Schema = {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 2}
_SCALAR: Schema = {"type": ["boolean", "number", "string", "null"]}
_OFF: Schema = {"enum": ["off", False]}


def schema() -> Schema:
    """JSON Schema (draft 2020-12) of a sweep file: every value below `trial` but the horizon may be a domain."""
    trial, sections = _lifted(TrialConfig.model_json_schema())
    definitions: Schema = {}
    properties: Schema = {"trial": _opened_section("TrialConfig", trial, sections=sections, definitions=definitions)}
    for name, section in sections.items():
        definitions[name] = _opened_section(name, section, sections=sections, definitions=definitions)
    for name, kind in SECTIONS.items():
        section, more = _lifted(kind.model_json_schema())
        properties[name] = _with_words(name, section)
        definitions |= {key: _with_off(each) for key, each in more.items()}
    return {
        "$schema": DRAFT,
        "title": "Tunehound sweep",
        "description": "A training configuration with some values left open, and how to search, pay for and show it.",
        "type": "object",
        "properties": {**properties, "run": {"type": "object", "description": "Where a run's own copy came from."}},
        "required": ["trial"],
        "additionalProperties": False,
        "$defs": {**definitions, **_domains()},
    }


def _lifted(section: Schema) -> tuple[Schema, Schema]:
    """A section's schema, and apart from it the definitions that it refers to."""
    return {key: value for key, value in section.items() if key != "$defs"}, section.get("$defs", {})


def _with_words(name: str, section: Schema) -> Schema:
    """A section, or the words that may stand for it."""
    words = {"confirm": [_OFF], "tracking": [_OFF], "resources": [{"const": "auto"}]}.get(name, [])
    return {"description": section["description"], "anyOf": [_with_off(section), {"type": "null"}, *words]}


def _opened_section(name: str, section: Schema, *, sections: Schema, definitions: Schema) -> Schema:
    """The section with every property open, by definitions that it adds; the way to the horizon stays closed."""
    closed = {"TrialConfig": ("training",), "Training": ("epochs",)}.get(name, ())
    properties: Schema = {}
    for key, value in section["properties"].items():
        described = {**sections.get(value.get("$ref", "").rpartition("/")[2], {}), **value}
        notes = {note: described[note] for note in ("description", "default") if note in described}
        ref = f"#/$defs/{name}.{key}"
        if key not in closed:
            definitions[f"{name}.{key}"] = _opened(value, ref)
        properties[key] = {**value, **notes} if key in closed else {**notes, "$ref": ref}
    return {**section, "properties": properties}


def _opened(value: Schema, ref: str) -> Schema:
    """A property that may also be a domain, or a choice of labelled values of its own kind (``ref``)."""
    plain = _with_off({key: each for key, each in value.items() if key not in ("title", "description", "default")})
    variants = plain.get("anyOf") or plain.get("oneOf") or [plain]
    scalars = [{"$ref": f"#/$defs/{domain}"} for domain, wanted in _FITS.items() if wanted & _kinds(variants)]
    return {"anyOf": [*map(_open_items, variants), *scalars, _labelled(ref)]}


def _open_items(variant: Schema) -> Schema:
    """A list or mapping in which single entries may be domains too."""
    key = "items" if "items" in variant else "additionalProperties"
    items = variant.get(key)
    if not isinstance(items, Mapping):
        return variant
    entries = items.get("anyOf", [dict(items)])
    scalars = [{"$ref": f"#/$defs/{domain}"} for domain, wanted in _FITS.items() if wanted & _kinds(entries)]
    return {**variant, key: {"anyOf": [*map(_open_items, entries), *scalars]}}


def _labelled(ref: str) -> Schema:
    label = {"type": ["string", "boolean"], "description": "The label that a person would take."}
    branches = {"type": "object", "minProperties": 1, "additionalProperties": {"$ref": ref}}
    return {
        "type": "object",
        "description": "One of several labelled values; what is left open inside one exists only when it is taken.",
        "properties": {"choice": branches, "baseline": label},
        "required": ["choice"],
        "additionalProperties": False,
    }


def _kinds(variants: list[Schema]) -> set[str]:
    """The JSON types among some variants; "enum" for words."""
    found = {str(each["type"]) for each in variants if "type" in each}
    return found | {"enum" for each in variants if "enum" in each or "const" in each}


_FITS: Mapping[str, set[str]] = {
    "Uniform": {"number"},
    "Log": {"number"},
    "Int": {"number", "integer"},
    "Choice": {"number", "integer", "string", "boolean", "enum"},
}
"""The kinds of value that each domain may stand for."""


def _with_off(value: Any) -> Any:
    """The schema with off and false meaning the same, wherever one of them may stand."""
    if isinstance(value, list):
        return [_with_off(each) for each in value]
    if not isinstance(value, Mapping):
        return value
    if "off" in value.get("enum", ()) or value.get("const") == "off":
        others = {key: each for key, each in value.items() if key not in ("type", "const")}
        return {**others, "enum": [*value.get("enum", ["off"]), False]}
    if value.get("type") == "boolean":
        others = {key: each for key, each in value.items() if key != "type"}
        return {**others, "enum": [True, False, "off"]}
    return {key: _with_off(each) if key != "default" else each for key, each in value.items()}


def _domain(description: str, key: str, bounds: Schema, options: Schema) -> Schema:
    properties = {key: bounds, **options, "baseline": {**_SCALAR, "description": "What a person would use."}}
    return {
        "type": "object",
        "description": description,
        "properties": properties,
        "required": [key],
        "additionalProperties": False,
    }


def _domains() -> Schema:
    """The definitions of the domains of scalars."""
    step: Schema = {"type": "number", "exclusiveMinimum": 0, "description": "Only low, low + step, … high."}
    log: Schema = {"type": "boolean", "description": "The logarithm is uniform."}
    above_zero = {**_NUMBERS, "items": {"type": "number", "exclusiveMinimum": 0}}
    scalars = {"type": "array", "items": _SCALAR, "minItems": 1, "uniqueItems": True}
    return {
        "Uniform": _domain("A real number between two bounds.", "uniform", _NUMBERS, {"step": step}),
        "Log": _domain("A positive number, its logarithm uniform.", "log", above_zero, {}),
        "Int": _domain("A whole number between two bounds.", "int", _WHOLES, {"step": step, "log": log}),
        "Choice": _domain("One of several scalars.", "choice", scalars, {}),
    }
