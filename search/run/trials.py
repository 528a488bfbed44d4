"""The trials of a run: how far each came, why it ended, and which leads."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import cast

from optuna.trial import FrozenTrial, TrialState

from search.formatting import ending
from search.run.events import Reason, State, TrialFinished, TrialInfo
from search.run.reader import Run
from spaces.file.load import load_config
from spaces.shell import command_line

STATES = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "unfinished",
    TrialState.WAITING: "waiting",
}


def curve(trial: FrozenTrial) -> dict[int, float]:
    """Return the metric by epoch (from 1); NaN if the trial diverged."""
    return dict(sorted(trial.intermediate_values.items()))


def best_epoch(run: Run, trial: FrozenTrial) -> int | None:
    """Return the first epoch with the best finite metric; None if there is none."""
    finite = {epoch: value for epoch, value in curve(trial).items() if math.isfinite(value)}
    if not finite:
        return None
    return (max if run.direction == "maximize" else min)(finite, key=finite.__getitem__)


def best_value(run: Run, trial: FrozenTrial) -> float | None:
    """Return the best finite metric so far; None if there is none."""
    epoch = best_epoch(run, trial)
    return None if epoch is None else trial.intermediate_values[epoch]


def state(trial: FrozenTrial) -> str:
    """Return complete, pruned, failed, waiting or unfinished (it is training or was interrupted)."""
    return STATES[trial.state]


def reason(trial: FrozenTrial) -> str:
    """Return why the trial ended: finished, patience, asha, diverged, …; empty while it runs."""
    return str(trial.user_attrs.get("reason", ""))


def is_baseline(trial: FrozenTrial) -> bool:
    """Return whether the trial is the baseline: the values that a person would have used."""
    return bool(trial.user_attrs.get("baseline", False))


def search_order(run: Run, trial: FrozenTrial) -> tuple[int, float, int]:
    """Return a sort key that puts the best trial of the search first.

    Trials with a result come first, by value, then diverged, failed and silent ones; ties by number.
    """
    value = best_value(run, trial)
    if value is None:
        return 3, 0.0, trial.number
    group = 2 if trial.state == TrialState.FAIL else int(reason(trial) == "diverged")
    return group, -value if run.direction == "maximize" else value, trial.number


def order(run: Run, trial: FrozenTrial) -> tuple[int, int, float, int]:
    """Return a sort key that puts confirmed trials first, by their means, those that failed from some seed last.

    A trial whose trainings all failed does not count as confirmed.
    """
    score = run.scores.get(trial.number)
    if score is None or not score.by_seed:
        return 1, *search_order(run, trial)
    return 0, score.failed, -score.mean if run.direction == "maximize" else score.mean, trial.number


def ranked(run: Run) -> list[FrozenTrial]:
    """Return all trials, the best first."""
    return sorted(run.trials, key=lambda trial: order(run, trial))


def best_trial(run: Run) -> FrozenTrial | None:
    """Return the leading trial, which may be running; None if no trial has reported a finite metric."""
    first = next(iter(ranked(run)), None)
    return first if first is not None and best_value(run, first) is not None else None


def is_open(trial: FrozenTrial) -> bool:
    """Return whether the trial trains, or was interrupted and can be continued."""
    return not trial.state.is_finished()


def describe_missing_result(run: Run) -> str:
    """Say why a run has no winner: ``All 6 trials diverged: their loss was not finite.``"""
    endings = Counter(ending(state(trial), reason(trial)) for trial in run.trials)
    if not run.trials or any(map(is_open, run.trials)):
        return f"No trial has reported a finite {run.metric} yet."
    every = {1: "The only trial", 2: "Both trials"}.get(len(run.trials), f"All {len(run.trials)} trials")
    if set(endings) == {"diverged"}:
        return f"{every} diverged: no {run.metric} was finite."
    if set(endings) == {"failed"}:
        return f"{every} failed."
    counts = ", ".join(f"{number} {word}" for word, number in endings.most_common())
    return f"{every} ended without a finite {run.metric}: {counts}."


def remedy_for_missing_result(run: Run, directory: Path) -> str:
    """Say what to do about a run without a winner, naming only files that exist; ``directory`` as the user types it."""
    if not run.trials or any(map(is_open, run.trials)):
        return f"Continue it: {command_line('resume', directory)}"
    reasons = {reason(trial) for trial in run.trials}
    errors = (Path("trials", str(trial.number), "error.txt") for trial in run.trials)
    if error := next((file for file in errors if (run.directory / file).is_file()), None):
        return f"Read {directory / error}, correct what it names, and start a new run."
    if "out of memory" in reasons:
        return "Start a new run with a smaller training.batch_size, a smaller model, or more resources.cpus per trial."
    if "diverged" in reasons:
        return "Start a new run with lower learning rates (trial.optimizer.learning_rate), and check images and labels."
    show = command_line("leaderboard", directory)
    return f"`{show}` shows how each trial ended; correct the cause, and start a new run."


def as_started(run: Run, trial: FrozenTrial) -> TrialInfo:
    """Return the event of the trial's start."""
    config, _ = load_config(run.directory / "trials" / str(trial.number) / "config.yaml", check_files=False)
    values = {run.names.get(name, name): value for name, value in trial.params.items()}
    return TrialInfo(number=trial.number, values=values, config=config, baseline=is_baseline(trial))


def as_ended(run: Run, trial: FrozenTrial) -> TrialFinished:
    """Return the event of the trial's end; if it has not ended, as interrupted."""
    states: dict[TrialState, State] = {
        TrialState.COMPLETE: "complete",
        TrialState.PRUNED: "pruned",
        TrialState.FAIL: "fail",
    }
    return TrialFinished(
        number=trial.number,
        state=states.get(trial.state, "interrupted"),
        reason=cast(Reason, reason(trial) or "interrupted"),
        best_epoch=best_epoch(run, trial),
        value=best_value(run, trial),
        epochs=epochs(trial),
        seconds=seconds(trial),
    )


def epochs(trial: FrozenTrial) -> int:
    """Return the number of epochs trained so far."""
    return int(trial.user_attrs.get("epochs", len(trial.intermediate_values)))


def seconds(trial: FrozenTrial) -> float:
    """Return the duration of the training in seconds; NaN while it runs."""
    return float(trial.user_attrs.get("seconds", math.nan))
