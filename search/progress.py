"""The live view of a sweep: a few lines redrawn in place on a terminal, otherwise one line per trial."""

from __future__ import annotations

import heapq
import math
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from search.formatting import compared_to_baseline, ending, format_count, format_duration, format_ending
from search.run.events import STATES, ConfirmationTraining, TrialFinished, TrialInfo
from search.run.reader import Run
from search.run.trials import as_ended, is_baseline
from spaces.printable import printable

ROWS = 8
"""At most this many running trials are listed, one per line."""
MIN_FINISHED = 3
"""The remaining time is estimated once this many trials have finished."""


@dataclass
class TrialProgress:
    """The latest epoch and the best value of a running trial."""

    epoch: int = 0
    value: float = math.nan


class Progress:
    """The listener that draws on ``console`` (stderr). For a resumed run it starts from the earlier trials.

    ``clock`` returns seconds; only differences matter.
    """

    def __init__(self, run: Run, console: Console, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._run = run
        self._trials = int(run.sweep["search"]["trials"])
        self._horizon = int(run.sweep["trial"]["training"]["epochs"])
        self._console = console
        self._clock = clock
        self._began = clock()
        self._running: dict[int, TrialProgress] = {}
        self._endings: Counter[str] = Counter()
        self._values: dict[int, float] = {}
        self._best: int | None = None
        self._baseline: int | None = None
        self._epochs = 0
        self._seconds = 0.0
        self._confirmed: tuple[int, int] | None = None
        """Confirmation trainings done and in total; None before the confirmation starts."""
        self._restore()
        self._live = Live(
            console=console,
            get_renderable=self.view,
            refresh_per_second=4,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def started(self, trial: TrialInfo) -> None:
        """Handle the start of a trial; the first one opens the live view."""
        self._running.setdefault(trial.number, TrialProgress())
        if trial.baseline:
            self._baseline = trial.number
        if self._console.is_terminal and not self._live.is_started:
            self._live.start()

    def epoch(self, number: int, row: Mapping[str, float]) -> None:
        """Handle a finished epoch."""
        value = row.get(self._run.metric, math.nan)
        best = self._better_of(self._values.get(number, math.nan), value)
        self._running[number] = TrialProgress(epoch=int(row["epoch"]), value=best)
        self._epochs += 1
        if not math.isnan(best):
            self._record(number, best)

    def ended(self, end: TrialFinished) -> None:
        """Handle the end of a trial; without a terminal, print its line."""
        self._running.pop(end.number, None)
        self._count(end)
        if end.message or not self._console.is_terminal:
            mark = "  best so far" if end.number == self.best() else ""
            self._console.print(Text(trial_line(end, self._run.metric) + mark), soft_wrap=True)

    def confirmed(self, training: ConfirmationTraining | None, *, done: int, total: int) -> None:
        """Handle the progress of the confirmation; without a terminal, print a line for each training."""
        self._confirmed = done, total
        if not self._console.is_terminal:
            begun = f"Confirming the winner: {format_count(total - done, 'training')} to run."
            text = begun if training is None else training_line(training, self._run.metric)
            self._console.print(Text(text), soft_wrap=True)

    def close(self, best: int | None) -> None:
        """Close the live view, leaving its last state on the screen."""
        self._running.clear()
        if self._live.is_started:
            self._live.stop()

    def best(self) -> int | None:
        """Return the number of the leading trial, including running ones; ties go to the lower number."""
        return self._best

    def seconds_left(self) -> float | None:
        """Mean seconds per finished trial × remaining trials ÷ running trials; None before MIN_FINISHED trials."""
        done, running = self._done(), len(self._running)
        if done < MIN_FINISHED or not running:
            return None
        return self._seconds / done * max(self._trials - done, 0) / running

    def view(self) -> RenderableType:
        """Return what a terminal shows now.

        A separate thread draws it while the driver's thread modifies the state, so iterate over copies only. A lock
        would not work: the driver's thread prints from signal handlers and might be holding it then.
        """
        confirmation = [self._confirmation_bar(*self._confirmed)] if self._confirmed else []
        return Group(self._bar(), self._best_line(), *confirmation, self._time_line(), *self._running_lines())

    def _restore(self) -> None:
        run = self._run
        for trial in run.trials:
            if is_baseline(trial):
                self._baseline = trial.number
            if trial.state.is_finished():
                self._count(as_ended(run, trial))
                self._epochs += as_ended(run, trial).epochs

    def _count(self, end: TrialFinished) -> None:
        word = ending(end.state, end.reason)
        if word != "interrupted":
            self._endings[word] += 1
            self._seconds += 0.0 if math.isnan(end.seconds) else end.seconds
        sound = end.value is not None and math.isfinite(end.value) and word not in ("diverged", "failed")
        self._record(end.number, end.value if sound else None)

    def _record(self, number: int, value: float | None) -> None:
        """Record a trial's value, or None if it no longer counts. Compare all trials only if the leader drops out."""
        leader_key = None if self._best is None else self._sort_key(self._best)
        if value is None:
            self._values.pop(number, None)
        else:
            self._values[number] = value
        if value is not None and (leader_key is None or self._sort_key(number) <= leader_key):
            self._best = number
        elif number == self._best:
            self._best = min(self._values, key=self._sort_key, default=None)

    def _sort_key(self, number: int) -> tuple[float, int]:
        """A sort key that puts the leading trial first."""
        value = self._values[number]
        return (-value if self._run.direction == "maximize" else value), number

    def _done(self) -> int:
        return self._endings.total()

    def _better_of(self, first: float, second: float) -> float:
        known = [value for value in (first, second) if math.isfinite(value)]
        return (max if self._run.direction == "maximize" else min)(known, default=math.nan)

    def _bar(self) -> RenderableType:
        counts = [f"{len(self._running)} running"] if self._running else []
        counts += [f"{number} {word}" for word, number in dict.copy(self._endings).items() if number]
        grid = Table.grid(padding=(0, 2, 0, 0))
        bar = ProgressBar(total=max(self._trials, self._done(), 1), completed=self._done(), width=20)
        grid.add_row(bar, f"{self._done()}/{self._trials} trials", Text(" · ".join(counts), overflow="fold"))
        return grid

    def _confirmation_bar(self, done: int, total: int) -> RenderableType:
        grid = Table.grid(padding=(0, 2, 0, 0))
        bar = ProgressBar(total=max(total, 1), completed=done, width=20)
        grid.add_row(bar, f"{done}/{total} trainings", "confirming the winner")
        return grid

    def _best_line(self) -> RenderableType:
        best = self.best()
        value = None if best is None else self._values.get(best)
        if value is None:
            return Text(f"no {self._run.metric} yet", style="dim")
        text = f"best {self._run.metric} {value:.4f} (trial {best})"
        base = None if self._baseline is None else self._values.get(self._baseline)
        if best == self._baseline:
            text += ", the baseline"
        elif base is not None:
            text += f", {compared_to_baseline(value, base)}"
        return one_line(text, style="bold green")

    def _time_line(self) -> RenderableType:
        text = f"{format_count(self._epochs, 'epoch')} · {format_duration(self._clock() - self._began)} elapsed"
        left = self.seconds_left()
        return one_line(text if left is None else f"{text} · about {format_duration(left)} left")

    def _running_lines(self) -> list[RenderableType]:
        shown = heapq.nsmallest(ROWS, self._running.copy().items())
        lines: list[RenderableType] = [one_line(self._running_line(*entry), style="dim") for entry in shown]
        if len(self._running) > ROWS:
            lines.append(one_line(f"  … and {len(self._running) - ROWS} more", style="dim"))
        return lines

    def _running_line(self, number: int, trial: TrialProgress) -> str:
        name = f"{number} baseline" if number == self._baseline else str(number)
        value = "" if math.isnan(trial.value) else f"   best {trial.value:.4f}"
        return f"  trial {name:<12} epoch {trial.epoch}/{self._horizon}{value}"


def one_line(text: str, *, style: str = "") -> Text:
    """Return text that a narrow terminal truncates instead of wrapping."""
    return Text(text, style=style, no_wrap=True, overflow="ellipsis")


def training_line(training: ConfirmationTraining, metric: str) -> str:
    """Format a finished confirmation training: ``trial  17  seed 2  complete  21 epochs  val_accuracy 0.9861``."""
    value = "" if training.score is None else f"  {metric} {training.score:.4f}"
    word = format_ending(STATES[training.reason], training.reason)
    message = f"  {training.message}" if training.message else ""
    epochs = format_count(training.epochs, "epoch")
    return printable(f"trial {training.trial:>3}  seed {training.seed:<3} {word:<19} {epochs:>10}{value}{message}")


def trial_line(end: TrialFinished, metric: str) -> str:
    """Format a finished trial: ``trial  17  complete (patience)   21 epochs  val_accuracy 0.9861``."""
    value = "" if end.value is None else f"  {metric} {end.value:.4f}"
    word, epochs = format_ending(end.state, end.reason), format_count(end.epochs, "epoch")
    message = f"  {end.message}" if end.message else ""
    return printable(f"trial {end.number:>3}  {word:<19} {epochs:>10}{value}{message}")
