"""The Optuna study of a run: its journal, which is the truth, and a copy in memory that the sampler reads.

A trial enters the journal whole — with all its values, in one record — so that no kill leaves half a proposal behind;
and what the sampler proposes but nobody trains (a configuration that was tried before) never enters it.
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

from search.run.events import TrialEnd
from search.run.journal import OwnJournal
from search.study.distribution import distribution, suggest
from search.study.space import draw, key, untried
from spaces.config.metric import direction_of
from spaces.domains.domain import Scalar
from spaces.file.sweep import Sweep
from spaces.problem import InputError

EARLIER = "earlier"
"""The note that holds trials of earlier runs."""
ATTEMPTS = 20
"""How often the sampler may propose something that was tried before."""

STATES = {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "fail": TrialState.FAIL}


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A trial that is to be trained."""

    number: int
    values: Mapping[str, Scalar]
    """By full name."""
    baseline: bool


class Study:
    """What was tried and what came of it.

    Args:
        journal: the file; it is created where it does not exist.
        sweep: the open values, the metric, the sampler. The sampler is seeded from the sweep's seed and the trial's
            number at every proposal, so that a resumed study goes on as an uninterrupted one.
    """

    def __init__(self, journal: Path, sweep: Sweep) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._sweep, self._kind, self._seed = sweep, sweep.search.sampler, sweep.search.seed
        direction = direction_of(sweep.search.metric)
        self._storage = JournalStorage(OwnJournal(journal))
        if not self._storage.get_all_studies():
            optuna.create_study(storage=self._storage, study_name=journal.absolute().parent.name, direction=direction)
        self.journal = optuna.load_study(study_name=None, storage=self._storage, sampler=RandomSampler())
        """The study as the journal has it."""
        [self._study_id] = [study._study_id for study in self._storage.get_all_studies()]
        self._copy_storage = InMemoryStorage()
        self._copy = optuna.create_study(storage=self._copy_storage, direction=direction, sampler=RandomSampler())
        self._in_copy: dict[int, int] = {}
        """Where a running trial stands in the copy, which also holds what was proposed and not trained."""
        self._tried: set[frozenset[tuple[str, Scalar]]] = set()
        self._listed: list[dict[str, Scalar]] | None = None
        """All configurations, once they were needed; none where there are too many. Listing them takes seconds."""
        self.unfinished: list[Proposal] = []
        """Trials to be continued, before any new one is proposed."""
        self._count = 0
        for record in self.note(EARLIER) or ():
            self._copy.add_trial(_as_trial(record, sweep))
        for trial in self.trials():
            self._restore(trial)

    def trials(self) -> list[FrozenTrial]:
        """All trials, by number, as the journal has them."""
        return self.journal.get_trials(deepcopy=False)

    @property
    def notes(self) -> Mapping[str, Any]:
        """What the journal has beside its trials, by name."""
        return self.journal.user_attrs

    def note(self, name: str) -> Any:
        """What the journal has under ``name`` beside its trials; None where it has nothing."""
        return self.notes.get(name)

    def keep_note(self, name: str, value: Any) -> None:
        """Enters plain data into the journal beside its trials, in place of what it had under that name."""
        self.journal.set_user_attr(name, value)

    def learn(self, earlier: Sequence[Mapping[str, Any]]) -> None:
        """Lets the sampler know what came of earlier trials (see `search.warm_start`), now and after every resume."""
        self.keep_note(EARLIER, list(earlier))
        for record in earlier:
            self._copy.add_trial(_as_trial(record, self._sweep))

    def next(self) -> Proposal | None:
        """An interrupted trial, else the baseline, else what the sampler proposes; None where all was tried."""
        if self.unfinished:
            return self.unfinished.pop(0)
        if self._count == 0 and self._sweep.baseline is not None:
            return self._enter(self._sweep.baseline, in_copy=None, baseline=True)
        return None if self.complete() else self._sample() or self._left_over()

    def complete(self) -> bool:
        """Whether as many trials were handed out as the sweep asks for."""
        return self._count >= self._sweep.search.trials

    def again(self, proposal: Proposal) -> None:
        """Hands the trial out once more, because its process was lost."""
        self.unfinished.append(proposal)

    def report(self, number: int, *, epoch: int, value: float) -> None:
        """Enters the metric of an epoch. NaN is kept. The first report of an epoch stands."""
        if epoch in self._storage.get_trial(self._id(number)).intermediate_values:
            return
        self._storage.set_trial_intermediate_value(self._id(number), epoch, value)
        self._copy_storage.set_trial_intermediate_value(self._in_copy[number], epoch, value)  # ids are numbers

    def tell(self, end: TrialEnd) -> None:
        """Enters the end of a trial. An interrupted one stays open, to be continued."""
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
            # Half of the attempts at random: TPE may propose the same for ever where little is left to choose from.
            self._copy.sampler = self._seeded(self._kind if attempt < ATTEMPTS // 2 else "random", attempt)
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
        """A random one of the configurations that were never tried, where the space is small enough to list them."""
        if self._listed is None:
            self._listed = untried(self._sweep, tried=()) or []
        left = [values for values in self._listed if key(values) not in self._tried]
        if not left:
            return None
        chosen = int(np.random.default_rng([self._seed, self._count]).integers(len(left)))
        return self._enter(left[chosen], in_copy=None)

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
        """Takes up a trial that the journal held when it was opened."""
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
        return self._storage.get_trial_id_from_study_id_trial_number(self._study_id, number)


def was_lost(trial: FrozenTrial) -> bool:
    """Whether an accident ended the trial, so that its configuration may be tried again; one that fails by its own
    code would fail again."""
    return bool(trial.state == TrialState.FAIL and trial.user_attrs.get("reason") == "lost")


def _as_trial(record: Mapping[str, Any], sweep: Sweep) -> FrozenTrial:
    return create_trial(
        state=TrialState[record["state"]],
        value=record["value"],
        params=record["values"],
        distributions={name: distribution(sweep.open_values[name]) for name in record["values"]},
        intermediate_values={int(epoch): value for epoch, value in record["curve"].items()},
    )
