"""Where a network is cut, and which stored features serve a stage."""

from __future__ import annotations

from typing import Any

import pytest

from spaces.config.trial import PretrainedModel
from trainables.models.cut import Cut, cut_of, cuts_of, highest_usable

POOLED, MAP = Cut("out_relu", "average"), Cut("out_relu")
LAST, BEFORE = Cut("block_16_project_BN"), Cut("block_15_add")


def model(**settings: Any) -> PretrainedModel:
    return PretrainedModel.model_validate(
        {"kind": "pretrained", "backbone": "mobilenet_v2", "weights": "none", **settings}
    )


def test_a_frozen_network_is_cut_below_its_head_and_pooled_where_the_head_pools() -> None:
    assert cuts_of(model()) == (POOLED,)
    assert cuts_of(model(head={"pooling": "max"})) == (Cut("out_relu", "max"),)
    assert cuts_of(model(head={"pooling": "flatten"})) == (MAP,)


@pytest.mark.parametrize(
    ("settings", "cut"),
    [({"unfrozen_blocks": 1}, LAST), ({"unfrozen_blocks": 2}, BEFORE), ({"unfreeze_from": "Conv_1"}, LAST)],
)
def test_a_fine_tuned_one_is_cut_below_what_trains_and_in_its_head_stage_below_the_head(
    settings: dict[str, Any], cut: Cut
) -> None:
    assert cut_of(model(**settings), unfrozen=True) == cut
    assert cut_of(model(**settings), unfrozen=False) == POOLED
    assert cuts_of(model(**settings)) == (cut, POOLED)


def test_where_all_trains_there_is_a_cut_for_the_head_stage_alone() -> None:
    assert cut_of(model(unfrozen_blocks=18), unfrozen=True) is None
    assert cuts_of(model(unfrozen_blocks=18)) == (POOLED,)


@pytest.mark.parametrize(
    ("cuts", "wanted", "used"),
    [
        ([BEFORE, LAST, POOLED], LAST, LAST),
        ([BEFORE, POOLED], LAST, BEFORE),
        ([BEFORE, LAST, MAP, POOLED], POOLED, POOLED),
        ([BEFORE, Cut("out_relu", "max")], POOLED, BEFORE),
        ([LAST, MAP], POOLED, MAP),
    ],
)
def test_the_highest_cut_serves_from_which_the_wanted_features_follow(cuts: list[Cut], wanted: Cut, used: Cut) -> None:
    assert highest_usable(cuts, wanted, backbone="mobilenet_v2") == used
