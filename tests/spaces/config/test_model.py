"""The model section: what unfreezes, open values in lists, and a user's own function."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from spaces.config.trial import CnnModel, CustomModel, PretrainedModel
from spaces.domains.close import close_values, corners
from spaces.domains.domain import Int, Uniform
from spaces.file.load import load_config, load_sweep, write_yaml
from spaces.problem import InputError

SWEEP = """
trial:
  data: {{source: digits}}
  model: {model}
  training: {{epochs: 9}}
search: {{grace_epochs: 3}}
"""
STAGED = (
    "{{kind: pretrained, backbone: b, weights: none, {way}, head_epochs: 2, "
    "fine_tune_learning_rate: {{log: [1.0e-6, 1.0e-4], baseline: 1.0e-5}}}}"
)


def sweep_of(write: Any, model: str) -> Any:
    return load_sweep(write(SWEEP.format(model=model)))


@pytest.mark.parametrize(
    ("way", "off", "on"),
    [
        ("unfrozen_blocks: {int: [0, 2], baseline: 1}", 0, 2),
        ("unfreeze_last: {int: [0, 30], step: 10, baseline: 10}", 0, 30),
        ("unfreeze_from: {choice: [off, block_16_expand], baseline: off}", "off", "block_16_expand"),
    ],
)
def test_each_way_to_unfreeze_decides_whether_there_is_a_second_stage(write: Any, way: str, off: Any, on: Any) -> None:
    sweep = sweep_of(write, STAGED.format(way=way))
    name = f"model.{way.split(':')[0]}"
    asked: dict[Any, set[str]] = {values[name]: set(values) for values in corners(sweep.trial)}
    assert asked[off] == {name}
    assert asked[on] == {name, "model.fine_tune_learning_rate"}
    tuned = close_values(sweep.trial, {name: on, "model.fine_tune_learning_rate": 1e-6}).model
    assert isinstance(tuned, PretrainedModel)
    assert tuned.fine_tunes
    frozen = close_values(sweep.trial, {name: off}).model
    assert isinstance(frozen, PretrainedModel)
    assert not frozen.fine_tunes


def test_what_is_unfrozen_is_told_in_one_way(write: Any) -> None:
    with pytest.raises(InputError) as caught:
        sweep_of(write, "{kind: pretrained, backbone: b, weights: none, unfrozen_blocks: 1, unfreeze_last: 5}")
    (problem,) = caught.value.problems
    assert problem.path == ("trial", "model", "unfreeze_last")
    assert "unfrozen_blocks and unfreeze_last" in problem.rule


def test_the_ways_that_say_nothing_may_stand_beside_one_that_does(write: Any) -> None:
    way = "unfrozen_blocks: 0, unfreeze_from: off, unfreeze_last: 5"
    assert sweep_of(write, "{kind: pretrained, backbone: b, weights: none, " + way + "}")


def test_entries_of_a_list_of_rates_may_be_open(write: Any) -> None:
    rates = "dropout: [{uniform: [0.1, 0.5], baseline: 0.2}, 0.3]"
    head = "{units: {int: [8, 16], baseline: 8}, " + rates.replace(", 0.3", "") + "}"
    model = "{kind: cnn, blocks: 2, " + rates + ", head: " + head + "}"
    sweep = sweep_of(write, model)
    assert sweep.open_values["model.dropout.0"] == Uniform(low=0.1, high=0.5, baseline=0.2)
    values = {**sweep.baseline, "model.dropout.0": 0.4, "model.head.dropout.0": 0.25}
    closed = close_values(sweep.trial, values).model
    assert isinstance(closed, CnnModel)
    assert (closed.dropout, closed.head.dropout) == ((0.4, 0.3), (0.25,))


def test_an_open_entry_out_of_range_is_told_at_its_place(write: Any) -> None:
    with pytest.raises(InputError) as caught:
        sweep_of(write, "{kind: cnn, blocks: 2, dropout: [{uniform: [0.1, 1.5]}, 0.3]}")
    assert caught.value.problems[0].path == ("trial", "model", "dropout", 0)


def test_a_users_values_may_be_open(write: Any) -> None:
    values = "{width: {int: [4, 8], baseline: 4}, sizes: [3, 5], name: small, deep: true}"
    sweep = sweep_of(write, "{kind: custom, build: 'mine:build', values: " + values + "}")
    assert sweep.open_values == {"model.values.width": Int(low=4, high=8, baseline=4)}
    model = close_values(sweep.trial, {"model.values.width": 5}).model
    assert isinstance(model, CustomModel)
    assert model.values == {"width": 5, "sizes": (3, 5), "name": "small", "deep": True}


def test_a_users_module_lies_beside_the_file_that_names_it_wherever_that_is_copied(write: Any, tmp_path: Path) -> None:
    sweep = sweep_of(write, "{kind: custom, build: 'mine:build'}")
    model = close_values(sweep.trial, {}).model
    assert isinstance(model, CustomModel)
    assert Path(model.folder) == tmp_path
    copied = tmp_path / "elsewhere" / "best.yaml"
    copied.parent.mkdir()
    write_yaml(copied, close_values(sweep.trial, {}).model_dump())
    again = load_config(copied)[0].model
    assert isinstance(again, CustomModel)
    assert again == model


@pytest.mark.parametrize("build", ["mine", "mine:", ":build", "../mine:build", "mine:build()", "a b:c"])
def test_a_function_is_named_by_module_and_name(build: str) -> None:
    with pytest.raises(ValidationError):
        CustomModel(kind="custom", build=build)
