"""Decide whether a training stage uses stored features or runs its frozen layers in every epoch, and why."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from spaces.config.trial import PretrainedModel, TrialConfig
from trainables.data.entry import Shortage
from trainables.features.views import views_of
from trainables.models.cut import Cut, cut_of
from trainables.models.fine_tuning import Stage

FEATURES = "features"
"""The history column that records where the frozen layers' output came from."""


class Source(IntEnum):
    """Where the frozen layers' output comes from: a number in memory, the label in history.csv."""

    STORED = 0
    SWITCHED_OFF = 1
    NOTHING_FROZEN = 2
    FRESH = 3
    TOO_FEW_EPOCHS = 4
    TOO_LARGE = 5
    NO_DISK = 6
    NO_STORE = 7

    @property
    def label(self) -> str:
        """The source in words."""
        return LABELS[self]

    @classmethod
    def from_label(cls, label: str) -> Source:
        """Return the source that has this label. Raises: ValueError: there is none."""
        return cls(list(LABELS.values()).index(label))


LABELS = {
    Source.STORED: "stored",
    Source.SWITCHED_OFF: "computed: features.store is off",
    Source.NOTHING_FROZEN: "computed: nothing is frozen",
    Source.FRESH: "computed: every epoch augments anew",
    Source.TOO_FEW_EPOCHS: "computed: too few epochs to pay back",
    Source.TOO_LARGE: "computed: larger than the store may be",
    Source.NO_DISK: "computed: no room on the disk",
    Source.NO_STORE: "computed: the store cannot be used",
}
"""Written to history.csv: changing a label would make the histories of earlier runs unreadable."""


SHORTAGES: dict[Shortage, Source] = {"limit": Source.TOO_LARGE, "disk": Source.NO_DISK}
"""The source to record for each reason that features do not fit."""


@dataclass(frozen=True, kw_only=True)
class FeatureSharing:
    """Who shares a training run's features, and under which name."""

    images: str
    """Identifies the data set and its split."""
    trials: int = 1
    """About how many training runs will use the same features."""
    cuts: tuple[Cut, ...] = ()
    """Where the other runs cut the same network; one pass computes the features for all of them."""
    fresh_augmentation: bool = False
    """Augment afresh in every epoch instead of using stored views: for scores that are reported."""


def decide(
    config: TrialConfig, model: PretrainedModel, stage: Stage, sharing: FeatureSharing, *, images: int
) -> Source:
    """Return what a stage should do about its features, not yet knowing whether they fit.

    Storing costs one pass of the frozen layers over all images per view; an epoch without the store costs one pass
    over the images it uses. So storing pays off if the trials that share the features make more passes than that.
    """
    if model.features.store == "off":
        return Source.SWITCHED_OFF
    if cut_of(model, unfrozen=stage.unfrozen) is None:
        return Source.NOTHING_FROZEN
    if sharing.fresh_augmentation and is_approximated(config):
        return Source.FRESH
    views = views_of(config.augmentation, model.features).count
    if passes(config, images=images) * sharing.trials <= views:
        return Source.TOO_FEW_EPOCHS
    return Source.STORED


def is_approximated(config: TrialConfig) -> bool:
    """Whether the search may train on stored views while the confirmation augments afresh."""
    model = config.model
    if not isinstance(model, PretrainedModel) or model.features.store == "off":
        return False
    return config.augmentation.strength > 0 and config.augmentation.policy != ()


def passes(config: TrialConfig, *, images: int) -> float:
    """Return how many times a training run goes through all of its training images."""
    training = config.training
    seen = images if training.steps_per_epoch is None else training.steps_per_epoch * training.batch_size
    return training.epochs * min(1.0, seen / images)
