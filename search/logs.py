"""Keeps the chatter of Ray, TensorFlow and W&B out of what the user sees, and keeps it in a file."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from search.machine import count_cores
from search.terminal import Terminal
from spaces.cache import cache_home

ENVIRONMENT = {
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # our record is the journal and history.csv
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # Ctrl-C is ours
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",  # results are one opaque outcome
    "TUNE_MAX_PENDING_TRIALS_PG": "1000",  # the searcher decides how many
    "TUNE_GLOBAL_CHECKPOINT_S": "3600",  # nothing is ever restored from Ray's own state
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "WANDB_ERROR_REPORTING": "false",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}


def calm() -> None:
    """Sets what these libraries read from the environment; what the user has set stays. Call before importing them."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)


def wake_tensorflow(*, deterministic: bool = True) -> None:
    """Imports TensorFlow for this process, with all its cores and without its greetings.

    ``deterministic`` as for `trainables.process.prepare`: not in a process of the user's.
    """
    calm()
    from trainables.process import prepare

    prepare(cpus=count_cores(), deterministic=deterministic)


def log_file(run_id: str) -> Path:
    """Where a run's chatter goes: not into the run directory, which holds results only."""
    return cache_home() / f"{run_id}.log"


@contextmanager
def chatter_to(log: Path) -> Iterator[Terminal]:
    """Sends this process's stdout and stderr, also that of its C++ libraries, to ``log``.

    Yields a console on what was stderr, for those who have something to say to the user.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    told = os.fdopen(os.dup(2), "w", buffering=1, encoding="utf-8")
    saved = os.dup(1), os.dup(2)
    handler = logging.FileHandler(log)
    handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
    logging.getLogger().addHandler(handler)
    with log.open("a", encoding="utf-8") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
        try:
            yield _console(told)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os.dup2(saved[0], 1)
            os.dup2(saved[1], 2)
            for descriptor in saved:
                os.close(descriptor)
            logging.getLogger().removeHandler(handler)
            handler.close()
            told.close()


def _console(told: TextIO) -> Terminal:
    return Terminal(file=told, stderr=False)
