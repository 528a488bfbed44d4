"""Time the corners of a space: what the plan measures before a sweep is run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from search.formatting import format_rough_duration
from search.plan.capacity import Capacity
from search.plan.costs import TrialCost, costs_of, essence, spread_out
from search.study.draws import drawn_configs
from search.study.feature_cuts import shared_cuts
from spaces.config.trial import TrialConfig
from spaces.domains.close import close_values, corners
from spaces.domains.domain import Scalar
from spaces.domains.names import short_names
from spaces.file.sweep import Sweep
from spaces.problem import WorkFailedError
from trainables.preflight.timing import ALWAYS_TIMED, TimingFailure, TimingResult, time_trials

MOST_TIMED, MOST_AT_ONCE = 12, 16
LIMIT_S = 45.0
"""How long the processes keep timing after they have started and timed the first few."""


@dataclass(frozen=True, kw_only=True)
class Corner:
    """A corner of the space whose configuration is to be timed."""

    config: TrialConfig
    label: str
    """The values that determine its time: ``filters = 8``."""


@dataclass(frozen=True, kw_only=True)
class Measurements:
    """What was measured."""

    timed: tuple[tuple[Corner, TrialCost], ...]
    """The baseline first, unless it failed; then in the order of timing."""
    baseline: TrialCost
    drawn: tuple[TrialCost, ...]
    """The costs of configurations drawn at random from the space."""
    failed: tuple[tuple[Corner, str], ...]
    """Corners that cannot be trained, and why."""
    left: int
    """Corners with times of their own that were not timed."""
    at_once: int
    """How many processes timed at once."""
    process_s: float
    """Time until a process has loaded TensorFlow, Keras and the data."""
    memory_bytes: int
    """Peak memory of a process."""
    gpu_memory_bytes: int | None
    """Peak GPU memory of a process; None if it used no GPU."""
    gpu_bytes: int | None
    """The memory of one GPU."""
    features: tuple[str, ...] = ()
    """Where the features of frozen layers come from, in words, without repetitions, the most frequent first."""


def measure(sweep: Sweep, room: Capacity, *, message: Callable[[str], None]) -> Measurements:
    """Time corners of the space as its trials would train; ``message`` reports each result.

    Raises:
        WorkFailedError: none of them could be timed.
    """
    found, cuts = _corners(sweep), shared_cuts(sweep)
    chosen = spread_out([corner.config for corner in found], always=ALWAYS_TIMED, most=MOST_TIMED)
    picked = [found[position] for position in chosen]
    at_once = min(room.slots, room.slots_here, MOST_AT_ONCE)

    def on_result(number: int, result: TimingResult | TimingFailure) -> None:
        message(f"{number + 1} of {len(picked)} timed: {_named(picked[number])}{_in_words(picked[number], result)}")

    message(f"Timing {len(picked)} of the space's corners, {at_once} at a time …")
    timing = time_trials(
        [corner.config for corner in picked],
        cpus=room.slot.cpus,
        gpus=room.slot.gpus if room.gpus_here else 0.0,
        at_once=at_once,
        limit_s=LIMIT_S,
        trials=sweep.search.trials,
        cuts=[cuts(corner.config) for corner in picked],
        env=sweep.resources.env,
        on_result=on_result,
    )
    results = list(zip(picked, timing.results, strict=True))
    timed = [(corner, result) for corner, result in results if isinstance(result, TimingResult)]
    failed = [(corner, result.reason) for corner, result in results if isinstance(result, TimingFailure)]
    if not timed:
        raise WorkFailedError("no corner of the space could be timed: " + "; ".join({reason for _, reason in failed}))
    cost = costs_of([(corner.config, result) for corner, result in timed])
    on_gpu = [result.gpu_memory_bytes for _, result in timed if result.gpu_memory_bytes is not None]
    return Measurements(
        timed=tuple((corner, cost(corner.config)) for corner, _ in timed),
        baseline=cost(picked[0].config),
        features=_features([result for _, result in timed]),
        drawn=tuple(map(cost, _drawn(sweep))),
        failed=tuple(failed),
        left=len({repr(essence(corner.config)) for corner in found}) - len(timed) - len(failed),
        at_once=at_once,
        process_s=timing.startup_s + max(result.load_s for _, result in timed),
        memory_bytes=max(result.memory_bytes for _, result in timed),
        gpu_memory_bytes=max(on_gpu, default=None),
        gpu_bytes=timing.gpu_bytes,
    )


def _features(timed: Sequence[TimingResult]) -> tuple[str, ...]:
    counts = Counter(stage.features for result in timed for stage in result.stages if stage.features)
    return tuple(words for words, _ in counts.most_common())


def _named(corner: Corner) -> str:
    return f"{corner.label}, " if corner.label else ""


def _in_words(corner: Corner, result: TimingResult | TimingFailure) -> str:
    if isinstance(result, TimingFailure):
        return result.reason
    return f"{format_short_duration(costs_of([(corner.config, result)])(corner.config).epoch_s)} per epoch"


def format_short_duration(seconds: float) -> str:
    """Format a short time: ``0.29 s``, ``4.5 s``, then as `format_rough_duration`."""
    return f"{seconds:.2g} s" if seconds < 10 else format_rough_duration(seconds)


def _corners(sweep: Sweep) -> list[Corner]:
    """Return the corners of the space, the baseline first, with the values that determine their times."""
    found = [(values, close_values(sweep.trial, values)) for values in corners(sweep.trial)]
    names, short = _distinguishing(found), short_names(sweep.open_values)
    return [
        Corner(
            config=config,
            label=", ".join(f"{short[name]} = {value}" for name, value in values.items() if name in names),
        )
        for values, config in found
    ]


def _distinguishing(found: Sequence[tuple[Mapping[str, Scalar], TrialConfig]]) -> set[str]:
    """Return the open values that alone distinguish two corners with different times."""
    known = [(values, repr(essence(config))) for values, config in found]
    names: set[str] = set()
    for values, one in known:
        for others, other in known:
            shared = values.keys() & others.keys()
            different = [name for name in shared if values[name] != others[name]]
            if one != other and len(different) == 1:
                names.add(different[0])
    return names


def _drawn(sweep: Sweep) -> list[TrialConfig]:
    """Draw configurations at random; use the corners if none is valid."""
    return list(drawn_configs(sweep)) or [corner.config for corner in _corners(sweep)]
