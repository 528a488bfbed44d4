"""The live view: what a terminal shows, what a log file gets."""

from __future__ import annotations

import io
import math
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from search.console.startup import StartSteps
from search.live.progress import Progress
from search.run.confirmation import FINALISTS
from search.run.events import ConfirmationTraining, Reason, State, TrainingProgress, TrialFinished, TrialInfo
from search.run.reader import open_run
from search.study.study import Study
from search.tuner.confirmation import ConfirmationQueue, ConfirmationRecorder
from search.tuner.scheduler import Asha
from search.tuner.searcher import RecordResults
from search.tuner.stopping import Stopping
from spaces.domains.domain import Scalar
from spaces.file.load import load_sweep
from tests.search.runs import SMALL, begun, config, confirm, make_run, row


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def console(*, terminal: bool, width: int = 80) -> Console:
    return Console(file=io.StringIO(), force_terminal=terminal, width=width, color_system=None)


def text(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def view(progress: Progress, *, width: int = 80) -> list[str]:
    screen = console(terminal=False, width=width)
    screen.print(progress.view())
    return text(screen).splitlines()


def info(number: int, *, baseline: bool = False, values: dict[str, Scalar] | None = None) -> TrialInfo:
    return TrialInfo(number=number, values=values or {"dropout": 0.3}, config=config(), baseline=baseline)


def end(number: int, value: float | None, state: State = "complete", reason: Reason = "finished") -> TrialFinished:
    return TrialFinished(number=number, state=state, reason=reason, best_epoch=1, value=value, epochs=3, seconds=10.0)


def four_trials(progress: Progress) -> None:
    for number, value in enumerate((0.5, 0.9, 0.6, 0.95)):
        progress.started(info(number, baseline=number == 0))
        progress.epoch(number, row(1, value))
    progress.ended(end(0, 0.5))
    progress.ended(end(1, 0.9, "complete", "patience"))
    progress.ended(end(2, 0.6, "pruned", "asha"))
    progress.ended(end(3, 0.95, "pruned", "diverged"))


def test_away_from_a_terminal_every_ended_trial_is_one_line_and_nothing_else(tmp_path: Path) -> None:
    screen = console(terminal=False)
    progress = Progress(begun(tmp_path), screen)
    four_trials(progress)
    progress.close(best=1)
    assert text(screen).splitlines() == [
        "trial   0  complete              3 epochs  val_accuracy 0.5000",
        "trial   1  complete (patience)   3 epochs  val_accuracy 0.9000",
        "trial   2  stopped-early         3 epochs  val_accuracy 0.6000",
        "trial   3  diverged              3 epochs  val_accuracy 0.9500",
    ]


def test_the_line_of_a_new_leader_says_so(tmp_path: Path) -> None:
    screen = console(terminal=False)
    progress = Progress(begun(tmp_path), screen)
    progress.started(info(0))
    progress.ended(end(0, 0.5))
    progress.started(info(1))
    progress.ended(end(1, None, "fail", "error"))
    assert [line.endswith("best so far") for line in text(screen).splitlines()] == [True, False]


def test_the_view_tells_counts_the_best_against_the_baseline_and_the_epochs(tmp_path: Path) -> None:
    progress = Progress(begun(tmp_path, trials=24), console(terminal=True))
    four_trials(progress)
    progress.close(best=1)
    told = "\n".join(view(progress))
    assert "4/24 trials" in told
    assert "2 complete · 1 stopped-early · 1 diverged" in told
    assert "best val_accuracy 0.9000 (trial 1), 0.4000 above the baseline's 0.5000" in told
    assert "4 epochs" in told


def test_a_diverged_trial_leads_only_until_it_diverges(tmp_path: Path) -> None:
    progress = Progress(begun(tmp_path), console(terminal=True))
    progress.started(info(0))
    progress.epoch(0, row(1, 0.9))
    assert progress.best() == 0
    progress.epoch(0, row(2, math.nan))
    progress.ended(end(0, 0.9, "pruned", "diverged"))
    progress.close(best=None)
    assert progress.best() is None


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 9), st.sampled_from(["epoch", "asha", "diverged"]))))
def test_the_leader_is_the_best_of_all_whatever_happened_before(told: list[tuple[int, int, Reason]]) -> None:
    progress, values = Progress(begun(Path("nowhere")), console(terminal=True)), dict[int, int]()
    for number, value, what in told:
        if what == "epoch":
            progress.epoch(number, row(1, value))
            values[number] = max(value, values.get(number, value))
        else:
            progress.ended(end(number, value, "pruned", what))
            values[number] = value
        if what == "diverged":
            values.pop(number)
        assert progress.best() == min(values, key=lambda number: (-values[number], number), default=None)


