"""Record what the trials of a run report: first in the journal, then in the trial's own files, then to listeners."""

from __future__ import annotations

import logging
import math
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from search.run.confirmation import trainings
from search.run.events import STATES, Listener, Reason, TrialFinished, TrialInfo
from search.run.history import HISTORY, append_row, read_history, write_history
from search.run.reader import Run
from search.run.trials import best_trial
from search.study.study import Proposal, Study
from spaces.config.metric import maximised
from spaces.config.trial import TrialConfig
from spaces.domains.close import close_values
from spaces.domains.names import short_names
from spaces.file.sweep import Sweep
from spaces.file.write import write_text, write_yaml
from trainables.training.history import Row
from trainables.trial.task import Outcome

log = logging.getLogger(__name__)


@dataclass
class RunningTrial:
    """A trial in training."""

    proposal: Proposal
    config: TrialConfig
    folder: Path
    rows: list[Row]
    split_seed: int | None = None
    """Seed of a new train/validation split; None keeps the split of the configuration."""

    @property
    def seconds(self) -> float:
        """Seconds trained so far."""
        return round(sum(row.get("seconds", 0.0) for row in self.rows), 3)

    def repeats(self, row: Row) -> bool:
        """Return whether an epoch is known already and was trained again after an accident."""
        return int(row["epoch"]) <= len(self.rows)

    def keep(self, row: Row) -> None:
        """Enter an epoch into the history; one that is repeated replaces its row."""
        if self.repeats(row):
            self.rows[int(row["epoch"]) - 1] = row
            write_history(self.folder / HISTORY, self.rows)
        else:
            self.rows.append(row)
            append_row(self.folder / HISTORY, row)


def open_folder(
    proposal: Proposal, config: TrialConfig, folder: Path, *, split_seed: int | None = None
) -> RunningTrial:
    """Open the folder of a trial: write its configuration there, and read the epochs that are there already."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "config.yaml").exists():
        write_yaml(folder / "config.yaml", config.model_dump(mode="json"))
    return RunningTrial(proposal, config, folder, rows=read_history(folder / HISTORY), split_seed=split_seed)


def epochs_trained(study: Study) -> int:
    """Return the number of epochs trained, in the search and in the confirmation."""
    searched = sum(len(trial.intermediate_values) for trial in study.trials())
    return searched + sum(training.epochs for training in trainings(study.notes))


def best_of(rows: Sequence[Row], metric: str) -> tuple[int | None, float | None]:
    """Return the first epoch with the best finite metric, and that metric; None and None if there is none."""
    finite = {int(row["epoch"]): row[metric] for row in rows if math.isfinite(row[metric])}
    if not finite:
        return None, None
    epoch = (max if maximised(metric) else min)(finite, key=finite.__getitem__)
    return epoch, finite[epoch]


class Recorder:
    """The only writer of a run."""

    def __init__(self, run: Run, sweep: Sweep, study: Study, listeners: Sequence[Listener]) -> None:
        self.running: dict[int, RunningTrial] = {}
        self.run, self._sweep, self._study, self._listeners = run, sweep, study, listeners
        self._short = short_names(sweep.open_values)
        self.epochs = epochs_trained(study)
        """Number of epochs trained so far, including those of an earlier confirmation."""

    def start(self, proposal: Proposal) -> RunningTrial:
        """Start a trial, or continue it."""
        config = close_values(self._sweep.trial, proposal.values)
        trial = open_folder(proposal, config, self.run.directory / "trials" / str(proposal.number))
        self.running[proposal.number] = trial
        values = {self._short[name]: value for name, value in proposal.values.items()}
        info = TrialInfo(number=proposal.number, values=values, config=config, baseline=proposal.baseline)
        for listener in self._listeners:
            listener.started(info)
        return trial

    def ready(self) -> None:
        """Tell the listeners that a process trains from now on."""
        for listener in self._listeners:
            listener.ready()

    def epoch(self, number: int, row: Row) -> None:
        """Record an epoch; one that is repeated after an accident only replaces its row in the history."""
        trial = self.running[number]
        self.epochs += 1
        if trial.repeats(row):
            trial.keep(row)
            return
        self._study.report(number, epoch=int(row["epoch"]), value=row[self.run.metric])
        trial.keep(row)
        for listener in self._listeners:
            listener.epoch(number, row)

    def end(self, outcome: Outcome, *, reason: Reason) -> None:
        """Record the end of a trial."""
        trial = self.running.pop(outcome.number)
        end = self._summary(trial, reason, outcome)
        if outcome.error:
            write_text(trial.folder / "error.txt", outcome.error)
        self._study.tell(end)
        if end.state != "interrupted":
            shutil.rmtree(trial.folder / "checkpoint", ignore_errors=True)
        for listener in self._listeners:
            listener.ended(end)

    def close(self) -> None:
        """Close the listeners: the session is over."""
        leading = best_trial(self.run.as_of(self._study.journal))
        for listener in self._listeners:
            try:
                listener.close(leading.number if leading else None)
            except Exception:
                log.exception("a listener did not close")

    def _summary(self, trial: RunningTrial, reason: Reason, outcome: Outcome) -> TrialFinished:
        best_epoch, value = best_of(trial.rows, self.run.metric)
        return TrialFinished(
            number=trial.proposal.number,
            state=STATES[reason],
            reason=reason,
            best_epoch=best_epoch,
            value=value,
            epochs=len(trial.rows),
            seconds=trial.seconds,
            slowest_s=max((row.get("seconds", 0.0) for row in trial.rows), default=0.0),
            message=outcome.message,
            host=outcome.host,
        )
