"""What a run keeps on its driver's machine: who is told to stop, and whose checkpoint is kept."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest

from trainables.training import checkpoint
from trainables.training.checkpoint import Snapshot
from trainables.trial.actor import GivenUpError, Home


def snapshot(epochs: int) -> Snapshot:
    return Snapshot((np.full(3, epochs, np.float32),), tuple({"epoch": float(e + 1)} for e in range(epochs)))


def test_a_checkpoint_comes_back_as_it_was_and_lies_where_the_run_is_resumed_from(tmp_path: Path) -> None:
    async def there_and_back() -> Snapshot | None:
        home = Home()
        assert await home.read_checkpoint(str(tmp_path)) is None
        await home.hand_out(str(tmp_path), 1)
        await home.write_checkpoint(str(tmp_path), 1, snapshot(2))
        return await home.read_checkpoint(str(tmp_path))

    kept = asyncio.run(there_and_back())
    assert kept is not None
    assert kept.history == snapshot(2).history
    np.testing.assert_array_equal(kept.arrays[0], snapshot(2).arrays[0])
    assert checkpoint.rows(tmp_path / "checkpoint") == list(snapshot(2).history)


def test_a_process_that_was_given_up_overwrites_nothing(tmp_path: Path) -> None:
    async def late() -> None:
        home = Home()
        await home.hand_out(str(tmp_path), 1)
        await home.write_checkpoint(str(tmp_path), 1, snapshot(2))
        await home.hand_out(str(tmp_path), 2)
        await home.write_checkpoint(str(tmp_path), 2, snapshot(4))
        with pytest.raises(GivenUpError):
            await home.write_checkpoint(str(tmp_path), 1, snapshot(3))

    asyncio.run(late())
    assert len(checkpoint.rows(tmp_path / "checkpoint")) == 4


def test_a_node_that_leaves_stops_its_processes_and_the_end_stops_all() -> None:
    async def told() -> tuple[list[bool], list[bool]]:
        home = Home()
        waiting = [asyncio.create_task(home.told_to_stop(node)) for node in ("a", "a", "b")]
        await home.leave("a")
        await asyncio.sleep(0.05)
        after_leaving = [each.done() for each in waiting]
        await asyncio.wait_for(home.told_to_stop("a"), timeout=1)  # who comes later is told too
        await home.stop()
        await asyncio.sleep(0.05)
        return after_leaving, [each.done() for each in waiting]

    assert asyncio.run(told()) == ([True, True, False], [True, True, True])
