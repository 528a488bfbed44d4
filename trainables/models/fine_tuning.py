"""The stages of a training run, told from its configuration alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeGuard

from spaces.config.trial import Model, PretrainedModel, TrialConfig


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Consecutive epochs in which the same layers train."""

    first_epoch: int
    """Counted from 1, included."""
    last_epoch: int
    """Included."""
    unfrozen: bool
    """Whether the unfrozen blocks of a backbone train, or only the head."""
    learning_rate: float


def stages(config: TrialConfig) -> tuple[Stage, ...]:
    """The stages of a run: one, or head then head and unfrozen blocks where a backbone is fine-tuned.

    A head stage as long as the whole run leaves no second one.
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
