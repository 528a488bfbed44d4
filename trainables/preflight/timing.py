"""Time configurations by training a few steps of each, in processes like those of trials.

As many processes run at once as trials would, since they share caches and memory bandwidth: a trial alone on a machine
is faster than one among others. This process does not load TensorFlow or use GPUs.
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
"""This many configurations are timed, however long it takes."""
POLL_S = 0.1


@dataclass(frozen=True)
class StageTime:
    """Timing of a training stage: only the head of a fine-tuned network, or everything that trains."""

    unfrozen: bool
    first_s: float
    """Extra seconds in its first epoch, to trace and compile the graphs."""
    epoch_s: float
    """Seconds per epoch: training, validation and the copy of the state."""
    pass_s: float = 0.0
    """With stored features: seconds to compute them for one view of all images."""
    features: str = ""
    """Where the frozen layers' features come from, in words."""
    fresh_s: float | None = None
    """Seconds per epoch with fresh augmentation, as in the confirmation; None if the same."""


@dataclass(frozen=True, kw_only=True)
class TimingResult:
    """The times and memory of one configuration."""

    load_s: float
    """Seconds to open its data; almost nothing if the process already has it."""
    build_s: float
    """Seconds to build a network of its architecture, done once per process."""
    reset_s: float
    """Seconds to reset that network for the next trial."""
    stages: tuple[StageTime, ...]
    memory_bytes: int
    """Peak memory of the process, with the networks timed before still loaded."""
    gpu_memory_bytes: int | None
    """Peak GPU memory; None without a GPU."""


