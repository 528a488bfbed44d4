"""The part of a run that needs Ray: trials in processes, until there is nothing left to try or somebody says stop."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

import ray
from ray import tune
from ray.tune import CheckpointConfig

from clusters.session import connected, scratch
from clusters.slots import Slot, choose_slot, count_slots, living_nodes, slot_memory_bytes
from search.ending import INTERRUPTED, Ending, spent
from search.meter import Meter
from search.record import Listener, RunInfo
from search.recorder import Recorder, Running
from search.rungs import Rungs
from search.scheduler import FairAsha
from search.searcher import RecordResults, StopWhenQuiet, StudySearcher
from search.take_up import decide_again, open_study
from spaces.sweep import Sweep
from trainables.trial import StopSignal, TrialTask, TrialTrainable
from trainables.trust import trusted

SLOTS_VALID_S = 2.0
"""How long a count of the cluster's slots is good."""


def drive(
    run: RunInfo, sweep: Sweep, *, image_side_px: int, listeners: Sequence[Listener], tell: Callable[[str], None]
) -> Ending:
    """Trains trials until the sweep ends; the journal of ``run`` may hold some already. ``tell`` reaches the user.

    Connects to the cluster that this process is in, or that RAY_ADDRESS names; else starts Ray on this machine.

    Raises:
        OSError: the record could not be written; the running trials were stopped.
    """
    study = open_study(run, sweep, tell)
    rungs = _rungs(sweep)
    scheduler = FairAsha(rungs, metric=sweep.search.metric)
    recorder = Recorder(run, sweep, study, listeners)
    meter = Meter(study, lambda: len(recorder.running))
    try:
        decide_again(run, study, scheduler=scheduler, recorder=recorder)
        with connected() as may_grow, _stop_signal(run) as set_signal:
            ending = Ending(set_signal)

            def interrupt() -> None:
                tell("Stopping: the running trials save their state. Ctrl-C again ends at once.")
                ending.now(INTERRUPTED)

            with _heeded(interrupt), scratch() as ray_state:
                slot = _slot(sweep, image_side_px)
                searcher = StudySearcher(
                    study,
                    recorder=recorder,
                    scheduler=scheduler,
                    ending=ending,
                    task=_task(sweep, run, rungs, slot, memory_bytes=slot_memory_bytes(slot, living_nodes())),
                    slots=_slots(slot, may_grow=may_grow),
                    max_failures=sweep.search.max_failures,
                )
                watch = _budget_watch(sweep, recorder, ending, meter, slot)
                _fit(searcher, scheduler, slot, ray_state, recorder=recorder, ending=ending, watch=watch)
                meter.keep()
        if ending.failure:
            raise ending.failure
        return ending
    finally:
        recorder.close()


def _fit(
    searcher: StudySearcher,
    scheduler: FairAsha,
    slot: Slot,
    ray_state: str,
    *,
    recorder: Recorder,
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


def _task(
    sweep: Sweep, run: RunInfo, rungs: Rungs | None, slot: Slot, *, memory_bytes: int
) -> Callable[[Running], TrialTask]:
    def task(running: Running) -> TrialTask:
        return TrialTask(
            number=running.proposal.number,
            config=running.config,
            metric=sweep.search.metric,
            folder=str(running.folder),
            rungs=frozenset(rungs.reached if rungs else ()),
            checkpoint_s=sweep.search.checkpoint_minutes * 60,
            stop_signal=_signal_name(run),
            memory_bytes=memory_bytes,
            slot=slot.in_words(memory_bytes=memory_bytes),
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
    counted, at = 0, -SLOTS_VALID_S

    def count() -> int:
        nonlocal counted, at
        if time.monotonic() - at > SLOTS_VALID_S:
            counted, at = count_slots(slot, living_nodes()) + may_grow, time.monotonic()
        return max(1, counted)

    return count


def _budget_watch(sweep: Sweep, recorder: Recorder, ending: Ending, meter: Meter, slot: Slot) -> Callable[[], None]:
    def watch() -> None:
        with ending.at_failure():
            meter.read()
        reason = spent(
            sweep.budget,
            hours=meter.hours,
            epochs=recorder.epochs,
            slot_hours=meter.slot_hours,
            gpus=slot.gpus,
            usd_per_hour=sweep.resources.usd_per_hour or 0.0,
        )
        if reason:
            ending.now(reason)

    return watch


@contextmanager
def _stop_signal(run: RunInfo) -> Iterator[Callable[[], None]]:
    """A signal that every process of the run waits on; yields what sets it."""
    actor = ray.remote(num_cpus=0, max_concurrency=100_000)(StopSignal).options(name=_signal_name(run)).remote()
    try:
        yield lambda: actor.set.remote() and None
    finally:
        ray.kill(actor)


def _signal_name(run: RunInfo) -> str:
    return f"tunehound-stop-{run.id}"


@contextmanager
def _heeded(stop: Callable[[], None]) -> Iterator[None]:
    """Calls ``stop`` on Ctrl-C, SIGTERM and SIGHUP; a second Ctrl-C ends the process at once.

    To be entered after ray.init, which sets a SIGTERM handler of its own.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    asked = False

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if asked and number == signal.SIGINT:
            os._exit(130)
        asked = True
        stop()

    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, handle) for number in signals}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
