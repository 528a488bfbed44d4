"""Domains of a sweep file as Optuna knows them."""

from __future__ import annotations

from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import Trial

from spaces.domains.domain import Branches, Choice, Domain, Int, Log, Scalar


def distribution(domain: Domain) -> BaseDistribution:
    """The Optuna distribution of a domain; labelled branches are a categorical over their labels."""
    if isinstance(domain, (Choice, Branches)):
        return CategoricalDistribution(tuple(domain.options))
    if isinstance(domain, Int):
        return IntDistribution(domain.low, domain.high, log=domain.log, step=domain.step)
    if isinstance(domain, Log):
        return FloatDistribution(domain.low, domain.high, log=True)
    return FloatDistribution(domain.low, domain.high, step=domain.step)


def suggest(trial: Trial, name: str, domain: Domain) -> Scalar:
    """Asks an Optuna trial for a value of ``domain``."""
    if isinstance(domain, (Choice, Branches)):
        return _scalar(trial.suggest_categorical(name, tuple(domain.options)))
    if isinstance(domain, Int):
        return trial.suggest_int(name, domain.low, domain.high, log=domain.log, step=domain.step)
    if isinstance(domain, Log):
        return trial.suggest_float(name, domain.low, domain.high, log=True)
    return trial.suggest_float(name, domain.low, domain.high, step=domain.step)


def _scalar(value: Any) -> Scalar:
    return value  # type: ignore[no-any-return]  # Optuna types categories as Any
