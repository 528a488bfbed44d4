"""A run directory, opened for reading: what was tried and what came of it. Rebuilt from plain files; changes none."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import optuna
import pandas as pd
from optuna.storages import JournalStorage
from optuna.trial import FrozenTrial, TrialState

from search.run.confirmation import Score, scores
from search.run.events import Reason, State, TrialEnd, TrialInfo
from search.run.history import HISTORY, read_history
from search.run.journal import JOURNAL, ReadJournal
from spaces.config.metric import Direction
from spaces.domains.names import short_names
from spaces.file.document import read_yaml
from spaces.file.load import load_config, load_sweep
from spaces.file.sweep import Sweep
from spaces.problem import InputError, Problem

STATES = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "unfinished",
    TrialState.WAITING: "waiting",
}


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run as it stood when it was opened. Trials stand in the order of their numbers."""

    directory: Path
    sweep: Mapping[str, Any]
    """The sweep file as run, every default written out, without its `run` section."""
    about: Mapping[str, Any]
    """The `run` section: id, name, created, versions, git_commit, data_fingerprint, class_names."""
    direction: Direction
    study: optuna.Study
    trials: tuple[FrozenTrial, ...]

    @property
    def name(self) -> str:
        """The name of the run."""
        return str(self.about.get("name", self.directory.name))

    @property
    def metric(self) -> str:
        """What the sweep is about, such as val_accuracy."""
        return str(self.sweep["search"]["metric"])

    @cached_property
    def settings(self) -> Sweep:
        """The same file, checked, with what an older version did not write."""
        return load_sweep(self.directory / "sweep.yaml", check_files=False)

    @cached_property
    def names(self) -> dict[str, str]:
        """Full name of every open value → its short name, in the order of the sweep file."""
        return short_names(self.settings.open_values)

    @cached_property
    def notes(self) -> Mapping[str, Any]:
        """What the journal holds beside the trials."""
        return self.study.user_attrs

    @cached_property
    def scores(self) -> dict[int, Score]:
        """What the confirmation found, by trial number; empty before it."""
        return scores(self.notes)


def open_run(directory: str | os.PathLike[str]) -> Run:
    """Opens the run in ``directory``.

    Raises:
        InputError: there is no run there, or its journal holds no study or is damaged in its middle.
    """
    home = Path(directory).resolve()
    for name in ("sweep.yaml", JOURNAL):
        if not (home / name).is_file():
            raise no_run(home, f"no {name}")
    study = read_study(home)
    if study is None:
        raise no_run(home, "a journal that holds 0 studies instead of one")
    return _run(home, study)


def _run(home: Path, study: optuna.Study) -> Run:
    mapping = dict(read_yaml(home / "sweep.yaml"))
    direction: Direction = "maximize" if study.direction == optuna.study.StudyDirection.MAXIMIZE else "minimize"
    about = dict(mapping.pop("run", None) or {})
    trials = tuple(sorted(study.get_trials(deepcopy=False), key=lambda trial: trial.number))
    return Run(directory=home, sweep=mapping, about=about, direction=direction, study=study, trials=trials)


def open_begun(directory: Path) -> Run | None:
    """Opens the run in ``directory``; None where it did not come as far as its first record.

    Raises:
        InputError: as `open_run`.
    """
    home = directory.resolve()
    study = read_study(home) if (home / JOURNAL).is_file() else None
    return None if study is None else _run(home, study)


def read_study(home: Path) -> optuna.Study | None:
    """The one study in the journal of the run at ``home``, an absolute path; None while the journal is empty."""
    storage = stored(home)
    names = [study.study_name for study in storage.get_all_studies()]
    if len(names) > 1:
        raise no_run(home, f"a journal that holds {len(names)} studies instead of one")
    return optuna.load_study(study_name=names[0], storage=storage) if names else None


def stored(directory: Path) -> JournalStorage:
    """A run's journal as Optuna's storage, for reading. Raises: InputError, where it is damaged in its middle."""
    journal = directory.resolve() / JOURNAL
    try:
        return JournalStorage(ReadJournal(journal))
    except (ValueError, KeyError, TypeError, AssertionError) as error:  # Optuna asserts what it expects
        rule, given = "every line of a journal is a record of a study", f"one that is none: {error!r:.200}"
        remedy = "bring a copy of the file back, or delete that line and all after it"
        raise InputError([Problem(rule=rule, given=given, remedy=remedy)], str(journal)) from error


def no_run(directory: Path, given: str) -> InputError:
    """The mistake of naming a folder that is no run."""
    remedy = "Name the folder of a run, the name of one under the runs directory, or `latest`."
    problem = Problem(rule="A run's folder holds sweep.yaml and study.journal", given=given, remedy=remedy)
    return InputError([problem], str(directory))


