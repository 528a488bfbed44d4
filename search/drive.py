"""The part of a run that needs Ray: trials in processes, until there is nothing left to try or somebody says stop.

A run is searched, then confirmed; each of the two is one call of Ray Tune, with proposals and a record of its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from ray import tune
from ray.tune import CheckpointConfig

from clusters.scratch import scratch
from clusters.session import connected
from clusters.slots import Slot, choose_slot, count_slots, living_nodes, slot_memory_bytes
from search.candidates import expected_cost
from search.confirm import Again, ConfirmationRecorder, choose, in_memory
from search.ending import INTERRUPTED, Cost, Ending, spent
from search.meter import Meter
from search.record import Listener, RunInfo
from search.recorder import Recorder, Running
from search.scheduler import FairAsha, Rungs
from search.searcher import Proposals, Record, RecordResults, StopWhenQuiet, StudySearcher
from search.stopping import heeded, stop_signal
from search.study import Study
from search.take_up import decide_again, open_study
from spaces.sweep import Budget, Sweep
from trainables.trial import TrialTask, TrialTrainable
from trainables.trust import trusted

SLOTS_VALID_S = 2.0
"""How long a count of the cluster's slots is good."""
COST_VALID_S = 10.0
"""How long an estimate of what the confirmation will cost is good."""

Tell = Callable[[str], None]
Measured = TypeVar("Measured")


@dataclass(frozen=True, kw_only=True)
class Driven:
    """A run being driven on a cluster."""

    run: RunInfo
    sweep: Sweep
    study: Study
    slot: Slot
    slots: Callable[[], int]
    """How many there are now."""
    tell: Tell
    """Reaches the user."""


def drive(run: RunInfo, sweep: Sweep, *, image_side_px: int, listeners: Sequence[Listener], tell: Tell) -> Ending:
    """Trains trials until the sweep ends; the journal of ``run`` may hold some already. ``tell`` reaches the user.

    Connects to the cluster that this process is in, or that RAY_ADDRESS names; else starts Ray on this machine.

    Raises:
        OSError: the record could not be written; the running trials were stopped.
    """
    study = open_study(run, sweep, tell)
    recorder = Recorder(run, sweep, study, listeners)
    scheduler = FairAsha(_rungs(sweep), metric=sweep.search.metric)
    try:
        decide_again(run, study, scheduler=scheduler, recorder=recorder)
        with connected() as may_grow:
            slot = _slot(sweep, image_side_px)
            slots = _slots(slot, may_grow=may_grow)
            driven = Driven(run=run, sweep=sweep, study=study, slot=slot, slots=slots, tell=tell)
            ending = _train(driven, study, recorder, scheduler, to_come=_confirmation_cost(driven))
            if sweep.confirm and ending.reason != INTERRUPTED:
                choose(run, sweep, sweep.confirm, study)
                ending = _confirmed(driven, listeners, searched=ending)
        return ending
    finally:
        recorder.close()


def _confirmed(driven: Driven, listeners: Sequence[Listener], *, searched: Ending) -> Ending:
    """Trains what is left of the confirmation; how the whole sweep ended."""
    again = Again(in_memory(driven.run, driven.sweep, driven.study))
    if not again.jobs:
        return searched
    recorder = ConfirmationRecorder(driven.run, driven.sweep, driven.study, again, listeners)
    ending = _train(driven, again, recorder, FairAsha(None, metric=driven.run.metric), to_come=Cost)
    ending.reason = ending.reason or searched.reason
    return ending


def _train(
    driven: Driven, proposals: Proposals, recorder: Record, scheduler: FairAsha, *, to_come: Callable[[], Cost]
) -> Ending:
    """Trains what is proposed until nothing is left, a budget is spent or somebody says stop.

    Raises:
        OSError: as `drive`.
    """
    meter = Meter(driven.study, lambda: len(recorder.running))
    with stop_signal(driven.run) as (signal, set_signal):
        ending = Ending(set_signal)

        def interrupt() -> None:
            driven.tell("Stopping: the running trials save their state. Ctrl-C again ends at once.")
            ending.now(INTERRUPTED)

        with heeded(interrupt), scratch() as ray_state:
            searcher = StudySearcher(
                proposals,
                recorder=recorder,
                scheduler=scheduler,
                ending=ending,
                task=_task(driven, scheduler.rungs, signal),
                slots=driven.slots,
                max_failures=driven.sweep.search.max_failures,
            )
            watch = _budget_watch(driven, recorder, ending, meter, to_come=to_come)
            watch()
            if not ending.early:
                _fit(searcher, scheduler, driven.slot, ray_state, recorder=recorder, ending=ending, watch=watch)
            meter.keep()
    if ending.failure:
        raise ending.failure
    return ending


