"""A set too large for the store is the same set: its pixels, levels, fingerprint, and what is wrong with it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spaces.config.trial import DigitsData, NpzData
from spaces.problem import InputError
from tests.trainables.sets import archive, entries, forget, noise, pictures
from trainables.data import store
from trainables.data.load import describe, load, load_test
from trainables.dataset import Images, StreamedImages, concatenate, count_levels, select

pytestmark = pytest.mark.usefixtures("cache")


@pytest.mark.parametrize(
    "make",
    [
        lambda place: pictures(place),
        lambda place: archive(place / "arrays.npz", 50),
        lambda place: DigitsData(source="digits"),
    ],
    ids=["folder", "npz", "digits"],
)
def test_streamed_and_stored_are_the_same(make: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = make(tmp_path).model_copy(update={"copies": "bytes"})  # streamed sets compare these
    stored, info = load(data), describe(data)
    monkeypatch.setenv("TUNEHOUND_CACHE", str(tmp_path / "other"))
    monkeypatch.setenv(store.LIMIT, "0")
    forget()
    streamed = load(data)
    assert describe(data) == info
    for one, other in ((stored.train, streamed.train), (stored.validation, streamed.validation)):
        assert isinstance(one, Images)
        assert isinstance(other, StreamedImages)
        assert other.image_shape == one.image_shape
        assert (other.labels == one.labels).all()
        assert (other.levels == one.levels).all()
        orders = [np.random.default_rng(seed).permutation(len(one))[:7] for seed in range(8)]
        with ThreadPoolExecutor(4) as threads:
            for order, pixels in zip(orders, threads.map(other.read, orders), strict=True):
                assert (pixels == one.images[order]).all()


def test_a_streamed_set_is_looked_at_once_a_machine(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(store.LIMIT, "0")
    data = pictures(tmp_path).model_copy(update={"copies": "bytes"})
    with caplog.at_level("DEBUG", logger="trainables.data"):
        for _ in range(2):
            load(data)
            forget()
    assert [record.message for record in caplog.records].count(f"Decoding {tmp_path / 'pictures'}") == 1
    assert "which exceeds TUNEHOUND_CACHE_GB: its images will be decoded again in every epoch" in caplog.text
    monkeypatch.delenv(store.LIMIT)
    assert isinstance(load(data).train, Images)
    assert len(entries(cache)) == 1


@pytest.mark.parametrize("limit", ["0", "1"])
def test_bad_images_are_told_together_stored_or_streamed(
    limit: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(store.LIMIT, limit)
    monkeypatch.setattr("trainables.dataset.CHUNK_BYTES", 2_000)  # ten images at a time
    data = pictures(tmp_path)
    for number, path in enumerate((tmp_path / "pictures").rglob("*.png")):
        path.write_bytes(b"no image, but one of its kind: %d" % number)
    with pytest.raises(
        InputError, match=r"got 40: .*\.png \(is not an image but text\), .* and 35 more; all of them: "
    ):
        load(data)
    assert not [path for path in (tmp_path / "cache" / "data").iterdir() if path.is_dir()]


def test_a_compressed_archive_over_the_limit_is_refused_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(store.LIMIT, "0.0001")
    images, labels = noise(0, 60, 32, 32, 3), np.arange(60) % 2
    np.savez_compressed(tmp_path / "arrays.npz", x_train=images, y_train=labels)
    with pytest.raises(InputError, match=r"got 0\.1 MB\n.*write the archive with np\.savez: .*TUNEHOUND_CACHE_GB="):
        load(NpzData(source="npz", path=str(tmp_path / "arrays.npz")))


def test_two_parts_are_joined_and_some_images_chosen_wherever_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = pictures(tmp_path)
    stored = load(data)
    whole = concatenate(stored.train, stored.validation)
    monkeypatch.setattr("trainables.dataset.MEMORY_SHARE", 0)
    gathered = concatenate(stored.train, stored.validation)
    assert isinstance(whole, Images)
    assert isinstance(gathered, StreamedImages)
    some = np.random.default_rng(0).permutation(len(whole))[:9]
    assert (gathered.read(some) == whole.images[some]).all()
    assert (gathered.labels == whole.labels).all()
    assert (gathered.levels == whole.levels).all()
    assert (whole.levels == count_levels(whole.images)).all()
    first, second = select(whole, some), select(gathered, some)
    assert (first.read(np.arange(9)) == second.read(np.arange(9))).all()
    assert (first.levels == second.levels).all()


def test_a_large_test_part_is_streamed_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = pictures(tmp_path)
    held = load_test(data)
    forget()
    monkeypatch.setattr("trainables.dataset.MEMORY_SHARE", 0)
    streamed = load_test(data)
    assert isinstance(streamed, StreamedImages)
    assert (streamed.read(np.arange(len(streamed))) == held.read(np.arange(len(held)))).all()
