"""A Ray of one's own on this machine, at which other users of it get nowhere.

Ray makes its folders writable for everybody, listens on all addresses, and leaves a secret that all may read in the
user's home. Ours lies in a folder that is closed to others from the start, stays on the loopback, and answers nobody
without a token that is made for it and lies in that folder.
"""

from __future__ import annotations

import fcntl
import logging
import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from clusters.connection.ownership import is_guarded
from clusters.connection.ray_internals import on_loopback, read_authentication_again
from clusters.tempdirs import environment

logger = logging.getLogger(__name__)

FOLDER = "houndray-"
"""How the folders' names begin. Short, for the names of sockets within must be."""
LOCK, TOKEN, RAYS = "lock", "token", "r"
"""What a folder holds: a file that its process keeps locked, Ray's token, and all that is Ray's."""
LONGEST_SOCKET = 107
"""Bytes in the name of a socket."""
SOCKET = f"/{FOLDER}12345678/{RAYS}/session_2026-11-30_12-00-00_123456_4194304/sockets/plasma_store"
"""The longest name below the folder of temporary files."""


@contextmanager
def local_ray() -> Iterator[dict[str, Any]]:
    """What `ray.init` is to be given for a Ray of one's own; to be left after `ray.shutdown`.

    Ray's logs stay until the second run after this one begins.

    Raises:
        OSError: there is no room for its folder.
    """
    base = _base()
    _remove_old(base)
    folder = Path(tempfile.mkdtemp(prefix=FOLDER, dir=base))  # mode 0700
    lock = _locked(folder / f"{LOCK}.new")
    (folder / f"{LOCK}.new").rename(folder / LOCK)  # what is called so is held, or its process has ended
    token = folder / TOKEN
    token.touch(mode=0o600)
    token.write_text(secrets.token_hex(32))
    ours = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(token), "RAY_AUTH_TOKEN": None}
    try:
        with environment(ours):
            read_authentication_again()
            with on_loopback():
                yield {"address": "local", "_temp_dir": str(folder / RAYS), "_node_ip_address": "127.0.0.1"}
    finally:
        token.unlink(missing_ok=True)
        os.close(lock)
        read_authentication_again()


def close_to_others(session: str) -> None:
    """Takes back what Ray gave away of a session's folder; the folder above both was closed all along."""
    for folder in (Path(session), Path(session).parent):
        folder.chmod(stat.S_IRWXU)


def _base() -> str:
    """Where Ray's folder goes: where RAY_TMPDIR says, else where temporary files go, if that will do.

    Raises:
        OSError: nowhere will do.
    """
    usual = os.environ.get("RAY_TMPDIR") or tempfile.gettempdir()
    places = [str(Path(place).absolute()) for place in (usual, "/tmp", "/var/tmp")]  # noqa: S108
    fitting = [place for place in places if _fits(place)]
    if not fitting:
        longest = LONGEST_SOCKET - len(SOCKET)
        raise OSError(
            f"Ray finds no room for its files: a folder must be writable, with a name of {longest} characters at most; "
            f"tried: {', '.join(dict.fromkeys(places))}. → Name one in RAY_TMPDIR."
        )
    guarded = [place for place in fitting if is_guarded(Path(place))]
    if not guarded:
        logger.warning("other users can replace what lies in %s, where Ray keeps its files", fitting[0])
    return (guarded or fitting)[0]


def _fits(place: str) -> bool:
    return os.access(place, os.W_OK | os.X_OK) and len(os.fsencode(place + SOCKET)) <= LONGEST_SOCKET


def _remove_old(base: str) -> None:
    """Removes what runs have left that are over, but for the last one."""
    left = [folder for folder in Path(base).glob(f"{FOLDER}*") if _is_left(folder)]
    for folder in sorted(left, key=lambda folder: folder.stat().st_mtime)[:-1]:
        shutil.rmtree(folder, ignore_errors=True)


def _is_left(folder: Path) -> bool:
    """Whether a folder is one of this user's, and its process has ended. Others' may be traps, and are not touched."""
    with suppress(OSError):
        found = folder.lstat()
        ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077
        if ours and (folder / LOCK).exists():
            os.close(_locked(folder / LOCK))
            return True
    return False


def _locked(file: Path) -> int:
    """Holds a file until the descriptor is closed, or its process ends.

    Raises:
        BlockingIOError: somebody holds it.
    """
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
