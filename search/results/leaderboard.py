"""The ranked table of a run: the score of every trial in the search and in the confirmation."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Container, Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from optuna.trial import FrozenTrial

from search.results.headline import tied
from search.run.reader import Run, open_run
from search.run.trials import best_epoch, best_value, epochs, is_baseline, ranked, reason, seconds, state
from spaces.file.write import write_text
from trainables.spreadsheet import csv_text

ABOUT = (
    "rank",
    "trial",
    "state",
    "epochs",
    "mean",
    "sd",
    "seeds",
    "tied",
    "seconds",
    "best_epoch",
    "baseline",
    "reason",
)
"""The columns besides the metric and the open values; an open value of such a name gets its full name."""


def leaderboard(run_dir: str | os.PathLike[str] | Run) -> pd.DataFrame:
    """Return the trials of a run (its folder, or the opened run), the best first, one row each.

    Columns: rank, trial, state (complete, pruned, failed, unfinished), epochs, the metric (of the best epoch; NaN if
    none was reported), mean, sd and seeds (of the confirmation; NaN, NaN and 0 if a trial was not confirmed), tied
    (bool: confirmed, and statistically tied with the leader; see `search.results.significance`), seconds, best_epoch,
    baseline (bool), reason, then every open value under its short name, empty if its branch was not taken. Confirmed
    trials come first, by their means, then sound ones, by value, then those that diverged, then failed ones, then those
    that reported nothing; ties by number.

    Raises:
        InputError: there is no run in ``run_dir``.
    """
    run = open_run(run_dir)
    level = tied(run)
    rows = [row(run, trial, rank=rank, level=level) for rank, trial in enumerate(ranked(run), start=1)]
    frame = pd.DataFrame(rows, columns=columns(run))
    # Values of branches that were not taken are missing, and pandas would turn the integers into floats.
    whole = {column: "Int64" for name, column in value_columns(run).items() if holds_integers(run, name)}
    return frame.astype({"best_epoch": "Int64", "baseline": bool, "tied": bool, **whole})


def holds_integers(run: Run, name: str) -> bool:
    """Return whether every value of a hyperparameter is an integer."""
    values = [trial.params[name] for trial in run.trials if name in trial.params]
    return bool(values) and all(isinstance(value, int) and not isinstance(value, bool) for value in values)


def compared(run_dirs: Iterable[str | os.PathLike[str] | Run]) -> pd.DataFrame:
    """Return the leaderboards of several runs in one frame, the run in the first column; each keeps its own ranks.

    Raises:
        InputError: one of them is not a run.
    """
    runs = [open_run(run_dir) for run_dir in run_dirs]
    frames = []
    for run, label in zip(runs, labels(runs), strict=True):
        frame = leaderboard(run)
        frame.insert(0, "run", label)
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def labels(runs: Sequence[Run]) -> list[str]:
    """Return the names of the runs' folders; those that share one with as many folders above as tell them apart."""
    return [_label(run.directory, {other.directory for other in runs}) for run in runs]


def _label(directory: Path, every: Iterable[Path]) -> str:
    alike = [other for other in every if other != directory and other.name == directory.name]
    for count in range(1, len(directory.parts)):
        label = directory.parts[-count:]
        if all(other.parts[-count:] != label for other in alike):
            return str(Path(*label))
    return str(directory)


def columns(run: Run) -> list[str]:
    """Return the columns of the leaderboard, in order."""
    return [*ABOUT[:4], run.metric, *ABOUT[4:], *value_columns(run).values()]


def value_columns(run: Run) -> dict[str, str]:
    """Return the column of every open value, by full name."""
    taken = {*ABOUT, "run", run.metric}
    return {name: name if short in taken else short for name, short in run.names.items()}


def row(run: Run, trial: FrozenTrial, *, rank: int, level: Container[int] = ()) -> dict[str, Any]:
    """Return one row of the leaderboard, by column; ``level`` has the trials that are tied with the leader."""
    value, score = best_value(run, trial), run.scores.get(trial.number)
    named = value_columns(run)
    return {
        "rank": rank,
        "trial": trial.number,
        "state": state(trial),
        "epochs": epochs(trial),
        run.metric: math.nan if value is None else value,
        "mean": score.mean if score else math.nan,
        "sd": score.sd if score else math.nan,
        "seeds": len(score.by_seed) if score else 0,
        "tied": trial.number in level,
        "seconds": seconds(trial),
        "best_epoch": best_epoch(run, trial),
        "baseline": is_baseline(trial),
        "reason": reason(trial),
        **{named.get(name, name): value for name, value in trial.params.items()},
    }


def write_csv(frame: pd.DataFrame, destination: Path) -> None:
    """Write the leaderboard as CSV, atomically."""
    write_text(destination, csv_text(frame))


def as_json(frame: pd.DataFrame) -> str:
    """Return the leaderboard as a JSON list of objects, one per line; empty fields are null."""
    whole = frame.astype(object).where(frame.notna(), None)
    lines = [json.dumps(record, ensure_ascii=False, default=str) for record in whole.to_dict("records")]
    return "[\n" + ",\n".join(lines) + "\n]" if lines else "[]"
