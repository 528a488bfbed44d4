"""Whose a file is, and whose process listens at a port: other users of the machine decide nothing here."""

from __future__ import annotations

import errno
import ipaddress
import os
import pwd
import socket
import stat
import sys
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

import psutil

LONGEST_BYTES = 1000
"""So much is read of a file that is to hold one line."""
SOCKETS = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
"""Where Linux tells of all users' sockets and whose they are."""
LISTENING = "0A"
"""The state of a socket there."""

IPAddress = IPv4Address | IPv6Address


class ForeignError(Exception):
    """Somebody else could have had a hand in it; the message says who and in what."""


def read_own(file: Path) -> str:
    """The text of a short file that only this user or root can have written or put there.

    Raises:
        FileNotFoundError: there is none.
        ForeignError: somebody else can have, or it cannot be known.
    """
    try:
        # What is checked is what is read, whoever puts another file in its place meanwhile.
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise FileNotFoundError(file) from error
    except OSError as error:
        why = "is a symbolic link" if error.errno == errno.ELOOP else f"cannot be read ({error.strerror})"
        raise ForeignError(f"{file} {why}") from error
    try:
        _check_own(file, os.fstat(descriptor))
        return os.read(descriptor, LONGEST_BYTES).decode(errors="replace").strip()
    finally:
        os.close(descriptor)


def _check_own(file: Path, found: os.stat_result) -> None:
    """Raises: ForeignError, as `read_own`."""
    if not stat.S_ISREG(found.st_mode):
        raise ForeignError(f"{file} is no ordinary file")
    for place, status in [(file, found), *((folder, folder.lstat()) for folder in _folders(file))]:
        if not _is_trusted(status.st_uid):
            raise ForeignError(f"{place} belongs to {user_name(status.st_uid)}")
    # Of another name, it is a file of ours that somebody else has brought here.
    if _is_writable_by_others(found) or found.st_nlink != 1:
        raise ForeignError(f"{file} can be written by other users")


def is_guarded(folder: Path) -> bool:
    """Whether nobody but this user and root can take away or replace what lies in a folder, or the folder itself."""
    try:
        found = [place.lstat() for place in (folder, *_folders(folder), folder.resolve())]
    except OSError:
        return False
    return all(
        _is_trusted(status.st_uid)
        and (stat.S_ISLNK(status.st_mode) or status.st_mode & stat.S_ISVTX or not _is_writable_by_others(status))
        for status in found
    )


def check_listeners(host: str, port: int) -> None:
    """Checks that what listens at HOST:PORT is this user's or root's; passes what is on another machine.

    Raises:
        ForeignError: it is somebody else's, there is nothing, or it cannot be known.
    """
    addresses = _local_addresses(host, port)
    if not addresses:
        return
    try:
        owners = {uid for address, at, uid in _listeners() if at == port and _meets(address, addresses)}
    except OSError as error:
        raise ForeignError(f"whose process listens at {host}:{port} cannot be known ({error.strerror})") from error
    if not owners:
        raise ForeignError(f"nothing listens at {host}:{port} any more")
    for uid in owners:
        if not _is_trusted(uid):
            raise ForeignError(f"the process that listens at {host}:{port} belongs to {user_name(uid)}")


def user_name(uid: int) -> str:
    """For people."""
    try:
        return f"the user {pwd.getpwuid(uid).pw_name}"
    except KeyError:
        return f"the user with number {uid}"


def _folders(place: Path) -> set[Path]:
    """All above it: as it is named, and as it is where links on the way are followed."""
    return {*place.absolute().parents, place.parent.resolve(), *place.parent.resolve().parents}


def _is_trusted(uid: int) -> bool:
    return uid in (0, os.geteuid())


def _is_writable_by_others(status: os.stat_result) -> bool:
    """A group that has its user's number is that user's own, as Linux distributions give everybody one."""
    shared = stat.S_IWOTH if status.st_gid == status.st_uid else stat.S_IWOTH | stat.S_IWGRP
    return bool(status.st_mode & shared)


def _local_addresses(host: str, port: int) -> set[IPAddress]:
    """Those of a host's addresses that are this machine's."""
    try:
        named = {_plain(str(found[4][0])) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError):
        return set()
    families = (socket.AF_INET, socket.AF_INET6)
    cards = psutil.net_if_addrs().values()
    ours = {_plain(each.address) for card in cards for each in card if each.family in families}
    return {address for address in named if address in ours or address.is_loopback or address.is_unspecified}


def _listeners() -> Iterator[tuple[IPAddress, int, int]]:
    """Address, port and owner of every socket that listens, whosever it is.

    Raises:
        OSError: this system does not tell.
    """
    first, *others = SOCKETS
    for table in (first, *(table for table in others if table.exists())):
        for line in table.read_text().splitlines()[1:]:
            local, state, uid = (line.split()[column] for column in (1, 3, 7))
            if state == LISTENING:
                address, port = local.split(":")
                yield _kernel_address(address), int(port, 16), int(uid)


def _kernel_address(digits: str) -> IPAddress:
    """From words of four bytes in the order of this machine."""
    step = -1 if sys.byteorder == "little" else 1
    packed = bytes.fromhex(digits)
    return _plain(str(ipaddress.ip_address(b"".join(packed[at : at + 4][::step] for at in range(0, len(packed), 4)))))


def _plain(address: str) -> IPAddress:
    """Without the scope; of version 4 where it is one in the guise of version 6."""
    found = ipaddress.ip_address(address.partition("%")[0])
    return (found.version == 6 and found.ipv4_mapped) or found


def _meets(listens: IPAddress, addresses: set[IPAddress]) -> bool:
    """Whether a socket that listens there is reached by one of the addresses; :: takes those of both versions."""
    if listens.is_unspecified:
        return listens.version == 6 or any(address.version == 4 for address in addresses)
    return listens in addresses or any(address.is_unspecified for address in addresses)
