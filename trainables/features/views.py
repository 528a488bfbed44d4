"""The stored augmented views of the training images, and which of them an epoch uses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spaces.config.trial import Augmentation, Features
from trainables.dataset import PositionArray


@dataclass(frozen=True, kw_only=True)
class Views:
    """How many views of each image are stored, and how strongly they are augmented."""

    count: int
    strength: float
    """Strength of the augmentation; 0 for none."""


CLEAN = Views(count=1, strength=0.0)
"""The unaugmented images."""


def views_of(augmentation: Augmentation, settings: Features) -> Views:
    """Return the views to store, with the strength rounded to a multiple of ``settings.strength_step``."""
    step = settings.strength_step
    strength = min(1.0, round(round(augmentation.strength / step) * step, 6))
    return Views(count=settings.views, strength=strength) if strength and augmentation.policy != () else CLEAN


def views_in_epoch(*, images: int, views: int, seed: int, epoch: int) -> PositionArray:
    """Return which view of each image an epoch (from 0) uses, int64 (images,).

    Every round of as many epochs as there are views uses each view of each image once, in an order per image that
    depends on the seed. In the first round all images use the same view, so that a trial that is stopped early needs
    only as many views as it ran epochs.
    """
    turn, place = divmod(epoch, views)
    if turn == 0:
        return np.full(images, place, np.int64)
    orders = np.tile(np.arange(views, dtype=np.int64), (images, 1))
    return np.random.default_rng([seed, turn, views]).permuted(orders, axis=1)[:, place]
