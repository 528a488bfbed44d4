"""The pretrained backbones, one entry each. Known without TensorFlow, so that a sweep can be checked without it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Backbone:
    """What must be known of a network to reuse it."""

    constructor: str
    """Name of a function of keras.applications."""
    preprocessing: Literal["centred"]
    """What its images were turned into: "centred" is pixels from -1 to 1."""
    size_px: int
    """Side of the images that it was trained on."""
    min_size_px: int
    """Side below which its feature maps vanish."""
    has_alpha: bool
    """Whether its constructor takes a width multiplier."""
    block_ends: tuple[str, ...]
    """The layer that ends each block, from the input up; one tensor crosses each of these boundaries."""

    def cut(self, unfrozen_blocks: int) -> str | None:
        """The last frozen layer where so many blocks, from the top, train; None where nothing is frozen."""
        frozen = len(self.block_ends) - unfrozen_blocks
        return self.block_ends[frozen - 1] if frozen > 0 else None


def _mobilenet_v2_blocks() -> tuple[str, ...]:
    residual = {2, 4, 5, 7, 8, 9, 11, 12, 14, 15}
    middle = (f"block_{k}_add" if k in residual else f"block_{k}_project_BN" for k in range(1, 17))
    return ("expanded_conv_project_BN", *middle, "out_relu")


BACKBONES: dict[str, Backbone] = {
    "mobilenet_v2": Backbone(
        constructor="MobileNetV2",
        preprocessing="centred",
        size_px=224,
        min_size_px=32,
        has_alpha=True,
        block_ends=_mobilenet_v2_blocks(),
    ),
}
