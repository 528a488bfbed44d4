"""What is kept of a backbone's frozen part, so that its output is computed once a sweep instead of once an epoch."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveInt

from spaces.config.settings import Settings


class Features(Settings):
    """The store of frozen features: the output of the layers below all that trains."""

    store: Literal["auto", "off"] = "auto"
    """auto: computed once a machine and shared by all trials wherever that pays; off: computed in every epoch."""
    views: PositiveInt = 4
    """Where training images are augmented: how many augmented versions of each one are kept. Every epoch shows one of
    them, in an order of its own for each image; without the store each epoch augments anew."""
    strength_step: Annotated[float, Field(gt=0, le=1)] = 0.25
    """Trials whose augmentation.strength rounds to the same multiple of this share their features."""
    dtype: Literal["float16", "float32"] = "float16"
    """How features are kept; float16 takes half the room."""
