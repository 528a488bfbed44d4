"""The epochs of all trials in one frame."""

from __future__ import annotations

from pathlib import Path

from search.results.histories import histories
from search.run.history import write_history
from tests.search.runs import make_run, row
from trainables.features.policy import FEATURES, Source


def test_histories_are_one_frame_with_the_trial_in_front(tmp_path: Path) -> None:
    frame = histories(make_run(tmp_path / "run"))
    assert list(frame.columns[:2]) == ["trial", "epoch"]
    assert frame.groupby("trial").size().to_dict() == {0: 3, 1: 3, 2: 1, 3: 2, 5: 2}
    assert frame.loc[frame["trial"] == 1, "val_accuracy"].tolist() == [0.80, 0.95, 0.94]


def test_a_run_without_an_epoch_has_an_empty_frame(tmp_path: Path) -> None:
    frame = histories(make_run(tmp_path / "run", []))
    assert list(frame.columns) == ["trial", "epoch"]
    assert frame.empty


def test_where_features_came_from_is_told_in_words(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    write_history(run / "trials" / "2" / "history.csv", [row(1, 0.5) | {FEATURES: float(Source.STORED)}])
    words = histories(run).groupby("trial")[FEATURES].first()
    assert words.dropna().to_dict() == {2: Source.STORED.label}
