"""Which of the user's modules this process may import: only those named with ``--trust``."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable
from pathlib import Path

from spaces.config.trial import CustomModel
from spaces.problem import Problem
from spaces.shell import quoted

_trusted: set[str] = set()


def trust(modules: Iterable[str]) -> None:
    """Allow this process to import these modules, by their full names, in addition to those already trusted."""
    _trusted.update(modules)


def trusted() -> frozenset[str]:
    """Return the modules that this process may import."""
    return frozenset(_trusted)


def trust_options() -> str:
    """Return the options for a command line that continues this process's work: `` --trust my_models``, or nothing."""
    return "".join(f" --trust {quoted(module)}" for module in sorted(_trusted))


def trust_problem(settings: CustomModel) -> Problem | None:
    """Return why the model's function may not or cannot be imported, with its path in the configuration."""
    module = settings.module
    if module not in _trusted:
        return Problem(
            path=("model", "build"),
            rule="a sweep may run code of its own only if you trust its module by name",
            given=f"the untrusted module {module}",
            remedy=f"read it first, then add --trust {module}",
        )
    if local_module(settings) is None and importlib.util.find_spec(module.partition(".")[0]) is None:
        return Problem(
            path=("model", "build"),
            rule=f"there must be a module {module} in {settings.folder}, or an installed one",
            given="none",
            remedy="put it next to the sweep file, or name its folder: model.folder",
        )
    return None


def local_module(settings: CustomModel) -> Path | None:
    """Return the file or folder of the module's top-level package in the settings' folder; None if not there."""
    top = settings.module.partition(".")[0]
    places = (Path(settings.folder, f"{top}.py"), Path(settings.folder, top))
    return next((place for place in places if place.exists()), None)
