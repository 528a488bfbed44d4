"""The Ray Tune trainable: one training run in a process that serves many. The only module here that knows Ray."""

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
from trainables.trial.actor import GivenUpError
from trainables.trial.task import OUTCOME, TASK, HomeAddress, Outcome, TrialTask

if TYPE_CHECKING:
    from collections.abc import Callable

    from trainables.training.checkpoint import Snapshot
    from trainables.training.history import Reason, Row


class TrialTrainable(Trainable):
    """Trains the trials that it is given one after the other; TensorFlow, data and compiled models stay."""

    def setup(self, config: dict[str, Any]) -> None:
        """Settles the process for its slot and takes the first trial."""
        resources = self.trial_resources.bundles[0] if self.trial_resources else {}
        prepare(cpus=max(1, int(resources.get("CPU", 1))), gpu_memory_share=resources.get("GPU"))
        self._task: TrialTask = config[TASK]
        self._session: _Session | None = None

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Takes the next trial. Must be quick and never fail: Ray frees no slot whose reset failed."""
        self._task = new_config[TASK]
        if self._session:
            self._session.stop()
        return True

    def step(self) -> dict[str, Any]:
        """Trains one epoch."""
        if self._session is None or self._session.task is not self._task:
            self.cleanup()
            self._session = _Session(self._task)
        outcome = self._session.next_outcome()
        spent = resident_bytes() > self._task.memory_bytes or interruption(self._task.home).is_set()
        outcome = replace(outcome, host=socket.gethostname(), spent=spent)
        return {OUTCOME: outcome, "done": outcome.reason is not None}

    def cleanup(self) -> None:
        """Ends the training thread."""
        if self._session:
            self._session.stop()
            self._session.join()
            self._session = None

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Nothing: checkpoints are written to the run directory, at rungs and every few minutes."""

    def load_checkpoint(self, checkpoint: Any) -> None:
        """Nothing: a trial finds its own checkpoint by its number."""


class _Stopped(Exception):
    """The scheduler stopped the trial; nothing of it is needed any more."""


class _Session:
    """One trial in a thread of its own, because Keras trains in one call and Ray asks epoch by epoch."""

    def __init__(self, task: TrialTask) -> None:
        self.task = task
        self._outcomes: queue.Queue[Outcome] = queue.Queue()
        self._commands: queue.Queue[Literal["go", "stop"]] = queue.Queue()
        self._latest: Snapshot | None = None
        self._written = time.monotonic()
        self._interrupted = interruption(task.home)
        self._thread = threading.Thread(target=self._run, name=f"trial-{task.number}", daemon=True)

    def next_outcome(self) -> Outcome:
        """Lets the training go on and waits for what it reports next."""
        if self._thread.ident is None:
            self._thread.start()
        else:
            self._commands.put("go")
        return self._outcomes.get()

    def stop(self) -> None:
        """Asks the training to end; returns at once."""
        self._commands.put("stop")

    def join(self) -> None:
        """Waits for the thread to end."""
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        from tensorflow.errors import ResourceExhaustedError

        try:
            self._train()
        except _Stopped:
            return
        except (RayActorError, ObjectLostError, GivenUpError):  # the driver's machine does not hear this one any more
            self._end("lost")
        except (MemoryError, ResourceExhaustedError):
            self._failed("out of memory", self.task.size())
        except Exception as error:  # whatever a model does, the process lives on and the sweep with it
            cause = getattr(error, "cause", error)  # Ray wraps what an actor raised
            full = isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT)
            self._failed("disk full" if full else "error", traceback.format_exception_only(error)[-1].strip())

    def _train(self) -> None:
        from trainables.training.early_stopping import Interrupted

        try:
            self._train_on()
        except Interrupted:
            self._save()
            self._end("interrupted")

    def _train_on(self) -> None:
        from trainables.data.load import load
        from trainables.features.policy import Sharing
        from trainables.training.train import Hooks, train
        from trainables.trust import trust

        task = self.task
        if task.env:
            os.environ.update(ray.get(self._home.environment.remote()))
        trust(task.trusted)
        dataset = load(task.config.data, anew=task.split_seed)
        self._latest = self._read_checkpoint()
        trained = train(
            task.config,
            dataset.train,
            dataset.validation,
            classes=dataset.class_count,
            metric=task.metric,
            resume=self._latest,
            hooks=Hooks(on_epoch=self._on_epoch, interrupted=self._interrupted.is_set),
            sharing=Sharing(
                images=f"{dataset.fingerprint}, divided by {task.split_seed}",
                trials=task.trials,
                cuts=task.cuts,
                anew=task.split_seed is not None,
            ),
        )
        if len(trained.history) == (len(self._latest.history) if self._latest else 0):
            self._end(trained.reason)  # the checkpoint was of the last epoch: there was nothing left to train

    def _on_epoch(self, row: Row, reason: Reason | None, snapshot: Callable[[], Snapshot]) -> None:
        if reason is None:
            self._latest = snapshot()
        self._outcomes.put(Outcome(number=self.task.number, row=row, reason=reason))
        if reason is not None:
            return
        if self._commands.get() == "stop":
            raise _Stopped
        # Being told to go on proves that the driver has the epoch: only now may a checkpoint include it.
        due = time.monotonic() - self._written > self.task.checkpoint_s
        if int(row["epoch"]) in self.task.rungs or due:
            self._save()

    def _save(self) -> None:
        if self._latest is not None:
            self._write_checkpoint(self._latest)
            self._written = time.monotonic()

    def _end(self, reason: Any) -> None:
        self._outcomes.put(Outcome(number=self.task.number, reason=reason))

    def _failed(self, reason: Any, told: str) -> None:
        error = printable(f"{reason}: {told}\n\n{traceback.format_exc()}", keep="\n\t")
        self._outcomes.put(Outcome(number=self.task.number, reason=reason, error=error, told=printable(told)))

    # The driver's machine has the run directory at hand; others ask the run's home for what they need of it.

    def _read_checkpoint(self) -> Snapshot | None:
        from trainables.training import checkpoint

        if _this_node() == self.task.home.node:
            return checkpoint.read(Path(self.task.folder) / "checkpoint")
        read: Snapshot | None = ray.get(self._home.read_checkpoint.remote(self.task.folder))
        return read

    def _write_checkpoint(self, snapshot: Snapshot) -> None:
        from trainables.training import checkpoint

        if _this_node() == self.task.home.node:
            checkpoint.write(snapshot, Path(self.task.folder) / "checkpoint")
        else:
            ray.get(self._home.write_checkpoint.remote(self.task.folder, self.task.attempt, snapshot))

    @property
    def _home(self) -> Any:
        return ray.get_actor(self.task.home.actor)


_interruptions: dict[str, threading.Event] = {}


def interruption(home: HomeAddress) -> threading.Event:
    """An event of this process that is set when the run tells it to stop, or is not there any more."""
    if home.actor not in _interruptions:
        event = _interruptions[home.actor] = threading.Event()
        threading.Thread(target=_watch, args=(home, event), daemon=True).start()
    return _interruptions[home.actor]


def _watch(home: HomeAddress, event: threading.Event) -> None:
    try:
        ray.get(ray.get_actor(home.actor).told_to_stop.remote(_this_node()))
    finally:
        event.set()


def _this_node() -> str:
    return str(ray.get_runtime_context().get_node_id())
