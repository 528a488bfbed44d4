"""Environment variables that look like credentials: no process that trains has them, unless the sweep names them."""

from __future__ import annotations

import os
from collections.abc import Collection

MARKS = ("KEY", "SECRET", "TOKEN", "PASSWORD", "PASSWD", "PASSPHRASE", "CREDENTIAL")
"""What the name of a credential contains; large and small letters are the same."""
LATER_WORDS = frozenset({"AUTH", "PASS", "PAT", "PWD"})
"""Words, between underscores, that make one of it; not the first one, since PWD is the working directory."""
RAY = "RAY_"
"""How the names of Ray's own settings begin: its processes authenticate each other by them."""


def is_credential(name: str) -> bool:
    """Whether an environment variable looks like a credential by its name: ``HF_TOKEN``, ``AWS_SECRET_ACCESS_KEY``."""
    upper = name.upper()
    if upper.startswith(RAY):
        return False
    return any(mark in upper for mark in MARKS) or not LATER_WORDS.isdisjoint(upper.split("_")[1:])


def credentials() -> frozenset[str]:
    """The names of this process's environment that look like credentials."""
    return frozenset(filter(is_credential, os.environ))


def without_credentials(*, env: Collection[str] = ()) -> dict[str, str]:
    """This process's environment without what looks like a credential, but for the variables named by ``env``."""
    return {name: value for name, value in os.environ.items() if name in env or not is_credential(name)}


def values_of(env: Collection[str]) -> dict[str, str]:
    """The variables of ``env`` that this process has."""
    return {name: os.environ[name] for name in env if name in os.environ}
