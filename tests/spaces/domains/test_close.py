"""Closing asks for what exists and for nothing else; corners are where mistakes show first."""

from __future__ import annotations

import pytest

from spaces.config.trial import CnnModel, PretrainedModel
from spaces.domains.close import close, close_values, corners
from spaces.domains.domain import Choice, Int, Log, Uniform, extremes
from spaces.domains.tree import open_items
from spaces.file.load import load_sweep
from spaces.problem import InputError

STAGED = """\
trial:
  data: {source: digits}
  model:
    kind: pretrained
    backbone: mobilenet_v2
    weights: none
    fine_tune_learning_rate: {log: [1.0e-6, 1.0e-4], baseline: 1.0e-5}
    unfrozen_blocks: {int: [0, 3], baseline: 0}
    head_epochs: 2
    l2: {choice: {none: 0, some: {log: [1.0e-6, 1.0e-2]}}, baseline: none}
  training: {epochs: 9}
search: {grace_epochs: 3}
"""

BRANCHED = """\
trial:
  data: {source: digits}
  model:
    choice:
      small: {kind: cnn, blocks: 1, dropout: {uniform: [0.0, 0.5], baseline: 0.1}}
      staged:
        kind: pretrained
        backbone: mobilenet_v2
        weights: none
        unfrozen_blocks: {int: [0, 3], baseline: 0}
        fine_tune_learning_rate: {log: [1.0e-6, 1.0e-4]}
    baseline: small
  optimizer: {learning_rate: {log: [1.0e-4, 1.0e-2], baseline: 1.0e-3}}
  training: {epochs: 9}
search: {grace_epochs: 3}
"""


def asked(tree, **forced):
    """The names asked for in order, where the given values (by last part of the name) are answered, else the low."""
    names = []

    def suggest(name, domain):
        names.append(name)
        return forced.get(name.rpartition(".")[2], extremes(domain)[0])

    return close(tree, suggest), names


def test_open_values_are_asked_in_file_order(write) -> None:
    sweep = load_sweep(write())
    config, names = asked(sweep.trial, dropout=0.5)
    assert names == list(sweep.open_values)
    assert isinstance(config.model, CnnModel)
    assert (config.model.filters, config.model.dropout, config.optimizer.name) == (8, 0.5, "adam")


def test_a_field_that_depends_on_another_is_neither_asked_nor_kept_where_that_one_is_zero(write) -> None:
    tree = load_sweep(write(STAGED)).trial
    config, names = asked(tree, unfrozen_blocks=0)
    assert names == ["model.unfrozen_blocks", "model.l2"]
    assert isinstance(config.model, PretrainedModel)
    assert config.model.fine_tune_learning_rate == PretrainedModel.model_fields["fine_tune_learning_rate"].default
    assert config.model.head_epochs == 1


def test_what_others_depend_on_is_asked_before_them(write) -> None:
    tree = load_sweep(write(STAGED)).trial
    config, names = asked(tree, unfrozen_blocks=2, fine_tune_learning_rate=1e-4)
    assert names == ["model.unfrozen_blocks", "model.fine_tune_learning_rate", "model.l2"]
    assert isinstance(config.model, PretrainedModel)
    assert (config.model.fine_tune_learning_rate, config.model.head_epochs) == (1e-4, 2)


def test_values_inside_a_branch_are_asked_only_where_it_is_taken(write) -> None:
    sweep = load_sweep(write(BRANCHED))
    assert list(sweep.open_values) == [
        "model",
        "model.small.dropout",
        "model.staged.unfrozen_blocks",
        "model.staged.fine_tune_learning_rate",
        "optimizer.learning_rate",
    ]
    assert asked(sweep.trial)[1] == ["model", "model.small.dropout", "optimizer.learning_rate"]
    assert asked(sweep.trial, model="staged")[1] == ["model", "model.staged.unfrozen_blocks", "optimizer.learning_rate"]
    assert asked(sweep.trial, model="staged")[0].model.kind == "pretrained"


def test_the_baseline_holds_only_what_exists(write) -> None:
    assert load_sweep(write(STAGED)).baseline == {"model.unfrozen_blocks": 0, "model.l2": "none"}
    baseline = {"model": "small", "model.small.dropout": 0.1, "optimizer.learning_rate": 1e-3}
    assert load_sweep(write(BRANCHED)).baseline == baseline


