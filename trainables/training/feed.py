"""The input of a training stage: images, or stored features of its frozen layers."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from spaces.config.trial import PretrainedModel, TrialConfig
from trainables.data.build import format_size
from trainables.data.store import LIMIT, UnusableError
from trainables.dataset import AnyImages, PositionArray
from trainables.features.policy import SHORTAGES, FeatureSharing, Source, decide
from trainables.features.storage import NoRoomError
from trainables.features.table import FeatureTable, prefix_of
from trainables.features.views import CLEAN, views_in_epoch, views_of
from trainables.models.cut import Cut, cut_of, cuts_of, highest_usable
from trainables.models.fine_tuning import Stage
from trainables.models.pretrained import BACKBONE_LAYER
from trainables.training.build import CompiledModel, feature_steps
from trainables.training.steps import Steps

Metrics = dict[str, float]
CheckInterrupt = Callable[[], None]

logger = logging.getLogger(__name__)


class Feed(Protocol):
    """Trains and evaluates a stage."""

    source: Source | None
    """Where the frozen layers' output comes from; None if nothing is frozen or shared."""

    def train(
        self, epoch: int, positions: PositionArray, *, batch_size: int, check_interrupt: CheckInterrupt
    ) -> Metrics | None:
        """Train one epoch (from 0) over the images at some positions; see `trainables.training.steps.Steps.train`."""

    def evaluate(self, *, check_interrupt: CheckInterrupt) -> tuple[Metrics, NDArray[np.float32]]:
        """Evaluate the validation split; see `trainables.training.steps.Steps.evaluate`."""


@dataclass
class ImageFeed:
    """Feeds images to the whole network."""

    steps: Steps
    images: AnyImages
    validation: AnyImages | None
    source: Source | None = None

    def train(
        self, epoch: int, positions: PositionArray, *, batch_size: int, check_interrupt: CheckInterrupt
    ) -> Metrics | None:
        """Train on freshly augmented images."""
        return self.steps.train(self.images, positions, batch_size=batch_size, check_interrupt=check_interrupt)

    def evaluate(self, *, check_interrupt: CheckInterrupt) -> tuple[Metrics, NDArray[np.float32]]:
        """Evaluate on unaugmented images."""
        if self.validation is None:
            raise ValueError("there is no validation split to evaluate")
        return self.steps.evaluate(self.validation, check_interrupt=check_interrupt)


class FeatureFeed:
    """Feeds features to the layers above the cut; falls back to the whole network when the disk is full."""

    def __init__(
        self, steps: Steps, images: FeatureTable, validation: FeatureTable | None, *, fallback: Feed, seed: int
    ) -> None:
        self.source: Source | None = Source.STORED
        self._steps, self._images, self._validation = steps, images, validation
        self._fallback, self._seed = fallback, seed

    def train(
        self, epoch: int, positions: PositionArray, *, batch_size: int, check_interrupt: CheckInterrupt
    ) -> Metrics | None:
        """Train on one stored view of every image."""
        count = len(self._images.images)
        views = views_in_epoch(images=count, views=self._images.views.count, seed=self._seed, epoch=epoch)
        if not self._fill(self._images, np.unique(views), check_interrupt):
            return self._fallback.train(epoch, positions, batch_size=batch_size, check_interrupt=check_interrupt)
        rows = views[positions] * count + positions
        return self._steps.train(self._images.features(), rows, batch_size=batch_size, check_interrupt=check_interrupt)

    def evaluate(self, *, check_interrupt: CheckInterrupt) -> tuple[Metrics, NDArray[np.float32]]:
        """Evaluate on the features of unaugmented images."""
        if self._validation is None or not self._fill(self._validation, [0], check_interrupt):
            return self._fallback.evaluate(check_interrupt=check_interrupt)
        return self._steps.evaluate(self._validation.features(), check_interrupt=check_interrupt)

    def _fill(self, table: FeatureTable, views: Iterable[int], check_interrupt: CheckInterrupt) -> bool:
        if self.source != Source.STORED:
            return False
        try:
            for view in views:
                table.fill(int(view), check_interrupt)
        except NoRoomError as error:
            self.source = SHORTAGES[error.shortage]
            warn_once(_no_room(error))
        return self.source == Source.STORED


