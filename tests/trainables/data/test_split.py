"""Splits: stratified, reproducible, and what is too small to be divided is refused."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from spaces.config.trial import Split
from spaces.problem import InputError
from trainables.data.split import Selections, divide
from trainables.sources.part import Part, Parts, array_part


def part(labels: Sequence[int], name: str = "image", *, contents: Sequence[int] | None = None) -> Part:
    """Images of one value each: all different, where ``contents`` does not say it."""
    values = range(len(labels)) if contents is None else contents
    pixels = np.asarray(values, dtype=np.uint8).repeat(4).reshape(-1, 2, 2, 1)
    return array_part(pixels, np.asarray(labels, dtype=np.int64), lambda position: f"{name}[{position}]")


def divided(labels: Sequence[int], split: Split, **brought: Part) -> Selections:
    names = tuple("abcdefgh"[: max(labels) + 1])
    return divide(Parts(train=part(labels), class_names=names, **brought), split, "somewhere")


def test_each_image_is_in_one_part() -> None:
    parts = divided([0, 1] * 50, Split())
    taken = [*parts.train.positions, *parts.validation.positions, *parts.test.positions]
    assert sorted(taken) == list(range(100))


def test_the_share_of_validation_counts_from_what_test_leaves() -> None:
    parts = divided([0, 1] * 50, Split(test=0.2, validation=0.25))
    assert [len(one.positions) for one in (parts.train, parts.validation, parts.test)] == [60, 20, 20]


def test_each_part_holds_the_classes_in_proportion() -> None:
    parts = divided([0] * 80 + [1] * 20, Split())
    assert [int(one.labels.sum()) for one in (parts.train, parts.validation, parts.test)] == [13, 3, 4]


def test_another_seed_divides_in_another_way() -> None:
    first, second = (divided([0, 1] * 50, Split(split_seed=seed)).test.positions for seed in (0, 1))
    assert (first != second).any()


def test_test_stays_the_same_whatever_validation_takes() -> None:
    first, second = (divided([0, 1] * 50, Split(validation=share)).test.positions for share in (0.1, 0.4))
    assert (first == second).all()


def test_parts_that_are_brought_stay_whole() -> None:
    parts = divided([0, 1] * 50, Split(), validation=part([0, 1, 1]), test=part([1, 0]))
    assert [len(one.positions) for one in (parts.train, parts.validation, parts.test)] == [100, 3, 2]


def test_a_class_of_one_image_is_refused_by_name_and_count() -> None:
    with pytest.raises(InputError) as caught:
        divided([0] * 50 + [1], Split())
    assert "b has 1 image," in str(caught.value)
    assert caught.value.problems[0].path == ("trial", "data", "test")


def test_a_class_that_rounding_leaves_out_is_refused_by_name_and_count() -> None:
    with pytest.raises(InputError, match="1: b has 2 images"):
        divided([0] * 98 + [1] * 2, Split(test=0.1))


def test_a_share_of_fewer_images_than_classes_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        divided([0, 1, 2, 3] * 5, Split(validation=0.1), test=part([0]))
    assert caught.value.problems[0].path == ("trial", "data", "validation")


@pytest.mark.parametrize("seed", range(5))
def test_identical_images_go_into_one_part_together(seed: int) -> None:
    contents = [*range(40), *range(40), *range(20), *range(20)]
    parts = Parts(train=part([0, 1] * 60, contents=contents), class_names=("a", "b"))
    divided = divide(parts, Split(split_seed=seed), "somewhere")
    held = [{contents[p] for p in one.positions} for one in (divided.train, divided.validation, divided.test)]
    assert sum(map(len, held)) == len(set().union(*held)) == 40
    assert sum(len(one.positions) for one in (divided.train, divided.validation, divided.test)) == 120


def test_copies_do_not_change_how_the_others_are_divided() -> None:
    labels, contents = [0, 1] * 25 + [0, 1], [*range(50), 0, 1]
    copied = divide(Parts(train=part(labels, contents=contents), class_names=("a", "b")), Split(), "somewhere")
    plain = divided([0, 1] * 25, Split())
    assert [p for p in copied.test.positions if p < 50] == plain.test.positions.tolist()


def test_a_class_of_copies_of_one_image_is_refused() -> None:
    parts = Parts(train=part([0] * 50 + [1] * 9, contents=[*range(50), *[99] * 9]), class_names=("a", "b"))
    with pytest.raises(InputError, match=r"b has 1 image, .*identical ones counted once"):
        divide(parts, Split(), "somewhere")
