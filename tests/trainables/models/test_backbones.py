"""The table of backbones says what Keras' networks are: their layers, boundaries, sizes and preprocessing."""

from __future__ import annotations

import importlib
import json
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import keras
import numpy as np
import pytest

from spaces.config.trial import PretrainedModel
from tests.trainables.small import config
from trainables.models.backbones import BACKBONES, LAYER_NAMES, feature_cut, first_unfrozen, layer_names, misfit
from trainables.models.pretrained import (
    BACKBONE_LAYER,
    network_of,
    preprocessed,
    set_trainable,
    trained_weights,
)
from trainables.training.build import Inputs, build, set_values

ALL = pytest.mark.parametrize("backbone", BACKBONES)


def settings(backbone: str, **model: object) -> PretrainedModel:
    data = {"kind": "pretrained", "backbone": backbone, "weights": "none", **model}
    return PretrainedModel.model_validate({"input_size": BACKBONES[backbone].min_size_px, **data})


@lru_cache
def network(backbone: str) -> keras.Model:
    return network_of(settings(backbone))


@ALL
def test_layers_are_named_as_in_a_fresh_process_however_many_models_were_built_before(backbone: str) -> None:
    again = network_of(settings(backbone))
    for model in (network(backbone), again):
        assert tuple(layer.name for layer in model.layers) == layer_names(backbone)


def test_the_record_holds_every_backbone_and_no_other() -> None:
    """`make layer-names` writes it; that the names are Keras' own is what the test above says."""
    assert set(json.loads(LAYER_NAMES.read_text())) == set(BACKBONES)


@ALL
def test_one_tensor_crosses_the_end_of_each_block(backbone: str) -> None:
    model, ends = network(backbone), BACKBONES[backbone].block_ends
    for end in ends[:-1]:
        keras.Model(model.get_layer(end).output, model.output)  # raises where another tensor crosses
    assert model.get_layer(ends[-1]).output is model.output
    order = [layer_names(backbone).index(end) for end in ends]
    assert all(lower < upper for lower, upper in pairwise(order))


@ALL
def test_no_layer_above_the_end_of_a_block_stands_below_it_in_the_list(backbone: str) -> None:
    """So that a position in the list tells what lies above a cut."""
    model, names = network(backbone), layer_names(backbone)
    for end in BACKBONES[backbone].block_ends[:-1]:
        above = keras.Model(model.get_layer(end).output, model.output).layers[1:]
        assert {layer.name for layer in above} == set(names[names.index(end) + 1 :])


@ALL
def test_pixels_are_prepared_as_keras_does(backbone: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, 9, 9, 3)).astype(np.float32)
    images = keras.Input((9, 9, 3))
    model = keras.Model(images, preprocessed(images, BACKBONES[backbone]))
    ours = np.asarray(model(pixels))
    constructor = getattr(keras.applications, BACKBONES[backbone].constructor)
    prepare = importlib.import_module(constructor.__module__).preprocess_input
    theirs = np.asarray(prepare(pixels.copy()))
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=5e-7 * max(1.0, float(np.abs(theirs).max())))


@ALL
def test_the_smallest_size_is_the_smallest_that_keras_takes(backbone: str) -> None:
    entry = BACKBONES[backbone]
    constructor, side = getattr(keras.applications, entry.constructor), entry.min_size_px - 1
    with pytest.raises(ValueError, match="at least"):
        constructor(input_shape=(side, side, 3), include_top=False, weights=None)
    assert entry.min_size_px <= entry.size_px


@ALL
def test_random_weights_can_be_drawn_for_every_backbone(backbone: str) -> None:
    made = build(
        config(settings(backbone).model_dump()), Inputs(shape=(8, 8, 1), classes=3, mean=(1.0,), variance=(1.0,))
    )
    set_values(made, config(settings(backbone).model_dump()))
    assert np.isfinite(np.asarray(made.model(np.zeros((1, 8, 8, 1), np.float32)))).all()


