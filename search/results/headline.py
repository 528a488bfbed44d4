"""The winner of a run in one to three sentences: how it compares to the baseline, and how significant that is."""

from __future__ import annotations

from pathlib import Path

from optuna.trial import FrozenTrial

from search.formatting import compared_to_baseline, ending
from search.results.significance import ALPHA, MIN_SEEDS, Comparison, comparisons
from search.run.confirmation import Score, finalists
from search.run.reader import Run
from search.run.trials import (
    best_value,
    describe_missing_result,
    is_baseline,
    ranked,
    reason,
    remedy_for_missing_result,
    state,
)


def headline(run: Run, directory: Path | None = None) -> str:
    """Say who leads, by how much, and how significant that is; after a confirmation by its means alone.

    Of a run without a winner say why, and what to do; ``directory`` is the run's folder as the user types it.
    """
    order = ranked(run)
    sound = [trial for trial in order if best_value(run, trial) is not None]
    if not sound:
        return f"{describe_missing_result(run)} {remedy_for_missing_result(run, directory or shown_directory(run))}"
    best = sound[0]
    score = run.scores.get(best.number)
    if score is None or len(score.by_seed) < MIN_SEEDS:
        return _searched(run, sound)
    return " ".join([_confirmed(run, best, score), *_caveats(run, best)])


def shown_directory(run: Run) -> Path:
    """Return the folder of a run as its page and its headline show it: without the folders of this machine."""
    return Path(run.directory.parent.name, run.directory.name)


def compared_to_leader(run: Run) -> dict[int, Comparison]:
    """Compare the leading confirmed trial with every other one, by number; empty before a confirmation."""
    sound = {number: score.by_seed for number, score in run.scores.items() if len(score.by_seed) >= MIN_SEEDS}
    leader = next((trial.number for trial in ranked(run)[:1] if trial.number in sound), None)
    picked = finalists(run.notes)
    if leader is None or picked is None:
        return {}
    return comparisons(sound, leader, maximise=run.direction == "maximize", overlap=picked.overlap)


def tied(run: Run) -> frozenset[int]:
    """Return the confirmed trials that are statistically tied with the leader, without the leader."""
    return frozenset(number for number, comparison in compared_to_leader(run).items() if comparison.tied)


def with_sd(score: Score) -> str:
    """``0.9861 ± 0.0042``."""
    return f"{score.mean:.4f} ± {score.sd:.4f}"


def _searched(run: Run, sound: list[FrozenTrial]) -> str:
    """Before a confirmation: one seed each."""
    best, value = sound[0], best_value(run, sound[0])
    baseline = next((trial for trial in run.trials if is_baseline(trial)), None)
    reached = f"Trial {best.number} reaches {run.metric} {value:.4f}"
    if (word := ending(state(best), reason(best))) in ("diverged", "failed"):
        after = "diverged after that" if word == "diverged" else "failed after that"
        return f"{reached}, but {after}; no trial with a result ended otherwise."
    if baseline is None:
        return f"{reached}, the best of {len(sound)}; the sweep has no baseline to compare it with."
    if best is baseline and len(sound) == 1:
        return f"The baseline is the only trial with a result: {run.metric} {value:.4f} (one seed)."
    if best is baseline:
        return f"The baseline leads with {run.metric} {value:.4f}: no other trial beats it (one seed each)."
    base = best_value(run, baseline)
    if base is None or value is None:
        return f"{reached}; the baseline has not reported a value to compare it with."
    return (
        f"{reached}, {compared_to_baseline(value, base)} (one seed each; confirm it before you rely on the difference)."
    )


def _confirmed(run: Run, best: FrozenTrial, score: Score) -> str:
    reached = f"{run.metric} {with_sd(score)} over {len(score.by_seed)} seeds"
    compared = compared_to_leader(run)
    if is_baseline(best):
        return f"The baseline leads with {reached}: no confirmed configuration beats it, so it is the winner."
    baseline = next((trial for trial in run.trials if is_baseline(trial)), None)
    found = None if baseline is None else compared.get(baseline.number)
    if baseline is None or found is None:
        why = "the sweep has no baseline" if baseline is None else "the baseline could not be confirmed,"
        return f"Trial {best.number} leads with {reached}; {why} to compare it with."
    base = f"the baseline's {with_sd(run.scores[baseline.number])}"
    if found.tied:
        return (
            f"Trial {best.number} leads with {reached}, but is statistically tied with {base} "
            f"(p = {found.p:.2g}; a difference under {found.detectable:.4f} was not detectable)."
        )
    return (
        f"Trial {best.number} beats the baseline: {reached}, {found.difference:.4f} better than {base} "
        f"(p = {found.p:.2g}; a difference under {found.detectable:.4f} was not detectable)."
    )


def _caveats(run: Run, best: FrozenTrial) -> list[str]:
    """Which other trials are tied with the leader, and which trainings failed."""
    baselines = {trial.number for trial in run.trials if is_baseline(trial)}
    level = sorted(tied(run) - (set() if is_baseline(best) else baselines))
    sentences = []
    if level:
        names = ", ".join(map(str, level))
        others = f"trial {names}" if len(level) == 1 else f"trials {names}"
        sentences.append(f"Statistically tied with the leader at α = {ALPHA:g}: {others}.")
    failed = [f"trial {number} with {score.failed}" for number, score in run.scores.items() if score.failed]
    if failed:
        sentences.append(f"Failed confirmation trainings: {', '.join(failed)} of the seeds.")
    return sentences
