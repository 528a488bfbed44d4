"""What an optimizer ignores is refused, and schedules can be multiplied."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from spaces.config.settings import ClashError
from spaces.config.trial import Optimizer, Product, TrialConfig
from spaces.file.load import load_sweep
from spaces.problem import InputError


def clash(settings: Any, data: dict[str, Any]) -> ClashError:
    with pytest.raises(ValidationError) as caught:
        settings.model_validate(data)
    found = caught.value.errors()[0]["ctx"]["error"]
    assert isinstance(found, ClashError)
    return found


@pytest.mark.parametrize(
    ("name", "setting", "value"),
    [
        ("adam", "momentum", 0.9),
        ("adamw", "momentum", 0.9),
        ("adam", "weight_decay", 1e-4),
        ("rmsprop", "weight_decay", 1e-4),
        ("sgd", "weight_decay", 1e-4),
        ("rmsprop", "nesterov", True),
    ],
)
def test_a_setting_that_the_rule_ignores_is_refused(name: str, setting: str, value: Any) -> None:
    found = clash(Optimizer, {"name": name, setting: value})
    assert found.at == (setting,)
    assert str(found) == f"{name} takes no {setting}"
    assert "delete it" in found.remedy


def test_nesterov_needs_momentum() -> None:
    assert clash(Optimizer, {"name": "sgd", "nesterov": True}).at == ("nesterov",)
    assert Optimizer(name="sgd", momentum=0.9, nesterov=True).nesterov


def test_each_rule_takes_its_own_settings_and_zero_is_no_setting() -> None:
    for data in ({"name": "rmsprop", "momentum": 0.5}, {"name": "adamw", "weight_decay": 0.1}, {"weight_decay": 0.0}):
        Optimizer.model_validate(data)


def test_an_open_name_beside_momentum_is_told_to_become_a_labelled_choice(write, small) -> None:
    text = small.replace(
        "optimizer: {name: {choice: [adam, sgd], baseline: adam}}",
        "optimizer: {name: {choice: [adam, sgd], baseline: adam}, momentum: 0.9}",
    )
    with pytest.raises(InputError, match="adam takes no momentum") as caught:
        load_sweep(write(text))
    (problem,) = caught.value.problems
    assert problem.path == ("trial", "optimizer", "momentum")
    assert "label the optimizers" in problem.remedy


def test_labelled_optimizers_have_each_their_own_settings(write, small) -> None:
    choice = "{choice: {adam: {}, sgd: {name: sgd, momentum: {uniform: [0.5, 0.95], baseline: 0.9}}}, baseline: adam}"
    sweep = load_sweep(write(small.replace("{name: {choice: [adam, sgd], baseline: adam}}", choice)))
    assert "optimizer.sgd.momentum" in sweep.open_values


def test_a_product_names_at_least_two_schedules() -> None:
    assert clash(Product, {"kind": "product", "plateau": {}}).at == ("kind",)
    Product.model_validate({"kind": "product", "plateau": {}, "exponential": {"after": 19}})


def test_values_inside_a_product_may_be_left_open(write, small) -> None:
    schedule = "{kind: product, plateau: {factor: {uniform: [0.1, 0.9], baseline: 0.5}}, exponential: {after: 5}}"
    text = small.replace("baseline: adam}}", f"baseline: adam}}, schedule: {schedule}}}")
    sweep = load_sweep(write(text))
    assert "optimizer.schedule.plateau.factor" in sweep.open_values
    assert sweep.trial["optimizer"]["schedule"]["plateau"]["patience"] == 3
    assert load_sweep(write(text)).as_mapping()["trial"]["optimizer"]["schedule"]["exponential"]["decay"] == 0.1


def test_a_warm_up_inside_a_product_ends_before_the_horizon() -> None:
    schedule = {"kind": "product", "plateau": {}, "cosine": {"warmup": 9}}
    data = {"data": {"source": "digits"}, "model": {"kind": "cnn"}, "training": {"epochs": 9}}
    found = clash(TrialConfig, data | {"optimizer": {"schedule": schedule}})
    assert found.at == ("optimizer", "schedule", "cosine", "warmup")
