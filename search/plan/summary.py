"""What a sweep will do and cost, said before it does it."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median

from search.formatting import counted, rough_duration
from search.plan.capacity import Capacity
from search.plan.corners import Measured, seconds_told
from search.plan.forecast import RAY_START_S, Forecast, Outlook, Span, forecast
from search.study.rungs import ladder
from spaces.domains.domain import Scalar
from spaces.file.sweep import Sweep
from trainables.dataset import DataInfo


def plan_lines(sweep: Sweep, data: DataInfo, *, earlier: int = 0) -> list[str]:
    """Data, space, trials and rungs, a line each: what needs no measuring."""
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
        f"epochs    at most {trials * epochs:,}",
    ]


def cost_lines(sweep: Sweep, room: Capacity, measured: Measured) -> list[str]:
    """Slots, times, what the sweep will come to with its range, and memory, a line each."""
    expected = predict(sweep, room, measured)
    where = "on the cluster" if room.cluster else "on this machine"
    held = room.slot.in_words(memory_bytes=room.memory_bytes)
    return [
        f"slots     {counted(room.slots, 'trial')} at a time {where}, each with {held}",
        *_timed_lines(measured),
        f"search    {_search(expected)}",
        *([f"confirm   {_confirmation(expected)}"] if sweep.confirm else []),
        f"budget    {_budget(sweep, expected)}",
        f"together  {', '.join(_sums(sweep, room, expected))}",
        f"memory    {_memory(room, measured)}",
    ]


def predict(sweep: Sweep, room: Capacity, measured: Measured) -> Forecast:
    """What the sweep will come to on these slots, by what was measured."""
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
    """The epochs at which trials are compared; none without ASHA."""
    search = sweep.search
    if search.scheduler == "none":
        return []
    return ladder(grace_epochs=search.grace_epochs, reduction_factor=search.reduction_factor, epochs=sweep.epochs)


def _rungs(sweep: Sweep) -> str:
    rungs = rung_epochs(sweep)
    if not rungs:
        return "none"
    return f"after epochs {', '.join(map(str, rungs))}; about 1 in {sweep.search.reduction_factor} goes on"


def _values(values: Mapping[str, Scalar]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in values.items())


def _timed_lines(measured: Measured) -> list[str]:
    costs = [cost for _, cost in measured.timed]
    cheapest, *_, dearest = sorted(measured.timed, key=lambda each: each[1].seconds) * 2
    told = [f"baseline {seconds_told(measured.baseline.epoch_s)}"] if measured.baseline in costs else []
    for word, (corner, cost) in (("cheapest", cheapest), ("dearest", dearest)):
        told.append(f"{word} {seconds_told(cost.epoch_s)}" + (f" ({corner.label})" if corner.label else ""))
    first = _span([cost.first_s for cost in costs]).told(seconds_told)
    left = f", {measured.left} more not timed" if measured.left else ""
    return [
        *_features(measured),
        f"timed     {counted(len(costs), 'corner')}{left}; {measured.at_once} at a time",
        f"an epoch  {'; '.join(told) if len(costs) > 1 else seconds_told(costs[0].epoch_s)}",
        f"warm-up   {seconds_told(measured.process_s)} a process, then {first} for each network in it",
    ]


def _features(measured: Measured) -> list[str]:
    """Where frozen features come from, if there are any."""
    if not measured.features:
        return []
    stored = [(cost, stage.pass_s) for _, cost in measured.timed for stage in cost.stages if stage.pass_s]
    once = ""
    if stored:
        pass_s, views = median(pass_s for _, pass_s in stored), max(cost.views for cost, _ in stored)
        once = f"; {seconds_told(pass_s)} for each of {counted(views, 'view')}, once a machine"
    return [f"features  {'; '.join(measured.features)}{once}"]


def _search(expected: Forecast) -> str:
    trials = expected.span(lambda outlook: outlook.trials).told(_number, " trials")
    epochs = expected.span(lambda outlook: outlook.epochs).told(_number, " epochs")
    return f"{trials}, {epochs}, {expected.span(lambda outlook: outlook.hours).told(_hours)}"


def _confirmation(expected: Forecast) -> str:
    trainings = expected.span(lambda outlook: outlook.confirm_trainings).told(_number, " trainings")
    epochs = expected.span(lambda outlook: outlook.confirm_epochs).told(_number, " epochs")
    return f"{trainings}, {epochs}, {expected.span(lambda outlook: outlook.confirm_hours).told(_hours)}"


def _budget(sweep: Sweep, expected: Forecast) -> str:
    given = [f"{name} = {limit:g}" for name, limit in sweep.budget if limit is not None]
    if not given:
        return "no limit"
    if expected.limit is None:
        often = sum(outlook.limit is not None for outlook in expected.outlooks) / len(expected.outlooks)
        return f"{', '.join(given)}: {'enough' if not often else 'probably enough, but not surely'}"
    trials = expected.span(lambda outlook: outlook.trials).told(_number)
    reserved = ", what confirmation will take kept back" if sweep.confirm else ""
    return f"{expected.limit} ends the search after {trials} of {sweep.search.trials:,} trials{reserved}"


def _sums(sweep: Sweep, room: Capacity, expected: Forecast) -> list[str]:
    price, gpus = sweep.resources.usd_per_hour, room.slot.gpus
    sums = [expected.span(lambda outlook: outlook.hours + outlook.confirm_hours).told(_hours)]
    if gpus:
        sums.append(expected.span(lambda o: _slot_hours(o) * gpus).told(_amount, " GPU-hours"))
    if price is not None:
        sums.append(expected.span(lambda o: _slot_hours(o) * price).told(_money, " USD"))
    return sums


def _slot_hours(outlook: Outlook) -> float:
    return outlook.slot_hours + outlook.confirm_slot_hours


def _memory(room: Capacity, measured: Measured) -> str:
    told = f"up to {measured.memory_bytes / 1e9:.1f} GB a trial"
    if measured.gpu_memory_bytes is None or measured.gpu_bytes is None:
        return told + ("; of a GPU not known, there is none here" if not room.gpus_here or not room.slot.gpus else "")
    fitting = int(0.95 * measured.gpu_bytes / max(1, measured.gpu_memory_bytes))  # the rest is CUDA's own
    return f"{told}, and {measured.gpu_memory_bytes / 1e9:.1f} GB of a GPU, on which {fitting} fit"


def _span(values: list[float]) -> Span:
    return Span(min(values), median(values), max(values))


def _number(value: float) -> str:
    return f"{value:,.0f}"


def _amount(value: float) -> str:
    return f"{value:.2g}" if value < 10 else f"{value:,.0f}"


def _money(value: float) -> str:
    return f"{value:,.2f}"


def _hours(hours: float) -> str:
    return rough_duration(3600 * hours)
