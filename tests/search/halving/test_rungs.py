"""Who goes on at a rung, and what the rungs remember."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from ray.tune.schedulers import TrialScheduler

from search.halving.rungs import Rungs
from search.run.events import TrialEnded, TrialFinished
from search.run.journal import events
from search.study.study import Study
from search.tuner.ray_internals import REUSE
from search.tuner.scheduler import Asha
from spaces.file.load import load_sweep
from tests.search.commands import TINY
from trainables.trial.task import OUTCOME, Outcome

CONTROLLER = SimpleNamespace(**{REUSE: True})
"""Of Ray Tune: as much of it as the scheduler touches."""


def rungs(epochs: int = 27) -> Rungs:
    return Rungs(grace_epochs=1, reduction_factor=3, epochs=epochs)


def result(number: int, epoch: int, value: float, reason: str | None = None) -> dict[str, Outcome]:
    return {OUTCOME: Outcome(number=number, row={"epoch": epoch, "val_accuracy": value}, reason=reason)}


def judged(asha: Asha, number: int, *values: float) -> list[str]:
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
    asha = Asha(rungs(), metric="val_accuracy")
    judged(asha, 0, 0.5, 0.5, 0.5)
    assert judged(asha, 1, 0.6, 0.1, 0.1)[-1] == TrialScheduler.CONTINUE


def test_a_loss_is_judged_downwards() -> None:
    asha = Asha(rungs(), metric="val_loss")
    outcome = Outcome(number=0, row={"epoch": 1, "val_loss": 0.5})
    assert asha.on_trial_result(None, None, {OUTCOME: outcome}) == TrialScheduler.CONTINUE
    worse = Outcome(number=1, row={"epoch": 1, "val_loss": 0.9})
    assert asha.on_trial_result(None, None, {OUTCOME: worse}) == TrialScheduler.STOP
    assert asha.stopped == {1}


def test_the_baseline_is_never_stopped_but_compared_with() -> None:
    asha = Asha(rungs(), metric="val_accuracy")
    judged(asha, 1, 0.9)
    asha.protect(0)
    assert judged(asha, 0, 0.1) == [TrialScheduler.CONTINUE]
    assert asha.rungs is not None
    assert asha.rungs.reached[1] == {1: 0.9, 0: 0.1}


def test_a_trial_ended_by_patience_enters_every_higher_rung_with_its_best() -> None:
    some = rungs()
    asha = Asha(some, metric="val_accuracy")
    judged(asha, 0, 0.8, 0.7, 0.75)
    asha.on_trial_complete(CONTROLLER, None, result(0, 3, 0.75, reason="patience"))
    assert some.reached == {1: {0: 0.8}, 3: {0: 0.8}, 9: {0: 0.8}}


def test_a_trial_stopped_by_asha_enters_no_higher_rung() -> None:
    some = rungs()
    asha = Asha(some, metric="val_accuracy")
    judged(asha, 0, 0.8)
    judged(asha, 1, 0.1)
    asha.on_trial_complete(CONTROLLER, None, result(1, 1, 0.1))
    assert 1 not in some.reached[3]


def test_a_diverged_trial_counts_nowhere() -> None:
    some = rungs()
    asha = Asha(some, metric="val_accuracy")
    assert asha.judge(0, epoch=1, value=math.nan)
    assert some.reached[1] == {}


def test_without_rungs_everybody_goes_on() -> None:
    asha = Asha(None, metric="val_accuracy")
    assert judged(asha, 0, 0.9) == judged(asha, 1, 0.0) == [TrialScheduler.CONTINUE]


def test_an_epoch_told_twice_counts_once() -> None:
    asha = Asha(rungs(), metric="val_accuracy")
    judged(asha, 0, 0.5, 0.6)
    assert asha.judge(0, epoch=2, value=0.9)
    assert judged(asha, 0, 0.5, 0.6, 0.6) == [TrialScheduler.CONTINUE] * 3
    assert asha.rungs is not None
    assert asha.rungs.reached[3] == {0: 0.6}


def test_a_stop_stands_when_its_epoch_is_told_again() -> None:
    asha = Asha(rungs(), metric="val_accuracy")
    judged(asha, 0, 0.9)
    assert judged(asha, 1, 0.1) == judged(asha, 1, 0.1) == [TrialScheduler.STOP]


class Lived:
    """A sweep with trials side by side, as the driver leads it: each epoch is judged, then entered in the journal."""

    def __init__(self, folder: Path, *, seed: int) -> None:
        (folder / "tiny.yaml").write_text(TINY.replace("epochs: 4,", "epochs: 27,").replace("trials: 6", "trials: 24"))
        self.journal = folder / "study.journal"
        self._study = Study(self.journal, load_sweep(folder / "tiny.yaml"))
        self.asha = Asha(rungs(), metric="val_accuracy")
        self._random = np.random.default_rng(seed)
        self._epochs: dict[int, int] = {}

    def live(self, turns: int) -> None:
        for _ in range(turns):
            if len(self._epochs) < 4 and (proposal := self._study.next()):
                self._epochs[proposal.number] = 0
                if proposal.baseline:
                    self.asha.protect(proposal.number)
            if self._epochs:
                self._epoch(int(self._random.choice(list(self._epochs))))

    def _epoch(self, number: int) -> None:
        self._epochs[number] = epoch = self._epochs[number] + 1
        value = float(self._random.choice([self._random.uniform(), 0.5, math.nan], p=[0.8, 0.18, 0.02]))
        reason = "diverged" if math.isnan(value) else "finished" if epoch == 27 else self._patience()
        ahead = self.asha.judge(number, epoch=epoch, value=value)
        self._study.report(number, epoch=epoch, value=value)
        if reason == "patience":
            self.asha.on_trial_complete(CONTROLLER, None, result(number, epoch, value, reason=reason))
        if reason or not ahead:
            state = {"diverged": "pruned", None: "pruned"}.get(reason, "complete")
            told = {"state": state, "reason": reason or "asha", "best_epoch": epoch, "value": 0.5}
            self._study.tell(TrialFinished(number=number, epochs=epoch, seconds=1.0, **told))  # type: ignore[arg-type]
            del self._epochs[number]

    def _patience(self) -> str | None:
        return "patience" if self._random.uniform() < 0.05 else None


def replayed(journal: Path) -> Asha:
    asha = Asha(rungs(), metric="val_accuracy")
    asha.replay(events(journal))
    return asha


@pytest.mark.parametrize("seed", range(5))
def test_the_same_journal_gives_the_same_rungs_and_stops(tmp_path: Path, seed: int) -> None:
    lived = Lived(tmp_path, seed=seed)
    for _ in range(20):
        lived.live(turns=5)
        again = replayed(lived.journal)
        assert again.rungs is not None
        assert lived.asha.rungs is not None
        assert again.rungs.reached == lived.asha.rungs.reached
        assert again.stopped == lived.asha.stopped
    assert len(lived.asha.stopped) > 3
    reasons = {event.number: event.reason for event in events(lived.journal) if isinstance(event, TrialEnded)}
    assert {number for number, reason in reasons.items() if reason == "asha"} == {
        number for number in lived.asha.stopped if reasons[number] not in ("patience", "finished")
    }
