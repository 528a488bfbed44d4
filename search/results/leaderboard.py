"""The ranked table of a run: what the search saw of every trial, what the confirmation found, the baseline marked."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Container, Iterable
from pathlib import Path
from typing import Any

import pandas as pd
from optuna.trial import FrozenTrial

from search.results.headline import tied
from search.run.reader import Run, best_epoch, best_value, epochs, is_baseline, open_run, ranked, reason, seconds, state
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
"""The columns besides the metric and the open values; an open value of such a name is told by its full name."""


def leaderboard(run_dir: str | os.PathLike[str] | Run) -> pd.DataFrame:
    """The trials of a run (its folder, or the run opened already), the best first, one row each.

    Columns: rank, trial, state (complete, pruned, failed, unfinished), epochs, the metric (of the best epoch; NaN where
    none was reported), mean, sd and seeds (of the confirmation; NaN, NaN and 0 where a trial was not confirmed), tied
    (bool: confirmed, and not to be told apart from the first; see `search.results.significance`), seconds, best_epoch,
    baseline (bool), reason, then every open value under its short name, empty where its branch was not taken. Confirmed
    trials come first, by their means, then sound ones, by value, then those that diverged, then failed ones, then those
    that reported nothing; ties by number.

    Raises:
        InputError: there is no run in ``run_dir``.
    """
    run = run_dir if isinstance(run_dir, Run) else open_run(run_dir)
    level = tied(run)
    rows = [row(run, trial, rank=rank, level=level) for rank, trial in enumerate(ranked(run), start=1)]
    frame = pd.DataFrame(rows, columns=columns(run))
    # Where a branch was not taken a value is missing, and pandas would turn whole numbers into floats.
    whole = {column: "Int64" for name, column in value_columns(run).items() if holds_integers(run, name)}
    return frame.astype({"best_epoch": "Int64", "baseline": bool, "tied": bool, **whole})


def holds_integers(run: Run, name: str) -> bool:
    """Whether every value that trials took for an open value is a whole number."""
    values = [trial.params[name] for trial in run.trials if name in trial.params]
    return bool(values) and all(isinstance(value, int) and not isinstance(value, bool) for value in values)


def compared(run_dirs: Iterable[str | os.PathLike[str]]) -> pd.DataFrame:
    """The leaderboards of several runs in one frame, the run's name in the first column; each keeps its own ranks.

    Raises:
        InputError: one of them is no run.
    """
    frames = []
    for run_dir in run_dirs:
        frame = leaderboard(run_dir)
        frame.insert(0, "run", Path(run_dir).resolve().name)
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def columns(run: Run) -> list[str]:
    """The columns of the leaderboard, in order."""
    return [*ABOUT[:4], run.metric, *ABOUT[4:], *value_columns(run).values()]


def value_columns(run: Run) -> dict[str, str]:
    """Full name of every open value → its column."""
    taken = {*ABOUT, "run", run.metric}
    return {name: name if short in taken else short for name, short in run.names.items()}


def row(run: Run, trial: FrozenTrial, *, rank: int, level: Container[int] = ()) -> dict[str, Any]:
    """One line of the leaderboard, by column; ``level`` has the numbers of the trials tied with the first."""
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
    """Writes the leaderboard as CSV, whole or not at all."""
    write_text(destination, csv_text(frame))


def as_json(frame: pd.DataFrame) -> str:
    """The leaderboard as a JSON list of objects, a line each; what is empty is null."""
    whole = frame.astype(object).where(frame.notna(), None)
    lines = [json.dumps(record, ensure_ascii=False, default=str) for record in whole.to_dict("records")]
    return "[\n" + ",\n".join(lines) + "\n]" if lines else "[]"
