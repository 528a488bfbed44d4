"""Several runs compared: the best value of each, its gain over the baseline, its cost, its test scores."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from typing import Any

import pandas as pd

from search.results.held_out_scores import metrics
from search.results.leaderboard import labels, leaderboard
from search.run.reader import Run, open_run

COLUMNS = (
    "run", "metric", "value", "sd", "seeds", "trial", "baseline", "gain", "trials", "epochs", "seconds",
    "wall_seconds", "test_accuracy", "test_loss",
)  # fmt: skip


def comparison(run_dirs: Iterable[str | os.PathLike[str] | Run]) -> pd.DataFrame:
    """Compare runs, one row each; the best first if all have the same metric, else in the order given.

    Columns: run (its folder's name; of runs that share one with the folders above that differ), metric, value and sd
    (of the leading trial: its mean over the seeds of the confirmation, or its best epoch without one, and then no sd),
    seeds, trial (its number), baseline (the same of the baseline),
    gain (value − baseline), trials, epochs and seconds (of all trials, summed: slot time), wall_seconds (of the whole
    sweep, by the clock on the wall), test_accuracy and test_loss (cross-entropy;
    their means if retraining used several seeds). What is not known is empty.

    Raises:
        InputError: one of them is not a run.
    """
    runs = [open_run(run_dir) for run_dir in run_dirs]
    lines = [line(run, label) for run, label in zip(runs, labels(runs), strict=True)]
    frame = pd.DataFrame(lines, columns=list(COLUMNS))
    if frame["metric"].nunique() == 1:
        frame = frame.sort_values("value", ascending=frame["metric"].iloc[0] == "val_loss", kind="stable")
    return frame.astype({"trial": "Int64"}).reset_index(drop=True)


def line(run: Run, label: str) -> dict[str, Any]:
    """Return one run, by column."""
    frame = leaderboard(run)
    known = frame[frame[run.metric].notna()].head(1)
    baseline = frame[frame["baseline"]].head(1)
    tested = metrics(run.directory)
    value, base = worth(known, run.metric), worth(baseline, run.metric)
    return {
        "run": label,
        "metric": run.metric,
        "value": value,
        "sd": math.nan if known.empty else float(known["sd"].iloc[0]),
        "seeds": 0 if known.empty else int(known["seeds"].iloc[0]),
        "trial": None if known.empty else int(known["trial"].iloc[0]),
        "baseline": base,
        "gain": value - base,
        "trials": len(frame),
        "epochs": int(frame["epochs"].sum()),
        "seconds": float(frame["seconds"].sum()),
        "wall_seconds": 3600 * float((run.notes.get("spent") or {}).get("hours") or math.nan),
        "test_accuracy": tested.get("accuracy", math.nan),
        "test_loss": tested.get("cross_entropy", math.nan),
    }


def worth(row: pd.DataFrame, metric: str) -> float:
    """Return the confirmed mean of a row of the leaderboard, or the score of the search; NaN if there is no row."""
    if row.empty:
        return math.nan
    return float(row["mean"].iloc[0] if row["seeds"].iloc[0] else row[metric].iloc[0])
