"""Layers that are unfrozen by name or by count train, and no others, and none at depth 0; the gate unfreezes blocks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.trainables.models.test_pretrained import is_head, moved, state
from tests.trainables.models.test_pretrained import weights_file as weights_file
from tests.trainables.small import config, fit, mobilenet
from trainables.training import checkpoint
from trainables.training.build import set_values
from trainables.training.checkpoint import Snapshot
from trainables.training.train import Hooks


@pytest.mark.parametrize("way", [{"unfreeze_from": "Conv_1"}, {"unfreeze_last": 3}])
def test_layers_unfrozen_by_name_or_count_train_after_the_head_and_no_others_do(
    way: dict[str, Any], weights_file: Path
) -> None:
    """The last three layers are a convolution, its normalisation and an activation."""
    settings = config(mobilenet(**way, weights=str(weights_file), fine_tune_learning_rate=1e-3), epochs=2)
    snapshots: list[Snapshot] = []
    trained = fit(settings, hooks=Hooks(on_epoch=lambda row, reason, snapshot: snapshots.append(snapshot())))
    assert [row["learning_rate"] for row in trained.history] == pytest.approx([1e-3, 1e-3])
    first, second = (state(trained.built, snapshot) for snapshot in snapshots)
    changed = {"/".join(path.split("/")[-2:]) for path in moved(first, second) if not is_head(path)}
    assert changed == {"Conv_1/kernel", "Conv_1_bn/gamma", "Conv_1_bn/beta"}


def test_at_depth_0_every_weight_of_the_backbone_stays(weights_file: Path) -> None:
    settings = config(mobilenet(weights=str(weights_file)), epochs=1)
    trained = fit(settings)
    after = state(trained.built, checkpoint.take(trained.built, ()))
    set_values(trained.built, settings)
    before = state(trained.built, checkpoint.take(trained.built, ()))
    assert moved(before, after) == {path for path in before if is_head(path)}
