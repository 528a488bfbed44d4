"""A few steps, timed in processes like those of trials."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from spaces.config.trial import TrialConfig
from trainables import trust as trusting
from trainables.preflight.timing import Failed, Timed, time_trials
from trainables.trust import trust

MODELS = """
import os

def build(values, image_shape, classes):
    if values["kind"] == "greedy":
        raise MemoryError
    os.kill(os.getpid(), 9)
"""


def config(model: Mapping[str, object], **data: object) -> TrialConfig:
    source = {"source": "digits", **data}
    return TrialConfig.model_validate({"data": source, "model": model, "training": {"epochs": 2}})


def test_what_trains_is_timed_and_what_does_not_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "timed_models.py").write_text(MODELS)
    monkeypatch.setattr(trusting, "_trusted", set())
    trust(["timed_models"])
    small: dict[str, object] = {"kind": "cnn", "blocks": 1, "filters": 4}
    custom: dict[str, object] = {"kind": "custom", "build": "timed_models:build", "folder": str(tmp_path)}
    heard: dict[int, Timed | Failed] = {}
    timing = time_trials(
        [
            config(small),
            config(small, source="npz", path=str(tmp_path / "none.npz")),
            config(custom | {"values": {"kind": "greedy"}}),
            config(custom | {"values": {"kind": "killed"}}),
            config(small),
        ],
        cpus=1,
        gpus=0,
        at_once=1,
        limit_s=60,
        heard=heard.__setitem__,
    )
    first, *failed, never = timing.results
    assert isinstance(first, Timed)
    [stage] = first.stages
    assert stage.unfrozen
    assert 0 < stage.epoch_s < stage.first_s < 60
    assert 0 < first.again_s < first.build_s
    assert 10**8 < first.memory_bytes < 10**10
    assert first.gpu_memory_bytes is None
    assert timing.awake_s > 0
    told = [each.told for each in failed if isinstance(each, Failed)]
    assert "none.npz" in told[0]
    assert "MemoryError" in told[1]
    assert told[2].startswith("out of memory: the process was killed")
    assert never is None
    assert heard == dict(enumerate(timing.results[:-1]))


def test_who_asks_stays_without_tensorflow() -> None:
    modules = "search.plan.summary, search.plan.corners"
    program = f"import sys, {modules}; sys.exit('tensorflow' in sys.modules or 'ray' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
