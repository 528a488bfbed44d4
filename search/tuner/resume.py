"""Resume a run where it stopped: repair its files, open its study, replay the decisions that its journal implies."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from optuna.distributions import check_distribution_compatibility
from optuna.trial import FrozenTrial, TrialState

from search.formatting import format_count
from search.run.compatibility import LASTING, fixed_settings
from search.run.journal import JOURNAL, events
from search.run.reader import Run, open_begun
from search.study.candidates import is_unconfirmed
from search.study.distribution import distribution
from search.study.recorder import Recorder
from search.study.repair import repair_journal, repair_trials
from search.study.space import key, untried
from search.study.study import EARLIER, Study, was_lost
from search.study.warm_start import earlier_trials
from spaces.file.load import load_sweep
from spaces.file.sweep import Sweep
from spaces.problem import InputError, Problem, shown
from trainables.trial.task import Outcome

if TYPE_CHECKING:
    from search.tuner.scheduler import Asha  # imports Ray


def unfinished(directory: Path) -> bool:
    """Return whether a run has trials to continue, configurations to try, or something to confirm.

    Raises:
        InputError: the run cannot be read.
    """
    run = open_begun(directory)
    if run is None:
        return True
    if any(not trial.state.is_finished() for trial in run.trials):
        return True
    sweep = load_sweep(directory / "sweep.yaml", check_files=False)
    if sweep.confirm and is_unconfirmed(run, sweep.confirm):
        return True
    if len(run.trials) >= sweep.search.trials:
        return False
    tried = {key(trial.params) for trial in run.trials if not was_lost(trial)}
    return untried(sweep, tried) != []


def open_study(run: Run, sweep: Sweep, message: Callable[[str], None]) -> Study:
    """Open the study of a run and repair its files.

    ``message`` shows what was damaged, and how many trials of earlier runs a new study learns from.

    Raises:
        InputError: the journal is damaged in its middle, or its trials are not of this sweep.
    """
    check_trials(run, sweep)
    repairs = repair_journal(run.directory / JOURNAL)
    study = Study(run.directory / JOURNAL, sweep)
    repairs += repair_trials(run.directory, study, metric=run.metric)
    for sentence in repairs:
        message(f"Repaired {sentence}.")
    if study.note(EARLIER) is None:
        earlier = earlier_trials(sweep)
        study.learn(earlier)
        if earlier:
            message(f"Warm start: the sampler knows {format_count(len(earlier), 'earlier trial')}.")
    if study.note(LASTING) is None:
        study.keep_note(LASTING, fixed_settings(sweep))
    return study


def check_trials(run: Run, sweep: Sweep) -> None:
    """Check that the trials of a run can be continued, and learned from, as trials of this sweep.

    Raises:
        InputError: a trial waits, which ours never do, or has a value from another space.
    """
    remedy = "restore a copy of the file, or start a new run that learns from this one: search.warm_start: [RUN]"
    for trial in run.trials:
        if given := _misfit(trial, sweep):
            rule = "a run is resumed if its trials are those of its sweep"
            problem = Problem(rule=rule, given=f"trial {trial.number} {given}", remedy=remedy)
            raise InputError([problem], str(run.directory / JOURNAL))


def _misfit(trial: FrozenTrial, sweep: Sweep) -> str | None:
    if trial.state == TrialState.WAITING:
        return "that waits, as another program enters them"
    for name, drawn_from in trial.distributions.items():
        domain = sweep.open_values.get(name)
        if domain is None and not trial.state.is_finished():
            return f"with a value for {shown(name)}, which is not open"
        try:
            if domain is not None:
                check_distribution_compatibility(drawn_from, distribution(domain))
        except ValueError:
            return f"with {shown(name)} from another domain: {drawn_from!r:.100}"
    return None


def replay_decisions(run: Run, study: Study, *, scheduler: Asha, recorder: Recorder) -> None:
    """Judge every epoch of the journal again, and end the trials that a dead driver was about to stop."""
    scheduler.replay(events(run.directory / JOURNAL))
    for proposal in [proposal for proposal in study.unfinished if proposal.number in scheduler.stopped]:
        study.unfinished.remove(proposal)
        recorder.start(proposal)
        recorder.end(Outcome(number=proposal.number), reason="asha")
