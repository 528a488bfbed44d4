"""What the confirmation of a run found: its best configurations and the baseline, trained again from other seeds.

The journal keeps it in notes: which trials and seeds were selected, and the result of each training.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from search.run.events import ConfirmationTraining
from spaces.problem import InputError, Problem

FINALISTS = "confirming"
"""Name of the note that holds the finalists."""
TRAINING = "confirm:"
"""Prefix of the notes that hold one training each; trial and seed follow."""


@dataclass(frozen=True, kw_only=True)
class Finalists:
    """The trials that are trained again, and the seeds."""

    trials: tuple[int, ...]
    """By number, the best first; the baseline last, unless it is one of them."""
    seeds: tuple[int, ...]
    """Every trial is trained from each of them, on a train/validation split by the same seed unless the data fix it."""
    overlap: float
    """Validation images per training image if each seed makes its own split; 0 if the data set brings its parts."""


@dataclass(frozen=True, kw_only=True)
class Score:
    """The scores of a confirmed configuration."""

    by_seed: Mapping[int, float]
    failed: int
    """Number of seeds from which it could not be trained."""

    @property
    def mean(self) -> float:
        """Mean over the seeds; NaN over none."""
        return statistics.fmean(self.by_seed.values()) if self.by_seed else math.nan

    @property
    def sd(self) -> float:
        """Standard deviation of the sample; NaN over fewer than two seeds."""
        return statistics.stdev(self.by_seed.values()) if len(self.by_seed) > 1 else math.nan


def finalists(notes: Mapping[str, Any]) -> Finalists | None:
    """Return what a run confirms, from its notes; None before its search is over."""
    kept = notes.get(FINALISTS)
    if kept is None:
        return None
    return Finalists(trials=tuple(kept["trials"]), seeds=tuple(kept["seeds"]), overlap=float(kept["overlap"]))


def check_finalists(notes: Mapping[str, Any], trials: int, *, source: str) -> None:
    """Check that a run confirms trials that it has. Raises: InputError."""
    picked = finalists(notes)
    unknown = [number for number in (*(picked.trials if picked else ()), *_trained(notes)) if number >= trials]
    if unknown:
        rule, remedy = f"a run of {trials} trials confirms some of these", "restore a copy of the file"
        given = f"trial {unknown[0]}"
        raise InputError([Problem(path=(FINALISTS,), rule=rule, given=given, remedy=remedy)], source)


def _trained(notes: Mapping[str, Any]) -> list[int]:
    return [int(name.split(":")[1]) for name in notes if name.startswith(TRAINING)]


def trainings(notes: Mapping[str, Any]) -> list[ConfirmationTraining]:
    """Return every finished training of the confirmation, by trial and seed."""
    found = []
    for name, kept in notes.items():
        if name.startswith(TRAINING):
            trial, seed = map(int, name.removeprefix(TRAINING).split(":"))
            fields = dict(kept)
            message = fields.pop("told", "")
            found.append(ConfirmationTraining(trial=trial, seed=seed, message=message, **fields))
    return sorted(found, key=lambda training: (training.trial, training.seed))


def note_of(training: ConfirmationTraining) -> tuple[str, dict[str, Any]]:
    """Return the name and the content of the note that holds a training."""
    kept = asdict(training)
    kept["told"] = kept.pop("message")  # as every version calls it
    return f"{TRAINING}{kept.pop('trial')}:{kept.pop('seed')}", kept


def scores(notes: Mapping[str, Any]) -> dict[int, Score]:
    """Return the scores of every confirmed configuration, by trial number.

    Only seeds from which all of them were trained count: means over different seeds cannot be compared.
    """
    picked, ended = finalists(notes), {(each.trial, each.seed): each for each in trainings(notes)}
    if picked is None:
        return {}
    counted = [seed for seed in picked.seeds if all((trial, seed) in ended for trial in picked.trials)]
    if not counted:
        return {}
    return {trial: _score(ended[trial, seed] for seed in counted) for trial in picked.trials}


def remaining(notes: Mapping[str, Any]) -> list[tuple[int, int]]:
    """Return trial and seed of what is still to be trained: all trials from the first seed, then from the next."""
    picked = finalists(notes)
    if picked is None:
        return []
    ended = {(each.trial, each.seed) for each in trainings(notes)}
    return [(trial, seed) for seed in picked.seeds for trial in picked.trials if (trial, seed) not in ended]


def _score(trainings: Iterable[ConfirmationTraining]) -> Score:
    of_one = list(trainings)
    by_seed = {each.seed: each.score for each in of_one if each.score is not None}
    return Score(by_seed=by_seed, failed=len(of_one) - len(by_seed))
