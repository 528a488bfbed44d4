"""A run on the head, seen from outside while it is driven: what its trials have reached, and whether that grows."""

from __future__ import annotations

import time
from pathlib import Path

from tests.harm.doing import epochs
from tests.harm.sound import ended_trials
from tests.lab.hosts import Host, until

DRIVER = "search.cli.app import main"
"""In the command line of the process that drives a sweep."""


def reached(run: Path) -> dict[int, int]:
    """The last epoch of each trial that is at work."""
    ended = ended_trials(run)
    begun = [int(folder.name) for folder in run.glob("trials/*") if int(folder.name) not in ended]
    return {number: len(epochs(run, number)) for number in begun}


def until_at_work(run: Path, *, trials: int, epoch: int, within_s: float = 180) -> dict[int, int]:
    """Waits until so many trials have come to an epoch; what those at work have reached then."""
    until(
        lambda: sum(last >= epoch for last in reached(run).values()) >= trials,
        within_s=within_s,
        every_s=0.5,
        said=lambda: str(reached(run)),
    )
    return reached(run)


def recovered_s(run: Path, before: dict[int, int], *, within_s: float = 240) -> float:
    """Waits until every trial has come further than it was, or has ended; the seconds that this took."""
    began = time.monotonic()

    def further() -> bool:
        now, ended = reached(run), ended_trials(run)
        return all(number in ended or now.get(number, 0) > last for number, last in before.items())

    until(further, within_s=within_s, every_s=0.5, said=lambda: f"before {before}, now {reached(run)}")
    return time.monotonic() - began


def drives(head: Host) -> bool:
    """Whether a tunehound is at work on a host."""
    return any(DRIVER in line for line in head.processes().values())


def until_over(run: Path, head: Host, *, within_s: float = 400) -> None:
    """Waits until a sweep whose client has gone is over."""
    until(
        lambda: (run / "report.html").exists() and not drives(head),
        within_s=within_s,
        every_s=1,
        said=lambda: f"{reached(run)}\n{head.processes()}",
    )
