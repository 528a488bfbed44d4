"""Which values are variables of the graph, and which make the graph."""

from __future__ import annotations

from tests.trainables.small import config
from trainables.models.settable import architecture, settable_values


def test_settable_values_go_by_dotted_path() -> None:
    values = settable_values(config({"dropout": 0.25, "head": {"dropout": 0.5}}, augmentation={"strength": 0.75}))
    assert values["model.dropout"] == 0.25
    assert values["model.head.dropout"] == 0.5
    assert values["augmentation.strength"] == 0.75
    assert values["optimizer.learning_rate"] == 1e-3


def test_settable_values_are_no_part_of_the_architecture_and_all_others_are() -> None:
    base, other = config({"dropout": 0.1}), config({"dropout": 0.2, "l2": 0.1, "head": {"dropout": 0.3}})
    assert architecture(base.model) == architecture(other.model)
    for change in ({"filters": 5}, {"kernel_size": 5}, {"batch_norm": "off"}, {"head": {"units": (8,)}}):
        assert architecture(base.model) != architecture(config(change).model)


def test_architectures_can_be_keys() -> None:
    settings = config({"blocks": 2, "filters": (4, 8)})
    assert hash(architecture(settings.model)) == hash(architecture(settings.model))


def test_a_list_gives_one_value_an_entry_and_its_length_is_architecture() -> None:
    one, two = config({"blocks": 2, "dropout": (0.1, 0.2)}), config({"blocks": 2, "dropout": 0.1})
    values = settable_values(one)
    assert (values["model.dropout.0"], values["model.dropout.1"]) == (0.1, 0.2)
    assert "model.dropout" not in values
    assert architecture(one.model) != architecture(two.model)


def test_what_is_not_built_for_a_zero_makes_another_architecture() -> None:
    assert architecture(config({"l1": 0.0}).model) != architecture(config({"l1": 0.1}).model)
    assert architecture(config({"l1": 0.2}).model) == architecture(config({"l1": 0.1}).model)
    lists = [config({"blocks": 2, "conv_dropout": rates}).model for rates in ((0.1, 0.0), (0.3, 0.0), (0.0, 0.1))]
    assert architecture(lists[0]) == architecture(lists[1]) != architecture(lists[2])


def test_a_penalty_of_the_heads_own_is_another_architecture_than_none() -> None:
    assert architecture(config({"head": {"l2": 0.0}}).model) != architecture(config().model)
