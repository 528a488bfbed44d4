"""The network trained from scratch: its settings make the layers that they name."""

from __future__ import annotations

from typing import Any

import keras
import pytest

from spaces.config import CnnModel
from tests.trainables.small import config
from trainables.models.build import Inputs, _model
from trainables.models.cnn import block_filters
from trainables.models.layers import StockLayers
from trainables.models.settable import settable_values

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
    assert model.get_layer("block_1_pool").pool_size == (4, 4)
    assert model.get_layer("block_1_dropout").rate == 0.3
    assert [model.get_layer(f"head_dense_{n}").units for n in (1, 2)] == [7, 5]
    assert {model.get_layer(f"head_dropout{n}").rate for n in ("_1", "_2", "")} == {0.4}
    assert model.get_layer("head_norm_2").gamma.shape == (5,)
    assert model.get_layer("head_pool").output.shape == (None, 4 * 4 * 6)


def test_a_pool_size_of_1_pools_nowhere() -> None:
    model = built(pool_size=1, blocks=2)
    assert not any("block" in layer.name and "pool" in layer.name for layer in model.layers)
