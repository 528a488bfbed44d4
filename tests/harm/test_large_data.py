"""A large data set: neither building its entry in the store nor reading it takes its size in memory."""

from __future__ import annotations

from pathlib import Path

from tests.trainables.conftest import cache as cache
from tests.trainables.data.test_store import GO, child
from tests.trainables.sets import archive
from trainables.data.load import load

PEAK = """
import resource, sklearn.model_selection
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
dataset = load(NpzData(source='npz', path=str(place / 'arrays.npz')))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
PRIVATE = """
import psutil, sklearn.model_selection
before = psutil.Process().memory_full_info().uss
dataset = load(NpzData(source='npz', path=str(place / 'arrays.npz')))
seen = int(dataset.train.images.sum()) + int(dataset.validation.images.sum())
print(psutil.Process().memory_full_info().uss - before)
"""


def test_neither_building_nor_mapping_a_large_set_takes_its_size_in_memory(tmp_path: Path, cache: Path) -> None:
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
