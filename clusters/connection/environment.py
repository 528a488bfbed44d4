"""What Ray's processes inherit of this process's environment."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from types import ModuleType
from typing import Any

from ray._private import services
from ray.tune.execution import class_cache

STARTS, PASSED_ON = "ConsolePopen", "ENV_VARS_TO_PROPAGATE"
"""Ray's own names: by what `services` starts every process, and what `class_cache` puts into workers' runtime
environment, which a log that everybody may read shows."""


@contextmanager
def withheld(names: Collection[str]) -> Iterator[None]:
    """Keeps these environment variables from the processes that Ray starts meanwhile, and from Ray Tune's workers.

    This process keeps them: other threads, W&B's or those that mirror a run, may need them at any moment. Ray has no
    public way to that.
    """
    start, passed_on = getattr(services, STARTS), getattr(class_cache, PASSED_ON)

    def started(*arguments: Any, env: Mapping[str, str] | None = None, **options: Any) -> Any:
        inherited = os.environ if env is None else env
        kept = {name: value for name, value in inherited.items() if name not in names}
        return start(*arguments, env=kept, **options)

    with ExitStack() as stack:
        stack.enter_context(_replaced(services, STARTS, started))
        stack.enter_context(_replaced(class_cache, PASSED_ON, passed_on - set(names)))
        yield


@contextmanager
def _replaced(module: ModuleType, name: str, value: Any) -> Iterator[None]:
    before = getattr(module, name)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, before)
