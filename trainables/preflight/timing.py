"""What configurations take, found out by training a few steps of each, in processes like those of trials.

As many processes at once as trials would run at once: they share caches and memory's bandwidth, and a trial alone on a
machine is no measure of one among others. This process stays without TensorFlow and off the GPUs.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from spaces.config.trial import TrialConfig
from spaces.file.write import write_yaml
from trainables.models.cut import Cut
from trainables.process import child_environment
from trainables.trust import trusted

ALWAYS_TIMED = 3
"""So many configurations are timed however long it takes."""
POLL_S = 0.1


@dataclass(frozen=True)
class StageTime:
    """Of a stage of training: the head of a fine-tuned network alone, or everything that trains."""

    unfrozen: bool
    first_s: float
    """What its first epoch takes more: the graphs are traced and compiled."""
    epoch_s: float
    """Training, validation, and the copy of the state that each epoch leaves."""
    pass_s: float = 0.0
    """Where features are stored: to compute them once for all images, in one view."""
    features: str = ""
    """Where those of the frozen part come from, in words."""
    anew_s: float | None = None
    """An epoch that augments anew, as the confirmation does; None where that is the same."""


@dataclass(frozen=True, kw_only=True)
class Timed:
    """What one configuration takes."""

    load_s: float
    """To open its data; next to nothing where the process has it already."""
    build_s: float
    """To build a network of its architecture, which a process does once."""
    again_s: float
    """To make that network the next trial's."""
    stages: tuple[StageTime, ...]
    memory_bytes: int
    """The most that the process took of the machine's memory, with the networks timed before still in it."""
    gpu_memory_bytes: int | None
    """The same of a GPU's; None without one."""


@dataclass(frozen=True, kw_only=True)
class Failed:
    """Why a configuration could not be timed: a trial would end with it, too."""

    told: str


@dataclass(frozen=True, kw_only=True)
class Timing:
    """What came of timing."""

    awake_s: float
    """From the start of a process until TensorFlow, Keras and Ray are there."""
    results: tuple[Timed | Failed | None, ...]
    """In the order of the configurations; None where the time was up before."""
    gpu_bytes: int | None
    """The memory of a GPU."""


def time_trials(
    configs: Sequence[TrialConfig],
    *,
    cpus: int,
    gpus: float,
    at_once: int,
    limit_s: float,
    trials: int = 1,
    cuts: Sequence[Sequence[Cut]] = (),
    env: Collection[str] = (),
    heard: Callable[[int, Timed | Failed], None] = lambda number, result: None,
) -> Timing:
    """Times each configuration, the first ones whatever it takes and others until ``limit_s`` is over.

    Args:
        configs: those that matter most come first. Their data is loaded.
        cpus: CPU cores of a slot.
        gpus: GPUs of a slot; a fraction is that share of one's memory.
        at_once: how many processes do the same at the same time.
        limit_s: counted from when the processes are awake.
        trials: how many trials share the features of what they freeze alike.
        cuts: for each configuration, where those trials cut its network.
        env: see `trainables.process.child_environment`.
        heard: told of each configuration's result as soon as all processes have it.
    """
    with tempfile.TemporaryDirectory(prefix="tunehound-") as place:
        folder = Path(place)
        for number, config in enumerate(configs):
            write_yaml(folder / f"{number}.yaml", config.model_dump(mode="json"))
        asked = {"cpus": cpus, "gpus": gpus, "count": len(configs), "limit_s": limit_s, "trusted": sorted(trusted())}
        asked |= {"trials": trials, "cuts": [[asdict(cut) for cut in each] for each in cuts or [()] * len(configs)]}
        (folder / "asked.json").write_text(json.dumps(asked | {"began": time.time()}))
        with _processes(folder, at_once, gpus, env) as processes:
            told = 0
            while any(process.poll() is None for process in processes):
                time.sleep(POLL_S)
                results = _results(folder, processes, len(configs))
                told = _tell(results, told, heard)
            results = _results(folder, processes, len(configs))
            _tell(results, told, heard)
        starts = [answers[0] for answers in _answers(folder, at_once) if answers]
    awake_s = fmean(start["awake_s"] for start in starts) if starts else 0.0
    sizes = [start["gpu_bytes"] for start in starts if start["gpu_bytes"]]
    return Timing(awake_s=awake_s, results=results, gpu_bytes=min(sizes, default=None))


