"""Trains one closed configuration and prints its metrics, epoch by epoch: ``python -m trainables CONFIG.yaml``."""

from __future__ import annotations

import argparse
import os
import sys

from spaces.config.trial import TrialConfig
from spaces.file.load import load_config
from spaces.problem import InputError
from trainables.data.load import load
from trainables.preflight.compatibility import refuse_misfits
from trainables.process import prepare
from trainables.training.history import Reason
from trainables.trust import trust


def main() -> int:
    """Exit code 0: trained; 1: the loss was not finite; 2: the input is wrong."""
    parser = argparse.ArgumentParser(prog="python -m trainables", description=__doc__)
    parser.add_argument("config", help="a closed configuration, such as best.yaml or trials/0/config.yaml of a run")
    parser.add_argument("--set", action="append", default=[], metavar="PATH=VALUE", dest="overrides")
    parser.add_argument("--trust", action="append", default=[], metavar="MODULE", help="a module that may be run")
    arguments = parser.parse_args()
    trust(arguments.trust)
    try:
        config, _ = load_config(arguments.config, arguments.overrides)
        refuse_misfits(config, source=arguments.config)
        reason = _train(config)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"ended: {reason}")
    return 1 if reason == "diverged" else 0


def _train(config: TrialConfig) -> Reason:
    prepare(cpus=os.cpu_count() or 1)
    from trainables.training.train import Hooks, train

    dataset = load(config.data)
    hooks = Hooks(on_epoch=lambda row, reason, snapshot: print(_line(row), flush=True))
    return train(config, dataset.train, dataset.validation, classes=dataset.class_count, hooks=hooks).reason


def _line(row: dict[str, float]) -> str:
    return "  ".join(f"{name}={value:.6g}" for name, value in row.items())


if __name__ == "__main__":
    sys.exit(main())
