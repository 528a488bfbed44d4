"""Prediction: reads only the two files that retrain writes, and tells of each image that it cannot read."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from spaces.problem import InputError
from trainables.retrain.predict import Prediction, predict


def save_model(folder: Path, *, channels: int = 1, classes: int = 3) -> None:
    """A stock model whose class 0 grows with brightness; the others share the rest."""
    folder.mkdir()
    inputs = keras.Input((8, 8, channels))
    mean = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(1 / 255)(inputs))
    outputs = keras.layers.Dense(classes, activation="softmax")
    model = keras.Model(inputs, outputs(mean))
    kernel = np.zeros((channels, classes), np.float32)
    kernel[:, 0] = 10 / channels
    outputs.set_weights([kernel, np.array([-5.0] + [0.0] * (classes - 1), np.float32)])
    model.save(folder / "model.keras")
    told = {"image_size": [8, 8], "channels": channels, "class_names": ["bright", "dark", "other"]}
    (folder / "preprocessing.json").write_text(json.dumps(told))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("retrained") / "model"
    save_model(path)
    return path


def paint(path: Path, level: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), (level, level, level)).save(path)
    return path


def best(prediction: Prediction) -> str:
    return prediction.ranking[0][0]


def test_each_image_gets_its_most_probable_class(folder: Path, tmp_path: Path) -> None:
    paths = [paint(tmp_path / "a.png", 255), paint(tmp_path / "b.png", 0)]
    told = list(predict(folder, paths))
    assert [(one.path, best(one)) for one in told] == [(paths[0], "bright"), (paths[1], "dark")]
    assert told[0].ranking[0][1] == pytest.approx(np.exp(5) / (np.exp(5) + 2), rel=1e-5)


def test_colours_are_turned_to_grey_for_a_grey_model(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.new("RGB", (20, 10), "yellow").save(path)
    assert best(next(predict(folder, [path]))) == "bright"


def test_colour_models_get_colours(tmp_path: Path) -> None:
    save_model(tmp_path / "model", channels=3)
    assert best(next(predict(tmp_path / "model", [paint(tmp_path / "a.png", 255)]))) == "bright"


def test_top_ranks_so_many_classes_by_falling_probability(folder: Path, tmp_path: Path) -> None:
    (told,) = predict(folder, [paint(tmp_path / "a.png", 255)], top=2)
    assert [name for name, _ in told.ranking] == ["bright", "dark"]
    assert told.ranking[0][1] > told.ranking[1][1]


def test_top_beyond_the_classes_ranks_them_all(folder: Path, tmp_path: Path) -> None:
    (told,) = predict(folder, [paint(tmp_path / "a.png", 255)], top=9)
    assert sum(probability for _, probability in told.ranking) == pytest.approx(1)
    assert len(told.ranking) == 3


def test_a_folder_stands_for_the_images_below_it_by_name(folder: Path, tmp_path: Path) -> None:
    root = tmp_path / "images"
    paths = [paint(root / name, 0) for name in ("a.png", "b/c.PNG", "b/d.jpg")]
    paint(root / ".hidden.png", 0)
    (root / "notes.txt").write_text("no image")
    assert [told.path for told in predict(folder, [root])] == paths


def test_of_a_folder_images_of_any_name_are_taken_and_all_else_is_counted(folder: Path, tmp_path: Path) -> None:
    root, messages = tmp_path / "images", []
    for name in ("a.TIF", "b.avif"):
        paint(root / name, 255)
    Image.new("RGB", (8, 8)).save(root / "no-extension", "PNG")
    (root / "photo.nef").write_bytes(b"II*\x00")
    for number in range(7):
        (root / f"notes{number}.txt").write_text("no image")
    (root / ".hidden.png").write_bytes(b"")
    (root / "loop").symlink_to(root)
    told = {one.path.name: one.error for one in predict(folder, [root], log=messages.append)}
    raw = "is a camera's raw file, which is not read: export it as PNG or JPEG"
    assert told == {"a.TIF": None, "b.avif": None, "no-extension": None, "photo.nef": raw}
    others = "loop, notes0.txt, notes1.txt, notes2.txt, notes3.txt and 3 more"
    assert messages == [f"{root}: files that are not images are left out, 8: {others}", f"{root}: hidden files: 1"]


def test_names_that_are_none_are_told_among_the_others(folder: Path, tmp_path: Path) -> None:
    paths = [tmp_path / ("a" * 300), "a\0b", paint(tmp_path / "caf\udce9.png", 255)]
    errors = [one.error for one in predict(folder, paths)]
    assert errors == ["File name too long", "ValueError: embedded null byte", None]


def test_class_names_that_are_not_utf8_come_back(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "model")
    content = json.loads((folder / "preprocessing.json").read_text())
    names = ["caf\udce9", "a\nb", "c"]
    (tmp_path / "model" / "preprocessing.json").write_text(json.dumps(content | {"class_names": names}))
    (told,) = predict(tmp_path / "model", [paint(tmp_path / "a.png", 255)], top=3)
    assert [name for name, _ in told.ranking] == names


def test_a_folder_without_images_is_told(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (told,) = predict(folder, [tmp_path / "empty"])
    assert (told.path, told.error) == (tmp_path / "empty", "is a folder without images")


def test_unreadable_files_are_told_among_the_others(folder: Path, tmp_path: Path) -> None:
    bad, gone = tmp_path / "bad.png", tmp_path / "gone.png"
    bad.write_bytes(b"no image")
    told = list(predict(folder, [bad, paint(tmp_path / "a.png", 255), gone]))
    assert [one.error for one in told] == ["is not an image but text", None, "does not exist"]
    assert [len(one.ranking) for one in told] == [0, 1, 0]


def test_only_unreadable_files_are_no_crash(folder: Path, tmp_path: Path) -> None:
    assert [told.error for told in predict(folder, [tmp_path / "gone.png"])] == ["does not exist"]


def test_more_images_than_a_batch_keep_their_order(folder: Path, tmp_path: Path) -> None:
    paths = [paint(tmp_path / f"{number:02}.png", 255 * (number % 2)) for number in range(40)]
    assert [best(told) for told in predict(folder, paths)] == ["dark", "bright"] * 20


def test_paths_are_taken_as_predictions_are_asked_for(folder: Path, tmp_path: Path) -> None:
    path = paint(tmp_path / "a.png", 0)
    endless = iter(lambda: path, None)
    assert best(next(predict(folder, endless))) == "dark"


def test_no_paths_give_no_predictions(folder: Path) -> None:
    assert list(predict(folder, [])) == []


def test_top_below_one_is_refused(folder: Path) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        predict(folder, [], top=0)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there must be such a folder"):
        predict(tmp_path / "nothing", [])


@pytest.mark.parametrize("name", ["model.keras", "preprocessing.json"])
def test_a_folder_that_lacks_a_file_is_refused(tmp_path: Path, name: str) -> None:
    save_model(tmp_path / "model")
    (tmp_path / "model" / name).unlink()
    with pytest.raises(InputError, match=f"must contain {name}"):
        predict(tmp_path / "model", [])


@pytest.mark.parametrize(
    "content", ["", "{", "{}", '{"image_size": [8], "channels": 1, "class_names": ["a", "b"]}', "[]"]
)
def test_a_preprocessing_file_that_says_something_else_is_refused(tmp_path: Path, content: str) -> None:
    save_model(tmp_path / "model")
    (tmp_path / "model" / "preprocessing.json").write_text(content)
    with pytest.raises(InputError, match="must have image_size, channels and class_names"):
        predict(tmp_path / "model", [])


def test_a_damaged_model_is_refused(tmp_path: Path) -> None:
    save_model(tmp_path / "model")
    file = tmp_path / "model" / "model.keras"
    file.write_bytes(file.read_bytes()[:-500])
    with pytest.raises(InputError, match="an intact Keras model"):
        predict(tmp_path / "model", [])


def test_a_model_with_other_classes_than_named_is_refused(tmp_path: Path) -> None:
    save_model(tmp_path / "model", classes=4)
    with pytest.raises(InputError, match="4 outputs for 3 class names"):
        predict(tmp_path / "model", [])
