"""What a sweep is expected to cost."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from search.check import check
from search.plan import expected_epochs, plan_lines, rung_epochs
from search.scheduler import Rungs
from spaces.load import load_sweep
from spaces.sweep import Sweep


def sweep(folder: Path, search: str) -> Sweep:
    file = folder / "sweep.yaml"
    file.write_text(
        "trial:\n  data: {source: digits}\n"
        "  model: {kind: cnn, blocks: 2, dropout: {uniform: [0, 0.5], baseline: 0.1}}\n"
        f"  training: {{epochs: 27}}\nsearch: {search}\n"
    )
    return load_sweep(file)


def test_planned_rungs_are_those_of_the_scheduler(tmp_path: Path) -> None:
    planned = rung_epochs(sweep(tmp_path, "{trials: 9, grace_epochs: 2, reduction_factor: 3}"))
    assert planned == list(Rungs(grace_epochs=2, reduction_factor=3, epochs=27).reached) == [2, 6, 18]


def test_expected_epochs_are_close_to_a_simulation(tmp_path: Path) -> None:
    planned = sweep(tmp_path, "{trials: 200, grace_epochs: 1, reduction_factor: 3}")
    simulated = []
    for seed in range(20):
        rungs, total = Rungs(grace_epochs=1, reduction_factor=3, epochs=27), 0
        for number, score in enumerate(np.random.default_rng(seed).random(200)):
            reached = [1, 3, 9, 27]
            ended = next((e for e in reached if not rungs.judge(number, epoch=e, score=score)), 27)
            total += ended
        simulated.append(total)
    assert expected_epochs(planned) == pytest.approx(np.mean(simulated), rel=0.25)


def test_without_asha_every_trial_trains_to_the_end(tmp_path: Path) -> None:
    assert expected_epochs(sweep(tmp_path, "{trials: 10, scheduler: none}")) == 270


def test_the_plan_names_data_space_trials_and_epochs(tmp_path: Path) -> None:
    planned = sweep(tmp_path, "{trials: 9}")
    text = "\n".join(plan_lines(planned, check(planned)))
    for word in ("10 classes", "8 × 8 × 1", "model.dropout", "0.1", "9, by tpe", "1, 3, 9", "at most 243"):
        assert word in text
