"""What lies in a domain."""

from __future__ import annotations

import math

import pytest

from spaces.domains.domain import Branches, Choice, Int, Log, Uniform, contains, describe, extremes, size


@pytest.mark.parametrize(
    ("domain", "inside", "outside"),
    [
        (Uniform(low=0.0, high=1.0), [0.0, 1, 0.3], [-0.1, 1.1, True, "0.3", None, math.nan]),
        (Uniform(low=0.1, high=0.7, step=0.2), [0.1, 0.3, 0.1 + 0.2, 0.7], [0.2, 0.6]),
        (Log(low=1e-6, high=1.0), [1e-6, 0.5], [0, 2.0, False]),
        (Int(low=1, high=9), [1, 9], [0, 10, 1.0, True]),
        (Int(low=8, high=32, step=8), [8, 24], [9, 40]),
        (Choice(options=(1, "a", None)), [1, "a", None], [1.0, True, "b"]),
        (Branches(options={"off": 0, "on": 1}), ["off", "on"], [0, "x", None]),
    ],
)
def test_a_value_lies_in_a_domain_if_it_is_of_its_type_within_its_bounds_and_on_its_grid(
    domain, inside, outside
) -> None:
    assert all(contains(domain, value) for value in inside)
    assert not any(contains(domain, value) for value in outside)
    assert all(contains(domain, value) for value in extremes(domain))


@pytest.mark.parametrize(
    ("domain", "values", "words"),
    [
        (Uniform(low=0.0, high=1.0), math.inf, "a number from 0.0 to 1.0"),
        (Uniform(low=0.0, high=1.0, step=0.25), 5, "a number from 0.0 to 1.0 in steps of 0.25"),
        (Log(low=0.1, high=1.0), math.inf, "a number from 0.1 to 1.0"),
        (Int(low=8, high=32, step=8), 4, "a whole number from 8 to 32 in steps of 8"),
        (Int(low=1, high=3, log=True), 3, "a whole number from 1 to 3"),
        (Choice(options=(1, "a")), 2, "one of 1, “a”"),
        (Branches(options={"off": 0}), 1, "one of “off”"),
    ],
)
def test_a_domain_tells_its_size_and_what_it_is(domain, values, words) -> None:
    assert size(domain) == values
    assert describe(domain) == words
