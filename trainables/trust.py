"""Which modules of users this process may import: none but those that a person named with ``--trust``."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable
from pathlib import Path

from spaces.config.trial import CustomModel
from spaces.problem import Problem

_trusted: set[str] = set()


def trust(modules: Iterable[str]) -> None:
    """Lets this process import these modules, by their full names; those trusted before stay so."""
    _trusted.update(modules)


def trusted() -> frozenset[str]:
    """The modules that this process may import."""
    return frozenset(_trusted)


def trust_options() -> str:
    """What a command line needs that goes on with this process's work: `` --trust my_models``, or nothing."""
    return "".join(f" --trust {module}" for module in sorted(_trusted))


def distrust(settings: CustomModel) -> Problem | None:
    """Why the model's function may not or cannot be imported, at its path in the configuration. Imports nothing."""
    module = settings.module
    if module not in _trusted:
        return Problem(
            path=("model", "build"),
            rule="a file may run code of its own only where you trust the module by name",
            given=f"the module {module}, not trusted",
            remedy=f"read it first; then add --trust {module}",
        )
    if beside(settings) is None and importlib.util.find_spec(module.partition(".")[0]) is None:
        return Problem(
            path=("model", "build"),
            rule=f"there must be a module {module} in {settings.folder}, or an installed one",
            given="none",
            remedy="put it beside the sweep file, or name its folder: model.folder",
        )
    return None


def beside(settings: CustomModel) -> Path | None:
    """The file or folder of the module's outermost package where the settings' own folder holds it."""
    top = settings.module.partition(".")[0]
    places = (Path(settings.folder, f"{top}.py"), Path(settings.folder, top))
    return next((place for place in places if place.exists()), None)
