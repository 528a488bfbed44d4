"""What a result costs the driver: the real searcher, scheduler, record and view, told of simulated trials.

    python tests/benchmarks/driver.py                 # 10,000 trials of 20 epochs, 1,000 in flight
    python tests/benchmarks/driver.py --trials 3000   # for the impatient
    python tests/benchmarks/driver.py --stop          # the scheduler stops trials, as in a real sweep

Everything is called in the order in which Ray Tune calls it, without Ray's processes; seeded learning curves stand in
for training. The journal and the trials' files go to a temporary folder; the live view draws four times a second on a
terminal of 120 × 40 that nobody sees. Without ``--stop`` the scheduler judges every trial and spares it, so that all
train all their epochs. One CPU core and a disk; no accelerator.

A *result* is all that the driver does until it can take the next one: an epoch and, where it was the trial's last, the
end of the trial and the start of the next one too (`end+start` is the mean of those alone). What Optuna's sampler takes
to propose (ask and suggest) is no part of it and stands apart as `ask`. CPU is the time of the driver's thread; wall
adds its waits: for the disk, for the thread that draws (`redraw` is a picture), and for what else the machine does.
"""

from __future__ import annotations

import argparse
import heapq
import os
import platform
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import psutil
from optuna import create_study
from optuna.samplers import RandomSampler
from optuna.trial import TrialState, create_trial
from rich.console import Console

import search.study.study
from search.live.progress import Progress
from search.run.events import Listener
from search.run.reader import Run
from search.study.budget import Meter as SlotMeter
from search.study.distribution import distribution, suggest
from search.study.recorder import Recorder
from search.study.space import draw
from search.study.study import Study
from search.tracking.tracker import WandbTracker
from search.tuner.scheduler import STOP, Asha
from search.tuner.searcher import RecordResults, StopWhenIdle, StudySearcher
from search.tuner.stopping import Stopping
from search.tuner.tuner import _rungs
from spaces.file.load import load_sweep
from spaces.file.sweep import Sweep, Wandb
from spaces.file.write import write_yaml
from trainables.trial.task import OUTCOME, TASK, Outcome

PARTS = ("scheduler", "searcher", "journal", "files", "view")
"""`journal` is the study: the file and the copy in memory. `files` are config.yaml and history.csv of the trials."""
ASKS = 5
TRACKED = 300
Spent = dict[str, tuple[float, float, int]]
"""By part: CPU seconds of the thread, wall seconds, calls."""
NOTHING = (0.0, 0.0, 0)


