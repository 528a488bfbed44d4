"""Random changes to training images: which, how far, how strong."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from spaces.config.settings import Fraction, IncompatibleError, Positive, Settable, Settings

Transform = Literal["flip", "rotation", "shift", "zoom", "shear", "brightness", "contrast"]


Factors = Annotated[tuple[Positive, ...], Field(min_length=2, max_length=2)]
"""The lowest and the highest factor; 1 changes nothing."""


class Ranges(Settings):
    """Which transforms take part, and how far each goes at strength 1. A transform without a range is not used."""

    flip: Annotated[float, Field(gt=0, le=1)] | None = None
    """Probability of a horizontal flip."""
    rotation: Annotated[float, Field(gt=0, le=180)] | None = None
    """± degrees."""
    shift: Annotated[float, Field(gt=0, le=1)] | None = None
    """± share of the image's side, horizontally and vertically."""
    zoom: Fraction | Factors | None = None
    """± share of the visible side; or the lowest and highest factor: [0.8, 1.0] crops to 80–100 %."""
    shear: Annotated[float, Field(gt=0, le=2)] | None = None
    """± tangent of the angle: 0.2 moves the upper edge sideways by a tenth of the height."""
    brightness: Annotated[float, Field(gt=0, le=1)] | Factors | None = None
    """± share of the pixel range, added; or the lowest and highest factor, multiplied: [0.9, 1.2]."""
    contrast: Fraction | Factors | None = None
    """Factor 1 ± this around each image's mean; or the lowest and highest factor."""

    @model_validator(mode="after")
    def _from_low_to_high(self) -> Self:
        for name in ("zoom", "brightness", "contrast"):
            given = getattr(self, name)
            if isinstance(given, tuple) and given[0] >= given[1]:
                rule = f"the factors of {name} must go from lower to higher; got [{given[0]:g}, {given[1]:g}]"
                raise IncompatibleError(
                    rule, at=(name,), remedy="swap the two, or give one number for a range around no change"
                )
        return self


class Augmentation(Settings):
    """Random changes to batches of training images, in the graph; one strength scales them all."""

    policy: tuple[Transform, ...] | Ranges = ()
    """The transforms: a list of names, each with its default range, or a mapping of names to ranges."""
    strength: Annotated[float, Field(ge=0, le=1), Settable] = 0.0
    """0 leaves images unchanged; 1 uses the full range of each transform."""
