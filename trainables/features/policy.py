"""Whether a stage of a training run uses stored features, or computes its frozen part in every epoch, and why."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from spaces.config.trial import PretrainedModel, TrialConfig
from trainables.data.entry import Shortage
from trainables.features.views import views_of
from trainables.models.cut import Cut, cut_of
from trainables.models.fine_tuning import Stage

FEATURES = "features"
"""The column of a history that says where the output of the frozen part came from."""


class Source(IntEnum):
    """Where it comes from; a history holds the number, and a reader is shown the words."""

    STORED = 0
    SWITCHED_OFF = 1
    NOTHING_FROZEN = 2
    FRESH = 3
    TOO_FEW_EPOCHS = 4
    TOO_LARGE = 5
    NO_DISK = 6
    NO_STORE = 7

    @property
    def told(self) -> str:
        """In words."""
        return TOLD[self]

    @classmethod
    def of(cls, told: str) -> Source:
        """The one of these words. Raises: ValueError: there is none."""
        return cls(list(TOLD.values()).index(told))


TOLD = {
    Source.STORED: "stored",
    Source.SWITCHED_OFF: "computed: features.store is off",
    Source.NOTHING_FROZEN: "computed: nothing is frozen",
    Source.FRESH: "computed: every epoch augments anew",
    Source.TOO_FEW_EPOCHS: "computed: too few epochs to pay back",
    Source.TOO_LARGE: "computed: larger than the store may be",
    Source.NO_DISK: "computed: no room on the disk",
    Source.NO_STORE: "computed: the store cannot be used",
}


ROOM: dict[Shortage, Source] = {"limit": Source.TOO_LARGE, "disk": Source.NO_DISK}
"""What it means that there is no room for features."""


@dataclass(frozen=True, kw_only=True)
class Sharing:
    """With whom a training run shares its features."""

    images: str
    """Tells the data set and its division from any others."""
    trials: int = 1
    """How many training runs will use the same features, about."""
    cuts: tuple[Cut, ...] = ()
    """Where those others cut the same network: in one pass, features are computed for all."""
    anew: bool = False
    """Augmented images are drawn anew in every epoch, not from stored views: for a score that is reported."""


def decide(config: TrialConfig, model: PretrainedModel, stage: Stage, sharing: Sharing, *, images: int) -> Source:
    """What a stage does about its features, before anybody has asked for room.

    Storing costs a pass of the frozen part over all images for each view; an epoch without the store costs one over
    the images that it sees. So it pays where the trials that share the features see more than that.
    """
    if model.features.store == "off":
        return Source.SWITCHED_OFF
    if cut_of(model, unfrozen=stage.unfrozen) is None:
        return Source.NOTHING_FROZEN
    if sharing.anew and is_approximated(config):
        return Source.FRESH
    views = views_of(config.augmentation, model.features).count
    if passes(config, images=images) * sharing.trials <= views:
        return Source.TOO_FEW_EPOCHS
    return Source.STORED


def is_approximated(config: TrialConfig) -> bool:
    """Whether a search may show stored views of images where a confirmation augments them anew."""
    model = config.model
    if not isinstance(model, PretrainedModel) or model.features.store == "off":
        return False
    return config.augmentation.strength > 0 and config.augmentation.policy != ()


def passes(config: TrialConfig, *, images: int) -> float:
    """How often a training run sees all of its training images."""
    training = config.training
    seen = images if training.steps_per_epoch is None else training.steps_per_epoch * training.batch_size
    return training.epochs * min(1.0, seen / images)
