"""Keep the mirror of a run up to date while it is driven, and give way to another driver."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from search.mirror.download import FETCH_S, bring_up_to_date
from search.mirror.lease import Lease, hold_lease
from search.mirror.store import Store, ask_store, format_error, open_store
from search.mirror.upload import LeaseLostError, Upload
from search.mirror.uri import below, is_uri
from search.run.directory import NameTakenError, check_name
from search.run.lock import run_lock
from spaces.problem import Problem, WorkFailedError
from spaces.shell import command_line

logger = logging.getLogger(__name__)

EVERY_S, SELDOM_S, SHARE = 5.0, 25.0, 4
"""The pause between two uploads: four times as long as the last one took, within these limits."""
LATE_S = 45.0
"""If the store has not responded for this long, the user is informed."""
END_S, TROUBLED_END_S = 60.0, 10.0
"""How long the end of a run waits for the last upload; and if the store has not responded before."""
SOON_S = 2.0
"""A last upload that takes longer is announced."""


class TakenOverError(WorkFailedError):
    """Another driver has taken the run's mirror, so this one stopped."""


class Mirror:
    """The mirror of a run that this process drives. A store that fails or hangs never stops the sweep.

    Args:
        lease: of the mirror; held.
        directory: of the run.
    """

    def __init__(self, lease: Lease, directory: Path) -> None:
        self._lease, self._directory = lease, directory
        self._upload = Upload(directory, lease.store, may_write=lambda: lease.valid)
        self._over = threading.Event()
        self._error: Exception | None = None
        self._warned = False
        self._worker = threading.Thread(target=self._send_always, name="mirror", daemon=True)
        lease.remember(directory)

    def taken_over(self) -> bool:
        """Return whether another driver has taken the run, so that this one must stop."""
        return self._lease.lost_to is not None

    def check_not_taken_over(self) -> None:
        """Raises: TakenOverError, if another driver has taken the run."""
        if self.taken_over():
            raise TakenOverError(
                f"The sweep stopped: {self._lease.store.uri} has been taken over by {self._lease.lost_to}.\n"
                f"What this process recorded since then is in {self._directory} and was not uploaded."
            )

    @contextmanager
    def uploading(self, message: Callable[[str], None]) -> Iterator[Callable[[], bool]]:
        """Upload what is new every few seconds and at the end; ``message`` informs the user.

        Yield a function to be called often: it returns whether the sweep must stop, and reports a silent store once.
        """
        message(f"Mirroring to {self._lease.store.uri}")
        self._upload.answered_at = time.monotonic()
        self._worker.start()
        try:
            yield lambda: self._check(message)
        finally:
            with suppress(KeyboardInterrupt):  # a second Ctrl-C: do not wait
                self._wait_for_last_upload(message)
            self._report_unsent(message)

    def _check(self, message: Callable[[str], None]) -> bool:
        if self._is_late() and not self._warned and not self.taken_over():
            self._warned = True
            message(f"The mirror is behind ({self._reason()}). The sweep continues; the upload will be retried.")
        return self.taken_over()

    def _is_late(self) -> bool:
        return time.monotonic() - self._upload.answered_at > LATE_S

    def _reason(self) -> str:
        return format_error(self._error) if self._error else f"no answer from {self._lease.store.uri}"

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
        except LeaseLostError:
            logger.warning("the mirror at %s: the lease is not renewed", self._lease.store.uri)
        except Exception as error:  # every store has errors of its own
            self._error = error
            logger.warning("the mirror at %s: %s", self._lease.store.uri, format_error(error))

    def _wait_for_last_upload(self, message: Callable[[str], None]) -> None:
        patience = TROUBLED_END_S if self._error or self._is_late() else END_S
        self._over.set()
        self._worker.join(SOON_S)
        if self._worker.is_alive() and not self.taken_over():
            message(f"Uploading the rest of the run to {self._lease.store.uri} …")
            self._worker.join(patience - SOON_S)

    def _report_unsent(self, message: Callable[[str], None]) -> None:
        if not self.taken_over() and (left := self._upload.unsent()):
            files = ", ".join(left[:3]) + (f" and {len(left) - 3} more" if len(left) > 3 else "")
            message(
                f"Not up to date at {self._lease.store.uri}: {files} ({self._reason()}). "
                f"To upload them: {command_line('resume', self._directory)}"
            )


def new_store(runs: str | os.PathLike[str], name: str) -> Store | None:
    """Return where a new run will be mirrored; None if ``runs`` is a folder.

    Raises:
        InputError: the name is not a folder name, the address is wrong, or a package is not installed.
    """
    check_name(name, "--name")
    return open_store(below(str(runs), name), option="--runs") if is_uri(runs) else None


@contextmanager
def hold_new_mirror(store: Store | None) -> Iterator[Lease | None]:
    """Hold the mirror of a run that is about to begin; None if it has none.

    Raises:
        InputError: the store cannot be used.
        NameTakenError: it is not empty.
    """
    if store is None:
        yield None
        return
    ask_store(store, lambda: _check_free(store))
    with hold_lease(store) as lease:
        yield lease


@contextmanager
def hold_mirror(directory: Path, uri: str | None, *, message: Callable[[str], None]) -> Iterator[Mirror | None]:
    """Hold the mirror of a run whose lock this process has, and download what the run's folder lacks.

    Raises:
        InputError: another driver holds it, the store cannot be used, or it holds another run.
    """
    if uri is None:
        yield None
        return
    store = open_store(uri, option=f"{directory}/sweep.yaml  run.mirror")
    with hold_lease(store, folder=directory) as lease:
        bring_up_to_date(store, directory, message=message)
        yield Mirror(lease, directory)


def send_finished(directory: Path, uri: str | None, *, message: Callable[[str], None]) -> None:
    """Upload to the mirror of a finished run, if it has one, what its last driver could not upload.

    Raises:
        InputError: another process drives the run; or as `mirrored`.
    """
    if uri is None:
        return
    store = open_store(uri, option=f"{directory}/sweep.yaml  run.mirror")
    with run_lock(directory), hold_lease(store, folder=directory) as lease:
        bring_up_to_date(store, directory, message=logger.info)
        lease.remember(directory)
        upload = Upload(directory, store, may_write=lambda: lease.valid)
        ask_store(store, upload.send, within_s=FETCH_S)
    message(f"{uri} is up to date.")


def _check_free(store: Store) -> None:
    if store.sizes():
        rule = "a new run needs an empty folder, and this one is not empty"
        remedy = f"continue it with `{command_line('resume', store.uri)}`, or choose another --name"
        raise NameTakenError([Problem(rule=rule, remedy=remedy)], store.uri)
