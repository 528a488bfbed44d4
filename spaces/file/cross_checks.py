"""Rules between the sections of a sweep, and between the horizon and each corner of the space."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spaces.config.settings import Settings
from spaces.config.trial import PretrainedModel, TrialConfig
from spaces.file.sweep import Budget, Resources, Search
from spaces.problem import Problem


def section_problems(sections: Mapping[str, Settings | None], epochs: Any) -> list[Problem]:
    """What is wrong between the sections that could be read. ``epochs`` is the horizon, if it is a number."""
    search, budget, resources = (sections.get(name) for name in ("search", "budget", "resources"))
    problems = []
    if isinstance(search, Search) and type(epochs) is int and _is_idle(search, epochs):
        rule = f"grace_epochs must be smaller than trial.training.epochs, {epochs}, or no trial is stopped early"
        remedy = "give fewer grace epochs, or write scheduler: none"
        problems.append(_at("search", "grace_epochs", rule, given=search.grace_epochs, remedy=remedy))
    if isinstance(budget, Budget) and isinstance(resources, Resources) and _is_priceless(budget, resources):
        rule = "a budget in usd needs the price of a slot"
        remedy = "add resources.usd_per_hour, or limit hours instead"
        problems.append(_at("budget", "usd", rule, given=budget.usd, remedy=remedy))
    return problems


def _is_idle(search: Search, epochs: int) -> bool:
    return search.scheduler == "asha" and search.grace_epochs >= epochs > 0


def _is_priceless(budget: Budget, resources: Resources) -> bool:
    return budget.usd is not None and resources.usd_per_hour is None


def head_stage_problems(config: TrialConfig, search: Any) -> list[Problem]:
    """A rung inside the head stage of a configuration, at its path in the closed configuration.

    There a trial would be judged before the part that it is about has begun.
    """
    model = config.model
    if not isinstance(search, Search) or search.scheduler != "asha" or not isinstance(model, PretrainedModel):
        return []
    if not model.fine_tunes or model.head_epochs < search.grace_epochs:
        return []
    rule = f"no rung may fall inside the head stage: must be below search.grace_epochs, {search.grace_epochs}"
    remedy = f"set search.grace_epochs to {model.head_epochs + 1} or more, or train the head for fewer epochs"
    return [Problem(path=("model", "head_epochs"), rule=rule, given=str(model.head_epochs), remedy=remedy)]


def _at(section: str, key: str, rule: str, *, given: Any, remedy: str) -> Problem:
    return Problem(path=(section, key), rule=rule, given=str(given), remedy=remedy)
