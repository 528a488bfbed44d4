"""The pretrained backbones, one entry each: constructor, preprocessing, sizes and block boundaries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import keras


@dataclass(frozen=True, kw_only=True)
class Backbone:
    """What must be known of a network to reuse it."""

    constructor: Callable[..., keras.Model]
    """Function of keras.applications."""
    preprocessing: Callable[[], keras.layers.Layer]
    """A stock layer that turns pixels in [0, 255] into what the network was trained on."""
    size_px: int
    """Side of the images that it was trained on."""
    min_size_px: int
    """Side below which its feature maps vanish."""
    has_alpha: bool
    """Whether its constructor takes a width multiplier."""
    block_ends: tuple[str, ...]
    """The layer that ends each block, from the input up; one tensor crosses each of these boundaries."""


def _mobilenet_v2_blocks() -> tuple[str, ...]:
    residual = {2, 4, 5, 7, 8, 9, 11, 12, 14, 15}
    middle = (f"block_{k}_add" if k in residual else f"block_{k}_project_BN" for k in range(1, 17))
    return ("expanded_conv_project_BN", *middle, "out_relu")


BACKBONES: dict[str, Backbone] = {
    "mobilenet_v2": Backbone(
        constructor=keras.applications.MobileNetV2,
        preprocessing=lambda: keras.layers.Rescaling(1 / 127.5, offset=-1, name="preprocess"),
        size_px=224,
        min_size_px=32,
        has_alpha=True,
        block_ends=_mobilenet_v2_blocks(),
    ),
}
