"""What a trial takes, from those that were timed."""

from __future__ import annotations

import pytest

from search.plan.costs import costs_of, essence, spread
from spaces.config.trial import TrialConfig
from trainables.preflight.timing import StageTime, Timed


def config(batch_size: int = 32, **model: object) -> TrialConfig:
    return TrialConfig.model_validate(
        {
            "data": {"source": "digits"},
            "model": {"kind": "cnn", "blocks": 1, **model},
            "training": {"epochs": 3, "batch_size": batch_size, "patience": 2},
        }
    )


def timed(epoch_s: float) -> Timed:
    return Timed(
        load_s=0.1,
        build_s=0.2,
        again_s=0.01,
        stages=(StageTime(True, 2.0, epoch_s),),
        memory_bytes=10**9,
        gpu_memory_bytes=None,
    )


def test_a_timed_configuration_takes_its_own_time_and_so_does_one_that_differs_in_nothing_that_matters() -> None:
    cost = costs_of([(config(filters=8), timed(1.0)), (config(filters=32), timed(4.0))])
    for same in (config(filters=8), config(filters=8, dropout=0.3, l2=1e-3)):
        assert cost(same).epoch_s == pytest.approx(1.0)
    assert cost(config(filters=8)).seconds == pytest.approx(0.01 + 3 * 1.0)
    assert cost(config(filters=8)).patience == 2


def test_a_size_between_two_takes_a_time_between_theirs() -> None:
    cost = costs_of([(config(filters=8), timed(1.0)), (config(filters=32), timed(4.0))])
    assert cost(config(filters=16)).epoch_s == pytest.approx(2.0)
    assert 2.0 < cost(config(filters=24)).epoch_s < 4.0


def test_what_is_timed_covers_every_kind_before_another_size_of_one() -> None:
    small, larger, large = (config(filters=filters) for filters in (8, 16, 32))
    residual, batched = config(filters=8, residual=True), config(256, filters=8)
    order = spread([small, small, larger, large, batched, residual], always=1, most=3)
    assert order == [0, 4, 5] or order == [0, 5, 4]
    assert len(spread([small, small, large], always=3, most=9)) == 2


def test_open_values_that_are_variables_of_the_graph_decide_nothing() -> None:
    assert essence(config(dropout=0.1)) == essence(config(dropout=0.5))
    assert essence(config(filters=8)) != essence(config(filters=16))
