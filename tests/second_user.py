"""A second user of this machine: `nobody`, whom only root can play."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

NOBODY = 65534
TMP = "/tmp"  # noqa: S108
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as a second user")
needs_mounts = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("unshare") or not shutil.which("setpriv"),
    reason="needs root, unshare and setpriv to run this Python as a second user",
)

BECOME = f"""
import os, pathlib, socket, sys
os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})
"""
"""Imports come first: to others, this Python may be closed."""
LISTEN = """
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
sys.stdin.read()
"""
SHOW_PYTHON = """
mount --bind "$1" "$3/python" && mount --bind "$2" "$3/packages" && shift 3 &&
exec setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all --inh-caps=-all "$@"
"""


def as_nobody(script: str, *arguments: str | Path) -> str:
    """What a short Python script of theirs prints."""
    command = [sys.executable, "-c", BECOME + script, *map(str, arguments)]
    return subprocess.run(command, cwd="/", capture_output=True, text=True, check=True, timeout=60).stdout


@contextmanager
def nobody_listens() -> Iterator[int]:
    """The port at which a process of theirs listens."""
    process = subprocess.Popen(
        [sys.executable, "-c", BECOME + LISTEN], cwd="/", stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.communicate()


@contextmanager
def common_folder() -> Iterator[Path]:
    """A folder like /tmp: all may write, none may touch what is others'."""
    with tempfile.TemporaryDirectory(prefix="hound-", dir=TMP) as folder:  # sockets have short names
        Path(folder).chmod(0o1777)
        yield Path(folder)


@contextmanager
def nobodys_python(script: str, *arguments: str, home: Path, env: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    """A script of theirs at work, with the packages of this Python; ``home`` is theirs."""
    for name in ("python", "packages"):
        (home / name).mkdir(exist_ok=True)
    shutil.chown(home, NOBODY, NOBODY)
    packages = Path(pytest.__file__).parents[1]
    program = home / "python" / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    places = [sys.base_prefix, str(packages), str(home)]
    alone = ["unshare", "--mount", "--propagation", "private"]
    theirs = {"HOME": str(home), "PYTHONPATH": str(home / "packages"), "LD_LIBRARY_PATH": str(home / "python" / "lib")}
    process = subprocess.Popen(
        [*alone, "sh", "-c", SHOW_PYTHON, "sh", *places, str(program), "-c", script, *arguments],
        cwd="/",
        env={"PATH": os.environ["PATH"], **theirs, **env},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        for each in psutil.process_iter():
            with suppress(psutil.Error, ProcessLookupError):
                if os.getsid(each.pid) == process.pid:
                    each.kill()
        process.communicate()
