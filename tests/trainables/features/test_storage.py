"""Entries of the feature store: filled together, checked, mended, evicted only where nobody uses them."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.disk import files_of_at_most
from trainables.data import store
from trainables.features.prefix import FeatureArray
from trainables.features.storage import CHUNK, Entry, Layout, NoRoomError, open_entry

LAYOUT = Layout(images=3 * CHUNK - 10, views=2, shapes=((2, 2, 3), (5,)), dtype="float16")
KEY = "0123456789abcdef01234567"

WRITER = """
import sys, time
from tests.trainables.features.test_storage import KEY, LAYOUT, features
from trainables.features.storage import open_entry

def slowly(view, chunk):
    print(chunk, flush=True)
    time.sleep(float(sys.argv[1]))
    return features(view, chunk)

print("did", open_entry(KEY, LAYOUT).fill(0, slowly, heed=lambda: None), flush=True)
"""


def features(view: int, chunk: int) -> list[FeatureArray]:
    rows = LAYOUT.rows(view, chunk)
    count = rows.stop - rows.start
    return [np.full((count, *shape), 10 * view + chunk + 1, np.float16) for shape in LAYOUT.shapes]


def refuse(view: int, chunk: int) -> list[FeatureArray]:
    raise AssertionError(f"chunk {chunk} of view {view} was there already")


def fill(found: Entry, view: int = 0) -> int:
    return found.fill(view, features, heed=lambda: None)


def whole(found: Entry, view: int = 0) -> bool:
    wanted = [np.concatenate([features(view, chunk)[cut] for chunk in range(LAYOUT.chunks)]) for cut in (0, 1)]
    rows = slice(view * LAYOUT.images, (view + 1) * LAYOUT.images)
    return all(np.array_equal(values[rows], each) for values, each in zip(found.values, wanted, strict=True))


@pytest.fixture(autouse=True)
def _cache(cache: Path) -> Iterator[None]:
    yield
    gc.collect()


def writer(seconds: float) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3])


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_a_view_is_computed_once_and_read_by_all() -> None:
    found = open_entry(KEY, LAYOUT)
    assert fill(found) == LAYOUT.chunks == 3
    assert whole(found)
    assert found.fill(0, refuse, heed=lambda: None) == 0
    del found
    gc.collect()
    again = open_entry(KEY, LAYOUT)
    assert again.fill(0, refuse, heed=lambda: None) == 0
    assert whole(again)
    assert fill(again, view=1) == 3
    assert whole(again, view=1)
    assert whole(again)


def test_two_processes_share_the_work_and_each_waits_for_the_other() -> None:
    other = writer(0.7)
    assert line(other) == "0"  # it computes the first chunk
    found = open_entry(KEY, LAYOUT)
    here = fill(found)
    assert whole(found)
    theirs = int(other.communicate(timeout=30)[0].split()[-1])
    assert here + theirs == LAYOUT.chunks
    assert min(here, theirs) > 0


def test_what_a_killed_writer_left_is_computed_by_the_next() -> None:
    other = writer(60)
    line(other)
    other.send_signal(signal.SIGKILL)
    other.wait(timeout=10)
    found = open_entry(KEY, LAYOUT)
    assert fill(found) == LAYOUT.chunks
    assert whole(found)


def test_who_waits_can_be_interrupted() -> None:
    other = writer(60)
    line(other)
    began = time.monotonic()

    def heed() -> None:
        if time.monotonic() - began > 0.3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        open_entry(KEY, LAYOUT).fill(0, features, heed=heed)
    other.kill()
    other.wait(timeout=10)


@pytest.mark.parametrize("file", ["0", "1", "sums"])
def test_a_damaged_chunk_is_computed_again_and_no_other(file: str) -> None:
    fill(open_entry(KEY, LAYOUT))
    gc.collect()
    with (store.root() / KEY / file).open("r+b") as damaged:
        damaged.seek(2)
        damaged.write(b"spoilt")
    mended = open_entry(KEY, LAYOUT)
    assert fill(mended) == (2 if file == "sums" else 1)
    assert whole(mended)


def test_a_truncated_file_makes_the_whole_entry_anew() -> None:
    fill(open_entry(KEY, LAYOUT))
    gc.collect()
    os.truncate(store.root() / KEY / "0", 100)
    found = open_entry(KEY, LAYOUT)
    assert fill(found) == LAYOUT.chunks
    assert whole(found)


def test_no_more_is_stored_than_the_limit_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(store.LIMIT, str(0.9 * LAYOUT.bytes / 1e9))
    with pytest.raises(NoRoomError) as told:
        open_entry(KEY, LAYOUT)
    assert (told.value.shortage, told.value.needed) == ("limit", LAYOUT.bytes)
    assert not list(store.root().glob("*/[0-9]"))


def test_the_least_recently_used_makes_room_but_never_one_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(store.LIMIT, str(2.5 * LAYOUT.bytes / 1e9))
    used = open_entry("a" * 24, LAYOUT)
    fill(open_entry("b" * 24, LAYOUT))
    gc.collect()
    fill(open_entry("c" * 24, LAYOUT))
    assert {folder.name[0] for folder in store.root().iterdir() if folder.is_dir()} == {"a", "c"}
    assert fill(used) == LAYOUT.chunks
    assert whole(used)


def test_a_disk_that_is_too_small_is_told() -> None:
    with files_of_at_most(LAYOUT.bytes // 4), pytest.raises(NoRoomError) as told:
        open_entry(KEY, LAYOUT)
    assert told.value.shortage == "disk"
    assert not list(store.root().glob("*/[0-9]"))
    assert fill(open_entry(KEY, LAYOUT)) == LAYOUT.chunks


def test_a_disk_that_becomes_full_is_told_and_what_was_written_stands() -> None:
    found = open_entry(KEY, LAYOUT)
    with files_of_at_most(2 * CHUNK * LAYOUT.row_bytes(LAYOUT.shapes[0])), pytest.raises(NoRoomError) as told:
        fill(found)
    assert told.value.shortage == "disk"
    assert fill(found) == 1
    assert whole(found)
