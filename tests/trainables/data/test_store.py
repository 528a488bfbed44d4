"""Decoded once a machine: by one process, whole or not at all, within a limit."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spaces.cache import cache_home
from spaces.config.trial import DigitsData
from spaces.problem import InputError
from tests.trainables.sets import archive, entries, forget, noise, pictures
from trainables.data import store
from trainables.data.key import key_of, stamp_of
from trainables.data.load import describe, load
from trainables.dataset import Images, StreamedImages, count_levels

pytestmark = pytest.mark.usefixtures("cache")

GO = """
import logging, pathlib, sys, time
from trainables.data.load import load
from spaces.config.trial import FolderData, NpzData
logging.basicConfig(level=logging.DEBUG)
place = pathlib.Path(sys.argv[1])
(place / f"ready-{sys.argv[2]}").touch()
while not (place / "go").exists():
    time.sleep(0.001)
"""
FOLDER = GO + "dataset = load(FolderData(source='folder', path=str(place / 'pictures'), image_size=8))\n"
ARCHIVE = GO + "dataset = load(NpzData(source='npz', path=str(place / 'arrays.npz')))\n"


def child(program: str, place: Path, number: int = 0, **options: Any) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", program, str(place), str(number)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


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


@pytest.mark.parametrize("longest_s", [0.0, 0.6])
def test_a_builder_that_is_killed_leaves_nothing_that_harms(longest_s: float, tmp_path: Path, cache: Path) -> None:
    data = archive(tmp_path / "arrays.npz", 3_000)
    (tmp_path / "go").touch()
    builder = child(ARCHIVE, tmp_path)
    end = time.monotonic() + 60
    while not (cache.exists() and any(cache.glob(".draft-*/train.npy"))):
        assert time.monotonic() < end
    time.sleep(np.random.default_rng().uniform(0, longest_s))  # another moment in every run of the tests
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


def test_a_wrong_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(store.LIMIT, "ten")
    with pytest.raises(InputError, match="TUNEHOUND_CACHE_GB must be a number of gigabytes"):
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
    assert "The disk has no space" in told[0][1]
    assert told[1][0] == told[0][0]
    assert [err.count("Decoding") for _, err in told] == [1, 0]
    assert not list(cache.rglob("*.npy"))
    assert store.find(next(iter(entries(cache)))).statistics.fingerprint == fingerprint


def test_a_cache_that_cannot_be_made_is_replaced_by_a_temporary_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("TUNEHOUND_CACHE", str(tmp_path / "file" / "cache"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert cache_home().parent == tmp_path
    assert len(load(DigitsData(source="digits")).train) == 1150
