"""How many trials fit on a cluster, and what each holds."""

from __future__ import annotations

import pytest

from clusters.slots import Node, Slot, choose_slot, count_slots

GIB = 2.0**30
LAPTOP = Node(cpus=2, gpus=0, memory_bytes=16 * GIB)
GPU_BOX = Node(cpus=16, gpus=2, memory_bytes=128 * GIB)


def test_a_laptop_trains_one_trial_a_core() -> None:
    slot = choose_slot([LAPTOP], image_side_px=32)
    assert slot == Slot(cpus=1, gpus=0.0)
    assert count_slots(slot, [LAPTOP]) == 2


def test_little_memory_means_fewer_and_wider_slots() -> None:
    slot = choose_slot([Node(cpus=8, gpus=0, memory_bytes=4 * GIB)], image_side_px=32)
    assert slot.cpus == 4


@pytest.mark.parametrize(("side", "share"), [(32, 0.25), (64, 0.25), (96, 0.5), (224, 1.0)])
def test_small_images_share_a_gpu(side: int, share: float) -> None:
    slot = choose_slot([GPU_BOX], image_side_px=side)
    assert slot.gpus == share
    assert count_slots(slot, [GPU_BOX]) == 2 / share
    assert slot.cpus == 16 * share / 2


def test_what_is_asked_for_is_what_a_trial_gets() -> None:
    assert choose_slot([GPU_BOX], image_side_px=32, cpus=3, gpus=2) == Slot(cpus=3, gpus=2)
    assert choose_slot([GPU_BOX], image_side_px=32, gpus=0).gpus == 0


def test_a_trial_never_spans_two_gpus_or_two_nodes() -> None:
    assert count_slots(Slot(cpus=1, gpus=0.4), [GPU_BOX]) == 4
    assert count_slots(Slot(cpus=3, gpus=0), [LAPTOP, LAPTOP]) == 0
    assert count_slots(Slot(cpus=1, gpus=2), [GPU_BOX, LAPTOP]) == 1


def test_cpus_are_chosen_by_the_nodes_that_have_gpus() -> None:
    assert choose_slot([LAPTOP, GPU_BOX], image_side_px=224).cpus == 8


def test_a_slot_without_gpu_does_not_mention_one_to_ray() -> None:
    assert Slot(cpus=2, gpus=0).bundle() == {"CPU": 2}
    assert Slot(cpus=2, gpus=0.5).bundle() == {"CPU": 2, "GPU": 0.5}


@pytest.mark.parametrize(
    ("slot", "told"),
    [
        (Slot(cpus=1, gpus=0), "1 CPU, 7.5 GB of memory"),
        (Slot(cpus=4, gpus=0.25), "4 CPUs, 0.25 GPU, 7.5 GB of memory"),
        (Slot(cpus=8, gpus=2), "8 CPUs, 2 GPUs, 7.5 GB of memory"),
    ],
)
def test_a_slot_is_told_in_words(slot: Slot, told: str) -> None:
    assert slot.describe(memory_bytes=7.5e9) == told
