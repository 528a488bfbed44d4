"""A policy names its transforms, or gives each a range of its own."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from spaces.config.trial import Ranges
from spaces.file.load import load_sweep
from spaces.problem import InputError

MAPPING = "{rotation: 20, shift: 0.2, zoom: [0.8, 1.0], flip: 0.5, brightness: [0.9, 1.2]}"


def test_a_policy_of_ranges_is_read_and_written_back(write, small, tmp_path) -> None:
    sweep = load_sweep(write(small.replace("[flip]", MAPPING)))
    policy = sweep.trial["augmentation"]["policy"]
    assert (policy["zoom"], policy["rotation"], policy["shear"]) == ((0.8, 1.0), 20, None)
    assert sweep.as_mapping()["trial"]["augmentation"]["policy"]["brightness"] == [0.9, 1.2]


def test_a_range_may_be_left_open(write, small) -> None:
    text = small.replace("[flip]", "{flip: 0.5, rotation: {uniform: [5, 30], baseline: 15}}")
    assert "augmentation.policy.rotation" in load_sweep(write(text)).open_values


@pytest.mark.parametrize(
    ("policy", "where", "words"),
    [
        ("{rotate: 20}", "rotate", "no such key"),
        ("{rotation: 200}", "rotation", "≤ 180"),
        ("{flip: 1.5}", "flip", "≤ 1"),
        ("{zoom: [1.0, 0.8]}", "zoom", "lower to a higher"),
        ("{brightness: [-0.5, 1.0]}", "brightness", "> 0"),
    ],
)
def test_a_wrong_range_is_refused_at_its_place(write, small, policy: str, where: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        load_sweep(write(small.replace("[flip]", policy)))
    assert caught.value.problems[0].path[:4] == ("trial", "augmentation", "policy", where)


@pytest.mark.parametrize("ranges", [{"zoom": 1.0}, {"shift": 0.0}, {"contrast": (0.0, 1.0)}, {"rotation": "20"}])
def test_a_range_has_a_meaning(ranges: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Ranges.model_validate(ranges)
