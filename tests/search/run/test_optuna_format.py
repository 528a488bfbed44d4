"""Optuna's private parts are where we look for them, and its journal is written as we read it."""

from __future__ import annotations

from pathlib import Path

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState, create_trial

from search.run.events import EpochReported, TrialCreated, TrialEnded
from search.run.journal import events, whole_records
from search.run.optuna_format import JournalOperation

ROOT = Path(__file__).parents[3]
NUMBERS = {"CREATE_TRIAL": 4, "SET_TRIAL_INTERMEDIATE_VALUE": 7, "SET_TRIAL_USER_ATTR": 8}
"""By which the journals of older runs call these records: they are read for ever."""


def test_the_numbers_of_optunas_records_are_those_of_the_journals_that_were_written() -> None:
    assert {name: int(JournalOperation[name]) for name in NUMBERS} == NUMBERS


def test_what_optuna_itself_writes_is_read_as_what_happened(tmp_path: Path) -> None:
    """With Optuna's own backend: its records, not ours."""
    path = tmp_path / "study.journal"
    study = optuna.create_study(storage=JournalStorage(JournalFileBackend(str(path))), study_name="one")
    for baseline in (True, False):
        study.add_trial(create_trial(state=TrialState.RUNNING, user_attrs={"baseline": baseline}))
    first, second = (optuna.trial.Trial(study, trial._trial_id) for trial in study.get_trials())
    second.report(0.25, step=1)
    first.report(0.5, step=1)
    first.set_user_attr("epochs", 1)
    first.set_user_attr("reason", "asha")
    assert list(events(path)) == [
        TrialCreated(number=0, baseline=True),
        TrialCreated(number=1, baseline=False),
        EpochReported(number=1, epoch=1, value=0.25),
        EpochReported(number=0, epoch=1, value=0.5),
        TrialEnded(number=0, reason="asha"),
    ]


def test_a_trial_is_one_record_with_all_its_values(tmp_path: Path) -> None:
    """So that no kill leaves half a proposal behind."""
    path = tmp_path / "study.journal"
    study = optuna.create_study(storage=JournalStorage(JournalFileBackend(str(path))), study_name="one")
    before = len(whole_records(path)[0])
    distribution = optuna.distributions.FloatDistribution(0, 1)
    study.add_trial(create_trial(state=TrialState.RUNNING, params={"x": 0.5}, distributions={"x": distribution}))
    (record,) = whole_records(path)[0][before:]
    assert record["op_code"] == JournalOperation.CREATE_TRIAL
    assert record["params"] == {"x": 0.5}


def test_no_other_module_of_the_product_touches_private_parts_of_optuna() -> None:
    private = ("._study_id", "._trial_id", "optuna.storages.journal._", "optuna._")
    users = {
        file.relative_to(ROOT).as_posix()
        for package in ("search", "trainables", "spaces", "clusters")
        for file in (ROOT / package).rglob("*.py")
        if any(name in file.read_text() for name in private)
    }
    assert users == {"search/run/optuna_format.py"}
