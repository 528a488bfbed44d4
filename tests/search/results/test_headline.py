"""The sentence above the leaderboard: who leads, by how much, how sure it is."""

from __future__ import annotations

from pathlib import Path

import pytest
from optuna.trial import TrialState

from search.results.export import best_config
from search.results.headline import headline, tied
from search.results.leaderboard import leaderboard
from search.run.reader import open_run
from tests.search.runs import TrialRecord, confirm, make_run


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """One trial of every kind."""
    return make_run(tmp_path / "digits-1")


def test_the_headline_names_the_winner_and_its_distance_from_the_baseline(small: Path) -> None:
    told = headline(open_run(small))
    assert told.startswith("Trial 1 reaches val_accuracy 0.9500, 0.0500 above the baseline's 0.9000 (one seed each")


def test_the_headline_says_it_when_the_baseline_leads(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", [TrialRecord(curve=[0.9], baseline=True), TrialRecord(curve=[0.8])])
    assert headline(open_run(run)).startswith("The baseline leads with val_accuracy 0.9000")


def test_the_headline_of_a_loss_counts_downwards(tmp_path: Path) -> None:
    run = make_run(
        tmp_path / "run", [TrialRecord(curve=[0.9], baseline=True), TrialRecord(curve=[0.8])], metric="val_loss"
    )
    assert "0.1000 below the baseline's 0.9000" in headline(open_run(run))


@pytest.mark.parametrize(
    ("trials", "words"),
    [
        ([TrialRecord(curve=[0.8]), TrialRecord(curve=[0.9])], "has no baseline"),
        (
            [TrialRecord(curve=[], baseline=True, state=TrialState.FAIL, reason="error"), TrialRecord(curve=[0.9])],
            "the baseline has not reported a value",
        ),
        ([TrialRecord(curve=[], state=TrialState.RUNNING, reason="", baseline=True)], "No trial has reported"),
        ([], "No trial has reported"),
        ([TrialRecord(curve=[0.9], baseline=True)], "The baseline is the only trial with a result"),
        ([TrialRecord(curve=[0.9], baseline=True), TrialRecord(curve=[0.9])], "The baseline leads"),
    ],
)
def test_the_headline_is_right_where_there_is_little_to_tell(
    trials: list[TrialRecord], words: str, tmp_path: Path
) -> None:
    assert words in headline(open_run(make_run(tmp_path / "run", trials)))


THREE = (
    TrialRecord(curve=[0.90], baseline=True),
    TrialRecord(curve=[0.95]),
    TrialRecord(curve=[0.94]),
    TrialRecord(curve=[0.5]),
)
CLEAR = {
    0: [0.900, 0.901, 0.899, 0.900, 0.902],
    1: [0.951, 0.949, 0.952, 0.950, 0.953],
    2: [0.950, 0.950, 0.951, 0.949, 0.955],
}


def test_a_clear_winner_is_told_with_its_gain_and_what_could_have_been_seen(tmp_path: Path) -> None:
    run = confirm(make_run(tmp_path / "run", THREE), CLEAR)
    told = headline(open_run(run))
    assert told.startswith("Trial 1 beats the baseline: val_accuracy 0.9510 ± 0.0016 over 5 seeds, 0.0506 better than")
    assert "was not detectable" in told
    assert "Statistically tied with the leader at α = 0.05: trial 2." in told


def test_a_winner_within_chance_of_the_baseline_is_told_so(tmp_path: Path) -> None:
    scores = {0: [0.90, 0.94, 0.88, 0.93, 0.91], 1: [0.93, 0.90, 0.92, 0.91, 0.94]}
    told = headline(open_run(confirm(make_run(tmp_path / "run", THREE), scores)))
    assert told.startswith("Trial 1 leads with val_accuracy 0.9200")
    assert "statistically tied with the baseline's 0.9120" in told


def test_a_baseline_that_leads_is_told_and_is_the_best_configuration(tmp_path: Path) -> None:
    run = confirm(make_run(tmp_path / "run", THREE), {0: [0.93, 0.94], 1: [0.90, 0.91]})
    assert headline(open_run(run)).startswith("The baseline leads with val_accuracy 0.9350 ± 0.0071 over 2 seeds")
    assert best_config(run)["provenance"]["trial"] == 0


def test_confirmed_trials_rank_first_by_their_means_whatever_the_search_saw(tmp_path: Path) -> None:
    trials = (*THREE, TrialRecord(curve=[0.99]))
    frame = leaderboard(confirm(make_run(tmp_path / "run", trials), CLEAR))
    assert list(frame["trial"]) == [1, 2, 0, 4, 3]
    assert list(frame["seeds"]) == [5, 5, 5, 0, 0]
    assert list(frame["tied"]) == [False, True, False, False, False]
    assert frame["mean"].iloc[0] == pytest.approx(0.951)


def test_seeds_that_not_all_have_been_trained_from_do_not_count(tmp_path: Path) -> None:
    run = confirm(make_run(tmp_path / "run", THREE), {0: [0.90, 0.91], 1: [0.95, 0.94, 0.1], 2: [0.93, 0.93]})
    assert {number: len(score.by_seed) for number, score in open_run(run).scores.items()} == {1: 2, 2: 2, 0: 2}


def test_one_seed_alone_confirms_nothing_and_ties_nobody(tmp_path: Path) -> None:
    run = confirm(make_run(tmp_path / "run", THREE), {0: [0.90], 1: [0.95]})
    assert tied(open_run(run)) == frozenset()
    assert "one seed each" in headline(open_run(run))


def test_a_training_that_diverged_puts_its_trial_behind_and_is_told(tmp_path: Path) -> None:
    run = confirm(make_run(tmp_path / "run", THREE), {0: [0.90, 0.91], 1: [0.99, None], 2: [0.93, 0.94]})
    assert list(leaderboard(run)["trial"])[:3] == [2, 0, 1]
    assert "Failed confirmation trainings: trial 1 with 1 of the seeds." in headline(open_run(run))


def test_a_loss_is_confirmed_downwards(tmp_path: Path) -> None:
    trials = [TrialRecord(curve=[0.5], baseline=True), TrialRecord(curve=[0.4])]
    run = make_run(tmp_path / "run", trials, metric="val_loss")
    told = headline(open_run(confirm(run, {0: [0.50, 0.51, 0.52], 1: [0.30, 0.31, 0.32]})))
    assert told.startswith("Trial 1 beats the baseline: val_loss 0.3100 ± 0.0100 over 3 seeds, 0.2000 better than")


def test_best_yaml_replays_the_seed_with_the_median_best_epoch(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", THREE)
    confirm(run, {0: [0.9, 0.9, 0.9], 1: [0.95, 0.96, 0.94]}, best_epochs={1: [3, 1, 2]})
    told = best_config(run)["provenance"]
    assert (told["trial"], told["epochs"], told["seeds"]) == (1, 2, [1, 2, 3])
    assert told["learning_rates"] == [1e-3, 5e-4]
    assert told["mean"] == pytest.approx(0.95)
    assert told["baseline_mean"] == pytest.approx(0.9)
