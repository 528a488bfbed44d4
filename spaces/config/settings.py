"""What every section of a file is made of: frozen, strict, closed settings, and the marks that fields may carry."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, ClassVar, Literal, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, model_validator

Seed = Annotated[int, Field(ge=0, lt=2**32)]
Rate = Annotated[float, Field(ge=0, lt=1)]
Fraction = Annotated[float, Field(gt=0, lt=1)]


class Settable:
    """Marks a field that is a variable of the graph: changing it needs no new model, only `set(values)`."""


class SettableUnlessZero:
    """Marks a field of the same kind for which nothing is built where it is zero: from zero to more is a new model."""


class FileRef:
    """Marks a field that names a file or folder; a relative one counts from the file that it is written in."""

    def __init__(self, *words: str, beside: bool = False) -> None:
        self.words = words
        """Values of the field that are no file."""
        self.beside = beside
        """Whether a field that is not given means the folder of the file."""


class ClashError(ValueError):
    """Two values that do not go together. Raised by the models' own checks; `spaces.domains.validation` tells it."""

    def __init__(self, rule: str, *, at: tuple[str, ...], remedy: str) -> None:
        super().__init__(rule)
        self.at = at
        """Where the mistake stands, below the model that found it."""
        self.remedy = remedy


class Settings(BaseModel):
    """Frozen, strict and closed: an unknown key, a number in quotes or a NaN is an error, never repaired."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )

    only_when: ClassVar[dict[str, tuple[str, ...]]] = {}
    """Fields that exist only while one of some other fields of the same section is neither zero nor absent."""

    @model_validator(mode="before")
    @classmethod
    def _off_and_false_mean_the_same(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        fields = cls.model_fields
        return {k: _as_off(v, fields[k].annotation) if k in fields else v for k, v in data.items()}


def _as_off(value: Any, annotation: Any) -> Any:
    """``value``, with off and false written the way that the field understands."""
    if value is False and "off" in words(annotation):
        return "off"
    if value == "off" and "off" not in words(annotation) and (annotation is bool or bool in get_args(annotation)):
        return False
    return value


@cache
def words(annotation: Any) -> tuple[Any, ...]:
    """The words that a field's annotation names one by one: those of its ``Literal`` parts."""
    if get_origin(annotation) is Literal:
        return get_args(annotation)
    return tuple(word for part in get_args(annotation) for word in words(part))
