"""How Tunehound sets W&B up: silent, recording only what it is given, online only where it can be."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Literal, cast

import psutil
import wandb
from wandb.sdk.lib.wbauth import read_netrc_auth

from spaces.problem import InputError, Problem

logger = logging.getLogger(__name__)

Mode = Literal["online", "offline", "disabled"]

INIT_TIMEOUT_S, FINISH_TIMEOUT_S = 20.0, 15.0
"""How long W&B may take to open a run, and to finish one, while a sweep runs."""
SYNC_TIMEOUT_S = 40.0
"""How long it may take for either when somebody asked for it."""
MAX_FINISHING = 8
"""So many W&B runs may be uploading at a time while others go on."""
PATIENCE_S = 3.0
"""How long the end of a sweep waits for W&B before it says so."""


def safe(name: str) -> str:
    """``name`` with nothing in it that W&B refuses in an id or a group."""
    return re.sub(r"[^\w.-]", "-", name)[:128]


def quiet(*, patient: bool = False) -> Any:
    """Settings of a W&B run that prints nothing and records nothing but what it is given."""
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
    """online, offline or disabled: what WANDB_MODE or W&B's settings say, but online only with a key at hand."""
    settings = wandb.setup(wandb.Settings(silent=True)).settings
    mode = wanted_mode(settings)
    return "offline" if mode == "online" and not has_key(settings) else mode


def lacks_key() -> bool:
    """Whether W&B is to be online, and only the key is not at hand."""
    settings = wandb.setup(wandb.Settings(silent=True)).settings
    return wanted_mode(settings) == "online" and not has_key(settings)


def wanted_mode(settings: Any) -> Mode:
    """online, offline or disabled, by W&B's settings alone."""
    return cast(Mode, {"dryrun": "offline", "run": "online", "shared": "online"}.get(settings.mode, settings.mode))


def has_key(settings: Any) -> bool:
    """Whether the environment or netrc holds a key for W&B's server. The key itself is not kept."""
    if settings.api_key or settings.identity_token_file:
        return True
    return read_netrc_auth(host=settings.base_url) is not None  # knows the names that one server goes by


def refuse_without_key(about: str) -> None:
    """Refuses to go on where there is no key for W&B's server.

    Raises:
        InputError: neither the environment nor netrc holds one.
    """
    if not has_key(wandb.setup(wandb.Settings(silent=True)).settings):
        rule = "W&B needs a key, and neither the environment nor netrc has one"
        remedy = "run `wandb login`, or set WANDB_API_KEY; then call this again"
        raise InputError([Problem(rule=rule, remedy=remedy)], about)


def wait_for(worker: threading.Thread, timeout_s: float, tell: Callable[[str], None]) -> bool:
    """Waits until W&B has taken what ``worker`` gives it, and says so where that is long; False: in vain."""
    worker.join(min(PATIENCE_S, timeout_s))
    if worker.is_alive() and timeout_s > PATIENCE_S:
        tell(f"W&B is slow to answer; waiting for it, {timeout_s:.0f} s at the most.")
        worker.join(timeout_s - PATIENCE_S)
    if worker.is_alive():
        logger.warning("W&B is not done after %.0f s; what it lacks is left to `tunehound sync`", timeout_s)
    return not worker.is_alive()


def end_service(grace_s: float = 2.0) -> None:
    """Ends W&B's own process, at the latest after ``grace_s``: it would be waited for when this process exits.

    A run of the user's own spares it.
    """
    if wandb.run is not None:
        return
    children = psutil.Process().children()

    def tear_down() -> None:
        with suppress(BaseException):  # W&B leaves by SystemExit where its process did not end well
            wandb.teardown()

    thread = threading.Thread(target=tear_down, daemon=True)
    thread.start()
    thread.join(grace_s)
    for child in children:
        with suppress(psutil.Error):
            if child.name().startswith("wandb-core"):
                child.kill()
    thread.join(grace_s)
