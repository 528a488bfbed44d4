"""What a configuration builds is told before it is trained."""

from __future__ import annotations

import pytest

from spaces.problem import InputError
from tests.trainables.small import config, mobilenet
from trainables.models.backbones import BACKBONES, layer_names
from trainables.preflight.describe import describe, describe_backbone


def test_the_parts_of_a_network_add_up_to_it() -> None:
    told = describe(config({"filters": 4, "head": {"units": 6}}), image_shape=(8, 8, 1), classes=10)
    conv, norm, dense, last = 9 * 4 + 4, 4 * 4, 4 * 6 + 6, 6 * 10 + 10
    assert told.parameters == conv + norm + dense + last
    assert told.trainable_parameters == told.parameters - 2 * 4
    by_name = {part.name: part for part in told.parts}
    assert (by_name["block_1_conv_1"].output, by_name["block_1_conv_1"].parameters) == ((8, 8, 4), conv)
    assert (told.unfrozen, told.cut, told.input_size) == (None, None, None)


def test_of_a_backbone_the_blocks_what_is_unfrozen_and_the_cut_are_told() -> None:
    told = describe(config(mobilenet(unfreeze_from="block_16_depthwise"), epochs=3), image_shape=(8, 8, 1), classes=10)
    blocks = [part for part in told.parts if part.layers]
    assert len(blocks) == len(BACKBONES["mobilenet_v2"].block_ends)
    assert [bool(part.trainable_parameters) for part in blocks] == [False] * 16 + [True] * 2
    assert (told.cut, told.input_size) == ("block_15_add", 32)
    assert told.unfrozen is not None
    assert "block_16_depthwise" in told.unfrozen
    assert sum(part.parameters for part in told.parts) == told.parameters


def test_a_backbone_is_told_by_its_blocks_numbered_from_the_top() -> None:
    told = describe_backbone("vgg16")
    assert (told.parameters, told.trainable_parameters, told.image_shape) == (14_714_688, 14_714_688, (224, 224, 3))
    assert [part.kind.split(",")[0] for part in told.parts] == [f"block {n}" for n in (5, 4, 3, 2, 1)]
    assert told.parts[-1].name == "block5_conv1 … block5_pool"
    assert sum((part.layers for part in told.parts), ()) == layer_names("vgg16")[1:]


def test_a_backbone_that_is_not_there_is_refused() -> None:
    with pytest.raises(InputError, match="did you mean vgg16"):
        describe_backbone("vgg61")
