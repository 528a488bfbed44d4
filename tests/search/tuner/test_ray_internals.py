"""Ray Tune's private parts are where we look for them, and do what we rely on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import ray
from ray import tune
from ray.tune import Trainable
from ray.tune.execution.tune_controller import TuneController
from ray.tune.schedulers import FIFOScheduler

from search.console.logs import quiet_environment
from search.tuner.ray_internals import REUSE, reuse_process
from spaces.problem import WorkFailedError

ROOT = Path(__file__).parents[3]


@pytest.fixture
def _ray(tmp_path: Path) -> Iterator[None]:
    quiet_environment()
    ray.init(address="local", num_cpus=1, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    yield
    ray.shutdown()


class OneStep(Trainable):
    """Ends at once, and says which process it was."""

    def step(self) -> dict[str, Any]:
        return {"pid": os.getpid(), "done": True}

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        return True

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        pass

    def load_checkpoint(self, checkpoint: Any) -> None:
        pass


class ReplaceAfter(FIFOScheduler):
    """Has the processes of these trials, counted from 0 as they end, replaced, and keeps the others."""

    def __init__(self, *ended: int) -> None:
        super().__init__()
        self.ended, self._replace = list[int](), ended

    def on_trial_complete(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> None:
        reuse_process(tune_controller, reuse=len(self.ended) not in self._replace)
        self.ended.append(result["pid"])


def test_the_controller_of_ray_tune_has_the_switch_and_asks_it_when_a_trial_ends() -> None:
    assert REUSE in TuneController.__init__.__code__.co_names
    assert REUSE in TuneController._maybe_cache_trial_actor.__code__.co_names


@pytest.mark.usefixtures("_ray")
def test_a_process_is_replaced_when_we_say_so_and_serves_the_next_trial_otherwise(tmp_path: Path) -> None:
    scheduler = ReplaceAfter(1)
    tune.run(
        OneStep,
        storage_path=str(tmp_path),
        scheduler=scheduler,
        num_samples=4,
        max_concurrent_trials=1,
        reuse_actors=True,
        verbose=0,
    )
    first, second, third, fourth = scheduler.ended
    assert first == second
    assert second != third
    assert third == fourth


def test_a_ray_without_the_switch_is_an_error_not_silence() -> None:
    with pytest.raises(WorkFailedError, match=REUSE):
        reuse_process(SimpleNamespace(), reuse=True)


def test_no_other_module_of_the_search_touches_private_parts_of_ray() -> None:
    users = {
        file.relative_to(ROOT).as_posix()
        for file in (ROOT / "search").rglob("*.py")
        if any(name in file.read_text() for name in (REUSE, "ray._", "class_cache"))
    }
    assert users == {"search/tuner/ray_internals.py"}
