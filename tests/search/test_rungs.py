"""Who goes on at a rung, and what the rungs remember."""

from __future__ import annotations

import math
from types import SimpleNamespace

import optuna
import pytest
from optuna.trial import TrialState, create_trial
from ray.tune.schedulers import TrialScheduler

from search.scheduler import FairAsha, Rungs
from trainables.trial import OUTCOME, Outcome


def rungs(epochs: int = 27) -> Rungs:
    return Rungs(grace_epochs=1, reduction_factor=3, epochs=epochs)


def result(number: int, epoch: int, value: float, reason: str | None = None) -> dict[str, Outcome]:
    return {OUTCOME: Outcome(number=number, row={"epoch": epoch, "val_accuracy": value}, reason=reason)}


def judged(asha: FairAsha, number: int, *values: float) -> list[str]:
    return [asha.on_trial_result(None, None, result(number, epoch, v)) for epoch, v in enumerate(values, start=1)]


def test_rungs_lie_at_powers_of_the_factor_below_the_horizon() -> None:
    assert list(rungs(27).reached) == [1, 3, 9]
    assert list(rungs(28).reached) == [1, 3, 9, 27]
    assert list(Rungs(grace_epochs=3, reduction_factor=2, epochs=81).reached) == [3, 6, 12, 24, 48]


def test_the_first_at_a_rung_goes_on() -> None:
    assert rungs().judge(0, epoch=1, score=0.0)


def test_a_trial_below_the_quantile_of_its_predecessors_is_stopped() -> None:
    some = rungs()
    for number, score in enumerate((0.1, 0.2, 0.3, 0.4)):
        some.judge(number, epoch=1, score=score)
    # The quantile 2/3 of the four lies at 0.3.
    assert some.judge(4, epoch=1, score=0.31)


def test_a_trial_at_the_quantile_goes_on() -> None:
    some = rungs()
    for number, score in enumerate((0.1, 0.4)):
        some.judge(number, epoch=1, score=score)
    assert not some.judge(2, epoch=1, score=0.29)
    assert some.judge(3, epoch=1, score=0.4)


def test_nobody_is_judged_between_rungs() -> None:
    some = rungs()
    some.judge(0, epoch=3, score=0.9)
    assert some.judge(1, epoch=2, score=0.0)


def test_the_same_trial_is_judged_once_at_a_rung() -> None:
    some = rungs()
    some.judge(0, epoch=1, score=0.9)
    some.judge(1, epoch=1, score=0.95)
    assert some.judge(0, epoch=1, score=0.0)
    assert some.reached[1][0] == 0.9


def test_best_so_far_is_compared_not_the_last_epoch() -> None:
    asha = FairAsha(rungs(), metric="val_accuracy")
    judged(asha, 0, 0.5, 0.5, 0.5)
    assert judged(asha, 1, 0.6, 0.1, 0.1)[-1] == TrialScheduler.CONTINUE


def test_a_loss_is_judged_downwards() -> None:
    asha = FairAsha(rungs(), metric="val_loss")
    outcome = Outcome(number=0, row={"epoch": 1, "val_loss": 0.5})
    assert asha.on_trial_result(None, None, {OUTCOME: outcome}) == TrialScheduler.CONTINUE
    worse = Outcome(number=1, row={"epoch": 1, "val_loss": 0.9})
    assert asha.on_trial_result(None, None, {OUTCOME: worse}) == TrialScheduler.STOP
    assert asha.stopped == {1}


def test_the_baseline_is_never_stopped_but_compared_with() -> None:
    asha = FairAsha(rungs(), metric="val_accuracy")
    judged(asha, 1, 0.9)
    asha.spare(0)
    assert judged(asha, 0, 0.1) == [TrialScheduler.CONTINUE]
    assert asha._rungs is not None
    assert asha._rungs.reached[1] == {1: 0.9, 0: 0.1}


def test_a_trial_ended_by_patience_enters_every_higher_rung_with_its_best() -> None:
    some = rungs()
    asha = FairAsha(some, metric="val_accuracy")
    judged(asha, 0, 0.8, 0.7)
    asha.on_trial_complete(SimpleNamespace(), None, result(0, 3, 0.75, reason="patience"))
    assert some.reached == {1: {0: 0.8}, 3: {0: 0.8}, 9: {0: 0.8}}


def test_a_trial_stopped_by_asha_enters_no_higher_rung() -> None:
    some = rungs()
    asha = FairAsha(some, metric="val_accuracy")
    judged(asha, 0, 0.8)
    judged(asha, 1, 0.1)
    asha.on_trial_complete(SimpleNamespace(), None, result(1, 1, 0.1))
    assert 1 not in some.reached[3]


def test_a_diverged_trial_counts_nowhere() -> None:
    some = rungs()
    asha = FairAsha(some, metric="val_accuracy")
    asha.on_trial_complete(SimpleNamespace(), None, result(0, 1, math.nan, reason="diverged"))
    assert some.reached[1] == {}


def test_without_rungs_everybody_goes_on() -> None:
    asha = FairAsha(None, metric="val_accuracy")
    assert judged(asha, 0, 0.9) == judged(asha, 1, 0.0) == [TrialScheduler.CONTINUE]


@pytest.mark.parametrize("reason", ["patience", "finished", "asha"])
def test_rungs_refilled_from_a_journal_are_those_that_were_lost(reason: str) -> None:
    values = [0.3, 0.6, 0.5, 0.55]
    lived, refilled = rungs(), rungs()
    asha = FairAsha(lived, metric="val_accuracy")
    judged(asha, 0, *values[:-1])
    ended = reason if reason != "asha" else None
    asha.on_trial_complete(SimpleNamespace(), None, result(0, 4, values[-1], reason=ended))
    trial = create_trial(
        state=TrialState.PRUNED,
        intermediate_values=dict(enumerate(values, start=1)),
        user_attrs={"reason": reason},
    )
    trial.number = 0
    FairAsha(refilled, metric="val_accuracy").refill([trial])
    assert refilled.reached == lived.reached


def test_a_refill_skips_nan() -> None:
    some = rungs()
    study = optuna.create_study()
    asked = study.ask()
    asked.report(math.nan, 1)
    study.tell(asked, state=TrialState.PRUNED)
    FairAsha(some, metric="val_accuracy").refill(study.trials)
    assert some.reached[1] == {}
