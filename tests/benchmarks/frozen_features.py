"""What frozen features save: a fine-tuning sweep with the store, without it, in Ray Tune and in KerasTuner.

    pip install 'tunehound[benchmarks]'
    python tests/benchmarks/frozen_features.py DATA             # the sweep, about 20 minutes on two cores
    python tests/benchmarks/frozen_features.py DATA --accuracy  # 10 configurations × 3 seeds, with and without
    python tests/benchmarks/frozen_features.py DATA --flatten   # a head that does not pool: the largest features

Nothing else may run on the machine. DATA holds dogs/ (20 breeds, train/ and test/) and weights/ with those of
MobileNetV2 1.0 at 160 × 160.

The sweep: 24 configurations of 10 epochs, unfrozen blocks 0 to 2 (8 each; the head alone in the first epoch), mild
augmentation, 1,600 images to train on and 400 to choose by, 160 × 160. With the store it is run whole. The others
train one configuration a depth for three epochs; an epoch there takes what its later ones take, and their sweep is
scaled to 24 × 10 epochs by depth, shared out over the trials that they run at a time: start-up, model building and
what they do between trials are not counted against them.

- The bound: the epochs of the suffix, each what it takes when its features are there, and one pass of the prefix for
  each view of the training images and for validation, over the slots.
- Start-up lasts until the first epoch of the first trial begins.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean, median
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from warm.process import Spent, spend

from search.run.history import read_history
from spaces.file.load import load_config
from spaces.file.write import write_yaml
from trainables.features.policy import FEATURES, Source

WEIGHTS = "weights/mobilenet_v2_1.0_160_no_top.near_imagenet.h5"
SIDE, CLASSES, BATCH, EPOCHS, TRIALS, PEER_EPOCHS, VIEWS, SLOTS = 160, 20, 32, 10, 24, 3, 4, 2
RATES, DROPOUTS, DEPTHS = (3e-4, 1e-3, 3e-3, 1e-2), (0.2, 0.4), (0, 1, 2)
LIMIT_S = 7200.0
console = Console(width=140)


def main() -> None:
    """Measures what was asked for and prints it."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="frozen-features-") as place:
        folder = Path(place)
        if options.accuracy:
            from frozen.accuracy import compare

            compare(options.data / "dogs", options.data / WEIGHTS, folder, console)
        elif options.flatten:
            _flat(options.data, folder)
        else:
            _sweeps(options.data, folder)


def _sweeps(data: Path, folder: Path) -> None:
    head = {"dropout": {"choice": list(DROPOUTS)}}
    stored = _ours(data, folder / "stored", store="auto", trials=TRIALS, epochs=EPOCHS, depths=DEPTHS, head=head)
    few = {"trials": len(DEPTHS), "epochs": PEER_EPOCHS, "depths": DEPTHS, "head": {"dropout": 0.2}}
    computed = _ours(data, folder / "computed", store="off", **few)
    arrays = _arrays(data, folder / "images.npz")
    ray = _peer("frozen.ray_tune", data, arrays, folder / "ray")
    tuner = _peer("frozen.keras_tuner_search", data, arrays, folder / "keras_tuner")
    pass_s = _pass_seconds(stored)
    _show(stored, {"Tunehound, store off": computed, "Ray Tune": ray, "KerasTuner": tuner}, pass_s)


def _flat(data: Path, folder: Path) -> None:
    """Depth 0 under a head that sees the whole feature map."""
    flat = {"depths": [0], "head": {"pooling": "flatten", "dropout": 0.2}}
    stored = _ours(data, folder / "stored", store="auto", trials=SLOTS, epochs=EPOCHS, **flat)
    computed = _ours(data, folder / "computed", store="off", trials=SLOTS, epochs=PEER_EPOCHS, **flat)
    stored_s, computed_s = _typical(stored["epochs"])[0], _typical(computed["epochs"])[0]
    console.print(f"an epoch {stored_s:.2f} s stored, {computed_s:.2f} s computed: {computed_s / stored_s:.0f} ×")
    console.print(f"disk {stored['store'] / 1e6:.0f} MB, decoded images included")


