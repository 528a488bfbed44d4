"""What the head of a cluster needs, by the number of trials that train at once, and what breaks first.

    python tests/benchmarks/head.py                     # all parts
    python tests/benchmarks/head.py --part nodes --nodes 50

- `driver`: the real searcher, scheduler and record, told of simulated trials that ASHA stops (see `driver.py`). CPU of
  the driver's thread for a result, and for the end of a trial with the start of the next one; memory and disk a trial.
- `tune`: what Ray Tune's own loop takes for a result beside that, by the number of processes: idle trainables that
  report every two seconds, in real processes of this machine.
- `nodes`: pretended machines with 4 slots each (`ray.cluster_utils.Cluster`: raylets of their own, on this machine).
  How long they take to come, what one costs, and what counting the slots takes.
- `checkpoints`: checkpoints of three sizes on the way of those from other machines: by value, through Ray, to the actor
  that writes them. The disk and loopback of this machine.
- `head`: the sums, for trials whose epoch takes half a minute.

CPU cores, memory for 100 MB a node, a disk; no accelerator. No trial trains. Nothing is downloaded.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from search.console.logs import quiet_environment

quiet_environment()  # what Ray Tune reads when it is imported, as in a sweep

import ray  # noqa: E402
from driver import Simulation, begin, megabytes, statistics, sweep_of  # noqa: E402
from ray import tune  # noqa: E402
from ray.cluster_utils import Cluster  # noqa: E402
from ray.tune import Trainable  # noqa: E402

from clusters.membership import members  # noqa: E402
from trainables.training.checkpoint import Snapshot  # noqa: E402
from trainables.trial.actor import DriverActor  # noqa: E402

SLOTS = (4, 40, 200, 800)
EPOCHS, EPOCH_S = 8, 30.0
"""Of the trials of `tune`, and of those of `head`."""
CHECKPOINT_S = 300.0
"""The most that a trial goes on without saving its state, unless a sweep says otherwise."""
PARAMETERS = {"cifar10_cnn": (1.22, 1.22), "MobileNetV2": (2.27, 2.23), "VGG16": (14.85, 14.85)}
"""Millions of all and of trainable parameters, all unfrozen and a small head; Adam keeps two more of the latter."""


def checkpoint_mb(model: str) -> float:
    """Bytes of a checkpoint, in millions: weights and Adam's memory in single precision."""
    whole, trainable = PARAMETERS[model]
    return 4 * (whole + 2 * trainable)


def driver_part(options: argparse.Namespace) -> dict[int, dict[str, float]]:
    """A line for each number of slots."""
    print(f"{'slots':>6}{'trials':>8}{'results':>9}{'ms a result':>13}{'ms an end+start':>17}", end="")
    print(f"{'KB of memory a trial':>22}{'KB of disk a trial':>20}{'files open':>12}")
    found = {}
    for slots in SLOTS:
        trials = max(300, 2 * slots)
        with tempfile.TemporaryDirectory() as folder:
            sweep = sweep_of(options, trials=trials, sampler="random")
            at_first = megabytes()
            simulation = Simulation(begin(Path(folder), sweep), sweep, [], in_flight=slots, stop=True)
            results = list(simulation.run())
            opened = psutil.Process().num_fds()
            memory_kb = 1000 * (megabytes() - at_first) / trials
            simulation.recorder.close()
            disk_kb = sum(path.stat().st_blocks * 512 for path in Path(folder).rglob("*")) / 1000 / trials
        numbers = statistics(results)
        found[slots] = {"result_ms": numbers[0], "end_ms": numbers[-2], "memory_kb": memory_kb, "disk_kb": disk_kb}
        print(f"{slots:6}{trials:8}{len(results):9}{numbers[0]:13.2f}{numbers[-2]:17.2f}", end="")
        print(f"{memory_kb:22.0f}{disk_kb:20.1f}{opened:12}", flush=True)
    return found


