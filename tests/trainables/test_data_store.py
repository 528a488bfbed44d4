"""Decoded once a machine: by one process, whole or not at all, within a limit, and the same wherever the pixels are."""

from __future__ import annotations

import gc
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from spaces.cache import cache_home
from spaces.config import Data, DigitsData, FolderData, NpzData
from spaces.problem import InputError
from trainables.data import load as doors
from trainables.data import store
from trainables.data.dataset import Images, StreamedImages, chosen, count_levels, joined
from trainables.data.key import key_of, stamp_of
from trainables.data.load import describe, load, load_test

GO = """
import logging, pathlib, sys, time
from trainables.data.load import load
from spaces.config import FolderData, NpzData
logging.basicConfig(level=logging.DEBUG)
place = pathlib.Path(sys.argv[1])
(place / f"ready-{sys.argv[2]}").touch()
while not (place / "go").exists():
    time.sleep(0.001)
"""
FOLDER = GO + "dataset = load(FolderData(source='folder', path=str(place / 'pictures'), image_size=8))\n"
ARCHIVE = GO + "dataset = load(NpzData(source='npz', path=str(place / 'arrays.npz')))\n"
PEAK = """
import resource
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
dataset = load(NpzData(source='npz', path=str(place / 'arrays.npz')))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
PRIVATE = """
import psutil
before = psutil.Process().memory_full_info().uss
dataset = load(NpzData(source='npz', path=str(place / 'arrays.npz')))
seen = int(dataset.train.images.sum()) + int(dataset.validation.images.sum())
print(psutil.Process().memory_full_info().uss - before)
"""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty cache, here and in the processes that a test starts."""
    monkeypatch.setenv("TUNEHOUND_CACHE", str(tmp_path / "cache"))
    forget()
    yield tmp_path / "cache" / "data"
    forget()


def forget() -> None:
    """Makes this process as good as a fresh one."""
    doors.opened.cache_clear()
    doors.opened_test.cache_clear()
    gc.collect()


