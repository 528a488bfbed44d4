"""One driver a mirror: an object that says who writes there and until when, renewed while that driver lives."""

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

from search.mirror.store import Place, answered, why
from spaces.problem import InputError, Problem

logger = logging.getLogger(__name__)

LEASE = "lease.json"
"""The object's name, beside the files of the run."""
OWN = ".lease"
"""The file in the run's folder that has the token: whoever has the folder's lock and finds it knows its writer dead."""
LASTS_S, RENEW_S = 60.0, 10.0
"""How long a driver that says nothing more is taken for alive, and how often one that lives renews its lease."""
SETTLE_S = 1.0
"""After taking over: whoever tried the same at once has written by then."""
RELEASE_S = 5.0
"""How long a store is waited for at the end."""


@dataclass(frozen=True, kw_only=True)
class Holder:
    """What a lease says. Seconds are of the clock of whoever wrote it."""

    host: str
    pid: int
    token: str
    until: float

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}, until {datetime.fromtimestamp(self.until):%H:%M:%S}"


class Lease:
    """The right to write to a place, for as long as nobody else has taken it."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.token = secrets.token_hex(8)
        self.lost_to: str | None = None
        """Who took it, once somebody did."""
        self._until = 0.0
        self._own: Path | None = None
        self._over = threading.Event()
        self._renewing = threading.Thread(target=self._renew_always, name="mirror-lease", daemon=True)

    @property
    def valid(self) -> bool:
        """Whether nobody else can have taken it yet."""
        return self.lost_to is None and time.time() < self._until

    def take(self, own: str | None) -> None:
        """Takes a lease that is free, has run out, or is ``own``: that of a driver known to be dead.

        Raises:
            InputError: somebody else has it.
        """
        began = time.time()
        held = holder(self.place)
        if held and held.token != own and held.until > began:
            raise _refused(self.place, held)
        if held:
            self.place.write_all({LEASE: self._text(began)})
            time.sleep(SETTLE_S)
        else:
            self.place.create(LEASE, self._text(began))
        held = holder(self.place)
        if held is None or held.token != self.token:
            raise _refused(self.place, held)
        self._until = began + LASTS_S

    def keep(self) -> None:
        """Renews it from now on."""
        self._renewing.start()

    def renew(self) -> None:
        """Puts its end off, or learns that it is lost: one that is gone may have been another driver's meanwhile."""
        began = time.time()
        held = holder(self.place)
        if held is None or held.token != self.token:
            self.lost_to = str(held or "somebody who removed the lease")
            return
        self.place.write_all({LEASE: self._text(began)})
        self._until = began + LASTS_S

    def remember(self, folder: Path) -> None:
        """Leaves the token in the run's folder until the lease is released."""
        self._own = folder.resolve() / OWN
        self._own.write_text(f"{self.token} {_identity(folder)}", encoding="utf-8")

    def release(self) -> None:
        """Lets others have it; where the store cannot be told, only whoever finds the token in the folder."""
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
        held = holder(self.place)
        if held and held.token == self.token:
            self.place.remove([LEASE])
        self._until = 0.0

    def _try(self, job: Callable[[], None]) -> None:
        try:
            job()
        except Exception as error:
            logger.warning("the lease at %s: %s", self.place.uri, why(error))

    def _text(self, now: float) -> bytes:
        lease = {"host": socket.gethostname(), "pid": os.getpid(), "token": self.token, "until": now + LASTS_S}
        return json.dumps(lease).encode()


@contextmanager
def held(place: Place, *, folder: Path | None = None) -> Iterator[Lease]:
    """Holds the lease at a place while a run is driven.

    Args:
        place: of the run's mirror.
        folder: of the run, whose lock this process has and whose last driver is dead; None where there is none yet.

    Raises:
        InputError: another driver holds it, or the store cannot be reached.
    """
    lease = Lease(place)
    answered(place, lambda: lease.take(own_token(folder)))
    lease.keep()
    try:
        yield lease
    finally:
        lease.release()


def own_token(folder: Path | None) -> str | None:
    """What the last driver of a run left in its folder, where it was killed."""
    if folder is None or not (folder / OWN).is_file():
        return None
    token, _, left_in = (folder / OWN).read_text(encoding="utf-8").partition(" ")
    return token if left_in == _identity(folder) else None


def _identity(folder: Path) -> str:
    """Tells a folder from its copies: those say nothing of whether its driver is dead."""
    status = folder.stat()
    return f"{socket.gethostname()} {status.st_dev} {status.st_ino}"


def holder(place: Place) -> Holder | None:
    """Who holds the lease at a place; None where nobody does.

    Raises:
        InputError: what lies there is no lease.
    """
    content = place.read(LEASE)
    if content is None:
        return None
    with suppress(ValueError, KeyError, TypeError):
        read = json.loads(content)
        return Holder(
            host=str(read["host"]), pid=int(read["pid"]), token=str(read["token"]), until=float(read["until"])
        )
    rule, remedy = "the lease of a run is written by Tunehound", f"see what {LEASE} is there, and remove it"
    raise InputError([Problem(rule=rule, given=repr(content[:60]), remedy=remedy)], place.uri)


def _refused(place: Place, holder: Holder | None) -> InputError:
    problem = Problem(
        rule="one process drives a run, and another one holds this run now",
        given=str(holder or "one that is just letting it go"),
        remedy="wait for it, or stop it; where it is dead, try again when that time has passed. "
        f"To look at the run meanwhile: tunehound leaderboard {place.uri}",
    )
    return InputError([problem], place.uri)
