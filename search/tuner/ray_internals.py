"""What Ray Tune keeps to itself and a sweep needs, in one place.

`tests/search/tuner/test_ray_internals.py` fails by name, and by what it does, when a version of Ray changes it.
"""

from __future__ import annotations

from typing import Any

from spaces.problem import WorkFailedError

REUSE = "_reuse_actors"
"""Of Tune's controller: whether the process of a trial that has just ended serves the next one."""


def reuse_process(controller: Any, *, reuse: bool) -> None:
    """Decide whether the process of the trial that has just ended serves another one, or is replaced.

    To be called from a scheduler's `on_trial_complete`: the controller asks right after that, each time.

    Raises:
        WorkFailedError: this Ray has no such switch. To go on would mean processes that grow until they are killed.
    """
    if not hasattr(controller, REUSE):
        raise WorkFailedError(f"This version of Ray Tune has no {REUSE}; install the one that Tunehound requires.")
    setattr(controller, REUSE, reuse)
