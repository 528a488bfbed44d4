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
