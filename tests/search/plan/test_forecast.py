"""A simulated sweep: how long, how many epochs, and which limit ends it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from search.halving.rungs import Rungs
from search.plan.costs import StageCost, TrialCost
from search.plan.forecast import Forecast, forecast
from search.plan.simulation import SimulatedTraining, earliest_end, simulate
from spaces.file.load import load_sweep
from spaces.file.sweep import Sweep


def cost(
    *, epoch_s: float = 1.0, patience: int | None = None, network: str = "small", head_epochs: int = 0
) -> TrialCost:
    head = [StageCost(head_epochs, False, 5.0, 0.1)] if head_epochs else []
    stages = (*head, StageCost(27, True, 3.0, epoch_s))
    return TrialCost(network=network, load_s=0.5, build_s=2.0, reset_s=0.25, stages=stages, patience=patience)


def sweep(folder: Path, search: str = "{trials: 20}", **sections: str) -> Sweep:
    (folder / "sweep.yaml").write_text(
        "trial:\n  data: {source: digits}\n"
        "  model: {kind: cnn, blocks: 2, dropout: {uniform: [0, 0.5], baseline: 0.1}}\n"
        f"  training: {{epochs: 27}}\nsearch: {search}\nconfirm: {sections.pop('confirm', 'off')}\n"
        + "".join(f"{name}: {text}\n" for name, text in sections.items())
    )
    return load_sweep(folder / "sweep.yaml")


def expected(planned: Sweep, *, slots: int = 2, gpus: float = 0.0, patience: int | None = None) -> Forecast:
    drawn = [cost(epoch_s=seconds, patience=patience) for seconds in (0.5, 1.0, 2.0)]
    return forecast(planned, baseline=drawn[1], drawn=drawn, slots=slots, gpus=gpus, process_s=4.0, begin_s=5.0)


def test_the_same_sweep_is_expected_to_take_the_same(tmp_path: Path) -> None:
    assert expected(sweep(tmp_path), patience=6) == expected(sweep(tmp_path), patience=6)


def test_without_asha_and_patience_every_trial_trains_to_the_end(tmp_path: Path) -> None:
    projections = expected(sweep(tmp_path, "{trials: 10, scheduler: none}")).projections
    assert {(projection.trials, round(projection.epochs), projection.limit) for projection in projections} == {
        (10, 270, None)
    }


def test_the_rungs_are_those_of_the_scheduler() -> None:
    scores = [0.5, 0.2, 0.9, 0.4, 0.7, 0.1, 0.8]
    rungs, total = Rungs(grace_epochs=1, reduction_factor=3, epochs=27), 0
    for number, score in enumerate(scores):
        total += next((e for e in (1, 3, 9) if not rungs.judge(number, epoch=e, score=score)), 27)
    simulated = simulate(
        [SimulatedTraining(cost=cost(), score=score, last_epoch=27) for score in scores],
        slots=1,
        rungs=Rungs(grace_epochs=1, reduction_factor=3, epochs=27),
        begin_s=0.0,
        process_s=0.0,
    )
    assert round(simulated.epochs_by(simulated.seconds)) == total


def test_a_slot_warms_up_once_for_its_process_and_once_for_each_network_and_stage() -> None:
    trainings = [SimulatedTraining(cost=cost(head_epochs=7), score=0.5, last_epoch=27) for _ in range(2)]
    simulated = simulate(trainings, slots=1, rungs=None, begin_s=10.0, process_s=4.0)
    epochs_s = 7 * 0.1 + 20 * 1.0
    assert simulated.seconds == pytest.approx(10 + 4 + 2 + 5 + 3 + epochs_s + 0.25 + epochs_s)
    assert simulated.slot_seconds_by(simulated.seconds) == pytest.approx(simulated.seconds - 10)


def test_a_process_forgets_the_network_that_it_used_longest_ago() -> None:
    networks = ["a", "b", "c", "d", "e", "a"]  # four are kept
    trainings = [SimulatedTraining(cost=cost(network=name), score=0.5, last_epoch=1) for name in networks]
    assert simulate(trainings, slots=1, rungs=None, begin_s=0.0, process_s=0.0).seconds == pytest.approx(
        6 * (2 + 3 + 1)
    )


def test_more_slots_take_less_time_and_the_same_epochs(tmp_path: Path) -> None:
    planned = sweep(tmp_path, "{trials: 20, scheduler: none}")
    one, four = (expected(planned, slots=slots) for slots in (1, 4))
    assert four.range_of(lambda o: o.hours).expected < 0.4 * one.range_of(lambda o: o.hours).expected
    assert four.range_of(lambda o: o.epochs) == one.range_of(lambda o: o.epochs)


def test_patience_widens_the_range_downwards(tmp_path: Path) -> None:
    patient, impatient = (expected(sweep(tmp_path), patience=each).range_of(lambda o: o.epochs) for each in (None, 4))
    assert impatient.low < patient.low
    assert impatient.high == patient.high


@pytest.mark.parametrize(("from_epoch", "ends"), [(1, 7), (5, 10), (30, 27)])
def test_patience_runs_out_no_earlier_than_it_can(from_epoch: int, ends: int) -> None:
    assert earliest_end(6, from_epoch=from_epoch, epochs=27) == ends
    assert earliest_end(None, from_epoch=from_epoch, epochs=27) == 27


def test_more_budget_trains_more_and_none_is_overspent(tmp_path: Path) -> None:
    ranges = []
    for limit in (20, 60, 200):
        planned = expected(sweep(tmp_path, budget=f"{{epochs: {limit}}}"))
        assert planned.range_of(lambda o: o.epochs).high <= limit + 0.01
        ranges.append((planned.range_of(lambda o: o.epochs).expected, planned.range_of(lambda o: o.trials).expected))
    assert ranges == sorted(ranges)
    assert planned.limit is None


@pytest.mark.parametrize(
    ("budget", "value"),
    [("{hours: 0.01}", "hours"), ("{gpu_hours: 0.005}", "slot_hours"), ("{usd: 0.02}", "slot_hours")],
)
def test_the_limit_that_ends_the_search_is_named(tmp_path: Path, budget: str, value: str) -> None:
    planned = sweep(tmp_path, budget=budget, resources="{usd_per_hour: 2.0}")
    projection = expected(planned, gpus=0.5)
    assert projection.limit == "budget." + budget.strip("{}").replace(": ", " = ")
    assert getattr(projection.projections[0], value) == pytest.approx(0.01, rel=0.01)


def test_confirmation_is_kept_back_from_the_budget_but_never_more_than_half(tmp_path: Path) -> None:
    search, confirm = "{trials: 40, scheduler: none}", "{top: 2, seeds: 3}"
    free = expected(sweep(tmp_path, search, confirm=confirm)).projections[0]
    # The two best and the baseline, or the two best where the baseline is one of them.
    assert free.confirm_trainings in (6, 9)
    assert round(free.confirm_epochs) == 27 * free.confirm_trainings
    for limit, left in ((600, 600 - 27 * free.confirm_trainings), (100, 50)):
        projection = expected(sweep(tmp_path, search, confirm=confirm, budget=f"{{epochs: {limit}}}")).projections[0]
        assert projection.epochs == pytest.approx(left, abs=0.01)


def test_a_finite_space_has_no_more_trials_than_configurations(tmp_path: Path) -> None:
    planned = sweep(tmp_path)
    (tmp_path / "sweep.yaml").write_text(
        (tmp_path / "sweep.yaml").read_text().replace("{uniform: [0, 0.5], ", "{choice: [0.1, 0.2], ")
    )
    planned = load_sweep(tmp_path / "sweep.yaml")
    assert expected(planned).range_of(lambda o: o.trials).high == 2


def test_features_are_computed_once_for_all_slots_and_again_to_confirm() -> None:
    stored = replace(
        cost(), features="dogs", views=2, stages=(StageCost(27, True, 0.0, 1.0, pass_s=10.0, fresh_s=4.0),)
    )
    trainings = [SimulatedTraining(cost=stored, score=0.0, last_epoch=27) for _ in range(3)]
    simulated = simulate(trainings, slots=1, rungs=None, begin_s=0.0, process_s=0.0)
    assert simulated.seconds == pytest.approx(2.0 + 2 * 0.25 + 2 * 10.0 + 3 * 27 * 1.0)
    again = [replace(training, cost=training.cost.confirmed()) for training in trainings]
    assert simulate(again, slots=1, rungs=None, begin_s=0.0, process_s=0.0).seconds == pytest.approx(2.5 + 3 * 27 * 4.0)


def test_a_trial_that_is_stopped_early_pays_for_the_views_of_its_epochs() -> None:
    stored = replace(cost(), features="dogs", views=4, stages=(StageCost(27, True, 0.0, 1.0, pass_s=10.0),))
    trainings = [
        SimulatedTraining(cost=stored, score=0.0, last_epoch=3),
        SimulatedTraining(cost=stored, score=0.0, last_epoch=2),
    ]
    simulated = simulate(trainings, slots=1, rungs=None, begin_s=0.0, process_s=0.0)
    assert simulated.seconds == pytest.approx(2.25 + 3 * 10.0 + 5 * 1.0)
