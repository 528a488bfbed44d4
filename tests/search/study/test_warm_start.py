"""What a new sweep learns from earlier runs."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from search.plan.check import check
from search.plan.summary import plan_lines
from search.study.study import EARLIER, Study
from search.study.warm_start import earlier_trials, fitting_values
from spaces.domains.close import close_values
from spaces.file.load import load_sweep
from spaces.file.sweep import Sweep
from spaces.problem import InputError
from tests.search.commands import TINY

BRANCHES = """
trial:
  data: {source: digits}
  model:
    choice:
      plain: {kind: cnn, blocks: 1, filters: {int: [4, 8]}}
      wide: {kind: cnn, blocks: 1, growth: {uniform: [1.0, 3.0]}, filters: 8}
    baseline: plain
  optimizer: {learning_rate: {log: [1.0e-4, 1.0e-2]}}
  training: {epochs: 9}
"""


def sweep(folder: Path, text: str, *overrides: str) -> Sweep:
    (folder / "s.yaml").write_text(text)
    return load_sweep(folder / "s.yaml", overrides)


def test_a_configuration_of_the_space_gives_its_values_back(tmp_path: Path) -> None:
    tiny = sweep(tmp_path, TINY)
    assert tiny.baseline is not None
    assert fitting_values(tiny, close_values(tiny.trial, tiny.baseline)) == tiny.baseline


@pytest.mark.parametrize(
    "values",
    [
        {"model": "plain", "model.plain.filters": 5, "optimizer.learning_rate": 0.001},
        {"model": "wide", "model.wide.growth": 2.5, "optimizer.learning_rate": 0.002},
    ],
)
def test_the_branch_is_found_that_a_configuration_came_from(tmp_path: Path, values: dict[str, float | str]) -> None:
    text = BRANCHES.replace("    baseline: plain\n", "")
    branches = sweep(tmp_path, text)
    assert fitting_values(branches, close_values(branches.trial, values)) == values


def test_data_horizon_and_seed_may_differ_and_nothing_else(tmp_path: Path) -> None:
    tiny = sweep(tmp_path, TINY)
    assert tiny.baseline is not None
    config = close_values(tiny.trial, tiny.baseline)
    longer = sweep(tmp_path, TINY, "training.epochs=9", "training.seed=7", "data.validation=0.3")
    assert fitting_values(longer, config) == tiny.baseline
    assert fitting_values(sweep(tmp_path, TINY, "training.batch_size=64"), config) is None
    assert (
        fitting_values(sweep(tmp_path, TINY.replace("[0.0, 0.5], baseline: 0.2", "[0.3, 0.5], baseline: 0.3")), config)
        is None
    )


def test_what_was_fixed_and_is_open_now_fits_with_its_value(tmp_path: Path) -> None:
    fixed = sweep(tmp_path, TINY.replace("{uniform: [0.0, 0.5], baseline: 0.2}", "0.2"))
    assert fixed.baseline is not None
    values = fitting_values(sweep(tmp_path, TINY), close_values(fixed.trial, fixed.baseline))
    assert values is not None
    assert values["model.dropout"] == 0.2


def test_a_warm_started_run_knows_the_trials_of_the_first_with_their_curves(
    shared_home: Path, second_run: subprocess.CompletedProcess[str]
) -> None:
    assert "Warm start: the sampler knows 6 earlier trials." in second_run.stderr
    study = Study(shared_home / "runs" / "second" / "study.journal", load_sweep(shared_home / "second.yaml"))
    before = Study(shared_home / "runs" / "first" / "study.journal", load_sweep(shared_home / "tiny.yaml"))
    kept = study.note(EARLIER)
    assert len(study.trials()) == 3
    assert [record["state"] for record in kept] == [trial.state.name for trial in before.trials()]
    assert all(record["curve"] for record in kept)
    assert len(study._copy.trials) == 9


def test_the_plan_counts_the_earlier_trials(shared_home: Path, first_run: object) -> None:
    sweep = load_sweep(shared_home / "second.yaml")
    lines = plan_lines(sweep, check(sweep), earlier=len(earlier_trials(sweep)))
    assert "warm start from 6 earlier trials" in "\n".join(lines)


def test_the_sampler_proposes_otherwise_than_without(shared_home: Path, first_run: object, tmp_path: Path) -> None:
    cold = sweep(tmp_path, TINY)
    warm = load_sweep(tmp_path / "s.yaml", [f"search.warm_start=[{shared_home / 'runs' / 'first'}]"])
    proposed = []
    for name, each in (("cold", cold), ("warm", warm)):
        study = Study(tmp_path / f"{name}.journal", each)
        study.learn(earlier_trials(each) * 2)  # twelve are past TPE's random start
        study.next()
        proposed.append(study.next())
    assert proposed[0] != proposed[1]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("search.warm_start=[nowhere]", "nowhere"),
        ("search.metric=val_loss", "with val_accuracy"),
        ("trial.training.batch_size=16", "none of its 6 finished trials does"),
    ],
)
def test_a_run_that_teaches_nothing_is_refused_before_anything_starts(
    shared_home: Path, first_run: object, given: str, told: str
) -> None:
    third = load_sweep(shared_home / "second.yaml", [given])
    with pytest.raises(InputError, match=told):
        earlier_trials(third)
