"""What the confirmation of a run found: its best configurations and the baseline, trained again from other seeds.

The journal keeps it beside the trials: which configurations and seeds were chosen, and each training that ended.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from search.run.events import Training

CHOSEN = "confirming"
"""The note that says what is confirmed."""
TRAINING = "confirm:"
"""How the names of the notes begin that hold a training each; trial and seed follow."""


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """What is trained again."""

    trials: tuple[int, ...]
    """By number, the best first, the baseline last where it is none of them."""
    seeds: tuple[int, ...]
    """Each of them trains every trial, whose data the same seed divides anew where they are ours to divide."""
    overlap: float
    """Validation images a training image where each seed divides them anew; 0 where the data set brings its parts."""


@dataclass(frozen=True, kw_only=True)
class Score:
    """What a confirmed configuration is worth."""

    by_seed: Mapping[int, float]
    lacking: int
    """Seeds at which its training came to nothing."""

    @property
    def mean(self) -> float:
        """Over the seeds; NaN over none."""
        return statistics.fmean(self.by_seed.values()) if self.by_seed else math.nan

    @property
    def sd(self) -> float:
        """Of a sample; NaN over fewer than two seeds."""
        return statistics.stdev(self.by_seed.values()) if len(self.by_seed) > 1 else math.nan


def chosen(notes: Mapping[str, Any]) -> Chosen | None:
    """What is confirmed, by the notes of a study; None before the search was over."""
    kept = notes.get(CHOSEN)
    if kept is None:
        return None
    return Chosen(trials=tuple(kept["trials"]), seeds=tuple(kept["seeds"]), overlap=float(kept["overlap"]))


def trainings(notes: Mapping[str, Any]) -> list[Training]:
    """Every training of the confirmation that ended, by trial and seed."""
    found = []
    for name, kept in notes.items():
        if name.startswith(TRAINING):
            trial, seed = map(int, name.removeprefix(TRAINING).split(":"))
            found.append(Training(trial=trial, seed=seed, **kept))
    return sorted(found, key=lambda training: (training.trial, training.seed))


def note_of(training: Training) -> tuple[str, dict[str, Any]]:
    """Name and content of the note that keeps a training."""
    kept = asdict(training)
    return f"{TRAINING}{kept.pop('trial')}:{kept.pop('seed')}", kept


def scores(notes: Mapping[str, Any]) -> dict[int, Score]:
    """The scores of every confirmed configuration, by trial number.

    Only seeds from which all of them were trained count: means over different seeds could not be compared.
    """
    picked, ended = chosen(notes), {(each.trial, each.seed): each for each in trainings(notes)}
    if picked is None:
        return {}
    counted = [seed for seed in picked.seeds if all((trial, seed) in ended for trial in picked.trials)]
    if not counted:
        return {}
    return {trial: _score(ended[trial, seed] for seed in counted) for trial in picked.trials}


def left(notes: Mapping[str, Any]) -> list[tuple[int, int]]:
    """Trial and seed of what is still to be trained: all configurations from the first seed, then from the next."""
    picked = chosen(notes)
    if picked is None:
        return []
    ended = {(each.trial, each.seed) for each in trainings(notes)}
    return [(trial, seed) for seed in picked.seeds for trial in picked.trials if (trial, seed) not in ended]


def _score(of_one: Iterable[Training]) -> Score:
    all_of_it = list(of_one)
    by_seed = {each.seed: each.score for each in all_of_it if each.score is not None}
    return Score(by_seed=by_seed, lacking=len(all_of_it) - len(by_seed))
