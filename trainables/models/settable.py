"""Which values of a configuration are variables of the graph, and which make the graph."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from spaces.config import Settable


def settable_values(settings: BaseModel, path: str = "") -> dict[str, float]:
    """The values that need no new graph, by dotted path (``model.dropout``)."""
    return {path: float(value) for path, value, settable in _fields(settings, path) if settable and value is not None}


def architecture(settings: BaseModel) -> tuple[tuple[str, Any], ...]:
    """Everything else, hashable: configurations that agree here share one compiled model."""
    return tuple((path, value) for path, value, settable in _fields(settings, "") if not settable)


def _fields(settings: BaseModel, prefix: str) -> Iterator[tuple[str, Any, bool]]:
    for name, field in type(settings).model_fields.items():
        path, value = f"{prefix}.{name}" if prefix else name, getattr(settings, name)
        if isinstance(value, BaseModel):
            yield from _fields(value, path)
        else:
            yield path, value, Settable in field.metadata
