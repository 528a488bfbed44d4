"""The part of a network that trains on stored features; its layers are those of the whole network."""

from __future__ import annotations

import keras

from trainables.features.cut import Cut
from trainables.models.head import FIRST_LAYER
from trainables.models.pretrained import BACKBONE_LAYER


def suffix_of(whole: keras.Model, cut: Cut) -> keras.Model:
    """From what crosses the cut, float32 (batch, …), to class probabilities, by the layers of ``whole`` themselves."""
    backbone, pool = whole.get_layer(BACKBONE_LAYER), whole.get_layer(FIRST_LAYER)
    crossing = backbone.get_layer(cut.layer).output
    if cut.pooling:
        vector = keras.Input(pool.output.shape[1:], dtype="float32", name="features")
        return keras.Model(vector, keras.Model(pool.output, whole.output)(vector), name="suffix")
    features = keras.Input(crossing.shape[1:], dtype="float32", name="features")
    top = features if cut.layer == backbone.layers[-1].name else keras.Model(crossing, backbone.output)(features)
    return keras.Model(features, keras.Model(pool.input, whole.output)(top), name="suffix")
