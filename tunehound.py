"""Tunehound from Python, in a notebook or a script: the functions behind the command line.

    import tunehound

    run = tunehound.run(tunehound.load("digits")).directory
    board = tunehound.leaderboard(run)           # a pandas DataFrame
    best = tunehound.retrain(run)                # trains on train + validation, tests once on the test split
    model = tunehound.load_model(best.folder)    # a stock Keras model

RUN is the folder of a run, its name in the folder `runs`, the URI of its mirror, or "latest". Invalid input raises
`InputError` before anything starts, failed work raises `WorkFailedError`; both messages say what to do. Importing this
module imports neither TensorFlow nor Ray.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import warnings
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    import pandas as pd

    from search.tuner.driver import RunResult
    from spaces.file.sweep import Sweep
    from trainables.retrain.retrain import RetrainResult


def _check_packages() -> None:
    """Check that our packages are not shadowed, say, by a user's own search.py.

    Raises:
        ImportError: one is. The command prints the message without a traceback and exits with 2.
    """
    for package in ("search", "trainables", "spaces", "clusters"):
        spec = importlib.util.find_spec(package)
        found = None if spec is None else next(iter(spec.submodule_search_locations or ()), spec.origin)
        if found is None or Path(found).resolve() == Path(__file__).parent.resolve() / package:
            continue
        message = f"{found} hides Tunehound's package `{package}`: rename it and restart Python (a notebook's kernel)"
        if __name__ == "__main__" or Path(sys.argv[0]).name == "tunehound":
            print(message, file=sys.stderr)
            raise SystemExit(2)
        raise ImportError(message)


_check_packages()
warnings.filterwarnings("ignore", message="IProgress not found")  # of tqdm: Optuna and Ray import it, nobody uses it
from spaces.problem import InputError, WorkFailedError  # noqa: E402  # ours, as checked above

__all__ = [
    "InputError",
    "WorkFailedError",
    "best",
    "histories",
    "leaderboard",
    "load",
    "load_model",
    "resume",
    "retrain",
    "run",
]
__version__ = version("tunehound")


def load(sweep: str | os.PathLike[str], overrides: Sequence[str] = ()) -> Sweep:
    """Read and check a sweep: a file, or a ready-made sweep by its name.

    >>> sweep = tunehound.load("digits", ["search.trials=8", "trial.training.epochs=10"])

    Args:
        sweep: a file, or a name that `tunehound spaces` lists.
        overrides: ``PATH=VALUE``, each overrides a value of the file.

    Raises:
        InputError: the sweep is invalid; the message lists every mistake.
    """
    from spaces.file.load import load_sweep

    return load_sweep(sweep, overrides)


def run(sweep: Sweep, *, runs: str | os.PathLike[str] = "runs", name: str | None = None) -> RunResult:
    """Run a sweep from start to finish; if interrupted, it can be resumed without loss.

    >>> directory = tunehound.run(tunehound.load("digits"), name="first").directory

    Args:
        sweep: the result of `load`.
        runs: the folder for runs, or a URI such as ``s3://bucket/runs`` to mirror them to.
        name: name of the run; by default, the sweep's name and the time.

    Returns:
        `directory` of the run, `interrupted`, the `reason` if it ended early, `metric`, and the path of the `log`.

    Raises:
        InputError: the sweep or its data are invalid, no machine can fit a trial, or the run exists already.
        WorkFailedError: something failed that is not a trial's fault; continue with `resume`.
    """
    from search.console.startup import IMPORTING, StartSteps
    from search.console.terminal import Terminal

    with StartSteps(Terminal(stderr=True)) as steps:
        steps(IMPORTING)
        from search.tuner.run import run_sweep

        return run_sweep(sweep, runs=runs, name=name, steps=steps)


def resume(run: str | os.PathLike[str], overrides: Sequence[str] = ()) -> RunResult:
    """Continue an interrupted run, or extend a finished one with more trials.

    >>> tunehound.resume("latest")
    >>> tunehound.resume("first", overrides=["search.trials=60"])

    Args:
        run: RUN.
        overrides: ``PATH=VALUE``, each overrides a value of the run's sweep.yaml.

    Returns:
        As for `run`.

    Raises:
        InputError: there is no such run, another process is running it, or its search space or data have changed.
        WorkFailedError: as for `run`.
    """
    from search.console.startup import IMPORTING, StartSteps
    from search.console.terminal import Terminal

    with StartSteps(Terminal(stderr=True)) as steps:
        steps(IMPORTING)
        from search.tuner.run import resume_run

        return resume_run(_directory(run), overrides=overrides, steps=steps)


def leaderboard(run: str | os.PathLike[str]) -> pd.DataFrame:
    """Return the trials of a run as a DataFrame, best first; works while it runs, too.

    >>> tunehound.leaderboard("latest").head(5)

    Returns:
        Columns rank, trial, state, epochs, the metric (at the best epoch), mean, sd and seeds (of the confirmation),
        tied, seconds, best_epoch, baseline, reason, then every open value.

    Raises:
        InputError: there is no such run; the message lists the known ones.
    """
    from search.results.leaderboard import leaderboard as ranked

    return ranked(_directory(run))


def histories(run: str | os.PathLike[str]) -> pd.DataFrame:
    """Return every epoch of every trial of a run as one DataFrame.

    >>> tunehound.histories("latest").pivot(index="epoch", columns="trial", values="val_accuracy").plot()

    Returns:
        Columns trial, epoch (from 1), and those of history.csv: loss, accuracy, val_loss, …, learning_rate, seconds.

    Raises:
        InputError: there is no such run; the message lists the known ones.
    """
    from search.results.histories import histories as read

    return read(_directory(run))


def best(run: str | os.PathLike[str], *, rank: int = 1) -> dict[str, Any]:
    """Return the configuration at a rank of a run's leaderboard; rank 1 is what best.yaml holds.

    >>> tunehound.best("latest", rank=2)["optimizer"]["learning_rate"]

    Returns:
        The sections data, model, optimizer, augmentation, training and features, and its `provenance`.

    Raises:
        InputError: there is no such run, or no trial at that rank with a finite metric.
    """
    from search.results.export import best_config

    return best_config(_directory(run), rank)


def retrain(
    best: str | os.PathLike[str] | Mapping[str, Any],
    *,
    overrides: Sequence[str] = (),
    seeds: int = 1,
    holdout: float | None = None,
    output: str | os.PathLike[str] | None = None,
    formats: Sequence[str] = (),
) -> RetrainResult:
    """Train a configuration on train + validation, evaluate it once on the test split, save the model and its card.

    >>> tunehound.retrain("latest").scores
    >>> tunehound.retrain(tunehound.best("latest", rank=2), seeds=3, output="second")

    Args:
        best: RUN, to use its best.yaml; a configuration file; or a mapping from `best` (with absolute paths).
        overrides: ``PATH=VALUE``, such as ``data.path=photos``.
        seeds: how many times to train, with consecutive seeds; the first model is saved.
        holdout: share of the images, in (0, 1), to hold out for early stopping instead of replaying the search.
        output: folder to write; by default `retrained` next to the configuration file, or here for a mapping.
        formats: additional export formats: saved_model, litert, onnx.

    Returns:
        `folder`, `scores` (by name, for each seed), `test_images`, `not_exported` (reasons by format).

    Raises:
        InputError: the configuration or data are invalid, ``output`` holds something else, or a package is missing.
        WorkFailedError: the loss was not finite.
    """
    from search.console.logs import borrow_tensorflow
    from search.find import find_best, run_around
    from search.report import write_report
    from search.results.export import as_file

    with as_file(best) if isinstance(best, Mapping) else nullcontext(find_best(os.fspath(best))) as source:
        folder = output or (Path() if isinstance(best, Mapping) else source.parent) / "retrained"
        with borrow_tensorflow():
            from trainables.retrain.retrain import retrain as retrain_best

            result = retrain_best(
                source, overrides=overrides, seeds=seeds, holdout=holdout, output=folder, formats=formats, log=print
            )
    if directory := run_around(result.folder):
        write_report(directory)
    return result


def load_model(folder: str | os.PathLike[str]) -> Any:
    """Load the Keras model saved by `retrain`: images (n, height, width, channels) in 0–255 → probabilities.

    >>> tunehound.load_model("latest").predict(images)

    Args:
        folder: a folder written by `retrain`; or RUN, to use its folder `retrained`.

    Raises:
        InputError: there is no model, or it is damaged.
    """
    from search.console.logs import borrow_tensorflow
    from search.find import find_retrained

    directory = find_retrained(os.fspath(folder))
    with borrow_tensorflow():
        from trainables.retrain.predict import read_model, read_preprocessing

        return read_model(directory, classes=len(read_preprocessing(directory).class_names))


def _directory(run: str | os.PathLike[str]) -> Path:
    from search.find import find_run

    return find_run(os.fspath(run))


def main() -> NoReturn:
    """Run the command line, as `tunehound` and ``python -m tunehound`` do."""
    from search.console.terminal import guard_stdout, open_streams

    open_streams()  # before anything else is opened
    guard_stdout()
    from search.cli.app import main as command

    command()


if __name__ == "__main__":
    main()
