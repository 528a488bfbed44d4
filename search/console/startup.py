"""What a sweep does before its first trial, step by step: imports, data and Ray take their time."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType

from rich.console import Console, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from search.formatting import format_duration
from spaces.printable import printable

IMPORTING = "Importing Optuna, pandas and scikit-learn"


class StartSteps:
    """Shows the current step until the next one begins.

    On a terminal with a spinner and its seconds, and then as a line with its duration; elsewhere as a line that begins
    with the time since the first step. As a context manager it ends with the block.

    Args:
        console: on stderr.
        clock: returns seconds; only differences matter.
    """

    def __init__(self, console: Console, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._console, self._clock = console, clock
        self._began = self._step_began = clock()
        self._text = ""
        self._spinner = Spinner("line")
        self._live: Live | None = None

    def __call__(self, text: str) -> None:
        """Begin a step, and end the one before it."""
        self.end()
        self._text, self._step_began = printable(text), self._clock()
        if self._console.is_terminal:
            self._live = Live(
                console=self._console,
                get_renderable=self.view,
                refresh_per_second=8,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()
        else:
            elapsed = format_duration(self._step_began - self._began)
            self._console.print(Text(f"{elapsed:>6}  {self._text}"), soft_wrap=True)

    def move(self, console: Console) -> None:
        """Show the next steps on another console, such as the one that `search.console.logs.redirect_output` yields."""
        self.end()
        self._console = console

    def end(self) -> None:
        """End the current step, if there is one."""
        if self._live and self._stop():
            taken = format_duration(self._clock() - self._step_began)
            self._console.print(Text(f"{taken:>6}  {self._text}", style="dim"), soft_wrap=True)

    def view(self) -> RenderableType:
        """Return what a terminal shows of the current step."""
        elapsed = format_duration(self._clock() - self._step_began)
        return Text.assemble(f"{elapsed:>6}  {self._text} ", str(self._spinner.render(time.monotonic())))

    def __enter__(self) -> StartSteps:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            self.end()
        else:
            self._stop()  # what failed was not done

    def _stop(self) -> bool:
        live, self._live = self._live, None
        if live:
            live.stop()
        return live is not None
