"""The base of every section of a file: frozen, strict and closed settings, and the marks of their fields."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, ClassVar, Literal, get_args, get_origin

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticKnownError

Seed = Annotated[int, Field(ge=0, lt=2**32)]
Rate = Annotated[float, Field(ge=0, lt=1)]
Fraction = Annotated[float, Field(gt=0, lt=1)]
# The upper bounds are far above what anyone trains; they stop a typing error before it takes hours, or all memory.
Epochs = Annotated[int, Field(gt=0, le=10_000)]
EpochsOrNone = Annotated[int, Field(ge=0, le=10_000)]
Steps = Annotated[int, Field(gt=0, le=10_000_000)]
SidePx = Annotated[int, Field(gt=0, le=10_000)]
"""The side of an image, in pixels."""
Count = Annotated[int, Field(gt=0, le=100_000)]
"""How many filters, units, images of a batch, trials."""
CountOrNone = Annotated[int, Field(ge=0, le=100_000)]
SmallCount = Annotated[int, Field(gt=0, le=1_000)]
"""How many blocks, views, configurations to confirm; the side of a kernel."""
Positive = Annotated[float, Field(gt=0, le=1e6)]
NonNegative = Annotated[float, Field(ge=0, le=1e6)]
LearningRate = Annotated[float, Field(gt=0, le=1e38)]
"""What float32 holds: however absurd, it only makes a trial diverge, which is a result."""
Limit = Annotated[float, Field(gt=0, le=1e9)]
"""How much a sweep may spend."""


class Settable:
    """Marks a field that is a variable of the graph: changing it needs no new model."""


class SettableUnlessZero:
    """Marks such a field for which nothing is built if it is zero: going from zero to more needs a new model."""


class FileRef:
    """Marks a field that names a file or folder; a relative path starts from the folder of the sweep file."""

    def __init__(self, *words: str, default_to_folder: bool = False) -> None:
        self.words = words
        """Values of the field that are not files."""
        self.default_to_folder = default_to_folder
        """Whether the field defaults to the folder of the sweep file."""


class IncompatibleError(ValueError):
    """Two incompatible values. Raised by the checks of the settings and reported by `spaces.domains.validation`."""

    def __init__(self, rule: str, *, at: tuple[str, ...], remedy: str) -> None:
        super().__init__(rule)
        self.at = at
        """The path of the mistake, below the section that found it."""
        self.remedy = remedy


class Settings(BaseModel):
    """Frozen, strict and closed: an unknown key, a number in quotes or a NaN is an error, never repaired."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )

    only_when: ClassVar[dict[str, tuple[str, ...]]] = {}
    """Fields that exist only if one of some other fields of the same section is neither zero nor absent."""

    @model_validator(mode="before")
    @classmethod
    def _off_and_false_mean_the_same(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        fields = cls.model_fields
        return {k: _as_off(v, fields[k].annotation) if k in fields else v for k, v in data.items()}


def _as_off(value: Any, annotation: Any) -> Any:
    """Return ``value``, with off or false as the field understands it."""
    if value is False and "off" in words(annotation):
        return "off"
    if value == "off" and "off" not in words(annotation) and (annotation is bool or bool in get_args(annotation)):
        return False
    return value


@cache
def words(annotation: Any) -> tuple[Any, ...]:
    """Return the words of a field's annotation: those of its ``Literal`` parts."""
    if get_origin(annotation) is Literal:
        return get_args(annotation)
    return tuple(word for part in get_args(annotation) for word in words(part))


def _not_empty(text: str) -> str:
    if not text:
        raise PydanticKnownError("string_too_short", {"min_length": 1})
    return text


PathText = Annotated[str, AfterValidator(_not_empty), Field(json_schema_extra={"minLength": 1})]
"""A path, which need not be UTF-8: pydantic's own ``min_length`` counts letters, and refuses such text."""
