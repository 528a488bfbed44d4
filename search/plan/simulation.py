"""Simulate a sweep without training: the real rungs and slots, random scores."""

from __future__ import annotations

import heapq
from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search.halving.rungs import Rungs
from search.plan.costs import StageCost, TrialCost
from trainables.models.settable import KEPT_MODELS


@dataclass(frozen=True, kw_only=True)
class SimulatedTraining:
    """One training run to simulate."""

    cost: TrialCost
    score: float
    """Its score at every rung; higher is better, and only the order matters."""
    last_epoch: int
    """The epoch after which it ends by itself."""
    loses_patience: bool = False
    """Whether it runs out of patience, and so counts at the rungs that it did not reach."""
    protected: bool = False
    """Whether no rung stops it, as the baseline."""


@dataclass(frozen=True, kw_only=True)
class Simulation:
    """What was trained when. Arrays have one entry per segment (consecutive epochs of one training), float64."""

    start_s: NDArray[np.float64]
    """When the slot was taken, warm-up included."""
    train_s: NDArray[np.float64]
    """When the first of the epochs started."""
    end_s: NDArray[np.float64]
    epochs: NDArray[np.float64]
    ended_s: NDArray[np.float64]
    """When each training ended, in ascending order."""

    @property
    def seconds(self) -> float:
        """When the last training ended."""
        return float(self.end_s.max(initial=0.0))

    def epochs_by(self, at_s: float) -> float:
        """Epochs trained until then."""
        return float(np.sum(self.epochs * _share(at_s, self.train_s, self.end_s)))

    def training_seconds_by(self, at_s: float) -> float:
        """Total time of these epochs."""
        return float(np.sum((self.end_s - self.train_s) * _share(at_s, self.train_s, self.end_s)))

    def slot_seconds_by(self, at_s: float) -> float:
        """Total time for which slots were in use until then."""
        return float(np.sum((self.end_s - self.start_s) * _share(at_s, self.start_s, self.end_s)))

    def trainings_by(self, at_s: float) -> int:
        """The number of trainings that had ended by then."""
        return int(np.searchsorted(self.ended_s, at_s, side="right"))


def simulate(
    trainings: Iterable[SimulatedTraining], *, slots: int, rungs: Rungs | None, begin_s: float, process_s: float
) -> Simulation:
    """Simulate all trainings, in their order, on a number of slots.

    Args:
        trainings: in the order in which they start.
        slots: how many train at once.
        rungs: new ones; None if nothing is stopped.
        begin_s: when the first one starts.
        process_s: start-up time of a slot's process.
    """
    waiting = deque(enumerate(trainings))
    running: list[tuple[float, int, int, _Slot, SimulatedTraining]] = []
    segments: list[tuple[float, float, float, int]] = []
    ended: list[float] = []

    stored: dict[object, int] = {}

    def train_on(slot: _Slot, number: int, training: SimulatedTraining, *, epoch: int, now: float) -> None:
        until = _next_stop(training, epoch, rungs)
        train_s, end_s = slot.train(training.cost, epoch, until, now)
        end_s += _passes(training.cost, until, stored)
        segments.append((now, train_s, end_s, until - epoch))
        heapq.heappush(running, (end_s, number, until, slot, training))

    def start_next(slot: _Slot, now: float) -> None:
        if waiting:
            number, training = waiting.popleft()
            train_on(slot, number, training, epoch=0, now=now)

    for slot in [_Slot(process_s) for _ in range(slots)]:
        start_next(slot, begin_s)
    while running:
        now, number, epoch, slot, training = heapq.heappop(running)
        if _continues(number, training, epoch, rungs):
            train_on(slot, number, training, epoch=epoch, now=now)
        else:
            ended.append(now)
            start_next(slot, now)
    columns = np.array(segments, dtype=np.float64).reshape(-1, 4).T
    return Simulation(
        start_s=columns[0], train_s=columns[1], end_s=columns[2], epochs=columns[3], ended_s=np.sort(np.array(ended))
    )


def earliest_end(patience: int | None, *, from_epoch: int, epochs: int) -> int:
    """Return the first epoch after which patience can run out; the last epoch if it cannot.

    Args:
        patience: in epochs.
        from_epoch: the first epoch that patience counts from: the first of the stage in which everything trains.
        epochs: the length of a full training.
    """
    return epochs if patience is None else min(epochs, max(patience + 1, from_epoch + patience - 1))


def _next_stop(training: SimulatedTraining, epoch: int, rungs: Rungs | None) -> int:
    """Return the next epoch at which something may change: a rung, another stage, the end."""
    stops: list[int] = [*(rungs.reached if rungs else ()), *(stage.last_epoch for stage in training.cost.stages)]
    return min([stop for stop in stops if stop > epoch] + [training.last_epoch])


def _passes(cost: TrialCost, until: int, stored: dict[object, int]) -> float:
    """Return the time for computing the features that a training needs by an epoch and that are not stored yet."""
    stage = next(stage for stage in cost.stages if stage.last_epoch >= until)
    if not stage.pass_s:
        return 0.0
    before, needed = stored.get(cost.features, 0), min(until, cost.views)
    stored[cost.features] = max(before, needed)
    return max(0, needed - before) * stage.pass_s


def _continues(number: int, training: SimulatedTraining, epoch: int, rungs: Rungs | None) -> bool:
    ahead = rungs is None or rungs.judge(number, epoch=epoch, score=training.score) or training.protected
    if epoch < training.last_epoch:
        return ahead
    if rungs is not None and training.loses_patience:
        rungs.finish(number, score=training.score)
    return False


class _Slot:
    """A slot: runs one training after the other, in a process that keeps what it compiled.

    Args:
        process_s: start-up time of the process.
    """

    def __init__(self, process_s: float) -> None:
        self._process_s = process_s
        self._kept: OrderedDict[object, set[bool]] = OrderedDict()
        """The stages that were compiled, by network."""

    def train(self, cost: TrialCost, epoch: int, until: int, now: float) -> tuple[float, float]:
        """Train the epochs after ``epoch``, all in one stage; return when they start and when they end."""
        stage = next(stage for stage in cost.stages if stage.last_epoch > epoch)
        begins = now + self._warm_up(cost, stage, first=epoch == 0)
        return begins, begins + (until - epoch) * stage.epoch_s

    def _warm_up(self, cost: TrialCost, stage: StageCost, *, first: bool) -> float:
        seconds, self._process_s = self._process_s, 0.0
        compiled = self._kept.get(cost.network)
        if compiled is None:
            seconds += cost.build_s
            compiled = self._kept[cost.network] = set()
            if len(self._kept) > KEPT_MODELS:
                self._kept.popitem(last=False)
        elif first:
            seconds += cost.reset_s
        self._kept.move_to_end(cost.network)
        if stage.unfrozen not in compiled:
            compiled.add(stage.unfrozen)
            seconds += stage.first_s
        return seconds


def _share(at_s: float, start_s: NDArray[np.float64], end_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the share of each segment before a time, in [0, 1]."""
    lengths = np.maximum(end_s - start_s, 1e-9)
    return np.clip((at_s - start_s) / lengths, 0.0, 1.0)
