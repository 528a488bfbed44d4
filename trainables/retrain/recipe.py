"""How many epochs to retrain and at which learning rates, fixed beforehand so that no data need be held out."""

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

Log = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A configuration, and the learning rates to replay."""

    config: TrialConfig
    """As read from the file."""
    provenance: Mapping[str, Any]
    """Where the configuration comes from; {} if the file does not say."""
    learning_rates: tuple[float, ...] | None
    """One per epoch, to be replayed; None to follow the configured epochs and schedule."""

    @property
    def metric(self) -> str:
        """The metric of the search, which early stopping monitors if a part is held out."""
        return str(self.provenance.get("metric", "val_accuracy"))

    def training_config(self, *, seed: int) -> TrialConfig:
        """Return the configuration to train, with this seed and as many epochs as there are rates to replay."""
        epochs = len(self.learning_rates) if self.learning_rates else self.config.training.epochs
        training = self.config.training.model_copy(update={"seed": seed, "epochs": epochs})
        return self.config.model_copy(update={"training": training})


def read_recipe(
    source: str | os.PathLike[str], overrides: Sequence[str], *, replay: bool, log: Log = lambda message: None
) -> Recipe:
    """Read best.yaml or any closed configuration, with the history to replay if the file records one.

    Overrides of the epochs, the optimizer or the stages take precedence over the replay; ``log`` is then called.

    Raises:
        InputError: the file is invalid.
    """
    config, provenance = load_config(source, overrides)
    rates = _replayable(provenance, os.fspath(source)) if replay else None
    if rates and overrides and _schedule(config) != _schedule(load_config(source, check_files=False)[0]):
        log("Overridden: epochs and learning rates follow the configuration instead of the winner's history.")
        rates = None
    return Recipe(config=config, provenance=provenance, learning_rates=rates)


def _schedule(config: TrialConfig) -> tuple[Any, ...]:
    return config.optimizer, stages(config)


def _replayable(provenance: Mapping[str, Any], source: str) -> tuple[float, ...] | None:
    """Return the learning rate of each epoch up to the trial's best one."""
    epochs, rates = provenance.get("epochs"), provenance.get("learning_rates")
    if epochs is None and rates is None:
        return None
    if not isinstance(rates, Sequence) or not rates or len(rates) != epochs or not all(map(_is_rate, rates)):
        rule = "provenance.learning_rates must have one non-negative number for each of provenance.epochs"
        given = f"{shown(rates)} for {shown(epochs)} epochs"
        remedy = "export the configuration again, or delete both to follow the configured schedule"
        raise InputError([Problem(path=("provenance",), rule=rule, given=given, remedy=remedy)], source)
    return tuple(map(float, rates))


def _is_rate(value: Any) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value) and value >= 0