class Meter:
    """CPU and wall time by part, each without the parts inside it."""

    def __init__(self) -> None:
        self._spent: Spent = {}
        self._inside = (0.0, 0.0)

    def watch(self, part: str, owner: Any, *names: str) -> None:
        """Counts the time of these functions of ``owner`` as that of ``part``."""
        for name in names:
            setattr(owner, name, self._timed(part, getattr(owner, name)))

    def take(self) -> Spent:
        """What was counted since the last call."""
        spent, self._spent = self._spent, {}
        return spent

    def _timed(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            outer, self._inside = self._inside, (0.0, 0.0)
            cpu, wall = time.thread_time(), time.perf_counter()
            try:
                return function(*arguments, **named)
            finally:
                cpu, wall = time.thread_time() - cpu, time.perf_counter() - wall
                spent = self._spent.get(part, NOTHING)
                self._spent[part] = (
                    spent[0] + cpu - self._inside[0],
                    spent[1] + wall - self._inside[1],
                    spent[2] + 1,
                )
                self._inside = outer[0] + cpu, outer[1] + wall

        return call


class Simulation:
    """A sweep whose trials are curves, on a driver that is real."""

    def __init__(self, run: Run, sweep: Sweep, listeners: Sequence[Listener], *, in_flight: int, stop: bool) -> None:
        self.study = Study(run.directory / "study.journal", sweep)
        self.recorder = Recorder(run, sweep, self.study, listeners)
        self._scheduler = Asha(_rungs(sweep), metric=run.metric)
        self._stopping = Stopping(lambda: None)
        self._searcher = StudySearcher(
            self.study,
            recorder=self.recorder,
            scheduler=self._scheduler,
            stopping=self._stopping,
            task=lambda running: SimpleNamespace(number=running.proposal.number),  # type: ignore[arg-type, return-value]
            slots=lambda: in_flight,
            max_failures=0,
        )
        meter = SlotMeter(self.study, lambda: len(self.recorder.running))
        self._callback = RecordResults(self.recorder, scheduler=self._scheduler, stopping=self._stopping)
        self._stopper = StopWhenIdle(self._stopping, self.recorder, watch=meter.read)
        self._random = np.random.default_rng(sweep.search.seed)
        self._stop, self._epochs, self.ended = stop, sweep.epochs, 0
        self._started, self._events = 0, list[tuple[float, str, int, int]]()
        self.meter = Meter()
        self._measure(listeners)

    def run(self) -> Iterator[tuple[Spent, bool]]:
        """What each result cost, and whether it was the last of its trial. The starts that fill the slots cost none."""
        while self._suggest(0.0):
            pass
        self.meter.take()
        while self._events:
            ended = self.ended
            self._result(*heapq.heappop(self._events))
            yield self.meter.take(), self.ended > ended

    def _result(self, now: float, trial_id: str, number: int, epoch: int) -> None:
        """One turn of Ray's loop."""
        reason = "finished" if epoch == self._epochs else None
        outcome = Outcome(number=number, row=self._row(number, epoch), reason=reason)  # type: ignore[arg-type]
        result = {OUTCOME: outcome, "done": reason is not None}
        self._stopper(trial_id, result)
        over = reason is not None or self._scheduler.on_trial_result(None, None, result) == STOP
        if not over:
            self._searcher.on_trial_result(trial_id, result)
        self._callback.on_trial_result(iteration=0, trials=[], trial=None, result=result)
        if over:
            self.ended += 1
            self._scheduler.on_trial_complete(SimpleNamespace(_reuse_actors=True), None, result)
            self._searcher.on_trial_complete(trial_id, result)
        else:
            heapq.heappush(self._events, (now + pace(number), trial_id, number, epoch + 1))
        self._stopper.stop_all()
        self._suggest(now)

    def _suggest(self, now: float) -> bool:
        trial_id = f"{self._started:05}"
        suggested = self._searcher.suggest(trial_id)
        if not isinstance(suggested, dict):
            return False
        number = suggested[TASK].number
        if not self._stop:
            self._scheduler.protect(number)
        heapq.heappush(self._events, (now + pace(number), trial_id, number, 1))
        self._started += 1
        return True

    def _row(self, number: int, epoch: int) -> dict[str, float]:
        """An epoch on the way to a final accuracy of the trial's own, with noise."""
        final = 0.5 + 0.4 * ((number * 0.7548776662) % 1)
        value = final * (1 - 0.6 * 0.8**epoch) + 0.01 * float(self._random.standard_normal())
        row = {"epoch": epoch, "loss": 1.1 - value, "accuracy": value + 0.02, "val_loss": 1.2 - value}
        return row | {"val_accuracy": value, "learning_rate": 1e-3 * 0.9**epoch, "seconds": pace(number)}

    def _measure(self, listeners: Sequence[Listener]) -> None:
        watch = self.meter.watch
        watch("scheduler", self._scheduler, "on_trial_result", "on_trial_complete")
        watch("searcher", self._searcher, "suggest", "on_trial_result", "on_trial_complete")
        watch("searcher", self._callback, "on_trial_result")
        watch("searcher", self._stopper, "stop_all")
        watch("files", self.recorder, "start", "epoch", "end")
        watch("journal", self.study, "next", "report", "tell")
        watch("ask", self.study._copy, "ask")
        watch("ask", search.study.study, "suggest")
        for listener in listeners:
            watch("view", listener, "started", "epoch", "ended")


def pace(number: int) -> float:
    """Seconds an epoch of a trial, 5 to 20."""
    return 5 + 15 * ((number * 0.6180339887) % 1)


def begin(folder: Path, sweep: Sweep) -> Run:
    """Makes what a run has before its first trial."""
    about = {"id": "0", "name": folder.name}
    write_yaml(folder / "sweep.yaml", sweep.as_mapping() | {"run": about})
    return Run.begin(folder, sweep.as_mapping(), about=about)


def sweep_of(options: argparse.Namespace, *, trials: int, sampler: str) -> Sweep:
    """The ready sweep `cifar10_cnn`: thirteen open values, one of them conditional."""
    search = {"trials": trials, "sampler": sampler, "seed": options.seed}
    settings = [f"search.{name}={value}" for name, value in search.items()]
    return load_sweep("cifar10_cnn", [*settings, f"trial.training.epochs={options.epochs}"])


def megabytes() -> float:
    """Resident memory of this process."""
    return float(psutil.Process().memory_info().rss) / 1e6


FIGURES = (*("median", "p99", "mean") * 2, *PARTS, "end+start", "ask", "redraw")


def driver_table(options: argparse.Namespace, folder: Path) -> None:
    """A line for every thousand ended trials."""
    sweep = sweep_of(options, trials=options.trials, sampler=options.sampler)
    run, at_first, redraw = begin(folder, sweep), megabytes(), Meter()
    with Path(os.devnull).open("w") as nowhere:
        terminal = Console(file=nowhere, force_terminal=True, width=120, height=40, _environ={"TERM": "xterm-256color"})
        view = Progress(run, terminal)
        redraw.watch("redraw", view._live, "refresh")
        simulation = Simulation(run, sweep, [view], in_flight=options.in_flight, stop=options.stop)
        print(f"{'':18}{'— CPU, ms a result —':>30}{'— wall, ms a result —':>30}{'— mean CPU of the parts, ms —':>50}")
        print(
            f"{'trials':>8}{'results':>10}" + "".join(f"{name:>10}" for name in FIGURES) + "  RSS MB  disk MB",
            flush=True,
        )
        results: list[tuple[Spent, bool]] = []
        count, step = 0, max(1, min(1000, options.trials // 5))
        for result in simulation.run():
            results.append(result)
            if result[1] and simulation.ended % step == 0:
                count += len(results)
                journal = (folder / "study.journal").stat().st_size / 1e6
                drawn, _, draws = redraw.take().get("redraw", NOTHING)
                figures = [*statistics(results), 1e3 * drawn / max(1, draws)]
                print(f"{simulation.ended:8}{count:10}" + "".join(f"{figure:10.3f}" for figure in figures), end="")
                print(f"{megabytes():8.0f}{journal:9.1f}", flush=True)
                results.clear()
        print(f"memory: {1000 * (megabytes() - at_first) / simulation.ended:.1f} KB a trial")
        began = time.process_time()
        simulation.recorder.close()
    print(f"closing the record: {time.process_time() - began:.1f} s of CPU once, RSS then {megabytes():.0f} MB")


def statistics(results: Sequence[tuple[Spent, bool]]) -> list[float]:
    """Milliseconds: CPU and wall of a result, CPU of each part, of an end with the next start, and of an ask."""
    parts = {part: np.array([spent.get(part, NOTHING) for spent, _ in results]) * 1e3 for part in (*PARTS, "ask")}
    whole, last = sum(parts[part] for part in PARTS), np.array([ended for _, ended in results])
    asked = parts["ask"][:, 0]
    clocks = [figure for clock in (0, 1) for figure in spread(whole[:, clock])]
    means = [float(parts[part][:, 0].mean()) for part in PARTS]
    return [*clocks, *means, float(whole[last, 0].mean()), float(np.median(asked[asked > 0])) if asked.any() else 0.0]


def spread(values: np.ndarray) -> list[float]:
    """Median, 99th percentile, mean."""
    return [float(np.median(values)), float(np.quantile(values, 0.99)), float(values.mean())]


def ask_table(options: argparse.Namespace, folder: Path) -> None:
    """What TPE takes to propose, with so many trials finished."""
    print(f"\nTPE's ask, ms, median of {ASKS}; {options.in_flight} trials more are running")
    print(f"{'finished':>9}{'CPU':>9}{'wall':>9}")
    sweep = sweep_of(options, trials=2 * options.trials + options.in_flight, sampler="tpe")
    there = 0
    for finished in sorted({min(n, options.trials) for n in (1000, 3000, options.trials)}):
        fill(
            Study(folder / "study.journal", sweep),
            sweep,
            finished=finished - there,
            running=options.in_flight * (not there),
        )
        there = finished
        study, meter, asks = Study(folder / "study.journal", sweep), Meter(), []
        while study.unfinished:
            study.next()
        meter.watch("ask", study._copy, "ask")
        meter.watch("ask", search.study.study, "suggest")
        for _ in range(ASKS):
            study._sample()
            asks.append(meter.take()["ask"])
        cpu, wall, _ = np.median(asks, axis=0) * 1e3
        print(f"{finished:9}{cpu:9.1f}{wall:9.1f}", flush=True)


def fill(study: Study, sweep: Sweep, *, finished: int, running: int) -> None:
    """Enters random trials: most of them end at one of the first two rungs, as under ASHA."""
    random, anything = np.random.default_rng(finished), create_study(sampler=RandomSampler(seed=finished))
    for number in range(running + finished):
        values = draw(sweep, partial(suggest, anything.ask()))
        epochs = next((rung for rung in (3, 9) if random.random() < 2 / 3), sweep.epochs)
        trial = create_trial(
            state=TrialState.RUNNING if number < running else TrialState.PRUNED,
            params=values,
            distributions={name: distribution(sweep.open_values[name]) for name in values},
            intermediate_values={epoch: float(random.random()) for epoch in range(1, epochs + 1)},
        )
        study.journal.add_trial(trial)


def tracking_table(options: argparse.Namespace, folder: Path) -> None:
    """What W&B adds for fewer trials, offline. A thread beside the driver's does the work."""
    os.environ["WANDB_MODE"] = "offline"
    sweep = sweep_of(options, trials=TRACKED, sampler="random")
    run, at_first = begin(folder, sweep), megabytes()
    simulation = Simulation(run, sweep, [], in_flight=100, stop=options.stop)
    cpu, began = time.process_time(), time.perf_counter()
    with WandbTracker(run.directory, Wandb(project="driver"), close_timeout_s=600):
        results = len(list(simulation.run()))
        driven = time.perf_counter() - began
    cpu, wall = time.process_time() - cpu, time.perf_counter() - began
    print(f"\nW&B offline, {TRACKED} trials, 100 in flight, {results} results")
    print(f"simulated in {driven:.0f} s; until all is written: {wall:.0f} s, {cpu:.0f} s of CPU of the whole process")
    print(f"memory of the driver: {megabytes() - at_first:.0f} MB more")


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description="What a result costs the driver.")
    for name, default in (("trials", 10_000), ("epochs", 20), ("in-flight", 1000), ("seed", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--sampler", choices=["random", "tpe"], default="random", help="of the first table")
    parser.add_argument("--stop", action="store_true", help="the scheduler stops trials")
    parser.add_argument("--only", choices=["driver", "ask", "tracking"], help="one table alone")
    options = parser.parse_args()
    packages = ", ".join(f"{name} {version(name)}" for name in ("optuna", "ray", "rich", "wandb", "numpy"))
    print(
        f"{options.trials} trials × {options.epochs} epochs, {options.in_flight} in flight, seed {options.seed}, ",
        end="",
    )
    print(f"sampler {options.sampler}, {'stopping' if options.stop else 'nobody stopped'}")
    print(f"Python {platform.python_version()}, {packages}, {os.cpu_count()} CPUs\n", flush=True)
    for name, table in (("driver", driver_table), ("ask", ask_table), ("tracking", tracking_table)):
        if options.only in (None, name):
            with tempfile.TemporaryDirectory() as folder:
                table(options, Path(folder))


if __name__ == "__main__":
    main()
