"""What it costs to interrupt a trial between two epochs and to continue it, by network; without Ray, one CPU core.

    python tests/benchmarks/resumption.py             # medians of five, a minute or two
    python tests/benchmarks/resumption.py --times 15

To pause copies the state of the network and its optimizer, and writes it to the disk (with fsync). To resume reads it
and puts it back; a process that does not have the network yet builds it first, and traces its steps in its first epoch,
as for any trial. Backbones have random weights: only their number matters.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import Any, TypeVar

from spaces.config.trial import TrialConfig
from spaces.domains.close import close_values
from spaces.file.load import load_sweep
from trainables.process import prepare

Value = TypeVar("Value")

COLUMNS = ("network", "MB", "copy s", "write s", "read s", "put s", "build s")
FINE_TUNED: Mapping[str, Mapping[str, Any]] = {
    "mobilenet_v2, 2 blocks unfrozen": {"backbone": "mobilenet_v2", "unfrozen_blocks": 2, "input_size": 96},
    "vgg16, frozen": {"backbone": "vgg16", "input_size": 96},
    "vgg16, 5 blocks unfrozen": {"backbone": "vgg16", "unfrozen_blocks": 5, "input_size": 96},
}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=5)
    times = parser.parse_args().times
    prepare(cpus=1)
    print(f"{COLUMNS[0]:34}" + "".join(f"{column:>9}" for column in COLUMNS[1:]))
    for name, config in configs().items():
        print(f"{name:34}" + "".join(f"{value:9.3f}" for value in measure(config, times=times)), flush=True)


def configs() -> dict[str, TrialConfig]:
    """Return the configurations by name: the baseline of a ready sweep, and transfer with Adam."""
    cifar10 = load_sweep("cifar10_cnn", check_files=False)
    if cifar10.baseline is None:
        raise ValueError("cifar10_cnn has a baseline")
    chosen = {"cifar10_cnn, its baseline": close_values(cifar10.trial, cifar10.baseline)}
    for name, model in FINE_TUNED.items():
        trial = {
            "data": {"source": "digits"},
            "model": {"kind": "pretrained", "weights": "none"} | dict(model),
            "training": {"epochs": 10},
        }
        chosen[name] = TrialConfig.model_validate(trial)
    return chosen


def measure(config: TrialConfig, *, times: int) -> list[float]:
    """Return the size in MB, then the seconds of each part: medians, except for the building."""
    from trainables.training import checkpoint
    from trainables.training.build import Inputs, reset_optimizer, set_stage, set_values
    from trainables.training.train import compiled_model

    inputs = Inputs(shape=(32, 32, 3), classes=10, mean=(128.0,) * 3, variance=(4096.0,) * 3)
    built, build_s = timed(lambda: compiled_model(config, inputs))
    set_values(built, config)
    set_stage(built, config, unfrozen=True)
    reset_optimizer(built)
    with tempfile.TemporaryDirectory() as directory:
        folder, rows = Path(directory), []
        for _ in range(times):
            snapshot, copy_s = timed(lambda: checkpoint.take(built, []))
            _, write_s = timed(lambda snapshot=snapshot: checkpoint.write(snapshot, folder))
            found, read_s = timed(lambda: checkpoint.read(folder))
            if found is None:
                raise OSError(f"no checkpoint in {folder}")
            _, put_s = timed(lambda found=found: checkpoint.put(built, found))
            rows.append((copy_s, write_s, read_s, put_s))
        size = (folder / checkpoint.FILE).stat().st_size / 1e6
    return [size, *map(median, zip(*rows, strict=True)), build_s]


def timed(work: Callable[[], Value]) -> tuple[Value, float]:
    """Return what a function returns, and the seconds that it took."""
    began = time.perf_counter()
    return work(), time.perf_counter() - began


if __name__ == "__main__":
    main()
