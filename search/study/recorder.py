"""Keeps the record of a run as its trials report: first the journal, then the trial's own files, then the listeners."""

from __future__ import annotations

import logging
import math
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from search.run.confirmation import trainings
from search.run.events import STATES, Listener, Reason, RunInfo, TrialEnd, TrialInfo
from search.run.history import HISTORY, append_row, read_history, write_history
from search.run.reader import best_trial, open_run
from search.study.study import Proposal, Study
from spaces.config.metric import maximised
from spaces.config.trial import TrialConfig
from spaces.domains.close import close_values
from spaces.domains.names import short_names
from spaces.file.sweep import Sweep
from spaces.file.write import write_yaml
from trainables.training.history import Row
from trainables.trial.task import Outcome

log = logging.getLogger(__name__)


@dataclass
class Running:
    """A trial in training."""

    proposal: Proposal
    config: TrialConfig
    folder: Path
    rows: list[Row]
    split_seed: int | None = None
    """Divides train and validation anew; None leaves them as the configuration has them."""

    @property
    def seconds(self) -> float:
        """Trained so far."""
        return round(sum(row.get("seconds", 0.0) for row in self.rows), 3)

    def repeats(self, row: Row) -> bool:
        """Whether an epoch was there before, and is trained again after an accident."""
        return int(row["epoch"]) <= len(self.rows)

    def keep(self, row: Row) -> None:
        """Enters an epoch into the history; one that is repeated replaces its row."""
        if self.repeats(row):
            self.rows[int(row["epoch"]) - 1] = row
            write_history(self.folder / HISTORY, self.rows)
        else:
            self.rows.append(row)
            append_row(self.folder / HISTORY, row)


def opened_folder(proposal: Proposal, config: TrialConfig, folder: Path, *, split_seed: int | None = None) -> Running:
    """A trial in its folder, with the configuration written there and the epochs that are there already."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "config.yaml").exists():
        write_yaml(folder / "config.yaml", config.model_dump(mode="json"))
    return Running(proposal, config, folder, rows=read_history(folder / HISTORY), split_seed=split_seed)


def epochs_trained(study: Study) -> int:
    """Over all trials, in the search and in the confirmation."""
    searched = sum(len(trial.intermediate_values) for trial in study.trials())
    return searched + sum(training.epochs for training in trainings(study.notes))


def best_of(rows: Sequence[Row], metric: str) -> tuple[int | None, float | None]:
    """The first epoch with the best finite metric, and that; None and None where there is none."""
    finite = {int(row["epoch"]): row[metric] for row in rows if math.isfinite(row[metric])}
    if not finite:
        return None, None
    epoch = (max if maximised(metric) else min)(finite, key=finite.__getitem__)
    return epoch, finite[epoch]


class Recorder:
    """The one writer of a run."""

    def __init__(self, run: RunInfo, sweep: Sweep, study: Study, listeners: Sequence[Listener]) -> None:
        self.running: dict[int, Running] = {}
        self.run, self._sweep, self._study, self._listeners = run, sweep, study, listeners
        self._short = short_names(sweep.open_values)
        self.epochs = epochs_trained(study)
        """Epochs trained, over all trials, those of an earlier confirmation among them."""

    def start(self, proposal: Proposal) -> Running:
        """A trial is handed out, new or continued."""
        config = close_values(self._sweep.trial, proposal.values)
        trial = opened_folder(proposal, config, self.run.directory / "trials" / str(proposal.number))
        self.running[proposal.number] = trial
        values = {self._short[name]: value for name, value in proposal.values.items()}
        info = TrialInfo(number=proposal.number, values=values, config=config, baseline=proposal.baseline)
        for listener in self._listeners:
            listener.started(info)
        return trial

    def epoch(self, number: int, row: Row) -> None:
        """A trial finished an epoch; one that it repeats after an accident replaces its row, and is told to nobody."""
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
        """A trial ended."""
        trial = self.running.pop(outcome.number)
        end = self._summary(trial, reason, outcome)
        if outcome.error:
            (trial.folder / "error.txt").write_text(outcome.error)
        self._study.tell(end)
        if end.state != "interrupted":
            shutil.rmtree(trial.folder / "checkpoint", ignore_errors=True)
        for listener in self._listeners:
            listener.ended(end)

    def close(self) -> None:
        """The run is over, or stops for now."""
        leading = best_trial(open_run(self.run.directory))
        for listener in self._listeners:
            try:
                listener.close(leading.number if leading else None)
            except Exception:
                log.exception("a listener did not close")

    def _summary(self, trial: Running, reason: Reason, outcome: Outcome) -> TrialEnd:
        best_epoch, value = best_of(trial.rows, self.run.metric)
        return TrialEnd(
            number=trial.proposal.number,
            state=STATES[reason],
            reason=reason,
            best_epoch=best_epoch,
            value=value,
            epochs=len(trial.rows),
            seconds=trial.seconds,
            slowest_s=max((row.get("seconds", 0.0) for row in trial.rows), default=0.0),
            told=outcome.told,
            host=outcome.host,
        )
