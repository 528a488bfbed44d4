"""Keeps the mirror of a run while it is driven: sends what is new, and gives way to another driver."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from search.mirror.download import FETCH_S, bring_up_to_date
from search.mirror.lease import Lease, held
from search.mirror.store import Place, answered, place_of, why
from search.mirror.upload import NotHeldError, Upload
from search.mirror.uri import below, is_uri
from search.run.directory import refuse_name
from search.run.lock import driving
from spaces.problem import InputError, Problem, WorkFailedError

logger = logging.getLogger(__name__)

EVERY_S, SELDOM_S, SHARE = 5.0, 25.0, 4
"""Between two passes: four times as long as the last one took, but no less and no more than these."""
LATE_S = 45.0
"""After so long without a word from the store the user is told."""
END_S, TROUBLED_END_S = 60.0, 10.0
"""How long the last pass is waited for; and where the store was silent before."""
SOON_S = 2.0
"""What takes longer at the end is told."""


class TakenOverError(WorkFailedError):
    """Another driver has the run's mirror, so this one stopped."""


class Mirror:
    """The mirror of a run that this process drives. A store that fails or hangs never keeps the sweep from going on.

    Args:
        lease: of the mirror, held.
        directory: of the run.
    """

    def __init__(self, lease: Lease, directory: Path) -> None:
        self._lease, self._directory = lease, directory
        self._upload = Upload(directory, lease.place, may_write=lambda: lease.valid)
        self._over = threading.Event()
        self._error: Exception | None = None
        self._told = False
        self._worker = threading.Thread(target=self._send_always, name="mirror", daemon=True)
        lease.remember(directory)

    def taken_over(self) -> bool:
        """Whether another driver has the run now, so that this one must stop."""
        return self._lease.lost_to is not None

    def refuse_taken_over(self) -> None:
        """Raises: TakenOverError, where another driver has the run now."""
        if self.taken_over():
            raise TakenOverError(
                f"The sweep stopped: {self._lease.place.uri} is held by {self._lease.lost_to}.\n"
                f"What this process recorded is kept in {self._directory}, and was not sent there any more."
            )

    @contextmanager
    def sending(self, tell: Callable[[str], None]) -> Iterator[Callable[[], bool]]:
        """Sends what is new, every few seconds and at the end. ``tell`` reaches the user.

        Yields what is to be called often: it says whether the sweep must stop, and tells, once, of a silent store.
        """
        tell(f"Mirrored to {self._lease.place.uri}")
        self._upload.heard = time.monotonic()
        self._worker.start()
        try:
            yield lambda: self._look(tell)
        finally:
            with suppress(KeyboardInterrupt):  # whoever presses Ctrl-C again does not want to wait
                self._wait_for_the_last(tell)
            self._tell_what_is_left(tell)

    def _look(self, tell: Callable[[str], None]) -> bool:
        if self._is_late() and not self._told and not self.taken_over():
            self._told = True
            tell(f"The mirror is behind ({self._reason()}); the sweep goes on, and the mirror is tried again.")
        return self.taken_over()

    def _is_late(self) -> bool:
        return time.monotonic() - self._upload.heard > LATE_S

    def _reason(self) -> str:
        return why(self._error) if self._error else f"no answer from {self._lease.place.uri}"

    def _send_always(self) -> None:
        pause_s = EVERY_S
        while not self._over.wait(pause_s):
            began = time.monotonic()
            self._send()
            pause_s = min(SELDOM_S, max(EVERY_S, SHARE * (time.monotonic() - began)))
        self._send()

    def _send(self) -> None:
        try:
            self._upload.send()
            self._error = None
        except NotHeldError:
            logger.warning("the mirror at %s: the lease is not renewed", self._lease.place.uri)
        except Exception as error:  # every store has errors of its own
            self._error = error
            logger.warning("the mirror at %s: %s", self._lease.place.uri, why(error))

    def _wait_for_the_last(self, tell: Callable[[str], None]) -> None:
        patience = TROUBLED_END_S if self._error or self._is_late() else END_S
        self._over.set()
        self._worker.join(SOON_S)
        if self._worker.is_alive() and not self.taken_over():
            tell(f"Sending the last of the run to {self._lease.place.uri} …")
            self._worker.join(patience - SOON_S)

    def _tell_what_is_left(self, tell: Callable[[str], None]) -> None:
        if not self.taken_over() and (left := self._upload.unsent()):
            files = ", ".join(left[:3]) + (f" and {len(left) - 3} more" if len(left) > 3 else "")
            tell(
                f"Not at {self._lease.place.uri} as they are here: {files} ({self._reason()}). "
                f"To send them: tunehound resume {self._directory}"
            )


def new_place(runs: str | os.PathLike[str], name: str) -> Place | None:
    """Where a new run is to be mirrored; None where ``runs`` is a folder.

    Raises:
        InputError: the name is no folder name, the address is wrong, or a package is not installed.
    """
    refuse_name(name, "--name")
    return place_of(below(str(runs), name), option="--runs") if is_uri(runs) else None


@contextmanager
def held_for_new(place: Place | None) -> Iterator[Lease | None]:
    """Holds the place of the mirror of a run that is about to begin; None where there is to be none.

    Raises:
        InputError: the store cannot be used, or something lies there already.
    """
    if place is None:
        yield None
        return
    answered(place, lambda: _refuse_taken(place))
    with held(place) as lease:
        yield lease


@contextmanager
def mirrored(directory: Path, uri: str | None, *, tell: Callable[[str], None]) -> Iterator[Mirror | None]:
    """Holds the mirror of a run whose lock this process has, and takes over what it has beyond the run's folder.

    Raises:
        InputError: another driver holds it, the store cannot be used, or what lies there does not belong to the run.
    """
    if uri is None:
        yield None
        return
    place = place_of(uri, option=f"{directory}/sweep.yaml  run.mirror")
    with held(place, folder=directory) as lease:
        bring_up_to_date(place, directory, tell=tell)
        yield Mirror(lease, directory)


def send_finished(directory: Path, uri: str | None, *, tell: Callable[[str], None]) -> None:
    """Sends the mirror of a finished run, where it has one, what the run's last driver could not send.

    Raises:
        InputError: another process drives the run; or as `mirrored`.
    """
    if uri is None:
        return
    place = place_of(uri, option=f"{directory}/sweep.yaml  run.mirror")
    with driving(directory), held(place, folder=directory) as lease:
        bring_up_to_date(place, directory, tell=logger.info)
        lease.remember(directory)
        upload = Upload(directory, place, may_write=lambda: lease.valid)
        answered(place, upload.send, within_s=FETCH_S)
    tell(f"{uri} has all of it.")


def _refuse_taken(place: Place) -> None:
    if place.sizes():
        rule = "a new run needs a place of its own, and something lies there already"
        remedy = f"continue it with `tunehound resume {place.uri}`, or choose another --name"
        raise InputError([Problem(rule=rule, remedy=remedy)], place.uri)
