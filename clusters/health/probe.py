"""Examines one machine of a cluster.

Ray sends this module's source to every node, so that a node with another Tunehound, or none, can answer too. It
therefore uses only the standard library and, inside functions, Ray (two private names of it, which
`clusters.ray_internals` cannot hold for it); and it answers in plain data.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.metadata
import importlib.util
import mmap
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOMS = ("clusters", "search", "spaces", "trainables")
"""The packages that Tunehound is made of."""
PACKAGES = ("ray", "keras", "tensorflow", "tunehound")
NONE = "none"
"""The version of a package that is not installed."""
DIGEST_DIGITS = 12
REACH_TIMEOUT_S, TENSORFLOW_TIMEOUT_S = 5.0, 60.0
COUNT_GPUS = "import tensorflow as tf; print(len(tf.config.list_physical_devices('GPU')))"


class Probe:
    """The process that Ray runs on a node while questions are asked."""

    def versions(self) -> dict[str, str]:
        """See the function of that name."""
        return versions()

    def examine(
        self, *, places: Sequence[str], requirements: Sequence[Mapping[str, Any]], gpus: float
    ) -> dict[str, Any]:
        """See the function of that name."""
        return examine(places=places, requirements=requirements, gpus=gpus)

    def clock(self) -> float:
        """Return this machine's time, in seconds since the epoch."""
        return time.time()


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that trials use; ``code`` is a digest of Tunehound's source.

    Nothing is imported, so it takes only milliseconds.
    """
    python = ".".join(map(str, sys.version_info[:3]))
    return {"python": python} | {package: _version(package) for package in PACKAGES} | {"code": code_digest()}


def code_digest() -> str:
    """Return a digest that identifies the Tunehound that this process would import, beyond its version."""
    digest, found = hashlib.sha256(), False
    for room in ROOMS:
        spec = importlib.util.find_spec(room)
        if spec is None or spec.origin is None:
            continue
        folder, found = Path(spec.origin).parent, True
        for file in sorted(folder.rglob("*.py")):
            digest.update(f"{room}/{file.relative_to(folder).as_posix()}\0".encode())
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:DIGEST_DIGITS] if found else NONE


def examine(*, places: Sequence[str], requirements: Sequence[Mapping[str, Any]], gpus: float) -> dict[str, Any]:
    """Return what else about this machine matters to a sweep.

    Args:
        places: candidate paths of the data cache with environment variables; the first whose variable is set counts.
        requirements: what a trial reads, each with the fields of a `clusters.health.survey.Requirement`.
        gpus: how many of this machine's GPUs Ray counts.

    Returns:
        The fields of `clusters.health.survey.NodeFacts`.
    """
    cache, session = first_place(places), _session_folder()
    installed = count_gpus()
    fault = why_unusable(cache)
    return {
        "gpus": installed,
        "tensorflow_gpus": tensorflow_gpus() if gpus or installed else None,
        "cache": str(cache),
        "cache_fault": fault,
        "free_bytes": {str(folder): free_bytes(folder) for folder in (cache, session)},
        "shm_bytes": _total_bytes(Path("/dev/shm")),  # noqa: S108  # Ray keeps its objects there
        "missing": [requirement["label"] for requirement in requirements if not is_available(requirement)],
        "token": _asks_for_token(),
        "kubernetes": "KUBERNETES_SERVICE_HOST" in os.environ,
    }


def first_place(places: Sequence[str]) -> Path:
    """Return the first of these paths whose variable is set, with the variable expanded."""
    for place in places:
        variable, _, rest = place.removeprefix("$").partition("/")
        if not place.startswith("$"):
            return Path(place).expanduser()
        if value := os.environ.get(variable):
            return Path(value).expanduser() / rest
    return Path(tempfile.gettempdir())


def why_unusable(folder: Path) -> str:
    """Return why files in a folder cannot be written, locked and mapped; empty if they can. Creates the folder."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(mmap.PAGESIZE))
            file.flush()
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            mmap.mmap(file.fileno(), mmap.PAGESIZE, access=mmap.ACCESS_COPY).close()
    except (OSError, ValueError) as error:
        return str(error)
    return ""


def free_bytes(folder: Path) -> int:
    """Return the free space on the disk of a folder, which need not exist."""
    existing = next((place for place in (folder, *folder.parents) if place.exists()), Path("/"))
    return shutil.disk_usage(existing).free


def is_available(requirement: Mapping[str, Any]) -> bool:
    """Whether something is on this machine, or the server that has it can be reached."""
    place = first_place(requirement["places"])
    if not requirement["url"]:
        return place.exists()
    return any(place.parent.glob(place.name)) or reachable(requirement["url"])


def reachable(url: str) -> bool:
    """Whether a server sends this machine any answer, through its proxy if it has one."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=REACH_TIMEOUT_S):  # noqa: S310
            return True
    except urllib.error.HTTPError:
        return True
    except (OSError, ValueError):
        return False


def count_gpus() -> int:
    """Count the GPUs that nvidia-smi lists."""
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=True, timeout=20).stdout
    except (OSError, subprocess.SubprocessError):
        return 0
    return sum(line.startswith("GPU ") for line in listed.splitlines())


def tensorflow_gpus() -> int | None:
    """Count the GPUs that TensorFlow sees if Ray hides none; None if it gives no answer."""
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    environment.pop("CUDA_VISIBLE_DEVICES", None)  # Ray hides all GPUs from processes that request none
    if (given := _variable_of(os.getppid(), "CUDA_VISIBLE_DEVICES")) is not None:
        environment["CUDA_VISIBLE_DEVICES"] = given
    command = [sys.executable, "-P", "-c", COUNT_GPUS]
    try:
        counted = subprocess.run(
            command, env=environment, capture_output=True, check=True, timeout=TENSORFLOW_TIMEOUT_S
        )
        return int(counted.stdout.split()[-1])
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return None


def _variable_of(process: int, name: str) -> str | None:
    """Return an environment variable that another process of this user, here Ray's own, was started with."""
    try:
        entries = Path(f"/proc/{process}/environ").read_bytes().split(b"\0")
    except OSError:
        return None
    values = (entry.partition(b"=")[2] for entry in entries if entry.startswith(f"{name}=".encode()))
    return next((os.fsdecode(value) for value in values), None)


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return NONE


def _total_bytes(folder: Path) -> int | None:
    return shutil.disk_usage(folder).total if folder.is_dir() else None


def _session_folder() -> Path:
    """Return the folder where Ray keeps logs and spilled objects."""
    from ray._private.worker import _global_node

    return Path(_global_node.get_session_dir_path() if _global_node else tempfile.gettempdir())


def _asks_for_token() -> bool:
    from ray._private.authentication.authentication_utils import is_token_auth_enabled

    return bool(is_token_auth_enabled())
