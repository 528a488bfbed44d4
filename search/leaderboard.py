"""The ranked table of a run: best-so-far of every trial, the baseline marked, the winner told in a sentence."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd
from optuna.trial import FrozenTrial

from search.opened import Run, best_epoch, best_value, epochs, is_baseline, open_run, ranked, reason, seconds, state
from search.wording import against
from spaces.write import write_text

ABOUT = ("rank", "trial", "state", "epochs", "mean", "sd", "seeds", "seconds", "best_epoch", "baseline", "reason")
"""The columns besides the metric and the open values; an open value of such a name is told by its full name."""


def leaderboard(run_dir: str | os.PathLike[str]) -> pd.DataFrame:
    """The trials of a run, the best first, one row each.

    Columns: rank, trial, state (complete, pruned, failed, unfinished), epochs, the metric (of the best epoch; NaN where
    none was reported), mean, sd and seeds (of the confirmation; empty before), seconds, best_epoch, baseline (bool),
    reason, then every open value under its short name, empty where its branch was not taken. Sound trials come
    first, by value, then those that diverged, then failed ones, then those that reported nothing; ties by number.

    Raises:
        InputError: there is no run in ``run_dir``.
    """
    run = open_run(run_dir)
    rows = [row(run, trial, rank=rank) for rank, trial in enumerate(ranked(run), start=1)]
    frame = pd.DataFrame(rows, columns=columns(run))
    # Where a branch was not taken a value is missing, and pandas would turn whole numbers into floats.
    whole = {column: "Int64" for name, column in value_columns(run).items() if holds_integers(run, name)}
    return frame.astype({"best_epoch": "Int64", "baseline": bool, **whole})


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


def row(run: Run, trial: FrozenTrial, *, rank: int) -> dict[str, Any]:
    """One line of the leaderboard, by column."""
    value = best_value(run, trial)
    named = value_columns(run)
    return {
        "rank": rank,
        "trial": trial.number,
        "state": state(trial),
        "epochs": epochs(trial),
        run.metric: math.nan if value is None else value,
        "mean": math.nan,
        "sd": math.nan,
        "seeds": 0,
        "seconds": seconds(trial),
        "best_epoch": best_epoch(run, trial),
        "baseline": is_baseline(trial),
        "reason": reason(trial),
        **{named.get(name, name): value for name, value in trial.params.items()},
    }


def write_csv(frame: pd.DataFrame, destination: Path) -> None:
    """Writes the leaderboard as CSV, whole or not at all."""
    write_text(destination, frame.to_csv(index=False, lineterminator="\n"))


def as_json(frame: pd.DataFrame) -> str:
    """The leaderboard as a JSON list of objects, a line each; what is empty is null."""
    whole = frame.astype(object).where(frame.notna(), None)
    lines = [json.dumps(record, ensure_ascii=False, default=str) for record in whole.to_dict("records")]
    return "[\n" + ",\n".join(lines) + "\n]" if lines else "[]"


def verdict(frame: pd.DataFrame, metric: str) -> str:
    """The winner against the baseline, in a sentence, with no more certainty than one seed gives."""
    sound = frame[frame[metric].notna()]
    if sound.empty:
        return "No trial has reported a finite " + metric + " yet."
    best, value = sound.iloc[0], float(sound.iloc[0][metric])
    reached = f"Trial {best['trial']} reaches {metric} {value:.4f}"
    if not frame["baseline"].any():
        return f"{reached}, the best of {len(sound)}; the sweep names no baseline to compare with."
    if best["baseline"]:
        return f"The baseline leads with {metric} {value:.4f}: none of the other trials beats it (one seed each)."
    base = float(frame[frame["baseline"]].iloc[0][metric])
    if math.isnan(base):
        return f"{reached}; the baseline has reported none to compare with."
    return f"{reached}, {against(value, base)} (one seed each: confirm before you trust the difference)."
