"""best.yaml → a folder that needs nothing else, and a test split that was read once."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from spaces.config.trial import FolderData, NpzData
from spaces.file.load import load_config
from spaces.file.write import write_yaml
from spaces.problem import InputError
from tests.trainables.bare import predictions
from tests.trainables.small import config
from trainables.data.load import load, load_test
from trainables.dataset import Images, concatenate
from trainables.evaluation import evaluate
from trainables.retrain import retrain as module
from trainables.retrain.output import FILES, RetrainResult
from trainables.retrain.predict import predict
from trainables.retrain.retrain import DivergedError, retrain
from trainables.spreadsheet import unguarded

CLASSES = ("@ant", "bee", "cat")  # a spreadsheet would take the first for a formula
RATES = [0.02, 0.01, 0.005]


def write_images(root: Path, *, seed: int, count: int = 30, names: Sequence[str] = CLASSES) -> Path:
    """Three classes of noise, each around a grey of its own: 6 × 6 pixels."""
    draw = np.random.default_rng(seed)
    for number, name in enumerate(names):
        (root / name).mkdir(parents=True)
        for index in range(count):
            pixels = draw.normal(60 + 60 * number, 15, (6, 6, 3)).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(root / name / f"{index:03}.png")
    return root


def write_best(
    folder: Path, *, data: Path, training: dict[str, Any] | None = None, unreadable: str = "refuse", **provenance: Any
) -> Path:
    settings = config({"head": {"pooling": "max"}}, augmentation={"strength": 0.2}, epochs=8).model_dump(mode="json")
    settings["data"] = {"source": "folder", "path": str(data), "image_size": 6, "unreadable": unreadable}
    settings["training"] |= {"seed": 3, **(training or {})}
    fingerprint = load(FolderData.model_validate(settings["data"])).fingerprint
    settings["provenance"] = {"epochs": 3, "learning_rates": RATES, "data_fingerprint": fingerprint, **provenance}
    folder.mkdir(exist_ok=True)
    write_yaml(folder / "best.yaml", settings)
    return folder / "best.yaml"


@dataclass(frozen=True)
class Done:
    """A retraining, and how often it read the test split."""

    result: RetrainResult
    best: Path
    test_reads: int
    told: list[str]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_images(tmp_path_factory.mktemp("data") / "pictures", seed=0)


@pytest.fixture(scope="module")
def done(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Done:
    place = tmp_path_factory.mktemp("run")
    best = write_best(place, data=pictures)
    reads: list[Images] = []
    told: list[str] = []

    def spy(data: Any) -> Images:
        reads.append(load_test(data))
        return reads[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "load_test", spy)
        result = retrain(best, output=place / "retrained", log=told.append)
    return Done(result, best, len(reads), told)


def history(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "history.csv")


def confusion_of(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "confusion.csv", index_col=0).rename(index=unguarded, columns=unguarded)


def metrics(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "metrics.json").read_text())


def test_every_promised_file_is_written_and_no_other(done: Done) -> None:
    expected = {"model.keras", "metrics.json", "confusion.csv", "history.csv", "preprocessing.json", "config.yaml"}
    expected |= {"classes.csv", "mistakes.csv", "README.md"}
    assert expected == FILES
    assert {path.name for path in done.result.folder.iterdir()} == expected | {"mistakes"}


def test_epochs_and_rates_of_the_winner_are_replayed_exactly(done: Done) -> None:
    rows = history(done.result.folder)
    assert rows["epoch"].tolist() == [1, 2, 3]
    assert rows["learning_rate"].tolist() == RATES
    assert metrics(done.result.folder)["epochs"] == 3


def test_nothing_is_looked_at_meanwhile(done: Done) -> None:
    assert not [name for name in history(done.result.folder) if name.startswith("val_")]


def test_the_test_split_is_read_once(done: Done) -> None:
    assert done.test_reads == 1
    assert done.result.test_images == metrics(done.result.folder)["test_images"] == 18


def test_train_and_validation_are_joined_and_the_constants_are_theirs_alone(done: Done) -> None:
    dataset = load(load_config(done.best)[0].data)
    joined = np.concatenate([dataset.train.images, dataset.validation.images]).astype(np.float64)
    assert len(joined) == 72
    constants = keras.saving.load_model(done.result.folder / "model.keras").get_layer("normalise")
    np.testing.assert_allclose(np.ravel(constants.mean), joined.mean(axis=(0, 1, 2)), rtol=1e-6)
    np.testing.assert_allclose(np.ravel(constants.variance), joined.var(axis=(0, 1, 2)), rtol=1e-6)


def test_the_metrics_are_those_of_the_saved_model_on_the_test_images(done: Done) -> None:
    test = load_test(load_config(done.best)[0].data)
    model = keras.saving.load_model(done.result.folder / "model.keras")
    again = evaluate(model.predict(test.images, verbose=0), test.labels, CLASSES)
    written = metrics(done.result.folder)
    for name, value in again.metrics.items():
        assert written[name] == pytest.approx(value, abs=1e-6)
    assert dict(done.result.scores[0]) == {name: written[name] for name in again.metrics}
    confusion = confusion_of(done.result.folder)
    np.testing.assert_array_equal(confusion.to_numpy(), again.confusion.to_numpy())
    assert list(confusion.columns) == list(confusion.index) == list(CLASSES)


def test_the_model_loads_where_tunehound_was_never_installed(done: Done) -> None:
    test = load_test(load_config(done.best)[0].data)
    (predicted,) = predictions({done.result.folder / "model.keras": test.images})
    told = evaluate(predicted, test.labels, CLASSES)
    assert told.metrics["cross_entropy"] == pytest.approx(metrics(done.result.folder)["cross_entropy"], abs=1e-6)


def test_prediction_finds_what_it_needs(done: Done) -> None:
    described = json.loads((done.result.folder / "preprocessing.json").read_text())
    assert described == {"image_size": [6, 6], "channels": 3, "class_names": list(CLASSES)}


def test_classes_and_mistakes_tell_of_the_same_predictions_as_the_confusion_matrix(done: Done) -> None:
    folder = done.result.folder
    confusion = confusion_of(folder)
    classes, mistakes = pd.read_csv(folder / "classes.csv"), pd.read_csv(folder / "mistakes.csv")
    names = ["true", "predicted", "image"]
    mistakes[names] = mistakes[names].map(unguarded)
    assert classes["class"].tolist() == ["'@ant", "bee", "cat"]
    assert classes["images"].tolist() == confusion.sum(axis=1).tolist() == [6, 6, 6]
    assert classes["recall"].mean() == pytest.approx(metrics(folder)["macro_recall"])
    assert {(row.true, row.predicted) for row in mistakes.itertuples()} == {
        (true, other) for true in CLASSES for other in CLASSES if other != true and confusion.loc[true, other]
    }
    pictures = Path(load_config(done.best)[0].data.path)
    for row in mistakes.itertuples():
        assert row.image.startswith(f"{row.true}/")
        np.testing.assert_array_equal(Image.open(folder / row.file), Image.open(pictures / row.image))


def test_the_card_tells_where_the_model_comes_from_and_what_its_scores_do_not_say(done: Done) -> None:
    card = (done.result.folder / "README.md").read_text()
    for words in ("72 images: train ", "18 images", "@ant, bee, cat", "0.02 to 0.005", "Seed 3"):
        assert words in card
    for words in ("The weakest class is", "No test image occurs", "trained once", "keras | 3.", "split_seed: 0"):
        assert words in card
    assert f"{metrics(done.result.folder)['accuracy']:.4f}" in card


def test_the_lines_on_the_card_give_what_predict_gives(done: Done, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (done.result.folder / "README.md").read_text(), flags=re.DOTALL)
    photo = Path(load_config(done.best)[0].data.path) / "bee" / "000.png"
    monkeypatch.chdir(done.result.folder)
    names: dict[str, Any] = {}
    exec(code.replace("photo.jpg", str(photo)), names)  # noqa: S102
    (told,) = predict(done.result.folder, [photo], top=3)
    expected = dict(told.ranking)
    np.testing.assert_allclose(names["probabilities"], [expected[name] for name in CLASSES], atol=1e-6)


def test_the_configuration_in_the_folder_can_be_retrained_again(done: Done) -> None:
    written, original = load_config(done.result.folder / "config.yaml"), load_config(done.best)
    assert written == original


def test_progress_is_told_and_the_same_data_bring_no_warning(done: Done) -> None:
    assert len(done.told) == 3
    assert not any("Warning" in line for line in done.told)


def test_what_cannot_be_exported_is_told_and_the_model_is_saved_all_the_same(
    done: Done, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def export(model: keras.Model, filepath: str, *, format: str, **options: Any) -> None:
        if format == "litert":
            raise RuntimeError("no such kernel")
        Path(filepath).mkdir()

    monkeypatch.setattr(keras.Model, "export", export)
    told: list[str] = []
    formats = ["saved_model", "litert"]
    for _ in range(2):  # and what the first left may be replaced
        result = retrain(done.best, seeds=2, output=tmp_path / "out", formats=formats, log=told.append)
    assert result.not_exported == {"litert": "no such kernel"}
    assert "Could not export to litert: no such kernel" in told[-1]
    assert {path.name for path in result.folder.iterdir()} == FILES | {"mistakes", "saved_model"}
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    card = (result.folder / "README.md").read_text()
    assert "- `saved_model`" in card
    assert "model.tflite" not in card
    assert "mean ± sd of 2 seeds" in card


def test_neither_a_strange_name_nor_a_file_that_cannot_be_written_costs_the_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("%s{0}", "a\n|b", "caf\udce9")
    root = write_images(tmp_path / "donn\udce9es", seed=1, count=10, names=names)
    (root / names[2] / "000.png").rename(root / names[2] / "\udcff.png")
    (root / names[2] / "broken \udce9.jpg").write_bytes(b"<html>")
    best = write_best(tmp_path, data=root, unreadable="skip", training={"epochs": 1}, epochs=1, learning_rates=[0.0])

    def fail(*arguments: object) -> None:
        raise RuntimeError("no such colour")

    monkeypatch.setattr("trainables.retrain.output.write_pictures", fail)
    told: list[str] = []
    result = retrain(best, output=tmp_path / "out", log=told.append)
    assert result.not_exported == {"mistakes.csv": "no such colour"}
    assert told[-1] == "Could not write mistakes.csv: no such colour. The model itself is saved."
    assert "images that cannot be read are left out" in told[0]
    card = (result.folder / "README.md").read_text()
    assert r"caf\udce9" in card
    assert r"were left out, 1: caf\udce9/broken \udce9.jpg (is not an image but a web page)." in card
    assert (pd.read_csv(result.folder / "classes.csv")["class"] == ["%s{0}", "a\n|b", r"caf\udce9"]).all()
    (told_back,) = predict(result.folder, [root / names[2] / "\udcff.png"], top=3)
    assert {name for name, _ in told_back.ranking} == {*names}


@pytest.mark.parametrize("extra", ["notes.txt", "sub/", "mistakes/mine.png", "saved_model/mine.pb", "README.md/"])
def test_a_folder_with_anything_else_in_it_is_left_alone(done: Done, tmp_path: Path, extra: str) -> None:
    for name in ("model.keras", "preprocessing.json"):
        (tmp_path / name).write_text("mine")
    path = tmp_path / extra
    (path if extra.endswith("/") else path.parent).mkdir(exist_ok=True)
    if not extra.endswith("/"):
        path.write_text("mine")
    with pytest.raises(InputError, match="hold only an earlier retraining"):
        retrain(done.best, output=tmp_path)
    assert (tmp_path / "model.keras").read_text() == "mine"


def test_a_folder_with_a_readme_of_its_own_is_left_alone(done: Done, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine")
    with pytest.raises(InputError, match="hold only an earlier retraining"):
        retrain(done.best, output=tmp_path)


def test_an_output_that_cannot_be_made_is_refused_before_training(done: Done, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for output in (tmp_path / "file", tmp_path / "file" / "below" / "out"):
        with pytest.raises(InputError, match="output folder"):
            retrain(done.best, output=output)


def test_a_model_that_does_not_fit_the_data_is_refused_before_training(done: Done, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"model\.blocks"):
        retrain(done.best, overrides=["model.blocks=3"], output=tmp_path / "out")


def test_a_held_out_part_too_small_for_every_class_is_refused(done: Done, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--holdout"):
        retrain(done.best, holdout=0.02, output=tmp_path / "out")


def test_a_loss_of_nan_ends_the_work_and_saves_nothing(done: Done, tmp_path: Path) -> None:
    with pytest.raises(DivergedError, match="epoch 1 of seed 3"):
        retrain(done.best, overrides=["optimizer.learning_rate=1.0e38"], output=tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_what_is_held_out_shares_no_image_with_what_trains(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 255, (30, 8, 8, 1), dtype=np.uint8)
    np.savez(tmp_path / "twins.npz", x_train=np.concatenate([images] * 2), y_train=np.tile(np.arange(2), 30))
    data = NpzData(source="npz", path=str(tmp_path / "twins.npz"), copies="pixels")
    dataset = load(data)
    parts = module._hold_out(data, concatenate(dataset.train, dataset.validation), 0.3)
    kept, held = ({image.tobytes() for image in part.images} for part in parts)
    assert kept
    assert held
    assert not kept & held
