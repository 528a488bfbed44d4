"""The winner as one file."""

from __future__ import annotations

from pathlib import Path

import pytest

from search.results.export import best_config, write_best
from spaces.file.load import load_config
from spaces.problem import InputError
from tests.search.runs import SMALL, TrialRecord, config, make_run


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("runs") / "digits-1")


def test_the_best_configuration_reads_back_as_the_trial_that_won(small: Path, tmp_path: Path) -> None:
    written = write_best(small, tmp_path / "best.yaml")
    closed, _ = load_config(written)
    won = {"model.filters": 32, "model.dropout": 0.3, "optimizer.learning_rate": 1e-3}
    assert closed == config(won)


def test_the_provenance_says_what_retraining_replays(small: Path) -> None:
    told = best_config(small)["provenance"]
    assert (told["run"], told["run_id"], told["trial"], told["rank"]) == ("digits-1", "ab12cd34", 1, 1)
    assert (told["metric"], told["value"], told["baseline_value"]) == ("val_accuracy", 0.95, 0.9)
    assert (told["epochs"], told["learning_rates"]) == (2, [1e-3, 5e-4])
    assert (told["data_fingerprint"], told["git_commit"]) == ("f" * 16, "0123abc")
    assert told["versions"]["keras"] == "3.15.1"


def test_any_rank_with_a_value_can_be_exported(small: Path) -> None:
    assert [best_config(small, rank)["provenance"]["trial"] for rank in (1, 2, 3, 4, 5)] == [1, 0, 5, 2, 3]


@pytest.mark.parametrize("rank", [0, -1, 6, 100])
def test_a_rank_that_nobody_holds_is_refused(small: Path, rank: int) -> None:
    with pytest.raises(InputError, match=rf"must be between 1 and 5.*got {rank}"):
        best_config(small, rank)


def test_a_run_without_any_value_has_nothing_to_export(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", [SMALL[4]])
    with pytest.raises(InputError, match="the only trial failed\n"):
        write_best(run, tmp_path / "best.yaml")
    assert not (tmp_path / "best.yaml").exists()


def test_a_history_with_a_hole_is_refused_rather_than_replayed(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", [TrialRecord(curve=[0.5, 0.6, 0.7])])
    (run / "trials" / "0" / "history.csv").write_text("epoch,val_accuracy,learning_rate\n1,0.5,0.1\n3,0.7,0.1\n")
    with pytest.raises(InputError, match="no learning rate for epoch 2"):
        best_config(run)


def test_a_missing_folder_is_refused(small: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="folder"):
        write_best(small, tmp_path / "none" / "best.yaml")
