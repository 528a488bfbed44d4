"""The Optuna study of a run: its journal, the source of truth, and a copy in memory for the sampler.

A trial enters the journal with all its values in one record, so that a kill leaves no half proposal behind; and what
the sampler proposes but is not trained (a configuration that was tried before) never enters it.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.storages import InMemoryStorage, JournalStorage
from optuna.trial import FrozenTrial, TrialState, create_trial

from search.run.events import TrialFinished
from search.run.journal import OwnJournal
from search.study.distribution import distribution, suggest
from search.study.sobol import sobol
from search.study.space import draw, key, untried
from spaces.config.metric import direction_of
from spaces.domains.domain import Scalar
from spaces.file.sweep import Sweep
from spaces.problem import InputError

EARLIER = "earlier"
"""Name of the note that holds trials of earlier runs."""
ATTEMPTS = 20
"""How many proposals may be configurations that were tried before."""

STATES = {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "fail": TrialState.FAIL}


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A trial to be trained."""

    number: int
    values: Mapping[str, Scalar]
    """By full name."""
    baseline: bool


class Study:
    """The trials of a run and their results.

    Args:
        journal: the file, which is created if it does not exist.
        sweep: gives the open values, the metric and the sampler. The sampler is seeded from the sweep's seed and the
            trial's number at every proposal, so that a resumed study continues like an uninterrupted one.
    """

    def __init__(self, journal: Path, sweep: Sweep) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._sweep, self._kind, self._seed = sweep, sweep.search.sampler, sweep.search.seed
        direction = direction_of(sweep.search.metric)
        self._storage = JournalStorage(OwnJournal(journal))
        if not self._storage.get_all_studies():
            optuna.create_study(storage=self._storage, study_name=journal.absolute().parent.name, direction=direction)
        self.journal = optuna.load_study(study_name=None, storage=self._storage, sampler=RandomSampler())
        """The study in the journal."""
        self._copy_storage = InMemoryStorage()
        self._copy = optuna.create_study(storage=self._copy_storage, direction=direction, sampler=RandomSampler())
        self._in_copy: dict[int, int] = {}
        """Number of each running trial in the copy, which also holds proposals that were not trained."""
        self._tried: set[frozenset[tuple[str, Scalar]]] = set()
        self._listed: list[dict[str, Scalar]] | None = None
        """All configurations, listed when first needed, which takes seconds; empty if there are too many."""
        self.unfinished: list[Proposal] = []
        """Trials to be continued before any new one is proposed."""
        self._count = 0
        for record in self.note(EARLIER) or ():
            self._copy.add_trial(_as_trial(record, sweep))
        for trial in self.trials():
            self._restore(trial)

    def trials(self) -> list[FrozenTrial]:
        """Return all trials in the journal, by number."""
        return self.journal.get_trials(deepcopy=False)

    @property
    def notes(self) -> Mapping[str, Any]:
        """The notes in the journal, by name."""
        return self.journal.user_attrs

    def note(self, name: str) -> Any:
        """Return a note in the journal; None if there is none of that name."""
        return self.notes.get(name)

    def keep_note(self, name: str, value: Any) -> None:
        """Write plain data as a note in the journal; it replaces an earlier one of that name."""
        self.journal.set_user_attr(name, value)

    def learn(self, earlier: Sequence[Mapping[str, Any]]) -> None:
        """Give the sampler the results of earlier trials (see `search.warm_start`), now and after every resume."""
        self.keep_note(EARLIER, list(earlier))
        for record in earlier:
            self._copy.add_trial(_as_trial(record, self._sweep))

    def next(self) -> Proposal | None:
        """Return an interrupted trial, else the baseline, else a proposal of the sampler; None if none is left."""
        if self.unfinished:
            return self.unfinished.pop(0)
        if self._count == 0 and self._sweep.baseline is not None:
            return self._enter(self._sweep.baseline, in_copy=None, baseline=True)
        return None if self.complete() else self._sample() or self._left_over()

    def complete(self) -> bool:
        """Return whether as many trials were proposed as the sweep asks for."""
        return self._count >= self._sweep.search.trials

    def requeue(self, proposal: Proposal) -> None:
        """Propose a trial once more: its process was lost."""
        self.unfinished.append(proposal)

    def report(self, number: int, *, epoch: int, value: float) -> None:
        """Enter the metric of an epoch, which may be NaN. The first report of an epoch stands."""
        if epoch in self._storage.get_trial(self._id(number)).intermediate_values:
            return
        self._storage.set_trial_intermediate_value(self._id(number), epoch, value)
        self._copy_storage.set_trial_intermediate_value(self._id_in_copy(number), epoch, value)

    def tell(self, end: TrialFinished) -> None:
        """Enter the end of a trial. An interrupted one stays open, to be continued."""
        if end.state == "interrupted":
            return
        attributes: dict[str, Any] = {
            "reason": end.reason,
            "best_epoch": end.best_epoch,
            "epochs": end.epochs,
            "seconds": end.seconds,
            "slowest_s": end.slowest_s,
        }
        if end.host:
            attributes["host"] = end.host
        for name, value in attributes.items():
            self._storage.set_trial_user_attr(self._id(end.number), name, value)
        value = end.value if end.state == "complete" else None
        self.journal.tell(end.number, value, state=STATES[end.state])
        self._copy.tell(self._in_copy.pop(end.number), value, state=STATES[end.state])
        if end.reason == "lost":
            self._tried.discard(key(self._storage.get_trial(self._id(end.number)).params))

    def _sample(self) -> Proposal | None:
        for attempt in range(ATTEMPTS):
            # Half of the attempts at random: with few configurations left TPE may propose the same one for ever.
            kind = self._kind if attempt < ATTEMPTS // 2 else "random"
            proposal = self._quasi_random(attempt) if kind == "sobol" else self._asked(kind, attempt)
            if proposal is not None:
                return proposal
        return None

    def _quasi_random(self, attempt: int) -> Proposal | None:
        """Propose a point of the Sobol sequence; None if it was tried before or its values do not go together."""
        try:
            values = draw(self._sweep, sobol(self._sweep, index=self._count + attempt))
        except InputError:
            return None
        return None if key(values) in self._tried else self._enter(values, in_copy=None)

    def _asked(self, kind: str, attempt: int) -> Proposal | None:
        """Ask a sampler of Optuna; None if what it proposes was tried before or does not go together."""
        self._copy.sampler = self._seeded(kind, attempt)
        asked = self._copy.ask()
        try:
            values = draw(self._sweep, partial(suggest, asked))
        except InputError:
            values = None
        if values is not None and key(values) not in self._tried:
            return self._enter(values, in_copy=asked.number)
        self._copy.tell(asked, state=TrialState.FAIL)
        return None

    def _left_over(self) -> Proposal | None:
        """Propose one of the untried configurations at random, if the space is small enough to list them."""
        if self._listed is None:
            self._listed = untried(self._sweep, tried=()) or []
        remaining = [values for values in self._listed if key(values) not in self._tried]
        if not remaining:
            return None
        position = int(np.random.default_rng([self._seed, self._count]).integers(len(remaining)))
        return self._enter(remaining[position], in_copy=None)

    def _enter(self, values: Mapping[str, Scalar], *, in_copy: int | None, baseline: bool = False) -> Proposal:
        number = self._count
        trial = create_trial(
            state=TrialState.RUNNING,
            params=dict(values),
            distributions={name: distribution(self._sweep.open_values[name]) for name in values},
            user_attrs={"baseline": baseline},
        )
        self.journal.add_trial(trial)
        if in_copy is None:
            self._copy.add_trial(trial)
            in_copy = len(self._copy.get_trials(deepcopy=False)) - 1
        self._in_copy[number] = in_copy
        self._tried.add(key(values))
        self._count += 1
        return Proposal(number=number, values=values, baseline=baseline)

    def _restore(self, trial: FrozenTrial) -> None:
        """Restore a trial that was in the journal when it was opened."""
        self._copy.add_trial(trial)
        self._count = trial.number + 1
        if not was_lost(trial):
            self._tried.add(key(trial.params))
        if trial.state == TrialState.RUNNING:
            self._in_copy[trial.number] = len(self._copy.get_trials(deepcopy=False)) - 1
            baseline = bool(trial.user_attrs.get("baseline"))
            self.unfinished.append(Proposal(number=trial.number, values=trial.params, baseline=baseline))

    def _seeded(self, kind: str, attempt: int) -> BaseSampler:
        seed = int(np.random.SeedSequence([self._seed, self._count, attempt]).generate_state(1)[0])
        if kind == "random":
            return RandomSampler(seed=seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)  # `group`, which conditional values need
            return TPESampler(seed=seed, multivariate=True, group=True)

    def _id(self, number: int) -> int:
        study = self._storage.get_study_id_from_name(self.journal.study_name)
        return self._storage.get_trial_id_from_study_id_trial_number(study, number)

    def _id_in_copy(self, number: int) -> int:
        study = self._copy_storage.get_study_id_from_name(self._copy.study_name)
        return self._copy_storage.get_trial_id_from_study_id_trial_number(study, self._in_copy[number])


def was_lost(trial: FrozenTrial) -> bool:
    """Return whether an accident ended the trial, so that its configuration may be tried again.

    A trial that failed because of its own code would fail again.
    """
    return bool(trial.state == TrialState.FAIL and trial.user_attrs.get("reason") == "lost")


def _as_trial(record: Mapping[str, Any], sweep: Sweep) -> FrozenTrial:
    return create_trial(
        state=TrialState[record["state"]],
        value=record["value"],
        params=record["values"],
        distributions={name: distribution(sweep.open_values[name]) for name in record["values"]},
        intermediate_values={int(epoch): value for epoch, value in record["curve"].items()},
    )
