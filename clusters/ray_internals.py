"""The private parts of Ray that a sweep relies on, all in one place: the test of this module fails when Ray moves one.

`clusters.health.probe` has two of its own, because Ray sends its source alone to the nodes.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from types import ModuleType
from typing import Any

from ray._private import ray_constants, services
from ray._private.authentication.authentication_token_setup import maybe_enable_token_auth_if_token_available
from ray._private.state import state
from ray._raylet import AuthenticationTokenLoader, Config  # type: ignore[attr-defined]  # compiled; its stub is incomplete

PROCESS_STARTER, PROPAGATED_VARIABLES = "ConsolePopen", "ENV_VARS_TO_PROPAGATE"
"""What `services` starts every process with, and what `class_cache` copies into the workers' runtime environment, which
appears in a log that everyone can read."""

OBJECT_STORE_BYTES = ray_constants.OBJECT_STORE_MINIMUM_MEMORY_BYTES
"""The size of a local Ray's object store, through which nothing large travels on a single machine."""
SHARED_MEMORY = "/dev/shm"  # noqa: S108


def draining_nodes() -> Collection[str]:
    """Return the ids, in hexadecimal, of the nodes that accept no new work because they are about to leave."""
    draining: Collection[str] = state.get_draining_nodes()
    return draining


def local_options(folder: str, *, cpus: int, memory_bytes: int) -> dict[str, Any]:
    """Return the options of `ray.init` for a new Ray on the loopback that keeps all its files in ``folder``.

    It offers ``cpus`` and ``memory_bytes``. Ray itself would not see all limits of a container, and would count half a
    CPU as none.
    """
    return {
        "address": "local",
        "num_cpus": cpus,
        "object_store_memory": OBJECT_STORE_BYTES,
        "_memory": memory_bytes,
        "_node_ip_address": "127.0.0.1",
        "_plasma_directory": _object_store_folder(folder),
        "_temp_dir": folder,
    }


def _object_store_folder(folder: str) -> str:
    """Return the folder of the object store: in memory if there is room, which containers often lack."""
    try:
        room = shutil.disk_usage(SHARED_MEMORY).free
    except OSError:
        return folder
    return SHARED_MEMORY if room > 2 * OBJECT_STORE_BYTES and os.access(SHARED_MEMORY, os.W_OK) else folder


def use_token_if_present() -> None:
    """Authenticate this process with the user's token, if there is one.

    Ray itself does so only for a cluster that it discovers.
    """
    maybe_enable_token_auth_if_token_available(warn_if_disabled=False)


def reload_authentication() -> None:
    """Make Ray read RAY_AUTH_MODE and the token again, which it otherwise reads once per process."""
    Config.initialize("")
    AuthenticationTokenLoader.instance().reset_cache()


@contextmanager
def on_loopback() -> Iterator[None]:
    """Let a Ray that is started inside the block keep 127.0.0.1 as its address.

    Otherwise Ray replaces it with the machine's external address. A node whose address is the loopback listens on
    nothing else.
    """
    with _replaced(ray_constants, "ENABLE_RAY_CLUSTER", False):
        yield


@contextmanager
def withheld(names: Collection[str]) -> Iterator[None]:
    """Hide these environment variables from processes that Ray starts inside the block, and from Ray Tune's workers.

    This process keeps them, because its other threads (W&B, the upload to a mirror) may need them at any moment. Ray
    has no public way to do this.
    """
    from ray.tune.execution import class_cache  # here, because a machine's resources are asked for without Ray Tune

    start, propagated = getattr(services, PROCESS_STARTER), getattr(class_cache, PROPAGATED_VARIABLES)

    def start_without(*arguments: Any, env: Mapping[str, str] | None = None, **options: Any) -> Any:
        inherited = os.environ if env is None else env
        kept = {name: value for name, value in inherited.items() if name not in names}
        return start(*arguments, env=kept, **options)

    with ExitStack() as stack:
        stack.enter_context(_replaced(services, PROCESS_STARTER, start_without))
        stack.enter_context(_replaced(class_cache, PROPAGATED_VARIABLES, propagated - set(names)))
        yield


@contextmanager
def _replaced(module: ModuleType, name: str, value: Any) -> Iterator[None]:
    before = getattr(module, name)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, before)
