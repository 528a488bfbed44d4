"""Settings are frozen, strict and closed, and know which values do not go together."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from spaces.config.settings import ClashError
from spaces.config.trial import CnnModel, PretrainedModel, TrialConfig

CLOSED = {"data": {"source": "digits"}, "model": {"kind": "cnn"}, "training": {"epochs": 3}}


def test_a_configuration_cannot_be_changed() -> None:
    config = TrialConfig.model_validate(CLOSED)
    with pytest.raises(ValidationError):
        config.training.epochs = 4  # type: ignore[misc]


@pytest.mark.parametrize("value", ["0.3", True, float("nan"), 1.0, -0.1, None])
def test_a_number_is_never_repaired(value) -> None:
    with pytest.raises(ValidationError):
        CnnModel.model_validate({"kind": "cnn", "dropout": value})


def test_a_configuration_survives_the_way_through_plain_data() -> None:
    config = TrialConfig.model_validate(CLOSED)
    assert TrialConfig.model_validate(config.model_dump()) == config


def test_off_and_false_are_written_the_way_that_the_field_understands() -> None:
    model = CnnModel.model_validate({"kind": "cnn", "batch_norm": False, "head": {"batch_norm": "off"}})
    assert (model.batch_norm, model.head.batch_norm) == ("off", False)
    with pytest.raises(ValidationError):
        CnnModel.model_validate({"kind": "cnn", "dropout": False})


def test_a_clash_names_the_field_and_a_remedy() -> None:
    with pytest.raises(ValidationError) as caught:
        CnnModel(kind="cnn", blocks=2, filters=(8,))
    clash = caught.value.errors()[0]["ctx"]["error"]
    assert isinstance(clash, ClashError)
    assert (clash.at, bool(clash.remedy)) == (("filters",), True)


def test_what_depends_on_another_field_names_fields_that_exist() -> None:
    for field, gates in PretrainedModel.only_when.items():
        assert {field, *gates} <= set(PretrainedModel.model_fields)
        assert not PretrainedModel.model_fields[field].is_required()
