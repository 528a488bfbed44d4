"""The live view of a sweep: a few lines redrawn in place on a terminal, otherwise one line per trial."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from search.console.startup import StartSteps
from search.formatting import compared_to_baseline, ending, format_count, format_duration, format_ending
from search.live.leader import Leader
from search.live.running_table import RunningRow, RunningTable, bar, one_line
from search.run.confirmation import trainings
from search.run.events import STATES, ConfirmationTraining, TrainingProgress, TrialFinished, TrialInfo
from search.run.reader import Run
from search.run.trials import as_ended, is_baseline
from spaces.domains.domain import Scalar
from spaces.printable import printable

MIN_FINISHED = 3
"""The remaining time is estimated once this many trials, or trainings of the confirmation, have finished."""


class Progress:
    """The listener that draws on ``console`` (stderr). For a resumed run it starts from the earlier trials.

    ``steps`` shows what is done before the first epoch; ``clock`` returns seconds; only differences matter.
    """

    def __init__(
        self,
        run: Run,
        console: Console,
        *,
        steps: StartSteps | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._run = run
        self._trials = int(run.sweep["search"]["trials"])
        self._horizon = int(run.sweep["trial"]["training"]["epochs"])
        self._console, self._steps, self._clock = console, steps, clock
        self._began = clock()
        self._starting = False
        self._ready = False
        """Whether a process trains, so that the live view may open."""
        self._running: dict[tuple[int, ...], RunningRow] = {}
        """By trial; in the confirmation by trial and seed."""
        self._open_values: dict[int, Mapping[str, Scalar]] = {}
        self._endings: Counter[str] = Counter()
        self._leader = Leader(run.direction)
        self._baseline: int | None = None
        self._epochs = 0
        self._seconds = 0.0
        """That the finished trials trained, in their slots."""
        self._confirmed: tuple[int, int] | None = None
        """Confirmation trainings done and in total; None before the confirmation starts."""
        self._confirmed_s = 0.0
        self._restore()
        self._live = Live(
            console=console,
            get_renderable=self.view,
            refresh_per_second=4,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def started(self, trial: TrialInfo) -> None:
        """Handle the start of a trial."""
        self._open_values[trial.number] = trial.values
        if trial.baseline:
            self._baseline = trial.number
        self._running.setdefault((trial.number,), self._row(trial.number))
        self._start_processes()

    def ready(self) -> None:
        """Handle a process that trains from now on; the first one opens the live view."""
        if self._ready:
            return
        self._ready = True
        if self._steps and not self._console.is_terminal:
            self._steps("Training: the first epoch includes reading the data and compiling the network")
        if self._steps:
            self._steps.end()
        if self._console.is_terminal:
            self._live.start()

    def epoch(self, number: int, row: Mapping[str, float]) -> None:
        """Handle a finished epoch."""
        value = row.get(self._run.metric, math.nan)
        known = self._running.get((number,)) or self._row(number)
        earlier = self._leader.value(number)
        best = self._leader.better_of(math.nan if earlier is None else earlier, value)
        self._running[number,] = replace(known, epoch=int(row["epoch"]), best=best)
        self._epochs += 1
        if not math.isnan(best):
            self._leader.record(number, best)

    def ended(self, end: TrialFinished) -> None:
        """Handle the end of a trial; without a terminal, print its line."""
        self._running.pop((end.number,), None)
        self._count(end)
        if end.message or not self._console.is_terminal:
            mark = "  best so far" if end.number == self.best() else ""
            self._console.print(Text(trial_line(end, self._run.metric) + mark), soft_wrap=True)

    def confirming(self, training: TrainingProgress) -> None:
        """Handle the start of a training of the confirmation, or one of its epochs."""
        key = training.trial, training.seed
        known = self._running.get(key) or self._row(training.trial)
        best = self._leader.better_of(known.best, training.value)
        self._epochs += training.epoch > known.epoch and key in self._running
        self._running[key] = replace(known, epoch=training.epoch, best=best)
        self._start_processes()

    def confirmed(self, training: ConfirmationTraining | None, *, done: int, total: int) -> None:
        """Handle the progress of the confirmation; without a terminal, print a line for each training."""
        self._confirmed = done, total
        if training is not None:
            self._running.pop((training.trial, training.seed), None)
            self._confirmed_s += training.seconds
        if not self._console.is_terminal:
            begun = f"Confirming the winner: {format_count(total - done, 'training')} to run."
            line = begun if training is None else f"{training_line(training, self._run.metric)}  {done} of {total}"
            self._console.print(Text(line), soft_wrap=True)

    def close(self, best: int | None) -> None:
        """Close the live view, leaving its last state on the screen."""
        self._running.clear()
        if self._live.is_started:
            self._live.stop()

    def best(self) -> int | None:
        """Return the number of the leading trial, including running ones; ties go to the lower number."""
        return self._leader.number

    def seconds_left(self) -> float | None:
        """Mean seconds per finished trial × remaining trials ÷ running trials; None before MIN_FINISHED trials.

        In the confirmation the same of its trainings.
        """
        done, total = self._confirmed or (self._done(), self._trials)
        seconds, running = self._confirmed_s if self._confirmed else self._seconds, len(self._running)
        if done < MIN_FINISHED or not running:
            return None
        return seconds / done * max(total - done, 0) / running

    def view(self) -> RenderableType:
        """Return what a terminal shows now.

        A separate thread draws it while the driver's thread modifies the state, so iterate over copies only. A lock
        would not work: the driver's thread prints from signal handlers and might be holding it then.
        """
        confirmation = [self._confirmation_bar(*self._confirmed)] if self._confirmed else []
        table = RunningTable(self._running.copy(), horizon=self._horizon, now=self._clock())
        return Group(self._bar(), self._best_line(), *confirmation, self._time_line(), table)

    def _row(self, number: int) -> RunningRow:
        return RunningRow(
            epoch=0,
            best=math.nan,
            began=self._clock(),
            baseline=number == self._baseline,
            values=self._open_values.get(number, {}),
        )

    def _start_processes(self) -> None:
        if self._steps and not self._starting:
            self._steps("Starting the processes of the trials, each of which imports TensorFlow")
        self._starting = True

    def _restore(self) -> None:
        run = self._run
        for trial in run.trials:
            if is_baseline(trial):
                self._baseline = trial.number
            values = {run.names.get(name, name): value for name, value in trial.params.items()}
            self._open_values[trial.number] = values
            if trial.state.is_finished():
                self._count(as_ended(run, trial))
                self._epochs += as_ended(run, trial).epochs
        for training in trainings(run.notes):
            self._epochs += training.epochs
            self._confirmed_s += training.seconds

    def _count(self, end: TrialFinished) -> None:
        word = ending(end.state, end.reason)
        if word != "interrupted":
            self._endings[word] += 1
            self._seconds += 0.0 if math.isnan(end.seconds) else end.seconds
        sound = end.value is not None and math.isfinite(end.value) and word not in ("diverged", "failed")
        self._leader.record(end.number, end.value if sound else None)

    def _done(self) -> int:
        return self._endings.total()

    def _bar(self) -> RenderableType:
        running = 0 if self._confirmed else len(self._running)
        counts = [f"{running} running"] if running else []
        counts += [f"{number} {word}" for word, number in dict.copy(self._endings).items() if number]
        text = Text(" · ".join(counts), overflow="fold")
        return bar(self._done(), self._trials, "trials", text)

    def _confirmation_bar(self, done: int, total: int) -> RenderableType:
        running = f" · {len(self._running)} running" if self._running else ""
        return bar(done, total, "trainings", one_line(f"confirming the winner{running}"))

    def _best_line(self) -> RenderableType:
        best, baseline = self.best(), self._baseline
        value, base = self._leader.value(best), self._leader.value(baseline)
        if value is None:
            return Text(f"no {self._run.metric} yet", style="dim")
        text = f"best {self._run.metric} {value:.4f} (trial {best})"
        if best == baseline:
            text += ", the baseline"
        elif base is not None:
            text += f", {compared_to_baseline(value, base)}"
        return one_line(text, style="bold green")

    def _time_line(self) -> RenderableType:
        text = f"{format_count(self._epochs, 'epoch')} · {format_duration(self._clock() - self._began)} elapsed"
        left = self.seconds_left()
        if left is not None:
            search = not self._confirmed and self._run.sweep.get("confirm", "off") != "off"
            text += f" · about {format_duration(left)}{' of the search' if search else ''} left"
        return one_line(text)


def training_line(training: ConfirmationTraining, metric: str) -> str:
    """Format a finished confirmation training: ``trial 17  seed 2  complete  21 epochs  9 s  val_accuracy 0.9861``."""
    value = "" if training.score is None else f"  {metric} {training.score:.4f}"
    word = format_ending(STATES[training.reason], training.reason)
    message = f"  {training.message}" if training.message else ""
    epochs = format_count(training.epochs, "epoch")
    taken = format_duration(training.seconds)
    name = f"trial {training.trial:>3}  seed {training.seed:<3}"
    return printable(f"{name} {word:<19} {epochs:>10}  {taken:>5}{value}{message}")


def trial_line(end: TrialFinished, metric: str) -> str:
    """Format a finished trial: ``trial  17  complete (patience)   21 epochs  val_accuracy 0.9861``."""
    value = "" if end.value is None else f"  {metric} {end.value:.4f}"
    word, epochs = format_ending(end.state, end.reason), format_count(end.epochs, "epoch")
    message = f"  {end.message}" if end.message else ""
    return printable(f"trial {end.number:>3}  {word:<19} {epochs:>10}{value}{message}")