def curve(trial: FrozenTrial) -> dict[int, float]:
    """The metric by epoch (from 1), NaN where the trial diverged."""
    return dict(sorted(trial.intermediate_values.items()))


def best_epoch(run: Run, trial: FrozenTrial) -> int | None:
    """The first epoch with the trial's best finite metric; None where it never reported one."""
    finite = {epoch: value for epoch, value in curve(trial).items() if math.isfinite(value)}
    if not finite:
        return None
    return (max if run.direction == "maximize" else min)(finite, key=finite.__getitem__)


def best_value(run: Run, trial: FrozenTrial) -> float | None:
    """The trial's best finite metric so far; None where it never reported one."""
    epoch = best_epoch(run, trial)
    return None if epoch is None else trial.intermediate_values[epoch]


def state(trial: FrozenTrial) -> str:
    """complete, pruned, failed, waiting, or unfinished: it is training, or was interrupted."""
    return STATES[trial.state]


def reason(trial: FrozenTrial) -> str:
    """Why the trial ended: finished, patience, asha, diverged, …; empty while it runs."""
    return str(trial.user_attrs.get("reason", ""))


def is_baseline(trial: FrozenTrial) -> bool:
    """Whether the trial is what a person would have used."""
    return bool(trial.user_attrs.get("baseline", False))


def search_order(run: Run, trial: FrozenTrial) -> tuple[int, float, int]:
    """Sorts the best trial of the search first: sound ones by value, then diverged, failed, silent; ties by number."""
    value = best_value(run, trial)
    if value is None:
        return 3, 0.0, trial.number
    group = 2 if trial.state == TrialState.FAIL else int(reason(trial) == "diverged")
    return group, -value if run.direction == "maximize" else value, trial.number


def order(run: Run, trial: FrozenTrial) -> tuple[int, int, float, int]:
    """Sorts confirmed trials by their means before all others; those that failed from some seed after the sound ones.

    A trial whose every training failed is no confirmed one.
    """
    score = run.scores.get(trial.number)
    if score is None or not score.by_seed:
        return 1, *search_order(run, trial)
    return 0, score.lacking, -score.mean if run.direction == "maximize" else score.mean, trial.number


def ranked(run: Run) -> list[FrozenTrial]:
    """All trials, the best first."""
    return sorted(run.trials, key=lambda trial: order(run, trial))


def best_trial(run: Run) -> FrozenTrial | None:
    """The leading trial, running ones included; None while no trial has reported a finite metric."""
    first = next(iter(ranked(run)), None)
    return first if first is not None and best_value(run, first) is not None else None


def history_file(directory: Path, number: int) -> Path:
    """Where trial ``number`` of the run in ``directory`` keeps its epochs."""
    return directory / "trials" / str(number) / HISTORY


def history(directory: Path, number: int) -> pd.DataFrame:
    """What trial ``number`` of the run in ``directory`` reported, one row an epoch; empty where it reported nothing."""
    rows = read_history(history_file(directory, number))
    return pd.DataFrame([{**row, "epoch": int(row["epoch"])} for row in rows]) if rows else pd.DataFrame({"epoch": []})


def as_started(run: Run, trial: FrozenTrial) -> TrialInfo:
    """What listeners were told when the trial started."""
    config, _ = load_config(run.directory / "trials" / str(trial.number) / "config.yaml", check_files=False)
    values = {run.names.get(name, name): value for name, value in trial.params.items()}
    return TrialInfo(number=trial.number, values=values, config=config, baseline=is_baseline(trial))


def as_ended(run: Run, trial: FrozenTrial) -> TrialEnd:
    """What listeners were told when the trial ended; one that has not ended counts as interrupted."""
    states: dict[TrialState, State] = {
        TrialState.COMPLETE: "complete",
        TrialState.PRUNED: "pruned",
        TrialState.FAIL: "fail",
    }
    return TrialEnd(
        number=trial.number,
        state=states.get(trial.state, "interrupted"),
        reason=cast(Reason, reason(trial) or "interrupted"),
        best_epoch=best_epoch(run, trial),
        value=best_value(run, trial),
        epochs=epochs(trial),
        seconds=seconds(trial),
    )


def epochs(trial: FrozenTrial) -> int:
    """Epochs that the trial trained so far."""
    return int(trial.user_attrs.get("epochs", len(trial.intermediate_values)))


def seconds(trial: FrozenTrial) -> float:
    """Seconds that the trial trained; NaN while it runs."""
    return float(trial.user_attrs.get("seconds", math.nan))