@dataclass(frozen=True, kw_only=True)
class TimingFailure:
    """Why a configuration could not be timed; a trial would fail for the same reason."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class Timing:
    """The timings of several configurations."""

    startup_s: float
    """Seconds from the start of a process until TensorFlow, Keras and Ray are imported."""
    results: tuple[TimingResult | TimingFailure | None, ...]
    """In the order of the configurations; None if time ran out before."""
    gpu_bytes: int | None
    """Memory of a GPU."""


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
    on_result: Callable[[int, TimingResult | TimingFailure], None] = lambda number, result: None,
) -> Timing:
    """Time each configuration: the first few in any case, the others until ``limit_s`` is over.

    Args:
        configs: the most important ones first. Their data is loaded.
        cpus: CPU cores of a slot.
        gpus: GPUs of a slot; a fraction means that share of one GPU's memory.
        at_once: how many processes to run at the same time.
        limit_s: counted from when the processes have started up.
        trials: how many trials share features if they freeze the same layers.
        cuts: for each configuration, where those trials cut their networks.
        env: see `trainables.process.child_environment`.
        on_result: called with each configuration's result as soon as all processes have it.
    """
    with tempfile.TemporaryDirectory(prefix="tunehound-") as path:
        folder = Path(path)
        for number, config in enumerate(configs):
            write_yaml(folder / f"{number}.yaml", config.model_dump(mode="json"))
        asked = {"cpus": cpus, "gpus": gpus, "count": len(configs), "limit_s": limit_s, "trusted": sorted(trusted())}
        asked |= {"trials": trials, "cuts": [[asdict(cut) for cut in each] for each in cuts or [()] * len(configs)]}
        (folder / "asked.json").write_text(json.dumps(asked | {"began": time.time()}))
        with _processes(folder, at_once, gpus, env) as processes:
            reported = 0
            while any(process.poll() is None for process in processes):
                time.sleep(POLL_S)
                results = _results(folder, processes, len(configs))
                reported = _report(results, reported, on_result)
            results = _results(folder, processes, len(configs))
            _report(results, reported, on_result)
        starts = [answers[0] for answers in _answers(folder, at_once) if answers]
    startup_s = fmean(start["startup_s"] for start in starts) if starts else 0.0
    sizes = [start["gpu_bytes"] for start in starts if start["gpu_bytes"]]
    return Timing(startup_s=startup_s, results=results, gpu_bytes=min(sizes, default=None))


@contextmanager
def _processes(folder: Path, count: int, gpus: float, env: Collection[str]) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Start the processes; on exit all are killed, and they end themselves soon after this process does."""
    running: list[subprocess.Popen[bytes]] = []
    try:
        for number in range(count):
            with (folder / f"output-{number}.txt").open("w") as output:
                running.append(
                    subprocess.Popen(
                        [sys.executable, "-P", "-m", "trainables.preflight.timing_worker", str(folder), str(number)],
                        env=child_environment(gpus=_devices(number, gpus), env=env),
                        stdin=subprocess.PIPE,  # closed when this process ends, which ends them too
                        stdout=output,
                        stderr=output,
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
    """Return the GPUs for one of several processes, as CUDA_VISIBLE_DEVICES; ``-1`` hides them all."""
    if not gpus:
        return "-1"
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    names = visible.split(",") if visible else [str(name) for name in range(1024)]
    if gpus < 1:
        return names[(number // int(1 / gpus + 1e-9)) % len(names)]
    count = int(gpus)
    return ",".join(names[number * count : (number + 1) * count])


def _report(
    results: Sequence[TimingResult | TimingFailure | None],
    reported: int,
    on_result: Callable[[int, TimingResult | TimingFailure], None],
) -> int:
    """Report the results from number ``reported`` on; return how many have been reported."""
    for number, result in enumerate(results[reported:], start=reported):
        if result is None:
            return number
        on_result(number, result)
    return len(results)


def _results(
    folder: Path, processes: Sequence[subprocess.Popen[bytes]], count: int
) -> tuple[TimingResult | TimingFailure | None, ...]:
    """Combine the answers of all processes so far: mean times, maximum memory."""
    answers = [answers[1:] for answers in _answers(folder, len(processes))]
    for number, process in enumerate(processes):
        if process.poll():  # it died on the configuration that it has not answered
            answers[number].append({"reason": _death(folder, number, process.returncode)})
    return tuple(_combine([each[at] for each in answers if len(each) > at], len(answers)) for at in range(count))


def _combine(answers: Sequence[Mapping[str, Any]], processes: int) -> TimingResult | TimingFailure | None:
    reason = next((answer["reason"] for answer in answers if "reason" in answer), None)
    if reason is not None:
        return TimingFailure(reason=reason)
    if len(answers) < processes:
        return None
    stages = [_stage(at_once) for at_once in zip(*(answer["stages"] for answer in answers), strict=True)]
    times = {name: fmean(answer[name] for answer in answers) for name in ("load_s", "build_s", "reset_s")}
    on_gpu = [answer["gpu_memory_bytes"] for answer in answers if answer["gpu_memory_bytes"] is not None]
    return TimingResult(
        **times,
        stages=tuple(stages),
        memory_bytes=max(answer["memory_bytes"] for answer in answers),
        gpu_memory_bytes=max(on_gpu, default=None),
    )


def _stage(at_once: Sequence[Mapping[str, Any]]) -> StageTime:
    first_s, epoch_s, pass_s = (fmean(s[name] for s in at_once) for name in ("first_s", "epoch_s", "pass_s"))
    fresh = [s["fresh_s"] for s in at_once if s["fresh_s"] is not None]
    fresh_s = fmean(fresh) if fresh else None
    return StageTime(at_once[0]["unfrozen"], first_s, epoch_s, pass_s, at_once[0]["features"], fresh_s)


def _death(folder: Path, number: int, code: int) -> str:
    printed = (folder / f"output-{number}.txt").read_text(errors="replace").strip().splitlines()
    if code == -9:
        return "out of memory: the process was killed"
    return f"its process ended with exit code {code}" + (f"; its last output: {printed[-1][:300]}" if printed else "")


def _answers(folder: Path, count: int) -> list[list[dict[str, Any]]]:
    """Return the lines that each process has written so far."""
    return [_lines(folder / f"answers-{number}.jsonl") for number in range(count)]


def _lines(file: Path) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = []
    if file.exists():
        with contextlib.suppress(json.JSONDecodeError):  # a line still being written
            lines.extend(json.loads(line) for line in file.read_text(encoding="utf-8").splitlines())
    return lines
