"""The pretrained backbones, one entry each. Known without TensorFlow, so that a sweep can be checked without it."""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass
from functools import cache
from itertools import takewhile
from pathlib import Path
from typing import Literal

from spaces.config.trial import PretrainedModel
from spaces.problem import Problem, did_you_mean

LAYER_NAMES = Path(__file__).with_name("layer_names.json")
"""The names of every backbone's layers. ``make layer-names`` writes it."""


@dataclass(frozen=True, kw_only=True)
class Backbone:
    """What must be known of a network to reuse it."""

    constructor: str
    """Name of a function of keras.applications."""
    preprocessing: Literal["centred", "caffe", "torch", "inside"]
    """What its images were turned into: "centred" is pixels from -1 to 1, "caffe" BGR less the means of ImageNet,
    "torch" RGB standardised by ImageNet's means and deviations; "inside", the network takes pixels from 0 to 255."""
    size_px: int
    """Side of the images that it was trained on."""
    min_size_px: int = 32
    """Side below which its feature maps vanish."""
    has_alpha: bool = False
    """Whether its constructor takes a width multiplier."""
    rescaled: tuple[float, ...] = ()
    """Divisors, one a channel, after the layer "normalization", where only published weights come with them."""
    block_ends: tuple[str, ...]
    """The layer that ends each block, from the input up; one tensor crosses each of these boundaries."""


def _named(pattern: str, stages: dict[int | str, str | int]) -> tuple[str, ...]:
    """Names of blocks by stage: ``{2: 3}`` numbers them 1, 2, 3; ``{2: "ab"}`` letters them."""
    return tuple(
        pattern.format(stage=stage, block=block)
        for stage, blocks in stages.items()
        for block in (range(1, blocks + 1) if isinstance(blocks, int) else blocks)
    )


def _mobilenet_v2() -> tuple[str, ...]:
    residual = {2, 4, 5, 7, 8, 9, 11, 12, 14, 15}
    middle = (f"block_{k}_add" if k in residual else f"block_{k}_project_BN" for k in range(1, 17))
    return ("expanded_conv_project_BN", *middle, "out_relu")


def _densenet121() -> tuple[str, ...]:
    """A transition belongs to the block below it, and the last normalisation to the last block."""
    last = {"conv2_block6": "pool2_pool", "conv3_block12": "pool3_pool", "conv4_block24": "pool4_pool"}
    last["conv5_block16"] = "relu"
    names = _named("conv{stage}_block{block}", {2: 6, 3: 12, 4: 24, 5: 16})
    return tuple(last.get(name, f"{name}_concat") for name in names)


def _efficientnet(stages: dict[int | str, str | int], first: str) -> tuple[str, ...]:
    """The first block of each stage has no way around; the last convolution is a block of its own."""
    names = _named("block{stage}{block}", stages)
    middle = (f"{name}_project_bn" if name.endswith("a") else f"{name}_add" for name in names)
    return (first, *middle, "top_activation")


BACKBONES: dict[str, Backbone] = {
    "mobilenet_v2": Backbone(
        constructor="MobileNetV2",
        preprocessing="centred",
        size_px=224,
        has_alpha=True,
        block_ends=_mobilenet_v2(),
    ),
    "vgg16": Backbone(
        constructor="VGG16", preprocessing="caffe", size_px=224, block_ends=_named("block{block}_pool", {"": 5})
    ),
    "resnet50": Backbone(
        constructor="ResNet50",
        preprocessing="caffe",
        size_px=224,
        block_ends=_named("conv{stage}_block{block}_out", {2: 3, 3: 4, 4: 6, 5: 3}),
    ),
    "densenet121": Backbone(constructor="DenseNet121", preprocessing="torch", size_px=224, block_ends=_densenet121()),
    "inception_v3": Backbone(
        constructor="InceptionV3",
        preprocessing="centred",
        size_px=299,
        min_size_px=75,
        block_ends=tuple(f"mixed{number}" for number in range(11)),
    ),
    "efficientnet_b0": Backbone(
        constructor="EfficientNetB0",
        preprocessing="inside",
        size_px=224,
        rescaled=(0.229**0.5, 0.224**0.5, 0.225**0.5),
        block_ends=_efficientnet({2: "ab", 3: "ab", 4: "abc", 5: "abc", 6: "abcd", 7: "a"}, first="block1a_project_bn"),
    ),
    "efficientnet_v2_b0": Backbone(
        constructor="EfficientNetV2B0",
        preprocessing="inside",
        size_px=224,
        block_ends=_efficientnet(
            {2: "ab", 3: "ab", 4: "abc", 5: "abcde", 6: "abcdefgh"}, first="block1a_project_activation"
        ),
    ),
}


@cache
def layer_names(backbone: str) -> tuple[str, ...]:
    """The layers of a backbone from the input up, by the names that they have in a fresh process.

    Read from a record beside this file, so that a sweep that names them is checked without building a network.
    """
    return tuple(json.loads(LAYER_NAMES.read_text())[backbone].split())


def misfit(settings: PretrainedModel) -> Problem | None:
    """What is wrong with the name of the backbone or with what is unfrozen of it, at its path in the configuration."""
    if settings.backbone not in BACKBONES:
        rule, remedy = "there is no such backbone", did_you_mean(settings.backbone, BACKBONES)
        return Problem(path=("model", "backbone"), rule=rule, given=settings.backbone, remedy=remedy)
    if settings.unfreeze_from != "off" and settings.unfreeze_from not in layer_names(settings.backbone):
        names = layer_names(settings.backbone)
        near = difflib.get_close_matches(settings.unfreeze_from, names, n=3, cutoff=0.6)
        remedy = f"did you mean {', '.join(near)}?" if near else ""
        remedy = f"{remedy} `tunehound describe {settings.backbone} --json` lists them all".strip()
        rule, given = f"{settings.backbone} has no layer of this name", settings.unfreeze_from
        return Problem(path=("model", "unfreeze_from"), rule=rule, given=given, remedy=remedy)
    if settings.unfreeze_last:
        return _too_many(settings, "unfreeze_last", "layers", len(layer_names(settings.backbone)))
    return _too_many(settings, "unfrozen_blocks", "blocks", len(BACKBONES[settings.backbone].block_ends))


def _too_many(settings: PretrainedModel, field: str, noun: str, count: int) -> Problem | None:
    if getattr(settings, field) <= count:
        return None
    rule = f"{settings.backbone} has {count} {noun}, and no more can be unfrozen"
    given, remedy = str(getattr(settings, field)), f"give {count} to train all of it"
    return Problem(path=("model", field), rule=rule, given=given, remedy=remedy)


def first_unfrozen(settings: PretrainedModel) -> int:
    """Position, among `layer_names`, of the first layer that trains; their number where none does.

    The settings must fit the backbone (`misfit`).
    """
    names = layer_names(settings.backbone)
    if settings.unfreeze_from != "off":
        return names.index(settings.unfreeze_from)
    if settings.unfreeze_last:
        return len(names) - settings.unfreeze_last
    ends = BACKBONES[settings.backbone].block_ends
    frozen = len(ends) - settings.unfrozen_blocks
    if frozen == len(ends):
        return len(names)
    return names.index(ends[frozen - 1]) + 1 if frozen > 0 else 0


def feature_cut(settings: PretrainedModel) -> str | None:
    """The layer whose output can be stored: the end of the last block below all that trains; None where none is."""
    names, first = layer_names(settings.backbone), first_unfrozen(settings)
    ends = BACKBONES[settings.backbone].block_ends
    below = list(takewhile(lambda end: names.index(end) < first, ends))
    return below[-1] if below else None
