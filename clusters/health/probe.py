"""What one machine of a cluster is like.

Ray sends this module's text to every node, so that one with another Tunehound, or none, answers too. Therefore it knows
the standard library and, inside functions, Ray; and it answers in plain data.
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
"""The version of what is not installed."""
DIGEST_DIGITS = 12
REACH_TIMEOUT_S, TENSORFLOW_TIMEOUT_S = 5.0, 60.0
COUNT_GPUS = "import tensorflow as tf; print(len(tf.config.list_physical_devices('GPU')))"


class Probe:
    """What Ray runs on a node: a process that stays while it is asked."""

    def versions(self) -> dict[str, str]:
        """As the function of that name."""
        return versions()

    def examine(self, *, places: Sequence[str], needs: Sequence[Mapping[str, Any]], gpus: float) -> dict[str, Any]:
        """As the function of that name."""
        return examine(places=places, needs=needs, gpus=gpus)

    def clock(self) -> float:
        """Seconds of the epoch, by this machine."""
        return time.time()


def versions() -> dict[str, str]:
    """Of Python and of what trials are made with; under ``code``, a digest of Tunehound's own source files.

    Nothing of it is imported, so it takes some milliseconds.
    """
    python = ".".join(map(str, sys.version_info[:3]))
    return {"python": python} | {package: _version(package) for package in PACKAGES} | {"code": code_digest()}


def code_digest() -> str:
    """What tells the Tunehound that this process would import from another of the same version."""
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


def examine(*, places: Sequence[str], needs: Sequence[Mapping[str, Any]], gpus: float) -> dict[str, Any]:
    """What else matters to a sweep about this machine.

    Args:
        places: names of the data cache's folder, with variables of the environment; the first one counts whose
            variables are all set.
        needs: what a trial reads, each the fields of a `clusters.health.survey.Need`.
        gpus: how many of this machine's GPUs Ray counts.

    Returns:
        The fields of `clusters.health.survey.Facts`.
    """
    cache, session = first_place(places), _session_folder()
    installed = count_gpus()
    fault = unusable(cache)
    return {
        "gpus": installed,
        "tensorflow_gpus": tensorflow_gpus() if gpus or installed else None,
        "cache": str(cache),
        "cache_fault": fault,
        "free_bytes": {str(folder): free_bytes(folder) for folder in (cache, session)},
        "shm_bytes": _total_bytes(Path("/dev/shm")),  # noqa: S108  # Ray keeps its objects there
        "missing": [need["called"] for need in needs if not at_hand(need)],
        "token": _asks_for_token(),
        "kubernetes": "KUBERNETES_SERVICE_HOST" in os.environ,
    }


def first_place(places: Sequence[str]) -> Path:
    """The first of these names whose variables are all set, with what they say."""
    for place in places:
        variable, _, rest = place.removeprefix("$").partition("/")
        if not place.startswith("$"):
            return Path(place).expanduser()
        if value := os.environ.get(variable):
            return Path(value).expanduser() / rest
    return Path(tempfile.gettempdir())


def unusable(folder: Path) -> str:
    """Why files in a folder cannot be written, locked and mapped; nothing where they can. Makes the folder."""
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
    """Free space on the disk where a folder is, or would be."""
    there = next((place for place in (folder, *folder.parents) if place.exists()), Path("/"))
    return shutil.disk_usage(there).free


def at_hand(need: Mapping[str, Any]) -> bool:
    """Whether something is on this machine, or at least the server that has it can be reached."""
    place = first_place(need["places"])
    if not need["url"]:
        return place.exists()
    return any(place.parent.glob(place.name)) or reachable(need["url"])


def reachable(url: str) -> bool:
    """Whether a server answers this machine, whatever it says; by its proxy, if it has one."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=REACH_TIMEOUT_S):  # noqa: S310
            return True
    except urllib.error.HTTPError:
        return True
    except (OSError, ValueError):
        return False


def count_gpus() -> int:
    """NVIDIA's GPUs, as their own tool lists them."""
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=True, timeout=20).stdout
    except (OSError, subprocess.SubprocessError):
        return 0
    return sum(line.startswith("GPU ") for line in listed.splitlines())


def tensorflow_gpus() -> int | None:
    """GPUs that TensorFlow sees where Ray lets it see all; None where it does not come to an answer."""
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    environment.pop("CUDA_VISIBLE_DEVICES", None)  # Ray hides them all from who asks for none
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
    """A variable of the environment with which another process of this user, Ray's own here, was started."""
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
    """Where Ray keeps logs and what does not fit into memory."""
    from ray._private.worker import _global_node

    return Path(_global_node.get_session_dir_path() if _global_node else tempfile.gettempdir())


def _asks_for_token() -> bool:
    from ray._private.authentication.authentication_utils import is_token_auth_enabled

    return bool(is_token_auth_enabled())
