"""A run, opened from its directory: what was tried, and the results. Read from plain files; changes none."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import JournalStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial

from search.run.confirmation import Score, check_finalists, scores
from search.run.journal import JOURNAL, ReadJournal
from search.run.provenance import read_sweep
from spaces.config.metric import Direction, direction_of
from spaces.domains.names import short_names
from spaces.file.load import load_sweep
from spaces.file.sweep import Sweep
from spaces.problem import InputError, Problem


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run as it stood at one moment, for those who read it and for its driver. Trials are in the order of numbers."""

    directory: Path
    sweep: Mapping[str, Any]
    """The sweep file as run, every default written out, without its `run` section."""
    about: Mapping[str, Any]
    """The `run` section: id, name, created, versions, git_commit, data_fingerprint, class_names."""
    direction: Direction
    trials: tuple[FrozenTrial, ...]
    notes: Mapping[str, Any]
    """What the journal holds besides the trials."""

    @classmethod
    def from_study(
        cls, study: optuna.Study, *, directory: Path, sweep: Mapping[str, Any], about: Mapping[str, Any]
    ) -> Run:
        """Take a run from its study, which a driver has in memory and a reader has from the journal."""
        return cls(
            directory=directory,
            sweep=sweep,
            about=about,
            direction="maximize" if study.direction == StudyDirection.MAXIMIZE else "minimize",
            trials=tuple(sorted(study.get_trials(deepcopy=False), key=lambda trial: trial.number)),
            notes=study.user_attrs,
        )

    @classmethod
    def begin(cls, directory: Path, sweep: Mapping[str, Any], about: Mapping[str, Any]) -> Run:
        """Return the run of a sweep before its first trial."""
        direction = direction_of(sweep["search"]["metric"])
        return cls(directory=directory.resolve(), sweep=sweep, about=about, direction=direction, trials=(), notes={})

    def as_of(self, study: optuna.Study) -> Run:
        """Return the same run as its study has it now."""
        return Run.from_study(study, directory=self.directory, sweep=self.sweep, about=self.about)

    @property
    def id(self) -> str:
        """Random, given once; survives renaming and resuming."""
        return str(self.about["id"])

    @property
    def name(self) -> str:
        """The name of the run."""
        return str(self.about.get("name", self.directory.name))

    @property
    def metric(self) -> str:
        """The metric that the sweep optimises, such as val_accuracy."""
        return str(self.sweep["search"]["metric"])

    @cached_property
    def settings(self) -> Sweep:
        """The sweep file, checked, with the settings that an older version did not write."""
        return load_sweep(self.directory / "sweep.yaml", check_files=False)

    @cached_property
    def names(self) -> dict[str, str]:
        """Full name of every open value → its short name, in the order of the sweep file."""
        return short_names(self.settings.open_values)

    @cached_property
    def scores(self) -> dict[int, Score]:
        """The scores from the confirmation, by trial number; empty before it."""
        return scores(self.notes)


class RunReader:
    """Opens the run in ``directory``, as often as needed: what was read of the journal is not read again."""

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        self.directory = Path(directory).resolve()
        self._storage: JournalStorage | None = None

    def read(self) -> Run | None:
        """Return the run as it stands now, or None as long as its journal has no record.

        Raises:
            InputError: the journal is damaged in its middle, or holds several studies.
        """
        if self._storage is None and os.path.lexists(self.directory / JOURNAL):
            self._storage = stored(self.directory)
        names = [study.study_name for study in self._storage.get_all_studies()] if self._storage else []
        if len(names) > 1:
            raise no_run(self.directory, f"a journal that holds {len(names)} studies instead of one")
        if self._storage is None or not names:
            return None
        study = optuna.load_study(study_name=names[0], storage=self._storage)
        mapping, about = read_sweep(self.directory / "sweep.yaml")
        run = Run.from_study(study, directory=self.directory, sweep=mapping, about=about)
        check_finalists(run.notes, len(run.trials), source=str(self.directory / JOURNAL))
        return run


def open_run(run: str | os.PathLike[str] | Run) -> Run:
    """Open the run in a directory; one that is open already is returned as it is.

    Raises:
        InputError: there is no run there, or its journal holds no study or is damaged in its middle.
    """
    if isinstance(run, Run):
        return run
    home = Path(run).resolve()
    for name in ("sweep.yaml", JOURNAL):
        if not os.path.lexists(home / name):
            raise no_run(home, f"no {name}")
    if (opened := open_begun(home)) is None:
        raise no_run(home, "a journal that holds 0 studies instead of one")
    return opened


def open_begun(directory: Path) -> Run | None:
    """Open the run in ``directory``; None if it did not come as far as its first record.

    Raises:
        InputError: as `open_run`.
    """
    return RunReader(directory).read()


def stored(directory: Path) -> JournalStorage:
    """A run's journal as Optuna's storage, for reading.

    Raises:
        InputError: it is damaged in its middle.
    """
    journal = directory.resolve() / JOURNAL
    try:
        return JournalStorage(ReadJournal(journal))
    except (ValueError, KeyError, TypeError, AssertionError) as error:  # Optuna asserts what it expects
        rule, given = "every line of a journal is a record of a study", f"one that is not: {error!r:.200}"
        remedy = "restore a copy of the file, or delete that line and all after it"
        raise InputError([Problem(rule=rule, given=given, remedy=remedy)], str(journal)) from error


def no_run(directory: Path, given: str) -> InputError:
    """Return the error for a folder that is not a run."""
    remedy = "give the folder of a run, the name of one in the runs folder, or `latest`"
    problem = Problem(rule="a run's folder holds sweep.yaml and study.journal", given=given, remedy=remedy)
    return InputError([problem], str(directory))
