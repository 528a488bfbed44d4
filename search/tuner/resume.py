"""Takes up a run where it was left: its study opened, its files whole, its decisions those that its journal implies."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from search.formatting import counted
from search.run.compatibility import LASTING, lasting
from search.run.events import RunInfo
from search.run.journal import JOURNAL, events
from search.run.reader import open_begun
from search.study.recorder import Recorder
from search.study.repair import mend_journal, mend_trials
from search.study.space import key, untried
from search.study.study import EARLIER, Study, was_lost
from search.study.warm_start import earlier_trials
from search.tuner.candidates import is_unconfirmed
from spaces.file.load import load_sweep
from spaces.file.sweep import Sweep
from trainables.trial.task import Outcome

if TYPE_CHECKING:
    from search.tuner.scheduler import FairAsha  # wakes Ray


def unfinished(directory: Path) -> bool:
    """Whether a run has trials to continue, something left to try, or to confirm.

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


def open_study(run: RunInfo, sweep: Sweep, tell: Callable[[str], None]) -> Study:
    """The run's study. ``tell`` hears of what was damaged, and of earlier runs that a new study learns from.

    Raises:
        InputError: the journal is damaged in its middle.
    """
    said = mend_journal(run.directory / JOURNAL)
    study = Study(run.directory / JOURNAL, sweep)
    said += mend_trials(run.directory, study, metric=run.metric)
    for sentence in said:
        tell(f"Repaired {sentence}.")
    if study.note(EARLIER) is None:
        earlier = earlier_trials(sweep)
        study.learn(earlier)
        if earlier:
            tell(f"Warm start: the sampler knows {counted(len(earlier), 'earlier trial')}.")
    if study.note(LASTING) is None:
        study.keep_note(LASTING, lasting(sweep))
    return study


def decide_again(run: RunInfo, study: Study, *, scheduler: FairAsha, recorder: Recorder) -> None:
    """Judges every epoch of the journal as it was judged, and ends the trials that a dead driver was about to stop."""
    scheduler.replay(events(run.directory / JOURNAL))
    for proposal in [proposal for proposal in study.unfinished if proposal.number in scheduler.stopped]:
        study.unfinished.remove(proposal)
        recorder.start(proposal)
        recorder.end(Outcome(number=proposal.number), reason="asha")
