"""The epochs of all trials of a run in one table."""

from __future__ import annotations

import os

import pandas as pd

from search.run.history import history
from search.run.reader import open_run
from trainables.features.policy import FEATURES, Source


def histories(run_dir: str | os.PathLike[str]) -> pd.DataFrame:
    """Return the epochs of every trial of a run in one frame: `trial`, `epoch` and the columns of history.csv.

    Raises:
        InputError: there is no run in ``run_dir``.
    """
    run = open_run(run_dir)
    frames = [history(run.directory, trial.number) for trial in run.trials]
    numbered = [frame.assign(trial=trial.number) for trial, frame in zip(run.trials, frames, strict=True) if len(frame)]
    if not numbered:
        return pd.DataFrame(columns=["trial", "epoch"])
    table = pd.concat(numbered, ignore_index=True)
    if FEATURES in table:  # as text, as in the files
        table[FEATURES] = table[FEATURES].map(lambda number: Source(int(number)).label, na_action="ignore")
    return table[["trial", *(name for name in table.columns if name != "trial")]]
