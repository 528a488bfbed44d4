"""Brings W&B up to date with a run as its directory tells it: trials and the leaderboard, online or into files."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from search.run.events import RunInfo
from search.run.reader import Run
from search.tracking.client import MAX_FINISHING, Mode
from search.tracking.fragments import fragments, mark_uploaded, remove_replaced
from search.tracking.leaderboard import keep, kept, show
from search.tracking.ledger import Entry, entries_wanted, note, note_part
from search.tracking.past import past_of
from search.tracking.wandb_runs import BOARD, epochs_there, finish, logged, opened, opened_board, summarise, wandb_id
from spaces.file.sweep import Sweep, Wandb

PATIENCE = 2
"""After so many W&B runs that could not be opened the server is left alone."""
MODEL_TIMEOUT_S = 900.0
"""How long an artifact may take where somebody waits for it: models are large."""


@dataclass(kw_only=True)
class Sent:
    """What was sent."""

    trials: int = 0
    epochs: int = 0
    """Sent now, of these trials; the server may have had others."""
    parts: list[str] = field(default_factory=list)
    """Of the leaderboard's W&B run."""
    failures: list[str] = field(default_factory=list)
    """What kept something from being sent."""


class Sending:
    """Tells W&B of a run: opened one after the other, finished several at a time.

    Args:
        run: what is told of.
        sweep: likewise.
        settings: where to.
        mode: online; or offline, and then it is told to files in the run's directory.
        patient: whether somebody asked for it and waits; else a sweep is about to end.
        over: whether nobody waits any more; W&B's process must then not be started anew.
    """

    def __init__(
        self,
        run: Run,
        sweep: Sweep,
        settings: Wandb,
        *,
        mode: Mode,
        patient: bool,
        over: Callable[[], bool] = lambda: False,
    ) -> None:
        self._run, self._settings, self._mode, self._patient, self._over = run, settings, mode, patient, over
        self._info = RunInfo(
            id=str(run.about["id"]),
            name=run.name,
            directory=run.directory,
            metric=run.metric,
            direction=run.direction,
            trials=sweep.search.trials,
            epochs=sweep.epochs,
        )
        self._wanted = {entry.trial: entry for entry in entries_wanted(run)}
        self._done = Sent()

    def send(self, numbers: Sequence[int], parts: Mapping[str, str]) -> Sent:
        """Tells of the trials of these numbers, and of these parts of the leaderboard."""
        finishing: set[Future[None]] = set()
        with tempfile.TemporaryDirectory() as temporary, ThreadPoolExecutor(MAX_FINISHING) as pool:
            home = Path(temporary) if self._mode == "online" else self._run.directory
            for number in numbers:
                if self._in_vain():
                    break
                try:
                    wandb_run, epochs, earlier = self._tell(number, home)
                except Exception as error:
                    self._failed(f"trial {number}", error)
                    continue
                if not self._patient:  # a pool's threads would be waited for when this process exits
                    self._finish(wandb_run, self._wanted[number], epochs, earlier)
                    continue
                finishing.add(pool.submit(self._finish, wandb_run, self._wanted[number], epochs, earlier))
                if len(finishing) >= MAX_FINISHING:
                    _, finishing = wait(finishing, return_when=FIRST_COMPLETED)
            if parts and not self._in_vain():
                self._show(parts, home)
        return self._done

    def _in_vain(self) -> bool:
        return self._over() or len(self._done.failures) >= PATIENCE

    def _tell(self, number: int, home: Path) -> tuple[Any, int, list[Path]]:
        """Opens a trial's W&B run and gives it what it lacks.

        Returns it, how many epochs that is, and the files of earlier sessions.
        """
        past, entry = past_of(self._run, number), self._wanted[number]
        earlier = self._earlier(number)
        wandb_run = opened(self._info, self._settings, past.info, mode=self._mode, home=home, patient=self._patient)
        known = epochs_there(wandb_run, past.rows, earlier)
        rows = [row for row in past.rows if row["epoch"] > known]
        for row in rows:
            wandb_run.log(logged(row), step=int(row["epoch"]), commit=True)
        summarise(wandb_run, past.end, self._run.metric, entry.confirmed)
        wandb_run.tags = entry.tags
        return wandb_run, len(rows), earlier

    def _finish(self, wandb_run: Any, entry: Entry, epochs: int, earlier: list[Path]) -> None:
        try:
            finish(wandb_run, failed=entry.went_wrong)
        except Exception as error:
            self._failed(f"trial {entry.trial}", error)
            return
        note(self._run.directory, entry, online=self._mode == "online")
        self._settle(entry.trial, earlier)
        self._done.trials += 1
        self._done.epochs += epochs

    def _show(self, parts: Mapping[str, str], home: Path) -> None:
        earlier = self._earlier(BOARD)
        try:
            config = {"sweep": dict(self._run.sweep), "run": dict(self._run.about)}
            board = opened_board(self._info, self._settings, config, mode=self._mode, home=home, patient=self._patient)
            taken = self._write(board, parts)
            finish(board)
        except Exception as error:
            self._failed("the leaderboard", error)
            return
        for name, digest in taken.items():
            note_part(self._run.directory, name, digest, online=self._mode == "online")
        self._settle(BOARD, earlier)
        self._done.parts = list(taken)

    def _write(self, board: Any, parts: Mapping[str, str]) -> dict[str, str]:
        """Writes what the W&B run lacks by its own account; returns the parts that it has then."""
        there = kept(board)
        for name, digest in parts.items():
            try:
                if there.get(name) != digest:
                    show(name, board, self._run, timeout_s=MODEL_TIMEOUT_S if self._patient else None)
                there[name] = digest
                keep(board, there)
            except Exception as error:
                self._failed(f"the {name}", error)
        return {name: digest for name, digest in parts.items() if there.get(name) == digest}

    def _earlier(self, which: int | str) -> list[Path]:
        return fragments(self._run.directory / "wandb", wandb_id(self._info, which))

    def _settle(self, which: int | str, earlier: list[Path]) -> None:
        """Marks or removes the files of earlier sessions: what they hold is at the server, or in a newer file."""
        if self._mode == "online":
            mark_uploaded(self._run.directory / "wandb", wandb_id(self._info, which))
        else:
            remove_replaced(earlier)

    def _failed(self, what: str, error: Exception) -> None:
        told = str(error).partition("\n")[0] or type(error).__name__
        self._done.failures.append(f"{what}: {told}")
