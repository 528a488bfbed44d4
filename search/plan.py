"""What a sweep will do, said before it does it."""

from __future__ import annotations

from collections.abc import Mapping

from search.rungs import ladder
from search.wording import counted
from spaces.domain import Scalar
from spaces.sweep import Sweep
from trainables.data.dataset import DataInfo


def plan_lines(sweep: Sweep, data: DataInfo, *, earlier: int = 0) -> list[str]:
    """Data, space, trials, rungs and the epochs to expect, a line each."""
    height, width, channels = data.image_shape
    counts = {part: sum(classes) for part, classes in data.counts.items()}
    trials, epochs = sweep.search.trials, sweep.epochs
    return [
        f"data      {len(data.class_names)} classes, {height} × {width} × {channels} pixels; "
        + ", ".join(f"{count:,} {part}" for part, count in counts.items()),
        f"open      {', '.join(sweep.open_values) or 'nothing'}",
        f"baseline  {_values(sweep.baseline) if sweep.baseline else 'none given'}",
        f"trials    {trials}, by {sweep.search.sampler}, for {sweep.search.metric}"
        + (f"; warm start from {counted(earlier, 'earlier trial')}" if earlier else ""),
        f"rungs     {_rungs(sweep)}",
        f"epochs    at most {trials * epochs:,}" + _expected(sweep),
    ]


def rung_epochs(sweep: Sweep) -> list[int]:
    """The epochs at which trials are compared; none without ASHA."""
    search = sweep.search
    if search.scheduler == "none":
        return []
    return ladder(grace_epochs=search.grace_epochs, reduction_factor=search.reduction_factor, epochs=sweep.epochs)


def expected_epochs(sweep: Sweep) -> float:
    """Epochs that all trials train together where of those at a rung one in ``reduction_factor`` goes on.

    Without patience, and as if trials came in random order: the first at a rung always goes on, so small sweeps train
    somewhat more.
    """
    ends = [*rung_epochs(sweep), sweep.epochs]
    left, total, before = float(sweep.search.trials), 0.0, 0
    for end in ends:
        total += left * (end - before)
        left, before = max(1.0, left / sweep.search.reduction_factor), end
    return total


def _rungs(sweep: Sweep) -> str:
    rungs = rung_epochs(sweep)
    if not rungs:
        return "none"
    return f"after epochs {', '.join(map(str, rungs))}; about 1 in {sweep.search.reduction_factor} goes on"


def _expected(sweep: Sweep) -> str:
    return f", with early stopping about {expected_epochs(sweep):,.0f}" if rung_epochs(sweep) else ""


def _values(values: Mapping[str, Scalar]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in values.items())
