"""A run whose trials train while a test looks on: its journal and its histories grow as a driver writes them."""

from __future__ import annotations

from pathlib import Path

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from search.run.history import append_row
from tests.search.runs import TrialRecord, add_trial, make_run, row


class LiveRun:
    """The run in ``directory``, new or as an earlier session left it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory if (directory / "study.journal").exists() else make_run(directory, [])
        self._storage = JournalStorage(JournalFileBackend(str(directory / "study.journal")))
        self._study = optuna.load_study(study_name=None, storage=self._storage)

    def start(self, number: int, *, baseline: bool = False) -> None:
        """A new trial."""
        told = TrialRecord(curve=[], state=TrialState.RUNNING, reason="", baseline=baseline)
        add_trial(self._study, self.directory, number=number, told=told, metric="val_accuracy")

    def epoch(self, number: int, epoch: int, value: float) -> None:
        """A trial finished an epoch."""
        self._storage.set_trial_intermediate_value(number, epoch, value)  # ids are numbers
        append_row(self.directory / "trials" / str(number) / "history.csv", row(epoch, value))

    def end(self, number: int, *, state: TrialState = TrialState.COMPLETE, reason: str = "finished") -> None:
        """A trial ended."""
        values = self._storage.get_trial(number).intermediate_values
        for name, value in {"reason": reason, "epochs": len(values), "seconds": 1.5}.items():
            self._storage.set_trial_user_attr(number, name, value)
        self._storage.set_trial_state_values(
            number, state, [max(values.values())] if state.name == "COMPLETE" else None
        )
