"""`tunehound describe`: a configuration, a sweep's baseline or a backbone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from search.cli.describe import as_mapping, described, summary, table_lines
from spaces.problem import InputError

CONFIG = """
data: {source: folder, path: nowhere}
model: {kind: cnn, blocks: 1, filters: 4}
training: {epochs: 3}
"""
SWEEP = """
trial:
  data: {source: digits}
  model: {kind: cnn, blocks: 1, filters: {int: [4, 8], baseline: 6}}
  training: {epochs: 3}
search: {scheduler: none}
"""


def test_a_sweep_is_told_by_its_baseline_on_its_data(tmp_path: Path) -> None:
    (tmp_path / "sweep.yaml").write_text(SWEEP)
    told = described(str(tmp_path / "sweep.yaml"))
    assert (told.image_shape, told.classes) == ((8, 8, 1), 10)
    assert told.parameters == (9 * 6 + 6) + 4 * 6 + (6 * 10 + 10)


def test_an_override_changes_what_is_told(tmp_path: Path) -> None:
    (tmp_path / "sweep.yaml").write_text(SWEEP)
    told = described(str(tmp_path / "sweep.yaml"), overrides=["model.filters=8"])
    assert told.parameters == (9 * 8 + 8) + 4 * 8 + (8 * 10 + 10)


def test_a_configuration_needs_no_data_where_size_and_classes_are_given(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG)
    told = described(str(tmp_path / "config.yaml"), image_size=16, classes=3)
    assert told.parameters == (27 * 4 + 4) + 4 * 4 + (4 * 3 + 3)
    with pytest.raises(InputError, match="--image-size"):
        described(str(tmp_path / "config.yaml"))


def test_json_holds_at_least_both_counts() -> None:
    told = json.loads(json.dumps(as_mapping(described("digits"))))
    assert {"parameters", "trainable_parameters", "parts"} <= set(told)


def test_the_table_names_every_part_and_the_totals() -> None:
    told = described("digits")
    assert len(table_lines(told)) == 1 + len(told.parts)
    assert f"{told.parameters:,}" in summary(told)[0]


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean mobilenet_v2"):
        described("mobilenetv2")
