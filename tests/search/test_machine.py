"""What this machine offers to trials."""

from __future__ import annotations

from search.machine import RESERVED_SHARE, Machine, count_gpus, this_machine, this_node
from spaces.container import free_memory_bytes, usable_cpus


def test_a_machine_is_described_in_words() -> None:
    assert str(Machine(cpus=1, gpus=0, memory_bytes=2**31)) == "1 CPU core, no GPU, 2 GiB of memory"
    assert str(Machine(cpus=8, gpus=2, memory_bytes=2**35)) == "8 CPU cores, 2 GPUs, 32 GiB of memory"


def test_a_sweep_gets_the_cores_and_a_share_of_the_memory_that_this_process_may_use() -> None:
    machine, node = this_machine(), this_node()
    assert (node.cpus, node.gpus) == (machine.cpus, machine.gpus) == (usable_cpus(), count_gpus())
    assert 0 < node.memory_bytes < (1 - RESERVED_SHARE) * machine.memory_bytes
    assert node.memory_bytes < free_memory_bytes() <= machine.memory_bytes