def _fit(
    searcher: StudySearcher,
    scheduler: FairAsha,
    slot: Slot,
    ray_state: str,
    *,
    recorder: Record,
    ending: Ending,
    watch: Callable[[], None],
) -> None:
    # Not `Tuner`, which pickles searcher, scheduler and callbacks to restore what we rebuild from the journal.
    tune.run(
        tune.with_resources(TrialTrainable, slot.bundle()),
        name="tune",
        storage_path=ray_state,
        search_alg=searcher,
        scheduler=scheduler,
        num_samples=-1,
        reuse_actors=True,
        trial_name_creator=str,
        trial_dirname_creator=lambda trial: trial.trial_id,
        stop=StopWhenQuiet(ending, recorder, watch=watch),
        callbacks=[RecordResults(recorder, scheduler=scheduler, ending=ending)],
        max_failures=0,  # the searcher hands a lost trial out again
        raise_on_failed_trial=False,
        checkpoint_config=CheckpointConfig(checkpoint_at_end=False),
        verbose=0,
    )


def _task(driven: Driven, rungs: Rungs | None, signal: str) -> Callable[[Running], TrialTask]:
    search, memory_bytes = driven.sweep.search, slot_memory_bytes(driven.slot, living_nodes())

    def task(running: Running) -> TrialTask:
        return TrialTask(
            number=running.proposal.number,
            config=running.config,
            metric=search.metric,
            folder=str(running.folder),
            rungs=frozenset(rungs.reached if rungs else ()),
            checkpoint_s=search.checkpoint_minutes * 60,
            stop_signal=signal,
            memory_bytes=memory_bytes,
            slot=driven.slot.in_words(memory_bytes=memory_bytes),
            split_seed=running.split_seed,
            trusted=trusted(),
        )

    return task


def _rungs(sweep: Sweep) -> Rungs | None:
    search, epochs = sweep.search, sweep.epochs
    if search.scheduler == "none":
        return None
    return Rungs(grace_epochs=search.grace_epochs, reduction_factor=search.reduction_factor, epochs=epochs)


def _slot(sweep: Sweep, image_side_px: int) -> Slot:
    wanted = sweep.resources
    return choose_slot(living_nodes(), image_side_px=image_side_px, cpus=wanted.cpus, gpus=wanted.gpus)


def _slots(slot: Slot, *, may_grow: bool) -> Callable[[], int]:
    """Counts the slots that exist now, and one more where the cluster may grow: a trial that waits asks for a node."""
    return _kept_for(SLOTS_VALID_S, lambda: max(1, count_slots(slot, living_nodes()) + may_grow))


def _confirmation_cost(driven: Driven) -> Callable[[], Cost]:
    """What the confirmation is going to cost, as far as the search can tell; nothing where there will be none."""
    confirm = driven.sweep.confirm
    if confirm is None:
        return Cost

    def cost() -> Cost:
        expected = expected_cost(in_memory(driven.run, driven.sweep, driven.study), confirm)
        return replace(expected, hours=expected.slot_hours / driven.slots())

    return _kept_for(COST_VALID_S, cost)


def _kept_for(seconds: float, measure: Callable[[], Measured]) -> Callable[[], Measured]:
    """The same measurement, made anew no more often than every so many seconds."""
    kept: list[tuple[float, Measured]] = []

    def measured() -> Measured:
        if not kept or time.monotonic() - kept[0][0] > seconds:
            kept[:] = [(time.monotonic(), measure())]
        return kept[0][1]

    return measured


def _budget_watch(
    driven: Driven, recorder: Record, ending: Ending, meter: Meter, *, to_come: Callable[[], Cost]
) -> Callable[[], None]:
    budget, usd_per_hour = driven.sweep.budget, driven.sweep.resources.usd_per_hour or 0.0

    def watch() -> None:
        with ending.at_failure():
            meter.read()
        if budget == Budget():
            return
        cost = Cost(hours=meter.hours, epochs=recorder.epochs, slot_hours=meter.slot_hours)
        reason = spent(budget, cost, gpus=driven.slot.gpus, usd_per_hour=usd_per_hour, to_come=to_come())
        if reason:
            ending.now(reason)

    return watch
