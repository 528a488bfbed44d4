"""The notes of a confirmation: their names and keys are the same in every version, and only common seeds count."""

from __future__ import annotations

from typing import Any

import pytest

from search.run.confirmation import Finalists, finalists, note_of, remaining, scores, trainings
from search.run.events import ConfirmationTraining, Reason

SELECTED: dict[str, Any] = {"confirming": {"trials": [3, 0], "seeds": [1, 2], "overlap": 0.25}}


def training(trial: int, seed: int, value: float | None, reason: Reason = "finished") -> ConfirmationTraining:
    return ConfirmationTraining(
        trial=trial, seed=seed, value=value, best_epoch=2, epochs=4, seconds=1.5, reason=reason, message="why"
    )


def noted(*ended: ConfirmationTraining) -> dict[str, Any]:
    return SELECTED | dict(map(note_of, ended))


def test_a_note_is_written_as_older_versions_read_it_and_read_again() -> None:
    name, kept = note_of(training(3, 1, 0.5))
    assert name == "confirm:3:1"
    assert kept == {
        "value": 0.5, "best_epoch": 2, "epochs": 4, "seconds": 1.5, "reason": "finished", "told": "why"
    }  # fmt: skip
    assert trainings({name: kept}) == [training(3, 1, 0.5)]
    assert finalists(SELECTED) == Finalists(trials=(3, 0), seeds=(1, 2), overlap=0.25)
    assert finalists({}) is None


def test_what_remains_is_every_finalist_from_one_seed_before_the_next() -> None:
    assert remaining(noted()) == [(3, 1), (0, 1), (3, 2), (0, 2)]
    assert remaining(noted(training(3, 1, 0.5), training(0, 2, 0.4))) == [(0, 1), (3, 2)]
    assert remaining({}) == []


def test_only_seeds_from_which_all_were_trained_count() -> None:
    found = scores(noted(training(3, 1, 0.5), training(0, 1, 0.4), training(3, 2, 0.7)))
    assert {trial: dict(score.by_seed) for trial, score in found.items()} == {3: {1: 0.5}, 0: {1: 0.4}}


def test_a_training_that_diverged_has_no_score_whatever_it_had_reached() -> None:
    ended = [training(3, 1, 0.5), training(0, 1, 0.4), training(3, 2, 0.9, "diverged"), training(0, 2, 0.6)]
    found = scores(noted(*ended))
    assert (found[3].by_seed, found[3].failed) == ({1: 0.5}, 1)
    assert found[0].mean == pytest.approx(0.5)
    assert found[0].sd == pytest.approx(0.1414, abs=1e-4)
