"""When a sweep ends early."""

from __future__ import annotations

import errno
import os

import pytest

from search.tuner.stopping import Ending


def test_running_trials_are_told_to_stop_once() -> None:
    told: list[str] = []
    ending = Ending(lambda: told.append("stop"))
    ending.no_more("every configuration was tried")
    assert not told
    ending.now("interrupted")
    ending.now("budget.epochs = 3 is spent")
    assert told == ["stop"]
    assert ending.reason == "interrupted"
    assert not ending.overdue()


def test_a_record_that_cannot_be_written_stops_everything_and_is_remembered() -> None:
    told: list[str] = []
    ending = Ending(lambda: told.append("stop"))
    for number in (errno.ENOSPC, errno.EIO):
        with ending.at_failure():
            raise OSError(number, os.strerror(number))
    assert told == ["stop"]
    assert ending.failure is not None
    assert ending.failure.errno == errno.ENOSPC
    assert ending.reason == os.strerror(errno.ENOSPC)


def test_a_mistake_of_ours_is_no_failure_of_the_disk() -> None:
    ending = Ending(lambda: None)
    with pytest.raises(KeyError), ending.at_failure():
        raise KeyError("ours")
    assert not ending.early
