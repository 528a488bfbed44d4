"""What a result makes the driver do: as much for the thousandth trial as for the first."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.storages import InMemoryStorage, JournalStorage
from rich.console import Console

from search.halving.rungs import Rungs, quantile
from search.live.progress import Progress
from search.run.journal import OwnJournal
from search.run.reader import Run
from search.study.recorder import Recorder
from search.study.study import Study
from search.tuner.scheduler import Asha
from spaces.file.load import load_sweep
from spaces.file.write import write_yaml
from tests.search.commands import TINY
from trainables.trial.task import OUTCOME, Outcome

EPOCHS = 4
scores = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60)


@given(scores, st.integers(2, 5))
def test_the_cut_off_is_numpys_quantile_to_the_last_bit(values: list[float], factor: int) -> None:
    q = 1 - 1 / factor
    assert quantile(sorted(values), q) == float(np.quantile(values, q))


@given(scores, st.integers(2, 5))
def test_trials_are_judged_by_numpys_quantile_of_those_before(values: list[float], factor: int) -> None:
    rungs = Rungs(grace_epochs=1, reduction_factor=factor, epochs=2)
    for number, value in enumerate(values):
        go_on = number == 0 or value >= float(np.quantile(values[:number], 1 - 1 / factor))
        assert rungs.judge(number, epoch=1, score=value) == go_on


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each function of the storages is called, by its name."""
    counted: Counter[str] = Counter()

    def count(owner: type, name: str) -> None:
        function = getattr(owner, name)

        def call(*arguments: Any, **named: Any) -> Any:
            counted[f"{owner.__name__}.{name}"] += 1
            return function(*arguments, **named)

        monkeypatch.setattr(owner, name, call)

    for owner in (JournalStorage, InMemoryStorage):
        for name in ("get_all_trials", "get_trial", "set_trial_intermediate_value", "set_trial_user_attr"):
            count(owner, name)
    count(OwnJournal, "append_logs")
    return counted


def test_a_result_costs_the_hundredth_trial_what_it_cost_the_first(tmp_path: Path, calls: Counter[str]) -> None:
    (tmp_path / "tiny.yaml").write_text(TINY)
    sweep = load_sweep(tmp_path / "tiny.yaml", ["search.sampler=random", "search.trials=100"])
    write_yaml(tmp_path / "sweep.yaml", sweep.as_mapping())
    run = Run.begin(tmp_path, sweep.as_mapping(), about={"id": "0", "name": "tiny"})
    study = Study(tmp_path / "study.journal", sweep)
    recorder = Recorder(run, sweep, study, [Progress(run, Console(quiet=True))])
    asha = Asha(Rungs(grace_epochs=1, reduction_factor=2, epochs=EPOCHS), metric="val_accuracy")
    costs = []
    for number in range(100):
        proposal = study.next()
        assert proposal is not None
        recorder.start(proposal)
        calls.clear()
        for epoch in range(1, EPOCHS + 1):
            row = {"epoch": epoch, "val_accuracy": 0.5 + number / 1000, "seconds": 1.0}
            asha.on_trial_result(None, None, {OUTCOME: Outcome(number=number, row=row)})
            recorder.epoch(number, row)
        at_epochs = dict(calls)
        recorder.end(Outcome(number=number), reason="finished")
        costs.append((at_epochs, dict(calls)))
    assert costs[1:] == costs[:-1]
    epochs, ended = costs[-1]
    assert epochs["OwnJournal.append_logs"] == EPOCHS
    assert ended["OwnJournal.append_logs"] == EPOCHS + 6
    assert not {name for name in ended if name.endswith("get_all_trials")}
