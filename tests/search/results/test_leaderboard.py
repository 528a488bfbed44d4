"""The ranked table, its three formats, and the sentence above it."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from search.cli.table import table
from search.results.leaderboard import as_json, compared, leaderboard, write_csv
from spaces.problem import InputError
from tests.search.runs import SMALL, Told, make_run


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("runs") / "digits-1")


def ranks(directory: Path) -> list[int]:
    return [int(number) for number in leaderboard(directory)["trial"]]


def drawn(frame: pd.DataFrame, *, width: int = 80, top: int | None = None, metric: str = "val_accuracy") -> list[str]:
    console = Console(width=width, file=io.StringIO())
    console.print(table(frame, metric=metric, top=top, width=width))
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue().splitlines()


def test_trials_rank_by_their_best_epoch_and_those_that_came_to_nothing_rank_last(small: Path) -> None:
    assert ranks(small) == [1, 0, 5, 2, 3, 4]


def test_columns_are_the_contract_and_then_every_open_value(small: Path) -> None:
    contract = ["rank", "trial", "state", "epochs", "val_accuracy", "mean", "sd", "seeds", "tied"]
    assert list(leaderboard(small).columns) == [
        *contract,
        "seconds",
        "best_epoch",
        "baseline",
        "reason",
        "filters",
        "dropout",
        "l2",
        "l2.on",
        "learning_rate",
    ]


def test_a_stopped_trial_is_worth_its_best_epoch_and_says_that_it_was_stopped(small: Path) -> None:
    frame = leaderboard(small).set_index("trial")
    assert tuple(frame.loc[2, ["state", "val_accuracy", "reason"]]) == ("pruned", 0.5, "asha")
    assert tuple(frame.loc[1, ["val_accuracy", "best_epoch", "epochs"]]) == (0.95, 2, 3)


def test_a_value_of_a_branch_not_taken_is_empty(small: Path) -> None:
    frame = leaderboard(small).set_index("trial")
    assert bool(frame["l2.on"].isna()[0])
    assert frame.loc[5, "l2.on"] == 1e-4


def test_before_the_confirmation_its_columns_are_empty(small: Path) -> None:
    frame = leaderboard(small)
    assert frame["mean"].isna().all()
    assert frame["sd"].isna().all()
    assert set(frame["seeds"]) == {0}


def test_a_running_trial_shows_its_best_so_far(small: Path) -> None:
    told = leaderboard(small).set_index("trial").loc[5]
    assert (told["state"], told["val_accuracy"], told["epochs"]) == ("unfinished", 0.65, 2)


def test_ties_go_to_the_lower_number(tmp_path: Path) -> None:
    run = make_run(tmp_path / "tie", [Told(curve=[0.5]), Told(curve=[0.7]), Told(curve=[0.7])])
    assert ranks(run) == [1, 2, 0]


def test_a_loss_ranks_the_least_first(tmp_path: Path) -> None:
    run = make_run(tmp_path / "loss", [Told(curve=[0.5]), Told(curve=[0.7, 0.3]), Told(curve=[0.4])], metric="val_loss")
    assert ranks(run) == [1, 2, 0]


def test_csv_reads_back_as_the_same_table(small: Path, tmp_path: Path) -> None:
    frame = leaderboard(small)
    write_csv(frame, tmp_path / "leaderboard.csv")
    back = pd.read_csv(tmp_path / "leaderboard.csv", keep_default_na=False, na_values=[""])
    numbers = [name for name in frame.columns if name not in ("state", "reason", "l2")]
    pd.testing.assert_frame_equal(back[numbers], frame[numbers], check_dtype=False)
    assert list(back["l2"]) == list(frame["l2"])
    assert [file.name for file in tmp_path.iterdir()] == ["leaderboard.csv"]


def test_json_is_standard_json_with_null_for_what_is_empty(small: Path) -> None:
    records = json.loads(as_json(leaderboard(small)), parse_constant=pytest.fail)
    assert (records[0]["trial"], records[0]["mean"], records[0]["baseline"]) == (1, None, False)


def test_several_runs_are_told_apart_by_their_first_column(small: Path, tmp_path: Path) -> None:
    other = make_run(tmp_path / "other", SMALL[:2])
    frame = compared([small, other])
    assert frame.columns[0] == "run"
    assert list(frame["run"]) == ["digits-1"] * 6 + ["other"] * 2


def test_the_table_fits_eighty_columns_and_names_what_it_leaves_out(small: Path) -> None:
    lines = drawn(leaderboard(small))
    assert max(map(len, lines)) <= 80
    assert "not shown:" in " ".join(lines)


@pytest.mark.parametrize("width", [40, 60, 100, 200])
def test_the_table_fits_any_width_and_keeps_rank_trial_and_metric(small: Path, width: int) -> None:
    lines = drawn(leaderboard(small), width=width)
    assert max(map(len, lines)) <= width
    assert any("0.9500" in line and line.startswith("1 ") for line in lines)


def test_the_top_of_the_table_keeps_the_baseline_in_sight(small: Path) -> None:
    lines = drawn(leaderboard(small), top=1)
    assert [line.split()[1] for line in lines if line[:1].isdigit()] == ["1", "0"]
    assert any(line.split()[1:3] == ["0", "baseline"] for line in lines)


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no sweep\.yaml"):
        leaderboard(tmp_path)
    assert list(tmp_path.iterdir()) == []
