"""Short names are short, unambiguous, and say something."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from spaces.domains.names import short_names


def test_a_name_is_shortened_as_far_as_it_stays_unambiguous() -> None:
    names = ["model.dropout", "model.head.dropout", "optimizer.learning_rate"]
    short = {"model.dropout": "model.dropout", "model.head.dropout": "head.dropout"}
    assert short_names(names) == {**short, "optimizer.learning_rate": "learning_rate"}


def test_a_label_or_a_position_alone_is_no_name() -> None:
    names = ["model.l2", "model.l2.on", "model.filters.0", "optimizer", "optimizer.fast.learning_rate"]
    assert list(short_names(names).values()) == ["l2", "l2.on", "filters.0", "optimizer", "learning_rate"]


@given(st.lists(st.lists(st.sampled_from(["a", "b", "c", "0"]), min_size=1, max_size=4).map(".".join), unique=True))
def test_no_two_short_names_are_equal(names) -> None:
    short = short_names(names)
    assert len(set(short.values())) == len(names)
    assert all(f".{name}".endswith(f".{each}") for name, each in short.items())
