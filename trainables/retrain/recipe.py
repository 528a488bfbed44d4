"""How long to retrain, and at which learning rates: known before, so that nothing has to be looked at meanwhile."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from spaces.config.trial import TrialConfig
from spaces.file.load import load_config
from spaces.problem import InputError, Problem, shown
from trainables.models.fine_tuning import stages

Tell = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A configuration, and how its training goes."""

    config: TrialConfig
    """As read."""
    provenance: Mapping[str, Any]
    """Where it comes from; {} where the file says nothing."""
    learning_rates: tuple[float, ...] | None
    """One an epoch, replayed; None follows the configured epochs and schedule."""

    @property
    def metric(self) -> str:
        """What the search was about: what early stopping looks at, where a part is held out."""
        return str(self.provenance.get("metric", "val_accuracy"))

    def training_config(self, *, seed: int) -> TrialConfig:
        """The configuration to train: from this seed, for as many epochs as there are rates to replay."""
        epochs = len(self.learning_rates) if self.learning_rates else self.config.training.epochs
        training = self.config.training.model_copy(update={"seed": seed, "epochs": epochs})
        return self.config.model_copy(update={"training": training})


def read_recipe(
    source: str | os.PathLike[str], overrides: Sequence[str], *, replay: bool, tell: Tell = lambda message: None
) -> Recipe:
    """Reads best.yaml, or any closed configuration; one that says how its trial trained is to be replayed.

    An override of the epochs, the optimizer or the stages wins over the replay, and ``tell`` is told so.

    Raises:
        InputError: the file is wrong.
    """
    config, provenance = load_config(source, overrides)
    rates = _replayable(provenance, os.fspath(source)) if replay else None
    if rates and overrides and _pace(config) != _pace(load_config(source, check_files=False)[0]):
        tell("Overridden: epochs and learning rates follow the configuration, not the history of the winner.")
        rates = None
    return Recipe(config=config, provenance=provenance, learning_rates=rates)


def _pace(config: TrialConfig) -> tuple[Any, ...]:
    return config.optimizer, stages(config)


def _replayable(provenance: Mapping[str, Any], source: str) -> tuple[float, ...] | None:
    """The learning rate of each epoch up to the trial's best one."""
    epochs, rates = provenance.get("epochs"), provenance.get("learning_rates")
    if epochs is None and rates is None:
        return None
    if not isinstance(rates, Sequence) or not rates or len(rates) != epochs or not all(map(_is_rate, rates)):
        rule = "provenance.learning_rates must have one number, at least 0, for each of provenance.epochs"
        given = f"{shown(rates)} for {shown(epochs)} epochs"
        remedy = "export the configuration again, or delete both to follow the configured schedule"
        raise InputError([Problem(path=("provenance",), rule=rule, given=given, remedy=remedy)], source)
    return tuple(map(float, rates))


def _is_rate(value: Any) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value) and value >= 0
