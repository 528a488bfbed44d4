"""The winner of a run in a sentence or three: against the baseline, and how sure that is."""

from __future__ import annotations

from optuna.trial import FrozenTrial

from search.formatting import against
from search.results.significance import ALPHA, MIN_SEEDS, Comparison, comparisons
from search.run.confirmation import Score, chosen
from search.run.reader import Run, best_value, is_baseline, ranked


def headline(run: Run) -> str:
    """Who leads, by how much, and with what certainty; after a confirmation by its means alone."""
    order = ranked(run)
    sound = [trial for trial in order if best_value(run, trial) is not None]
    if not sound:
        return f"No trial has reported a finite {run.metric} yet."
    best = sound[0]
    score = run.scores.get(best.number)
    if score is None or len(score.by_seed) < MIN_SEEDS:
        return _searched(run, sound)
    return " ".join([_confirmed(run, best, score), *_doubts(run, best)])


def certainty(run: Run) -> dict[int, Comparison]:
    """The leading confirmed trial against every other one, by number; empty before a confirmation."""
    sound = {number: score.by_seed for number, score in run.scores.items() if len(score.by_seed) >= MIN_SEEDS}
    leader = next((trial.number for trial in ranked(run)[:1] if trial.number in sound), None)
    picked = chosen(run.notes)
    if leader is None or picked is None:
        return {}
    return comparisons(sound, leader, maximise=run.direction == "maximize", overlap=picked.overlap)


def tied(run: Run) -> frozenset[int]:
    """The confirmed trials that cannot be told apart from the leading one, which is not among them."""
    return frozenset(number for number, comparison in certainty(run).items() if comparison.tied)


def with_sd(score: Score) -> str:
    """``0.9861 ± 0.0042``."""
    return f"{score.mean:.4f} ± {score.sd:.4f}"


def _searched(run: Run, sound: list[FrozenTrial]) -> str:
    """Before a confirmation, with no more certainty than one seed gives."""
    best, value = sound[0], best_value(run, sound[0])
    baseline = next((trial for trial in run.trials if is_baseline(trial)), None)
    reached = f"Trial {best.number} reaches {run.metric} {value:.4f}"
    if baseline is None:
        return f"{reached}, the best of {len(sound)}; the sweep names no baseline to compare with."
    if best is baseline:
        return f"The baseline leads with {run.metric} {value:.4f}: none of the other trials beats it (one seed each)."
    base = best_value(run, baseline)
    if base is None or value is None:
        return f"{reached}; the baseline has reported none to compare with."
    return f"{reached}, {against(value, base)} (one seed each: confirm before you trust the difference)."


def _confirmed(run: Run, best: FrozenTrial, score: Score) -> str:
    reached = f"{run.metric} {with_sd(score)} over {len(score.by_seed)} seeds"
    compared = certainty(run)
    if is_baseline(best):
        return f"The baseline leads with {reached}: no configuration that was confirmed beats it, so best.yaml is it."
    baseline = next((trial for trial in run.trials if is_baseline(trial)), None)
    found = None if baseline is None else compared.get(baseline.number)
    if baseline is None or found is None:
        lacking = "the sweep names no baseline" if baseline is None else "the baseline could not be confirmed"
        return f"Trial {best.number} leads with {reached}; {lacking} to compare with."
    base = f"the baseline's {with_sd(run.scores[baseline.number])}"
    if found.tied:
        return (
            f"Trial {best.number} leads with {reached}, but cannot be told apart from {base} "
            f"(p = {found.p:.2g}; a difference under {found.visible:.4f} could not have been seen)."
        )
    return (
        f"Trial {best.number} beats the baseline: {reached}, {found.difference:.4f} better than {base} "
        f"(p = {found.p:.2g}; a difference under {found.visible:.4f} could not have been seen)."
    )


def _doubts(run: Run, best: FrozenTrial) -> list[str]:
    """Who else might be as good, and whose trainings failed."""
    baselines = {trial.number for trial in run.trials if is_baseline(trial)}
    level = sorted(tied(run) - (set() if is_baseline(best) else baselines))
    said = []
    if level:
        names = ", ".join(map(str, level))
        whom = f"trial {names}" if len(level) == 1 else f"trials {names}"
        said.append(f"Tied with it at α = {ALPHA:g}: {whom}.")
    lacking = [f"trial {number} from {score.lacking}" for number, score in run.scores.items() if score.lacking]
    if lacking:
        said.append(f"Trainings came to nothing: {', '.join(lacking)} of the seeds.")
    return said
