"""Makes a run whole again after a machine or a disk has failed: the journal first, and from it the trials' own files.

What a killed driver leaves behind is put in order without a word; what is told is damage.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from optuna.trial import FrozenTrial

from search.formatting import counted
from search.run.history import HISTORY, read_history, write_history
from search.run.journal import cut_half_record
from search.study.study import Study
from trainables.training import checkpoint
from trainables.training.history import Row


def mend_journal(journal: Path) -> list[str]:
    """Cuts off a half-written end, before the journal is opened; says so.

    Raises:
        InputError: the journal is damaged in its middle.
    """
    cut = cut_half_record(journal)
    return [f"{journal.name}: the last {counted(cut, 'byte')} were no whole record, and were cut off"] if cut else []


def mend_trials(directory: Path, study: Study, *, metric: str) -> Iterator[str]:
    """Brings the files of all trials into line with the journal; says what was damaged."""
    trials = study.trials()
    known = {str(trial.number) for trial in trials}
    for folder in sorted(directory.glob("trials/*")):
        if folder.name.isdecimal() and folder.name not in known:
            yield _put_aside(folder)
    for trial in trials:
        folder = directory / "trials" / str(trial.number)
        yield from _mend_checkpoint(folder / "checkpoint", trial)
        yield from _mend_history(folder, trial, study, metric=metric)
    for temporary in (*directory.glob(".*.tmp"), *directory.glob("trials/*/.*.tmp")):
        temporary.unlink()


def _put_aside(folder: Path) -> str:
    """Of a trial that the journal lost; its number will be given to another one."""
    aside = folder.with_name(f"{folder.name}.unknown")
    shutil.rmtree(aside, ignore_errors=True)
    folder.rename(aside)
    return f"trials/{folder.name}: the journal knows no such trial; put aside as {aside.name}"


def _mend_checkpoint(folder: Path, trial: FrozenTrial) -> Iterator[str]:
    if trial.state.is_finished():
        shutil.rmtree(folder, ignore_errors=True)
    for path in checkpoint.remove_damaged(folder):
        kept = len(checkpoint.rows(folder))
        yield f"trials/{trial.number}/checkpoint/{path.name}: damaged; the trial goes on after epoch {kept}"


def _mend_history(folder: Path, trial: FrozenTrial, study: Study, *, metric: str) -> Iterator[str]:
    """The rows come from the file, else from the checkpoint, else — the metric alone — from the journal."""
    file, curve = folder / HISTORY, trial.intermediate_values
    read = read_history(file)
    rows = read + checkpoint.rows(folder / "checkpoint")[len(read) :]
    if trial.state.is_finished():
        rows += [{"epoch": epoch, metric: curve[epoch]} for epoch in sorted(curve) if epoch > len(rows)]
    else:
        for row in rows[len(curve) :]:  # a machine that dies takes the last second of the journal along
            study.report(trial.number, epoch=int(row["epoch"]), value=row[metric])
    if rows != read or not _is_whole(file, rows=len(read)):
        write_history(file, rows)
        yield f"trials/{trial.number}/history.csv: damaged after epoch {len(read)}; {_regained(read, rows)}"


def _is_whole(file: Path, *, rows: int) -> bool:
    """Whether the file holds its rows and the header above them, and nothing else."""
    text = file.read_bytes() if file.exists() else b""
    return text.endswith(b"\n") and text.count(b"\n") == rows + 1 if text else rows == 0


def _regained(read: list[Row], rows: list[Row]) -> str:
    regained = len(rows) - len(read)
    return f"{counted(regained, 'epoch')} regained" if regained else "what follows is trained again"
