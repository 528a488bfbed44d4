"""A little of what a stage would be fed from the store, made in memory, to time it by."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spaces.config.trial import PretrainedModel, TrialConfig
from trainables.data import store
from trainables.dataset import Dataset, Features
from trainables.features.policy import ROOM, Sharing, Source, decide
from trainables.features.storage import Layout
from trainables.features.table import prefix_of
from trainables.features.views import views_of
from trainables.models.cut import Cut, cut_of, cuts_of, highest_usable
from trainables.models.fine_tuning import Stage
from trainables.models.pretrained import BACKBONE_LAYER
from trainables.training.build import Built, steps_on
from trainables.training.steps import Steps

IMAGES = 64
"""Of so many, features are computed."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Features of a few images, and what they took."""

    steps: Steps
    """Train and measure what lies above the cut."""
    features: Features
    image_s: float
    """To compute the features of one image, in seconds."""


def sample(
    built: Built, config: TrialConfig, dataset: Dataset, stage: Stage, *, trials: int, cuts: Sequence[Cut]
) -> Sample | Source | None:
    """What a stage would train on, one of ``trials`` that cut their network at ``cuts``; why not, where it is images.

    None of a network that has no backbone.

    The network must have the weights that it begins with.
    """
    model = config.model
    if not isinstance(model, PretrainedModel):
        return None
    sharing = Sharing(images=dataset.fingerprint, trials=trials, cuts=tuple(cuts))
    wanted = cut_of(model, unfrozen=stage.unfrozen)
    source = decide(config, model, stage, sharing, images=len(dataset.train))
    if source != Source.STORED or wanted is None:
        return source
    places = sorted({*cuts_of(model), *cuts}, key=str)
    weights = built.model.get_layer(BACKBONE_LAYER).get_weights()
    prefix = prefix_of(model, config.augmentation, places, weights=weights, image_shape=dataset.image_shape)
    views = views_of(config.augmentation, model.features)
    whole = Layout(images=len(dataset.train), views=views.count, shapes=prefix.shapes, dtype=prefix.dtype)
    try:
        shortage, _ = store.plan(whole.bytes)
    except OSError:
        return Source.NO_STORE
    if shortage is not None:
        return ROOM[shortage]
    few = np.arange(min(IMAGES, len(dataset.train)))
    pixels = dataset.train.read(few)
    prefix.compute(pixels, strength=views.strength, seed=(0, 0))  # traced now
    began = time.perf_counter()
    computed = prefix.compute(pixels, strength=views.strength, seed=(0, 0))
    image_s = (time.perf_counter() - began) / len(few)
    cut = highest_usable(places, wanted, backbone=model.backbone)
    return Sample(
        steps=steps_on(built, cut, unfrozen=stage.unfrozen, dtype=model.features.dtype),
        features=Features(computed[places.index(cut)], dataset.train.labels[few]),
        image_s=image_s,
    )
