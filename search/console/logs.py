"""Keep the output of Ray, TensorFlow and W&B off the terminal, and in a log file instead."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, TextIO

from search.console.terminal import Terminal, messages, open_streams
from spaces.cache import cache_home
from spaces.container import usable_cpus

ENVIRONMENT = {
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # we record trials in the journal and history.csv
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # we handle Ctrl-C
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",  # a result is a single opaque outcome
    "TUNE_MAX_PENDING_TRIALS_PG": "1000",  # the searcher limits them
    "TUNE_GLOBAL_CHECKPOINT_S": "3600",  # Ray's own state is never restored
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "WANDB_ERROR_REPORTING": "false",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}


def quiet_environment() -> None:
    """Quiet these libraries by environment variables, unless the user set them. Call before importing them."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    logging.getLogger("ray.widgets.util").setLevel(logging.WARNING)  # in a notebook it recommends packages


def start_tensorflow() -> None:
    """Import TensorFlow in a process of ours, with all its cores and without startup messages."""
    quiet_environment()
    from trainables.process import prepare

    prepare(cpus=usable_cpus())


@contextmanager
def borrow_tensorflow() -> Iterator[None]:
    """Use TensorFlow inside the block in a process of the user's, whose settings hold again afterwards.

    Raises:
        InputError: as `trainables.keras_settings.settled`.
    """
    quiet_environment()
    from trainables.keras_settings import settled
    from trainables.process import limit

    with settled():
        limit(cpus=usable_cpus())
        yield


def log_file(run_id: str) -> Path:
    """Return the log file of a run. It is not in the run directory, which holds results only."""
    return cache_home() / f"{run_id}.log"


@contextmanager
def redirect_output(log: Path) -> Iterator[Terminal]:
    """Redirect this process's stdout and stderr to ``log``, including the output of C++ libraries.

    Yields a console on the original stderr, for messages to the user.
    """
    open_streams()
    sys.stdout.flush()
    messages().flush()
    stderr = os.fdopen(os.dup(2), "w", buffering=1, encoding="utf-8")
    saved = os.dup(1), os.dup(2)
    handler = logging.FileHandler(log)
    handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
    logging.getLogger().addHandler(handler)
    with log.open("a", encoding="utf-8") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
        try:
            yield Terminal(file=messages(lambda: stderr), stderr=False)
        finally:
            for stream in (sys.stdout, sys.stderr):
                with suppress(OSError):  # the disk of the log is full
                    stream.flush()
            os.dup2(saved[0], 1)
            os.dup2(saved[1], 2)
            for descriptor in saved:
                os.close(descriptor)
            logging.getLogger().removeHandler(handler)
            for file_like in (handler, stderr):
                with suppress(OSError):
                    file_like.close()


@contextmanager
def redirect_notebook(log: Path) -> Iterator[None]:
    """Redirect what Python prints and warns of in a notebook, where streams do not lead to the descriptors.

    The block's libraries may keep its streams: their later messages appear where they would have.
    """
    if sys.stderr is sys.__stderr__:
        yield
        return
    before, streams = (sys.stdout, sys.stderr), (redirected(sys.stdout), redirected(sys.stderr))
    with log.open("a", encoding="utf-8") as file:
        for stream in streams:
            stream.log = file
        sys.stdout, sys.stderr = streams
        try:
            yield
        finally:
            sys.stdout, sys.stderr = before
            for stream in streams:
                stream.log = None


@cache
def redirected(stream: TextIO) -> Redirected:
    """Return the stand-in of a stream, the same for every run: the handlers that Ray made in the first one keep it."""
    return Redirected(stream)


class Redirected:
    """A stream that writes to a log for as long as there is one, and to another stream afterwards."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.log: TextIO | None = None

    def write(self, text: str) -> int:
        """Write text."""
        return (self.log or self._stream).write(text)

    def flush(self) -> None:
        """Write what is buffered."""
        (self.log or self._stream).flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
