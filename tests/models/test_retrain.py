"""Ways to retrain that the gate leaves out: seeds, a held-out part, other data, and again into the same folder."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from spaces.file.load import load_config
from tests.trainables.retrain.test_retrain import (
    CLASSES,
    Done,
    done,
    history,
    metrics,
    pictures,
    write_best,
    write_images,
)
from trainables.data.load import load
from trainables.dataset import concatenate
from trainables.evaluation import evaluate
from trainables.retrain import retrain as module
from trainables.retrain.retrain import retrain

__all__ = ["done", "pictures"]  # fixtures


def test_several_seeds_give_mean_and_sd_and_the_first_is_saved(done: Done, tmp_path: Path) -> None:
    result = retrain(done.best, seeds=2, output=tmp_path / "out")
    written = metrics(result.folder)
    assert written["seeds"] == [3, 4]
    values = [scores["cross_entropy"] for scores in result.scores]
    assert values[0] != values[1]
    assert written["mean"]["cross_entropy"] == pytest.approx(np.mean(values))
    assert written["sd"]["cross_entropy"] == pytest.approx(np.std(values, ddof=1))
    assert written["cross_entropy"] == values[0] == metrics(done.result.folder)["cross_entropy"]


def test_a_held_out_part_stops_early_and_the_best_epoch_comes_back(done: Done, tmp_path: Path) -> None:
    overrides = ["training.epochs=12", "training.patience=2", "optimizer.learning_rate=0.5"]
    best = write_best(tmp_path / "in", data=load_config(done.best)[0].data.path, metric="val_loss")
    result = retrain(best, overrides=overrides, holdout=0.25, output=tmp_path / "out")
    losses = history(result.folder)["val_loss"].tolist()
    assert metrics(result.folder)["epochs"] == 1 + int(np.argmin(losses))
    assert len(losses) == min(12, metrics(result.folder)["epochs"] + 2)
    settings = load_config(best)[0]
    dataset = load(settings.data)
    kept, held = module._hold_out(concatenate(dataset.train, dataset.validation), 0.25, seed=settings.data.split_seed)
    assert held is not None
    assert (len(kept), len(held)) == (54, 18)
    model = keras.saving.load_model(result.folder / "model.keras")
    told = evaluate(model.predict(held.images, verbose=0), held.labels, CLASSES)
    assert told.metrics["cross_entropy"] == pytest.approx(min(losses), rel=1e-4)


def test_other_data_can_be_named_and_are_warned_of(done: Done, tmp_path: Path) -> None:
    other, told = write_images(tmp_path / "other", seed=9), list[str]()
    result = retrain(done.best, overrides=[f"data.path={other}"], output=tmp_path / "out", log=told.append)
    assert load_config(result.folder / "config.yaml")[0].data.path == str(other)
    assert [line for line in told if line.startswith("Warning: the data differ from the search's")] == told[:1]


def test_an_earlier_retraining_is_replaced_whole(done: Done, tmp_path: Path) -> None:
    out = tmp_path / "out"
    retrain(done.best, seeds=1, output=out)
    first = (out / "history.csv").stat().st_ino
    retrain(done.best, overrides=["training.epochs=1"], output=out)
    assert len(history(out)) == 1
    assert (out / "history.csv").stat().st_ino != first
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
