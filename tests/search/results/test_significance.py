"""Statistics of paired scores: against worked examples, and against what chance alone does."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from search.results.significance import comparisons, holm, p_value, smallest_visible


def test_without_resampling_it_is_the_paired_t_test() -> None:
    first, second = [0.91, 0.93, 0.90, 0.95, 0.92], [0.90, 0.90, 0.91, 0.92, 0.90]
    differences = [a - b for a, b in zip(first, second, strict=True)]
    assert p_value(differences, overlap=0.0) == pytest.approx(stats.ttest_rel(first, second).pvalue)


def test_overlapping_splits_are_corrected_as_nadeau_and_bengio_do() -> None:
    differences = [0.02, 0.01, 0.03, 0.02, 0.015]
    mean, variance = np.mean(differences), np.var(differences, ddof=1)
    t = mean / np.sqrt((1 / 5 + 0.25) * variance)
    assert p_value(differences, overlap=0.25) == pytest.approx(2 * stats.t.sf(t, 4))


def test_holm_agrees_with_a_worked_example() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []
    assert holm([0.6, 0.7]) == [1.0, 1.0]


def test_a_difference_as_large_as_the_smallest_visible_is_just_taken_for_real() -> None:
    differences = np.array([0.02, 0.01, 0.03, 0.02, 0.015])
    visible = smallest_visible(differences.tolist(), overlap=0.25, comparisons=1)
    moved = (differences - differences.mean() + visible).tolist()
    assert p_value(moved, overlap=0.25) == pytest.approx(0.05)


def test_equal_differences_are_certain_and_no_difference_is_none() -> None:
    assert p_value([0.1, 0.1, 0.1 + 1e-17], overlap=0.2) == 0.0
    assert p_value([0.0, 0.0, 0.0], overlap=0.2) == 1.0


def test_chance_alone_seldom_breaks_a_tie() -> None:
    """Of 400 families of three configurations that are all equal, no more than α show any difference (here: of 5 %)."""
    draw, told = np.random.default_rng(0), 0
    for _ in range(400):
        scores = {number: dict(enumerate(draw.normal(0.9, 0.01, 5))) for number in range(4)}
        leader = max(scores, key=lambda number: sum(scores[number].values()))
        found = comparisons(scores, leader, maximise=True, overlap=0.25)
        told += any(not comparison.tied for comparison in found.values())
    assert told <= 0.05 * 400


def test_only_seeds_that_both_have_are_compared() -> None:
    scores = {0: {1: 0.9, 2: 0.8, 3: 0.7}, 1: {2: 0.7, 3: 0.65}, 2: {3: 0.1}}
    found = comparisons(scores, 0, maximise=True, overlap=0.0)
    assert {number: comparison.seeds for number, comparison in found.items()} == {1: 2}
    assert found[1].difference == pytest.approx(0.075)
