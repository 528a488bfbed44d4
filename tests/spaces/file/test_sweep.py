"""A sweep is frozen, complete, and says itself as plain data."""

from __future__ import annotations

import dataclasses

import pytest

from spaces.file.load import load_sweep


def test_a_sweep_cannot_be_changed(write) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        load_sweep(write()).name = "other"  # type: ignore[misc]


def test_every_default_is_written_out(write) -> None:
    said = load_sweep(write()).as_mapping()
    assert list(said) == ["trial", "search", "budget", "confirm", "resources", "tracking"]
    assert said["trial"]["model"]["filters"] == {"int": [8, 32], "step": 8, "baseline": 16}
    assert said["trial"]["model"]["head"]["pooling"] == "average"
    assert said["trial"]["optimizer"]["schedule"] == {"kind": "constant"}
    assert said["search"]["sampler"] == "tpe"
    assert (said["confirm"], said["resources"]) == ({"top": 3, "seeds": 5}, "auto")


def test_defaults_are_written_out_inside_branches_and_only_where_they_exist(write, small) -> None:
    staged = "{kind: pretrained, backbone: b, weights: none, unfrozen_blocks: {int: [0, 2]}}"
    frozen = "{kind: pretrained, backbone: b, weights: none}"
    before, after = small.index("  model:"), small.index("  augmentation:")
    model = f"  model: {{choice: {{a: {staged}, b: {frozen}}}, baseline: b}}\n"
    sweep = load_sweep(write(small[:before] + model + small[after:]))
    branches = sweep.trial["model"].options
    assert branches["a"]["head_epochs"] == 1
    assert "head_epochs" not in branches["b"]


def test_the_horizon_the_name_and_the_open_values_are_at_hand(write) -> None:
    sweep = load_sweep(write())
    assert (sweep.epochs, sweep.name) == (9, "small")
    assert list(sweep.open_values) == [
        "model.filters",
        "model.dropout",
        "model.l2",
        "augmentation.strength",
        "optimizer.name",
    ]
    assert sweep.baseline == dict(zip(sweep.open_values, (16, 0.25, 1e-4, 0.5, "adam"), strict=True))


def test_a_sweep_without_baselines_has_none(write, small) -> None:
    lines = [line.partition(", baseline:")[0] for line in small.splitlines()]
    closing = [line + "}" * (line.count("{") - line.count("}")) for line in lines]
    assert load_sweep(write("\n".join(closing))).baseline is None
