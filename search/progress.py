"""The live view of a sweep: a few lines that redraw themselves on a terminal, one line a trial anywhere else."""

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

from search.formatting import against, counted, duration, ending, ending_and_why
from search.run.events import STATES, RunInfo, Training, TrialEnd, TrialInfo
from search.run.reader import as_ended, is_baseline, open_begun
from spaces.printable import printable

ROWS = 8
"""No more running trials than this are shown, each in a line."""
ENOUGH = 3
"""From so many finished trials on, the time left is estimated."""


@dataclass
class Running:
    """Where a running trial stands."""

    epoch: int = 0
    value: float = math.nan


class Progress:
    """The listener that draws on ``console`` (stderr). A resumed run begins with what was done before.

    ``clock`` gives seconds; only differences count.
    """

    def __init__(self, run: RunInfo, console: Console, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._run = run
        self._console = console
        self._clock = clock
        self._began = clock()
        self._running: dict[int, Running] = {}
        self._endings: Counter[str] = Counter()
        self._values: dict[int, float] = {}
        self._best: int | None = None
        self._baseline: int | None = None
        self._epochs = 0
        self._seconds = 0.0
        self._confirmed: tuple[int, int] | None = None
        """Trainings of the confirmation that are done, and all of them; None before it begins."""
        self._take_up()
        self._live = Live(
            console=console,
            get_renderable=self.view,
            refresh_per_second=4,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def started(self, trial: TrialInfo) -> None:
        """A trial starts; the first one brings up the live view."""
        self._running.setdefault(trial.number, Running())
        if trial.baseline:
            self._baseline = trial.number
        if self._console.is_terminal and not self._live.is_started:
            self._live.start()

    def epoch(self, number: int, row: Mapping[str, float]) -> None:
        """A trial finished an epoch."""
        value = row.get(self._run.metric, math.nan)
        best = self._better_of(self._values.get(number, math.nan), value)
        self._running[number] = Running(epoch=int(row["epoch"]), value=best)
        self._epochs += 1
        if not math.isnan(best):
            self._keep(number, best)

    def ended(self, end: TrialEnd) -> None:
        """A trial ended; away from a terminal it gets its line."""
        self._running.pop(end.number, None)
        self._count(end)
        if end.told or not self._console.is_terminal:
            mark = "  best so far" if end.number == self.best() else ""
            self._console.print(Text(line(end, self._run.metric) + mark), soft_wrap=True)

    def confirmed(self, training: Training | None, *, done: int, total: int) -> None:
        """The winner is being confirmed; away from a terminal each training gets its line."""
        self._confirmed = done, total
        if not self._console.is_terminal:
            begun = f"Confirming the winner: {counted(total - done, 'training')} to go."
            told = begun if training is None else training_line(training, self._run.metric)
            self._console.print(Text(told), soft_wrap=True)

    def close(self, best: int | None) -> None:
        """Leaves the last view on the screen."""
        self._running.clear()
        if self._live.is_started:
            self._live.stop()

    def best(self) -> int | None:
        """The number of the leading trial, running ones included; ties go to the lower number."""
        return self._best

    def seconds_left(self) -> float | None:
        """Mean seconds of a finished trial × trials to go ÷ trials that run at once; None before ENOUGH finished."""
        done, running = self._done(), len(self._running)
        if done < ENOUGH or not running:
            return None
        return self._seconds / done * max(self._run.trials - done, 0) / running

    def view(self) -> RenderableType:
        """What a terminal shows just now.

        A thread of its own draws it while the driver's goes on, so nothing here walks through what that one changes,
        but through copies. A lock will not do: the driver's thread prints from signal handlers, and might hold it then.
        """
        confirmation = [self._confirmation_bar(*self._confirmed)] if self._confirmed else []
        return Group(self._bar(), self._best_line(), *confirmation, self._spent_line(), *self._running_lines())

    def _take_up(self) -> None:
        run = open_begun(self._run.directory)
        if run is None:
            return
        for trial in run.trials:
            if is_baseline(trial):
                self._baseline = trial.number
            if trial.state.is_finished():
                self._count(as_ended(run, trial))
                self._epochs += as_ended(run, trial).epochs

    def _count(self, end: TrialEnd) -> None:
        word = ending(end.state, end.reason)
        if word != "interrupted":
            self._endings[word] += 1
            self._seconds += 0.0 if math.isnan(end.seconds) else end.seconds
        sound = end.value is not None and math.isfinite(end.value) and word not in ("diverged", "failed")
        self._keep(end.number, end.value if sound else None)

    def _keep(self, number: int, value: float | None) -> None:
        """Enters what a trial reached, None where that counts no more. All are compared only where the leader falls."""
        to_beat = None if self._best is None else self._place(self._best)
        if value is None:
            self._values.pop(number, None)
        else:
            self._values[number] = value
        if value is not None and (to_beat is None or self._place(number) <= to_beat):
            self._best = number
        elif number == self._best:
            self._best = min(self._values, key=self._place, default=None)

    def _place(self, number: int) -> tuple[float, int]:
        """Sorts the leading trial first."""
        value = self._values[number]
        return (-value if self._run.direction == "maximize" else value), number

    def _done(self) -> int:
        return self._endings.total()

    def _better_of(self, first: float, second: float) -> float:
        known = [value for value in (first, second) if math.isfinite(value)]
        return (max if self._run.direction == "maximize" else min)(known, default=math.nan)

    def _bar(self) -> RenderableType:
        counts = [f"{len(self._running)} running"] if self._running else []
        counts += [f"{number} {word}" for word, number in dict(self._endings).items() if number]
        grid = Table.grid(padding=(0, 2, 0, 0))
        bar = ProgressBar(total=max(self._run.trials, self._done(), 1), completed=self._done(), width=20)
        grid.add_row(bar, f"{self._done()}/{self._run.trials} trials", Text(" · ".join(counts), overflow="fold"))
        return grid

    def _confirmation_bar(self, done: int, total: int) -> RenderableType:
        grid = Table.grid(padding=(0, 2, 0, 0))
        bar = ProgressBar(total=max(total, 1), completed=done, width=20)
        grid.add_row(bar, f"{done}/{total} trainings", "to confirm the winner")
        return grid

    def _best_line(self) -> RenderableType:
        best = self.best()
        value = None if best is None else self._values.get(best)
        if value is None:
            return Text(f"no {self._run.metric} yet", style="dim")
        told = f"best {self._run.metric} {value:.4f} (trial {best})"
        base = None if self._baseline is None else self._values.get(self._baseline)
        if best == self._baseline:
            told += ", the baseline"
        elif base is not None:
            told += f", {against(value, base)}"
        return one_line(told, style="bold green")

    def _spent_line(self) -> RenderableType:
        told = f"{counted(self._epochs, 'epoch')} · {duration(self._clock() - self._began)} gone"
        left = self.seconds_left()
        return one_line(told if left is None else f"{told} · about {duration(left)} left")

    def _running_lines(self) -> list[RenderableType]:
        shown = heapq.nsmallest(ROWS, list(self._running.items()))
        lines: list[RenderableType] = [one_line(self._running_line(*entry), style="dim") for entry in shown]
        if len(self._running) > ROWS:
            lines.append(one_line(f"  … and {len(self._running) - ROWS} more", style="dim"))
        return lines

    def _running_line(self, number: int, trial: Running) -> str:
        name = f"{number} baseline" if number == self._baseline else str(number)
        value = "" if math.isnan(trial.value) else f"   best {trial.value:.4f}"
        return f"  trial {name:<12} epoch {trial.epoch}/{self._run.epochs}{value}"


def one_line(told: str, *, style: str = "") -> Text:
    """Text that is cut rather than wrapped where the terminal is too narrow."""
    return Text(told, style=style, no_wrap=True, overflow="ellipsis")


def training_line(training: Training, metric: str) -> str:
    """An ended training of the confirmation: ``trial  17  seed 2  complete  21 epochs  val_accuracy 0.9861``."""
    value = "" if training.score is None else f"  {metric} {training.score:.4f}"
    word = ending_and_why(STATES[training.reason], training.reason)
    told = f"  {training.told}" if training.told else ""
    epochs = counted(training.epochs, "epoch")
    return printable(f"trial {training.trial:>3}  seed {training.seed:<3} {word:<19} {epochs:>10}{value}{told}")


def line(end: TrialEnd, metric: str) -> str:
    """An ended trial in one line: ``trial  17  complete (patience)   21 epochs  val_accuracy 0.9861``."""
    value = "" if end.value is None else f"  {metric} {end.value:.4f}"
    return printable(
        f"trial {end.number:>3}  {ending_and_why(end.state, end.reason):<19} {counted(end.epochs, 'epoch'):>10}{value}"
        f"{f'  {end.told}' if end.told else ''}"
    )
