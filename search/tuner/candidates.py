"""Which trials of a search are worth being trained again before a winner is named, and what that will cost."""

from __future__ import annotations

from collections import Counter

from optuna.trial import FrozenTrial, TrialState

from search.run.confirmation import chosen, left, trainings
from search.run.reader import Run, best_value, epochs, is_baseline, reason, search_order, seconds
from search.tuner.budget import Cost
from spaces.domains.close import close_values
from spaces.domains.tree import OpenTree
from spaces.file.sweep import Confirm
from trainables.features.policy import is_approximated


def candidates(run: Run, top: int) -> list[int]:
    """The numbers of the ``top`` trials of the search that came to a result, and of the baseline."""
    ranked = sorted(filter(is_result, run.trials), key=lambda trial: search_order(run, trial))
    best = [trial.number for trial in ranked if best_value(run, trial) is not None][:top]
    return list(dict.fromkeys([*best, *(trial.number for trial in filter(is_baseline, ranked))]))


def is_result(trial: FrozenTrial) -> bool:
    """Whether a trial ended soundly, so that training it again makes sense."""
    return trial.state in (TrialState.COMPLETE, TrialState.PRUNED) and reason(trial) in ("finished", "patience", "asha")


def is_unconfirmed(run: Run, confirm: Confirm) -> bool:
    """Whether there is something to be trained again, in a run whose search is over."""
    picked = chosen(run.notes)
    if picked is None or len(picked.seeds) < confirm.seeds:
        return bool(candidates(run, confirm.top))
    return bool(left(run.notes)) or not set(candidates(run, confirm.top)) <= set(picked.trials)


def expected_cost(run: Run, confirm: Confirm, space: OpenTree) -> Cost:
    """What the confirmation of the candidates as they stand would take; nothing while there are none.

    A trial that was stopped early would, trained again, go on for as long as those that were not. ``space`` is the
    section `trial` of the sweep, its open values parsed.
    """
    full = [epochs(trial) for trial in run.trials if trial.state == TrialState.COMPLETE]
    length = sum(full) / len(full) if full else float(run.sweep["trial"]["training"]["epochs"])
    numbers = candidates(run, confirm.top)
    trials = [trial for trial in run.trials if trial.number in numbers and epochs(trial) and is_result(trial)]
    ended = Counter(each.trial for each in trainings(run.notes))
    cost = Cost()
    for trial in trials:
        to_go = confirm.seeds - ended[trial.number]
        trained = epochs(trial) if trial.state == TrialState.COMPLETE else length
        hours = trained * _epoch_s(run, trial, space) / 3600
        cost = Cost(epochs=cost.epochs + to_go * trained, slot_hours=cost.slot_hours + to_go * hours)
    return cost


def _epoch_s(run: Run, trial: FrozenTrial, space: OpenTree) -> float:
    """What an epoch of a trial is going to take in the confirmation.

    As in the search; but where that trains on stored views of augmented images the confirmation augments anew, and
    until one such training has ended an epoch is taken to be as slow as the slowest one: one that stored a view.
    """
    if not is_approximated(close_values(space, trial.params)):
        return seconds(trial) / epochs(trial)
    again = [each for each in trainings(run.notes) if each.epochs]
    if again:
        return sum(each.seconds for each in again) / sum(each.epochs for each in again)
    return max(float(each.user_attrs.get("slowest_s", 0.0)) for each in run.trials)