@dataclass(frozen=True, kw_only=True)
class Feeder:
    """Creates the feed for each stage of a training run."""

    built: CompiledModel
    config: TrialConfig
    images: AnyImages
    validation: AnyImages | None
    sharing: FeatureSharing | None
    weights: list[NDArray[np.floating]]
    """The initial weights of the backbone, if there is one."""

    @classmethod
    def of(
        cls,
        built: CompiledModel,
        config: TrialConfig,
        images: AnyImages,
        validation: AnyImages | None,
        sharing: FeatureSharing | None,
    ) -> Feeder:
        """Create a feeder; call it while the network still has its initial weights."""
        frozen = isinstance(config.model, PretrainedModel) and sharing is not None
        weights = built.model.get_layer(BACKBONE_LAYER).get_weights() if frozen else []
        return cls(built=built, config=config, images=images, validation=validation, sharing=sharing, weights=weights)

    def feed(self, stage: Stage, steps: Steps) -> Feed:
        """Return the feed for a stage; ``steps`` are those of the whole network."""
        whole, model = ImageFeed(steps, self.images, self.validation), self.config.model
        if not isinstance(model, PretrainedModel) or self.sharing is None:
            return whole
        whole.source = decide(self.config, model, stage, self.sharing, images=len(self.images))
        wanted = cut_of(model, unfrozen=stage.unfrozen)
        if whole.source != Source.STORED or wanted is None:
            return whole
        try:
            cut, tables = self._tables(model, wanted, self.sharing)
        except NoRoomError as error:
            whole.source = SHORTAGES[error.shortage]
            warn_once(_no_room(error))
        except UnusableError as error:
            whole.source = Source.NO_STORE
            warn_once(f"The feature store is unusable: {error}")
        else:
            suffix = feature_steps(self.built, cut, unfrozen=stage.unfrozen, dtype=model.features.dtype)
            return FeatureFeed(suffix, *tables, fallback=whole, seed=self.config.training.seed)
        return whole

    def _tables(
        self, model: PretrainedModel, wanted: Cut, sharing: FeatureSharing
    ) -> tuple[Cut, tuple[FeatureTable, FeatureTable | None]]:
        """Open the features at all cuts that the sweep uses; if they are too large, at fewer."""
        own = cuts_of(model)
        for cuts in ({*own, *sharing.cuts}, set(own)):
            with suppress(NoRoomError):
                return self._open(model, cuts, wanted, sharing)
        return self._open(model, {wanted}, wanted, sharing)

    def _open(
        self, model: PretrainedModel, cuts: set[Cut], wanted: Cut, sharing: FeatureSharing
    ) -> tuple[Cut, tuple[FeatureTable, FeatureTable | None]]:
        cut = highest_usable(cuts, wanted, backbone=model.backbone)
        prefix = prefix_of(
            model,
            self.config.augmentation,
            sorted(cuts, key=str),
            weights=self.weights,
            image_shape=self.images.image_shape,
        )
        views = views_of(self.config.augmentation, model.features)
        parts = [("train", self.images, views), ("validation", self.validation, CLEAN)]
        tables = [
            FeatureTable(model, prefix, cut, images=images, name=f"{part} of {sharing.images}", views=shown_views)
            for part, images, shown_views in parts
            if images is not None
        ]
        return cut, (tables[0], tables[1] if len(tables) > 1 else None)


@cache
def warn_once(warning: str) -> None:
    """Log a warning once per process, since every trial of a sweep may cause it."""
    logger.warning(warning)


def _no_room(error: NoRoomError) -> str:
    why = f"which exceeds {LIMIT}" if error.shortage == "limit" else "but the disk is too full"
    return f"The frozen features need {format_size(error.needed)}, {why}: the frozen layers run in every epoch instead"
