"""How weights follow gradients: the rule of a step, and the learning rate from epoch to epoch."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from spaces.config.settings import ClashError, Fraction, Rate, Settable, Settings


class Constant(Settings):
    """The learning rate stays as it is."""

    kind: Literal["constant"] = "constant"


class Plateau(Settings):
    """The learning rate falls when the validation loss no longer does."""

    kind: Literal["plateau"] = "plateau"
    factor: Fraction = 0.5
    """Multiplies the rate at each fall."""
    patience: PositiveInt = 3
    """Epochs without a lower validation loss before a fall."""
    min_learning_rate: NonNegativeFloat = 1e-6
    """The rate never falls below this."""


class Exponential(Settings):
    """The learning rate decays by a constant factor an epoch, after a flat start."""

    kind: Literal["exponential"] = "exponential"
    decay: PositiveFloat = 0.1
    """The rate is multiplied by e^-decay each epoch."""
    after: NonNegativeInt = 0
    """Epochs before the decay begins. The next one starts it at the full rate; the one after is the first lowered."""


class Cosine(Settings):
    """The learning rate warms up linearly, then follows half a cosine that reaches zero after the last epoch."""

    kind: Literal["cosine"] = "cosine"
    warmup: NonNegativeInt = 0
    """Epochs of linear warm-up."""


class Product(Settings):
    """Several schedules at once: their factors on the learning rate are multiplied."""

    kind: Literal["product"]
    plateau: Plateau | None = None
    """Falls with the validation loss. Its smallest rate bounds its own factor, not the product."""
    exponential: Exponential | None = None
    """Decays with the epochs."""
    cosine: Cosine | None = None
    """Warms up, then falls along a cosine."""

    @model_validator(mode="after")
    def _of_at_least_two(self) -> Self:
        if sum(part is not None for part in (self.plateau, self.exponential, self.cosine)) < 2:
            rule = "a product has at least two of plateau, exponential, cosine"
            raise ClashError(rule, at=("kind",), remedy="add another, or name the one there is as `kind`")
        return self


Schedule = Annotated[Constant | Plateau | Exponential | Cosine | Product, Field(discriminator="kind")]


class Optimizer(Settings):
    """How weights follow gradients."""

    name: Literal["adam", "adamw", "rmsprop", "sgd"] = "adam"
    """Which rule makes a step of a gradient."""
    learning_rate: Annotated[PositiveFloat, Settable] = 1e-3
    """Learning rate at the start (of the head, where a backbone is fine-tuned)."""
    momentum: Rate = 0.0
    """Momentum, for sgd and rmsprop."""
    nesterov: bool = False
    """Nesterov's momentum, for sgd."""
    weight_decay: Annotated[NonNegativeFloat, Settable] = 0.0
    """Decoupled weight decay, for adamw."""
    schedule: Schedule = Constant()
    """How the learning rate changes from epoch to epoch."""

    @model_validator(mode="after")
    def _nothing_that_the_rule_ignores(self) -> Self:
        users = {"momentum": ("sgd", "rmsprop"), "nesterov": ("sgd",), "weight_decay": ("adamw",)}
        for setting, names in users.items():
            if getattr(self, setting) and self.name not in names:
                remedy = f"delete it, or choose {' or '.join(names)}; where the name is open, label the optimizers"
                raise ClashError(f"{self.name} takes no {setting}", at=(setting,), remedy=remedy)
        if self.nesterov and not self.momentum:
            rule = "nesterov needs a momentum above 0"
            raise ClashError(rule, at=("nesterov",), remedy="add momentum: 0.9, or delete nesterov")
        return self
