"""Counting and listing the configurations of a sweep."""

from __future__ import annotations

import math
from pathlib import Path

from search.study.space import all_configurations, most_configurations
from spaces.file.load import load_sweep
from spaces.file.sweep import Sweep


def sweep(folder: Path, model: str, rate: str = "0.001") -> Sweep:
    file = folder / "sweep.yaml"
    file.write_text(
        f"trial:\n  data: {{source: digits}}\n  model: {model}\n"
        f"  optimizer: {{learning_rate: {rate}}}\n  training: {{epochs: 9}}\n"
    )
    return load_sweep(file)


def test_every_configuration_of_a_finite_space_is_listed_once(tmp_path: Path) -> None:
    grid = sweep(tmp_path, "{kind: cnn, filters: {int: [8, 16], step: 4}, dropout: {uniform: [0, 0.5], step: 0.25}}")
    listed = [tuple(values.items()) for values in all_configurations(grid)]
    assert len(listed) == len(set(listed)) == most_configurations(grid) == 9


def test_each_branch_is_listed_with_its_own_values_only(tmp_path: Path) -> None:
    model = "{choice: {a: {kind: cnn, filters: {choice: [4, 8]}}, b: {kind: cnn, blocks: {int: [1, 3]}}}}"
    listed = list(all_configurations(sweep(tmp_path, model)))
    assert sorted(tuple(values.values()) for values in listed) == [("a", 4), ("a", 8), ("b", 1), ("b", 2), ("b", 3)]


def test_a_continuous_space_is_infinite(tmp_path: Path) -> None:
    assert most_configurations(sweep(tmp_path, "{kind: cnn}", "{log: [1.0e-4, 1.0e-2]}")) == math.inf


def test_a_closed_sweep_has_one_configuration(tmp_path: Path) -> None:
    assert list(all_configurations(sweep(tmp_path, "{kind: cnn}"))) == [{}]