def _sweep(
    data: Path, *, store: str, trials: int, epochs: int, depths: Sequence[int], head: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "trial": {
            "data": {"source": "folder", "path": str(data / "dogs"), "image_size": SIDE, "validation": 0.2},
            "model": {
                "kind": "pretrained",
                "backbone": "mobilenet_v2",
                "weights": str(data / WEIGHTS),
                "input_size": SIDE,
                "unfrozen_blocks": {"choice": list(depths)} if len(depths) > 1 else depths[0],
                "head": dict(head),
                "features": {"store": store, "views": VIEWS},
            },
            "augmentation": {"policy": {"flip": 0.5, "zoom": [0.8, 1.0], "brightness": 0.1}, "strength": 0.25},
            "optimizer": {"learning_rate": {"choice": list(RATES)} if trials > len(depths) else 1e-3},
            "training": {"epochs": epochs, "batch_size": BATCH},
        },
        "search": {"sampler": "random", "scheduler": "none", "trials": trials, "seed": 0},
        "confirm": "off",
        "tracking": "off",
    }


def _ours(data: Path, folder: Path, **sweep: Any) -> dict[str, Any]:
    """Runs one of our sweeps; its time and, by depth, what an epoch of each kind takes."""
    folder.mkdir()
    write_yaml(folder / "sweep.yaml", _sweep(data, **sweep))
    os.environ["TUNEHOUND_CACHE"] = str(folder / "cache")
    tunehound = str(Path(sys.executable).with_name("tunehound"))
    command = [tunehound, "run", str(folder / "sweep.yaml"), "--runs", str(folder), "--name", "run"]
    spent = _spend(command, folder)
    trials_found = sorted((folder / "run" / "trials").iterdir(), key=lambda path: int(path.name))
    epochs_found = [epoch for trial in trials_found for epoch in _epochs(trial)]
    first = trials_found[0] / "history.csv"
    began = (trials_found[0] / "config.yaml").stat().st_mtime
    return {
        "spent": spent,
        "epochs": epochs_found,
        "start_up_s": began - spent.started,
        "first_epoch_s": read_history(first)[0]["seconds"],
        "at_once": SLOTS,
        "store": sum(file.stat().st_blocks * 512 for file in (folder / "cache").rglob("*") if file.is_file()),
    }


def _epochs(trial: Path) -> list[dict[str, Any]]:
    config, _ = load_config(trial / "config.yaml")
    depth = config.model.model_dump()["unfrozen_blocks"]
    return [
        {
            "depth": depth,
            "epoch": int(row["epoch"]),
            "seconds": row["seconds"],
            "stored": row[FEATURES] == Source.STORED,
        }
        for row in read_history(trial / "history.csv")
    ]


def _arrays(data: Path, file: Path) -> Path:
    """The same images and division for the others."""
    from spaces.config.trial import FolderData
    from trainables.data.load import load

    found = load(FolderData(source="folder", path=str(data / "dogs"), image_size=SIDE, validation=0.2))
    parts = {"train": found.train, "val": found.validation}
    arrays = {f"x_{name}": part.read(np.arange(len(part))) for name, part in parts.items()}
    np.savez(file, **arrays, **{f"y_{name}": part.labels for name, part in parts.items()})
    return file


def _peer(module: str, data: Path, arrays: Path, folder: Path) -> dict[str, Any]:
    folder.mkdir()
    job = {
        "data": str(arrays),
        "weights": str(data / WEIGHTS),
        "folder": str(folder),
        "log": str(folder / "epochs.jsonl"),
        "side": SIDE,
        "classes": CLASSES,
        "batch_size": BATCH,
        "peer_epochs": PEER_EPOCHS,
    }
    (folder / "job.json").write_text(json.dumps(job))
    spent = _spend([sys.executable, "-m", module, str(folder / "job.json")], folder)
    epochs = [json.loads(line) for line in (folder / "epochs.jsonl").read_text().splitlines()]
    return {"spent": spent, "epochs": epochs, "at_once": SLOTS if "ray" in module else 1}


