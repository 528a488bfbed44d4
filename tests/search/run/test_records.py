"""A record of a journal is one that Optuna can replay, or is refused with the field that is wrong."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from random import Random
from typing import Any

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.storages import JournalStorage
from optuna.storages.journal import BaseJournalBackend

from search.run.journal import whole_records
from search.run.reader import open_run
from search.run.records import fault_of
from spaces.problem import InputError
from tests.foreign_runs import make_whole_run
from tests.mutations import RECORDS, edit
from tests.search.runs import make_run

OLD = Path(__file__).parents[2] / "promises" / "old_run" / "study.journal"


class Records(BaseJournalBackend):
    """A journal in memory."""

    def __init__(self, records: list[dict[str, Any]]) -> None:
        self._records = records

    def read_logs(self, log_number_from: int) -> Iterable[dict[str, Any]]:
        return self._records[log_number_from:]

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        raise AssertionError("only read")


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Every kind of record that Tunehound writes."""
    run = make_whole_run(tmp_path_factory.mktemp("runs") / "theirs")
    return [*whole_records(run / "study.journal")[0], *whole_records(OLD)[0][3:]]


def test_what_tunehound_writes_and_wrote_is_in_order(records: list[dict[str, Any]]) -> None:
    assert [fault for record in records if (fault := fault_of(record))] == []


@settings(max_examples=150, deadline=None)
@given(random=st.randoms(use_true_random=False))
def test_whatever_is_not_refused_optuna_can_replay(records: list[dict[str, Any]], random: Random) -> None:
    at = random.randrange(len(records))
    changed, _ = edit(records[at], random)
    if not isinstance(changed, dict) or fault_of(changed):
        return
    storage = JournalStorage(Records([*records[:at], changed, *records[at + 1 :]]))
    for study in storage.get_all_studies():
        for trial in optuna.load_study(study_name=study.study_name, storage=storage).get_trials():
            assert all(isinstance(value, (int, float)) for value in trial.intermediate_values.values())
            assert trial.value is None or isinstance(trial.value, (int, float))


REFUSED = {
    "study_name: Field required": {"op_code": 0},
    "do": {"op_code": 99, "worker_id": "w"},
    "user_attr.epochs: Input should be a valid integer, not “many”": next(
        each for each in RECORDS if isinstance(each, dict) and each.get("user_attr") == {"epochs": "many"}
    ),
    "step: Input should be greater than or equal to 1, not -7": next(
        each for each in RECORDS if isinstance(each, dict) and each.get("step") == -7
    ),
}


@pytest.mark.parametrize("words", REFUSED)
def test_a_wrong_record_is_refused_with_the_file_the_line_and_the_field(tmp_path: Path, words: str) -> None:
    run = make_run(tmp_path / "theirs")
    lines = (run / "study.journal").read_text().splitlines()
    (run / "study.journal").write_text("\n".join([*lines, json.dumps(REFUSED[words])]) + "\n")
    with pytest.raises(InputError) as caught:
        open_run(run)
    assert words in str(caught.value)
    assert f"study.journal:{len(lines) + 1}" in str(caught.value)
    assert "→ restore a copy" in str(caught.value)


def test_a_confirmation_of_trials_that_are_not_there_is_refused(tmp_path: Path) -> None:
    run = make_run(tmp_path / "theirs")
    note = {"confirming": {"trials": [99], "seeds": [1], "overlap": 0.1}}
    with (run / "study.journal").open("a") as journal:
        journal.write(json.dumps({"op_code": 2, "worker_id": "w", "study_id": 0, "user_attr": note}) + "\n")
    with pytest.raises(InputError, match="a run of 6 trials confirms some of these; got trial 99"):
        open_run(run)
