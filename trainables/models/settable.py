"""Which values of a configuration are variables of the graph, and which make the graph."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from pydantic import BaseModel

from spaces.config.settings import SettableUnlessZero
from spaces.config.trial import Settable, TrialConfig

KEPT_MODELS = 4
"""How many compiled models a process keeps for the trials to come."""

Kind = Literal["settable", "unless zero", "architecture"]


def settable_values(settings: BaseModel, path: str = "") -> dict[str, float]:
    """The values that need no new graph, by dotted path (``model.dropout``); of lists one an entry, by position."""
    values: dict[str, float] = {}
    for name, value, kind in _fields(settings, path):
        if kind == "architecture" or value is None:
            continue
        if isinstance(value, tuple):
            values |= {entry(name, value, position): float(each) for position, each in enumerate(value)}
        else:
            values[name] = float(value)
    return values


def architecture(settings: BaseModel) -> tuple[tuple[str, Any], ...]:
    """Everything else, hashable: configurations that agree here share one compiled model.

    Of a settable value it holds what makes layers: whether it is given, as one number or as how many — and, where
    nothing is built for a zero, which of them are zero.
    """
    return tuple((path, _essence(value, kind)) for path, value, kind in _fields(settings, ""))


def graph_key(config: TrialConfig) -> tuple[Any, ...]:
    """Configurations that agree here, on data of the same shape, train in one compiled model; hashable."""
    rule = config.optimizer  # less its schedule, which is no part of the graph
    compiled = (rule.name, rule.momentum, rule.nesterov, config.training.mixed_precision)
    return architecture(config.model), architecture(config.augmentation), compiled


def entry(path: str, value: object, position: int) -> str:
    """The path of a block's or layer's own number: of one number for all, the field's own."""
    return f"{path}.{position}" if isinstance(value, tuple) else path


def _essence(value: Any, kind: Kind) -> Any:
    if kind == "architecture" or value is None:
        return _hashable(value)
    if isinstance(value, tuple):
        return tuple(_essence(each, kind) for each in value)
    return "zero" if kind == "unless zero" and value == 0 else "given"


def _hashable(value: Any) -> Any:
    """A value as a key, in which 1, 1.0 and true differ."""
    if isinstance(value, Mapping):
        return tuple((key, _hashable(each)) for key, each in value.items())
    if isinstance(value, tuple):
        return tuple(map(_hashable, value))
    return type(value).__name__, value


def _fields(settings: BaseModel, prefix: str) -> Iterator[tuple[str, Any, Kind]]:
    for name, field in type(settings).model_fields.items():
        path, value = f"{prefix}.{name}" if prefix else name, getattr(settings, name)
        if isinstance(value, BaseModel):
            yield from _fields(value, path)
        elif Settable in field.metadata:
            yield path, value, "settable"
        else:
            yield path, value, "unless zero" if SettableUnlessZero in field.metadata else "architecture"
