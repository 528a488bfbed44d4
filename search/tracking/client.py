"""How Tunehound sets W&B up: silent, recording only what it is given, online only if it has a key."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Literal, cast

import psutil
import wandb
from wandb.sdk.lib.wbauth import read_netrc_auth  # private, but it alone knows a server's other names and its port

from spaces.problem import InputError, Problem

logger = logging.getLogger(__name__)

Mode = Literal["online", "offline", "disabled"]

INIT_TIMEOUT_S, FINISH_TIMEOUT_S = 20.0, 15.0
"""How long W&B may take to open a run, and to finish one, while a sweep runs."""
SYNC_TIMEOUT_S = 40.0
"""How long either may take when a user waits for it."""
MAX_FINISHING = 8
"""How many W&B runs may be finishing at a time."""
PATIENCE_S = 3.0
"""How long the end of a sweep waits for W&B before it says so."""


def safe(name: str) -> str:
    """Replace what W&B does not accept in an id or a group."""
    return re.sub(r"[^\w.-]", "-", name)[:128]


def run_settings(*, patient: bool) -> Any:
    """Settings of a W&B run that prints nothing and records only what it is given."""
    return wandb.Settings(
        silent=True,
        console="off",
        host="",
        save_code=False,
        disable_code=True,
        disable_git=True,
        symlink=False,
        use_dot_wandb=False,
        init_timeout=SYNC_TIMEOUT_S if patient else INIT_TIMEOUT_S,
        finish_timeout=SYNC_TIMEOUT_S if patient else FINISH_TIMEOUT_S,
        finish_timeout_raises=True,
        stop_fn=lambda: None,  # the button on the web page would otherwise interrupt the whole sweep
        x_disable_meta=True,
        x_disable_machine_info=True,
        x_disable_stats=True,
        x_save_requirements=False,
    )


def chosen_mode() -> Mode:
    """online, offline or disabled, as WANDB_MODE or W&B's settings say; offline if there is no key."""
    settings = wandb.setup(wandb.Settings(silent=True)).settings
    mode = wanted_mode(settings)
    return "offline" if mode == "online" and not has_key(settings) else mode


def lacks_key() -> bool:
    """Whether W&B would be online if there were a key."""
    settings = wandb.setup(wandb.Settings(silent=True)).settings
    return wanted_mode(settings) == "online" and not has_key(settings)


def wanted_mode(settings: Any) -> Mode:
    """online, offline or disabled, as W&B's settings say."""
    return cast(Mode, {"dryrun": "offline", "run": "online", "shared": "online"}.get(settings.mode, settings.mode))


def has_key(settings: Any) -> bool:
    """Whether the environment or netrc has a key for W&B's server. The key itself is not kept."""
    if settings.api_key or settings.identity_token_file:
        return True
    return read_netrc_auth(host=settings.base_url) is not None


def check_key(about: str) -> None:
    """Check that there is a key for W&B's server.

    Raises:
        InputError: neither the environment nor netrc has one.
    """
    if not has_key(wandb.setup(wandb.Settings(silent=True)).settings):
        rule = "W&B needs a key, and neither the environment nor netrc has one"
        remedy = "run `wandb login` or set WANDB_API_KEY, then try again"
        raise InputError([Problem(rule=rule, remedy=remedy)], about)


def wait_for(worker: threading.Thread, timeout_s: float, message: Callable[[str], None]) -> bool:
    """Wait until ``worker`` ends, with a message if that takes long; return whether it has ended."""
    worker.join(min(PATIENCE_S, timeout_s))
    if worker.is_alive() and timeout_s > PATIENCE_S:
        message(f"W&B is slow to respond; waiting up to {timeout_s:.0f} s.")
        worker.join(timeout_s - PATIENCE_S)
    if worker.is_alive():
        logger.warning("W&B is not done after %.0f s; `tunehound sync` sends the rest", timeout_s)
    return not worker.is_alive()


def stop_service(grace_s: float = 2.0) -> None:
    """Stop W&B's own process within ``grace_s``, as this process would wait for it on exit.

    It is left alone if the user has a W&B run of their own in this process.
    """
    if wandb.run is not None:
        return
    children = psutil.Process().children()

    def tear_down() -> None:
        with suppress(BaseException):  # W&B raises SystemExit if its process did not end well
            wandb.teardown()

    thread = threading.Thread(target=tear_down, daemon=True)
    thread.start()
    thread.join(grace_s)
    for child in children:
        with suppress(psutil.Error):
            if child.name().startswith("wandb-core"):
                child.kill()
    thread.join(grace_s)