def test_the_view_is_drawn_while_trials_come_and_go(tmp_path: Path) -> None:
    progress, failed, over = Progress(begun(tmp_path), console(terminal=False)), list[Exception](), threading.Event()

    def draw() -> None:
        try:
            while not over.is_set():
                progress.view()
        except Exception as error:
            failed.append(error)

    thread, interval = threading.Thread(target=draw), sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        thread.start()
        for number in range(2000):
            progress.started(info(number))
            progress.epoch(number, row(1, number))
            if number >= 100:
                progress._running.pop((number - 100,))
                progress._count(end(number - 100, number, "pruned", "diverged" if number % 3 else "asha"))
    finally:
        over.set()
        thread.join()
        sys.setswitchinterval(interval)
    assert not failed


def test_running_trials_have_a_line_each_with_epoch_best_time_and_open_values(tmp_path: Path) -> None:
    clock = Clock()
    progress = Progress(begun(tmp_path), console(terminal=True), clock=clock)
    progress.started(info(0, baseline=True, values={"filters": 16, "learning_rate": 0.00123456, "kind": "small"}))
    progress.epoch(0, row(1, 0.7))
    progress.epoch(0, row(2, 0.6))
    clock.now = 75.0
    told = view(progress)
    progress.close(best=0)
    [line] = [line for line in told if line.startswith("0 baseline")]
    assert line.split() == ["0", "baseline", "2/3", "0.7000", "1", "min", "15", "s", "16", "0.00123", "small"]
    assert told[-2].split() == ["trial", "epoch", "best", "time", "filters", "rate", "kind"]


@pytest.mark.parametrize("width", [80, 60, 30])
@pytest.mark.parametrize("values", [1, 30])
def test_a_thousand_running_trials_fit_the_screen_the_latest_ones_with_the_first_values(
    tmp_path: Path, width: int, values: int
) -> None:
    progress = Progress(begun(tmp_path, trials=5000), console(terminal=True))
    named: dict[str, Scalar] = {f"layer_{place}.dropout": 0.25 for place in range(values)}
    for number in range(1000):
        progress.started(info(number, baseline=number == 0, values=named))
        progress.epoch(number, row(1, 0.123456789))
    told = view(progress, width=width)
    progress.close(best=0)
    assert len(told) <= 25, "as high as the screen"
    assert max(map(len, told)) <= width
    numbers = [int(line.split()[0]) for line in told if "1/3" in line]
    assert numbers == list(range(1000 - len(numbers), 1000))
    assert f"  and {1000 - len(numbers)} more" in told
    assert any(line.startswith("  not shown: ") for line in told) == (values == 30 or width == 30)


def test_a_value_named_like_another_column_has_its_own(tmp_path: Path) -> None:
    progress = Progress(begun(tmp_path), console(terminal=True))
    progress.started(info(4, values={"seed": 7, "time": 0.5}))
    told = view(progress)
    assert told[-2].split() == ["trial", "epoch", "best", "time", "seed", "time"]
    assert told[-1].split() == ["4", "0/3", "0", "s", "7", "0.5"]


def test_the_confirmation_shows_which_configuration_trains_from_which_seed_how_far_and_for_how_long(
    tmp_path: Path,
) -> None:
    clock = Clock()
    progress = Progress(open_run(make_run(tmp_path / "run")), console(terminal=True), clock=clock)
    progress.confirmed(None, done=0, total=6)
    for trial in (1, 0):
        progress.confirming(TrainingProgress(trial=trial, seed=2, epoch=0, value=math.nan))
    progress.confirming(TrainingProgress(trial=1, seed=2, epoch=1, value=0.91))
    clock.now = 9.0
    told = view(progress)
    assert any("0/6 trainings  confirming the winner · 2 running" in line for line in told)
    assert [line.split()[:6] for line in told[-2:]] == [
        ["0", "baseline", "2", "0/3", "9", "s"],
        ["1", "2", "1/3", "0.9100", "9", "s"],
    ]
    assert told[-1].split()[6] == "32", "the filters of trial 1, which an earlier session tried"
    progress.confirmed(trained(1, 2), done=1, total=6)
    assert [line.split()[0] for line in view(progress)][-1] == "0"


def trained(trial: int, seed: int) -> ConfirmationTraining:
    return ConfirmationTraining(
        trial=trial, seed=seed, value=0.9, best_epoch=1, epochs=3, seconds=12.0, reason="finished"
    )


