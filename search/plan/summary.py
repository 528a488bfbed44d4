"""The output of `tunehound plan`: what a sweep will do and what it will cost."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median

from search.formatting import format_count, format_rough_duration
from search.halving.rungs import ladder
from search.plan.capacity import Capacity
from search.plan.corners import Measurements, format_short_duration
from search.plan.forecast import RAY_START_S, Forecast, Projection, Range, forecast
from spaces.domains.domain import Scalar
from spaces.file.sweep import Sweep
from trainables.dataset import DataInfo


def plan_lines(sweep: Sweep, data: DataInfo, *, earlier: int = 0) -> list[str]:
    """Describe data, space, trials and rungs, one line each; nothing is measured for this."""
    height, width, channels = data.image_shape
    counts = {part: sum(classes) for part, classes in data.counts.items()}
    trials, epochs = sweep.search.trials, sweep.epochs
    return [
        f"data      {len(data.class_names)} classes, {height} × {width} × {channels} pixels; "
        + ", ".join(f"{count:,} {part}" for part, count in counts.items()),
        f"open      {', '.join(sweep.open_values) or 'nothing'}",
        f"baseline  {_values(sweep.baseline) if sweep.baseline else 'none given'}",
        f"trials    {trials}, by {sweep.search.sampler}, for {sweep.search.metric}"
        + (f"; warm start from {format_count(earlier, 'earlier trial')}" if earlier else ""),
        f"rungs     {_rungs(sweep)}",
        f"epochs    at most {trials * epochs:,}",
    ]


def cost_lines(sweep: Sweep, room: Capacity, measured: Measurements) -> list[str]:
    """Describe slots, times, the estimated cost with its range, and memory, one line each."""
    expected = predict(sweep, room, measured)
    place = "on the cluster" if room.cluster else "on this machine"
    held = room.slot.describe(memory_bytes=room.memory_bytes)
    return [
        f"slots     {format_count(room.slots, 'trial')} at a time {place}, each with {held}",
        *_timed_lines(measured),
        *_left_out(expected),
        f"search    {_search(expected)}",
        *([f"confirm   {_confirmation(expected)}"] if sweep.confirm else []),
        f"budget    {_budget(sweep, expected)}",
        f"total     {', '.join(_sums(sweep, room, expected))}; slot time {_slot_time(expected)}",
        f"memory    {_memory(room, measured)}",
    ]


def predict(sweep: Sweep, room: Capacity, measured: Measurements) -> Forecast:
    """Forecast the sweep on these slots from what was measured."""
    return forecast(
        sweep,
        baseline=measured.baseline,
        drawn=measured.drawn,
        slots=room.slots,
        gpus=room.slot.gpus,
        process_s=measured.process_s,
        begin_s=0.0 if room.cluster else RAY_START_S,
    )


def rung_epochs(sweep: Sweep) -> list[int]:
    """Return the epochs at which trials are compared; none without ASHA."""
    search = sweep.search
    if search.scheduler == "none":
        return []
    return ladder(grace_epochs=search.grace_epochs, reduction_factor=search.reduction_factor, epochs=sweep.epochs)


def _rungs(sweep: Sweep) -> str:
    rungs = rung_epochs(sweep)
    if not rungs:
        return "none"
    return f"after epochs {', '.join(map(str, rungs))}; about 1 in {sweep.search.reduction_factor} continues"


def _values(values: Mapping[str, Scalar]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in values.items())


def _timed_lines(measured: Measurements) -> list[str]:
    costs = [cost for _, cost in measured.timed]
    cheapest, *_, most_expensive = sorted(measured.timed, key=lambda each: each[1].seconds) * 2
    times = [f"baseline {format_short_duration(measured.baseline.epoch_s)}"] if measured.baseline in costs else []
    for word, (corner, cost) in (("cheapest", cheapest), ("most expensive", most_expensive)):
        times.append(f"{word} {format_short_duration(cost.epoch_s)}" + (f" ({corner.label})" if corner.label else ""))
    first = _span([cost.first_s for cost in costs]).format(format_short_duration)
    rest = f", {measured.left} more not timed" if measured.left else ""
    return [
        *_features(measured),
        f"timed     {format_count(len(costs), 'corner')}{rest}; {measured.at_once} at a time",
        f"epoch     {'; '.join(times) if len(costs) > 1 else format_short_duration(costs[0].epoch_s)}",
        f"warm-up   {format_short_duration(measured.process_s)} per process, then {first} per network",
    ]


def _features(measured: Measurements) -> list[str]:
    """Where the features of frozen layers come from, if any are frozen."""
    if not measured.features:
        return []
    stored = [(cost, stage.pass_s) for _, cost in measured.timed for stage in cost.stages if stage.pass_s]
    once = ""
    if stored:
        pass_s, views = median(pass_s for _, pass_s in stored), max(cost.views for cost, _ in stored)
        once = f"; {format_short_duration(pass_s)} for each of {format_count(views, 'view')}, once per machine"
    return [f"features  {'; '.join(measured.features)}{once}"]


def _left_out(expected: Forecast) -> list[str]:
    """Say if there was no time for all cases, as for a hundred thousand trials."""
    if not expected.left_out:
        return []
    done = len(expected.projections)
    return [f"forecast  from {done} of {done + expected.left_out} cases; no time for the others: a narrow range"]


def _search(expected: Forecast) -> str:
    trials = expected.range_of(lambda projection: projection.trials).format(_number, " trials")
    epochs = expected.range_of(lambda projection: projection.epochs).format(_number, " epochs")
    return f"{trials}, {epochs}, {expected.range_of(lambda projection: projection.hours).format(_hours)}"


def _confirmation(expected: Forecast) -> str:
    trainings = expected.range_of(lambda projection: projection.confirm_trainings).format(_number, " trainings")
    epochs = expected.range_of(lambda projection: projection.confirm_epochs).format(_number, " epochs")
    return f"{trainings}, {epochs}, {expected.range_of(lambda projection: projection.confirm_hours).format(_hours)}"


def _budget(sweep: Sweep, expected: Forecast) -> str:
    given = [f"{name} = {limit:g}" for name, limit in sweep.budget if limit is not None]
    if not given:
        return "no limit"
    if expected.limit is None:
        often = sum(projection.limit is not None for projection in expected.projections) / len(expected.projections)
        return f"{', '.join(given)}: {'sufficient' if not often else 'probably sufficient'}"
    trials = expected.range_of(lambda projection: projection.trials).format(_number)
    reserved = ", with a reserve for the confirmation" if sweep.confirm else ""
    return f"{expected.limit} ends the search after {trials} of {sweep.search.trials:,} trials{reserved}"


def _sums(sweep: Sweep, room: Capacity, expected: Forecast) -> list[str]:
    price, gpus = sweep.resources.usd_per_hour, room.slot.gpus
    sums = [expected.range_of(lambda projection: projection.hours + projection.confirm_hours).format(_hours)]
    if gpus:
        sums.append(expected.range_of(lambda p: _slot_hours(p) * gpus).format(_amount, " GPU-hours"))
    if price is not None:
        sums.append(expected.range_of(lambda p: _slot_hours(p) * price).format(_money, " USD"))
    return sums


def _slot_time(expected: Forecast) -> str:
    """The time of all slots together; that of the lines above passes on the wall."""
    return expected.range_of(_slot_hours).format(_hours)


def _slot_hours(projection: Projection) -> float:
    return projection.slot_hours + projection.confirm_slot_hours


def _memory(room: Capacity, measured: Measurements) -> str:
    memory = f"up to {measured.memory_bytes / 1e9:.1f} GB per trial"
    if measured.gpu_memory_bytes is None or measured.gpu_bytes is None:
        return memory + ("; GPU memory unknown (no GPU here)" if not room.gpus_here or not room.slot.gpus else "")
    fitting = int(0.95 * measured.gpu_bytes / max(1, measured.gpu_memory_bytes))  # CUDA itself takes the rest
    return f"{memory}, and {measured.gpu_memory_bytes / 1e9:.1f} GB of GPU memory ({fitting} fit on a GPU)"


def _span(values: list[float]) -> Range:
    return Range(min(values), median(values), max(values))


def _number(value: float) -> str:
    return f"{value:,.0f}"


def _amount(value: float) -> str:
    return f"{value:.2g}" if value < 10 else f"{value:,.0f}"


def _money(value: float) -> str:
    return f"{value:,.2f}"


def _hours(hours: float) -> str:
    return format_rough_duration(3600 * hours)
