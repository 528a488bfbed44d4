"""What a worker process weighs after many trials: 300 over 12 architectures, one after the other, without Ray.

    python tests/benchmarks/memory.py                  # 300 trials, about ten minutes on one core
    python tests/benchmarks/memory.py --trials 120

There are more architectures than a process keeps compiled, drawn at random, so that models are made, kept, evicted
and made again. The images are few and tiny and a trial trains one epoch: what grows is what trials leave behind. RSS is
what the process holds in memory, USS the part that it shares with no other. Demanded: RSS at the end ≤ 1.15 × that
after 30 trials.
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import psutil
from sklearn.datasets import load_digits

from spaces.config.trial import TrialConfig
from trainables.dataset import Images
from trainables.process import prepare

EVERY, SETTLED, LIMIT = 10, 30, 1.15
CLASSES, IMAGES, SEED = 10, 64, 0
ARCHITECTURES = tuple(itertools.product((1, 2, 3), (8, 12, 16, 24)))
"""Blocks and filters of the first block."""


@dataclass(frozen=True, kw_only=True)
class Weight:
    """The process after some trials, in MiB."""

    trials: int
    rss: float
    uss: float
    seconds: float
    """Since the first trial began."""


def main() -> None:
    """Prints the curve; exits with 1 where the process grew too fat."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=300)
    trials = parser.parse_args().trials
    prepare(cpus=1)
    print("trials  RSS, MiB  USS, MiB      s")
    weights = []
    for weight in weigh(trials):
        weights.append(weight)
        print(f"{weight.trials:6}  {weight.rss:8.0f}  {weight.uss:8.0f}  {weight.seconds:5.0f}", flush=True)
    settled = next((weight for weight in weights if weight.trials == SETTLED), weights[0])
    ratio = weights[-1].rss / settled.rss
    print(f"RSS after {trials} trials: {ratio:.3f} × that after {settled.trials}; at most {LIMIT} is allowed")
    raise SystemExit(ratio > LIMIT)


def weigh(trials: int) -> Iterator[Weight]:
    """Trains and weighs every tenth time."""
    from trainables.training.train import train

    bunch = load_digits()
    pixels = (bunch.images * 255 / 16).astype(np.uint8)[..., np.newaxis]
    learned, chosen = (
        Images(pixels[at], bunch.target[at].astype(np.int64)) for at in (slice(IMAGES), slice(-IMAGES, None))
    )
    draw, process, started = random.Random(SEED), psutil.Process(os.getpid()), time.monotonic()
    for trial in range(1, trials + 1):
        train(config(draw, seed=trial), learned, chosen, classes=CLASSES)
        if trial % EVERY == 0 or trial == trials:
            memory = process.memory_full_info()
            seconds = time.monotonic() - started
            yield Weight(trials=trial, rss=memory.rss / 2**20, uss=memory.uss / 2**20, seconds=seconds)


def config(draw: random.Random, *, seed: int) -> TrialConfig:
    """A random architecture with random settings."""
    blocks, filters = draw.choice(ARCHITECTURES)
    model = {"kind": "cnn", "blocks": blocks, "filters": filters, "dropout": draw.uniform(0.0, 0.5)}
    return TrialConfig.model_validate(
        {
            "data": {"source": "digits"},
            "model": {**model, "l2": 10 ** draw.uniform(-6, -2)},
            "augmentation": {"policy": ("rotation", "shift"), "strength": draw.random()},
            "optimizer": {"name": "adam", "learning_rate": 10 ** draw.uniform(-4, -2)},
            "training": {"epochs": 1, "batch_size": 32, "seed": seed},
        }
    )


if __name__ == "__main__":
    main()
