"""What every backbone promises of its frozen part: cut in two at any depth, it is still the whole network."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from spaces.config.trial import Augmentation, PretrainedModel, TrialConfig
from trainables.features.table import prefix_of
from trainables.models.backbones import BACKBONES
from trainables.models.cut import cut_of
from trainables.models.layers import StockLayers
from trainables.models.pretrained import BACKBONE_LAYER, pretrained, suffix_of
from trainables.models.settable import settable_values

DEPTHS = (0, 1, 2)


@pytest.mark.parametrize("backbone", BACKBONES)
def test_a_prefix_and_its_suffix_predict_as_the_whole_network_does(backbone: str) -> None:
    side = max(BACKBONES[backbone].min_size_px, 32)
    settings = {"kind": "pretrained", "backbone": backbone, "weights": "none", "input_size": side}
    models = [PretrainedModel.model_validate({**settings, "unfrozen_blocks": depth}) for depth in DEPTHS]
    images = keras.Input((side, side, 3), dtype="float32")
    config = TrialConfig.model_validate({"data": {"source": "digits"}, "model": settings, "training": {"epochs": 2}})
    layers = StockLayers(settable_values(config))
    whole = keras.Model(images, pretrained(images, models[0], classes=4, layers=layers))
    cuts = [cut for model in models if (cut := cut_of(model, unfrozen=True)) is not None]
    assert len(set(cuts)) == len(DEPTHS)
    weights = whole.get_layer(BACKBONE_LAYER).get_weights()
    prefix = prefix_of(
        models[0].model_copy(update={"features": models[0].features.model_copy(update={"dtype": "float32"})}),
        Augmentation(),
        cuts,
        weights=weights,
        image_shape=(side, side, 3),
    )
    pixels = np.random.default_rng(0).integers(0, 256, (6, side, side, 3), dtype=np.uint8)
    expected = whole(pixels.astype(np.float32), training=False).numpy()
    for cut, features in zip(cuts, prefix.compute(pixels, strength=0.0, seed=(0, 0)), strict=True):
        assert np.allclose(suffix_of(whole, cut)(features, training=False).numpy(), expected, atol=1e-5), cut
