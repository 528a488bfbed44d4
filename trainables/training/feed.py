"""What a stage is trained and measured on: images, or the stored features of its frozen part."""

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
from trainables.data.load import told
from trainables.data.store import LIMIT, UnusableError
from trainables.dataset import AnyImages, PositionArray
from trainables.features.policy import ROOM, Sharing, Source, decide
from trainables.features.storage import NoRoomError
from trainables.features.table import Shelf, prefix_of
from trainables.features.views import CLEAN, shown, views_of
from trainables.models.cut import Cut, cut_of, cuts_of, highest_usable
from trainables.models.fine_tuning import Stage
from trainables.models.pretrained import BACKBONE_LAYER
from trainables.training.build import Built, steps_on
from trainables.training.steps import Steps

Measured = dict[str, float]
Heed = Callable[[], None]

logger = logging.getLogger(__name__)


class Feed(Protocol):
    """Trains and measures a stage."""

    source: Source | None
    """Where the frozen part's output comes from; None where there is no such part, or nobody to share it with."""

    def train(self, epoch: int, positions: PositionArray, *, batch_size: int, heed: Heed) -> Measured | None:
        """An epoch (from 0) over the images at some positions; as `trainables.training.steps.Steps.train`."""

    def evaluate(self, *, heed: Heed) -> tuple[Measured, NDArray[np.float32]]:
        """Measures validation; as `trainables.training.steps.Steps.evaluate`."""


@dataclass
class FromImages:
    """The whole network, on images."""

    steps: Steps
    images: AnyImages
    validation: AnyImages | None
    source: Source | None = None

    def train(self, epoch: int, positions: PositionArray, *, batch_size: int, heed: Heed) -> Measured | None:
        """Every image is augmented anew."""
        return self.steps.train(self.images, positions, batch_size=batch_size, heed=heed)

    def evaluate(self, *, heed: Heed) -> tuple[Measured, NDArray[np.float32]]:
        """On the images as they are."""
        if self.validation is None:
            raise ValueError("there is no validation part to measure")
        return self.steps.evaluate(self.validation, heed=heed)


class FromStore:
    """The suffix, on features; the whole network from the moment on at which the disk has no room left."""

    def __init__(self, steps: Steps, images: Shelf, validation: Shelf | None, *, otherwise: Feed, seed: int) -> None:
        self.source: Source | None = Source.STORED
        self._steps, self._images, self._validation = steps, images, validation
        self._otherwise, self._seed = otherwise, seed

    def train(self, epoch: int, positions: PositionArray, *, batch_size: int, heed: Heed) -> Measured | None:
        """Every image shows one of its views."""
        count = len(self._images.images)
        views = shown(images=count, views=self._images.views.count, seed=self._seed, epoch=epoch)
        if not self._filled(self._images, np.unique(views), heed):
            return self._otherwise.train(epoch, positions, batch_size=batch_size, heed=heed)
        rows = views[positions] * count + positions
        return self._steps.train(self._images.features(), rows, batch_size=batch_size, heed=heed)

    def evaluate(self, *, heed: Heed) -> tuple[Measured, NDArray[np.float32]]:
        """On the features of the images as they are."""
        if self._validation is None or not self._filled(self._validation, [0], heed):
            return self._otherwise.evaluate(heed=heed)
        return self._steps.evaluate(self._validation.features(), heed=heed)

    def _filled(self, shelf: Shelf, views: Iterable[int], heed: Heed) -> bool:
        if self.source != Source.STORED:
            return False
        try:
            for view in views:
                shelf.fill(int(view), heed)
        except NoRoomError as error:
            self.source = ROOM[error.shortage]
            say_once(_without(error))
        return self.source == Source.STORED


@dataclass(frozen=True, kw_only=True)
class Feeder:
    """What the stages of a training run are fed from."""

    built: Built
    config: TrialConfig
    images: AnyImages
    validation: AnyImages | None
    sharing: Sharing | None
    weights: list[NDArray[np.floating]]
    """That the backbone begins with, if there is one."""

    @classmethod
    def of(
        cls,
        built: Built,
        config: TrialConfig,
        images: AnyImages,
        validation: AnyImages | None,
        sharing: Sharing | None,
    ) -> Feeder:
        """Must be called while the network has the weights that it begins with."""
        frozen = isinstance(config.model, PretrainedModel) and sharing is not None
        weights = built.model.get_layer(BACKBONE_LAYER).get_weights() if frozen else []
        return cls(built=built, config=config, images=images, validation=validation, sharing=sharing, weights=weights)

    def feed(self, stage: Stage, steps: Steps) -> Feed:
        """What feeds a stage; ``steps`` are those of its whole network."""
        whole, model = FromImages(steps, self.images, self.validation), self.config.model
        if not isinstance(model, PretrainedModel) or self.sharing is None:
            return whole
        whole.source = decide(self.config, model, stage, self.sharing, images=len(self.images))
        wanted = cut_of(model, unfrozen=stage.unfrozen)
        if whole.source != Source.STORED or wanted is None:
            return whole
        try:
            cut, shelves = self._shelves(model, wanted, self.sharing)
        except NoRoomError as error:
            whole.source = ROOM[error.shortage]
            say_once(_without(error))
        except UnusableError as error:
            whole.source = Source.NO_STORE
            say_once(f"The store of features cannot be used: {error}")
        else:
            suffix = steps_on(self.built, cut, unfrozen=stage.unfrozen, dtype=model.features.dtype)
            return FromStore(suffix, *shelves, otherwise=whole, seed=self.config.training.seed)
        return whole

    def _shelves(self, model: PretrainedModel, wanted: Cut, sharing: Sharing) -> tuple[Cut, tuple[Shelf, Shelf | None]]:
        """Features for all that the sweep needs of this network; where they are too large, for less."""
        own = cuts_of(model)
        for cuts in ({*own, *sharing.cuts}, set(own)):
            with suppress(NoRoomError):
                return self._open(model, cuts, wanted, sharing)
        return self._open(model, {wanted}, wanted, sharing)

    def _open(
        self, model: PretrainedModel, cuts: set[Cut], wanted: Cut, sharing: Sharing
    ) -> tuple[Cut, tuple[Shelf, Shelf | None]]:
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
        shelves = [
            Shelf(model, prefix, cut, images=images, called=f"{part} of {sharing.images}", views=shown_views)
            for part, images, shown_views in parts
            if images is not None
        ]
        return cut, (shelves[0], shelves[1] if len(shelves) > 1 else None)


@cache
def say_once(warning: str) -> None:
    """Warns, and not again in this process: every trial of a sweep may meet the same."""
    logger.warning(warning)


def _without(error: NoRoomError) -> str:
    why = f"{LIMIT} allows no more" if error.shortage == "limit" else "the disk has no room for them"
    return f"The frozen features take {told(error.needed)}, and {why}: the frozen part is computed in every epoch"