def test_the_time_left_in_the_confirmation_is_that_of_its_trainings(tmp_path: Path) -> None:
    directory = confirm(make_run(tmp_path / "run"), {1: [0.9, 0.9], 0: [0.8, 0.8]})
    progress = Progress(open_run(directory), console(terminal=True))
    progress.confirmed(None, done=4, total=10)
    progress.confirming(TrainingProgress(trial=1, seed=3, epoch=0, value=math.nan))
    assert progress.seconds_left() == pytest.approx(9.5 * 6)
    assert any("about 57 s left" in line for line in view(progress))


def test_away_from_a_terminal_a_training_is_a_line_with_its_time_and_place(tmp_path: Path) -> None:
    screen = console(terminal=False)
    progress = Progress(begun(tmp_path), screen)
    progress.confirmed(None, done=2, total=6)
    progress.confirmed(trained(17, 2), done=3, total=6)
    assert text(screen).splitlines() == [
        "Confirming the winner: 4 trainings to run.",
        "trial  17  seed 2   complete              3 epochs   12 s  val_accuracy 0.9000  3 of 6",
    ]


def test_the_view_opens_once_a_process_trains_and_the_steps_before_are_over(tmp_path: Path) -> None:
    screen = console(terminal=False)
    progress = Progress(begun(tmp_path), screen, steps=StartSteps(screen))
    for number in (0, 1):
        progress.started(info(number))
    progress.ready()
    progress.ready()
    assert text(screen).splitlines() == [
        "   0 s  Starting the processes of the trials, each of which imports TensorFlow",
        "   0 s  Training: the first epoch includes reading the data and compiling the network",
    ]
    screen = console(terminal=True)
    progress = Progress(begun(tmp_path), screen, steps=StartSteps(screen))
    progress.started(info(0))
    assert "trials" not in text(screen).replace("of the trials", "")
    progress.ready()
    progress.close(best=None)
    assert text(screen).index("imports TensorFlow\n") < text(screen).index("0/6 trials")


def test_the_time_left_is_told_once_three_trials_have_finished(tmp_path: Path) -> None:
    progress = Progress(begun(tmp_path, trials=13), console(terminal=True))
    for number in (0, 1, 2, 3, 4):
        progress.started(info(number))
    progress.ended(end(0, 0.5))
    progress.ended(end(1, 0.5))
    assert progress.seconds_left() is None
    progress.ended(end(2, 0.5))
    assert progress.seconds_left() == pytest.approx(10.0 * 10 / 2)  # mean seconds × to go ÷ at once
    progress.close(best=0)


def test_elapsed_time_follows_the_clock(tmp_path: Path) -> None:
    clock = Clock()
    progress = Progress(begun(tmp_path), console(terminal=True), clock=clock)
    clock.now = 3725.0
    assert any("1 h 02 min elapsed" in line for line in view(progress))


def test_a_resumed_run_begins_with_what_was_done_before(tmp_path: Path) -> None:
    directory = make_run(tmp_path / "digits-1")
    told = "\n".join(view(Progress(open_run(directory), console(terminal=True))))
    assert "5/6 trials" in told
    assert "best val_accuracy 0.9500 (trial 1), 0.0500 above the baseline's 0.9000" in told


def test_a_terminal_is_left_with_a_visible_cursor(tmp_path: Path) -> None:
    screen = console(terminal=True)
    progress = Progress(begun(tmp_path), screen)
    progress.started(info(0))
    progress.ready()
    progress.close(best=None)
    progress.close(best=None)
    assert text(screen).rindex("\x1b[?25h") > text(screen).rindex("\x1b[?25l")


def test_the_recorder_of_the_confirmation_tells_what_trains_and_how_far(tmp_path: Path) -> None:
    directory = make_run(tmp_path / "run", SMALL[:2])
    run, sweep = open_run(directory), load_sweep(directory / "sweep.yaml", check_files=False)
    study = Study(directory / "study.journal", sweep)
    study.keep_note(FINALISTS, {"trials": [1, 0], "seeds": [1, 2], "overlap": 0.1})
    queue, screen = ConfirmationQueue(run.as_of(study.journal)), console(terminal=False)
    progress = Progress(run, screen, steps=StartSteps(screen))
    recorder = ConfirmationRecorder(run, sweep, study, queue, [progress])
    first = queue.next()
    assert first is not None
    recorder.start(first)
    RecordResults(recorder, scheduler=Asha(None, metric=run.metric), stopping=Stopping(print)).on_trial_start(
        0, [], None
    )
    recorder.epoch(first.number, row(1, 0.9))
    assert view(progress)[-1].split()[:4] == ["1", "1", "1/3", "0.9000"]
    assert "imports TensorFlow" in text(screen), "of a run that is resumed in its confirmation"
    assert "Training: the first epoch" in text(screen)
