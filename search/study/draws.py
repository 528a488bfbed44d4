"""Configurations drawn from a space at random, to stand for all of it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import optuna

from search.study.distribution import suggest
from spaces.config.trial import TrialConfig
from spaces.domains.close import close
from spaces.file.sweep import Sweep
from spaces.problem import InputError

DRAWS = 200
"""How many are tried."""


def drawn_configs(sweep: Sweep) -> Iterator[TrialConfig]:
    """Draws, by the seed of the search; those whose values do not go together are left out."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=sweep.search.seed))
    for _ in range(DRAWS):
        try:
            yield close(sweep.trial, partial(suggest, study.ask()))
        except InputError:
            continue
