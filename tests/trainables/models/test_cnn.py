"""The network trained from scratch: its settings make the layers that they name."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from pydantic import ValidationError

from spaces.config.trial import CnnModel
from tests.trainables.small import config
from trainables.models.cnn import block_filters
from trainables.models.layers import StockLayers
from trainables.models.settable import architecture, settable_values
from trainables.training.build import Inputs, _model, build, set_values

INPUTS = Inputs(shape=(16, 16, 3), classes=4, mean=(1.0, 2.0, 3.0), variance=(1.0, 1.0, 1.0))


def built(**model: Any) -> keras.Model:
    settings = config(model)
    return _model(settings, INPUTS, layers=StockLayers(settable_values(settings)))


@pytest.mark.parametrize(
    ("filters", "growth", "expected"), [(32, 2.0, (32, 64, 128)), (10, 1.25, (10, 12, 16)), ((8, 4, 8), 2.0, (8, 4, 8))]
)
def test_filters_grow_from_block_to_block_or_are_listed(filters: Any, growth: float, expected: Any) -> None:
    assert block_filters(CnnModel(kind="cnn", blocks=3, filters=filters, growth=growth)) == expected


def test_blocks_are_convolutions_norm_activation_pool_and_dropout() -> None:
    names = [layer.name for layer in built(blocks=1, convs_per_block=2, dropout=0.5).layers]
    conv = [f"block_1_conv_{n}{part}" for n in (1, 2) for part in ("", "_norm", "_activation")]
    assert names == [
        "pixels",
        "normalise",
        *conv,
        "block_1_pool",
        "block_1_dropout",
        "head_pool",
        "head_dropout",
        "classes",
    ]


def test_batch_norm_stands_where_the_settings_say() -> None:
    after = [layer.name for layer in built(batch_norm="after").layers]
    assert after.index("block_1_conv_1_activation") < after.index("block_1_conv_1_norm")
    assert not any("norm" in layer.name for layer in built(batch_norm="off").layers if layer.name != "normalise")


def test_settings_reach_their_layers() -> None:
    model = built(
        filters=6,
        kernel_size=5,
        pool_size=4,
        initializer="glorot_uniform",
        activation="leaky_relu",
        dropout=0.3,
        l2=0.01,
        head={"pooling": "flatten", "units": (7, 5), "dropout": 0.4, "batch_norm": True},
    )
    conv = model.get_layer("block_1_conv_1")
    assert (conv.filters, conv.kernel_size) == (6, (5, 5))
    assert type(conv.kernel_initializer).__name__ == "GlorotUniform"
    assert conv.kernel_regularizer.l2 == pytest.approx(0.01)
    assert model.get_layer("block_1_conv_1_activation").negative_slope == pytest.approx(0.1)
    assert model.get_layer("block_1_pool").pool_size == (4, 4)
    assert model.get_layer("block_1_dropout").rate == 0.3
    assert [model.get_layer(f"head_dense_{n}").units for n in (1, 2)] == [7, 5]
    assert {model.get_layer(f"head_dropout_{n}").rate for n in (1, 2)} == {0.4}
    assert model.get_layer("head_norm_2").gamma.shape == (5,)
    assert model.get_layer("head_pool").output.shape == (None, 4 * 4 * 6)


def test_a_pool_size_of_1_pools_nowhere() -> None:
    model = built(pool_size=1, blocks=2)
    assert not any("block" in layer.name and "pool" in layer.name for layer in model.layers)


def names(**model: Any) -> list[str]:
    """The layers from the first block up to the head, each without its block's name."""
    layers = [layer.name for layer in built(blocks=1, **model).layers]
    return [name.removeprefix("block_1_") for name in layers if name.startswith("block_1_")]


def test_batch_norm_may_stand_once_a_block_after_its_pooling() -> None:
    convs = ["conv_1", "conv_1_activation", "conv_2", "conv_2_activation"]
    assert names(batch_norm="block", convs_per_block=2) == [*convs, "pool", "norm", "dropout"]