def test_given_values_close_a_tree_and_those_of_other_branches_are_ignored(write) -> None:
    tree = load_sweep(write(BRANCHED)).trial
    values = {"model": "small", "model.small.dropout": 0.2, "model.staged.unfrozen_blocks": 3}
    config = close_values(tree, {**values, "optimizer.learning_rate": 1e-4})
    assert config.model.kind == "cnn"
    with pytest.raises(InputError, match=r"optimizer\.learning_rate is missing"):
        close_values(tree, values)


def test_values_that_break_a_rule_are_refused_with_the_path_in_the_tree(write) -> None:
    tree = load_sweep(write(BRANCHED)).trial
    values = {"model": "small", "model.small.dropout": 2.0, "optimizer.learning_rate": 1e-4}
    with pytest.raises(InputError, match=r"model\.choice\.small\.dropout\n.*got 2\.0"):
        close_values(tree, values)


@pytest.mark.parametrize("text", [STAGED, BRANCHED, None])
def test_every_extreme_of_every_open_value_is_a_corner_and_no_corner_comes_twice(write, text) -> None:
    sweep = load_sweep(write(text) if text else write())
    found = list(corners(sweep.trial))
    assert len({repr(values) for values in found}) == len(found)
    assert found[0] == sweep.baseline
    for item in open_items(sweep.trial):
        for value in extremes(item.domain):
            assert any(item.name in values and values[item.name] == value for values in found), (item.name, value)


def test_a_small_space_is_tried_at_every_combination(write) -> None:
    sweep = load_sweep(write(BRANCHED))
    combinations = {tuple(values.items()) for values in corners(sweep.trial)}
    small = {("small", dropout, rate) for dropout in (0.0, 0.5) for rate in (1e-4, 1e-2)}
    frozen = {("staged", 0, rate) for rate in (1e-4, 1e-2)}
    tuned = {("staged", 3, tune, rate) for tune in (1e-6, 1e-4) for rate in (1e-4, 1e-2)}
    assert {tuple(value for _, value in corner) for corner in combinations} >= small | frozen | tuned


def test_a_large_space_is_not_tried_at_every_combination(write) -> None:
    layers = ", ".join("{choice: [8, 16, 24, 32]}" for _ in range(12))
    text = f"trial:\n  data: {{source: digits}}\n  model: {{kind: cnn, blocks: 12, filters: [{layers}]}}\n"
    sweep = load_sweep(write(text + "  training: {epochs: 3}\n"))
    assert len(list(corners(sweep.trial))) < 200


def test_a_space_with_nothing_open_has_one_corner(write) -> None:
    text = "trial:\n  data: {source: digits}\n  model: {kind: cnn}\n  training: {epochs: 3}\n"
    assert list(corners(load_sweep(write(text)).trial)) == [{}]


def test_the_kind_of_a_section_may_be_open(write, small) -> None:
    schedule = "schedule: {kind: {choice: [constant, plateau], baseline: plateau}}, name: adam"
    sweep = load_sweep(write(small.replace("name: {choice: [adam, sgd], baseline: adam}", schedule)))
    kinds = {close_values(sweep.trial, values).optimizer.schedule.kind for values in corners(sweep.trial)}
    assert kinds == {"constant", "plateau"}


def test_list_entries_may_be_open(write, small) -> None:
    filters = "filters: [{int: [8, 16], baseline: 8}, 32]"
    sweep = load_sweep(write(small.replace("filters: {int: [8, 32], step: 8, baseline: 16}", filters)))
    assert sweep.open_values["model.filters.0"] == Int(low=8, high=16, baseline=8)
    assert sweep.baseline is not None
    config = close_values(sweep.trial, {**sweep.baseline, "model.filters.0": 12})
    assert isinstance(config.model, CnnModel)
    assert config.model.filters == (12, 32)


def test_each_domain_is_read_as_what_it_says(write, small) -> None:
    sweep = load_sweep(write(small.replace("blocks: 2", "blocks: {int: [1, 8], log: true, baseline: 2}")))
    assert list(sweep.open_values.values()) == [
        Int(low=1, high=8, log=True, baseline=2),
        Int(low=8, high=32, step=8, baseline=16),
        Uniform(low=0.0, high=0.5, baseline=0.25),
        Log(low=1e-6, high=1e-2, baseline=1e-4),
        Uniform(low=0.0, high=1.0, step=0.25, baseline=0.5),
        Choice(options=("adam", "sgd"), baseline="adam"),
    ]
