"""The part of a run that needs Ray: trials in processes, until there is nothing left to try or somebody says stop.

A run is searched, then confirmed; each of the two is one call of Ray Tune, with proposals and a record of its own.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from ray import tune
from ray.tune import CheckpointConfig

from clusters.cluster import Cluster
from clusters.connection.address import ClusterChoice
from clusters.connection.session import connected
from clusters.health.heartbeat import Heartbeat
from clusters.slots import Slot
from clusters.tempdirs import scratch
from search.run.events import Listener, RunInfo
from search.study.feature_cuts import shared_cuts
from search.study.recorder import Recorder, Running
from search.study.rungs import Rungs
from search.tuner.actor import AtHome, at_home
from search.tuner.budget import Cost, Meter
from search.tuner.confirmation import Again, ConfirmationRecorder, choose, in_memory
from search.tuner.resume import decide_again, open_study
from search.tuner.scheduler import FairAsha
from search.tuner.searcher import Proposals, Record, RecordResults, StopWhenQuiet, StudySearcher
from search.tuner.stopping import INTERRUPTED, Ending, heeded
from search.tuner.supervision import Driven, Tell, confirmation_cost, supervise
from spaces.file.sweep import Sweep
from trainables.credentials import credentials, values_of
from trainables.trial.task import TrialTask
from trainables.trial.trainable import TrialTrainable
from trainables.trust import trusted


def drive(
    run: RunInfo,
    sweep: Sweep,
    chosen: ClusterChoice,
    *,
    image_side_px: int,
    listeners: Sequence[Listener],
    tell: Tell,
    give_up: Callable[[str], None],
    halted: Callable[[], bool] = lambda: False,
) -> Ending:
    """Trains trials until the sweep ends; the journal of ``run`` may hold some already. ``tell`` reaches the user.

    ``halted`` is asked often whether the sweep must stop; ``give_up`` ends this process with a reason, where Ray died
    and took the main thread along.

    Connects to the cluster that was ``chosen``, or starts Ray on this machine.

    Raises:
        OSError: the record could not be written; the running trials were stopped.
        UnfitClusterError: a node joined with other versions; the same.
        RayDiedError: a part of Ray died; the same.
    """
    study = open_study(run, sweep, tell)
    recorder = Recorder(run, sweep, study, listeners)
    scheduler = FairAsha(_rungs(sweep), metric=sweep.search.metric)
    try:
        decide_again(run, study, scheduler=scheduler, recorder=recorder)
        with _ray(chosen, tell, give_up) as (health, may_grow):
            wanted = sweep.resources
            cluster = Cluster(
                lambda: health.members,
                may_grow=may_grow,
                image_side_px=image_side_px,
                cpus=wanted.cpus,
                gpus=wanted.gpus,
            )
            driven = Driven(run=run, sweep=sweep, study=study, cluster=cluster, health=health, tell=tell, halted=halted)
            ending = _train(driven, study, recorder, scheduler, to_come=confirmation_cost(driven))
            if sweep.confirm and ending.reason != INTERRUPTED:
                choose(run, sweep, sweep.confirm, study)
                ending = _confirmed(driven, listeners, searched=ending)
        return ending
    finally:
        recorder.close()


@contextmanager
def _ray(chosen: ClusterChoice, tell: Tell, give_up: Callable[[str], None]) -> Iterator[tuple[Heartbeat, bool]]:
    """Ray, looked after until it is shut down: that, too, may take for ever; and whether it may grow."""
    health: Heartbeat | None = None
    try:
        with connected(chosen, secret=credentials()) as may_grow:
            health = Heartbeat(message=tell, give_up=give_up)
            yield health, may_grow
    finally:
        if health:
            health.stop()


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
        OSError, UnfitClusterError, RayDiedError: as `drive`.
    """
    meter = Meter(driven.study, lambda: len(recorder.running))
    with at_home(driven.run, values_of(driven.sweep.resources.env)) as home:
        ending = Ending(home.stop)

        def interrupt() -> None:
            driven.tell("Stopping: the running trials save their state. Ctrl-C again ends at once.")
            ending.now(INTERRUPTED)

        with heeded(interrupt), scratch() as ray_state:
            searcher = StudySearcher(
                proposals,
                recorder=recorder,
                scheduler=scheduler,
                ending=ending,
                task=_task(driven, scheduler.rungs, home),
                slots=driven.cluster.room,
                max_failures=driven.sweep.search.max_failures,
            )
            watch = supervise(driven, recorder, ending, meter, home, to_come=to_come)
            watch()
            if not ending.early:
                with driven.health.turning():
                    _fit(searcher, scheduler, driven.cluster.slot, ray_state, recorder, ending=ending, watch=watch)
            meter.keep()
    if ending.failure:
        raise ending.failure
    return ending


def _fit(
    searcher: StudySearcher,
    scheduler: FairAsha,
    slot: Slot,
    ray_state: str,
    recorder: Record,
    *,
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


def _task(driven: Driven, rungs: Rungs | None, home: AtHome) -> Callable[[Running], TrialTask]:
    search, attempts, cuts = driven.sweep.search, itertools.count(1), shared_cuts(driven.sweep)

    def task(running: Running) -> TrialTask:
        attempt, memory_bytes = next(attempts), driven.cluster.slot_memory_bytes()
        home.hand_out(running.folder, attempt)
        return TrialTask(
            number=running.proposal.number,
            config=running.config,
            metric=search.metric,
            folder=str(running.folder),
            home=home.address,
            attempt=attempt,
            rungs=frozenset(rungs.reached if rungs else ()),
            checkpoint_s=search.checkpoint_minutes * 60,
            memory_bytes=memory_bytes,
            slot=driven.cluster.slot.in_words(memory_bytes=memory_bytes),
            split_seed=running.split_seed,
            trials=1 if running.split_seed is not None else search.trials,
            cuts=cuts(running.config),
            trusted=trusted(),
            env=driven.sweep.resources.env,
        )

    return task


def _rungs(sweep: Sweep) -> Rungs | None:
    search, epochs = sweep.search, sweep.epochs
    if search.scheduler == "none":
        return None
    return Rungs(grace_epochs=search.grace_epochs, reduction_factor=search.reduction_factor, epochs=epochs)
