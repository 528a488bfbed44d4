"""`tunehound new`: what it recognises, and that what it writes passes its check."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from search.machine import this_machine
from search.new.inspect import new_sweep
from search.new.model_section import cnn_lines
from search.plan.check import check, closed_corners, warnings_about
from search.run.provenance import provenance
from spaces.file.load import load_sweep
from spaces.file.sweep import Sweep
from spaces.problem import InputError


def picture(seed: int, *shape: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8))


def folder(home: Path, *, side: int = 48, counts: tuple[int, ...] = (12, 12), shape: tuple[int, ...] = (3,)) -> Path:
    for number, count in enumerate(counts):
        place = home / "photos" / f"class {number}"
        place.mkdir(parents=True)
        for index in range(count):
            picture(100 * number + index, side, side + index % 3, *shape).save(place / f"{index}.png")
    return home / "photos"


def table(home: Path) -> Path:
    (home / "set" / "train").mkdir(parents=True)
    for index in range(24):
        picture(index, 40, 40, 3).save(home / "set" / "train" / f"{index:02}.jpg")
    rows = [f"{index:02},{('cat', 'dog')[index % 2]}" for index in range(24)]
    (home / "set" / "labels.csv").write_text("\n".join(["id,breed", *rows]))
    return home / "set" / "labels.csv"


def archive(home: Path, side: int = 28) -> Path:
    pixels = np.random.default_rng(0).integers(0, 256, (60, side, side), dtype=np.uint8)
    np.savez(home / "arrays.npz", x_train=pixels, y_train=np.arange(60) % 3)
    return home / "arrays.npz"


def written(data: Path, home: Path) -> Sweep:
    new_sweep(str(data), home / "first.yaml")
    sweep = load_sweep(home / "first.yaml")
    check(sweep)
    return sweep


@pytest.mark.parametrize("make", [folder, table, lambda home: table(home).parent, archive])
def test_what_is_written_passes_its_check_and_starts_from_a_baseline(
    make: Callable[[Path], Path], tmp_path: Path
) -> None:
    sweep = written(make(tmp_path), tmp_path)
    assert sweep.baseline
    assert next(closed_corners(sweep)).training.epochs == sweep.epochs
    assert sweep.budget.hours


def test_data_beside_the_sweep_are_named_from_there(tmp_path: Path) -> None:
    text = new_sweep(str(table(tmp_path)), tmp_path / "first.yaml")
    assert "labels: set/labels.csv\n    path: set/train\n" in text


def test_without_a_file_the_text_is_the_same_with_absolute_paths(tmp_path: Path) -> None:
    data = folder(tmp_path)
    text = new_sweep(str(data))
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "copy.yaml").write_text(text)
    assert check(load_sweep(tmp_path / "elsewhere" / "copy.yaml")).class_names == ("class 0", "class 1")
    assert f"path: {data}" in text


def test_the_header_says_what_was_measured(tmp_path: Path) -> None:
    text = new_sweep(str(folder(tmp_path, counts=(30, 12))), tmp_path / "first.yaml")
    for words in (
        "#   tunehound run first.yaml",
        "2 classes: class 0, class 1.",
        "8 (class 1) to 19 (class 0) training images per class, a ratio of 2.38.",
        "27 train, 7 validation, 8 test images.",
        "width 49 (median; 48 to 50), height 48 pixels, in 40 images inspected;",
        "all RGB.",
        str(this_machine()),
    ):
        assert words in text
    assert "class_weight: balanced" in text


def test_classes_of_one_size_are_not_weighted_and_grey_images_are_not_flipped(tmp_path: Path) -> None:
    text = new_sweep(str(folder(tmp_path, shape=())))
    assert "class_weight" not in text
    assert "flip" not in text


def test_small_sets_start_from_weights_only_where_they_are_on_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    data = folder(tmp_path, side=100, counts=(8, 8))
    assert "kind: cnn" in new_sweep(str(data))
    models = tmp_path / "keras" / "models"
    models.mkdir(parents=True)
    for alpha in ("0.35", "1.0"):
        name = f"mobilenet_v2_weights_tf_dim_ordering_tf_kernels_{alpha}_224_no_top.h5"
        (models / name).write_bytes(b"\x89HDF\r\n\x1a\n")  # its start is all that `new` looks at
    new_sweep(str(data), tmp_path / "first.yaml")
    sweep = load_sweep(tmp_path / "first.yaml")
    assert sweep.trial["model"]["backbone"] == "mobilenet_v2"
    assert sweep.trial["model"]["alpha"] == 1.0


@pytest.mark.parametrize("side", [1, 2, 4, 7, 8, 28, 32, 64, 96, 128, 224])
def test_the_network_leaves_something_of_images_of_any_size(side: int, tmp_path: Path) -> None:
    assert f"{side} → " in "\n".join(cnn_lines(side))
    written(archive(tmp_path, side), tmp_path)


def test_a_file_that_exists_is_kept_unless_forced(tmp_path: Path) -> None:
    data, file = archive(tmp_path), tmp_path / "first.yaml"
    file.write_text("mine")
    with pytest.raises(InputError, match="--force"):
        new_sweep(str(data), file)
    assert file.read_text() == "mine"
    new_sweep(str(data), file, overwrite=True)
    assert load_sweep(file).name == "first"


def test_a_name_that_is_nothing_is_refused_with_the_nearest(tmp_path: Path) -> None:
    data = folder(tmp_path)
    with pytest.raises(InputError, match=f"did you mean {data}"):
        new_sweep(str(data.with_name("photo")))


def test_a_damaged_image_is_told_before_anything_is_written(tmp_path: Path) -> None:
    data = folder(tmp_path)
    (data / "class 0" / "3.png").write_bytes(b"")
    with pytest.raises(InputError, match=r"class 0/3\.png \(is empty"):
        new_sweep(str(data), tmp_path / "first.yaml")
    assert not (tmp_path / "first.yaml").exists()


def test_an_image_in_two_parts_is_a_doubt(tmp_path: Path) -> None:
    for part in ("train", "test"):
        folder(tmp_path / part)
        (tmp_path / part / "photos").rename(tmp_path / f"{part}s")
    (tmp_path / "set").mkdir()
    for part in ("train", "test"):
        (tmp_path / f"{part}s").rename(tmp_path / "set" / part)
    sweep = written(tmp_path / "set", tmp_path)
    (told,) = warnings_about(sweep, check(sweep))
    assert "the same image is in two parts" in told
    assert "24: " in told
    assert "and 19 more" in told


def test_a_run_records_the_images_a_class_of_every_part(tmp_path: Path) -> None:
    info = check(written(archive(tmp_path), tmp_path))
    about = provenance("name", info, by_hand=None)
    assert about["class_counts"] == {part: list(counts) for part, counts in info.counts.items()}
    assert about["class_names"] == ["0", "1", "2"]
