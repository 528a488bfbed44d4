"""Tunehound from a notebook: the few functions that the command line is made of.

from search import notebook as tunehound

run = tunehound.run_sweep(tunehound.load_sweep("digits", ["search.trials=8"])).directory
tunehound.leaderboard(run)                       # a pandas DataFrame
best = tunehound.retrain(run / "best.yaml")      # trains on train + validation, scores the test split once
model = tunehound.load_model(best.folder)        # a stock Keras model
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from search.find import find_run
from search.results.leaderboard import leaderboard
from search.run.reader import open_run
from search.tuner.run import resume_run, run_sweep
from spaces.config.trial import TrialConfig
from spaces.file.load import load_config, load_sweep

if TYPE_CHECKING:
    from trainables.retrain.retrain import Retrained

__all__ = [
    "best_config",
    "find_run",
    "histories",
    "leaderboard",
    "load_config",
    "load_model",
    "load_sweep",
    "open_run",
    "resume_run",
    "retrain",
    "run_sweep",
]


def histories(run: str | os.PathLike[str]) -> pd.DataFrame:
    """The epochs of every trial of a run, one below the other: `trial` and the columns of history.csv."""
    files = sorted(Path(run).glob("trials/*/history.csv"), key=lambda file: int(file.parent.name))
    frames = {int(file.parent.name): pd.read_csv(file) for file in files}
    return pd.concat(frames, names=["trial"]).reset_index("trial") if frames else pd.DataFrame(columns=["trial"])


def best_config(run: str | os.PathLike[str]) -> TrialConfig:
    """The configuration in a run's best.yaml.

    Raises:
        InputError: the run has none yet.
    """
    return load_config(Path(run) / "best.yaml")[0]


def retrain(
    source: str | os.PathLike[str],
    *,
    overrides: Sequence[str] = (),
    seeds: int = 1,
    holdout: float | None = None,
    output: str | os.PathLike[str] | None = None,
) -> Retrained:
    """Trains a best.yaml again, as `tunehound retrain` does; `trainables.retrain.retrain.retrain` says how.

    Without ``output`` the folder `retrained` beside the file is filled.
    """
    from trainables.retrain.retrain import retrain as train_again  # wakes TensorFlow

    output = output or Path(source).parent / "retrained"
    return train_again(source, overrides=overrides, seeds=seeds, holdout=holdout, output=output, tell=print)


def load_model(folder: str | os.PathLike[str]) -> Any:
    """The stock Keras model that retraining saved."""
    from trainables.retrain.predict import read_model, read_preprocessing  # wakes TensorFlow

    return read_model(Path(folder), classes=len(read_preprocessing(Path(folder)).class_names))
