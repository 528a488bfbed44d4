"""Keeps the record of a run as its trials report: first the journal, then the trial's own files, then the listeners."""

from __future__ import annotations

import logging
import math
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from search.history import HISTORY, append_row, read_history, write_history
from search.opened import best_trial, open_run
from search.record import Listener, Reason, RunInfo, State, TrialEnd, TrialInfo
from search.study import Proposal, Study
from spaces.close import close_values
from spaces.config import TrialConfig
from spaces.metric import maximised
from spaces.names import short_names
from spaces.sweep import Sweep
from spaces.write import write_yaml
from trainables.history import Row
from trainables.trial import Outcome

log = logging.getLogger(__name__)

STATES: dict[str, State] = {
    "finished": "complete",
    "patience": "complete",
    "asha": "pruned",
    "diverged": "pruned",
    "out of memory": "pruned",
    "error": "fail",
    "disk full": "interrupted",
    "lost": "fail",
    "interrupted": "interrupted",
}
"""What each way of ending means to the sampler: a result at full length, a result to learn from, an accident."""


@dataclass
class Running:
    """A trial in training."""

    proposal: Proposal
    config: TrialConfig
    folder: Path
    rows: list[Row]


class Recorder:
    """The one writer of a run."""

    def __init__(self, run: RunInfo, sweep: Sweep, study: Study, listeners: Sequence[Listener]) -> None:
        self.running: dict[int, Running] = {}
        self.run, self._sweep, self._study, self._listeners = run, sweep, study, listeners
        self._short = short_names(sweep.open_values)
        self._sign = 1 if maximised(run.metric) else -1
        trials = study.trials()
        self.epochs = sum(len(trial.intermediate_values) for trial in trials)
        """Epochs trained, over all trials."""

    def start(self, proposal: Proposal) -> Running:
        """A trial is handed out, new or continued."""
        folder = self._folder(proposal.number)
        config = close_values(self._sweep.trial, proposal.values)
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "config.yaml").exists():
            write_yaml(folder / "config.yaml", config.model_dump(mode="json"))
        trial = Running(proposal, config, folder, rows=read_history(folder / HISTORY))
        self.running[proposal.number] = trial
        values = {self._short[name]: value for name, value in proposal.values.items()}
        info = TrialInfo(number=proposal.number, values=values, config=config, baseline=proposal.baseline)
        for listener in self._listeners:
            listener.started(info)
        return trial

    def epoch(self, number: int, row: Row) -> None:
        """A trial finished an epoch; one that it repeats after an accident replaces its row, and is told to nobody."""
        trial, position = self.running[number], int(row["epoch"]) - 1
        self.epochs += 1
        if position < len(trial.rows):
            trial.rows[position] = row
            write_history(trial.folder / HISTORY, trial.rows)
            return
        self._study.report(number, epoch=position + 1, value=row[self.run.metric])
        trial.rows.append(row)
        append_row(trial.folder / HISTORY, row)
        for listener in self._listeners:
            listener.epoch(number, row)

    def end(self, outcome: Outcome, *, reason: Reason) -> None:
        """A trial ended."""
        trial = self.running.pop(outcome.number)
        end = self._summary(trial, reason, told=outcome.told)
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

    def _folder(self, number: int) -> Path:
        return self.run.directory / "trials" / str(number)

    def _summary(self, trial: Running, reason: Reason, *, told: str) -> TrialEnd:
        values = {int(row["epoch"]): row[self.run.metric] for row in trial.rows}
        finite = {epoch: value for epoch, value in values.items() if math.isfinite(value)}
        best_epoch = max(finite, key=lambda epoch: (self._sign * finite[epoch], -epoch)) if finite else None
        return TrialEnd(
            number=trial.proposal.number,
            state=STATES[reason],
            reason=reason,
            best_epoch=best_epoch,
            value=finite[best_epoch] if best_epoch else None,
            epochs=len(trial.rows),
            seconds=round(sum(row.get("seconds", 0.0) for row in trial.rows), 3),
            told=told,
        )
