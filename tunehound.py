"""Tunehound from Python, in a notebook or a script: the functions that the command line is made of.

    import tunehound

    run = tunehound.run(tunehound.load("digits")).directory
    board = tunehound.leaderboard(run)           # a pandas DataFrame
    best = tunehound.retrain(run)                # trains on train + validation, scores the test part once
    model = tunehound.load_model(best.folder)    # a stock Keras model

RUN is a run's folder, its name in the folder `runs`, the address of its mirror, or "latest". Wrong input raises
`InputError` and starts nothing, failed work raises `WorkFailedError`; both messages say what to do. Importing this
module imports neither TensorFlow nor Ray.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    import pandas as pd

    from search.tuner.run import Finished
    from spaces.file.sweep import Sweep
    from trainables.retrain.retrain import Retrained


def _check_packages() -> None:
    """Make sure that a user's own search.py, say, is not taken for our package of that name.

    Raises:
        ImportError: it would be. The command prints the sentence alone and exits with 2.
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
from spaces.problem import InputError, WorkFailedError  # noqa: E402  # of ours, as is known now

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
    """Read and check a sweep: a file, or a ready one by its name.

    >>> sweep = tunehound.load("digits", ["search.trials=8", "trial.training.epochs=10"])

    ``sweep`` is a file, or a name that `tunehound spaces` lists; ``overrides`` (``PATH=VALUE``) replace values of it.

    Raises:
        InputError: with every mistake found.
    """
    from spaces.file.load import load_sweep

    return load_sweep(sweep, overrides)


def run(sweep: Sweep, *, runs: str | os.PathLike[str] = "runs", name: str | None = None) -> Finished:
    """Run a sweep to its end: search, confirmation, leaderboard, best.yaml, report. Interrupting it loses nothing.

    >>> directory = tunehound.run(tunehound.load("digits"), name="first").directory

    Args:
        sweep: from `load`.
        runs: the folder that holds runs; or an address such as ``s3://bucket/runs`` to mirror them to.
        name: of the run; without it, the sweep's name and the time.

    Returns:
        `directory`, `interrupted`, the `reason` if it ended early, `metric`, and the file `log`.

    Raises:
        InputError: the sweep or its data are wrong, no machine has room for a trial, or the run exists.
        WorkFailedError: something broke that no trial is to blame for; `resume` continues.
    """
    from search.tuner.run import run_sweep

    return run_sweep(sweep, runs=runs, name=name)


def resume(run: str | os.PathLike[str], overrides: Sequence[str] = ()) -> Finished:
    """Continue an interrupted run; ``overrides`` (``PATH=VALUE``) extend a finished one. Returns what `run` does.

    >>> tunehound.resume("latest")
    >>> tunehound.resume("first", overrides=["search.trials=60"])

    Raises:
        InputError: there is no run, another process drives it, or its space or data are not what they were.
        WorkFailedError: as `run`.
    """
    from search.tuner.run import resume_run

    return resume_run(_directory(run), overrides=overrides)


def leaderboard(run: str | os.PathLike[str]) -> pd.DataFrame:
    """The trials of a run, the best first, one row each; also while it runs.

    >>> tunehound.leaderboard("latest").head(5)

    Columns: rank, trial, state, epochs, the metric (of the best epoch), mean, sd and seeds (of the confirmation), tied,
    seconds, best_epoch, baseline, reason, then every open value.

    Raises:
        InputError: there is no such run; the known ones are listed.
    """
    from search.results.leaderboard import leaderboard as ranked

    return ranked(_directory(run))


def histories(run: str | os.PathLike[str]) -> pd.DataFrame:
    """Every epoch of every trial of a run, one below the other.

    >>> tunehound.histories("latest").pivot(index="epoch", columns="trial", values="val_accuracy").plot()

    Columns: trial, epoch (from 1), and those of history.csv: loss, accuracy, val_loss, …, learning_rate, seconds.

    Raises:
        InputError: there is no such run; the known ones are listed.
    """
    from search.results.histories import histories as read

    return read(_directory(run))


def best(run: str | os.PathLike[str], *, rank: int = 1) -> dict[str, Any]:
    """The configuration of a rank of a run's leaderboard, as best.yaml has that of the first.

    >>> tunehound.best("latest", rank=2)["optimizer"]["learning_rate"]

    It has the sections data, model, optimizer, augmentation, training, features, and `provenance`: where it comes from.

    Raises:
        InputError: there is no such run, or no trial of that rank that reported a finite metric.
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
) -> Retrained:
    """Train a configuration on train + validation, score the test part once, save the model and its card.

    >>> tunehound.retrain("latest").scores
    >>> tunehound.retrain(tunehound.best("latest", rank=2), seeds=3, output="second")

    Args:
        best: RUN, whose best.yaml is meant; a configuration file; or a mapping as `best` returns it, paths absolute.
        overrides: ``PATH=VALUE``, such as ``data.path=photos``.
        seeds: how many times to train; the first one's model is saved.
        holdout: the share of the images, in (0, 1), to stop early by, instead of replaying the winner's epochs.
        output: the folder to fill; without it, `retrained` beside the configuration file, or for a mapping here.
        formats: saved_model, litert, onnx: what else to export to.

    Returns:
        `folder`, `scores` (by name, for each seed), `test_images`, `not_exported` (why, by format).

    Raises:
        InputError: the configuration or the data are wrong, ``output`` holds something else, a format lacks a package.
        WorkFailedError: the loss was not finite.
    """
    from search.find import find_best, run_around
    from search.logs import wake_tensorflow
    from search.report import write_report
    from search.results.export import as_file

    with as_file(best) if isinstance(best, Mapping) else nullcontext(find_best(os.fspath(best))) as source:
        wake_tensorflow(deterministic=False)
        from trainables.retrain.retrain import retrain as train_again

        folder = output or (Path() if isinstance(best, Mapping) else source.parent) / "retrained"
        result = train_again(
            source, overrides=overrides, seeds=seeds, holdout=holdout, output=folder, formats=formats, tell=print
        )
    if directory := run_around(result.folder):
        write_report(directory)
    return result


def load_model(folder: str | os.PathLike[str]) -> Any:
    """The stock Keras model that retraining saved: images of shape (n, height, width, channels), 0–255 → probabilities.

    >>> tunehound.load_model("latest").predict(images)

    ``folder`` is what `retrain` filled; or RUN, whose folder `retrained` is meant.

    Raises:
        InputError: there is none, or it is damaged.
    """
    from search.find import find_retrained
    from search.logs import wake_tensorflow

    place = find_retrained(os.fspath(folder))
    wake_tensorflow(deterministic=False)
    from trainables.retrain.predict import read_model, read_preprocessing

    return read_model(place, classes=len(read_preprocessing(place).class_names))


def _directory(run: str | os.PathLike[str]) -> Path:
    from search.find import find_run

    return find_run(os.fspath(run))


def main() -> NoReturn:
    """What the command `tunehound` starts, and ``python -m tunehound``."""
    from search.cli.app import main as command

    command()


if __name__ == "__main__":
    main()
