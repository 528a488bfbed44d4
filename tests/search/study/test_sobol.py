"""Points of a Sobol sequence as configurations."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from search.study.sobol import sobol, value_at
from search.study.space import draw
from spaces.domains.domain import Branches, Choice, Domain, Int, Log, Scalar, Uniform, contains
from spaces.file.load import load_sweep
from spaces.file.sweep import Sweep

TEXT = """
trial:
  data: {source: digits}
  model:
    choice:
      plain: {kind: cnn, filters: {int: [4, 16], step: 4}}
      wide: {kind: cnn, growth: {uniform: [1.0, 3.0]}, dropout: {choice: [0.1, 0.3]}}
  optimizer: {learning_rate: {log: [1.0e-4, 1.0e-2]}}
  training: {epochs: 9}
search: {sampler: sobol, seed: SEED}
"""


@pytest.fixture
def sweep(tmp_path: Path) -> Sweep:
    return _sweep(tmp_path, seed=3)


def _sweep(folder: Path, *, seed: int) -> Sweep:
    file = folder / f"{seed}.yaml"
    file.write_text(TEXT.replace("SEED", str(seed)))
    return load_sweep(file)


@pytest.mark.parametrize(
    "domain",
    [
        Uniform(low=-1.0, high=2.5),
        Uniform(low=0.0, high=0.5, step=0.1),
        Log(low=1e-7, high=3e-2),
        Int(low=8, high=32, step=8),
        Int(low=1, high=300, log=True),
        Choice(options=(True, 1, "1", None)),
        Branches(options={"a": {}, "b": {}, "c": {}}),
    ],
    ids=repr,
)
@pytest.mark.parametrize("position", [0.0, 0.25, 1 / 3, 0.5, np.nextafter(1.0, 0.0)])
def test_every_position_is_a_value_of_the_domain(domain: Domain, position: float) -> None:
    assert contains(domain, value_at(domain, float(position)))


def test_the_ends_of_a_domain_are_reached() -> None:
    assert value_at(Int(low=1, high=300, log=True), 0.0) == 1
    assert value_at(Int(low=1, high=300, log=True), 1 - 1e-12) == 300
    assert value_at(Log(low=1e-4, high=1e-2), 0.5) == pytest.approx(1e-3)


def test_each_option_has_its_share_of_a_block(sweep: Sweep) -> None:
    """Of 64 points in a row that begin at a multiple of 64, the halves of each dimension hold 32."""
    drawn = [draw(sweep, sobol(sweep, index=index)) for index in range(64, 128)]
    assert Counter(values["model"] for values in drawn) == {"plain": 32, "wide": 32}
    below = sum(float(str(values["optimizer.learning_rate"])) < 1e-3 for values in drawn)
    assert below == 32


def test_only_values_of_the_branch_taken_are_drawn(sweep: Sweep) -> None:
    taken: dict[Scalar, set[frozenset[str]]] = {"plain": set(), "wide": set()}
    for index in range(32):
        values = draw(sweep, sobol(sweep, index=index))
        taken[values["model"]].add(frozenset(values))
    assert all(len(names) == 1 for names in taken.values())
    assert taken["plain"] != taken["wide"]


def test_points_follow_from_seed_and_index_alone(sweep: Sweep, tmp_path: Path) -> None:
    other = _sweep(tmp_path, seed=4)
    assert draw(sweep, sobol(sweep, index=5000)) == draw(sweep, sobol(sweep, index=5000))
    assert draw(sweep, sobol(sweep, index=7)) != draw(other, sobol(other, index=7))