@contextmanager
def _processes(folder: Path, count: int, gpus: float, env: Collection[str]) -> Iterator[list[subprocess.Popen[bytes]]]:
    """The processes; none is left when the work is over, however it ends, and none outlives this process for long."""
    running: list[subprocess.Popen[bytes]] = []
    try:
        for number in range(count):
            with (folder / f"chatter-{number}.txt").open("w") as chatter:
                running.append(
                    subprocess.Popen(
                        [sys.executable, "-P", "-m", "trainables.preflight.timing_worker", str(folder), str(number)],
                        env=child_environment(gpus=_devices(number, gpus), env=env),
                        stdin=subprocess.PIPE,  # closed when this process ends; then they end too
                        stdout=chatter,
                        stderr=chatter,
                    )
                )
        yield running
    finally:
        for process in running:
            process.kill()
            process.wait()
            if process.stdin:
                process.stdin.close()


def _devices(number: int, gpus: float) -> str:
    """The GPUs of one process among several, as CUDA wants to be told; ``-1`` hides them all."""
    if not gpus:
        return "-1"
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    names = visible.split(",") if visible else [str(name) for name in range(1024)]
    if gpus < 1:
        return names[(number // int(1 / gpus + 1e-9)) % len(names)]
    count = int(gpus)
    return ",".join(names[number * count : (number + 1) * count])


def _tell(results: Sequence[Timed | Failed | None], told: int, heard: Callable[[int, Timed | Failed], None]) -> int:
    """Passes on the results that are new; returns how many are known."""
    for number, result in enumerate(results[told:], start=told):
        if result is None:
            return number
        heard(number, result)
    return len(results)


def _results(
    folder: Path, processes: Sequence[subprocess.Popen[bytes]], count: int
) -> tuple[Timed | Failed | None, ...]:
    """What all processes agree on so far: the mean of the times, the largest memory."""
    answers = [answers[1:] for answers in _answers(folder, len(processes))]
    for number, process in enumerate(processes):
        if process.poll():  # it died over the configuration that it has not answered
            answers[number].append({"told": _death(folder, number, process.returncode)})
    return tuple(_together([each[at] for each in answers if len(each) > at], len(answers)) for at in range(count))


def _together(answers: Sequence[Mapping[str, Any]], processes: int) -> Timed | Failed | None:
    told = next((answer["told"] for answer in answers if "told" in answer), None)
    if told is not None:
        return Failed(told=told)
    if len(answers) < processes:
        return None
    stages = [_stage(at_once) for at_once in zip(*(answer["stages"] for answer in answers), strict=True)]
    times = {name: fmean(answer[name] for answer in answers) for name in ("load_s", "build_s", "again_s")}
    on_gpu = [answer["gpu_memory_bytes"] for answer in answers if answer["gpu_memory_bytes"] is not None]
    return Timed(
        **times,
        stages=tuple(stages),
        memory_bytes=max(answer["memory_bytes"] for answer in answers),
        gpu_memory_bytes=max(on_gpu, default=None),
    )


def _stage(at_once: Sequence[Mapping[str, Any]]) -> StageTime:
    first_s, epoch_s, pass_s = (fmean(s[name] for s in at_once) for name in ("first_s", "epoch_s", "pass_s"))
    anew = [s["anew_s"] for s in at_once if s["anew_s"] is not None]
    anew_s = fmean(anew) if anew else None
    return StageTime(at_once[0]["unfrozen"], first_s, epoch_s, pass_s, at_once[0]["features"], anew_s)


def _death(folder: Path, number: int, code: int) -> str:
    said = (folder / f"chatter-{number}.txt").read_text(errors="replace").strip().splitlines()
    if code == -9:
        return "out of memory: the process was killed, as a machine does where memory is short"
    return f"its process ended with exit code {code}" + (f", after saying: {said[-1][:300]}" if said else "")


def _answers(folder: Path, count: int) -> list[list[dict[str, Any]]]:
    """The lines that each process has written so far."""
    return [_lines(folder / f"answers-{number}.jsonl") for number in range(count)]


def _lines(file: Path) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = []
    if file.exists():
        with contextlib.suppress(json.JSONDecodeError):  # a line that is being written
            lines.extend(json.loads(line) for line in file.read_text(encoding="utf-8").splitlines())
    return lines