def noise(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def pictures(place: Path, count: int = 20) -> Data:
    for name, seed in (("cat", 0), ("dog", 1)):
        (place / "pictures" / name).mkdir(parents=True)
        for index, pixels in enumerate(noise(seed, count, 11, 9, 3)):
            Image.fromarray(pixels).save(place / "pictures" / name / f"{index:03}.png")
    return FolderData(source="folder", path=str(place / "pictures"), image_size=8)


def archive(path: Path, count: int, *, seed: int = 0, side: int = 64) -> Data:
    """Images of about 12 KB each, with validation and test parts that say which they are."""
    images = {"x_train": noise(seed, count, side, side, 3), "x_val": noise(seed + 1, 4, side, side, 3)}
    np.savez(
        path,
        **images,
        y_train=np.arange(count) % 2,
        y_val=np.arange(4) % 2,
        x_test=images["x_val"] ^ 1,
        y_test=np.arange(4) % 2,
    )
    return NpzData(source="npz", path=str(path))


def child(program: str, place: Path, number: int = 0, **options: Any) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", program, str(place), str(number)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


def entries(cache: Path) -> set[str]:
    return {path.name for path in cache.iterdir() if path.is_dir()}


def wait_for(paths: list[Path]) -> None:
    end = time.monotonic() + 60
    while not all(path.exists() for path in paths):
        assert time.monotonic() < end
        time.sleep(0.005)


def test_two_processes_at_once_decode_once(tmp_path: Path, cache: Path) -> None:
    data = pictures(tmp_path, 100)
    program = FOLDER + "print(dataset.fingerprint)"
    children = [child(program, tmp_path, number) for number in range(2)]
    wait_for([tmp_path / "ready-0", tmp_path / "ready-1"])
    (tmp_path / "go").touch()
    told = [each.communicate(timeout=120) for each in children]
    assert sum(err.count("Decoding") for _, err in told) == 1
    assert {out.strip() for out, _ in told} == {load(data).fingerprint}
    assert len(entries(cache)) == 1


@pytest.mark.parametrize("moment", ["at once", "while it writes", "soon after"])
def test_a_builder_that_is_killed_leaves_nothing_that_harms(moment: str, tmp_path: Path, cache: Path) -> None:
    data = archive(tmp_path / "arrays.npz", 3_000)
    (tmp_path / "go").touch()
    builder = child(ARCHIVE, tmp_path)
    end = time.monotonic() + 60
    while not (cache.exists() and any(cache.glob(".draft-*/train.npy"))):
        assert time.monotonic() < end
    time.sleep(
        {"at once": 0, "while it writes": 0.1, "soon after": float(np.random.default_rng().uniform(0, 0.6))}[moment]
    )
    builder.kill()
    builder.communicate(timeout=60)
    dataset = load(data)
    assert (dataset.train.images == noise(0, 3_000, 64, 64, 3)).all()
    assert (dataset.validation.images == noise(1, 4, 64, 64, 3)).all()
    assert entries(cache) == {key_of(data, stamp_of(data))}


def test_who_finds_an_entry_reads_no_image(tmp_path: Path) -> None:
    data = pictures(tmp_path)
    first = load(data)
    stamps = {path: path.stat() for path in (tmp_path / "pictures").rglob("*.png")}
    for path, status in stamps.items():
        path.write_bytes(bytes(status.st_size))  # nothing that could be decoded, but by size and time the same file
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    forget()
    again = load(data)
    assert (again.train.images == first.train.images).all()
    assert again.fingerprint == first.fingerprint == describe(data).fingerprint
    assert (again.train.levels == count_levels(first.train.images)).all()


def test_the_key_changes_with_a_file_the_size_and_the_split_and_with_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = pictures(tmp_path)
    key = key_of(data, stamp_of(data))
    others = [data.model_copy(update=change) for change in ({"image_size": 9}, {"split_seed": 1}, {"validation": 0.3})]
    assert len({key, *(key_of(other, stamp_of(other)) for other in others)}) == 4
    monkeypatch.chdir(tmp_path)
    relative = data.model_copy(update={"path": "pictures"})
    assert key_of(relative, stamp_of(relative)) == key
    os.utime(tmp_path / "pictures" / "cat" / "000.png", ns=(0, 0))
    assert key_of(data, stamp_of(data)) != key


def test_the_least_recently_used_entry_makes_room(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(store.LIMIT, "0.003")  # an entry takes 1.3 MB
    sets = [archive(tmp_path / f"{name}.npz", 100, seed=10 * name) for name in range(3)]
    keys = [key_of(data, stamp_of(data)) for data in sets]
    for data in (sets[0], sets[1], sets[0], sets[2]):
        load(data)
        forget()
    assert entries(cache) == {keys[0], keys[2]}


def test_an_entry_in_use_is_left_alone(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(store.LIMIT, "0.003")
    sets = [archive(tmp_path / f"{name}.npz", 100, seed=10 * name) for name in range(4)]
    held = [load(data).train for data in sets[:2]]
    third = load(sets[2])
    assert isinstance(third.train, StreamedImages)  # both others are in use, so there is no room for it
    assert key_of(sets[0], stamp_of(sets[0])) in entries(cache)
    del held[0], third
    forget()
    assert isinstance(load(sets[2]).train, Images)
    assert (held[0].images == noise(10, 100, 64, 64, 3)).all()


def test_pixels_stay_readable_when_the_store_is_deleted(tmp_path: Path, cache: Path) -> None:
    dataset = load(archive(tmp_path / "arrays.npz", 50))
    for path in cache.rglob("*.npy"):
        path.unlink()
    assert (dataset.train.images == noise(0, 50, 64, 64, 3)).all()


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
    data = make(tmp_path)
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
    data = pictures(tmp_path)
    with caplog.at_level("DEBUG"):
        for _ in range(2):
            load(data)
            forget()
    assert [record.message for record in caplog.records].count(f"Decoding {tmp_path / 'pictures'}") == 1
    assert "TUNEHOUND_CACHE_GB allows no more: its images are decoded anew in every epoch" in caplog.text
    monkeypatch.delenv(store.LIMIT)
    assert isinstance(load(data).train, Images)
    assert len(entries(cache)) == 1


@pytest.mark.parametrize("limit", ["0", "1"])
def test_bad_images_are_told_together_stored_or_streamed(
    limit: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(store.LIMIT, limit)
    monkeypatch.setattr("trainables.data.dataset.CHUNK_BYTES", 2_000)  # ten images at a time
    data = pictures(tmp_path)
    for number, path in enumerate((tmp_path / "pictures").rglob("*.png")):
        path.write_bytes(b"no image, but one of its kind: %d" % number)
    with pytest.raises(
        InputError, match=r"got 32: .*\.png \(is no image\), .* and 27 more"
    ):  # of 40, less the test part
        load(data)
    assert not [path for path in (tmp_path / "cache" / "data").iterdir() if path.is_dir()]


def test_a_compressed_archive_over_the_limit_is_refused_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(store.LIMIT, "0.0001")
    images, labels = noise(0, 60, 32, 32, 3), np.arange(60) % 2
    np.savez_compressed(tmp_path / "arrays.npz", x_train=images, y_train=labels)
    with pytest.raises(InputError, match=r"got 0\.1 MB\n.*write the archive by np\.savez: .*TUNEHOUND_CACHE_GB="):
        load(NpzData(source="npz", path=str(tmp_path / "arrays.npz")))


def test_a_wrong_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(store.LIMIT, "ten")
    with pytest.raises(InputError, match="TUNEHOUND_CACHE_GB is a number of gigabytes"):
        load(DigitsData(source="digits"))


@pytest.mark.parametrize("spoil", ["train.npy", "facts.npz", "meta.json"])
def test_a_damaged_entry_is_built_anew(spoil: str, tmp_path: Path, cache: Path) -> None:
    data = archive(tmp_path / "arrays.npz", 50)
    load(data)
    forget()
    (file,) = cache.rglob(spoil)
    file.write_bytes(file.read_bytes()[:-200])
    assert (load(data).train.images == noise(0, 50, 64, 64, 3)).all()
    assert len(entries(cache)) == 1


def test_a_disk_that_is_full_costs_the_sharing_not_the_work(tmp_path: Path, cache: Path) -> None:
    archive(tmp_path / "arrays.npz", 400)  # 5 MB
    (tmp_path / "go").touch()
    program = ARCHIVE + "print(type(dataset.train).__name__, dataset.train.images.sum(), dataset.fingerprint)"

    def no_large_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))

    told = [child(program, tmp_path, preexec_fn=no_large_files).communicate(timeout=120) for _ in range(2)]
    kind, total, fingerprint = told[0][0].split()
    assert (kind, int(total)) == ("Images", int(noise(0, 400, 64, 64, 3).sum()))
    assert "The disk has no room" in told[0][1]
    assert told[1][0] == told[0][0]
    assert [err.count("Decoding") for _, err in told] == [1, 0]
    assert not list(cache.rglob("*.npy"))
    assert store.find(next(iter(entries(cache)))).facts.fingerprint == fingerprint


def test_a_cache_that_cannot_be_made_is_replaced_by_a_temporary_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("TUNEHOUND_CACHE", str(tmp_path / "file" / "cache"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert cache_home().parent == tmp_path
    assert len(load(DigitsData(source="digits")).train) == 1150


def test_neither_building_nor_mapping_a_large_set_takes_its_size_in_memory(tmp_path: Path) -> None:
    data, size_mb = archive(tmp_path / "arrays.npz", 16_000), 16_004 * 64 * 64 * 3 / 1e6  # 197 MB
    (tmp_path / "go").touch()
    out, err = child(GO + PEAK, tmp_path).communicate(timeout=120)
    assert "Decoding" in err
    assert int(out) / 1e3 < 0.4 * size_mb, "peak while building, kilobytes"
    mine = load(data)
    assert int(mine.train.images.sum()) + int(mine.validation.images.sum()) > 0
    out, err = child(GO + PRIVATE, tmp_path).communicate(timeout=120)
    assert "Decoding" not in err
    assert int(out) / 1e6 < 0.1 * size_mb, "private bytes of a process that has read every pixel, as this one has"


def test_two_parts_are_joined_and_some_images_chosen_wherever_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = pictures(tmp_path)
    stored = load(data)
    whole = joined(stored.train, stored.validation)
    monkeypatch.setattr("trainables.data.dataset.MEMORY_SHARE", 0)
    gathered = joined(stored.train, stored.validation)
    assert isinstance(whole, Images)
    assert isinstance(gathered, StreamedImages)
    some = np.random.default_rng(0).permutation(len(whole))[:9]
    assert (gathered.read(some) == whole.images[some]).all()
    assert (gathered.labels == whole.labels).all()
    assert (gathered.levels == whole.levels).all()
    assert (whole.levels == count_levels(whole.images)).all()
    first, second = chosen(whole, some), chosen(gathered, some)
    assert (first.read(np.arange(9)) == second.read(np.arange(9))).all()
    assert (first.levels == second.levels).all()


def test_a_large_test_part_is_streamed_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = pictures(tmp_path)
    held = load_test(data)
    forget()
    monkeypatch.setattr("trainables.data.dataset.MEMORY_SHARE", 0)
    streamed = load_test(data)
    assert isinstance(streamed, StreamedImages)
    assert (streamed.read(np.arange(len(streamed))) == held.read(np.arange(len(held)))).all()
