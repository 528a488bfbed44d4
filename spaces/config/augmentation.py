"""Random changes to training images: which, how far, how strong."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, PositiveFloat, model_validator

from spaces.config.settings import ClashError, Fraction, Settable, Settings

Transform = Literal["flip", "rotation", "shift", "zoom", "shear", "brightness", "contrast"]


Factors = Annotated[tuple[PositiveFloat, ...], Field(min_length=2, max_length=2)]
"""A lowest and a highest factor; 1 changes nothing."""


class Ranges(Settings):
    """Which transforms take part, and how far each goes at strength 1. A transform without a range takes none."""

    flip: Annotated[float, Field(gt=0, le=1)] | None = None
    """Probability of a horizontal flip."""
    rotation: Annotated[float, Field(gt=0, le=180)] | None = None
    """± degrees."""
    shift: Annotated[float, Field(gt=0, le=1)] | None = None
    """± of the image's side, across and down alike."""
    zoom: Fraction | Factors | None = None
    """± of the visible side; or from which to which side, as factors: [0.8, 1.0] crops to 80–100 %."""
    shear: Annotated[float, Field(gt=0, le=2)] | None = None
    """± tangent of the angle: 0.2 moves the upper edge sideways by a tenth of the height."""
    brightness: Annotated[float, Field(gt=0, le=1)] | Factors | None = None
    """± of the pixel range, added; or from which to which factor, multiplied: [0.9, 1.2]."""
    contrast: Fraction | Factors | None = None
    """Factor 1 ± this around each image's mean; or from which to which factor."""

    @model_validator(mode="after")
    def _from_low_to_high(self) -> Self:
        for name in ("zoom", "brightness", "contrast"):
            given = getattr(self, name)
            if isinstance(given, tuple) and given[0] >= given[1]:
                rule = f"{name} goes from a lower to a higher factor; got [{given[0]:g}, {given[1]:g}]"
                raise ClashError(rule, at=(name,), remedy="swap the two, or give one number for ± around no change")
        return self


class Augmentation(Settings):
    """Random changes to training images, in the graph, on the batch; one strength scales them all."""

    policy: tuple[Transform, ...] | Ranges = ()
    """Which transforms take part: a list of names, each with its usual range, or each with a range of your own."""
    strength: Annotated[float, Field(ge=0, le=1), Settable] = 0.0
    """0 leaves images as they are; 1 is the full range of each transform."""
