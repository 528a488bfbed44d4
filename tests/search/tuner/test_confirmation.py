"""The confirmation, end to end, in a resumed run: each configuration is trained once with each seed."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pandas as pd
import pytest

from search.results.headline import headline
from search.run.confirmation import finalists, trainings
from search.run.reader import open_run
from spaces.file.load import load_config


def test_each_training_leaves_a_whole_history_and_its_configuration(old_run: Path) -> None:
    notes = open_run(old_run).notes
    chosen, found = finalists(notes), trainings(notes)
    assert chosen is not None
    assert sorted((each.trial, each.seed) for each in found) == sorted(product(chosen.trials, (1, 2)))
    for training in found:
        folder = old_run / "trials" / str(training.trial) / "confirm" / str(training.seed)
        history = pd.read_csv(folder / "history.csv")
        assert list(history["epoch"]) == list(range(1, training.epochs + 1))
        assert history["val_accuracy"].max() == pytest.approx(training.value)
        assert load_config(folder / "config.yaml")[0].training.seed == training.seed
        assert not (folder / "checkpoint").exists()


def test_all_outputs_tell_the_confirmation(old_run: Path) -> None:
    frame = pd.read_csv(old_run / "leaderboard.csv")
    confirmed = frame[frame["seeds"] == 2]
    assert confirmed["mean"].notna().all()
    assert frame["rank"].iloc[: len(confirmed)].tolist() == list(range(1, len(confirmed) + 1))
    _, provenance = load_config(old_run / "best.yaml")
    assert provenance["trial"] == frame["trial"].iloc[0]
    assert provenance["mean"] == pytest.approx(frame["mean"].iloc[0])
    assert "over 2 seeds" in headline(open_run(old_run))
