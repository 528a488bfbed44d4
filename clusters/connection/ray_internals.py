"""What Ray keeps to itself and a sweep cannot do without; the test of this module fails when Ray moves it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ray._private import ray_constants
from ray._private.authentication.authentication_token_setup import maybe_enable_token_auth_if_token_available
from ray._raylet import AuthenticationTokenLoader, Config  # type: ignore[attr-defined]  # compiled, and its stub is not whole


def look_for_token() -> None:
    """Makes this process show the user's token if there is one: Ray does so only for a cluster that it finds itself."""
    maybe_enable_token_auth_if_token_available(warn_if_disabled=False)


def read_authentication_again() -> None:
    """Has Ray read RAY_AUTH_MODE and the token anew, which it reads once a process."""
    Config.initialize("")
    AuthenticationTokenLoader.instance().reset_cache()


@contextmanager
def on_loopback() -> Iterator[None]:
    """Lets a Ray that is started within stay on 127.0.0.1, which it takes for this machine's outer address otherwise.

    What has the loopback for its node's address listens there alone.
    """
    usual = ray_constants.ENABLE_RAY_CLUSTER
    ray_constants.ENABLE_RAY_CLUSTER = False
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = usual
