"""The store of frozen features: a backbone's frozen part is computed once per sweep instead of once per epoch."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from spaces.config.settings import Settings, SmallCount


class Features(Settings):
    """The store of frozen features: the output of the layers below everything that trains."""

    store: Literal["auto", "off"] = "auto"
    """auto: computed once per machine and shared by all trials if that is faster; off: computed in every epoch."""
    views: SmallCount = 4
    """With augmentation: how many augmented versions of each training image are stored. Every epoch uses one of them,
    in an order that differs from image to image; without the store every epoch augments again."""
    strength_step: Annotated[float, Field(gt=0, le=1)] = 0.25
    """Trials whose augmentation.strength rounds to the same multiple of this share their features."""
    dtype: Literal["float16", "float32"] = "float16"
    """How features are stored; float16 takes half the space."""
