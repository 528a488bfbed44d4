"""A few features of a stage, computed in memory, to time training on stored features."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spaces.config.trial import PretrainedModel, TrialConfig
from trainables.data import store
from trainables.dataset import Dataset, StoredFeatures
from trainables.features.policy import SHORTAGES, FeatureSharing, Source, decide
from trainables.features.storage import Layout
from trainables.features.table import prefix_of
from trainables.features.views import views_of
from trainables.models.cut import Cut, cut_of, cuts_of, highest_usable
from trainables.models.fine_tuning import Stage
from trainables.models.pretrained import BACKBONE_LAYER
from trainables.training.build import CompiledModel, feature_steps
from trainables.training.steps import Steps

SAMPLE_IMAGES = 64
"""Number of images to compute features for."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """StoredFeatures of a few images, and the time they took."""

    steps: Steps
    """The steps that train the layers above the cut."""
    features: StoredFeatures
    image_s: float
    """Seconds to compute the features of one image."""


def sample(
    built: CompiledModel, config: TrialConfig, dataset: Dataset, stage: Stage, *, trials: int, cuts: Sequence[Cut]
) -> Sample | Source | None:
    """Return the features that a stage would train on if ``trials`` trials cut their networks at ``cuts``.

    Returns the source instead if the stage would train on images, and None for a network without a backbone. The
    network must still have its initial weights.
    """
    model = config.model
    if not isinstance(model, PretrainedModel):
        return None
    sharing = FeatureSharing(images=dataset.fingerprint, trials=trials, cuts=tuple(cuts))
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
        shortage, _ = store.plan_eviction(whole.bytes)
    except OSError:
        return Source.NO_STORE
    if shortage is not None:
        return SHORTAGES[shortage]
    few = np.arange(min(SAMPLE_IMAGES, len(dataset.train)))
    pixels = dataset.train.read(few)
    prefix.compute(pixels, strength=views.strength, seed=(0, 0))  # traces the graph
    began = time.perf_counter()
    computed = prefix.compute(pixels, strength=views.strength, seed=(0, 0))
    image_s = (time.perf_counter() - began) / len(few)
    cut = highest_usable(places, wanted, backbone=model.backbone)
    return Sample(
        steps=feature_steps(built, cut, unfrozen=stage.unfrozen, dtype=model.features.dtype),
        features=StoredFeatures(computed[places.index(cut)], dataset.train.labels[few]),
        image_s=image_s,
    )
