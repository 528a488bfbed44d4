"""A local Ray that other users of this machine cannot access.

By default, Ray makes its folders writable for everyone, listens on all addresses, and leaves a secret readable by all
in the user's home. This one keeps its files in a private folder, listens on the loopback only, and requires a token
that is generated for it and stored in that folder.
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
from clusters.ray_internals import local_options, on_loopback, reload_authentication
from clusters.tempdirs import environment

logger = logging.getLogger(__name__)

FOLDER = "houndray-"
"""The start of the folders' names; short, because the paths of the sockets inside must be."""
LOCK, TOKEN, RAYS = "lock", "token", "r"
"""The contents of a folder: a file that its process keeps locked, Ray's token, and all of Ray's own files."""
MIN_FREE_BYTES = 20_000_000
"""Ray's logs take some megabytes."""
LONGEST_SOCKET = 107
"""Bytes in the path of a socket."""
SOCKET = f"/{FOLDER}12345678/{RAYS}/session_2026-11-30_12-00-00_123456_4194304/sockets/plasma_store"
"""The longest path below the folder of temporary files."""


@contextmanager
def local_ray(*, cpus: int, memory_bytes: int) -> Iterator[dict[str, Any]]:
    """Yield the options of `ray.init` for a local Ray that offers these resources; leave the block after
    `ray.shutdown`.

    Ray's logs are kept until the second run after this one starts.

    Raises:
        OSError: there is no suitable folder.
    """
    base = ray_folder()
    _remove_old(base)
    folder = Path(tempfile.mkdtemp(prefix=FOLDER, dir=base))  # mode 0700
    lock = _locked(folder / f"{LOCK}.new")
    (folder / f"{LOCK}.new").rename(folder / LOCK)  # a file with this name is locked, or its process has ended
    token = folder / TOKEN
    token.touch(mode=0o600)
    token.write_text(secrets.token_hex(32))
    ours = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(token), "RAY_AUTH_TOKEN": None}
    try:
        with environment(ours):
            reload_authentication()
            with on_loopback():
                yield local_options(str(folder / RAYS), cpus=cpus, memory_bytes=memory_bytes)
    finally:
        token.unlink(missing_ok=True)
        os.close(lock)
        reload_authentication()


def close_to_others(session: str) -> None:
    """Remove other users' permissions, which Ray grants, from a session's folder; its parent never had them."""
    for folder in (Path(session), Path(session).parent):
        folder.chmod(stat.S_IRWXU)


def ray_folder() -> str:
    """Return where to put Ray's folder: RAY_TMPDIR, else the folder of temporary files, if suitable.

    Raises:
        OSError: no folder is suitable.
    """
    usual = os.environ.get("RAY_TMPDIR") or tempfile.gettempdir()
    places = [str(Path(place).absolute()) for place in (usual, "/tmp", "/var/tmp")]  # noqa: S108
    fitting = [place for place in places if _fits(place)]
    if not fitting:
        longest = LONGEST_SOCKET - len(SOCKET)
        raise OSError(
            f"the folder of Ray's files must be writable, with {MIN_FREE_BYTES / 1e6:.0f} MB of free space and a path "
            f"of {longest} characters at most; tried {', '.join(dict.fromkeys(places))} → set RAY_TMPDIR to one"
        )
    guarded = [place for place in fitting if is_guarded(Path(place))]
    if not guarded:
        logger.warning("Other users can replace files in %s, where Ray keeps its own.", fitting[0])
    return (guarded or fitting)[0]


def _fits(place: str) -> bool:
    if not os.access(place, os.W_OK | os.X_OK) or len(os.fsencode(place + SOCKET)) > LONGEST_SOCKET:
        return False
    return shutil.disk_usage(place).free >= MIN_FREE_BYTES


def _remove_old(base: str) -> None:
    """Remove the folders of runs that have ended, except the last one."""
    left = [folder for folder in Path(base).glob(f"{FOLDER}*") if _is_left(folder)]
    for folder in sorted(left, key=lambda folder: folder.stat().st_mtime)[:-1]:
        shutil.rmtree(folder, ignore_errors=True)


def _is_left(folder: Path) -> bool:
    """Whether a folder is this user's and its process has ended. Folders of others may be traps and are left alone."""
    with suppress(OSError):
        found = folder.lstat()
        ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077
        if ours and (folder / LOCK).exists():
            os.close(_locked(folder / LOCK))
            return True
    return False


def _locked(file: Path) -> int:
    """Lock a file until the descriptor is closed or the process ends.

    Raises:
        BlockingIOError: another process holds it.
    """
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
