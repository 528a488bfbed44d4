"""The part of a run that needs Ray: trials in processes, until nothing is left to try or the sweep must stop.

A run is searched, then confirmed; each is one call of Ray Tune with its own proposals and its own recorder.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from ray import tune
from ray.tune import CheckpointConfig, CLIReporter

from clusters.cluster import Cluster
from clusters.connection.address import ClusterChoice
from clusters.connection.session import connect
from clusters.health.heartbeat import Heartbeat
from clusters.slots import Slot
from clusters.tempdirs import temporary_folder
from search.halving.rungs import Rungs
from search.machine import this_node
from search.run.events import Listener
from search.run.reader import Run
from search.study.budget import Meter, Spending
from search.study.feature_cuts import shared_cuts
from search.study.recorder import Recorder, RunningTrial
from search.tuner.actor import ActorHandle, start_actor
from search.tuner.confirmation import ConfirmationQueue, ConfirmationRecorder, select_finalists
from search.tuner.resume import open_study, replay_decisions
from search.tuner.scheduler import Asha
from search.tuner.searcher import Proposals, Record, RecordResults, StopWhenIdle, StudySearcher
from search.tuner.stopping import INTERRUPTED, Stopping, stop_on_signals
from search.tuner.supervision import Session, ShowMessage, confirmation_cost, supervise
from spaces.file.sweep import Sweep
from trainables.credentials import credentials, values_of
from trainables.trial.task import TrialTask
from trainables.trial.trainable import TrialTrainable
from trainables.trust import trusted


def run_trials(
    run: Run,
    sweep: Sweep,
    choice: ClusterChoice,
    *,
    image_side_px: int,
    listeners: Sequence[Listener],
    message: ShowMessage,
    give_up: Callable[[str], None],
    should_stop: Callable[[], bool] = lambda: False,
) -> Stopping:
    """Train trials until the sweep ends; the journal of ``run`` may hold some already.

    Connects to the cluster that was chosen, or starts Ray on this machine.

    Args:
        run: as the session finds it.
        sweep: its sweep.
        choice: the cluster.
        image_side_px: of the data; see `clusters.slots`.
        listeners: receive the events of the sweep.
        message: shows a sentence to the user.
        give_up: ends this process, with a reason, if Ray died and the main thread waits for it.
        should_stop: returns whether the sweep must stop; called often.

    Raises:
        OSError: the record could not be written; the running trials were stopped, as with the others.
        UnfitClusterError: a node joined with other versions.
        RayDiedError: a part of Ray died.
    """
    study = open_study(run, sweep, message)
    recorder = Recorder(run, sweep, study, listeners)
    scheduler = Asha(_rungs(sweep), metric=sweep.search.metric)
    try:
        replay_decisions(run, study, scheduler=scheduler, recorder=recorder)
        with _ray(choice, message, give_up) as (health, may_grow):
            cluster = _cluster(health, sweep, may_grow=may_grow, image_side_px=image_side_px)
            session = Session(
                run=run,
                sweep=sweep,
                study=study,
                cluster=cluster,
                health=health,
                message=message,
                should_stop=should_stop,
            )
            stopping = _train(session, study, recorder, scheduler, reserved=confirmation_cost(session))
            if sweep.confirm and stopping.reason != INTERRUPTED:
                select_finalists(run, sweep, sweep.confirm, study)
                stopping = _confirm(session, listeners, search=stopping)
        return stopping
    finally:
        recorder.close()


@contextmanager
def _ray(
    choice: ClusterChoice, message: ShowMessage, give_up: Callable[[str], None]
) -> Iterator[tuple[Heartbeat, bool]]:
    """Connect to Ray, watched until it is shut down, which may hang too; yield its health and whether it may grow."""
    health: Heartbeat | None = None
    try:
        with connect(choice, here=this_node(), secret=credentials()) as may_grow:
            health = Heartbeat(message=message, give_up=give_up)
            yield health, may_grow
    finally:
        if health:
            health.stop()


def _cluster(health: Heartbeat, sweep: Sweep, *, may_grow: bool, image_side_px: int) -> Cluster:
    wanted = sweep.resources
    return Cluster(
        lambda: health.members, may_grow=may_grow, image_side_px=image_side_px, cpus=wanted.cpus, gpus=wanted.gpus
    )


def _confirm(session: Session, listeners: Sequence[Listener], *, search: Stopping) -> Stopping:
    """Train what remains of the confirmation, and return how the whole sweep ended."""
    queue = ConfirmationQueue(session.run.as_of(session.study.journal))
    if not queue.jobs:
        return search
    recorder = ConfirmationRecorder(session.run, session.sweep, session.study, queue, listeners)
    stopping = _train(session, queue, recorder, Asha(None, metric=session.run.metric), reserved=Spending)
    stopping.reason = stopping.reason or search.reason
    return stopping


def _train(
    session: Session, proposals: Proposals, recorder: Record, scheduler: Asha, *, reserved: Callable[[], Spending]
) -> Stopping:
    """Train what is proposed until nothing is left or the sweep must stop.

    Raises:
        OSError, UnfitClusterError, RayDiedError: as `run_trials`.
    """
    meter = Meter(session.study, lambda: len(recorder.running))
    with start_actor(session.run, values_of(session.sweep.resources.env)) as actor:
        stopping = Stopping(actor.stop)

        def interrupt() -> None:
            session.message("Stopping: the running trials are saving their state. Press Ctrl-C again to quit at once.")
            stopping.now(INTERRUPTED)

        with stop_on_signals(interrupt), temporary_folder() as ray_state:
            searcher = StudySearcher(
                proposals,
                recorder=recorder,
                scheduler=scheduler,
                stopping=stopping,
                task=_task(session, scheduler.rungs, actor),
                slots=session.cluster.max_concurrent,
                max_failures=session.sweep.search.max_failures,
            )
            watch = supervise(session, recorder, stopping, meter, actor, reserved=reserved)
            watch()
            if not stopping.early:
                with session.health.turning():
                    _tune(
                        searcher, scheduler, session.cluster.slot, ray_state, recorder, stopping=stopping, watch=watch
                    )
            meter.keep()
    if stopping.failure:
        raise stopping.failure
    return stopping


def _tune(
    searcher: StudySearcher,
    scheduler: Asha,
    slot: Slot,
    ray_state: str,
    recorder: Record,
    *,
    stopping: Stopping,
    watch: Callable[[], None],
) -> None:
    # Not `Tuner`, which pickles searcher, scheduler and callbacks to restore what is rebuilt here from the journal.
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
        stop=StopWhenIdle(stopping, recorder, watch=watch),
        callbacks=[RecordResults(recorder, scheduler=scheduler, stopping=stopping)],
        max_failures=0,  # the searcher proposes a lost trial again
        raise_on_failed_trial=False,
        checkpoint_config=CheckpointConfig(checkpoint_at_end=False),
        verbose=0,
        progress_reporter=CLIReporter(),  # that of notebooks clears the cell, and all that was said in it
    )


def _task(session: Session, rungs: Rungs | None, actor: ActorHandle) -> Callable[[RunningTrial], TrialTask]:
    search, attempts, cuts = session.sweep.search, itertools.count(1), shared_cuts(session.sweep)

    def task(trial: RunningTrial) -> TrialTask:
        attempt, memory_bytes = next(attempts), session.cluster.slot_memory_bytes()
        actor.assign(trial.folder, attempt)
        return TrialTask(
            number=trial.proposal.number,
            config=trial.config,
            metric=search.metric,
            folder=str(trial.folder),
            driver=actor.address,
            attempt=attempt,
            rungs=frozenset(rungs.reached if rungs else ()),
            checkpoint_s=search.checkpoint_minutes * 60,
            memory_bytes=memory_bytes,
            slot=session.cluster.slot.describe(memory_bytes=memory_bytes),
            split_seed=trial.split_seed,
            trials=1 if trial.split_seed is not None else search.trials,
            cuts=cuts(trial.config),
            trusted=trusted(),
            env=session.sweep.resources.env,
        )

    return task


def _rungs(sweep: Sweep) -> Rungs | None:
    search, epochs = sweep.search, sweep.epochs
    if search.scheduler == "none":
        return None
    return Rungs(grace_epochs=search.grace_epochs, reduction_factor=search.reduction_factor, epochs=epochs)
