"""What must be true of a run, whatever was done to it."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from search.halving.rungs import Rungs
from search.results.leaderboard import leaderboard
from search.run.confirmation import TRAINING, remaining, trainings
from search.run.events import EpochReported
from search.run.history import read_history
from search.run.journal import JOURNAL, events
from search.run.reader import Run, open_run
from search.run.trials import is_baseline, reason
from search.tuner.scheduler import Asha
from spaces.file.load import load_sweep

ENDS = {"config.yaml", "history.csv", "error.txt", "confirm"}
"""What is remaining of a trial that has ended."""


def ended_trials(run: Path) -> dict[int, str]:
    """What the journal knows of each trial that has ended, by number; nothing where there is no study yet."""
    if not records_of(run):
        return {}
    trials = open_run(run).trials
    return {
        trial.number: repr((trial.state, trial.params, trial.values, trial.user_attrs, trial.intermediate_values))
        for trial in trials
        if trial.state.is_finished()
    }


def records_of(run: Path) -> list[dict[str, object]]:
    """The journal's whole lines."""
    file = run / JOURNAL
    lines = file.read_bytes().split(b"\n")[:-1] if file.exists() else []
    return [json.loads(line) for line in lines]


def assert_sound(run: Path, *, trials: int) -> None:
    """A finished run lacks nothing and has nothing twice, and its files agree with each other."""
    opened = open_run(run)
    assert [trial.number for trial in opened.trials] == list(range(trials))
    assert all(trial.state.is_finished() for trial in opened.trials)
    assert_no_configuration_twice(opened)
    assert_no_epoch_twice(run)
    assert_histories_agree(opened)
    assert_leaderboard_agrees(opened)
    assert_rungs_are_the_journals(run)
    assert leftovers(run) == []


def confirmed(run: Path) -> dict[str, object]:
    """What the journal knows of each training of the confirmation, by the name of its note; every one is there once."""
    found: dict[str, object] = {}
    for record in records_of(run):
        for name, kept in dict(record.get("user_attr", {})).items():
            if name.startswith(TRAINING):
                assert name not in found, f"{name} twice"
                found[name] = kept
    return found


def assert_confirmed(run: Path, *, trials: int) -> None:
    """A finished run with a confirmation: sound, and every training has its epochs once, as the journal has them."""
    assert_sound(run, trials=trials)
    opened = open_run(run)
    assert remaining(opened.notes) == []
    for training in trainings(opened.notes):
        folder = run / "trials" / str(training.trial) / "confirm" / str(training.seed)
        rows = read_history(folder / "history.csv")
        assert [int(row["epoch"]) for row in rows] == list(range(1, training.epochs + 1))
        assert max(row[opened.metric] for row in rows) == training.value
        assert {path.name for path in folder.iterdir()} <= ENDS


def assert_no_configuration_twice(run: Run) -> None:
    """The sampler never proposed again what it had proposed before."""
    tried = Counter(repr(sorted(trial.params.items())) for trial in run.trials)
    assert max(tried.values()) == 1, tried


def assert_no_epoch_twice(directory: Path) -> None:
    """In the journal the first report of an epoch stands; it has no other."""
    reported = Counter((event.number, event.epoch) for event in events(directory / JOURNAL) if reports(event))
    assert set(reported.values()) <= {1}, reported


def assert_histories_agree(run: Run) -> None:
    """Every history has the epochs from 1 on, each once, with the values that the journal has."""
    for trial in run.trials:
        rows = read_history(run.directory / "trials" / str(trial.number) / "history.csv")
        assert [int(row["epoch"]) for row in rows] == list(range(1, len(rows) + 1))
        assert repr([row[run.metric] for row in rows]) == repr(list(trial.intermediate_values.values()))


def assert_leaderboard_agrees(run: Run) -> None:
    """leaderboard.csv tells every trial once, as the journal has it."""
    frame = leaderboard(run.directory)
    assert sorted(frame["trial"]) == [trial.number for trial in run.trials]
    assert (run.directory / "leaderboard.csv").read_text() == frame.to_csv(index=False)


def assert_rungs_are_the_journals(directory: Path) -> None:
    """Replayed, the journal stops the trials that were stopped, and none of them trained on after that."""
    sweep = load_sweep(directory / "sweep.yaml", check_files=False)
    if sweep.search.scheduler == "none":
        return
    grace, factor = sweep.search.grace_epochs, sweep.search.reduction_factor
    rungs = Rungs(grace_epochs=grace, reduction_factor=factor, epochs=sweep.epochs)
    asha = Asha(rungs, metric=sweep.search.metric)
    for event in events(directory / JOURNAL):
        assert not (reports(event) and event.number in asha.stopped), f"{event} comes after a stop"
        asha.replay([event])
    trials = open_run(directory).trials
    assert asha.stopped == {trial.number for trial in trials if reason(trial) == "asha"}
    assert not any(is_baseline(trial) for trial in trials if trial.number in asha.stopped)


def leftovers(directory: Path) -> list[str]:
    """Temporary files in a run, and what is remaining in the folders of trials that have ended."""
    ended = ended_trials(directory)
    hidden = [path for path in directory.rglob(".*") if path != directory / ".lock" and "wandb" not in path.parts]
    stray = [path for number in ended for path in (directory / "trials" / str(number)).glob("*")]
    return sorted(str(path) for path in {*hidden, *(path for path in stray if path.name not in ENDS)})


def reports(event: object) -> bool:
    """Whether a record of the journal is that of an epoch."""
    return isinstance(event, EpochReported)
