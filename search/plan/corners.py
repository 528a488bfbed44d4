"""The corners of a space, timed: what the plan knows of a sweep before it is run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from search.formatting import rough_duration
from search.plan.capacity import Capacity
from search.plan.costs import Cost, costs_of, essence, spread
from search.study.draws import drawn_configs
from search.study.feature_cuts import shared_cuts
from spaces.config.trial import TrialConfig
from spaces.domains.close import close_values, corners
from spaces.domains.domain import Scalar
from spaces.domains.names import short_names
from spaces.file.sweep import Sweep
from spaces.problem import WorkFailedError
from trainables.preflight.timing import ALWAYS_TIMED, Failed, Timed, time_trials

MOST_TIMED, MOST_AT_ONCE = 12, 16
LIMIT_S = 45.0
"""How long the processes time, once they are awake and have timed the first few."""


@dataclass(frozen=True, kw_only=True)
class Corner:
    """A corner of the space whose configuration is to be timed."""

    config: TrialConfig
    label: str
    """The values that make it take its time: ``filters = 8``."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What was found out."""

    timed: tuple[tuple[Corner, Cost], ...]
    """The baseline first, unless it failed; then in the order of timing."""
    baseline: Cost
    drawn: tuple[Cost, ...]
    """Of configurations drawn from the space at random."""
    failed: tuple[tuple[Corner, str], ...]
    """Corners that do not train, and why."""
    left: int
    """Corners that would each take a time of its own, and were not timed."""
    at_once: int
    """How many processes timed at the same time."""
    process_s: float
    """What a process takes until it has TensorFlow, Keras and the data."""
    memory_bytes: int
    """The most that a process took."""
    gpu_memory_bytes: int | None
    """The same of a GPU's memory; None where none was used."""
    gpu_bytes: int | None
    """The memory of a GPU."""
    features: tuple[str, ...] = ()
    """Where the features of frozen parts come from, in words; each answer once, the most frequent first."""


def measure(sweep: Sweep, room: Capacity, *, tell: Callable[[str], None]) -> Measured:
    """Times corners of the space as its trials would train. ``tell`` is told of each as it is known.

    Raises:
        WorkFailedError: none of them could be timed.
    """
    found, cuts = _corners(sweep), shared_cuts(sweep)
    chosen = spread([corner.config for corner in found], always=ALWAYS_TIMED, most=MOST_TIMED)
    picked = [found[position] for position in chosen]
    at_once = min(room.slots, room.slots_here, MOST_AT_ONCE)

    def heard(number: int, result: Timed | Failed) -> None:
        tell(f"{number + 1} of {len(picked)} timed: {_named(picked[number])}{_in_words(picked[number], result)}")

    tell(f"timing {len(picked)} of the space's corners, {at_once} at a time …")
    timing = time_trials(
        [corner.config for corner in picked],
        cpus=room.slot.cpus,
        gpus=room.slot.gpus if room.gpus_here else 0.0,
        at_once=at_once,
        limit_s=LIMIT_S,
        trials=sweep.search.trials,
        cuts=[cuts(corner.config) for corner in picked],
        env=sweep.resources.env,
        heard=heard,
    )
    results = list(zip(picked, timing.results, strict=True))
    timed = [(corner, result) for corner, result in results if isinstance(result, Timed)]
    failed = [(corner, result.told) for corner, result in results if isinstance(result, Failed)]
    if not timed:
        raise WorkFailedError("no corner of the space could be timed: " + "; ".join({told for _, told in failed}))
    cost = costs_of([(corner.config, result) for corner, result in timed])
    on_gpu = [result.gpu_memory_bytes for _, result in timed if result.gpu_memory_bytes is not None]
    return Measured(
        timed=tuple((corner, cost(corner.config)) for corner, _ in timed),
        baseline=cost(picked[0].config),
        features=_features([result for _, result in timed]),
        drawn=tuple(map(cost, _drawn(sweep))),
        failed=tuple(failed),
        left=len({repr(essence(corner.config)) for corner in found}) - len(timed) - len(failed),
        at_once=at_once,
        process_s=timing.awake_s + max(result.load_s for _, result in timed),
        memory_bytes=max(result.memory_bytes for _, result in timed),
        gpu_memory_bytes=max(on_gpu, default=None),
        gpu_bytes=timing.gpu_bytes,
    )


def _features(timed: Sequence[Timed]) -> tuple[str, ...]:
    told = Counter(stage.features for result in timed for stage in result.stages if stage.features)
    return tuple(words for words, _ in told.most_common())


def _named(corner: Corner) -> str:
    return f"{corner.label}, " if corner.label else ""


def _in_words(corner: Corner, result: Timed | Failed) -> str:
    if isinstance(result, Failed):
        return result.told
    return f"{seconds_told(costs_of([(corner.config, result)])(corner.config).epoch_s)} an epoch"


def seconds_told(seconds: float) -> str:
    """A short time: ``0.29 s``, ``4.5 s``, then as `rough_duration`."""
    return f"{seconds:.2g} s" if seconds < 10 else rough_duration(seconds)


def _corners(sweep: Sweep) -> list[Corner]:
    """The corners of the space, the baseline's first, with the values that matter to how long each takes."""
    found = [(values, close_values(sweep.trial, values)) for values in corners(sweep.trial)]
    names, short = _telling(found), short_names(sweep.open_values)
    return [
        Corner(
            config=config,
            label=", ".join(f"{short[name]} = {value}" for name, value in values.items() if name in names),
        )
        for values, config in found
    ]


def _telling(found: Sequence[tuple[Mapping[str, Scalar], TrialConfig]]) -> set[str]:
    """The open values by which two corners that take different times differ, where it is one alone."""
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
    """Configurations drawn at random; the corners where none closes."""
    return list(drawn_configs(sweep)) or [corner.config for corner in _corners(sweep)]
