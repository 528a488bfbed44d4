"""Three thousand readings of damaged and foreign runs: a value or a clear error each, never a traceback or a hang."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from random import Random

from tests.foreign_runs import READERS, make_whole_run, outcome
from tests.mutations import mutate

RUNS = 300


def test_no_reading_ends_in_a_traceback(tmp_path: Path) -> None:
    whole, copy = make_whole_run(tmp_path / "whole"), tmp_path / "copy"
    kinds: Counter[str] = Counter()
    bad = []
    for seed in range(RUNS):
        for name, reader in READERS.items():
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(whole, copy)
            what = mutate(copy, Random(seed))
            kind, text = outcome(reader, copy)
            kinds[kind] += 1
            if kind == "traceback":
                bad.append(f"{seed} {name} {what}\n{text}")
    print(f"{sum(kinds.values())} readings: {dict(kinds)}")
    assert bad == []
    assert kinds["clear"] > RUNS
    assert kinds["value"] > RUNS
