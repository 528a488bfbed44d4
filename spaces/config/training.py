"""How long to train, in what portions, by which loss, from which seed."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import NonNegativeFloat, PositiveInt

from spaces.config.metric import Metric
from spaces.config.settings import Rate, Seed, Settable, Settings


class Training(Settings):
    """How long, in what portions, from which seed."""

    epochs: PositiveInt
    """The horizon: no trial trains longer."""
    steps_per_epoch: PositiveInt | None = None
    """Most steps in an epoch, which then sees only some of the images; none: an epoch sees each image once."""
    batch_size: PositiveInt = 32
    """Images in one step."""
    patience: PositiveInt | None = None
    """Epochs without a better value after which a trial ends by itself; none: it runs to the horizon."""
    min_delta: NonNegativeFloat = 0.0
    """A change of the value smaller than this counts as none."""
    monitor: Metric | tuple[Metric, ...] | None = None
    """What patience looks at, each of several by itself; the sweep's metric where not given."""
    label_smoothing: Annotated[Rate, Settable] = 0.0
    """Share of each training label that is spread evenly over all classes; validation sees the labels as they are."""
    class_weight: Literal["none", "balanced"] = "none"
    """Balanced: training images count by n / (classes × images of their class); validation counts each alike."""
    mixed_precision: bool = False
    """Compute in float16 with a scaled loss, keep weights and probabilities in float32; worth it on GPUs."""
    seed: Annotated[Seed, Settable] = 0
    """Seed of initial weights, data order, dropout and augmentation."""
