"""A sweep that stands still says so, once; one that moves, or has only its last trial to wait for, does not."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from search.tuner.stall import AGAIN_S, IDLE_S, SLOW_S, Stall


@dataclass
class Sweep:
    """A sweep as a test has it: what it has trained, what runs, which slots are free, and what time it is."""

    epochs: int = 0
    running: dict[int, object] = field(default_factory=dict)
    free: int = 0
    slots: int = 2
    now_s: float = 0.0
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.stall = Stall(
            self, slots=lambda: (self.free, self.slots), message=self.said.append, clock=lambda: self.now_s
        )

    def wait(self, seconds: float) -> None:
        """Ray Tune's loop turns for so long, and nothing happens."""
        for _ in range(20):
            self.now_s += seconds / 20
            self.stall.look()


def hand_out(sweep: Sweep, *numbers: int) -> None:
    sweep.running |= dict.fromkeys(numbers)
    sweep.stall.look()


def test_trials_that_ray_does_not_start_although_slots_are_free_are_mentioned_once_in_a_while() -> None:
    sweep = Sweep(free=2)
    hand_out(sweep, 0, 1)
    sweep.wait(IDLE_S - 1)
    assert sweep.said == []
    sweep.wait(AGAIN_S / 2)
    [told] = sweep.said
    assert "although 2 of 2 slots are free: 2 trials handed out, and Ray starts none of them" in told
    assert "tunehound resume" in told
    sweep.wait(AGAIN_S)
    assert len(sweep.said) == 2


def test_a_sweep_that_hands_nothing_out_is_mentioned() -> None:
    sweep = Sweep(free=2)
    sweep.wait(IDLE_S + 6)
    assert len(sweep.said) == 1


@pytest.mark.parametrize(
    ("running", "free"), [((0, 1), 0), ((0,), 1), ((0, 1, 2, 3), 0)], ids=["full", "the last one", "a cluster may grow"]
)
def test_a_sweep_whose_slots_train_is_left_alone(running: tuple[int, ...], free: int) -> None:
    sweep = Sweep(free=free)
    hand_out(sweep, *running)
    sweep.wait(AGAIN_S)
    assert sweep.said == []


def test_an_epoch_that_takes_far_longer_than_those_before_is_mentioned() -> None:
    sweep = Sweep()
    hand_out(sweep, 0, 1)
    for _ in range(5):
        sweep.wait(20)
        sweep.epochs += 1
        sweep.stall.look()
    sweep.wait(SLOW_S)
    assert sweep.said == []
    sweep.wait(SLOW_S)
    [told] = sweep.said
    assert told.startswith("No epoch has ended for ")
    assert "at least every 20 s" in told
