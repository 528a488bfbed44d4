"""How long to train, in batches of what size, with which loss, from which seed."""

from __future__ import annotations

from typing import Annotated, Literal

from spaces.config.metric import Metric
from spaces.config.settings import Count, Epochs, NonNegative, Rate, Seed, Settable, Settings, Steps


class Training(Settings):
    """How long to train, in batches of what size, with which loss, from which seed."""

    epochs: Epochs
    """The horizon: no trial trains longer."""
    steps_per_epoch: Steps | None = None
    """Maximum steps per epoch, which then sees only some of the images; null: an epoch sees each image once."""
    batch_size: Count = 32
    """Images per step."""
    patience: Epochs | None = None
    """Epochs without improvement after which a trial stops by itself; null: it runs to the horizon."""
    min_delta: NonNegative = 0.0
    """A smaller change does not count as an improvement."""
    monitor: Metric | tuple[Metric, ...] | None = None
    """The metric that patience watches, or several, each on its own; by default the sweep's metric."""
    label_smoothing: Annotated[Rate, Settable] = 0.0
    """Share of each training label that is spread evenly over all classes; validation uses the labels as they are."""
    class_weight: Literal["none", "balanced"] = "none"
    """balanced: training images are weighted by n / (classes × images of their class); validation is not weighted."""
    mixed_precision: bool = False
    """Compute in float16 with a scaled loss, with weights and probabilities in float32; worthwhile on GPUs."""
    seed: Annotated[Seed, Settable] = 0
    """Seed of initial weights, data order, dropout and augmentation."""
