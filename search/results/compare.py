"""Several runs against each other: what each came to, against its baseline, at what cost, and what its test said."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from typing import Any

import pandas as pd

from search.results.held_out_scores import metrics
from search.results.leaderboard import leaderboard
from search.run.reader import open_run

COLUMNS = (
    "run", "metric", "value", "sd", "seeds", "trial", "baseline", "gain", "trials", "epochs", "seconds",
    "test_accuracy", "test_loss",
)  # fmt: skip


def comparison(run_dirs: Iterable[str | os.PathLike[str]]) -> pd.DataFrame:
    """A line a run; the best first where all are about the same metric, else in the order given.

    Columns: run, metric, value and sd (of the leading trial: its mean over the seeds of the confirmation, or its best
    epoch where there was none, then without an sd), seeds, trial (its number), baseline (the same of the baseline),
    gain (value − baseline), trials, epochs and seconds (of all trials), test_accuracy and test_loss (cross-entropy;
    their means where retraining took several seeds). What is not known is empty.

    Raises:
        InputError: one of them is no run.
    """
    lines = [line(run_dir) for run_dir in run_dirs]
    frame = pd.DataFrame(lines, columns=list(COLUMNS))
    if frame["metric"].nunique() == 1:
        frame = frame.sort_values("value", ascending=frame["metric"].iloc[0] == "val_loss", kind="stable")
    return frame.astype({"trial": "Int64"}).reset_index(drop=True)


def line(run_dir: str | os.PathLike[str]) -> dict[str, Any]:
    """One run, by column."""
    run, frame = open_run(run_dir), leaderboard(run_dir)
    known = frame[frame[run.metric].notna()].head(1)
    baseline = frame[frame["baseline"]].head(1)
    tested = metrics(run.directory)
    value, base = worth(known, run.metric), worth(baseline, run.metric)
    return {
        "run": run.directory.name,
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
        "test_accuracy": tested.get("accuracy", math.nan),
        "test_loss": tested.get("cross_entropy", math.nan),
    }


def worth(row: pd.DataFrame, metric: str) -> float:
    """The confirmed mean of a row of the leaderboard, or what the search saw; NaN where there is no row."""
    if row.empty:
        return math.nan
    return float(row["mean"].iloc[0] if row["seeds"].iloc[0] else row[metric].iloc[0])
