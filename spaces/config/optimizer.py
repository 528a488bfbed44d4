"""How weights are updated: the optimizer, and the learning rate from epoch to epoch."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from spaces.config.settings import (
    Epochs,
    EpochsOrNone,
    Fraction,
    IncompatibleError,
    LearningRate,
    NonNegative,
    Positive,
    Rate,
    Settable,
    Settings,
)


class Constant(Settings):
    """The learning rate stays constant."""

    kind: Literal["constant"] = "constant"


class Plateau(Settings):
    """The learning rate falls when the validation loss stops improving."""

    kind: Literal["plateau"] = "plateau"
    factor: Fraction = 0.5
    """The learning rate is multiplied by this at each fall."""
    patience: Epochs = 3
    """Epochs without a lower validation loss before a fall."""
    min_learning_rate: NonNegative = 1e-6
    """The learning rate never falls below this."""


class Exponential(Settings):
    """The learning rate decays by a constant factor per epoch, after a flat start."""

    kind: Literal["exponential"] = "exponential"
    decay: Positive = 0.1
    """The learning rate is multiplied by e^-decay each epoch."""
    after: EpochsOrNone = 0
    """Epochs before the decay begins. The next epoch still has the full rate; the one after it is lower."""


class Cosine(Settings):
    """The learning rate warms up linearly, then follows half a cosine that reaches zero after the last epoch."""

    kind: Literal["cosine"] = "cosine"
    warmup: EpochsOrNone = 0
    """Epochs of linear warm-up."""


class Product(Settings):
    """Several schedules at once: their factors are multiplied."""

    kind: Literal["product"]
    plateau: Plateau | None = None
    """Falls with the validation loss. Its minimum applies to its own factor, not to the product."""
    exponential: Exponential | None = None
    """Decays with the epochs."""
    cosine: Cosine | None = None
    """Warms up, then falls along a cosine."""

    @model_validator(mode="after")
    def _of_at_least_two(self) -> Self:
        if sum(part is not None for part in (self.plateau, self.exponential, self.cosine)) < 2:
            rule = "a product needs at least two of plateau, exponential, cosine"
            raise IncompatibleError(rule, at=("kind",), remedy="add another, or use the only one as `kind`")
        return self


Schedule = Annotated[Constant | Plateau | Exponential | Cosine | Product, Field(discriminator="kind")]


class Optimizer(Settings):
    """How weights are updated."""

    name: Literal["adam", "adamw", "rmsprop", "sgd"] = "adam"
    """The optimizer."""
    learning_rate: Annotated[LearningRate, Settable] = 1e-3
    """Initial learning rate (of the head, if a backbone is fine-tuned)."""
    momentum: Rate = 0.0
    """Momentum, for sgd and rmsprop."""
    nesterov: bool = False
    """Nesterov momentum, for sgd."""
    weight_decay: Annotated[NonNegative, Settable] = 0.0
    """Decoupled weight decay, for adamw."""
    schedule: Schedule = Constant()
    """How the learning rate changes from epoch to epoch."""

    @model_validator(mode="after")
    def _nothing_that_the_rule_ignores(self) -> Self:
        users = {"momentum": ("sgd", "rmsprop"), "nesterov": ("sgd",), "weight_decay": ("adamw",)}
        for setting, names in users.items():
            if getattr(self, setting) and self.name not in names:
                remedy = f"delete it, or choose {' or '.join(names)}; if the name is open, use a labelled choice"
                raise IncompatibleError(f"{self.name} takes no {setting}", at=(setting,), remedy=remedy)
        if self.nesterov and not self.momentum:
            rule = "nesterov needs a momentum above 0"
            raise IncompatibleError(rule, at=("nesterov",), remedy="add momentum: 0.9, or delete nesterov")
        return self
