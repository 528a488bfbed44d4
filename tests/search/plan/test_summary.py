"""What a sweep will do and cost, as the plan tells it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from clusters.slots import Slot
from search.halving.rungs import Rungs
from search.plan import corners as measuring
from search.plan.capacity import Capacity
from search.plan.check import check
from search.plan.corners import Corner, Measurements, measure
from search.plan.costs import StageCost, TrialCost
from search.plan.summary import cost_lines, plan_lines, rung_epochs
from spaces.domains.close import close_values, corners
from spaces.file.load import load_sweep
from spaces.file.sweep import Sweep
from spaces.problem import WorkFailedError
from tests.search.commands import called
from trainables.preflight.timing import StageTime, Timing, TimingFailure, TimingResult

ROOM = Capacity(
    slot=Slot(cpus=1, gpus=0.0),
    slots=2,
    slots_here=2,
    gpus_here=True,
    memory_bytes=8 * 10**9,
    cluster=False,
    warnings=(),
)
TIMED = TimingResult(
    load_s=0.1,
    build_s=0.5,
    reset_s=0.01,
    stages=(StageTime(True, 2.0, 60.0),),
    memory_bytes=10**9,
    gpu_memory_bytes=None,
)


def sweep(folder: Path, search: str, more: str = "confirm: off\n") -> Sweep:
    file = folder / "sweep.yaml"
    file.write_text(
        "trial:\n  data: {source: digits}\n"
        "  model: {kind: cnn, blocks: 2, filters: {int: [8, 16], step: 8, baseline: 8},"
        " dropout: {uniform: [0, 0.5], baseline: 0.1}}\n"
        f"  training: {{epochs: 27}}\nsearch: {search}\n{more}"
    )
    return load_sweep(file)


def timings(planned: Sweep, *, gpu: int | None = None) -> Measurements:
    """A minute an epoch for the baseline, two for the most expensive corner."""

    def cost(epoch_s: float) -> TrialCost:
        stages = (StageCost(27, True, 2.0, epoch_s),)
        return TrialCost(network=epoch_s, load_s=0.1, build_s=0.5, reset_s=0.01, stages=stages, patience=None)

    config = close_values(planned.trial, next(iter(corners(planned.trial))))
    cheap, expensive = Corner(config=config, label="filters = 8"), Corner(config=config, label="filters = 16")
    return Measurements(
        timed=((cheap, cost(60.0)), (expensive, cost(120.0))),
        baseline=cost(60.0),
        drawn=(cost(60.0), cost(120.0)),
        failed=(),
        left=1,
        at_once=2,
        process_s=6.0,
        memory_bytes=10**9,
        gpu_memory_bytes=gpu,
        gpu_bytes=80 * 10**9 if gpu else None,
    )


def test_planned_rungs_are_those_of_the_scheduler(tmp_path: Path) -> None:
    planned = rung_epochs(sweep(tmp_path, "{trials: 9, grace_epochs: 2, reduction_factor: 3}"))
    assert planned == list(Rungs(grace_epochs=2, reduction_factor=3, epochs=27).reached) == [2, 6, 18]


def test_the_plan_names_data_space_trials_and_epochs(tmp_path: Path) -> None:
    planned = sweep(tmp_path, "{trials: 9}")
    text = "\n".join(plan_lines(planned, check(planned)))
    for word in ("10 classes", "8 × 8 × 1", "model.dropout", "0.1", "9, by tpe", "1, 3, 9", "at most 243"):
        assert word in text


def test_the_plan_tells_times_and_sums_with_their_range(tmp_path: Path) -> None:
    planned = sweep(tmp_path, "{trials: 9, scheduler: none, sampler: random}")
    lines = {line.split()[0]: line for line in cost_lines(planned, ROOM, timings(planned))}
    assert "2 trials at a time on this machine, each with 1 CPU, 8.0 GB" in lines["slots"]
    assert "2 corners, 1 more not timed" in lines["timed"]
    assert "baseline 1 min; cheapest 1 min (filters = 8); most expensive 2 min (filters = 16)" in lines["epoch"]
    assert lines["search"].startswith("search    9 trials, 243 epochs, ")
    assert " h " in lines["search"]
    assert "no limit" in lines["budget"]
    assert "confirm" not in lines
    assert "GPU-hours" not in lines["total"]
    assert "up to 1.0 GB per trial; GPU memory unknown (no GPU here)" in lines["memory"]


def test_the_plan_tells_money_gpus_and_what_ends_the_search(tmp_path: Path) -> None:
    more = "confirm: {top: 2, seeds: 2}\nbudget: {usd: 20}\nresources: {usd_per_hour: 2.5}\n"
    planned = sweep(tmp_path, "{trials: 40, sampler: random}", more)
    room = Capacity(**{**vars(ROOM), "slot": Slot(cpus=1, gpus=0.25), "cluster": True})
    lines = {line.split()[0]: line for line in cost_lines(planned, room, timings(planned, gpu=4 * 10**9))}
    assert "budget.usd = 20 ends the search after" in lines["budget"]
    assert "trainings" in lines["confirm"]
    assert "on the cluster" in lines["slots"]
    assert "GPU-hours" in lines["total"]
    assert "USD" in lines["total"]
    assert "4.0 GB of GPU memory (19 fit on a GPU)" in lines["memory"]


def test_a_corner_that_does_not_train_is_told_and_the_rest_is_planned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def half(configs: list[object], **_: object) -> Timing:
        return Timing(startup_s=5.0, results=(TIMED, TimingFailure(reason="out of memory")), gpu_bytes=None)

    sweep(tmp_path, "{trials: 4}")
    monkeypatch.setattr(measuring, "time_trials", half)
    code, out, err = called(capsys, "plan", str(tmp_path / "sweep.yaml"))
    assert code == 1
    assert "total " in out
    assert "cannot be trained (filters = 16): out of memory" in " ".join(err.split())


def test_a_plan_without_any_time_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(configs: list[object], **_: object) -> Timing:
        return Timing(startup_s=5.0, results=tuple(TimingFailure(reason="no room") for _ in configs), gpu_bytes=None)

    monkeypatch.setattr(measuring, "time_trials", none)
    with pytest.raises(WorkFailedError, match=r"no corner .+ no room"):
        measure(sweep(tmp_path, "{trials: 4}"), ROOM, message=lambda line: None)


def test_the_plan_tells_where_frozen_features_come_from(tmp_path: Path) -> None:
    planned = sweep(tmp_path, "{trials: 10}")
    found = timings(planned)
    (corner, cheap), expensive = found.timed
    stored = replace(cheap, views=4, stages=(StageCost(27, True, 2.0, 60.0, pass_s=40.0),))
    found = replace(found, timed=((corner, stored), expensive), features=("stored", "computed: nothing is frozen"))
    (line,) = [line for line in cost_lines(planned, ROOM, found) if line.startswith("features")]
    assert line == "features  stored; computed: nothing is frozen; 40 s for each of 4 views, once per machine"
