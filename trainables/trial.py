"""The Ray Tune trainable: one training run in a process that serves many. The only module here that knows Ray."""

from __future__ import annotations

import errno
import queue
import threading
import time
import traceback
from asyncio import Event
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import ray
from ray.tune import Trainable

from spaces.config import TrialConfig
from trainables.environment import prepare, resident_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

    from trainables.checkpoint import Snapshot
    from trainables.history import Reason, Row

TASK, OUTCOME = "task", "outcome"
"""Keys of the only entry in a trial's Ray configuration, and of the only entry of ours in its results."""


@dataclass(frozen=True, kw_only=True)
class TrialTask:
    """All that a process must know to train one trial."""

    number: int
    config: TrialConfig
    metric: str
    folder: str
    """The trial's folder in the run directory; its checkpoint is read and written there."""
    rungs: frozenset[int]
    """Epochs after which a checkpoint is written."""
    checkpoint_s: float
    """One is written, too, at the first end of an epoch after this many seconds."""
    stop_signal: str
    """Name of the `StopSignal` of the run."""
    memory_bytes: int
    """What the process may take before another one replaces it."""
    slot: str
    """What the process has, in words."""
    split_seed: int | None = None
    """Divides train and validation anew, where the data set leaves that to us."""
    trusted: frozenset[str] = frozenset()
    """Modules of the user that the process may import."""

    def size(self) -> str:
        """What makes the trial large, and what it had: ``batches of 64 images, vgg16, in a slot with 1 CPU …``."""
        model = self.config.model
        name = getattr(model, "backbone", None) or f"a model of kind {model.kind}"
        return f"batches of {self.config.training.batch_size} images, {name}, in a slot with {self.slot}"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a process reports: an epoch, or the end, or both at once."""

    number: int
    row: Row | None = None
    reason: Reason | Literal["interrupted", "error", "out of memory", "disk full"] | None = None
    """Why the trial ended by itself; None while it goes on."""
    error: str = ""
    """A traceback, where something failed."""
    told: str = ""
    """What failed, in a line."""
    fat: bool = False
    """The process has grown beyond what it may take, and should serve no other trial."""


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
        fat = resident_bytes() > self._task.memory_bytes
        return {OUTCOME: replace(outcome, fat=fat), "done": outcome.reason is not None}

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
        self._interrupted = interruption(task.stop_signal)
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
        except (MemoryError, ResourceExhaustedError):
            self._failed("out of memory", self.task.size())
        except Exception as error:  # whatever a model does, the process lives on and the sweep with it
            full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
            self._failed("disk full" if full else "error", traceback.format_exception_only(error)[-1].strip())

    def _train(self) -> None:
        from trainables.reporter import Interrupted

        try:
            self._train_on()
        except Interrupted:
            self._save()
            self._end("interrupted")

    def _train_on(self) -> None:
        from trainables import checkpoint
        from trainables.data.load import load
        from trainables.training import Hooks, train
        from trainables.trust import trust

        task = self.task
        trust(task.trusted)
        dataset = load(task.config.data, anew=task.split_seed)
        self._latest = checkpoint.read(self._checkpoint)
        trained = train(
            task.config,
            dataset.train,
            dataset.validation,
            classes=dataset.class_count,
            metric=task.metric,
            resume=self._latest,
            hooks=Hooks(on_epoch=self._on_epoch, interrupted=self._interrupted.is_set),
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
        from trainables import checkpoint

        if self._latest is not None:
            checkpoint.write(self._latest, self._checkpoint)
            self._written = time.monotonic()

    def _end(self, reason: Any) -> None:
        self._outcomes.put(Outcome(number=self.task.number, reason=reason))

    def _failed(self, reason: Any, told: str) -> None:
        error = f"{reason}: {told}\n\n{traceback.format_exc()}"
        self._outcomes.put(Outcome(number=self.task.number, reason=reason, error=error, told=told))

    @property
    def _checkpoint(self) -> Path:
        return Path(self.task.folder) / "checkpoint"


class StopSignal:
    """A Ray actor, set once by the driver; every process of the run waits on it, wherever it is."""

    def __init__(self) -> None:
        self._event = Event()

    async def wait(self) -> None:
        """Returns when the signal is set."""
        await self._event.wait()

    async def set(self) -> None:
        """Wakes everyone who waits, now and later."""
        self._event.set()


_interruptions: dict[str, threading.Event] = {}


def interruption(stop_signal: str) -> threading.Event:
    """An event of this process that is set when the run's stop signal is, or when the signal is lost."""
    if stop_signal not in _interruptions:
        event = _interruptions[stop_signal] = threading.Event()
        threading.Thread(target=_watch, args=(stop_signal, event), daemon=True).start()
    return _interruptions[stop_signal]


def _watch(stop_signal: str, event: threading.Event) -> None:
    try:
        ray.get(ray.get_actor(stop_signal).wait.remote())
    finally:
        event.set()
