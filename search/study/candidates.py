"""Which trials of a search are worth confirming, and what that is expected to cost."""

from __future__ import annotations

from collections import Counter

from optuna.trial import FrozenTrial, TrialState

from search.run.confirmation import finalists, remaining, trainings
from search.run.reader import Run
from search.run.trials import best_value, epochs, is_baseline, reason, search_order, seconds
from search.study.budget import Spending
from spaces.domains.close import close_values
from spaces.domains.tree import OpenTree
from spaces.file.sweep import Confirm
from trainables.features.policy import is_approximated


def candidates(run: Run, top: int) -> list[int]:
    """Return the numbers of the best ``top`` trials of the search that have a result, and of the baseline."""
    ranked = sorted(filter(is_result, run.trials), key=lambda trial: search_order(run, trial))
    best = [trial.number for trial in ranked if best_value(run, trial) is not None][:top]
    return list(dict.fromkeys([*best, *(trial.number for trial in filter(is_baseline, ranked))]))


def is_result(trial: FrozenTrial) -> bool:
    """Return whether a trial ended with a result, so that it makes sense to train it again."""
    return trial.state in (TrialState.COMPLETE, TrialState.PRUNED) and reason(trial) in ("finished", "patience", "asha")


def is_unconfirmed(run: Run, confirm: Confirm) -> bool:
    """Return whether a run whose search is over has something left to confirm."""
    picked = finalists(run.notes)
    if picked is None or len(picked.seeds) < confirm.seeds:
        return bool(candidates(run, confirm.top))
    return bool(remaining(run.notes)) or not set(candidates(run, confirm.top)) <= set(picked.trials)


def expected_cost(run: Run, confirm: Confirm, space: OpenTree) -> Spending:
    """Estimate the cost of confirming the present candidates; zero if there are none.

    A trial that was stopped early is expected to train for as long as those that were not. ``space`` is the section
    `trial` of the sweep, its open values parsed.
    """
    full = [epochs(trial) for trial in run.trials if trial.state == TrialState.COMPLETE]
    length = sum(full) / len(full) if full else float(run.sweep["trial"]["training"]["epochs"])
    numbers = candidates(run, confirm.top)
    trials = [trial for trial in run.trials if trial.number in numbers and epochs(trial) and is_result(trial)]
    ended = Counter(each.trial for each in trainings(run.notes))
    cost = Spending()
    for trial in trials:
        to_go = confirm.seeds - ended[trial.number]
        trained = epochs(trial) if trial.state == TrialState.COMPLETE else length
        hours = trained * _epoch_s(run, trial, space) / 3600
        cost = Spending(epochs=cost.epochs + to_go * trained, slot_hours=cost.slot_hours + to_go * hours)
    return cost


def _epoch_s(run: Run, trial: FrozenTrial, space: OpenTree) -> float:
    """Estimate the seconds per epoch of a trial in the confirmation.

    As in the search; but if that trains on stored views of augmented images, the confirmation augments afresh. Until
    one such training has ended, an epoch is assumed to take as long as the slowest one, which stored a view.
    """
    if not is_approximated(close_values(space, trial.params)):
        return seconds(trial) / epochs(trial)
    confirmed = [each for each in trainings(run.notes) if each.epochs]
    if confirmed:
        return sum(each.seconds for each in confirmed) / sum(each.epochs for each in confirmed)
    return max(float(each.user_attrs.get("slowest_s", 0.0)) for each in run.trials)
