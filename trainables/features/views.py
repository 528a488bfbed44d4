"""The augmented versions of the training images that are stored, and which of them an epoch shows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spaces.config.trial import Augmentation, Features
from trainables.dataset import PositionArray


@dataclass(frozen=True, kw_only=True)
class Views:
    """How many versions of each image there are, and how strongly they are augmented."""

    count: int
    strength: float
    """Of the augmentation; 0 is none."""


CLEAN = Views(count=1, strength=0.0)
"""The images as they are."""


def views_of(augmentation: Augmentation, settings: Features) -> Views:
    """What features are stored of: the configured strength is rounded to a multiple of ``settings.strength_step``."""
    step = settings.strength_step
    strength = min(1.0, round(round(augmentation.strength / step) * step, 6))
    return Views(count=settings.views, strength=strength) if strength and augmentation.policy != () else CLEAN


def shown(*, images: int, views: int, seed: int, epoch: int) -> PositionArray:
    """The view of each image in an epoch (from 0), int64 (images,).

    In every round of as many epochs as there are views each image shows all of its views, in an order of its own that
    is a function of the seed. The first round goes view by view, so that a trial that is stopped early needs no more
    views than it has epochs.
    """
    turn, place = divmod(epoch, views)
    if turn == 0:
        return np.full(images, place, np.int64)
    orders = np.tile(np.arange(views, dtype=np.int64), (images, 1))
    return np.random.default_rng([seed, turn, views]).permuted(orders, axis=1)[:, place]
