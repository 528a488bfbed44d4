"""Trains one closed configuration and prints its metrics, epoch by epoch: ``python -m trainables CONFIG.yaml``."""

from __future__ import annotations

import argparse
import os
import sys

from spaces.load import load_config
from spaces.problem import InputError
from trainables.environment import prepare


def main() -> int:
    """Exit code 0: trained; 1: the loss was not finite; 2: the input is wrong."""
    parser = argparse.ArgumentParser(prog="python -m trainables", description=__doc__)
    parser.add_argument("config", help="a closed configuration, such as best.yaml or trials/0/config.yaml of a run")
    parser.add_argument("--set", action="append", default=[], metavar="PATH=VALUE", dest="overrides")
    arguments = parser.parse_args()
    try:
        config, _ = load_config(arguments.config, arguments.overrides)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    prepare(cpus=os.cpu_count() or 1)
    from trainables.data.load import load
    from trainables.training import Hooks, train

    dataset = load(config.data)
    trained = train(
        config,
        dataset.train,
        dataset.validation,
        classes=dataset.class_count,
        hooks=Hooks(on_epoch=lambda row, reason, snapshot: print(_line(row))),
    )
    print(f"ended: {trained.reason}")
    return 1 if trained.reason == "diverged" else 0


def _line(row: dict[str, float]) -> str:
    return "  ".join(f"{name}={value:.6g}" for name, value in row.items())


if __name__ == "__main__":
    sys.exit(main())
