"""A run with every kind of file in it, and whoever reads one: what comes of reading it damaged."""

from __future__ import annotations

import json
import signal
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import tunehound
from search.halving.rungs import Rungs
from search.report import write_report
from search.results.compare import comparison
from search.results.export import best_config, write_best
from search.results.leaderboard import as_json, leaderboard
from search.run.compatibility import LASTING, check_changes, check_format
from search.run.directory import mirror_of
from search.run.journal import JOURNAL, events
from search.run.lock import run_lock
from search.run.provenance import read_about
from search.run.reader import Run, open_begun, open_run
from search.study.warm_start import earlier_trials
from search.tracking.leaderboard import missing_parts
from search.tracking.ledger import missing_trials, note_part, note_trial, wanted_entry
from search.tuner.resume import open_study, unfinished
from spaces.file.load import load_config, load_sweep
from spaces.file.write import write_yaml
from spaces.problem import InputError
from tests.search.runs import confirm, make_run, sweep_mapping
from trainables.retrain.recipe import read_recipe

CPU_S, WALL_S = 5, 120
"""No reader may take longer; one that waits for a pipe takes no time of the processor."""


def make_whole_run(folder: Path) -> Path:
    """A run with a confirmation, a ledger of W&B, and what retraining left."""
    make_run(folder)
    confirm(folder, {1: [0.95, 0.94], 2: [0.9, None], 0: [0.9, 0.91]})
    write_best(folder, folder / "best.yaml")
    (folder / "leaderboard.csv").write_text(leaderboard(folder).to_csv())
    (folder / "wandb").mkdir()
    run = open_run(folder)
    for trial in run.trials[:3]:
        note_trial(folder, wanted_entry(run, trial, epochs=3, best=trial.number == 1), online=True)
    note_part(folder, "leaderboard", "0" * 16, online=True)
    _retrained(folder / "retrained")
    return folder


def _retrained(folder: Path) -> None:
    folder.mkdir()
    scores = {"accuracy": 0.9, "cross_entropy": 0.3}
    (folder / "metrics.json").write_text(
        json.dumps({**scores, "test_images": 60, "seeds": [0, 1], "mean": scores, "sd": scores})
    )
    names = [str(digit) for digit in range(10)]
    rows = [[name, *("7" if other == name else "1" for other in names)] for name in names]
    (folder / "confusion.csv").write_text("\n".join(map(",".join, [["true", *names], *rows])) + "\n")
    (folder / "mistakes.csv").write_text("true,predicted,probability,image,file\n1,2,0.9,image 7,mistakes/0.png\n")
    classes = "".join(f"{name},0.5,0.5,0.5,16\n" for name in names)
    (folder / "classes.csv").write_text(f"class,precision,recall,f1,images\n{classes}")
    (folder / "preprocessing.json").write_text(json.dumps({"image_size": [8, 8], "channels": 1, "class_names": names}))


def _resume(folder: Path) -> object:
    """All that `resume` reads before it starts Ray."""
    about = read_about(folder / "sweep.yaml")
    check_format(about, str(folder))
    with run_lock(folder):
        mirror_of(folder)
        sweep = load_sweep(folder / "sweep.yaml")
        if begun := open_begun(folder):
            check_changes(sweep, begun.notes.get(LASTING))
        run = begun or Run.begin(folder, sweep.as_mapping(), about)
        study = open_study(run, sweep, lambda message: None)
        rungs = Rungs(grace_epochs=1, reduction_factor=3, epochs=3)
        for event in events(folder / JOURNAL):
            if hasattr(event, "value"):
                rungs.judge(event.number, epoch=event.epoch, score=event.value)
        return len(study.trials())


def _warm_start(folder: Path) -> object:
    sweep = folder.parent / "warm.yaml"
    write_yaml(sweep, sweep_mapping() | {"search": {"trials": 6, "warm_start": [str(folder)]}})
    return earlier_trials(load_sweep(sweep))


def _sync(folder: Path) -> object:
    load_sweep(folder / "sweep.yaml", check_files=False)
    run = open_run(folder)
    check_format(run.about, str(folder / "sweep.yaml"))
    return missing_trials(run, online=True), missing_parts(run, online=True)


def _best_yaml(folder: Path) -> object:
    return load_config(folder / "best.yaml"), read_recipe(folder / "best.yaml", [], replay=True)


READERS: Mapping[str, Callable[[Path], Any]] = {
    "leaderboard": lambda folder: as_json(leaderboard(folder)),
    "report": write_report,
    "export": best_config,
    "compare": lambda folder: comparison([folder, folder]),
    "notebook": lambda folder: (tunehound.histories(folder), tunehound.best(folder, rank=2)),
    "unfinished": unfinished,
    "resume": _resume,
    "sync": _sync,
    "warm start": _warm_start,
    "best.yaml": _best_yaml,
}
"""By what they are called for: each reads the run in a folder."""


def outcome(reader: Callable[[Path], Any], folder: Path) -> tuple[str, str]:
    """Return `value`, `clear` with the message, or `traceback` with it."""
    try:
        with _bounded():
            reader(folder)
    except InputError as error:
        return "clear", str(error)
    except BaseException:
        return "traceback", traceback.format_exc()
    return "value", ""


@contextmanager
def _bounded() -> Iterator[None]:
    def end(number: int, frame: FrameType | None) -> None:
        raise TimeoutError(f"not done within {CPU_S} s of the processor, {WALL_S} s of the clock")

    before = [(number, signal.signal(number, end)) for number in (signal.SIGALRM, signal.SIGPROF)]
    signal.setitimer(signal.ITIMER_REAL, WALL_S)
    signal.setitimer(signal.ITIMER_PROF, CPU_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.setitimer(signal.ITIMER_PROF, 0)
        for number, handler in before:
            signal.signal(number, handler)
