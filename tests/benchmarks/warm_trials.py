"""What a trial costs beside its training: Tunehound, Ray Tune, Optuna + Keras and KerasTuner, side by side in one run.

    pip install 'tunehound[benchmarks]'
    python tests/benchmarks/warm_trials.py --cifar CIFAR10.npz            # all parts, about 45 minutes on two cores
    python tests/benchmarks/warm_trials.py --cifar CIFAR10.npz --smoke    # does everything work? a few minutes

Nothing else may run on the machine. CIFAR10.npz holds x_train and y_train of CIFAR-10, uint8.

Parts: `grid-digits` and `grid-cifar` train the same 24 configurations, 4 architectures × 6 settings, without early
stopping, on 1,300 digits of 32 × 32 pixels and on 4,000 CIFAR-10 images, for so many epochs (`EPOCHS`) that a trial
trains for about three seconds; `asha` tries 60 trials of at most 27 epochs on the latter, with TPE and ASHA (grace 1,
factor 3). What a trial costs beside its training is by the trial: `--epochs` shows what becomes of it in longer ones.
Each contestant is a process of its own and gets the whole machine as its users would give it: a trial a core to
Tunehound and Ray Tune, all cores to TensorFlow in the loops.

- Start-up lasts until the first warm step: one warm epoch before the end of the first epoch that any trial finishes
  (see `warm/timeline.py`). Ratios are on what follows; it ends when the process has gone.
- The ideal is the sum of warm epochs over the slots: Keras' `fit`, training and validation, in as many single-threaded
  processes side by side as there are slots, graphs traced; of three plain ways to call it the fastest, architecture by
  architecture. It is measured before the contestants and again after them; the mean counts.
- CPU is user and system time of the contestant and all its descendants, sampled from the process tree twice a second
  (see `warm/process.py`); Ray's daemons and workers are in it.
- The networks are compared with ours layer by layer before anything is measured; loss, optimizer, batch size, scaling
  of the images and initial distributions are the same.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from statistics import mean
from typing import Any

from rich.console import Console
from warm import contestants, images, tables
from warm.contestants import Failure
from warm.job import Job
from warm.timeline import Timeline

LIMIT_S = 3600.0
"""No contestant takes longer."""
GRID = {"blocks": (1, 2), "filters": (4, 8), "dropout": (0.1, 0.3), "learning_rate": (5e-4, 1e-3, 2e-3)}
SMALL_GRID = {"blocks": (1, 2), "filters": (4,), "dropout": (0.1, 0.3), "learning_rate": (1e-3,)}
OPEN = {"dropout": {"uniform": (0.0, 0.5)}, "l2": {"log": (1e-6, 1e-2)}, "learning_rate": {"log": (1e-4, 1e-2)}}
PARTS = {
    "grid-digits": "1,300 digits at 32 × 32",
    "grid-cifar": "4,000 CIFAR-10 images",
    "asha": "4,000 CIFAR-10 images, ASHA",
}
EPOCHS = {"grid-digits": 6, "grid-cifar": 2, "asha": 27}
SMOKE_EPOCHS = {"grid-digits": 2, "grid-cifar": 2, "asha": 3}
console = Console(width=160)


def main() -> None:
    """Measures the parts asked for, prints their tables, and writes the numbers where asked to."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="warm-trials-") as folder:
        found = {part: _measure(part, options, Path(folder) / part) for part in options.part}
    console.print(" · ".join(f"{name} {value}" for name, value in tables.versions().items()))
    if options.json:
        options.json.write_text(json.dumps({"versions": tables.versions(), **found}, indent=1))


def _measure(part: str, options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Runs the contestants of one part between two measurements of the ideal."""
    folder.mkdir()
    job = _job(part, options, folder)
    contestants.same_networks(job, limit_s=LIMIT_S)
    before = _ideal(job, "before")
    results = {}
    for name in options.only:
        if part != "asha" or name in contestants.ASHA:
            console.print(f"[dim]{part}: {contestants.TITLES[name]} …[/]")
            results[name] = contestants.contest(name, job, limit_s=LIMIT_S)
    ideals = {"before": before, "after": _ideal(job, "after")}
    return _shown(part, job, results, ideals)


def _shown(
    part: str, job: Job, results: dict[str, Timeline | Failure], ideals: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    """Prints the tables of a part and returns its numbers."""
    warm = {name: mean(found["warm"][name] for found in ideals.values()) for name in ideals["before"]["warm"]}
    timelines = {name: found for name, found in results.items() if isinstance(found, Timeline)}
    ideal_s = mean(warm.values()) * job.trials * job.epochs / tables.slots()
    title = f"{part}: {job.trials} trials of {'at most ' if job.asha else ''}{job.epochs} epochs, {PARTS[part]}"
    console.print(tables.ideal_table("A warm epoch, s", {when: found["ways"] for when, found in ideals.items()}))
    if job.asha:
        console.print(tables.asha_table(title, timelines, warm=warm))
    else:
        console.print(tables.grid_table(title, timelines, ideal_s=ideal_s))
    for found in results.values():
        if isinstance(found, Failure):
            console.print(f"[red]{found.told}[/]")
    return {
        "job": asdict(job),
        "ideal_s": None if job.asha else ideal_s,
        "ideals": ideals,
        "contestants": {name: asdict(found) for name, found in results.items()},
    }


def _ideal(job: Job, when: str) -> dict[str, Any]:
    """Four epochs of each architecture and way; the first does not count."""
    console.print(f"[dim]the ideal, {when} …[/]")
    return contestants.ideal(replace(job, epochs=4), name=f"ideal-{when}", limit_s=LIMIT_S)


def _job(part: str, options: argparse.Namespace, folder: Path) -> Job:
    data = folder / "images.npz"
    few = {"train": 256, "validation": 128} if options.smoke else {}
    if part == "grid-digits":
        images.write_digits(data, **few)
    else:
        images.write_cifar(data, options.cifar, **few)
    space: dict[str, Any] = SMALL_GRID if options.smoke else GRID
    asha = part == "asha"
    epochs = options.epochs or (SMOKE_EPOCHS if options.smoke else EPOCHS)[part]
    job = Job(data=str(data), space=space | OPEN if asha else space, trials=0, epochs=epochs, folder=str(folder))
    return replace(job, asha=asha, trials=(4 if options.smoke else 60) if asha else job.points())


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cifar", type=Path, metavar="NPZ", help="CIFAR-10: x_train, y_train; uint8")
    parser.add_argument("--part", action="append", choices=PARTS, help="may be given several times; all by default")
    parser.add_argument(
        "--only", type=_names, default=list(contestants.TITLES), help="contestants, with commas between"
    )
    parser.add_argument("--epochs", type=int, help="of each trial, instead of what the part has")
    parser.add_argument("--smoke", action="store_true", help="a few tiny trials, to see that all of it works")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write the numbers there")
    options = parser.parse_args()
    options.part = options.part or list(PARTS)
    if options.cifar is None and set(options.part) != {"grid-digits"}:
        parser.error("--cifar is needed for grid-cifar and asha")
    return options


def _names(text: str) -> Sequence[str]:
    names = text.split(",")
    unknown = set(names) - set(contestants.TITLES)
    if unknown:
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: choose from {', '.join(contestants.TITLES)}")
    return names


if __name__ == "__main__":
    main()