def test_each_convolution_of_a_block_may_have_its_own_kernel() -> None:
    model = built(blocks=2, convs_per_block=2, kernel_size=(5, 3))
    sizes = [layer.kernel_size[0] for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    assert sizes == [5, 3, 5, 3]


def test_valid_padding_loses_a_border() -> None:
    assert built(blocks=1, padding="valid", kernel_size=5).get_layer("block_1_conv_1").output.shape[1:3] == (12, 12)


def test_only_the_named_blocks_pool() -> None:
    pools = [layer.name for layer in built(blocks=3, pool=(True, False, True)).layers if "_pool" in layer.name]
    assert pools == ["block_1_pool", "block_3_pool", "head_pool"]


def test_dropout_may_have_one_rate_a_block() -> None:
    model = built(blocks=2, dropout=(0.1, 0.2))
    assert [model.get_layer(f"block_{n}_dropout").rate for n in (1, 2)] == [0.1, 0.2]


@pytest.mark.parametrize(
    ("rates", "expected"),
    [
        (0.3, {"1_conv_1": 0.3, "1_conv_2": 0.3, "2_conv_1": 0.3, "2_conv_2": 0.3}),
        ((0.3, 0.0), {"1_conv_1": 0.3, "1_conv_2": 0.3}),
        ((0.3, 0.0, 0.4, 0.0), {"1_conv_1": 0.3, "2_conv_1": 0.4}),
    ],
)
def test_dropout_after_convolutions_has_one_rate_or_one_a_block_or_one_a_convolution(rates: Any, expected: Any) -> None:
    model = built(blocks=2, convs_per_block=2, conv_dropout=rates)
    found = {layer.name: layer.rate for layer in model.layers if layer.name.endswith(("1_dropout", "2_dropout"))}
    inside = {name: rate for name, rate in found.items() if "conv" in name}
    assert inside == {f"block_{name}_dropout": rate for name, rate in expected.items()}


@pytest.mark.parametrize("norm", ["before", "after", "block", "off"])
def test_a_way_around_joins_before_the_last_activation(norm: str) -> None:
    model = built(blocks=2, convs_per_block=3, residual=True, batch_norm=norm)
    added = model.get_layer("block_2_around_add")
    last = "block_2_conv_3_norm" if norm == "before" else "block_2_conv_3"
    around = "block_2_around_norm" if norm == "before" else "block_2_around"
    assert [tensor._keras_history.operation.name for tensor in added.input] == [last, around]
    assert model.get_layer("block_2_conv_3_activation").input is added.output
    assert model.get_layer("block_2_around").kernel_size == (3, 3)


def test_penalties_reach_kernels_and_biases_and_the_head_may_have_its_own() -> None:
    model = built(l1=0.1, l2=0.2, bias_l2=0.3, head={"units": 5, "l1": 0.0, "l2": 0.4})
    conv, dense, last = (model.get_layer(name) for name in ("block_1_conv_1", "head_dense_1", "classes"))
    sizes = [(float(x.kernel_regularizer.l1), float(x.kernel_regularizer.l2)) for x in (conv, dense, last)]
    np.testing.assert_allclose(sizes, [(0.1, 0.2), (0.0, 0.4), (0.0, 0.4)], rtol=1e-6)
    assert [float(x.bias_regularizer.l2) for x in (conv, dense, last)] == pytest.approx([0.3] * 3)


def test_the_head_follows_the_model_unless_it_says_otherwise() -> None:
    style = {"activation": "leaky_relu", "negative_slope": 0.3, "initializer": "he_uniform"}
    follows = built(**style, head={"units": 5})
    assert follows.get_layer("head_activation_1").negative_slope == pytest.approx(0.3)
    assert type(follows.get_layer("head_dense_1").kernel_initializer).__name__ == "HeUniform"
    own = built(**style, head={"units": 5, "activation": "relu", "initializer": "glorot_uniform"})
    assert own.get_layer("head_activation_1").activation is keras.activations.relu
    assert type(own.get_layer("head_dense_1").kernel_initializer).__name__ == "GlorotUniform"


def test_each_hidden_layer_of_the_head_may_have_its_own_norm_and_dropout() -> None:
    head = {"units": (7, 5), "batch_norm": (False, True), "dropout": (0.0, 0.5)}
    for norm, order in (("before", ["norm", "activation"]), ("off", ["activation", "norm"])):
        model = built(batch_norm=norm, head=head)
        layers = [layer.name for layer in model.layers if layer.name.startswith("head_")]
        second = ["head_dense_2", *(f"head_{each}_2" for each in order), "head_dropout_2"]
        assert layers == ["head_pool", "head_dense_1", "head_activation_1", "head_dropout_1", *second]
        assert model.get_layer("head_dropout_2").rate == 0.5


@pytest.mark.parametrize(
    "model",
    [
        {"blocks": 2, "dropout": (0.1,)},
        {"blocks": 2, "pool": (True,)},
        {"convs_per_block": 2, "kernel_size": (5,)},
        {"blocks": 2, "convs_per_block": 2, "conv_dropout": (0.1, 0.1, 0.1)},
        {"head": {"units": (8, 8), "dropout": (0.1,)}},
        {"head": {"dropout": (0.1,)}},
        {"head": {"units": 8, "batch_norm": (True, False)}},
        {"residual": True, "padding": "valid"},
    ],
)
def test_lists_of_another_length_and_ways_around_what_shrinks_are_refused(model: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=r"must have one (number|answer) a|must end at the size"):
        config(model)


def test_lists_of_settable_values_change_without_a_new_graph_and_act_each_in_its_place() -> None:
    inputs = Inputs(shape=(16, 16, 3), classes=4, mean=(1.0,) * 3, variance=(1.0,) * 3)
    first = config({"blocks": 2, "dropout": (0.0, 0.5), "l1": 0.5, "head": {"units": (6,), "dropout": (0.25,)}})
    second = config({"blocks": 2, "dropout": (0.4, 0.0), "l1": 0.25, "head": {"units": (6,), "dropout": (0.0,)}})
    made = build(first, inputs)
    assert architecture(first.model) == architecture(second.model)
    for settings in (first, second):
        set_values(made, settings)
        held = {path: float(variable.numpy()) for path, variable in made.variables.items()}
        expected = settable_values(settings)
        assert {"model.dropout.0", "model.dropout.1", "model.head.dropout.0", "model.l1"} <= set(held)
        assert held == pytest.approx({path: expected[path] for path in held})