def test_a_weights_file_of_an_efficientnet_works_as_the_published_weights_do(tmp_path: Path) -> None:
    """With weights="imagenet" Keras divides once more by the channels' deviations; with a file it forgets to."""
    side = 32
    theirs = keras.applications.EfficientNetB0(input_shape=(side, side, 3), include_top=False, weights=None)
    path = tmp_path / "efficientnet.weights.h5"
    theirs.save_weights(path)
    model = settings("efficientnet_b0", weights=str(path), input_size=side)
    ours = network_of(model)
    weights = trained_weights(keras.Sequential([ours]), model)
    for layer in ours.layers:
        if layer.name in weights:
            layer.set_weights(weights[layer.name])
    pixels = np.random.default_rng(0).uniform(0, 255, (1, side, side, 3)).astype(np.float32)
    stem = keras.Model(theirs.layers[3].input, theirs.output)
    divided = (pixels / 255) / np.sqrt(np.array([0.229, 0.224, 0.225], np.float32))  # the file's normalisation is plain
    np.testing.assert_allclose(np.asarray(ours(pixels)), np.asarray(stem(divided)), atol=1e-4)


@pytest.mark.parametrize(
    ("model", "first", "cut"),
    [
        ({}, None, "out_relu"),
        ({"unfrozen_blocks": 1}, "Conv_1", "block_16_project_BN"),
        ({"unfrozen_blocks": 2}, "block_16_expand", "block_15_add"),
        ({"unfrozen_blocks": 17}, "block_1_expand", "expanded_conv_project_BN"),
        ({"unfrozen_blocks": 18}, "input_layer", None),
        ({"unfreeze_from": "block_16_expand"}, "block_16_expand", "block_15_add"),
        ({"unfreeze_from": "block_16_depthwise"}, "block_16_depthwise", "block_15_add"),
        ({"unfreeze_from": "Conv1"}, "Conv1", None),
        ({"unfreeze_last": 3}, "Conv_1", "block_16_project_BN"),
        ({"unfreeze_last": 4}, "block_16_project_BN", "block_15_add"),
        ({"unfreeze_last": 154}, "input_layer", None),
    ],
)
def test_what_trains_and_the_cut_follow_from_blocks_names_or_counts(
    model: dict[str, object], first: str | None, cut: str | None
) -> None:
    chosen = settings("mobilenet_v2", alpha=0.35, head_epochs=1, **model)
    names = layer_names("mobilenet_v2")
    position = first_unfrozen(chosen)
    assert (names[position] if position < len(names) else None) == first
    assert feature_cut(chosen) == cut
    holder = keras.Sequential([network_of(chosen)])
    assert holder.layers[0].name == BACKBONE_LAYER
    set_trainable(holder, chosen, unfrozen=True)
    assert [layer.name for layer in holder.layers[0].layers if layer.trainable] == list(names[position:])
    set_trainable(holder, chosen, unfrozen=False)
    assert not any(layer.trainable for layer in holder.layers[0].layers)


@pytest.mark.parametrize(
    ("backbone", "model", "cut"),
    [
        ("inception_v3", {"unfreeze_from": "conv2d_93"}, "mixed9"),
        ("inception_v3", {"unfreeze_from": "mixed9"}, "mixed8"),
        ("densenet121", {"unfreeze_last": 29}, "conv5_block12_concat"),
        ("vgg16", {"unfreeze_from": "block5_conv1"}, "block4_pool"),
    ],
)
def test_the_cut_is_the_last_boundary_below_all_that_trains(backbone: str, model: dict[str, object], cut: str) -> None:
    assert feature_cut(settings(backbone, **model)) == cut


def test_an_unknown_layer_gets_the_nearest_names() -> None:
    problem = misfit(settings("mobilenet_v2", unfreeze_from="block_16_expnd"))
    assert problem is not None
    assert problem.path == ("model", "unfreeze_from")
    assert "block_16_expand" in problem.remedy


@pytest.mark.parametrize("field", ["unfrozen_blocks", "unfreeze_last"])
def test_more_than_there_is_cannot_be_unfrozen(field: str) -> None:
    problem = misfit(settings("vgg16", **{field: 20}))
    assert problem is not None
    assert problem.path == ("model", field)
    assert "no more" in problem.rule
