"""What the trials of a sweep have in common: where they cut a network between its frozen part and what trains."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from functools import cache

from search.study.draws import drawn_configs
from spaces.config.trial import PretrainedModel, TrialConfig
from spaces.file.sweep import Sweep
from trainables.models.cut import Cut, cuts_of

MOST_CUTS = 6
"""Features are kept at no more places of a network; what trains from another one is fed from the next one below."""


def shared_cuts(sweep: Sweep) -> Callable[[TrialConfig], tuple[Cut, ...]]:
    """From a configuration to the cuts at which trials of its sweep use the same network, the most frequent ones."""

    @cache
    def found() -> dict[tuple[object, ...], Counter[Cut]]:
        counts: dict[tuple[object, ...], Counter[Cut]] = defaultdict(Counter)
        for config in drawn_configs(sweep):
            if isinstance(config.model, PretrainedModel):
                counts[_network(config.model)].update(cuts_of(config.model))
        return counts

    def cuts(config: TrialConfig) -> tuple[Cut, ...]:
        if not isinstance(config.model, PretrainedModel):
            return ()
        known = found().get(_network(config.model), Counter())
        return tuple(sorted((cut for cut, _ in known.most_common(MOST_CUTS)), key=str))

    return cuts


def _network(model: PretrainedModel) -> tuple[object, ...]:
    return model.backbone, model.alpha, model.weights, model.input_size
