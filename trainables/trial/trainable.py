"""The Ray Tune trainable: trains one trial after another in the same process. The only module here that uses Ray."""

from __future__ import annotations

import errno
import os
import queue
import socket
import threading
import time
import traceback
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import ray
from ray.exceptions import ObjectLostError, RayActorError
from ray.tune import Trainable

from spaces.printable import printable
from trainables.process import prepare, resident_bytes
from trainables.trial.actor import SupersededError
from trainables.trial.task import OUTCOME, TASK, ActorAddress, Outcome, TrialTask

if TYPE_CHECKING:
    from collections.abc import Callable

    from trainables.training.checkpoint import Snapshot
    from trainables.training.history import Reason, Row


class TrialTrainable(Trainable):
    """Train one trial after another, keeping TensorFlow, the data and compiled models loaded."""

    def setup(self, config: dict[str, Any]) -> None:
        """Set up the process for its slot and accept the first trial."""
        resources = self.trial_resources.bundles[0] if self.trial_resources else {}
        prepare(cpus=max(1, int(resources.get("CPU", 1))), gpu_memory_share=resources.get("GPU"))
        self._task: TrialTask = config[TASK]
        self._thread: _TrialThread | None = None

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Accept the next trial. Must be fast and must not fail: Ray does not free a slot whose reset failed."""
        self._task = new_config[TASK]
        if self._thread:
            self._thread.stop()
        return True

    def step(self) -> dict[str, Any]:
        """Train one epoch."""
        if self._thread is None or self._thread.task is not self._task:
            self.cleanup()
            self._thread = _TrialThread(self._task)
        outcome = self._thread.next_outcome()
        should_recycle = resident_bytes() > self._task.memory_bytes or stop_event(self._task.driver).is_set()
        outcome = replace(outcome, host=socket.gethostname(), should_recycle=should_recycle)
        return {OUTCOME: outcome, "done": outcome.reason is not None}

    def cleanup(self) -> None:
        """End the training thread."""
        if self._thread:
            self._thread.stop()
            self._thread.join()
            self._thread = None

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Do nothing: checkpoints go to the run directory, at rungs and every few minutes."""

    def load_checkpoint(self, checkpoint: Any) -> None:
        """Do nothing: a trial finds its own checkpoint by its number."""


class _Stopped(Exception):
    """The scheduler stopped the trial; nothing more is needed from it."""


