"""The stages of a training run, derived from its configuration alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeGuard

from spaces.config.trial import Model, PretrainedModel, TrialConfig


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Consecutive epochs in which the same layers train."""

    first_epoch: int
    """Counted from 1, inclusive."""
    last_epoch: int
    """Inclusive."""
    unfrozen: bool
    """Whether the unfrozen blocks of a backbone train, or only the head."""
    learning_rate: float


def stages(config: TrialConfig) -> tuple[Stage, ...]:
    """Return the stages of a run: one, or, for fine-tuning, the head and then the head with the unfrozen blocks.

    If the head stage is as long as the run, there is no second one.
    """
    model, epochs = config.model, config.training.epochs
    rate = config.optimizer.learning_rate
    if not is_staged(model):
        return (Stage(first_epoch=1, last_epoch=epochs, unfrozen=True, learning_rate=rate),)
    head_epochs = min(model.head_epochs, epochs)
    head = Stage(first_epoch=1, last_epoch=head_epochs, unfrozen=False, learning_rate=rate)
    if head_epochs == epochs:
        return (head,)
    tuned = Stage(
        first_epoch=head_epochs + 1, last_epoch=epochs, unfrozen=True, learning_rate=model.fine_tune_learning_rate
    )
    return (head, tuned)


def is_staged(model: Model) -> TypeGuard[PretrainedModel]:
    """Whether the head trains before the rest does."""
    return isinstance(model, PretrainedModel) and model.fine_tunes
