"""Repair a run after a machine or a disk has failed: the journal first, then the files of its trials from it.

What a killed driver leaves behind is put in order silently; only damage is reported.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from optuna.trial import FrozenTrial

from search.formatting import format_count
from search.run.history import HISTORY, read_history, write_history
from search.run.journal import cut_half_record
from search.study.study import Study
from trainables.training import checkpoint
from trainables.training.history import Row


def repair_journal(journal: Path) -> list[str]:
    """Cut off a half-written end before the journal is opened, and return what was repaired.

    Raises:
        InputError: the journal is damaged in its middle.
    """
    if not (cut := cut_half_record(journal)):
        return []
    return [f"{journal.name}: the last {format_count(cut, 'byte')} were not a whole record and were cut off"]


def repair_trials(directory: Path, study: Study, *, metric: str) -> Iterator[str]:
    """Bring the files of all trials into line with the journal; yield what was damaged."""
    trials = study.trials()
    known = {str(trial.number) for trial in trials}
    for folder in sorted(directory.glob("trials/*")):
        if folder.name.isdecimal() and folder.name not in known:
            yield _put_aside(folder)
    for trial in trials:
        folder = directory / "trials" / str(trial.number)
        yield from _repair_checkpoint(folder / "checkpoint", trial)
        yield from _repair_history(folder, trial, study, metric=metric)
    for temporary in (*directory.glob(".*.tmp"), *directory.glob("trials/*/.*.tmp")):
        temporary.unlink()


def _put_aside(folder: Path) -> str:
    """Rename the folder of a trial that the journal lost; another trial will get its number."""
    aside = folder.with_name(f"{folder.name}.unknown")
    shutil.rmtree(aside, ignore_errors=True)
    folder.rename(aside)
    return f"trials/{folder.name}: the journal has no such trial; renamed to {aside.name}"


def _repair_checkpoint(folder: Path, trial: FrozenTrial) -> Iterator[str]:
    if trial.state.is_finished():
        shutil.rmtree(folder, ignore_errors=True)
    for path in checkpoint.remove_damaged(folder):
        kept = len(checkpoint.rows(folder))
        yield f"trials/{trial.number}/checkpoint/{path.name}: damaged; the trial continues after epoch {kept}"


def _repair_history(folder: Path, trial: FrozenTrial, study: Study, *, metric: str) -> Iterator[str]:
    """Restore a history from its file, else the checkpoint, else the journal, which has the metric alone."""
    file, curve = folder / HISTORY, trial.intermediate_values
    read = read_history(file)
    rows = read + checkpoint.rows(folder / "checkpoint")[len(read) :]
    if trial.state.is_finished():
        rows += [{"epoch": epoch, metric: curve[epoch]} for epoch in sorted(curve) if epoch > len(rows)]
    else:
        for row in rows[len(curve) :]:  # a machine that dies may lose the last second of the journal
            study.report(trial.number, epoch=int(row["epoch"]), value=row[metric])
    if rows != read or not _is_whole(file, rows=len(read)):
        folder.mkdir(parents=True, exist_ok=True)  # it may be lost as a whole
        write_history(file, rows)
        yield f"trials/{trial.number}/history.csv: damaged after epoch {len(read)}; {_regained(read, rows)}"


def _is_whole(file: Path, *, rows: int) -> bool:
    """Return whether the file holds its rows, the header above them, and nothing else."""
    text = file.read_bytes() if file.exists() else b""
    return text.endswith(b"\n") and text.count(b"\n") == rows + 1 if text else rows == 0


def _regained(read: list[Row], rows: list[Row]) -> str:
    regained = len(rows) - len(read)
    return f"{format_count(regained, 'epoch')} restored" if regained else "later epochs are trained again"
