"""One entry in the table, and its layers in the record, is all that another backbone needs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from spaces.config.trial import PretrainedModel
from tests.trainables.models.layer_names import built_names
from tests.trainables.small import config, fit, measured
from trainables.data.load import describe as describe_data
from trainables.models import backbones
from trainables.models.backbones import BACKBONES, Backbone, feature_cut, layer_names
from trainables.preflight.compatibility import misfits
from trainables.preflight.describe import describe

MOBILENET = Backbone(
    constructor="MobileNet",
    preprocessing="centred",
    size_px=224,
    has_alpha=True,
    block_ends=("conv1_relu", *(f"conv_pw_{block}_relu" for block in range(1, 14))),
)


@pytest.fixture(autouse=True)
def one_more_entry(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setitem(BACKBONES, "mobilenet", MOBILENET)
    names = json.loads(backbones.LAYER_NAMES.read_text()) | {"mobilenet": " ".join(built_names("mobilenet"))}
    (tmp_path / "names.json").write_text(json.dumps(names))
    monkeypatch.setattr(backbones, "LAYER_NAMES", tmp_path / "names.json")
    layer_names.cache_clear()
    yield
    layer_names.cache_clear()


def model(**settings: object) -> dict[str, object]:
    return {
        "kind": "pretrained",
        "backbone": "mobilenet",
        "alpha": 0.25,
        "weights": "none",
        "input_size": 32,
        **settings,
    }


def test_it_is_described_by_its_blocks() -> None:
    told = describe(config(model(unfrozen_blocks=1), epochs=3), image_shape=(8, 8, 1), classes=10)
    blocks = [part for part in told.parts if part.layers]
    assert [bool(part.trainable_parameters) for part in blocks] == [False] * 13 + [True]
    assert told.cut == "conv_pw_12_relu"


def test_it_trains_with_a_block_unfrozen() -> None:
    head, whole = measured(fit(config(model(unfrozen_blocks=1, head_epochs=1), epochs=2)))
    assert whole != head


def test_its_layers_can_be_named_and_counted() -> None:
    data = describe_data(config().data)
    assert list(misfits(config(model(unfreeze_from="conv_pw_13")), data)) == []
    (wrong,) = misfits(config(model(unfreeze_from="conv_pw_14")), data)
    assert "conv_pw_13" in wrong.remedy
    (many,) = misfits(config(model(unfreeze_last=1000)), data)
    assert f"has {len(layer_names('mobilenet'))} layers" in many.rule
    settings = PretrainedModel.model_validate(model(unfreeze_from="conv_dw_13"))
    assert feature_cut(settings) == "conv_pw_12_relu"


def test_blocks_are_checked_without_building_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backbones, "layer_names", None)
    data = describe_data(config().data)
    assert list(misfits(config(model(unfrozen_blocks=14)), data)) == []
    ((rule),) = [problem.rule for problem in misfits(config(model(unfrozen_blocks=15)), data)]
    assert "14 blocks" in rule
