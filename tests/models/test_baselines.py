"""Every model on a backbone that the hand-tuned studies tried builds, with the parameters that its study tells."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contracts.test_baselines import FROM_SCRATCH, ROWS, closed, counts, inputs
from trainables.training.build import build

PRETRAINED = {name: row for name, row in ROWS.items() if name not in FROM_SCRATCH}


@pytest.mark.parametrize("row", PRETRAINED.values(), ids=PRETRAINED.keys())
def test_it_builds_with_the_parameters_of_its_study(row: Path) -> None:
    built = build(closed(row, "model.weights=none"), inputs(row)).model
    trainable = sum(int(weight.numpy().size) for weight in built.trainable_weights)
    told = counts(row)
    assert [built.count_params(), trainable][: len(told)] == told
