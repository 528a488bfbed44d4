"""A sweep played through without training: the real rungs, the slots of the machines, and made-up scores."""

from __future__ import annotations

import heapq
from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search.plan.costs import Cost, StageCost
from search.study.rungs import Rungs
from trainables.models.settable import KEPT_MODELS


@dataclass(frozen=True, kw_only=True)
class Training:
    """One training run to play through."""

    cost: Cost
    score: float
    """What it reaches at every rung; higher is better, and only the order counts."""
    last_epoch: int
    """When it ends by itself."""
    loses_patience: bool = False
    """Whether it ends before the horizon, and so counts at the rungs that it did not reach."""
    spared: bool = False
    """The baseline, which no rung stops."""


@dataclass(frozen=True, kw_only=True)
class Course:
    """What was trained when. Arrays hold an entry a stretch: epochs of one training, one after the other, float64."""

    start_s: NDArray[np.float64]
    """When the slot was taken, warm-up included."""
    train_s: NDArray[np.float64]
    """When the first of the epochs began."""
    end_s: NDArray[np.float64]
    epochs: NDArray[np.float64]
    ended_s: NDArray[np.float64]
    """When each training ended, an entry a training, in ascending order."""

    @property
    def seconds(self) -> float:
        """When everything had ended."""
        return float(self.end_s.max(initial=0.0))

    def epochs_by(self, at_s: float) -> float:
        """Epochs trained until then."""
        return float(np.sum(self.epochs * _share(at_s, self.train_s, self.end_s)))

    def training_seconds_by(self, at_s: float) -> float:
        """Time that these epochs took, added up."""
        return float(np.sum((self.end_s - self.train_s) * _share(at_s, self.train_s, self.end_s)))

    def slot_seconds_by(self, at_s: float) -> float:
        """Time for which slots were held until then, added up."""
        return float(np.sum((self.end_s - self.start_s) * _share(at_s, self.start_s, self.end_s)))

    def trainings_by(self, at_s: float) -> int:
        """Trainings that had ended by then."""
        return int(np.searchsorted(self.ended_s, at_s, side="right"))


def play(trainings: Iterable[Training], *, slots: int, rungs: Rungs | None, begin_s: float, process_s: float) -> Course:
    """Trains them all, in their order, on as many slots as there are.

    Args:
        trainings: in the order in which they are handed out.
        slots: how many train at once.
        rungs: fresh ones; None stops nothing.
        begin_s: when the first is handed out.
        process_s: what a slot's process takes before it trains for the first time.
    """
    waiting = deque(enumerate(trainings))
    going: list[tuple[float, int, int, _Slot, Training]] = []
    course: list[tuple[float, float, float, int]] = []
    ended: list[float] = []

    stored: dict[object, int] = {}

    def train_on(slot: _Slot, number: int, training: Training, *, epoch: int, now: float) -> None:
        until = _next_stop(training, epoch, rungs)
        train_s, end_s = slot.train(training.cost, epoch, until, now)
        end_s += _passes(training.cost, until, stored)
        course.append((now, train_s, end_s, until - epoch))
        heapq.heappush(going, (end_s, number, until, slot, training))

    def hand_out(slot: _Slot, now: float) -> None:
        if waiting:
            number, training = waiting.popleft()
            train_on(slot, number, training, epoch=0, now=now)

    for slot in [_Slot(process_s) for _ in range(slots)]:
        hand_out(slot, begin_s)
    while going:
        now, number, epoch, slot, training = heapq.heappop(going)
        if _goes_on(number, training, epoch, rungs):
            train_on(slot, number, training, epoch=epoch, now=now)
        else:
            ended.append(now)
            hand_out(slot, now)
    columns = np.array(course, dtype=np.float64).reshape(-1, 4).T
    return Course(
        start_s=columns[0], train_s=columns[1], end_s=columns[2], epochs=columns[3], ended_s=np.sort(np.array(ended))
    )


def earliest_end(patience: int | None, *, from_epoch: int, epochs: int) -> int:
    """The first epoch after which patience can run out, its best having been the first; the horizon where it cannot.

    Args:
        patience: in epochs.
        from_epoch: the first that is waited for: of the stage in which everything trains.
        epochs: the horizon.
    """
    return epochs if patience is None else min(epochs, max(patience + 1, from_epoch + patience - 1))


def _next_stop(training: Training, epoch: int, rungs: Rungs | None) -> int:
    """The next epoch at which something may change: a rung, another stage, the end."""
    stops: list[int] = [*(rungs.reached if rungs else ()), *(stage.last_epoch for stage in training.cost.stages)]
    return min([stop for stop in stops if stop > epoch] + [training.last_epoch])


def _passes(cost: Cost, until: int, stored: dict[object, int]) -> float:
    """Seconds that the features take which a training needs by an epoch, and nobody has computed before."""
    stage = next(stage for stage in cost.stages if stage.last_epoch >= until)
    if not stage.pass_s:
        return 0.0
    before, needed = stored.get(cost.features, 0), min(until, cost.views)
    stored[cost.features] = max(before, needed)
    return max(0, needed - before) * stage.pass_s


def _goes_on(number: int, training: Training, epoch: int, rungs: Rungs | None) -> bool:
    ahead = rungs is None or rungs.judge(number, epoch=epoch, score=training.score) or training.spared
    if epoch < training.last_epoch:
        return ahead
    if rungs is not None and training.loses_patience:
        rungs.finish(number, score=training.score)
    return False


class _Slot:
    """Where one training runs after the other, in a process that keeps what it compiled.

    Args:
        process_s: what the process takes once.
    """

    def __init__(self, process_s: float) -> None:
        self._process_s = process_s
        self._kept: OrderedDict[object, set[bool]] = OrderedDict()
        """The stages that were compiled, by network."""

    def train(self, cost: Cost, epoch: int, until: int, now: float) -> tuple[float, float]:
        """Trains the epochs after ``epoch``, which lie in one stage; returns when they begin and when they end."""
        stage = next(stage for stage in cost.stages if stage.last_epoch > epoch)
        begins = now + self._warm_up(cost, stage, first=epoch == 0)
        return begins, begins + (until - epoch) * stage.epoch_s

    def _warm_up(self, cost: Cost, stage: StageCost, *, first: bool) -> float:
        seconds, self._process_s = self._process_s, 0.0
        compiled = self._kept.get(cost.network)
        if compiled is None:
            seconds += cost.build_s
            compiled = self._kept[cost.network] = set()
            if len(self._kept) > KEPT_MODELS:
                self._kept.popitem(last=False)
        elif first:
            seconds += cost.again_s
        self._kept.move_to_end(cost.network)
        if stage.unfrozen not in compiled:
            compiled.add(stage.unfrozen)
            seconds += stage.first_s
        return seconds


def _share(at_s: float, start_s: NDArray[np.float64], end_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """The part of each stretch that lies before a time, in [0, 1]."""
    lengths = np.maximum(end_s - start_s, 1e-9)
    return np.clip((at_s - start_s) / lengths, 0.0, 1.0)