def _spend(command: list[str], folder: Path) -> Spent:
    console.print(f"[dim]{folder.name} …[/]")
    spent = spend(command, folder=folder, limit_s=LIMIT_S)
    if spent.exit_code != 0:
        raise SystemExit(f"{folder.name} ended with {spent.exit_code}:\n{(folder / 'output.txt').read_text()[-3000:]}")
    return spent


def _pass_seconds(stored: Mapping[str, Any]) -> float:
    """Of a slot, for the features of all training images in one view: what epochs take more in which they were made.

    The first epoch of a trial also traces graphs, so passes are read off the second to the fourth of the first trials.
    """
    usual = _typical(stored["epochs"])
    extra = [e["seconds"] - usual[e["depth"]] for e in stored["epochs"][: SLOTS * EPOCHS] if 2 <= e["epoch"] <= VIEWS]
    return sum(max(0.0, each) for each in extra) / (VIEWS - 1)


def _typical(epochs: list[dict[str, Any]]) -> dict[int, float]:
    """Seconds of an epoch by depth: the median of those in which nothing is computed for the first time."""
    found = defaultdict(list)
    for epoch in epochs:
        if epoch["epoch"] > (VIEWS if epoch.get("stored") else 1):
            found[epoch["depth"]].append(epoch["seconds"])
    return {depth: median(seconds) for depth, seconds in found.items()}


def _show(stored: Mapping[str, Any], others: Mapping[str, Mapping[str, Any]], pass_s: float) -> None:
    usual, spent = _typical(stored["epochs"]), stored["spent"]
    after_s = spent.ended - spent.started - stored["start_up_s"]
    suffix_s = sum(usual[epoch["depth"] if epoch["epoch"] > 1 else 0] for epoch in stored["epochs"])  # first the head
    images_s = pass_s * (VIEWS + 0.25)  # validation has a quarter of the images
    bound_s = (suffix_s + images_s) / SLOTS
    table = Table(title="24 configurations × 10 epochs, 20 dog breeds, MobileNetV2 1.0 @ 160")
    for column in ("", "depth 0, s", "depth 1, s", "depth 2, s", "sweep, s", "× Tunehound"):
        table.add_column(column, justify="right")
    table.add_row("Tunehound, stored", *(f"{usual[depth]:.2f}" for depth in DEPTHS), f"{after_s:.0f}", "1")
    for name, other in others.items():
        epoch_s = _typical(other["epochs"])
        sweep_s = sum(epoch_s[depth] for depth in DEPTHS) * TRIALS / len(DEPTHS) * EPOCHS / other["at_once"]
        cells = [f"{epoch_s[depth]:.2f} ({epoch_s[depth] / usual[depth]:.0f} ×)" for depth in DEPTHS]
        table.add_row(f"{name}, scaled", *cells, f"{sweep_s:.0f}", f"{sweep_s / after_s:.1f}")
    console.print(table)
    computed = _typical(others["Tunehound, store off"]["epochs"])
    saved = mean(computed[depth] - usual[depth] for depth in DEPTHS)
    console.print(
        f"bound {bound_s:.0f} s: {suffix_s:.0f} s of suffix epochs, {images_s:.0f} s of passes, {SLOTS} slots"
    )
    console.print(f"sweep / bound {after_s / bound_s:.2f}; start-up {stored['start_up_s']:.0f} s beside it")
    console.print(f"first epoch of the first trial {stored['first_epoch_s']:.1f} s; a pass {pass_s:.1f} s of a slot")
    console.print(f"disk {stored['store'] / 1e6:.0f} MB, decoded images included; CPU {spent.cpu_s:.0f} s")
    passes, needed = VIEWS, len(stored["epochs"])
    console.print(f"hit rate {1 - passes / needed:.3f} of {needed} epochs; {pass_s / saved:.1f} epochs pay a view back")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--accuracy", action="store_true")
    parser.add_argument("--flatten", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    began = time.time()
    main()
    console.print(f"[dim]{time.time() - began:.0f} s in all[/]")
