"""The tfds source, on sets that TensorFlow Datasets' own writer prepares, without a network."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spaces.config.trial import TfdsData
from spaces.problem import InputError
from tests.trainables.tfds_sets import CLASSES, described, prepare_all
from trainables.data import load as doors
from trainables.data.load import describe, load, load_test
from trainables.dataset import StreamedImages
from trainables.sources import tfds


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders of sets: in parts, grey, of text, with a class that has no training images."""
    root = tmp_path_factory.mktemp("sets")
    parts = {"train": range(12), "validation": range(20, 26), "test": range(30, 36)}
    grey = {"train": range(30), "test": range(50, 60)}
    prepare_all(
        [
            described(root / "parts", parts),
            described(root / "grey", grey, side=None, channels=1, labelled=False),
            described(root / "text", {"train": range(6)}, image=False),
            described(root / "few", {"train": [0, 1, 3, 4], "test": [2, 5]}),
        ]
    )
    return root


def data(folder: Path, **options: Any) -> TfdsData:
    return TfdsData.model_validate({"source": "tfds", "name": "little", "data_dir": str(folder), **options})


def noise(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def test_every_pixel_and_label_is_that_of_the_set(sets: Path) -> None:
    dataset, test = load(data(sets / "parts")), load_test(data(sets / "parts"))
    for part, seeds in ((dataset.train, range(12)), (dataset.validation, range(20, 26)), (test, range(30, 36))):
        wanted = {noise(seed, 6, 6, 3).tobytes(): seed % 3 for seed in seeds}
        found = {image.tobytes(): int(label) for image, label in zip(part.images, part.labels, strict=True)}
        assert found == wanted
    assert dataset.class_names == CLASSES


def test_grey_images_of_many_sizes_are_resized_and_a_test_split_without_labels_is_none(sets: Path) -> None:
    with pytest.raises(InputError, match="images that vary in size"):
        load(data(sets / "grey"))
    assert load(data(sets / "grey", image_size=8)).image_shape == (8, 8, 1)
    assert describe(data(sets / "grey", image_size=8)).counts["test"] == (2, 2, 2)


def test_a_set_without_images_or_a_class_is_refused(sets: Path) -> None:
    with pytest.raises(InputError, match="one image with one class"):
        load(data(sets / "text"))
    with pytest.raises(InputError, match="little, without images of 1 classes: cat"):
        load(data(sets / "few"))


def test_an_unknown_name_is_refused_with_the_nearest_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"did you mean cifar10\?") as caught:
        load(data(tmp_path, name="cifra10"))
    assert caught.value.problems[0].path == ("trial", "data", "name")


def test_a_set_that_does_not_come_is_refused_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUNEHOUND_DOWNLOAD_STALL_S", "2")
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nobody listens there
    start = time.monotonic()
    with pytest.raises(InputError, match="is prepared on this machine, or can be downloaded") as caught:
        load(data(tmp_path, name="cifar10"))
    assert "tfds.load('cifar10')" in caught.value.problems[0].remedy
    assert time.monotonic() - start < 60


def test_a_missing_data_dir_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the folder exists"):
        load(data(tmp_path / "nowhere"))


def test_a_set_in_the_cache_is_not_read_again_and_one_too_large_for_it_is_streamed(
    sets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = load(data(sets / "parts"))
    doors.opened.cache_clear()
    tfds.read_stored.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(tfds.subprocess, "run", None)
        assert (load(data(sets / "parts")).train.images == stored.train.images).all()
    doors.opened.cache_clear()
    monkeypatch.setenv("TUNEHOUND_CACHE", str(tmp_path))
    monkeypatch.setenv("TUNEHOUND_CACHE_GB", "0")
    streamed = load(data(sets / "parts"))
    assert isinstance(streamed.train, StreamedImages)
    assert (streamed.train.read(np.arange(12)[::-1]) == stored.train.images[::-1]).all()
    assert streamed.fingerprint == stored.fingerprint
    doors.opened.cache_clear()


def test_tensorflow_does_not_wake_in_the_process_that_reads(sets: Path) -> None:
    program = (
        "import sys; from spaces.config.trial import TfdsData; from trainables.data.load import load; "
        f"load(TfdsData(source='tfds', name='little', data_dir={str(sets / 'parts')!r})); "
        "sys.exit('tensorflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
