"""One driver per mirror: an object that says who writes there and until when, renewed while that driver lives."""

from __future__ import annotations

import json
import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from search.mirror.store import Store, ask_store, format_error
from spaces.problem import InputError, Problem
from spaces.shell import command_line

logger = logging.getLogger(__name__)

LEASE = "lease.json"
"""The object's name, next to the files of the run."""
OWN = ".lease"
"""The file with the token in the run's folder: to whoever has the folder's lock, it proves that its writer is dead."""
LASTS_S, RENEW_S = 60.0, 10.0
"""How long a lease is valid, and how often it is renewed."""
SETTLE_S = 1.0
"""The wait after a takeover, by which time a competing driver has written."""
RELEASE_S = 5.0
"""How long the end of a run waits for the store."""


class LeaseHeldError(InputError):
    """Another process drives the run, or is about to begin it."""


@dataclass(frozen=True, kw_only=True)
class Holder:
    """The content of a lease. Times are of the clock of whoever wrote it."""

    host: str
    pid: int
    token: str
    until: float

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}, until {datetime.fromtimestamp(self.until):%H:%M:%S}"


class Lease:
    """The right to write to a store, as long as nobody else has taken it."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.token = secrets.token_hex(8)
        self.lost_to: str | None = None
        """Who took it, if anybody did."""
        self._until = 0.0
        self._own: Path | None = None
        self._over = threading.Event()
        self._renewing = threading.Thread(target=self._renew_always, name="mirror-lease", daemon=True)

    @property
    def valid(self) -> bool:
        """Whether nobody else can have taken it."""
        return self.lost_to is None and time.time() < self._until

    def take(self, own: str | None) -> None:
        """Take a lease that is free, has expired, or is ``own``: that of a driver known to be dead.

        Raises:
            InputError: another driver has it.
        """
        began = time.time()
        current = holder(self.store)
        if current and current.token != own and current.until > began:
            raise _held_by_other(self.store, current)
        if current:
            self.store.write_all({LEASE: self._text(began)})
            time.sleep(SETTLE_S)
        else:
            self.store.create(LEASE, self._text(began))
        current = holder(self.store)
        if current is None or current.token != self.token:
            raise _held_by_other(self.store, current)
        self._until = began + LASTS_S

    def keep(self) -> None:
        """Start to renew it."""
        self._renewing.start()

    def renew(self) -> None:
        """Extend it, or find that it is lost; one that is gone may have been another driver's meanwhile."""
        began = time.time()
        current = holder(self.store)
        if current is None or current.token != self.token:
            self.lost_to = str(current or "a process that removed the lease")
            return
        self.store.write_all({LEASE: self._text(began)})
        self._until = began + LASTS_S

    def remember(self, folder: Path) -> None:
        """Keep the token in the run's folder until the lease is released."""
        self._own = folder.resolve() / OWN
        self._own.write_text(f"{self.token} {_identity(folder)}", encoding="utf-8")

    def release(self) -> None:
        """Release it; if the store does not respond, only for whoever finds the token in the folder."""
        self._over.set()
        self._renewing.join(RELEASE_S)
        if self._own and not self._renewing.is_alive() and not self.valid:
            self._own.unlink(missing_ok=True)

    def _renew_always(self) -> None:
        while not self._over.wait(RENEW_S) and self.lost_to is None:
            self._try(self.renew)
        if self.lost_to is None:
            self._try(self._give_back)

    def _give_back(self) -> None:
        current = holder(self.store)
        if current and current.token == self.token:
            self.store.remove([LEASE])
        self._until = 0.0

    def _try(self, job: Callable[[], None]) -> None:
        try:
            job()
        except Exception as error:
            logger.warning("the lease at %s: %s", self.store.uri, format_error(error))

    def _text(self, now: float) -> bytes:
        lease = {"host": socket.gethostname(), "pid": os.getpid(), "token": self.token, "until": now + LASTS_S}
        return json.dumps(lease).encode()


@contextmanager
def hold_lease(store: Store, *, folder: Path | None = None) -> Iterator[Lease]:
    """Hold the lease of a store while a run is driven.

    Args:
        store: of the run's mirror.
        folder: of the run, whose lock this process has and whose last driver is dead; None if there is none yet.

    Raises:
        LeaseHeldError: another driver holds it.
        InputError: the store cannot be reached.
    """
    lease = Lease(store)
    ask_store(store, lambda: lease.take(own_token(folder)))
    lease.keep()
    try:
        yield lease
    finally:
        lease.release()


def own_token(folder: Path | None) -> str | None:
    """Return the token that the last driver of a run left in its folder if it was killed."""
    if folder is None or not (folder / OWN).is_file():
        return None
    token, _, left_in = (folder / OWN).read_text(encoding="utf-8").partition(" ")
    return token if left_in == _identity(folder) else None


def _identity(folder: Path) -> str:
    """Identify a folder; a copy of it proves nothing about its driver."""
    status = folder.stat()
    return f"{socket.gethostname()} {status.st_dev} {status.st_ino}"


def holder(store: Store) -> Holder | None:
    """Return who holds the lease of a store; None if nobody does.

    Raises:
        InputError: the object is not a lease.
    """
    content = store.read(LEASE)
    if content is None:
        return None
    with suppress(ValueError, KeyError, TypeError):
        read = json.loads(content)
        return Holder(
            host=str(read["host"]), pid=int(read["pid"]), token=str(read["token"]), until=float(read["until"])
        )
    rule, remedy = f"{LEASE} must be the lease of a run", f"check what this {LEASE} is, and remove it"
    raise InputError([Problem(rule=rule, given=repr(content[:60]), remedy=remedy)], store.uri)


def _held_by_other(store: Store, holder: Holder | None) -> LeaseHeldError:
    problem = Problem(
        rule="only one process can drive a run, and another one is driving it now",
        given=str(holder or "a process that is just ending"),
        remedy="wait for it or stop it; if it is dead, try again after that time. "
        f"To look at the run meanwhile: {command_line('leaderboard', store.uri)}",
    )
    return LeaseHeldError([problem], store.uri)