class Idle(Trainable):
    """Reports every so often, and does nothing."""

    def setup(self, config: dict[str, Any]) -> None:
        """Nothing to set up."""

    def step(self) -> dict[str, Any]:
        """An epoch."""
        time.sleep(2)
        return {"done": self.iteration >= EPOCHS - 1}

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Serves the next trial as it is."""
        return True


class Clock(tune.Callback):
    """Notes the CPU time of the driver's process and the hour, at each result."""

    def __init__(self) -> None:
        self.noted: list[tuple[float, float]] = []

    def on_trial_result(self, *_: Any, **__: Any) -> None:
        """As Ray calls it."""
        self.noted.append((time.process_time(), time.perf_counter()))


def tune_part(options: argparse.Namespace) -> None:
    """CPU of the driver's process, all threads, from the end of the first fifth of the results to the last fifth."""
    print(f"{'processes':>10}{'results/s':>11}{'driver, ms a result':>21}{'driver, cores':>15}", flush=True)
    for processes in options.processes:
        clock = Clock()
        with pretended(0, slots=processes), tempfile.TemporaryDirectory() as folder:
            tune.run(
                tune.with_resources(Idle, {"CPU": 1}),
                num_samples=2 * processes,
                reuse_actors=True,
                storage_path=folder,
                verbose=0,
                callbacks=[clock],
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
            )
        results = len(clock.noted)
        (cpu, began), (last_cpu, ended) = clock.noted[results // 5], clock.noted[-results // 5]
        cpu, wall, between = last_cpu - cpu, ended - began, results - 2 * (results // 5)
        print(f"{processes:10}{between / wall:11.1f}{1e3 * cpu / between:21.1f}{cpu / wall:15.2f}", flush=True)


@contextmanager
def pretended(nodes: int, *, slots: int = 0) -> Iterator[Cluster]:
    """A cluster with a head and other nodes, of four slots each, that share this machine."""
    cluster = Cluster()
    memory = {"object_store_memory": 80 * 2**20}
    cluster.add_node(num_cpus=slots, include_dashboard=False, **memory)
    ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
    try:
        for _ in range(nodes):
            cluster.add_node(num_cpus=4, **memory)
        yield cluster
    finally:
        ray.shutdown()
        cluster.shutdown()


def nodes_part(options: argparse.Namespace) -> None:
    """A line every ten nodes."""
    print(f"{'nodes':>6}{'s a new node':>14}{'MB a node':>11}{'ms to count':>13}{'idle, % of a core':>19}", end="")
    print(f"{'GCS, MB':>9}{'its files':>11}", flush=True)
    with pretended(0) as cluster:
        free, there = psutil.virtual_memory().available, 0
        while there < options.nodes:
            began, step = time.perf_counter(), min(10, options.nodes - there)
            for _ in range(step):
                cluster.add_node(num_cpus=4, object_store_memory=80 * 2**20)
            took = time.perf_counter() - began
            there += step
            count_ms = 1e3 * best(lambda: len(members()))
            gcs = psutil.Process(cluster.head_node.all_processes["gcs_server"][0].process.pid)
            busy = idle_share()
            used = (free - psutil.virtual_memory().available) / 1e6 / there
            print(f"{there:6}{took / step:14.2f}{used:11.0f}{count_ms:13.1f}{100 * busy:19.0f}", end="")
            print(f"{gcs.memory_info().rss / 1e6:9.0f}{gcs.num_fds():11}", flush=True)


def idle_share() -> float:
    """CPU of all that this process has started, while nothing happens, in cores."""

    def spent() -> float:
        times = [child.cpu_times() for child in psutil.Process().children(recursive=True)]
        return sum(t.user + t.system for t in times)

    before, began = spent(), time.perf_counter()
    time.sleep(5)
    return (spent() - before) / (time.perf_counter() - began)


def best(call: Callable[[], Any]) -> float:
    """The least of five times, in seconds."""
    times = []
    for _ in range(5):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return min(times)


def checkpoints_part(options: argparse.Namespace) -> None:
    """How many bytes a second a run's home takes in, one trial after the other and eight at a time."""
    print(f"{'model':12}{'MB':>7}{'one, MB/s':>11}{'eight, MB/s':>13}{'home, MB':>10}")
    with pretended(0, slots=1), tempfile.TemporaryDirectory() as folder:
        home = ray.remote(DriverActor).options(num_cpus=0, max_concurrency=1000).remote()
        for model in PARAMETERS:
            arrays = tuple(np.ones(int(checkpoint_mb(model) * 1e6 / 4 / 8), np.float32) for _ in range(8))
            snapshot, rates = Snapshot(arrays, ({"epoch": 1.0},)), []
            for together in (1, 8):
                began = time.perf_counter()
                calls = [home.write_checkpoint.remote(f"{folder}/{i}", 0, snapshot) for i in range(together)]
                ray.get(calls)
                rates.append(together * checkpoint_mb(model) / (time.perf_counter() - began))
            resident = ray.get(home.__ray_call__.remote(lambda _: psutil.Process().memory_info().rss)) / 1e6
            print(f"{model:12}{checkpoint_mb(model):7.1f}{rates[0]:11.0f}{rates[1]:13.0f}{resident:10.0f}", flush=True)


def head_part(options: argparse.Namespace, driver: dict[int, dict[str, float]]) -> None:
    """What comes together on the head: cores of the driver's loop and of TPE in it, and the bytes of checkpoints."""
    print(f"an epoch {EPOCH_S:.0f} s, {options.epochs_a_trial} epochs a trial, a checkpoint every {CHECKPOINT_S:.0f} s")
    print(f"{'slots':>6}{'results/s':>11}{'ends/h':>8}{'loop, cores':>13}{'TPE, cores':>12}", end="")
    print("".join(f"{model + ', MB/s':>19}" for model in PARAMETERS))
    for slots, cost in driver.items():
        results, ends = slots / EPOCH_S, slots / EPOCH_S / options.epochs_a_trial
        loop = (results * (cost["result_ms"] + options.tune_ms) + ends * cost["end_ms"]) / 1e3
        print(f"{slots:6}{results:11.1f}{3600 * ends:8.0f}{loop:13.3f}{ends * options.ask_ms / 1e3:12.3f}", end="")
        print("".join(f"{slots * checkpoint_mb(model) / CHECKPOINT_S:19.2f}" for model in PARAMETERS))


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description="What the head of a cluster needs.")
    parser.add_argument("--part", choices=["driver", "tune", "nodes", "checkpoints", "head"], help="one part alone")
    parser.add_argument("--nodes", type=int, default=50)
    parser.add_argument("--processes", type=int, nargs="*", default=[4, 16, 32])
    parser.add_argument("--epochs", type=int, default=27, help="the horizon of the simulated trials")
    parser.add_argument("--epochs-a-trial", type=float, default=7.0, help="what is left of it under ASHA, in the mean")
    parser.add_argument("--tune-ms", type=float, default=4.0, help="what `tune` gave for a result")
    parser.add_argument("--ask-ms", type=float, default=200.0, help="of TPE, see driver.py; with 3,000 finished trials")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print(
        f"Python {platform.python_version()}, ray {version('ray')}, optuna {version('optuna')}, {os.cpu_count()} CPUs"
    )
    wanted = [options.part] if options.part else ["driver", "tune", "nodes", "checkpoints", "head"]
    driver = driver_part(options) if {"driver", "head"} & set(wanted) else {}
    for name, part in (("tune", tune_part), ("nodes", nodes_part), ("checkpoints", checkpoints_part)):
        if name in wanted:
            print(f"\n{name}")
            part(options)
    if "head" in wanted:
        print("\nhead")
        head_part(options, driver)


if __name__ == "__main__":
    main()