class _TrialThread:
    """A trial in its own thread: Keras trains in a single call, whereas Ray asks for one epoch at a time."""

    def __init__(self, task: TrialTask) -> None:
        self.task = task
        self._outcomes: queue.Queue[Outcome] = queue.Queue()
        self._commands: queue.Queue[Literal["go", "stop"]] = queue.Queue()
        self._latest: Snapshot | None = None
        self._written = time.monotonic()
        self._interrupted = stop_event(task.driver)
        self._thread = threading.Thread(target=self._run, name=f"trial-{task.number}", daemon=True)

    def next_outcome(self) -> Outcome:
        """Let the training continue and wait for its next report."""
        if self._thread.ident is None:
            self._thread.start()
        else:
            self._commands.put("go")
        return self._outcomes.get()

    def stop(self) -> None:
        """Ask the training to end, without waiting for it."""
        self._commands.put("stop")

    def join(self) -> None:
        """Wait for the thread to end."""
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        from tensorflow.errors import ResourceExhaustedError

        try:
            self._train()
        except _Stopped:
            return
        except (RayActorError, ObjectLostError, SupersededError):  # the driver no longer accepts anything from here
            self._end("lost")
        except (MemoryError, ResourceExhaustedError):
            self._fail("out of memory", self.task.size())
        except Exception as error:  # whatever a model does, the process and the sweep survive
            cause = getattr(error, "cause", error)  # Ray wraps what an actor raised
            full = isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT)
            self._fail("disk full" if full else "error", traceback.format_exception_only(error)[-1].strip())

    def _train(self) -> None:
        from trainables.training.early_stopping import Interrupted

        try:
            self._train_on()
        except Interrupted:
            self._save()
            self._end("interrupted")

    def _train_on(self) -> None:
        from trainables.data.load import load
        from trainables.features.policy import FeatureSharing
        from trainables.training.train import Hooks, train
        from trainables.trust import trust

        task = self.task
        if task.env:
            os.environ.update(ray.get(self._driver.environment.remote()))
        trust(task.trusted)
        dataset = load(task.config.data, resplit_seed=task.split_seed)
        self._latest = self._read_checkpoint()
        result = train(
            task.config,
            dataset.train,
            dataset.validation,
            classes=dataset.class_count,
            metric=task.metric,
            resume=self._latest,
            hooks=Hooks(on_epoch=self._on_epoch, interrupted=self._interrupted.is_set),
            sharing=FeatureSharing(
                images=f"{dataset.fingerprint}, divided by {task.split_seed}, copies by {task.config.data.copies}",
                trials=task.trials,
                cuts=task.cuts,
                fresh_augmentation=task.split_seed is not None,
            ),
        )
        if len(result.history) == (len(self._latest.history) if self._latest else 0):
            self._end(result.reason)  # the checkpoint was of the last epoch, so there was nothing left to train

    def _on_epoch(self, row: Row, reason: Reason | None, snapshot: Callable[[], Snapshot]) -> None:
        if reason is None:
            self._latest = snapshot()
        self._outcomes.put(Outcome(number=self.task.number, row=row, reason=reason))
        if reason is not None:
            return
        if self._commands.get() == "stop":
            raise _Stopped
        # The driver asks for more only once it has recorded the epoch: only now may a checkpoint include it.
        due = time.monotonic() - self._written > self.task.checkpoint_s
        if int(row["epoch"]) in self.task.rungs or due:
            self._save()

    def _save(self) -> None:
        if self._latest is not None:
            self._write_checkpoint(self._latest)
            self._written = time.monotonic()

    def _end(self, reason: Any) -> None:
        self._outcomes.put(Outcome(number=self.task.number, reason=reason))

    def _fail(self, reason: Any, message: str) -> None:
        error = printable(f"{reason}: {message}\n\n{traceback.format_exc()}", keep="\n\t")
        self._outcomes.put(Outcome(number=self.task.number, reason=reason, error=error, message=printable(message)))

    # Processes on the driver's machine use the run directory directly; the others go through the driver's actor.

    def _read_checkpoint(self) -> Snapshot | None:
        from trainables.training import checkpoint

        if _this_node() == self.task.driver.node:
            return checkpoint.read(Path(self.task.folder) / "checkpoint")
        read: Snapshot | None = ray.get(self._driver.read_checkpoint.remote(self.task.folder))
        return read

    def _write_checkpoint(self, snapshot: Snapshot) -> None:
        from trainables.training import checkpoint

        if _this_node() == self.task.driver.node:
            checkpoint.write(snapshot, Path(self.task.folder) / "checkpoint")
        else:
            ray.get(self._driver.write_checkpoint.remote(self.task.folder, self.task.attempt, snapshot))

    @property
    def _driver(self) -> Any:
        return ray.get_actor(self.task.driver.actor)


_stop_events: dict[str, threading.Event] = {}


def stop_event(driver: ActorAddress) -> threading.Event:
    """Return this process's event that is set when the run asks it to stop or the driver is gone."""
    if driver.actor not in _stop_events:
        event = _stop_events[driver.actor] = threading.Event()
        threading.Thread(target=_watch, args=(driver, event), daemon=True).start()
    return _stop_events[driver.actor]


def _watch(driver: ActorAddress, event: threading.Event) -> None:
    try:
        ray.get(ray.get_actor(driver.actor).wait_for_stop.remote(_this_node()))
    finally:
        event.set()


def _this_node() -> str:
    return str(ray.get_runtime_context().get_node_id())
