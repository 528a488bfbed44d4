"""A mistake is told in three lines, with what was given as YAML would show it."""

from __future__ import annotations

import pickle

import pytest

from spaces.problem import InputError, Problem, did_you_mean, shown


def test_a_mistake_is_told_in_three_lines() -> None:
    problem = Problem(path=("a", "b", 0), rule="must be 1", given="2", remedy="write 1", line=3)
    assert problem.render("x.yaml") == "x.yaml:3  a.b.0\n    must be 1; got 2\n    → write 1"
    assert Problem(rule="no", remedy="yes").render("x.yaml") == "x.yaml\n    no\n    → yes"


def test_an_error_survives_the_way_to_another_process() -> None:
    error = InputError([Problem(rule="no", remedy="yes", line=2)], "x.yaml")
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 (our own bytes)
    assert (str(again), again.problems, again.source) == (str(error), error.problems, "x.yaml")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "null"),
        (True, "true"),
        (float("inf"), "infinity (.inf)"),
        ((1, "a"), "[1, “a”]"),
        ({"a": (1.5,)}, "{a: [1.5]}"),
        ("x" * 100, "“" + "x" * 58 + "…"),
    ],
)
def test_values_are_shown_as_yaml_would(value, words) -> None:
    assert shown(value) == words


def test_an_unknown_name_gets_the_nearest_or_all_known_ones() -> None:
    assert did_you_mean("dropuot", ["l2", "dropout"]) == "did you mean dropout?"
    assert did_you_mean("xyzzy", ["l2", "dropout"]) == "use one of: l2, dropout"
